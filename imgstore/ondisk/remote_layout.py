"""Paths of a store's files at a URL."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..constants import EXTRA_DATA_FILE_EXTENSIONS
from ..remote import files as remote
from ..remote.urls import join_url
from .layout import FoundChunks, Layout, chunk_name, chunk_number, with_extension


@dataclass(frozen=True)
class RemoteLayout(Layout):
    """Paths of the chunks of a store at a URL, which is only read."""

    @property
    def can_list(self) -> bool:
        """Whether the store's folder can be listed."""
        return remote.can_list(self.basedir)

    def chunk(self, number: int) -> str:
        """Return the URL of the chunk's folder or video."""
        name = chunk_name(number)
        return join_url(self.basedir, name if self.is_image_folder else name + self.extension)

    def index_stem(self, number: int) -> str:
        """Return the URL of the chunk's index and extra data, without extensions."""
        names = (chunk_name(number), 'index') if self.is_image_folder else (chunk_name(number),)
        return join_url(self.basedir, *names)

    def index_stems(self, numbers: Iterable[int]) -> list[tuple[int, str]]:
        """Return numbers of chunks, each with its `index_stem`."""
        return [(number, self.index_stem(number)) for number in numbers]

    def image(self, number: int, index: int) -> str:
        """Return the URL of an image in a chunk's folder."""
        return join_url(self.basedir, chunk_name(number), f'{index:06d}{self.extension}')

    def current_path(self, number: int) -> str:
        """Return the URL of the chunk's folder or video: only complete ones are read."""
        return self.chunk(number)

    def find_chunks(self) -> FoundChunks:
        """List the store's folder; that of images is not listed for each chunk."""
        found = remote.list_folder(self.basedir)
        if self.is_image_folder:
            numbers = (chunk_number(name) for name, is_dir in found if is_dir)
            return FoundChunks(sorted(number for number in numbers if number is not None), [], {})
        _, have_frames, have_index = self._videos(found)
        skipped = dict.fromkeys(sorted(have_frames - have_index), 'it has no index')
        skipped |= dict.fromkeys(sorted(have_index - have_frames), f'it has no {self.extension} video')
        return FoundChunks(sorted(have_frames & have_index), [], skipped)

    def is_linked(self, number: int) -> bool:
        """Return False: a URL shows no links."""
        return False

    def find_journals(self) -> list[int]:
        """Return no journals: incomplete chunks are not read."""
        return []

    def extra_data_files(self, number: int, extensions: tuple[str, ...] = EXTRA_DATA_FILE_EXTENSIONS) -> list[str]:
        """Find a chunk's files of extra data."""
        stems = dict.fromkeys((self.index_stem(number), join_url(self.basedir, chunk_name(number))))
        candidates = [with_extension(stem, e) for stem in stems for e in extensions]
        if not self.can_list:
            return [path for path in candidates if remote.exists(path)]
        folder = self.chunk(number) if self.is_image_folder else self.basedir
        there = {join_url(base, name) for base in {self.basedir, folder} for name in self._names(base)}
        return [path for path in candidates if path in there]

    @staticmethod
    def _names(folder: str) -> list[str]:
        try:
            return [name for name, is_dir in remote.list_folder(folder) if not is_dir]
        except FileNotFoundError:
            return []

    def staged(self, path: str) -> str:
        """Return the path: unfinished changes do not count."""
        return path


def new_layout(basedir: str, extension: str, is_image_folder: bool) -> Layout:
    """Return the layout of a store in a folder or at a URL."""
    kind = RemoteLayout if remote.is_url(basedir) else Layout
    return kind(basedir, extension, is_image_folder)
