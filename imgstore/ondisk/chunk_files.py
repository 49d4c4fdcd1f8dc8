"""Files of chunks in a folder: finding, removing and syncing them."""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
from collections.abc import Collection

from .._support.regular_files import open_regular, read_regular
from .._support.syncing import sync, sync_folder_and_files
from ..constants import EXTRA_JSON, FRAME_NUMBER, JOURNAL, STORE_INDEX_FILENAME, STORE_SAVED_INDEX_FILENAME, TAILS
from ..errors import FrameWriteError
from .files import is_partial, partial_path, remove_folder_if_empty, remove_if_there
from .layout import (
    EXTENSIONS_BESIDE_IMAGES,
    INDEX_EXTENSIONS,
    VIDEO_EXTENSIONS,
    Layout,
    chunk_number,
    chunk_of_file,
    index_path,
    split_own_name,
)


def is_chunk_file(path: str) -> bool:
    """Return whether a path in a store's folder is a chunk's file."""
    folder, name = os.path.split(path)
    if not folder:
        return chunk_of_file(name) is not None and not is_partial(name)
    return chunk_number(folder) is not None and _is_in_chunk(name)


def _is_in_chunk(name: str) -> bool:
    stem, extension = split_own_name(name)
    return chunk_number(stem) is not None or (stem == 'index' and extension in EXTENSIONS_BESIDE_IMAGES)


def find_chunk_files(basedir: str, known: Collection[int] = ()) -> list[str]:
    """Find all files of chunks in any format, but not the user's files.

    A number as a name does not make ``20240131.mp4`` a chunk. It also needs the lower numbers, or frames and an index,
    or an entry in ``known``.
    """
    unbroken, found = _chunk_files_by_number(basedir)
    return [
        path
        for number, paths in found.items()
        if number < unbroken or number in known or _is_whole_chunk(paths)
        for path in paths
    ]


def find_chunk_numbers(basedir: str) -> list[int]:
    """Find the numbers of the chunks with files as in `find_chunk_files`."""
    unbroken, found = _chunk_files_by_number(basedir)
    return [number for number, paths in found.items() if number < unbroken or _is_whole_chunk(paths)]


def _chunk_files_by_number(basedir: str) -> tuple[int, dict[int, list[str]]]:
    """Return the first number without a chunk, and each chunk's possible files."""
    found: dict[int, list[str]] = {}
    for name in sorted(os.listdir(basedir)):
        path = os.path.join(basedir, name)
        number = chunk_number(name)
        if number is not None and os.path.islink(path):  # its target may be of another store: only the link is ours
            found.setdefault(number, []).append(path)
        elif number is not None and os.path.isdir(path):
            inner = [os.path.join(path, inner) for inner in sorted(os.listdir(path)) if _is_in_chunk(inner)]
            found.setdefault(number, []).extend(inner)
        elif (number := chunk_of_file(name)) is not None and not os.path.isdir(path):
            found.setdefault(number, []).append(path)
    unbroken = next(number for number in itertools.count() if number not in found)
    return unbroken, found


def frame_file_sizes(chunk: str) -> list[int]:
    """Return the sizes in bytes of a chunk's images, or of its video.

    ``chunk`` is `Layout.chunk`. A missing chunk has none.
    """
    path = chunk if os.path.exists(chunk) else partial_path(chunk)
    if not os.path.isdir(path):
        return [os.path.getsize(path)] if os.path.exists(path) else []
    names = sorted(name for name in os.listdir(path) if chunk_number(split_own_name(name)[0]) is not None)
    return [os.path.getsize(os.path.join(path, name)) for name in names]


def partial_files(basedir: str) -> list[str]:
    """Find partly written files, except journals and videos.

    Their content is elsewhere, or lost.
    """
    hidden = [path for path in find_chunk_files(basedir) if is_partial(os.path.basename(path))]
    return [path for path in hidden if not path.endswith((JOURNAL, *VIDEO_EXTENSIONS))]


def _is_whole_chunk(paths: list[str]) -> bool:
    has_frames = any(split_own_name(os.path.basename(path))[1] not in EXTENSIONS_BESIDE_IMAGES for path in paths)
    return has_frames and any(_is_index(path) or index_path(os.path.join(path, 'index')) for path in paths)


def _is_index(path: str) -> bool:
    """Return whether a file's content is a chunk index."""
    import zipfile

    try:
        if path.endswith('.npz'):
            with open_regular(path) as file, zipfile.ZipFile(file) as archive:
                return FRAME_NUMBER + '.npy' in archive.namelist()
        return path.endswith('.yaml') and FRAME_NUMBER.encode() in read_regular(path)
    except Exception:  # noqa: BLE001 -- zipfile raises many kinds of errors
        return False


def remove_chunks(basedir: str, known: Collection[int] = ()) -> None:
    """Remove all files of chunks, their empty folders and the index caches."""
    for path in find_chunk_files(basedir, known):
        os.unlink(path)
        if os.path.dirname(path) != basedir:
            remove_folder_if_empty(os.path.dirname(path))
    for name in (STORE_INDEX_FILENAME, STORE_SAVED_INDEX_FILENAME):
        remove_if_there(os.path.join(basedir, name))


def remove_tree(path: str) -> None:
    """Remove a folder with its content, or any other file.

    For a link, remove only the link.
    """
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISDIR(os.lstat(path).st_mode):
            import shutil

            shutil.rmtree(path)
        else:  # shutil would open it first and hang on a FIFO
            os.unlink(path)


def check_folder(path: str, what: str) -> None:
    """Raise FrameWriteError if a folder is missing or cannot be reached."""
    try:
        is_there = stat.S_ISDIR(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        is_there = False
    except OSError as error:
        raise FrameWriteError(f'{what} cannot be reached: {error}', path=path) from error
    if not is_there:
        raise FrameWriteError(f'{what} was removed', path=path)


def sync_chunk(layout: Layout, number: int) -> None:
    """Wait until all files of a chunk are on disk under their present names."""
    if layout.is_image_folder and os.path.isdir(folder := layout.chunk(number)):
        sync_folder_and_files(folder)
    stem = layout.index_stem(number)
    beside = [layout.current_path(number)] + [stem + extension for extension in (*INDEX_EXTENSIONS, EXTRA_JSON, *TAILS)]
    for path in () if layout.is_image_folder else beside:
        if os.path.exists(path):
            sync(path)
    sync(layout.basedir)
