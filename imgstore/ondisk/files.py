"""Atomic writing of files, and the names of partly written ones."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from typing import IO

from .._support.syncing import create_no_link, open_no_link, sync, write_all
from ..errors import InvalidArgumentError
from ..remote.urls import folder_url, is_url, join_url, name_in_url

StrPath = str | os.PathLike[str]


def text_path(path: object, what: str) -> str:
    """Return ``path`` as an absolute str, independent of a later chdir.

    A URL stays one.
    """
    if isinstance(path, (str, bytes, os.PathLike)):
        text = os.fsdecode(path)
        if text and '\0' not in text:
            return folder_url(text) if is_url(text) else os.path.abspath(text)
        why = 'not empty and without zero bytes'
        raise InvalidArgumentError(f'{what} is {path!r}; give a path, {why}', argument=what)
    raise InvalidArgumentError(f'{what} is {path!r}; it must be a path (str or os.PathLike)', argument=what)


def join(folder: str, *names: str) -> str:
    """Return the path of a file in a folder, which may be a URL."""
    return join_url(folder, *names) if is_url(folder) else os.path.join(folder, *names)


def name_of(folder: str) -> str:
    """Return the last name in a path, which may be a URL."""
    return name_in_url(folder) if is_url(folder) else os.path.basename(folder)


def partial_path(path: str) -> str:
    """Return the hidden name of ``path`` until it is complete."""
    folder, name = os.path.split(path)
    stem, extension = os.path.splitext(name)
    return os.path.join(folder, f'.{stem}.open{extension}')


def parked(path: str) -> str:
    """Return the hidden name of a replaced folder until its removal."""
    folder, name = os.path.split(path)
    return os.path.join(folder, f'.{name}.replaced')


def finish_replacement(folder: str) -> None:
    """Complete a folder's replacement interrupted between its two renames.

    Once the old folder is at `parked`, the new one at `partial_path` is complete.
    """
    if not os.path.lexists(folder) and is_folder(parked(folder)) and is_folder(partial_path(folder)):
        with contextlib.suppress(OSError):  # another process was faster
            os.rename(partial_path(folder), folder)


def final_path(path: str) -> str:
    """Return the path of a `partial_path` after completion.

    Any other path stays unchanged.
    """
    folder, name = os.path.split(path)
    return os.path.join(folder, _PARTIAL.sub(r'\1\2', name))


def rename_atomic(new: str, path: str, sync_it: bool | None = None) -> None:
    """Rename the complete file ``new`` to ``path``, replacing an existing file.

    Parameters
    ----------
    new : str
        Path of the complete file.
    path : str
        Its final path.
    sync_it : bool, optional
        Sync the file before the rename, and its name before returning. None: only if ``path`` exists. A power cut then
        leaves the old or the new file.
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
    """Give the hidden path of a file to write, renamed to ``path`` after success.

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
    """Open a file that appears under ``path`` after success, and not before.

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
    """Write ``data`` to ``path`` atomically."""
    with open_atomic(path, sync_it) as file:
        file.write(data)


def write_new(path: str, temporary: str, parts: Sequence[bytes | memoryview]) -> None:
    """Write a new file atomically, without a sync.

    This is faster than `open_atomic`. ``temporary`` is its `partial_path`.
    """
    try:
        descriptor = create_no_link(temporary)
        try:
            write_all(descriptor, parts)
        finally:
            os.close(descriptor)
        os.replace(temporary, path)
    except BaseException:
        remove_if_there(temporary)
        raise


def remove_if_there(path: str) -> None:
    """Remove a file, if it exists."""
    with contextlib.suppress(OSError):
        os.unlink(path)


def remove_folder_if_empty(path: str) -> None:
    """Remove a folder, if it is empty."""
    with contextlib.suppress(OSError):
        os.rmdir(path)


def is_folder(path: str) -> bool:
    """Return whether this is a folder and not a link to one."""
    return os.path.isdir(path) and not os.path.islink(path)


def make_folder(path: str) -> None:
    """Make a folder in an existing one.

    It may exist, but a link in its place is not followed.
    """
    try:
        os.mkdir(path)
    except FileExistsError:
        if os.path.islink(path):
            raise


def move_or_copy(source: str, target: str, move: bool) -> None:
    """Move or copy a file, also between file systems.

    ``target`` appears complete.
    """
    if move and not os.path.islink(source):  # a link may be relative
        with contextlib.suppress(OSError):  # another file system
            os.replace(source, target)
            return
    import shutil

    with open(source, 'rb') as old, open_atomic(target) as new:
        shutil.copyfileobj(old, new)
    if move:
        os.unlink(source)


_PARTIAL = re.compile(r'^\.(.+)\.open(\.\w+)$')


def is_partial(name: str) -> bool:
    """Return whether a name is that of a partly written file."""
    return _PARTIAL.match(name) is not None
