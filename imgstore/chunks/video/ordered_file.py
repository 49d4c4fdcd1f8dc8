"""A file that FFmpeg writes, and whose beginning it changes only once the rest is on the disk itself.

An MP4 that is closed gets its table at the end, and then a beginning that says so. If the power failed when just the
beginning had got to the disk, no frame of it could be found.
"""

from __future__ import annotations

import os

from ..._support.syncing import open_no_link


class OrderedFile:
    """A file for PyAV to write into.

    Parameters
    ----------
    path : str
        An existing file is replaced.

    Attributes
    ----------
    syncs : bool
        Wait for the disk before something is changed that was written before.
    """

    def __init__(self, path: str) -> None:
        self.name, self.syncs, self._end = path, False, 0
        self._error: OSError | None = None
        self._file = open(path, 'wb', buffering=0, opener=open_no_link)  # noqa: SIM115 -- until `close`

    def write(self, data: bytes) -> int:
        """Write all of the data; after an error nothing any more, or the beginning would tell of what is not there."""
        if self._error is not None:
            raise self._error
        rest, start = memoryview(data), self._file.tell()
        try:
            while rest:
                rest = rest[self._file.write(rest):]
        except OSError as error:
            self._error = error
            if start >= self._end:  # FFmpeg reads nothing of an MP4 that ends within the head of a fragment
                self._file.truncate(start)
            raise
        self._end = max(self._end, self._file.tell())
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place."""
        place = self._file.seek(offset, whence)
        if self.syncs and place < self._end:
            self.sync()
        return place

    def tell(self) -> int:
        """Where the next write begins."""
        return self._file.tell()

    def sync(self) -> None:
        """Wait until all of it is on the disk itself."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()
