"""OpenCV imported first of all, so that one sentence says what to install where that fails."""

import contextlib
import os
import sys
from importlib import metadata
from types import TracebackType

from ..errors import MissingDependencyError

LIBRARIES = 'libgl1 libglib2.0-0'
"""Debian's packages that opencv-python needs."""


def _program() -> str:
    """The file name of the program that imports."""
    return os.path.basename((sys.argv or [''])[0]).removesuffix('.exe')


def _package() -> str | None:
    """The package of OpenCV that pip takes for installed."""
    for name in ('opencv-python', 'opencv-python-headless', 'opencv-contrib-python', 'opencv-contrib-python-headless'):
        with contextlib.suppress(metadata.PackageNotFoundError):
            return metadata.distribution(name).metadata['Name']
    return None


def _is_command(program: str) -> bool:
    """Whether it is one of ours: its function, which tells errors in one line, cannot be imported either."""
    return program == 'imgstore' or program.startswith('imgstore-')


def _tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if isinstance(error, MissingDependencyError):
        sys.stderr.write(f'{_program()}: {error}\n')
    else:
        sys.__excepthook__(kind, error, trace)


try:
    import cv2
    if not hasattr(cv2, 'imread'):  # Python takes a folder without modules for a package
        raise ModuleNotFoundError('cv2 has no imread', name='cv2')
except ImportError as error:
    if _is_command(_program()):
        sys.excepthook = _tell
    if isinstance(error, ModuleNotFoundError) and error.name == 'cv2':
        if 'cv2' in sys.modules or _package():
            raise MissingDependencyError(
                'OpenCV is incomplete, since files went with another of its packages that was uninstalled: run '
                f'`pip install --force-reinstall --no-deps {_package() or "opencv-python"}`') from error
        raise MissingDependencyError('OpenCV is not installed: run `pip install opencv-python`, '
                                     'or `pip install opencv-python-headless` on a server', name='cv2') from error
    raise MissingDependencyError(
        f'OpenCV cannot be imported ({error}): install its libraries, on Debian and Ubuntu by '
        f'`apt-get install {LIBRARIES}`, or run `pip uninstall opencv-python` and '
        '`pip install opencv-python-headless`', name='cv2') from error
