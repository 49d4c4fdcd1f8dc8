"""A file for FFmpeg; earlier parts change only after syncing the rest.

Closing an MP4 writes its table at the end, and then a new start of the file. If a power cut left only the new start on
the disk, no frame could be found.
"""

from __future__ import annotations

import os

from ..._support.syncing import open_no_link


class OrderedFile:
    """A file for PyAV to write into.

    Parameters
    ----------
    path : str
        Path of the file. An existing one is replaced.

    Attributes
    ----------
    syncs : bool
        Sync to the disk before changing earlier parts.
    """

    def __init__(self, path: str) -> None:
        self.name, self.syncs, self._end = path, False, 0
        self._error: OSError | None = None
        self._file = open(path, 'wb', buffering=0, opener=open_no_link)  # noqa: SIM115 -- until `close`

    def write(self, data: bytes) -> int:
        """Write all data.

        After an error write nothing more, or the header would list missing data.
        """
        if self._error is not None:
            raise self._error
        rest, start = memoryview(data), self._file.tell()
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            self._error = error
            if start >= self._end:  # FFmpeg cannot read an MP4 cut off in the header of a fragment
                self._file.truncate(start)
            raise
        self._end = max(self._end, self._file.tell())
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Set the position."""
        place = self._file.seek(offset, whence)
        if self.syncs and place < self._end:
            self.sync()
        return place

    def tell(self) -> int:
        """Return the position of the next write."""
        return self._file.tell()

    def sync(self) -> None:
        """Sync the file to the disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()
