"""The flip table: after any single flipped bit, what is read is right, or an error or a warning says so.

`IMGSTORE_TEST_FLIPS` is the number of flips of each kind of file. The text of metadata.yaml has no checksum.
"""

from __future__ import annotations

import os
import shutil
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import imgstore
from imgstore.errors import ImgStoreError, ImgStoreWarning

from ..helpers.checked import not_none
from ..helpers.format_table import NO_COLOR, ROWS
from ..helpers.frames import numbered

FLIPS = int(os.environ.get('IMGSTORE_TEST_FLIPS', '12'))
COUNT, CHUNKSIZE = 12, 6

pytestmark = pytest.mark.once


class Content(NamedTuple):
    """What a store gives."""

    images: list[Any]
    numbers: list[int]
    times: list[float]
    records: str


def read(path: Path) -> Content:
    with imgstore.new_for_filename(path) as store:
        images = [store.get_image(None, frame_index=index)[0].tobytes() for index in range(store.frame_count)]
        records = str(not_none(store.get_extra_data()).to_json())
        return Content(images, store.frame_numbers.tolist(), store.frame_times.tolist(), records)


def is_silent(path: Path, expected: Content) -> bool:
    """Whether something wrong is read without a word."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter('always')
        try:
            found = read(path)
        except ImgStoreError:
            return False
    return found != expected and not any(issubclass(each.category, ImgStoreWarning) for each in told)


@pytest.fixture(scope='module', params=ROWS)
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Content]:
    """A store of each format, with a saved index."""
    fmt, path = request.param, tmp_path_factory.mktemp('flips') / 's'
    shape = (64, 96) if fmt in NO_COLOR else (64, 96, 3)
    with imgstore.new_for_format(fmt, path, imgshape=shape, chunksize=CHUNKSIZE) as made:
        for index in range(COUNT):
            made.add_image(numbered(index, shape), 100 + 3 * index, index / 7)
            made.add_extra_data(temperature=20 + index / 16, valve='open')
    imgstore.new_for_filename(path).close(save_index=True)
    return path, read(path)


@pytest.mark.parametrize('kind', ['frames', '*.npz', '*.extra.json', '.index.*'])
def test_no_flipped_bit_is_silent(store: tuple[Path, Content], kind: str, tmp_path: Path) -> None:
    path, expected = store
    extension = ROWS[imgstore.new_for_filename(path).format].extension
    target = tmp_path / 's'
    shutil.copytree(path, target)
    files = sorted(target.rglob(f'*{extension}' if kind == 'frames' else kind))
    bits = np.random.default_rng(1)
    silent = []
    for number in range(FLIPS):
        file = files[number % len(files)]
        whole = file.read_bytes()
        place, bit = int(bits.integers(len(whole))), int(bits.integers(8))
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
        if is_silent(target, expected):
            silent.append((file.name, place, bit))
        file.write_bytes(whole)
    assert silent == []
