"""Files in a zip archive, which is read in parts.

It has a place of its own, with blocks and retries.
"""

from __future__ import annotations

import struct
import threading
import zipfile
from typing import NamedTuple

from ..errors import RemoteAccessError
from .random_access import BlockPlace, RemoteFile
from .sources import Listed, Source
from .status import RemoteStatus

_LOCAL = struct.Struct('<26x2H')
"""The header before a file's content: lengths of its name and of what follows that."""

_MOST_EXTRA = 128  # bytes after the name, fetched with the content


class _Opened(NamedTuple):
    """The archive's table."""

    archive: zipfile.ZipFile
    status: RemoteStatus
    members: dict[str, zipfile.ZipInfo]
    places: dict[int, int]
    """Where contents begin, by the offset of their headers, as far as these were read."""


class ArchiveSource(Source):
    """A folder in a zip archive.

    Parameters
    ----------
    folder : str
        The folder's URL.
    root : str
        The folder in the archive.
    place : BlockPlace
        Where the archive is.
    name, url : str
        The archive's name there, and its URL.
    """

    def __init__(self, folder: str, root: str, place: BlockPlace, name: str, url: str) -> None:
        self._folder, self._root = folder, root.strip('/')
        self._place, self._name, self._url = place, name, url
        self._lock, self._opened = threading.Lock(), self._open()

    def _open(self) -> _Opened:
        self._place.learn(self._name)
        file = RemoteFile(self._place, self._name, self._url)
        try:
            archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            if isinstance(error.__context__, RemoteAccessError):
                raise error.__context__ from None  # zipfile hides it
            raise RemoteAccessError(
                f'{self._url} is no zip archive, or cut off: {error}; make it again, by zip -0 -r',
                path=self._url,
                reason=str(error),
            ) from error
        members = {info.filename.strip('/'): info for info in archive.infolist() if not info.is_dir()}
        return _Opened(archive, self._place.status(self._name), members, {})

    def forget(self) -> None:
        """Read the archive's table again if it was replaced."""
        self._place.forget()
        self._place.learn(self._name)
        if self._place.status(self._name) != self._opened.status or not self._opened.status.tag:
            self._opened = self._open()

    def _member(self, name: str) -> zipfile.ZipInfo:
        member = self._opened.members.get(self._path(name))
        if member is None:
            raise FileNotFoundError(2, 'there is no such file', self.url(name))
        return member

    def status(self, name: str, block: int) -> tuple[RemoteStatus, bytes]:
        """Return the status of a file, by the archive's table."""
        return _status(self._member(name)), b''

    def read(self, name: str, limit: int) -> bytes:
        """Read a file at once, or the bytes up to one more than the limit."""
        member = self._member(name)
        if _is_stored(member):
            return self._stored(member, 0, min(member.file_size, limit + 1))
        return self._inflated(name, member, 0, limit + 1)

    def read_range(self, name: str, status: RemoteStatus, start: int, end: int) -> bytes:
        """Read a part of the file as it was at first."""
        member = self._member(name)
        if _status(member) != status:
            raise self.replaced(name)
        if _is_stored(member):
            return self._stored(member, start, end)
        return self._inflated(name, member, start, end)

    def _stored(self, member: zipfile.ZipInfo, start: int, end: int) -> bytes:
        """Read a part of a file that is not compressed.

        Its header comes with the first bytes.
        """
        first, places = member.header_offset, self._opened.places
        if first in places:
            return self._range(places[first] + start, places[first] + end)
        before = _LOCAL.size + len(member.orig_filename.encode()) + _MOST_EXTRA
        head = self._range(first, first + before + (end if not start else 0))
        place = _LOCAL.size + sum(_LOCAL.unpack_from(head))
        places[first] = first + place
        if start or place + end > len(head):
            return self._range(first + place + start, first + place + end)
        return head[place : place + end]

    def _range(self, start: int, end: int) -> bytes:
        status = self._opened.status
        return self._place.source.read_range(self._name, status, start, min(end, status.size))

    def _inflated(self, name: str, member: zipfile.ZipInfo, start: int, end: int) -> bytes:
        """Read a part of a compressed file, which is read from its start."""
        try:
            with self._lock, self._opened.archive.open(member) as file:
                file.seek(start)
                return file.read(end - start)
        except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
            raise RemoteAccessError(
                f'{self.url(name)} cannot be read: {error}; make the archive again, by zip -0 -r',
                path=self.url(name),
                reason=str(error),
            ) from error

    def list_folder(self, name: str) -> Listed:
        """List a folder; None as the status of a folder in it."""
        start = f'{path}/' if (path := self._path(name)) else ''
        found: dict[str, RemoteStatus | None] = {}
        for each, member in self._opened.members.items():
            if each.startswith(start):
                entry, is_below, _ = each[len(start) :].partition('/')
                found[entry] = None if is_below else _status(member)
        if not found:
            raise FileNotFoundError(2, 'there is no such folder', self.url(name))
        return list(found.items())

    def size_below(self, name: str) -> tuple[int, int]:
        """Return size and number of the files below a folder."""
        start = f'{path}/' if (path := self._path(name)) else ''
        sizes = [member.file_size for each, member in self._opened.members.items() if each.startswith(start)]
        return sum(sizes), len(sizes)


def _is_stored(member: zipfile.ZipInfo) -> bool:
    is_encrypted = member.flag_bits & 1
    return member.compress_type == zipfile.ZIP_STORED and not is_encrypted


def _status(member: zipfile.ZipInfo) -> RemoteStatus:
    return RemoteStatus(member.file_size, None, f'{member.CRC:08x}')
