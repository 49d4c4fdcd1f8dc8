"""Which options a store takes in which mode."""

from __future__ import annotations

import dataclasses
import inspect
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imgstore import DirectoryImgStore, ImgStore, ReadOptions, WriteOptions, new_for_filename, new_for_format
from imgstore.errors import InvalidOptionError

from ..helpers.raised import raises

OF_0_4 = {
    'imgshape': (4, 6),
    'imgdtype': 'uint8',
    'chunksize': 7,
    'metadata': {'a': 1},
    'encoding': None,
    'format': 'npy',
    'index': None,
    'seek': False,
    'gpu_id': 0,
    'videosize': (6, 4),
}
ONLY_WRITING = {
    'overwrite': True,
    'workers': 0,
    'buffer_bytes': 10**6,
    'durability': 'chunk',
    'quality': 90,
    'crf': 18,
    'bits': 10,
    'compression': 1,
    'bitrate': '2M',
    'gop': 8,
    'preset': 'fast',
    'tune': 'grain',
    'pixel_format': 'gray',
    'threads': 2,
    'codec_options': {'aq-mode': 2},
    'encoder': 'auto',
    'fps': 25.0,
    'roi': (0, 0, 2, 2),
    'binning': 2,
}
ONLY_READING: dict[str, Any] = {'cache_bytes': 0, 'verify': False}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    new_for_format('npy', tmp_path / 's', imgshape=(4, 6)).close()
    return tmp_path / 's'


@pytest.mark.parametrize('name', ONLY_WRITING)
@pytest.mark.parametrize('value', ['usual', None])
def test_a_reader_refuses_an_option_of_writers(name: str, value: Any, path: Path) -> None:
    option: dict[str, Any] = {name: ONLY_WRITING[name] if value else None}
    for read in (
        lambda: new_for_filename(path, **option),
        lambda: new_for_format(None, path, 'r', **option),
        lambda: DirectoryImgStore(path, **option),
    ):
        with raises(InvalidOptionError, argument=name) as caught:
            read()
        assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize('name', ONLY_READING)
def test_writer_refuses_reader_options(name: str, tmp_path: Path) -> None:
    """A writer refuses an option of readers and leaves nothing."""
    with raises(InvalidOptionError, argument=name):
        new_for_format('npy', tmp_path / 's', imgshape=(4, 6), **{name: ONLY_READING[name]})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize('name', OF_0_4)
def test_what_imgstore_0_4_takes_is_accepted_in_both_modes(name: str, path: Path, tmp_path: Path) -> None:
    option: dict[str, Any] = {name: OF_0_4[name]}
    with new_for_filename(path, **option) as store:
        assert store.image_shape == (4, 6)
    with new_for_format('npy', tmp_path / 'new', **{'imgshape': (4, 6), **option}) as store:
        assert store.image_shape == (4, 6)
    with DirectoryImgStore(path, 'r', **option) as store:
        assert store.chunksize == 200


def test_each_option_is_of_a_mode_or_of_both() -> None:
    written, read = ({field.name for field in dataclasses.fields(kind)} for kind in (WriteOptions, ReadOptions))
    assert written - read - OF_0_4.keys() == ONLY_WRITING.keys()
    assert read - written - OF_0_4.keys() == ONLY_READING.keys()
    assert written & read == {'backend'}


@pytest.mark.parametrize('kind', [WriteOptions, ReadOptions])
def test_each_option_is_documented_once(kind: type[Any]) -> None:
    documented = [line.split(' : ')[0].strip() for line in (kind.__doc__ or '').splitlines() if ' : ' in line]
    assert documented == [field.name for field in dataclasses.fields(kind)]
    for other in (ImgStore, new_for_filename, new_for_format):
        assert 'buffer_bytes' not in (inspect.getdoc(other) or '')


def test_options_do_not_change_and_have_the_factories_defaults() -> None:
    options = WriteOptions(crf=18)
    with pytest.raises(dataclasses.FrozenInstanceError):
        options.crf = 20  # type: ignore[misc]
    assert (options.crf, options.imgdtype, options.durability, options.overwrite) == (18, np.uint8, 'frame', False)
    for factory, kind in ((new_for_format, WriteOptions), (new_for_filename, ReadOptions)):
        defaults = {field.name: field.default for field in dataclasses.fields(kind)}
        given = {name: known.default for name, known in inspect.signature(factory).parameters.items()}
        assert {name: given[name] for name in given.keys() & defaults} == {
            name: defaults[name] for name in given.keys() & defaults
        }
