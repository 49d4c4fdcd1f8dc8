"""Files that are written whole or not at all, and the names they have meanwhile."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from typing import IO

from .._support.syncing import open_no_link, sync
from ..errors import InvalidArgumentError

StrPath = str | os.PathLike[str]


def text_path(path: object, what: str) -> str:
    """``path`` as an absolute str, so that a later chdir does not lose the store."""
    if isinstance(path, (str, bytes, os.PathLike)):
        text = os.fsdecode(path)
        if text and '\0' not in text:
            return os.path.abspath(text)
    raise InvalidArgumentError(f'{what} is {path!r}; it must be a path (str or os.PathLike)', argument=what)


def partial_path(path: str) -> str:
    """The hidden name, of the same extension, under which ``path`` is written until it is whole."""
    folder, name = os.path.split(path)
    stem, extension = os.path.splitext(name)
    return os.path.join(folder, f'.{stem}.open{extension}')


def parked(path: str) -> str:
    """The hidden name under which a folder that was replaced lies until it is removed."""
    folder, name = os.path.split(path)
    return os.path.join(folder, f'.{name}.replaced')


def finish_replacement(folder: str) -> None:
    """Complete the replacement of a folder by another that was cut off between its two renames.

    Once the old folder is `parked`, the new one, which is `partial_path`, is complete.
    """
    if not os.path.lexists(folder) and is_folder(parked(folder)) and is_folder(partial_path(folder)):
        with contextlib.suppress(OSError):  # somebody else was faster
            os.rename(partial_path(folder), folder)


def final_path(path: str) -> str:
    """The path that what is `partial_path` is to have once it is whole; any other as it is."""
    folder, name = os.path.split(path)
    return os.path.join(folder, _PARTIAL.sub(r'\1\2', name))


def rename_atomic(new: str, path: str, sync_it: bool | None = None) -> None:
    """Rename the complete file ``new`` to ``path``, in the place of a file that may be there.

    Parameters
    ----------
    new, path : str
    sync_it : bool, optional
        Whether the file is on the disk itself before it is renamed, and its name before this returns. Without it, they
        are if ``path`` is there already: a power cut leaves the old file or the new one.
    """
    if sync_it is None:
        sync_it = os.path.lexists(path)
    if sync_it:
        sync(new)
    os.replace(new, path)
    if sync_it:
        sync(os.path.dirname(path))


@contextlib.contextmanager
def replace_atomic(path: str, sync_it: bool | None = None) -> Iterator[str]:
    """Give the hidden path of a file to write. It is renamed to ``path`` once the block ends without an error.

    ``sync_it`` is as in `rename_atomic`.
    """
    temporary = partial_path(path)
    remove_if_there(temporary)
    try:
        yield temporary
        rename_atomic(temporary, path, sync_it)
    finally:
        remove_if_there(temporary)


@contextlib.contextmanager
def open_atomic(path: str, sync_it: bool | None = None) -> Iterator[IO[bytes]]:
    """Open a file that appears under ``path`` once the block ends without an error, and not before.

    ``sync_it`` is as in `rename_atomic`.
    """
    temporary = partial_path(path)
    try:
        with open(temporary, 'wb', opener=open_no_link) as file:
            yield file
        rename_atomic(temporary, path, sync_it)
    except BaseException:
        remove_if_there(temporary)
        raise


def write_atomic(path: str, data: bytes | memoryview, sync_it: bool | None = None) -> None:
    """Write ``data`` to ``path``, which is never seen half written."""
    with open_atomic(path, sync_it) as file:
        file.write(data)


def remove_if_there(path: str) -> None:
    """Remove a file; it is fine if there is none."""
    with contextlib.suppress(OSError):
        os.unlink(path)


def remove_folder_if_empty(path: str) -> None:
    """Remove a folder; it is fine if that cannot be."""
    with contextlib.suppress(OSError):
        os.rmdir(path)


def is_folder(path: str) -> bool:
    """Whether a folder has this name, and not a link to one, which is another store's or the user's."""
    return os.path.isdir(path) and not os.path.islink(path)


def make_folder(path: str) -> None:
    """Make a folder in one that is there; it is fine if it is there too, but a link in its place is not followed."""
    try:
        os.mkdir(path)
    except FileExistsError:
        if os.path.islink(path):
            raise


def move_or_copy(source: str, target: str, move: bool) -> None:
    """Move or copy a file, from another file system too; ``target`` appears whole."""
    if move and not os.path.islink(source):  # which might be relative
        with contextlib.suppress(OSError):  # another file system
            os.replace(source, target)
            return
    with open(source, 'rb') as old, open_atomic(target) as new:
        shutil.copyfileobj(old, new)
    if move:
        os.unlink(source)


_PARTIAL = re.compile(r'^\.(.+)\.open(\.\w+)$')


def is_partial(name: str) -> bool:
    """Whether a file of that name is one that is `partial_path`, not written to its end."""
    return _PARTIAL.match(name) is not None
