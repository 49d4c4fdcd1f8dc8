"""Where a store's files are, by their names."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field

from .._support.regular_files import open_regular, read_regular
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
from .files import final_path, finish_replacement, is_folder, is_partial, partial_path, text_path

INDEX_EXTENSIONS = ('.npz', '.yaml')
"""A chunk's index, today's form first."""

VIDEO_EXTENSIONS = ('.avi', '.mkv', '.mp4')

_CHUNK_FILE = re.compile(r'(\d{6}|[1-9]\d{6,17})(\.\w+)?', re.ASCII)
"""The `chunk_name` of a number that fits 64 bits and maybe an extension."""


def store_folder(path: object = None, basedir: object = None) -> str:
    """The folder meant by a store's path, its metadata.yaml's path, or ``basedir``."""
    if (path is None) == (basedir is None):
        raise InvalidArgumentError('give either path or basedir, and not both', argument='path')
    folder = text_path(path if basedir is None else basedir, 'path' if basedir is None else 'basedir')
    if os.path.basename(folder) != STORE_MD_FILENAME or os.path.isdir(folder):
        return folder
    if basedir is not None:
        raise InvalidArgumentError(f'basedir {folder!r} must be the folder of the store, not a file in it',
                                   argument='basedir')
    return os.path.dirname(folder)


def existing_store_folder(path: object = None, basedir: object = None) -> str:
    """As `store_folder`, of a store that is there."""
    folder = store_folder(path, basedir)
    finish_replacement(folder)
    if not os.path.exists(folder):
        raise StoreNotFoundError(f'path {folder!r} does not exist', path=folder, store=folder)
    metadata = os.path.join(folder, STORE_MD_FILENAME)
    if not os.path.isfile(metadata):
        why = f'{STORE_MD_FILENAME} in it is not a regular file'
        raise StoreNotFoundError(f'{folder!r} holds no store: '
                                 f'{why if os.path.lexists(metadata) else f"there is no {STORE_MD_FILENAME} in it"}',
                                 path=folder, store=folder)
    return folder


def chunk_name(number: int) -> str:
    """The name of a chunk's folder, or of its files less their extensions."""
    return f'{number:06d}'


def chunk_number(name: str) -> int | None:
    """The number of the chunk that ``name`` is the `chunk_name` of, or None."""
    match = _CHUNK_FILE.fullmatch(name)
    return int(name) if match and not match[2] else None


@dataclass(frozen=True)
class FoundChunks:
    """Numbers of chunks, in order.

    Attributes
    ----------
    complete : list of int
        The chunks that have both an index and a place for their frames.
    journals : list of int
        The chunks that have a journal; mostly they are not complete.
    skipped : dict of int to str
        What the chunks lack that cannot be read.
    complete_journals : list of int
        The chunks that were completed and may not have been on the disk itself when their writer ended.
    """

    complete: list[int]
    journals: list[int]
    skipped: dict[int, str]
    complete_journals: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Layout:
    """The places of a store's chunks.

    Parameters
    ----------
    basedir : str
        The store's folder.
    extension : str
        Of the images, or of the videos.
    is_image_folder : bool
        A chunk is a folder of images; else one video file.
    """

    basedir: str
    extension: str
    is_image_folder: bool

    def chunk(self, number: int) -> str:
        """Path of the chunk's folder, or of its video."""
        name = chunk_name(number)
        return os.path.join(self.basedir, name if self.is_image_folder else name + self.extension)

    def index_stem(self, number: int) -> str:
        """Path of the chunk's index and extra data, less their extensions."""
        path = f'{self.basedir}{os.sep}{chunk_name(number)}'  # faster than os.path.join, of which it takes thousands
        return f'{path}{os.sep}index' if self.is_image_folder else path

    def image(self, number: int, index: int) -> str:
        """Path of an image of a chunk that is a folder."""
        return os.path.join(self.chunk(number), f'{index:06d}{self.extension}')

    def journal(self, number: int) -> str:
        """Path of the journal of a chunk while it is written."""
        return partial_path(os.path.join(self.basedir, chunk_name(number) + JOURNAL))

    def complete_journal(self, number: int) -> str:
        """Path of the journal of a complete chunk that may not be on the disk itself yet."""
        return partial_path(os.path.join(self.basedir, chunk_name(number) + COMPLETE_JOURNAL))

    def journal_to_read(self, number: int) -> str:
        """Path of the journal that a chunk has."""
        return next(filter(os.path.exists, [self.journal(number), self.complete_journal(number)]), self.journal(number))

    def current_path(self, number: int) -> str:
        """Path of the chunk's folder or video as it is now, which may be open yet."""
        path = self.chunk(number)
        return path if self.is_image_folder or os.path.exists(path) else partial_path(path)

    def find_chunks(self) -> FoundChunks:
        """Look which chunks are there."""
        with os.scandir(self.basedir) as entries:
            found = self._unless_emptied([(entry.name, _is_dir(entry)) for entry in entries])
        have_frames, have_index = self._folders(found) if self.is_image_folder else self._videos(found)
        files = [name for name, is_dir in found if not is_dir]
        journals, complete_journals = _journals(files), _journals(files, COMPLETE_JOURNAL)
        skipped = dict.fromkeys(sorted(have_frames - have_index - journals), 'it has no index')
        skipped |= dict.fromkeys(sorted(have_index - have_frames), f'it has no {self.extension} video')
        return FoundChunks(sorted(have_frames & have_index), sorted(journals), skipped, sorted(complete_journals))

    def is_linked(self, number: int) -> bool:
        """Whether a chunk's folder is a link, so that what is in it is not this store's to change."""
        return self.is_image_folder and os.path.islink(self.chunk(number))

    def find_journals(self) -> list[int]:
        """Numbers of the chunks that have a journal."""
        with os.scandir(self.basedir) as entries:
            found = self._unless_emptied([(entry.name, _is_dir(entry)) for entry in entries])
        return sorted(_journals(name for name, is_dir in found if not is_dir))

    def find_unfinished_videos(self) -> list[int]:
        """Numbers of the chunks whose video has not got its name yet."""
        names = [] if self.is_image_folder else os.listdir(self.basedir)
        numbers = {name: chunk_of_file(name) for name in names if is_partial(name)}
        return sorted(number for name, number in numbers.items()
                      if number is not None and name == os.path.basename(partial_path(self.chunk(number))))

    def _folders(self, found: list[tuple[str, bool]]) -> tuple[set[int], set[int]]:
        folders = {n for name, is_dir in found if is_dir and (n := chunk_number(name)) is not None}
        have_index = {n for n in folders if index_path(self.index_stem(n))}
        have_images = {n for n in folders - have_index
                       if any(name.endswith(self.extension) for name in os.listdir(self.chunk(n)))}
        return have_images | have_index, have_index

    def _videos(self, found: list[tuple[str, bool]]) -> tuple[set[int], set[int]]:
        files = [match.groups() for name, is_dir in found if not is_dir and (match := _CHUNK_FILE.fullmatch(name))]
        return ({int(name) for name, extension in files if extension == self.extension},
                {int(name) for name, extension in files if extension in INDEX_EXTENSIONS})

    def extra_data_files(self, number: int, extensions: tuple[str, ...] = EXTRA_DATA_FILE_EXTENSIONS) -> list[str]:
        """The files of extra data of a chunk that are there, and whatever else has their names: it is damage."""
        in_root = os.path.join(self.basedir, chunk_name(number))
        stems = dict.fromkeys((self.index_stem(number), in_root))
        return [self.staged(stem + e) for stem in stems for e in extensions if os.path.lexists(stem + e)]

    def staged(self, path: str) -> str:
        """The file that counts instead of another of the store's, by `staging`, until it has its place."""
        folder = os.path.join(self.basedir, STAGED_FOLDER)
        if not is_folder(folder):
            return path
        staged = os.path.join(folder, os.path.relpath(path, self.basedir))
        return staged if may_replace(staged, path) else path

    def _unless_emptied(self, found: list[tuple[str, bool]]) -> list[tuple[str, bool]]:
        """What is in the folder; nothing where all of that is to be removed, by `emptying`."""
        return [] if (EMPTIED_FOLDER, True) in found and is_emptied(self.basedir) else found


def is_emptied(basedir: str) -> bool:
    """Whether a store was emptied, by `emptying`, and the rest of its old files is not removed yet.

    A folder counts only with all that was put into it before it got its name: it would cost all frames.
    """
    folder = os.path.join(basedir, EMPTIED_FOLDER)
    paths = [os.path.join(folder, name) for name in (STORE_MD_FILENAME, EMPTIED_CHUNKS)]
    if not (is_folder(folder) and all(map(_is_file, paths))):
        return False
    try:
        metadata, chunks = map(read_regular, paths)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EINVAL, errno.EFBIG):  # finished meanwhile, or no text
            return False
        raise StoreIOError(f'{folder} cannot be read: {error}', path=folder) from error
    return STORE_MD_KEY.encode() in metadata and all(number.isdigit() for number in chunks.split())


def may_replace(staged: str, path: str) -> bool:
    """Whether a file may be one that `imgstore.maintenance.reindex` made, to replace a chunk's index or extra data."""
    ends = next((ends for extension, ends in _STAGED.items() if path.endswith(extension)), None)
    if ends is None or not (_is_file(staged) and os.path.isfile(path)):
        return False
    with contextlib.suppress(OSError), open_regular(staged) as file:
        return file.read(8).startswith(ends)
    return False


_STAGED = {'.npz': b'PK', '.yaml': b'', '.json': b'[', '.h5': b'\x89HDF\r\n\x1a\n'}
"""Extensions of the files that `imgstore.maintenance.reindex` replaces, and how such files begin."""


def _is_file(path: str) -> bool:
    """Whether it is a regular file, and not a link to one."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=entry.name not in UNFINISHED_CHANGES)
    except OSError:  # a link to itself
        return False


EXTENSIONS_BESIDE_IMAGES = (*INDEX_EXTENSIONS, *EXTRA_DATA_FILE_EXTENSIONS, JOURNAL, COMPLETE_JOURNAL, *TAILS)


def split_own_name(name: str) -> tuple[str, str]:
    """Stem and extension of a name, of what is `partial_path` those that it is to have."""
    stem, dot, extension = final_path(name).partition('.')
    return stem, dot + extension


def chunk_of_file(name: str) -> int | None:
    """The number of the chunk that a file in the store's folder belongs to by its name, or None."""
    stem, extension = split_own_name(name)
    return chunk_number(stem) if extension in (*VIDEO_EXTENSIONS, *EXTENSIONS_BESIDE_IMAGES) else None


def _chunk_of_journal(name: str, extension: str) -> int | None:
    """The number of the chunk that a file is the journal of, or None."""
    return chunk_of_file(name) if name.startswith('.') and name.endswith(extension) else None


def _journals(names: Iterable[str], extension: str = JOURNAL) -> set[int]:
    return {number for name in names if (number := _chunk_of_journal(name, extension)) is not None}


def index_path(stem: str) -> str | None:
    """Path of the index that a chunk has, or None."""
    return next((stem + e for e in INDEX_EXTENSIONS if os.path.isfile(stem + e)), None)
