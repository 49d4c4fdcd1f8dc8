"""Stores to read at a URL, with frames that carry their index."""

import zipfile
from pathlib import Path

import imgstore

from .frames import index_in, numbered

FRAMES, CHUNK = 25, 10
GRAY, COLOUR = (64, 112), (64, 112, 3)
FIRST = 100  # frame number


def write_store(folder: Path, fmt: str, shape: tuple[int, ...] = GRAY, frames: int = FRAMES, **options) -> Path:
    """A store with a record of extra data for every tenth frame, and a saved index."""
    options = {'chunksize': CHUNK, **options}
    with imgstore.new_for_format(fmt, folder, imgshape=shape, **options) as store:
        for index in range(frames):
            store.add_image(numbered(index, shape), FIRST + index, index / 25)
            if index % 10 == 0:
                store.add_extra_data(seen=index)
    with imgstore.new_for_filename(folder) as store:
        store.save_index(sqlite=False)
    return folder


def zipped(folder: Path) -> Path:
    """An archive of a folder next to it, without compression."""
    path = folder.with_suffix('.zip')
    with zipfile.ZipFile(path, 'w') as archive:
        for file in sorted(folder.rglob('*')):
            archive.write(file, file.relative_to(folder.parent))
    return path


def indexes_in(store, *indexes):
    """The indexes in the pixels of some frames, found by their numbers."""
    return [index_in(store.get_image(FIRST + index)[0]) for index in indexes]


def records_in(store):
    """The records of extra data."""
    data = store.get_extra_data()
    return [] if data is None else data.to_dict('records')
