"""The first import of OpenCV; if it fails, the error says what to install."""

import contextlib
import os
import sys
from types import TracebackType

from ..errors import MissingDependencyError

LIBRARIES = 'libgl1 libglib2.0-0'
"""Debian packages required by opencv-python."""


def _program() -> str:
    """Return the file name of the running program."""
    return os.path.basename((sys.argv or [''])[0]).removesuffix('.exe')


def _package() -> str | None:
    """Return the OpenCV package installed according to pip."""
    from importlib import metadata

    for name in ('opencv-python', 'opencv-python-headless', 'opencv-contrib-python', 'opencv-contrib-python-headless'):
        with contextlib.suppress(metadata.PackageNotFoundError):
            return metadata.distribution(name).metadata['Name']
    return None


def _is_command(program: str) -> bool:
    """Return whether a program is one of our commands.

    Its own error handler cannot be imported either.
    """
    return program == 'imgstore' or program.startswith('imgstore-')


def _tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if isinstance(error, MissingDependencyError):
        sys.stderr.write(f'{_program()}: {error}\n')
    else:
        sys.__excepthook__(kind, error, trace)


try:
    import cv2

    if not hasattr(cv2, 'imread'):  # an empty folder also imports as a package
        raise ModuleNotFoundError('cv2 has no imread', name='cv2')
except ImportError as error:
    if _is_command(_program()):
        sys.excepthook = _tell
    if isinstance(error, ModuleNotFoundError) and error.name == 'cv2':
        if 'cv2' in sys.modules or _package():
            raise MissingDependencyError(
                'OpenCV is incomplete: uninstalling another OpenCV package removed shared files; run '
                f'`pip install --force-reinstall --no-deps {_package() or "opencv-python"}`'
            ) from error
        raise MissingDependencyError(
            'OpenCV is not installed: run `pip install opencv-python`, '
            'or `pip install opencv-python-headless` on a server',
            name='cv2',
        ) from error
    raise MissingDependencyError(
        f'OpenCV cannot be imported ({error}): install its libraries, on Debian and Ubuntu by '
        f'`apt-get install {LIBRARIES}`, or run `pip uninstall opencv-python` and '
        '`pip install opencv-python-headless`',
        name='cv2',
    ) from error
