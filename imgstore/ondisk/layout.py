"""Paths of a store's files."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field

from .._support.regular_files import is_file, open_regular, read_regular
from ..constants import (
    COMPLETE_JOURNAL,
    EMPTIED_CHUNKS,
    EMPTIED_FOLDER,
    EXTRA_DATA_FILE_EXTENSIONS,
    JOURNAL,
    STAGED_FOLDER,
    STORE_MD_FILENAME,
    STORE_MD_KEY,
    TAILS,
    UNFINISHED_CHANGES,
)
from ..errors import InvalidArgumentError, StoreIOError, StoreNotFoundError
from ..remote import files as remote
from ..remote.urls import add_to_url, is_url, name_in_url, parent_url, was_url
from .files import final_path, finish_replacement, is_folder, is_partial, join, partial_path, text_path

INDEX_EXTENSIONS = ('.npz', '.yaml')
"""Extensions of a chunk's index, the present one first."""

VIDEO_EXTENSIONS = ('.avi', '.mkv', '.mp4')

_CHUNK_FILE = re.compile(r'(\d{6}|[1-9]\d{6,17})(\.\w+)?', re.ASCII)
"""A `chunk_name`, perhaps with an extension, for a 64-bit number."""


def store_folder(path: object = None, basedir: object = None) -> str:
    """Return the store's folder for its path, its metadata.yaml or ``basedir``."""
    if path is None and basedir is None:
        raise InvalidArgumentError("no path was given; pass the store's folder as path or basedir", argument='path')
    if path is not None and basedir is not None:
        raise InvalidArgumentError(
            f'path {path!r} and basedir {basedir!r} were given; pass one of them', argument='path'
        )
    folder = text_path(path if basedir is None else basedir, 'path' if basedir is None else 'basedir')
    is_remote = is_url(folder)
    name = name_in_url(folder) if is_remote else os.path.basename(folder)
    if name != STORE_MD_FILENAME or (not is_remote and os.path.isdir(folder)):
        return folder
    if basedir is not None:
        raise InvalidArgumentError(
            f'basedir {folder!r} must be the folder of the store, not a file in it', argument='basedir'
        )
    return parent_url(folder) if is_remote else os.path.dirname(folder)


def local_folder(folder: str, what: str) -> str:
    """Return a folder to write in, or raise for a URL."""
    if is_url(folder):
        raise InvalidArgumentError(
            f'{folder!r} is a URL, which imgstore only reads; {what} in a folder of this machine', argument='path'
        )
    return folder


def existing_store_folder(path: object = None, basedir: object = None) -> str:
    """Return the folder as `store_folder`, and raise if it holds no store."""
    folder = store_folder(path, basedir)
    if is_url(folder):
        return _remote_store_folder(folder)
    finish_replacement(folder)
    if not os.path.exists(folder):
        raise StoreNotFoundError(
            f'path {folder!r} does not exist; pass the folder of a store, with a {STORE_MD_FILENAME} in it'
            f'{"; pass a URL as a str, since Path drops a slash" if was_url(folder) else ""}',
            path=folder,
            store=folder,
        )
    metadata = os.path.join(folder, STORE_MD_FILENAME)
    if not os.path.isfile(metadata):
        why = f'{STORE_MD_FILENAME} in it is not a regular file'
        raise StoreNotFoundError(
            f'{folder!r} holds no store: '
            f'{why if os.path.lexists(metadata) else f"there is no {STORE_MD_FILENAME} in it"}',
            path=folder,
            store=folder,
        )
    return folder


def _remote_store_folder(folder: str) -> str:
    metadata, is_there = join(folder, STORE_MD_FILENAME), False
    with contextlib.suppress(FileNotFoundError):  # of the archive
        remote.mount(folder)
        remote.forget(folder)
        is_there = remote.exists(metadata)
    if not is_there:
        raise StoreNotFoundError(
            f'{folder!r} holds no store: there is no {metadata!r}; pass the URL of a store, with a '
            f'{STORE_MD_FILENAME} in it{_of_archive(folder)}',
            path=folder,
            store=folder,
        )
    return folder


def _of_archive(folder: str) -> str:
    is_archive = folder.startswith(('http', 's3')) and folder.lower().endswith('.zip')
    return f'; a store in an archive has the URL zip://FOLDER::{folder}' if is_archive else ''


def chunk_name(number: int) -> str:
    """Return the name of a chunk's folder, or of its files without extensions."""
    return f'{number:06d}'


def chunk_number(name: str) -> int | None:
    """Return the chunk number for a name from `chunk_name`, or None."""
    match = _CHUNK_FILE.fullmatch(name)
    return int(name) if match and not match[2] else None


@dataclass(frozen=True)
class FoundChunks:
    """Numbers of chunks, in order.

    Attributes
    ----------
    complete : list of int
        Chunks with both an index and a place for their frames.
    journals : list of int
        Chunks with a journal. Most of them are incomplete.
    skipped : dict of int to str
        What unreadable chunks lack.
    complete_journals : list of int
        Completed chunks, perhaps not synced when their writer ended.
    unindexed : list of int
        Chunks with a folder, but no index in it yet.
    """

    complete: list[int]
    journals: list[int]
    skipped: dict[int, str]
    complete_journals: list[int] = field(default_factory=list)
    unindexed: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Layout:
    """Paths of a store's chunks.

    Parameters
    ----------
    basedir : str
        Folder of the store.
    extension : str
        Extension of the images or the videos.
    is_image_folder : bool
        Whether a chunk is a folder of images, not a video file.
    """

    basedir: str
    extension: str
    is_image_folder: bool

    def chunk(self, number: int) -> str:
        """Return the path of the chunk's folder or video."""
        name = chunk_name(number)
        return os.path.join(self.basedir, name if self.is_image_folder else name + self.extension)

    def index_stem(self, number: int) -> str:
        """Return the path of the chunk's index and extra data, without extensions."""
        path = f'{self.basedir}{os.sep}{chunk_name(number)}'  # thousands of calls: faster than os.path.join
        return f'{path}{os.sep}index' if self.is_image_folder else path

    def index_stems(self, numbers: Iterable[int]) -> list[tuple[int, str]]:
        """Return numbers of chunks, each with its `index_stem`."""
        start, end = self.basedir + os.sep, f'{os.sep}index' if self.is_image_folder else ''
        return [(number, f'{start}{number:06d}{end}') for number in numbers]

    def image(self, number: int, index: int) -> str:
        """Return the path of an image in a chunk's folder."""
        return f'{self.basedir}{os.sep}{chunk_name(number)}{os.sep}{index:06d}{self.extension}'

    def partial_image(self, number: int, index: int) -> str:
        """Return the `partial_path` of an image."""
        return f'{self.basedir}{os.sep}{chunk_name(number)}{os.sep}.{index:06d}.open{self.extension}'

    def journal(self, number: int) -> str:
        """Return the path of an open chunk's journal."""
        return partial_path(os.path.join(self.basedir, chunk_name(number) + JOURNAL))

    def complete_journal(self, number: int) -> str:
        """Return the path of the journal of a complete chunk, perhaps not synced yet."""
        return partial_path(os.path.join(self.basedir, chunk_name(number) + COMPLETE_JOURNAL))

    def journal_to_read(self, number: int) -> str:
        """Return the path of a chunk's present journal."""
        return next(filter(os.path.exists, [self.journal(number), self.complete_journal(number)]), self.journal(number))

    def current_path(self, number: int) -> str:
        """Return the present path of the chunk's folder or video, open or complete."""
        path = self.chunk(number)
        return path if self.is_image_folder or os.path.exists(path) else partial_path(path)

    def find_chunks(self) -> FoundChunks:
        """Find the chunks."""
        found = self._unless_emptied(_content(self.basedir))
        places, have_frames, have_index = self._folders(found) if self.is_image_folder else self._videos(found)
        files = [name for name, is_dir in found if not is_dir and name.startswith('.')]
        journals, complete_journals = _journals(files), _journals(files, COMPLETE_JOURNAL)
        skipped = dict.fromkeys(sorted(have_frames - have_index - journals), 'it has no index')
        skipped |= dict.fromkeys(sorted(have_index - have_frames), f'it has no {self.extension} video')
        return FoundChunks(
            sorted(have_frames & have_index),
            sorted(journals),
            skipped,
            sorted(complete_journals),
            sorted(places - have_index),
        )

    def is_linked(self, number: int) -> bool:
        """Return whether a chunk's folder is a link.

        Its content may be another store's.
        """
        return self.is_image_folder and os.path.islink(self.chunk(number))

    def find_journals(self) -> list[int]:
        """Find the numbers of the chunks with a journal."""
        found = self._unless_emptied(_content(self.basedir))
        return sorted(_journals(name for name, is_dir in found if not is_dir))

    def find_unfinished_videos(self) -> list[int]:
        """Find the numbers of the chunks with a video still under its hidden name."""
        names = [] if self.is_image_folder else os.listdir(self.basedir)
        numbers = {name: chunk_of_file(name) for name in names if is_partial(name)}
        return sorted(
            number
            for name, number in numbers.items()
            if number is not None and name == os.path.basename(partial_path(self.chunk(number)))
        )

    def _folders(self, found: list[tuple[str, bool]]) -> tuple[set[int], set[int], set[int]]:
        """Return the chunks with a folder, with frames, and with an index."""
        folders = {n for name, is_dir in found if is_dir and (n := chunk_number(name)) is not None}
        have_index = {n for n in folders if index_path(self.index_stem(n))}
        have_images = {
            n for n in folders - have_index if any(name.endswith(self.extension) for name in os.listdir(self.chunk(n)))
        }
        return folders, have_images | have_index, have_index

    def _videos(self, found: list[tuple[str, bool]]) -> tuple[set[int], set[int], set[int]]:
        """Return no folders, the chunks with frames, and those with an index."""
        files = [name.rpartition('.') for name, is_dir in found if not is_dir]  # thousands: faster than by splitext
        have_frames = {stem for stem, dot, extension in files if dot + extension == self.extension}
        have_index = {stem for stem, dot, extension in files if dot + extension in INDEX_EXTENSIONS}
        numbers = {stem: number for stem in have_frames | have_index if (number := chunk_number(stem)) is not None}
        return (
            set(),
            {numbers[stem] for stem in have_frames & numbers.keys()},
            {numbers[stem] for stem in have_index & numbers.keys()},
        )

    def extra_data_files(self, number: int, extensions: tuple[str, ...] = EXTRA_DATA_FILE_EXTENSIONS) -> list[str]:
        """Find a chunk's files of extra data, and damaged things with their names."""
        in_root = os.path.join(self.basedir, chunk_name(number))
        stems = dict.fromkeys((self.index_stem(number), in_root))
        return [self.staged(stem + e) for stem in stems for e in extensions if os.path.lexists(stem + e)]

    def staged(self, path: str) -> str:
        """Return the file that counts instead of another until moved, by `staging`."""
        folder = os.path.join(self.basedir, STAGED_FOLDER)
        if not is_folder(folder):
            return path
        staged = os.path.join(folder, os.path.relpath(path, self.basedir))
        return staged if may_replace(staged, path) else path

    def _unless_emptied(self, found: list[tuple[str, bool]]) -> list[tuple[str, bool]]:
        """Return the folder's content, or nothing if `emptying` removes it."""
        return [] if (EMPTIED_FOLDER, True) in found and is_emptied(self.basedir) else found


def is_emptied(basedir: str) -> bool:
    """Return whether a store was emptied and has old files left, by `emptying`.

    A folder counts only with all its expected content, since a mistake would cost all frames.
    """
    if is_url(basedir):  # whoever emptied it completes that before a copy
        return False
    folder = os.path.join(basedir, EMPTIED_FOLDER)
    paths = [os.path.join(folder, name) for name in (STORE_MD_FILENAME, EMPTIED_CHUNKS)]
    if not (is_folder(folder) and all(map(_is_file, paths))):
        return False
    try:
        metadata, chunks = map(read_regular, paths)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EINVAL, errno.EFBIG):  # finished meanwhile, or not a path
            return False
        raise StoreIOError(f'{folder} cannot be read: {error}', path=folder) from error
    return STORE_MD_KEY.encode() in metadata and all(number.isdigit() for number in chunks.split())


def may_replace(staged: str, path: str) -> bool:
    """Return whether a file may be a replacement made by `reindex`."""
    ends = next((ends for extension, ends in _STAGED.items() if path.endswith(extension)), None)
    if ends is None or not (_is_file(staged) and os.path.isfile(path)):
        return False
    with contextlib.suppress(OSError), open_regular(staged) as file:
        return file.read(8).startswith(ends)
    return False


_STAGED = {'.npz': b'PK', '.yaml': b'', '.json': b'[', '.h5': b'\x89HDF\r\n\x1a\n'}
"""Extensions of the files replaced by `imgstore.maintenance.reindex`, and their first bytes."""


def _is_file(path: str) -> bool:
    """Return whether this is a regular file and not a link."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def _content(folder: str) -> list[tuple[str, bool]]:
    """Return the names in a folder, and whether each is a folder."""
    try:
        with os.scandir(folder) as entries:  # thousands: faster without a call for each
            return [
                (entry.name, _is_dir(entry) if entry.is_symlink() else entry.is_dir(follow_symlinks=False))
                for entry in entries
            ]
    except OSError:
        with os.scandir(folder) as entries:
            return [(entry.name, _is_dir(entry)) for entry in entries]


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=entry.name not in UNFINISHED_CHANGES)
    except OSError:  # a link to itself
        return False


EXTENSIONS_BESIDE_IMAGES = (*INDEX_EXTENSIONS, *EXTRA_DATA_FILE_EXTENSIONS, JOURNAL, COMPLETE_JOURNAL, *TAILS)


def split_own_name(name: str) -> tuple[str, str]:
    """Return stem and extension of a name.

    A `partial_path` gives those of the final name.
    """
    stem, dot, extension = final_path(name).partition('.')
    return stem, dot + extension


def chunk_of_file(name: str) -> int | None:
    """Return the chunk number of a file by its name, or None."""
    stem, extension = split_own_name(name)
    return chunk_number(stem) if extension in (*VIDEO_EXTENSIONS, *EXTENSIONS_BESIDE_IMAGES) else None


def _chunk_of_journal(name: str, extension: str) -> int | None:
    """Return the chunk number of a journal by its name, or None."""
    return chunk_of_file(name) if name.startswith('.') and name.endswith(extension) else None


def _journals(names: Iterable[str], extension: str = JOURNAL) -> set[int]:
    return {number for name in names if (number := _chunk_of_journal(name, extension)) is not None}


def with_extension(stem: str, extension: str) -> str:
    """Return the path with an extension; it may be a URL."""
    return add_to_url(stem, extension) if is_url(stem) else stem + extension


def index_path(stem: str) -> str | None:
    """Return the path of a chunk's index, or None."""
    return next((path for e in INDEX_EXTENSIONS if is_file(path := with_extension(stem, e))), None)
