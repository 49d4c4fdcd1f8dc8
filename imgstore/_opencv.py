"""OpenCV imported first of all, so that one sentence says what to install where that fails."""

from .errors import MissingDependencyError

LIBRARIES = 'libgl1 libglib2.0-0'
"""Debian's packages that opencv-python needs."""

try:
    import cv2  # noqa: F401
except ImportError as error:
    if isinstance(error, ModuleNotFoundError) and error.name == 'cv2':
        raise MissingDependencyError('OpenCV is not installed: run `pip install opencv-python`, '
                                     'or `pip install opencv-python-headless` on a server') from error
    raise MissingDependencyError(
        f'OpenCV cannot be imported ({error}): install its libraries, on Debian and Ubuntu by '
        f'`apt-get install {LIBRARIES}`, or run `pip uninstall opencv-python` and '
        '`pip install opencv-python-headless`') from error
