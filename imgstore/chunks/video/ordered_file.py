"""A file for FFmpeg; earlier parts change only after syncing the rest.

Closing an MP4 writes its table at the end, and then a new start of the file. If a power cut left only the new start on
the disk, no frame could be found.
"""

from __future__ import annotations

import contextlib
import os

from ..._support.syncing import open_no_link, write_all


class OrderedFile:
    """A file for PyAV to write into.

    Its methods for PyAV raise nothing, since PyAV would raise an error of its own instead. `check` does.

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
        self.name, self.syncs, self._end, self._whole = path, False, 0, 0
        self._error: OSError | None = None
        self._file = open(path, 'wb', buffering=0, opener=open_no_link)  # noqa: SIM115 -- until `close`

    def check(self) -> None:
        """Raise the first error, or note that what was written so far is whole."""
        if self._error is not None:
            raise self._error
        self._whole = self._end

    def fail(self, error: OSError) -> None:
        """Write nothing more, or the header would list missing data.

        A part that is not whole is cut off: FFmpeg cannot read an MP4 that ends in the header of a fragment.
        """
        self._error = self._error or error
        with contextlib.suppress(OSError, ValueError):  # a disk that fails, a closed file
            self._file.truncate(self._whole)

    def write(self, data: bytes) -> int:
        """Write all data, unless there was an error."""
        if self._error is not None:
            return len(data)
        start = self._file.tell()
        try:
            write_all(self._file.fileno(), [data])
            self._end = max(self._end, self._file.tell())
        except OSError as error:
            self._error = error
            if start >= self._end:
                self.fail(error)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Set the position."""
        place = self._file.seek(offset, whence)
        if self.syncs and place < self._end and self._error is None:
            try:
                os.fsync(self._file.fileno())
            except OSError as error:
                self._error = error
        return place

    def tell(self) -> int:
        """Return the position of the next write."""
        return self._file.tell()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
