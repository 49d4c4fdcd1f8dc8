"""Warnings that name the line of the user's program that led to them."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import warnings
from types import FrameType

from .errors import ImgStoreWarning

_PACKAGE = os.path.join(os.path.dirname(__file__), '')
_TESTS = os.path.join(_PACKAGE, 'tests', '')  # where the package is installed
_BETWEEN = (contextlib.__file__, functools.__file__)
"""What calls the package's functions in turn."""


def warn(warning: ImgStoreWarning) -> None:
    """Give a warning at the first frame outside of the package.

    It does not count frames, as ``stacklevel`` does: their number changes when a function is split, and from one Python
    to the next.
    """
    frame = sys._getframe(1)
    while _is_ours(frame) and frame.f_back is not None:
        frame = frame.f_back
    seen = frame.f_globals.setdefault('__warningregistry__', {})
    warnings.warn_explicit(warning, type(warning), frame.f_code.co_filename, frame.f_lineno,
                           frame.f_globals.get('__name__'), seen)


def _is_ours(frame: FrameType) -> bool:
    path = frame.f_code.co_filename
    return path in _BETWEEN or (path.startswith(_PACKAGE) and not path.startswith(_TESTS))
