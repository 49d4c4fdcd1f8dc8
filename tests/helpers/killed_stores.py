"""Stores of writers that were killed, and every byte of a folder."""

import shutil

from imgstore import new_for_format

from .format_table import ROWS
from .frames import numbered

SHAPE = (64, 96)

PLAIN = [*ROWS]

VIDEO = [fmt for fmt in PLAIN if '/' in fmt]

COUNT = 17  # 7 a chunk, so that two are complete


def fill(path, fmt, count=COUNT, **options):
    """A store that is open yet, whose frames carry their index, with a record beside each."""
    store = new_for_format(fmt, path, imgshape=SHAPE, chunksize=7, **options)
    for index in range(count):
        store.add_image(numbered(index, SHAPE), 100 + index, index / 10)
        store.add_extra_data(seen=index)
    return store


def killed(tmp_path, fmt, count=COUNT, **options):
    """A store as a writer leaves it that is killed, which has no time to do anything about it."""
    store = fill(tmp_path / 'written', fmt, count, workers=0, **options)
    shutil.copytree(tmp_path / 'written', tmp_path / 's')
    store.close()
    return tmp_path / 's'


def content(path):
    """All files and what is in them."""
    return {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob('*')) if file.is_file()}
