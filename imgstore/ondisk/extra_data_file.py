"""A chunk's own extra data, and their checksum in the chunk's index.

The checksum is the XXH3 (64 bits) of the file, https://xxhash.com. After a change the index has that of the file
before, too: a writer may be stopped when only one of both is replaced.
"""

from __future__ import annotations

import contextlib
import json
import os

from .._support.regular_files import read_regular
from ..constants import EXTRA_DATA_CHECKSUMS, EXTRA_JSON
from ..errors import CorruptFileError
from .checksums import Checksums, as_checksums, checksum_of
from .chunk_index import has_room_for_checksums, read_member, rewrite_members
from .files import write_atomic


def read_extra_data_file(path: str, verify: bool = True) -> bytes:
    """Read a file of extra data.

    CorruptFileError if it differs from its checksum, OSError if it cannot be read.
    """
    content = read_regular(path)  # before its checksum, which a writer changes first
    if verify and differs(path, content):
        raise CorruptFileError(
            f'{path} differs from its checksum; restore it from a backup, or accept it with imgstore-verify --update',
            path=path,
        )
    return content


def differs(path: str, content: bytes) -> bool:
    """Return whether extra data have a checksum that does not match."""
    expected = extra_data_checksums(path.removesuffix(EXTRA_JSON)) if path.endswith(EXTRA_JSON) else []
    return bool(expected) and checksum_of((content,)) not in expected


def extra_data_checksums(stem: str) -> list[int]:
    """Return the checksums that a chunk's extra data may have.

    There are none if they are unknown.

    Parameters
    ----------
    stem : str
        Path of the chunk's index without the extension.
    """
    with contextlib.suppress(CorruptFileError):  # reading the index reports it
        values = read_member(stem, EXTRA_DATA_CHECKSUMS)
        if values is not None and values.dtype.kind == 'u':
            return [int(value) for value in values]
    return []


def lacks_extra_data(stem: str) -> bool:
    """Return whether a chunk has only the checksum of extra data."""
    return not os.path.lexists(stem + EXTRA_JSON) and bool(extra_data_checksums(stem))


def has_sound_extra_data(stem: str, verify: bool = True) -> bool:
    """Return whether a chunk's extra data can be read, or it has none."""
    path = stem + EXTRA_JSON
    try:
        return not os.path.lexists(path) or isinstance(json.loads(read_extra_data_file(path, verify)), list)
    except (OSError, ValueError, RecursionError, CorruptFileError):
        return False


def replace_extra_data(stem: str, content: bytes, sync_it: bool | None = None) -> Checksums | None:
    """Write a chunk's extra data, after their checksum if the chunk has an index.

    Return the checksums, for an index that is written later. ``sync_it`` is as in
    `imgstore.ondisk.files.rename_atomic`.
    """
    checksums = checksums_of(stem, content)
    if has_room_for_checksums(stem):
        rewrite_members(stem, {EXTRA_DATA_CHECKSUMS: checksums})
    write_atomic(stem + EXTRA_JSON, content, sync_it)
    return checksums


def forget_missing_extra_data(stem: str) -> None:
    """Remove the checksum of extra data that are missing."""
    if lacks_extra_data(stem):
        rewrite_members(stem, {EXTRA_DATA_CHECKSUMS: None})


def checksums_of(stem: str, *contents: bytes) -> Checksums | None:
    """Return the checksums of new extra data, and of those that a chunk has.

    None without any.
    """
    all_contents = [*contents]
    with contextlib.suppress(OSError):
        all_contents.append(read_regular(stem + EXTRA_JSON))
    checksums = [checksum_of((content,)) for content in all_contents]
    return as_checksums(list(dict.fromkeys(checksums))) if checksums else None
