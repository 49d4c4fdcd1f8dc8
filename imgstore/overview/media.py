"""Images and videos of a store, checked by their names, sizes and structure."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import NamedTuple

from .._support.text import count_of
from ..chunks.video.cut_off import structure_fault
from ..formats import format_of
from ..ondisk.layout import Layout, chunk_name
from ..ondisk.metadata import load_metadata
from ..remote.urls import is_url
from ..stores.base import ImgStore

_THREADS = 8  # which wait for a slow disk at the same time
_MANY = 100  # chunks
_MOST_KNOWN = 8  # sets of names


class MediaCheck(NamedTuple):
    """Result of `check_media`.

    Attributes
    ----------
    checked_chunks : int
        Number of checked chunks: complete ones, on this machine.
    damaged : tuple of str
        Each damaged file, or chunk without all its images, with what is wrong.
    missing_images : int
        Number of images that have a frame in the index, and no file.
    """

    checked_chunks: int = 0
    damaged: tuple[str, ...] = ()
    missing_images: int = 0


class _Fault(NamedTuple):
    text: str
    missing: int = 0


def check_media(store: ImgStore, empty_files: Sequence[str]) -> MediaCheck:
    """Compare the images and videos of an open store with its index.

    No frame is read: of a folder of images, only the names are listed, and of a video, some headers are read.

    Parameters
    ----------
    store : store
        Open for reading.
    empty_files : sequence of str
        Paths of the empty files in the store's folder.
    """
    folder = store.filename
    if is_url(folder):
        return MediaCheck()
    fmt = format_of(load_metadata(folder), folder)
    layout = Layout(folder, fmt.extension, fmt.is_image_folder)
    incomplete = set(layout.find_journals())
    counts = {number: own.stop - own.start for number, _, own in store.index.chunk_ranges() if number not in incomplete}
    if fmt.is_image_folder:
        faults = [*_missing(layout, counts), *_empty(layout, counts, empty_files)]
    else:
        faults = list(_cut_off([layout.chunk(number) for number in counts]))
    return MediaCheck(len(counts), tuple(fault.text for fault in faults), sum(fault.missing for fault in faults))


def _missing(layout: Layout, counts: dict[int, int]) -> Iterator[_Fault]:
    for number, frames in counts.items():
        try:
            names = os.listdir(layout.chunk(number))
        except OSError as error:
            yield _Fault(f'{chunk_name(number)}: it cannot be read: {error.strerror or error}', frames)
            continue
        if lacking := _names(frames, layout.extension).difference(names):
            told = f'{len(lacking)} of {count_of(frames, "image")} missing, such as {min(lacking)}'
            yield _Fault(f'{chunk_name(number)}: {told}', len(lacking))


@lru_cache(_MOST_KNOWN)
def _names(frames: int, extension: str) -> frozenset[str]:
    """Return the names of the images of a chunk; most chunks have as many frames."""
    return frozenset(f'{chunk_name(index)}{extension}' for index in range(frames))


def _empty(layout: Layout, counts: dict[int, int], empty_files: Sequence[str]) -> Iterator[_Fault]:
    chunks = {chunk_name(number): frames for number, frames in counts.items()}
    for path in empty_files:
        folder, name = os.path.split(os.path.relpath(path, layout.basedir))
        if name in _names(chunks.get(folder, 0), layout.extension):
            yield _Fault(f'{folder}{os.sep}{name}: it is empty')


def _cut_off(paths: Sequence[str]) -> Iterator[_Fault]:
    if len(paths) < _MANY:
        found = list(map(structure_fault, paths))
    else:
        size = -(-len(paths) // _THREADS)
        parts = [paths[start : start + size] for start in range(0, len(paths), size)]
        with ThreadPoolExecutor(_THREADS) as pool:
            found = list(itertools.chain.from_iterable(pool.map(_faults, parts)))
    for path, fault in zip(paths, found, strict=True):
        if fault:
            yield _Fault(f'{os.path.basename(path)}: {fault}')


def _faults(paths: Sequence[str]) -> list[str]:
    return [structure_fault(path) for path in paths]
