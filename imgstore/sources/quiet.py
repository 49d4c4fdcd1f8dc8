"""What OpenCV and its libraries write on standard error: kept away, or read, as they tell of damage nowhere else."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import cv2

_SILENT = 0  # OpenCV's log level
_ERRORS = 2 if int(cv2.__version__.partition('.')[0]) > 4 else 6  # OpenCV 4 tells of errors in TIFF to developers
_STANDARD_ERROR = 2  # its descriptor
_EXPECTED = re.compile(
    rb'(?:\[ ?[A-Z]+:|OpenCV TIFF|Corrupt JPEG|Premature end|Inconsistent progr|Invalid SOS|libpng ).*\n')

_Result = TypeVar('_Result')

_one_at_a_time = threading.Lock()  # standard error is that of the process


class Overheard:
    """Calls functions of OpenCV, and reads what they write on standard error."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 -- `close` closes it

    def call(self, function: Callable[[], _Result]) -> tuple[_Result, bytes]:
        """Give what the function returns and what was written; nothing where there is no standard error."""
        with _one_at_a_time, quiet_opencv(_ERRORS):
            try:
                usual = os.dup(_STANDARD_ERROR)
            except OSError:
                return function(), b''
            try:
                os.dup2(self._file.fileno(), _STANDARD_ERROR)
                result = function()
            finally:
                os.dup2(usual, _STANDARD_ERROR)
                os.close(usual)
                told = self._read()
        return result, told

    def _read(self) -> bytes:
        if not self._file.seek(0, os.SEEK_END):
            return b''
        self._file.seek(0)
        told = self._file.read()
        self._file.seek(0)
        self._file.truncate()
        if others := _EXPECTED.sub(b'', told):  # of another thread
            sys.stderr.write(others.decode(errors='replace'))
        return told

    def close(self) -> None:
        """Free what it holds."""
        self._file.close()


@contextlib.contextmanager
def quiet_opencv(level: int = _SILENT) -> Iterator[None]:
    """Keep OpenCV from writing what it thinks of a camera or a file."""
    log: Any = getattr(cv2.utils, 'logging', cv2)  # OpenCV 4 has its functions at the top
    usual = log.getLogLevel()
    log.setLogLevel(level)
    try:
        yield
    finally:
        log.setLogLevel(usual)
