"""WebP: lossless unless the user gives a quality, which the store then says of itself; damaged files are refused."""

import contextlib
import os
import random

import cv2
import numpy as np
import pytest
import yaml

from imgstore import new_for_filename, new_for_format
from imgstore.apps import save as save_app
from imgstore.convert import convert
from imgstore.errors import FrameReadError, InvalidArgumentError
from imgstore.export import export_images, select

from ...helpers.frames import index_in, numbered
from ...helpers.raised import raises

GRAY, COLOR = (36, 96), (36, 96, 3)
COUNT = 3


def record(path, shape=COLOR, **options):
    with new_for_format('webp', path, imgshape=shape, **options) as store:
        for index in range(COUNT):
            store.add_image(numbered(index, shape), index, index)
        return store


def images(path):
    with new_for_filename(path) as store:
        return store.get_images(frame_indices=range(COUNT))[0]


def kept(path):
    return yaml.safe_load((path / 'metadata.yaml').read_bytes())['__store']


@pytest.mark.parametrize('shape', [GRAY, COLOR])
def test_a_store_says_of_itself_whether_a_quality_was_given(tmp_path, shape):
    for quality, mark in ((None, b'VP8L'), (100, b'VP8 '), (1, b'VP8 ')):
        path = tmp_path / str(quality)
        written = record(path, shape, quality=quality)
        with new_for_filename(path) as store:
            assert store.lossless == written.lossless == (quality is None)
        assert kept(path).get('lossless', True) == (quality is None)
        assert (path / '000000' / '000000.webp').read_bytes()[12:16] == mark
        assert [index_in(image) for image in images(path)] == list(range(COUNT))
        assert all(image.shape == shape for image in images(path))
        assert all(map(np.array_equal, images(path), (numbered(i, shape) for i in range(COUNT)))) == (quality is None)


@pytest.mark.parametrize(('fmt', 'options'), [('jpg', {'quality': 50}), ('png', {'compression': 9}), ('webp', {})])
def test_a_store_as_lossless_as_its_format_says_nothing_of_it(tmp_path, fmt, options):
    with new_for_format(fmt, tmp_path / 's', imgshape=GRAY, **options) as store:
        store.add_image(numbered(0, GRAY), 0, 0)
    assert 'lossless' not in kept(tmp_path / 's')


def test_an_emptied_store_is_still_lossy(tmp_path):
    with new_for_format('webp', tmp_path / 's', imgshape=GRAY, quality=50) as store:
        store.add_image(numbered(0, GRAY), 0, 0)
        store.empty()
        store.add_image(numbered(1, GRAY), 0, 0)
    with new_for_filename(tmp_path / 's') as store:
        assert not store.lossless


def test_conversion_verifies_every_bit_unless_lossy(tmp_path):
    """A conversion verifies every bit unless a quality is given."""
    with new_for_format('npy', tmp_path / 's', imgshape=GRAY, encoding='cv_bayerrg') as store:
        store.add_image(numbered(0, GRAY), 0, 0)
    assert convert(tmp_path / 's', tmp_path / 'exact', 'webp').exact
    assert kept(tmp_path / 'exact')['encoding'] == 'cv_bayerrg'
    done = convert(tmp_path / 's', tmp_path / 'lossy', 'webp', quality=90)
    assert not done.exact
    assert 20 < done.worst_psnr < 60
    assert (kept(tmp_path / 'lossy')['encoding'], kept(tmp_path / 'lossy')['imgshape']) == (None, list(COLOR))


@pytest.mark.parametrize('quality', [None, 70])
@pytest.mark.parametrize('shape', [(32, 96), (32, 96, 3)])
def test_a_file_that_is_cut_off_is_refused_wherever_that_is(tmp_path, shape, quality):
    record(tmp_path / 's', shape, quality=quality)
    file = tmp_path / 's' / '000000' / '000001.webp'
    whole = file.read_bytes()
    with new_for_filename(tmp_path / 's', verify=False) as store:
        for length in range(len(whole)):
            file.write_bytes(whole[:length])
            with raises(FrameReadError, path=str(file)):
                store.get_image(1)
        file.write_bytes(whole + b'more')
        assert index_in(store.get_image(1)[0]) == 1


@pytest.mark.parametrize('quality', [None, 70])
def test_damage_ends_in_no_other_error_and_other_frames_stay(tmp_path, quality):
    record(tmp_path / 's', COLOR, quality=quality)
    file, rng = tmp_path / 's' / '000000' / '000001.webp', random.Random(1)
    whole = file.read_bytes()
    with new_for_filename(tmp_path / 's', cache_bytes=0) as store:
        for place in (*range(16), *range(16, len(whole), 5)):
            data = bytearray(whole)
            data[place] ^= 1 << rng.randrange(8)
            file.write_bytes(data)
            with pytest.raises(FrameReadError) if place < 16 else contextlib.suppress(FrameReadError):
                store.get_image(1)
        assert index_in(store.get_image(2)[0]) == 2


def test_the_length_in_its_head_must_be_there(tmp_path):
    record(tmp_path / 's')
    file = tmp_path / 's' / '000000' / '000001.webp'
    data = bytearray(file.read_bytes())
    data[4] += 2
    file.write_bytes(data)
    with new_for_filename(tmp_path / 's') as store, raises(FrameReadError, path=str(file)):
        store.get_image(1)


@pytest.mark.parametrize('shape', [(64, 96), (64, 96, 3)])
def test_frames_are_exported_and_saved_again_bit_for_bit(tmp_path, shape):
    with new_for_format('npy', tmp_path / 's', imgshape=shape) as store:
        for index in range(COUNT):
            store.add_image(numbered(index, shape), index, index)
    with new_for_filename(tmp_path / 's') as store:
        export_images(select(store), tmp_path / 'exact', 'webp')
        export_images(select(store), tmp_path / 'lossy', 'webp', quality=30)
    size = {name: os.path.getsize(tmp_path / name / '00000001.webp') for name in ('exact', 'lossy')}
    assert size['lossy'] < size['exact']
    assert save_app.main(['--format', 'webp', '--source', str(tmp_path / 'exact' / '*.webp'), str(tmp_path / 't')]) == 0
    for index, image in enumerate(images(tmp_path / 't')):  # a file says of no image that it is gray
        assert np.array_equal(
            image,
            cv2.cvtColor(numbered(index, shape), cv2.COLOR_GRAY2BGR) if len(shape) == 2 else numbered(index, shape),
        )


def test_an_image_of_too_many_pixels_is_not_exported(tmp_path):
    with new_for_format('npy', tmp_path / 's', imgshape=(2, 16384)) as store:
        store.add_image(np.zeros((2, 16384), np.uint8), 0, 0)
    with new_for_filename(tmp_path / 's') as store, raises(InvalidArgumentError, argument='image_format'):
        export_images(select(store), tmp_path / 'd', 'webp')
    assert os.listdir(tmp_path) == ['s']
