"""Files at a URL: opening, reading and listing them.

The libraries are imported with the first URL.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, cast

from .status import RemoteStatus
from .urls import is_url

if TYPE_CHECKING:
    from .places import Place

__all__ = [
    'RemoteStatus',
    'ask_all',
    'can_list',
    'exists',
    'forget',
    'is_url',
    'list_folder',
    'mount',
    'open_file',
    'read_file',
    'size_below',
    'status',
]


def _place(url: str) -> tuple[Place, str]:
    from .places import place_of

    return place_of(url)


def mount(folder: str) -> None:
    """Make a store's folder a place of its own, with a block cache.

    Raises
    ------
    MissingDependencyError
        A package is missing.
    InvalidArgumentError
        The kind of URL is unknown.
    """
    from .places import mount

    mount(folder)


def open_file(url: str, end: int = 0) -> IO[bytes]:
    """Open a file for reading anywhere in it.

    Parameters
    ----------
    url : str
        The file.
    end : int
        Read the file up to this offset; 0 for all.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    RemoteAccessError
        It cannot be reached, or only be read from its start.
    """
    from .random_access import RemoteFile

    place, name = _place(url)
    return cast(IO[bytes], RemoteFile(place, name, url, end))


def read_file(url: str, limit: int) -> bytes:
    """Read a file at once. OSError, also if it has more bytes than allowed."""
    place, name = _place(url)
    return place.read(name, limit)


def status(url: str) -> RemoteStatus:
    """Return the status of a file; FileNotFoundError."""
    place, name = _place(url)
    return place.status(name)


def ask_all(urls: Sequence[str]) -> None:
    """Learn the status of many files of a place, several at once.

    Then `status` and `exists` know it. Raises as `status`, except for missing files.
    """
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(_learn, urls))


_AT_ONCE = 16


def _learn(url: str) -> None:
    place, name = _place(url)
    place.learn(name)


def exists(url: str) -> bool:
    """Return whether there is such a file."""
    place, name = _place(url)
    return place.exists(name)


def can_list(folder: str) -> bool:
    """Return whether folders can be listed there; plain HTTP cannot."""
    return _place(folder)[0].can_list


def list_folder(folder: str) -> list[tuple[str, bool]]:
    """Return the names in a folder, and whether each is a folder."""
    place, name = _place(folder)
    return place.list_folder(name)


def size_below(folder: str) -> tuple[int, int]:
    """Return size in bytes and number of the files below a folder.

    Both are 0 if it cannot be listed.
    """
    place, name = _place(folder)
    return place.size_below(name)


def forget(folder: str) -> None:
    """Forget what is known of a store's files, since they may have changed."""
    _place(folder)[0].forget()
