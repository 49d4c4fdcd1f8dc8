"""SPEC, 'Writing': the rules for the arguments of a new store, each in a test that names it."""

import os
import pathlib
import sys

import numpy as np
import pytest
import yaml

import imgstore
from imgstore import DirectoryImgStore, VideoImgStore, new_for_filename, new_for_format
from imgstore.errors import (
    InvalidArgumentError,
    MissingDependencyError,
    StoreIOError,
    StoreNotFoundError,
)

from ..helpers.format_table import VIDEO_FORMATS
from ..helpers.raised import raises
from ..helpers.writing import FORMATS, SHAPE, add, check, files, new, record


def test_a_missing_imgshape_is_said(tmp_path):
    with raises(ValueError, argument='imgshape'):
        new_for_format('npy', tmp_path / 's')
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    'make',
    [
        lambda path: new_for_format('npy', path, basedir=path, imgshape=SHAPE),
        lambda path: new_for_format('npy', imgshape=SHAPE),
        lambda path: new_for_filename(path, basedir=path),
        lambda path: new_for_filename(),
    ],
)
def test_path_or_basedir_is_given_and_not_both(tmp_path, make):
    with raises(InvalidArgumentError, argument='path'):
        make(tmp_path / 's')
    assert os.listdir(tmp_path) == []


def test_path_or_basedir_mean_the_same(tmp_path):
    for name, kwargs in (('a', {'path': tmp_path / 'a'}), ('b', {'basedir': os.fspath(tmp_path / 'b')})):
        new_for_format('npy', imgshape=SHAPE, **kwargs).close()
        for given in (kwargs, {'path': tmp_path / name / 'metadata.yaml'}):
            assert new_for_filename(**given).filename == str(tmp_path / name)
    new_for_format('npy', tmp_path / 'c' / 'metadata.yaml', imgshape=SHAPE).close()
    assert files(tmp_path / 'c') == ['metadata.yaml']
    with raises(InvalidArgumentError, argument='basedir'):
        new_for_filename(basedir=tmp_path / 'a' / 'metadata.yaml')


def test_mode_r_opens_as_new_for_filename_does(tmp_path):
    record(tmp_path / 's')
    for kwargs in (
        {'path': tmp_path / 's'},
        {'basedir': tmp_path / 's'},
        {
            'path': tmp_path / 's',
            'chunksize': 9,
            'imgshape': None,
            'metadata': {},
            'encoding': 'x',
            'seek': False,
            'gpu_id': 0,
            'format': 'png',
        },
    ):
        with new_for_format(None, mode='r', **kwargs) as store:
            assert (store.mode, len(store)) == ('r', 7)
    with raises(StoreNotFoundError, file='none'):
        new_for_format('npy', tmp_path / 'none', mode='r')
    assert os.listdir(tmp_path) == ['s']


@pytest.mark.parametrize('mode', ['x', 'a', 'rw', None, 5, ''])
def test_another_mode_is_refused(tmp_path, mode):
    for make in (
        lambda: new(tmp_path / 's', mode=mode),
        lambda: new_for_filename(tmp_path / 's', mode=mode),
        lambda: DirectoryImgStore(tmp_path / 's', mode),
    ):
        with raises(ValueError, argument='mode'):
            make()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    'call',
    [
        lambda path: new(path, colour=True),
        lambda path: new_for_filename(record(path), colour=True),
        lambda path: new_for_format('npy', record(path), mode='r', colour=True),
        lambda path: DirectoryImgStore(path, 'w', imgshape=SHAPE, format='npy', colour=True),
    ],
)
def test_an_unknown_keyword_is_a_type_error_that_names_it(tmp_path, call):
    with pytest.raises(TypeError, match="'colour'"):
        call(tmp_path / 's')
    assert '.lock' not in (os.listdir(tmp_path / 's') if os.path.exists(tmp_path / 's') else [])


def test_gpu_id_videosize_and_format_beside_fmt_are_tolerated(tmp_path):
    with new(tmp_path / 's', gpu_id=1, videosize=(5, 5), format='mjpeg') as store:
        assert store.format == 'npy'
    assert new_for_filename(tmp_path / 's', gpu_id=1, videosize=None)._format == 'npy'
    new_for_format(fmt='png', path=tmp_path / 'a', imgshape=SHAPE).close()
    new_for_format(format='png', path=tmp_path / 'b', imgshape=SHAPE).close()
    assert {new_for_filename(tmp_path / name)._format for name in 'ab'} == {'png'}


def test_stores_are_made_by_their_classes_too(tmp_path):
    with VideoImgStore(
        basedir=tmp_path / 'v',
        mode='w',
        imgshape=SHAPE,
        imgdtype=np.uint8,
        chunksize=3,
        metadata={'a': 1},
        encoding=None,
        format='mjpeg',
        seek=True,
    ) as store:
        add(store, 0, 1)
    with VideoImgStore(basedir=tmp_path / 'v') as store:
        assert (store.format, store.user_metadata, len(store)) == ('mjpeg/avi', {'a': 1}, 2)
    with raises(InvalidArgumentError, store=str(tmp_path / 'v')):
        DirectoryImgStore(basedir=tmp_path / 'v', mode='r')
    for store_class, fmt in ((DirectoryImgStore, 'mjpeg'), (VideoImgStore, 'npy'), (DirectoryImgStore, None)):
        with raises(ValueError, argument='format'):
            store_class(tmp_path / 'x', 'w', imgshape=SHAPE, format=fmt)
    assert os.listdir(tmp_path) == ['v']


@pytest.mark.parametrize('fmt', [None, '', 'nope', 'PNG', 5, ['png'], 'mjpeg/mp4'])
def test_unknown_format_error_names_known_formats(tmp_path, fmt):
    """An unknown format is refused, and the error names the known formats."""
    with raises(InvalidArgumentError, argument='format'):
        new(tmp_path / 's', fmt)
    assert os.listdir(tmp_path) == []


def test_mjpeg_is_a_name_of_mjpeg_avi(tmp_path):
    record(tmp_path / 's', 'mjpeg')
    assert yaml.safe_load((tmp_path / 's' / 'metadata.yaml').read_text())['__store']['format'] == 'mjpeg/avi'
    assert VideoImgStore.supports_format('mjpeg')
    assert not DirectoryImgStore.supports_format('mjpeg')


def test_bpk_without_numcodecs_is_refused(tmp_path, monkeypatch):
    """Making a store with format bpk raises an error if numcodecs is not installed."""
    monkeypatch.setitem(sys.modules, 'numcodecs', None)
    with raises(MissingDependencyError, name='numcodecs'):
        new(tmp_path / 's', 'bpk')
    assert os.listdir(tmp_path) == []
    assert 'bpk' not in imgstore.get_supported_formats()


@pytest.mark.parametrize('chunksize', [0, -1, 1.5, float('nan'), '5', [5], 2**70])
def test_a_chunk_has_a_whole_number_of_frames_of_at_least_1(tmp_path, chunksize):
    with raises(ValueError, argument='chunksize'):
        new(tmp_path / 's', chunksize=chunksize)
    assert os.listdir(tmp_path) == []


def test_chunks_of_one_frame_work(tmp_path):
    for fmt in ('npy', 'mjpeg'):
        check(record(tmp_path / fmt, fmt, 3, chunksize=1), range(3))
        assert new_for_filename(tmp_path / fmt).chunks == [0, 1, 2]


@pytest.mark.parametrize('fmt', FORMATS)
def test_default_chunk_is_200_images_or_10000_video_frames(tmp_path, fmt):
    """A chunk has 200 images or 10,000 video frames unless another size is given."""
    with new(tmp_path / 's', fmt) as store:
        assert store.chunksize == (10000 if fmt in VIDEO_FORMATS else 200)


@pytest.mark.parametrize(
    'kwargs',
    [
        {'encoding': 'nope'},
        {'encoding': 5},
        {'encoding': np.array(['a', 'b'])},
        {'encoding': 'cv_bayerrg', 'shape': (4, 4, 3)},
        {'encoding': 'cv_rgb', 'imgdtype': 'int64', 'shape': (4, 4, 3)},
        {'encoding': 'cv_yuv_i420', 'fmt': 'mjpeg', 'shape': (9, 8)},
        {'backend': 'nope', 'fmt': 'mjpeg'},
        {'metadata': [1]},
        {'metadata': {'a': object()}},
    ],
)
def test_another_wrong_argument_leaves_nothing_behind(tmp_path, kwargs):
    with pytest.raises(InvalidArgumentError):
        new(tmp_path / 's', **kwargs)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize('path', ['', 5, ['a'], 'a\0b', b'', True])
def test_what_is_no_path_is_refused(path):
    for make in (new, new_for_filename):
        with raises(InvalidArgumentError, argument='path'):
            make(path)


@pytest.mark.parametrize('name', ['file', 'file/s', 'x' * 300])
def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path, name):
    (tmp_path / 'file').write_text('mine')
    with raises(StoreIOError, store=str(tmp_path / name)):
        new(tmp_path / name)
    assert files(tmp_path) == ['file']


@pytest.mark.parametrize('name', ['späte Mäuse 🐭', '[a] *?', 'a/b/c', 'dots.in.name', '20200101_120000', '000000'])
def test_any_name_of_a_folder_works_as_str_path_and_bytes(tmp_path, name):
    for kind in (str, pathlib.Path, os.fsencode):
        path = kind(tmp_path / kind.__name__ / name)
        for fmt in ('png', 'mjpeg', 'avc1/mp4'):
            record(path, fmt, 3, overwrite=True)
            check(path, range(3))


def test_a_relative_path_is_held_on_to_when_the_process_moves(tmp_path, monkeypatch):
    for fmt in ('npy', 'mjpeg'):
        monkeypatch.chdir(tmp_path)
        with new(fmt[0], fmt, chunksize=2) as store:
            add(store, 0, 1)
            monkeypatch.chdir('/')
            add(store, 2)
        check(tmp_path / fmt[0], range(3))
