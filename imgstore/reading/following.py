"""Reading of frames while their writer adds more."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Protocol, TypeVar

from ..errors import EndOfStoreError

_Item = TypeVar('_Item', covariant=True)

_BETWEEN_LOOKS = 0.02  # seconds


class _Growing(Protocol[_Item]):
    """A reader of a store that may grow."""

    @property
    def is_live(self) -> bool:
        """Whether a writer has the store open."""

    def next(self) -> _Item:
        """Read the frame after the position; EndOfStoreError after the last."""

    def refresh(self) -> int:
        """Update the index, and return the number of new frames."""


def follow(reader: _Growing[_Item]) -> Iterator[_Item]:
    """Read each frame after the position, until the writer closes the store."""
    while True:
        with contextlib.suppress(EndOfStoreError):
            yield reader.next()
            continue
        was_live, began = reader.is_live, time.monotonic()
        if not reader.refresh():
            if not was_live:
                return
            time.sleep(max(_BETWEEN_LOOKS, time.monotonic() - began))
