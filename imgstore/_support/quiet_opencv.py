"""Messages of OpenCV and of its FFmpeg on standard error, silenced."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import cv2

_SILENT = 0  # OpenCV's log level
_FFMPEG_LEVEL = 'OPENCV_FFMPEG_LOGLEVEL'


@contextlib.contextmanager
def quiet_opencv(level: int = _SILENT) -> Iterator[None]:
    """Silence OpenCV's messages about a camera or a file."""
    log: Any = getattr(cv2.utils, 'logging', cv2)  # OpenCV 4 has these functions in cv2
    usual = log.getLogLevel()
    log.setLogLevel(level)
    try:
        yield
    finally:
        log.setLogLevel(usual)


@contextlib.contextmanager
def quiet_opencv_backends() -> Iterator[None]:
    """Silence complaints about missing encoders, too, unless a level is set."""
    is_set = _FFMPEG_LEVEL in os.environ
    os.environ.setdefault(_FFMPEG_LEVEL, '-8')
    try:
        with quiet_opencv():
            yield
    finally:
        if not is_set:
            os.environ.pop(_FFMPEG_LEVEL, None)
