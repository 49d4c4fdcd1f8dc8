"""Events of a recording as marks of its stores, for the viewers."""

from __future__ import annotations

import contextlib

from ..errors import ImgStoreError
from ..marks import Mark, marks_path, write_marks


class EventMarks:
    """The events of one store. The thread of the store uses it."""

    def __init__(self) -> None:
        self._marks: list[Mark] = []

    def add(self, number: int, name: str) -> None:
        """Note an event at a frame."""
        self._marks.append(Mark(number, None, name.replace('\0', ' ')))

    def write(self, folder: str) -> None:
        """Write marks.csv of the store, if there was an event."""
        marks, self._marks = self._marks, []
        if marks:
            with contextlib.suppress(ImgStoreError):  # on a full disk; the extra data has them, too
                write_marks(marks_path(folder), marks)
