"""Marks of a recording that another one replaces."""

from __future__ import annotations

from ..errors import ImgStoreError
from ..marks import marks_path, read_marks


def has_marks(folder: str) -> bool:
    """Return whether a folder has a file of marks.

    A file with the same name and something else in it is the user's own.
    """
    try:
        read_marks(marks_path(folder))
    except ImgStoreError:
        return False
    return True
