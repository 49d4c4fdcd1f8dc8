"""A video readable only once: standard input, a named pipe, ``<(...)``."""

from __future__ import annotations

import tempfile
from typing import IO

from ..chunks.video.cut_off import is_cut_off

_HEAD = 64  # bytes, enough for an MP4's first boxes
_BLOCK = 2**20


class PipedVideo:
    """File-like object for PyAV over a pipe.

    An MP4 with its index at the end is first copied to a temporary file, since it cannot be read in one pass.
    """

    def __init__(self, path: str) -> None:
        self.name = path
        self._pipe: IO[bytes] = open(path, 'rb', buffering=0)  # noqa: SIM115 -- `close` closes it
        self._head = self._read_head()
        self._copy: IO[bytes] | None = None
        if _is_indexed_at_end(self._head):
            self._copy = self._copied()
            self.seek, self.tell = self._copy.seek, self._copy.tell  # PyAV checks for these attributes

    def _read_head(self) -> bytes:
        head = b''
        while len(head) < _HEAD and (part := self._pipe.read(_HEAD - len(head))):
            head += part
        return head

    def _copied(self) -> IO[bytes]:
        copy = tempfile.NamedTemporaryFile(prefix='imgstore-')  # noqa: SIM115 -- `close` closes it
        copy.write(self._head)
        while part := self._pipe.read(_BLOCK):
            copy.write(part)
        copy.flush()
        copy.seek(0)
        return copy

    def read(self, count: int) -> bytes:
        """Read at most `count` bytes; none at the end."""
        if self._copy is not None:
            return self._copy.read(count)
        if self._head:
            part, self._head = self._head[:count], self._head[count:]
            return part
        return self._pipe.read(count) or b''

    def is_cut_off(self) -> bool:
        """Return whether a copied video is cut off.

        For other videos, return False: the demuxer reports it.
        """
        return self._copy is not None and is_cut_off(self._copy.name)

    def close(self) -> None:
        """Close the pipe, and remove the copy."""
        self._pipe.close()
        if self._copy is not None:
            self._copy.close()


def _is_indexed_at_end(head: bytes) -> bool:
    """Return whether a file looks like an MP4 with frames before the index."""
    place = 0
    while len(head) >= place + 8:
        length, kind = int.from_bytes(head[place : place + 4], 'big'), head[place + 4 : place + 8]
        if kind in (b'mdat', b'moov') or length < 8:
            return kind == b'mdat'
        place += length
    return False
