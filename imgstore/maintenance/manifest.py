"""Lists of a store's files with their SHA-256, for archives.

The lines are those of ``sha256sum``, which BagIt (RFC 8493) uses in its manifests, too:
https://www.rfc-editor.org/rfc/rfc8493#section-2.1.3
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator

from .._support.regular_files import read_regular
from ..constants import STORE_LOCK_FILENAME
from ..errors import InvalidArgumentError, StoreIOError
from ..ondisk.files import StrPath, partial_path, write_atomic
from ..ondisk.layout import existing_store_folder, local_folder

_LINE = re.compile(rb'\\?[0-9a-f]{64} [ *]')


def write_manifest(path: StrPath, manifest: StrPath) -> int:
    """Write the SHA-256 of each file of a store, for ``sha256sum -c``.

    Parameters
    ----------
    path : str or PathLike
        Path of the store.
    manifest : str or PathLike
        The list to write, in the store or in a folder that contains it. Names in it are relative to its folder.

    Returns
    -------
    int
        Number of files.

    Raises
    ------
    InvalidArgumentError
        The list would be elsewhere, or replace a file that is no such list.
    StoreIOError
        A file cannot be read, or the list cannot be written.
    """
    folder, target = local_folder(existing_store_folder(path), 'list its files'), os.path.abspath(manifest)
    home = os.path.dirname(target)
    store = os.path.abspath(folder)
    if os.path.commonpath([home, store]) not in (home, store):
        raise InvalidArgumentError(
            f'{target!r} is outside of {folder!r} and of the folders that contain it; give a place in one of these',
            argument='manifest',
            path=target,
        )
    if os.path.lexists(target) and not _is_manifest(target):
        raise InvalidArgumentError(
            f'{target!r} is no list of SHA-256 and stays as it is; give another name', argument='manifest', path=target
        )
    try:
        lines = [_line(file, os.path.relpath(file, home)) for file in _files(store, target)]
        write_atomic(target, ''.join(lines).encode('utf-8', 'surrogateescape'))
    except OSError as error:
        raise StoreIOError(f'{error.filename or target} failed: {error.strerror}', path=error.filename) from error
    return len(lines)


def _is_manifest(path: str) -> bool:
    """Return whether a file is empty or has lines of ``sha256sum``."""
    try:
        content = read_regular(path)
    except OSError:
        return False
    return all(map(_LINE.match, content.splitlines()))


def _files(folder: str, manifest: str) -> Iterator[str]:
    """Yield the files of a store, except for the lock and the list itself."""
    left_out = {os.path.join(folder, STORE_LOCK_FILENAME), manifest, partial_path(manifest)}
    for parent, folders, names in os.walk(folder, onerror=_raise):
        folders.sort()
        paths = (os.path.join(parent, name) for name in sorted(names))
        yield from (path for path in paths if path not in left_out and os.path.isfile(path))


def _raise(error: OSError) -> None:
    raise error


def _line(file: str, name: str) -> str:
    with open(file, 'rb') as content:
        digest = hashlib.file_digest(content, 'sha256').hexdigest()
    name = name.replace(os.sep, '/')
    escaped = name.replace('\\', '\\\\').replace('\n', '\\n').replace('\r', '\\r')
    return f'{"" if escaped == name else chr(92)}{digest}  {escaped}\n'
