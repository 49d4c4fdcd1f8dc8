"""OpenCV imported first of all, so that one sentence says what to install where that fails."""

import os
import sys
from types import TracebackType

from .errors import MissingDependencyError

LIBRARIES = 'libgl1 libglib2.0-0'
"""Debian's packages that opencv-python needs."""


def _program() -> str:
    """The file name of the program that imports."""
    return os.path.basename((sys.argv or [''])[0]).removesuffix('.exe')


def _is_command(program: str) -> bool:
    """Whether it is one of ours: its function, which tells errors in one line, cannot be imported either."""
    return program == 'imgstore' or program.startswith('imgstore-')


def _tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if isinstance(error, MissingDependencyError):
        sys.stderr.write(f'{_program()}: {error}\n')
    else:
        sys.__excepthook__(kind, error, trace)


try:
    import cv2  # noqa: F401
except ImportError as error:
    if _is_command(_program()):
        sys.excepthook = _tell
    if isinstance(error, ModuleNotFoundError) and error.name == 'cv2':
        raise MissingDependencyError('OpenCV is not installed: run `pip install opencv-python`, '
                                     'or `pip install opencv-python-headless` on a server', name='cv2') from error
    raise MissingDependencyError(
        f'OpenCV cannot be imported ({error}): install its libraries, on Debian and Ubuntu by '
        f'`apt-get install {LIBRARIES}`, or run `pip uninstall opencv-python` and '
        '`pip install opencv-python-headless`', name='cv2') from error
