"""Standard error of OpenCV: silenced, or read for reports of damage."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Callable
from typing import TypeVar

import cv2

from .._support.quiet_opencv import quiet_opencv

_ERRORS = 2 if int(cv2.__version__.partition('.')[0]) > 4 else 6  # OpenCV 4 logs TIFF errors at a debug level
_STANDARD_ERROR = 2  # its descriptor
_EXPECTED = re.compile(
    rb'(?:\[ ?[A-Z]+:|OpenCV TIFF|Corrupt JPEG|Premature end|Inconsistent progr|Invalid SOS|libpng ).*\n'
)

_Result = TypeVar('_Result')

_one_at_a_time = threading.Lock()  # the whole process shares standard error


class Overheard:
    """Calls functions of OpenCV and reads their output on standard error."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 -- `close` closes it

    def call(self, function: Callable[[], _Result]) -> tuple[_Result, bytes]:
        """Return the function's result and its output on standard error."""
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
        if others := _EXPECTED.sub(b'', told):  # from another thread
            sys.stderr.write(others.decode(errors='replace'))
        return told

    def close(self) -> None:
        """Free the resources."""
        self._file.close()
