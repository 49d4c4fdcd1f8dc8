"""Places of remote stores: blocks in memory, and what is known of files."""

from __future__ import annotations

import errno
import os
from collections import OrderedDict

from .block_cache import BlockCache
from .opening import open_source
from .sources import Source
from .status import RemoteStatus
from .urls import parent_url, split_url

BLOCK_BYTES = 2**16
"""Bytes read at once, at least. Reading on in sequence doubles them, up to 1 MiB."""

CACHE_BYTES = 2**26
"""Limit of a store's block cache."""

_MOST_PLACES = 64
_WHOLE, _PART = 'file', 'block'


class Place:
    """A folder with files, and the folders in it.

    Parameters
    ----------
    folder : str
        URL of the folder.
    """

    block_bytes = BLOCK_BYTES

    def __init__(self, folder: str) -> None:
        self._source: Source = open_source(folder, Place)
        self.cache = BlockCache(CACHE_BYTES)
        self._known: dict[str, RemoteStatus] = {}
        self._absent: dict[str, bool] = {}

    @property
    def source(self) -> Source:
        """Where the files come from."""
        return self._source

    @property
    def can_list(self) -> bool:
        """Whether folders can be listed."""
        return self._source.can_list

    def forget(self) -> None:
        """Forget what may have changed: small files, and which there are."""
        self._known.clear()
        self._absent.clear()
        self.cache.drop(_WHOLE)
        self.cache.drop_untagged(_PART)
        self._source.forget()

    def status(self, name: str) -> RemoteStatus:
        """Return the status of a file; FileNotFoundError."""
        known = self._known.get(name)
        return self._ask(name, BLOCK_BYTES) if known is None else known

    def learn(self, name: str) -> None:
        """Learn the status of a file, if there is one, with next to no content."""
        if name not in self._known and name not in self._absent:
            try:
                self._ask(name, 1)
            except FileNotFoundError:
                self._absent[name] = True

    def _ask(self, name: str, most: int) -> RemoteStatus:
        found, begin = self._source.status(name, most)
        self._known[name] = found
        if begin and len(begin) == min(found.size, BLOCK_BYTES):
            self.cache.put((_PART, name, found.tag, 0), begin)
        return found

    def exists(self, name: str) -> bool:
        """Return whether there is such a file; absent ones are remembered."""
        if name in self._absent:
            return False
        try:
            self.status(name)
        except FileNotFoundError:
            self._absent[name] = True
            return False
        return True

    def read(self, name: str, limit: int) -> bytes:
        """Read a file at once."""
        data = self.cache.get((_WHOLE, name))
        if data is None:
            data = self._source.read(name, limit)
            self.cache.put((_WHOLE, name), data)
        if len(data) > limit:
            raise OSError(errno.EFBIG, f'it has more bytes than the limit of {limit}', self._source.url(name))
        return data

    def list_folder(self, name: str) -> list[tuple[str, bool]]:
        """List a folder, and remember its files."""
        listed = self._source.list_folder(name)
        for each, found in listed:
            if found is not None:
                self._known[f'{name}/{each}'.lstrip('/')] = found
        return [(each, found is None) for each, found in listed]

    def size_below(self, name: str) -> tuple[int, int]:
        """Return size and number of the files below a folder."""
        return self._source.size_below(name)

    def known_block(self, name: str, status: RemoteStatus, number: int) -> bytes | None:
        """Return a block of a file, if it is in the cache."""
        return self.cache.get((_PART, name, status.tag, number))

    def fetch_blocks(self, name: str, status: RemoteStatus, number: int, count: int) -> bytes:
        """Fetch blocks in a row, and return the first one."""
        start, end = number * BLOCK_BYTES, min((number + count) * BLOCK_BYTES, status.size)
        data = self._source.read_range(name, status, start, end)
        blocks = [data[place : place + BLOCK_BYTES] for place in range(0, len(data), BLOCK_BYTES)]
        for rank, block in enumerate(blocks):
            self.cache.put((_PART, name, status.tag, number + rank), block)
        return blocks[0]


_places: OrderedDict[tuple[int, str], Place] = OrderedDict()


def mount(folder: str) -> Place:
    """Return the place of a folder, with one for each process.

    A forked child must not use its parent's connections.
    """
    key = os.getpid(), folder
    place = _places.get(key)
    if place is None:
        place = Place(folder)
        place = _places.setdefault(key, place)  # atomic, and no lock that a fork could leave held
        if len(_places) > _MOST_PLACES:
            _places.popitem(last=False)
    return place


def place_of(url: str) -> tuple[Place, str]:
    """Return the place of a file, and its name there."""
    folder = url
    for _ in range(3):
        if (os.getpid(), folder) in _places:
            break
        folder = parent_url(folder)
    else:
        folder = parent_url(url)
    head = split_url(folder)[0]
    return mount(folder), split_url(url)[0][len(head) :].strip('/')
