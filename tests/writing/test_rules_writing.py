"""SPEC, 'Writing', and the rules for the arguments: each line in a test that names it."""

import contextlib
import errno
import gc
import itertools
import math
import os
import pathlib
import shutil
import subprocess
import sys

import av
import cv2
import numpy as np
import pytest
import yaml

import imgstore
from imgstore import DirectoryImgStore, VideoImgStore, new_for_filename, new_for_format
from imgstore.chunks.video.backends import BACKENDS, backend_works
from imgstore.chunks.video.pyav_writer import H264Encoder
from imgstore.errors import (
    ColorLostWarning,
    FrameWriteError,
    ImageRejectedError,
    InvalidArgumentError,
    LockTakenOverWarning,
    MissingDependencyError,
    StoreClosedError,
    StoreExistsError,
    StoreIOError,
    StoreLockedError,
    StoreModeError,
    StoreNotFoundError,
)
from imgstore.formats import resolve_format
from imgstore.stores import ImageCodecProcessor

from ..helpers import HELPERS
from ..helpers.checked import not_none
from ..helpers.format_table import COLOR_IS_LOST, IMAGE_FORMATS, ROWS, VIDEO_FORMATS
from ..helpers.frames import index_in, numbered
from ..helpers.raised import raises, warns

if sys.platform != 'win32':
    import resource

SHAPE = (64, 96)
FORMATS = [*IMAGE_FORMATS, *VIDEO_FORMATS]


def video_backends(direction):
    """Each video format with each backend that can do it on this machine."""
    return [
        (fmt, backend)
        for fmt in VIDEO_FORMATS
        for backend in BACKENDS
        if backend_works(backend, ROWS[fmt].codec, ROWS[fmt].extension, direction)
    ]


WRITERS = [*[(fmt, None) for fmt in IMAGE_FORMATS], *video_backends('write')]


def new(path, fmt='npy', shape=SHAPE, **kwargs):
    return new_for_format(fmt, path, imgshape=shape, **kwargs)


def at_once(path, fmt='npy', shape=SHAPE, **kwargs):
    """A store of which each frame is on its way to the disk, or told of as lost, before `add_image` returns."""
    return new(path, fmt, shape, workers=0, **kwargs)


def add(store, *numbers, shape=SHAPE):
    """Frames that carry their number in their pixels, at that many seconds."""
    for number in numbers:
        store.add_image(numbered(number, shape), number, number)


def record(path, fmt='npy', count=7, chunksize=3, **kwargs):
    with new(path, fmt, chunksize=chunksize, **kwargs) as store:
        add(store, *range(count))
    return path


def check(path, numbers, **kwargs):
    """Has the store just these frames, in that order, and is each of them that one?"""
    with new_for_filename(path, **kwargs) as store:
        assert store.get_frame_metadata()['frame_number'] == list(numbers)
        for number in numbers:
            image, metadata = store.get_next_image()
            assert (index_in(image), metadata) == (number, (number, float(number)))


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in pathlib.Path(folder).rglob('*') if path.is_file())


def run(code, *arguments):
    """Run Python code in a process of its own; what it printed."""
    done = subprocess.run(
        [sys.executable, '-c', code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=os.path.dirname(os.path.dirname(imgstore.__file__)),
    )
    return done.stdout + done.stderr


# --- arguments


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


# --- the image must fit


@pytest.mark.parametrize(
    'shape', [(64, 95), (96, 64), (64, 96, 3), (64, 96, 4), (64, 96, 1, 1), (1, 64, 96), (6144,), ()]
)
@pytest.mark.parametrize('fmt', ['npy', 'png', 'mjpeg'])
def test_image_of_another_shape_is_refused_and_not_indexed(tmp_path, fmt, shape):
    """An image of another shape is refused, and nothing is added to the index."""
    with new(tmp_path / 's', fmt) as store:
        with pytest.raises(ImageRejectedError, match='shape'):
            store.add_image(np.zeros(shape, np.uint8), 0, 0)
        assert store.frame_count == 0
        add(store, 0, 1)
    check(tmp_path / 's', [0, 1])


def test_a_channel_of_one_is_the_gray_image(tmp_path):
    for fmt in FORMATS:
        with new(tmp_path / fmt, fmt) as store:
            store.add_image(numbered(5, SHAPE)[:, :, None], 5, 5)
            add(store, 6)
        check(tmp_path / fmt, [5, 6])
    with new(tmp_path / 'one', 'npy', (*SHAPE, 1)) as store:
        store.add_image(numbered(5, SHAPE), 5, 5)
    assert new_for_filename(tmp_path / 'one').get_next_image()[0].shape == (*SHAPE, 1)


@pytest.mark.parametrize('image', [None, 'text', 5, [[1, 2], [3]], [None], {'a': 1}, np.array(None), object()])
def test_what_is_no_image_is_refused(tmp_path, image):
    with new(tmp_path / 's') as store, pytest.raises(ImageRejectedError):
        store.add_image(image, 0, 0)


FITTING = [
    ('uint8', [0, 255], 'int64'),
    ('uint8', [0.0, 255.0], 'float64'),
    ('uint8', [0, 1], 'bool'),
    ('bool', [0, 1], 'uint8'),
    ('uint16', [0, 255], 'uint8'),
    ('int64', [2**62], 'uint64'),
    ('float32', [2**24, -(2**31)], 'int64'),
    ('float64', [2**53, 2**60], 'int64'),
    ('float32', [math.nan, math.inf, 0.5], 'float64'),
    ('complex64', [0.5j, 2], 'complex128'),
    ('complex64', [1, 2], 'int64'),
    ('int8', [-128, 127], 'float16'),
    ('uint8', [0, 255], '>i4'),
    ('datetime64[ms]', [1, 2], 'datetime64[s]'),
]
LOSING = [
    ('uint8', [256], 'int64'),
    ('uint8', [-1], 'int8'),
    ('uint8', [0.5], 'float64'),
    ('uint8', [math.nan], 'float64'),
    ('uint8', [math.inf], 'float32'),
    ('bool', [2], 'uint8'),
    ('uint16', [65536], 'int32'),
    ('uint64', [-1], 'int64'),
    ('int64', [2**63], 'uint64'),
    ('int64', [2.0**63], 'float64'),
    ('uint64', [2.0**64], 'float32'),
    ('float32', [2**24 + 1], 'int64'),
    ('float32', [0.1], 'float64'),
    ('float32', [1e300], 'float64'),
    ('float64', [2**53 + 1], 'int64'),
    ('float64', [2**63 - 1], 'int64'),
    ('float16', [65505], 'int64'),
    ('float64', [1j], 'complex128'),
    ('complex64', [0.1], 'complex128'),
    ('uint8', ['1'], 'U1'),
    ('uint8', [1], object),
    ('int64', [1], 'datetime64[s]'),
    ('datetime64[s]', [1], 'int64'),
]


@pytest.mark.parametrize(('dtype', 'values', 'given'), FITTING)
def test_another_dtype_is_taken_where_no_value_changes(tmp_path, dtype, values, given):
    image = np.array(values, given)
    with new(tmp_path / 's', 'npy', image.shape, imgdtype=dtype) as store:
        store.add_image(image, 0, 0)
    found = new_for_filename(tmp_path / 's').get_next_image()[0]
    assert found.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(found, image)


@pytest.mark.parametrize(('dtype', 'values', 'given'), LOSING)
def test_another_dtype_is_refused_where_a_value_would_change(tmp_path, dtype, values, given):
    image = np.array(values, given)
    with new(tmp_path / 's', 'npy', image.shape, imgdtype=dtype) as store:
        with pytest.raises(ImageRejectedError, match='do not all fit'):
            store.add_image(image, 0, 0)
        assert store.frame_count == 0


def layouts():
    """Ways in which an image may lie in memory."""
    return {
        'fortran': np.asfortranarray,
        'masked': np.ma.masked_array,
        'memoryview': memoryview,
        'read only': lambda image: np.frombuffer(image.tobytes(), np.uint8).reshape(image.shape),
        'every second': lambda image: np.repeat(np.repeat(image, 2, 0), 2, 1)[::2, ::2],
        'reversed': lambda image: np.ascontiguousarray(image[::-1, ::-1])[::-1, ::-1],
        'big-endian': lambda image: image.astype('>i4'),
        'list': lambda image: image.tolist(),
        'matrix': lambda image: image.view(np.matrix) if image.ndim == 2 else image,
        'transposed': lambda image: np.ascontiguousarray(image.T).T,
    }


@pytest.mark.parametrize('layout', layouts())
@pytest.mark.parametrize(('fmt', 'backend'), WRITERS)
def test_an_image_may_lie_in_memory_in_any_way(tmp_path, fmt, backend, layout):
    for shape in (SHAPE, (*SHAPE, 3)) if fmt not in COLOR_IS_LOST else (SHAPE,):
        with new(tmp_path / str(len(shape)), fmt, shape, backend=backend) as store:
            for number in (3, 4):
                store.add_image(layouts()[layout](numbered(number, shape)), number, number)
        check(tmp_path / str(len(shape)), [3, 4])


@pytest.mark.parametrize(('fmt', 'backend'), WRITERS)
def test_image_buffer_is_reusable_after_add_image(tmp_path, fmt, backend):
    """An image buffer may be used again as soon as add_image returns."""
    buffer = np.empty(SHAPE, np.uint8)
    with new(tmp_path / 's', fmt, chunksize=4, backend=backend) as store:
        for number in range(10):
            buffer[:] = numbered(number, SHAPE)
            store.add_image(buffer, number, number)
            assert (buffer == numbered(number, SHAPE)).all()
            buffer[:] = 0
    check(tmp_path / 's', range(10))


# --- what a format cannot hold

LIMITS = {'jpg': 65500, 'png': 10**6, 'webp': 16383, 'mjpeg/avi': 65500, 'h264/mkv': 16384, 'avc1/mp4': 16384}
SIDES = {fmt: LIMITS.get(fmt, row.max_side) for fmt, row in ROWS.items() if row.color_model != 'any'}
"""The longest side that each format can have: what its library writes, and reads again."""


@pytest.mark.parametrize(
    ('fmt', 'shape', 'dtype'),
    [
        *[
            (fmt, (8, 8), t)
            for fmt in SIDES
            for t in ('bool', 'int8', 'uint16', 'int16', 'uint32', 'float32', 'float64')
            if t not in not_none(ROWS[fmt].dtypes)
        ],
        *[(fmt, shape, 'uint8') for fmt in SIDES for shape in ((8, 8, 2), (8, 8, 4), (8,), (2, 8, 8, 3))],
        *[(fmt, shape, 'uint8') for fmt in VIDEO_FORMATS for shape in ((1, 1), (1, 9), (9, 1), (8, 1, 3))],
        *[(fmt, shape, 'uint8') for fmt in FORMATS for shape in ((0, 8), (8, 8, 0), (), (-1, 8), (8.5, 8), (2**31, 8))],
        *[(fmt, shape, 'uint8') for fmt, side in SIDES.items() for shape in ((2, side + 2), (side + 2, 2, 3))],
        ('tif', (2**15, 2**15), 'uint8'),
        *[(fmt, (8, 8), t) for fmt in ('npy', 'bpk') for t in (object, [('a', 'u1')], 'U3', 'nonsense', None, 5)],
        *[('npy', shape, 'uint8') for shape in ('88', {8, 9}, 8, (True, 8), (8, None))],
    ],
)
def test_images_a_format_cannot_hold_are_refused(tmp_path, fmt, shape, dtype):
    """Making a store raises an error if its format cannot hold such images."""
    with pytest.raises(InvalidArgumentError) as refused:
        new(tmp_path / 's', fmt, shape, imgdtype=dtype)
    assert refused.value.argument in ('imgshape', 'imgdtype')
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ('fmt', 'shape'),
    [
        *[(fmt, (1, 1)) for fmt in IMAGE_FORMATS],
        *[(fmt, (2, side)) for fmt, side in SIDES.items()],
        ('png', (10**6, 1)),
        *[
            (fmt, shape)
            for fmt in VIDEO_FORMATS
            for shape in ((2, 2), (3, 3, 3), (2, 17), (17, 2), (4, 4), (15, 16, 3))
        ],
    ],
)
def test_what_a_format_can_hold_comes_back(tmp_path, fmt, shape):
    with new(tmp_path / 's', fmt, shape) as store:
        for number in (0, 1):
            store.add_image(np.full(shape, 80 * number + 40, np.uint8), number, number)
    even = shape if fmt in IMAGE_FORMATS else (shape[0] // 2 * 2, shape[1] // 2 * 2, *shape[2:])
    with new_for_filename(tmp_path / 's') as store:
        assert store.image_shape == even
        for number in (0, 1):
            image = store.get_next_image()[0]
            assert image.shape == even
            assert abs(image.astype(int) - (80 * number + 40)).max() < 8


@pytest.mark.parametrize('fmt', VIDEO_FORMATS)
@pytest.mark.parametrize('planes', ['gray', 'color'])
def test_video_of_any_height_keeps_levels_and_colours(tmp_path, fmt, planes):
    """A video of any height has its gray levels and colours in the right places."""
    for height in (*range(32, 42, 2), 486):
        image = np.full((height, 64), 60, np.uint8)
        image[height // 4 * 2 :, 32:] = 180
        if planes == 'color':
            image = np.stack([image, 255 - image, np.full_like(image, 120)], axis=2)
        with new(tmp_path / str(height), fmt, image.shape) as store:
            store.add_image(image, 0, 0)
        with new_for_filename(tmp_path / str(height)) as store:
            assert np.abs(store.get_image(0)[0].astype(int) - image).mean() < 2


@pytest.mark.parametrize(('fmt', 'backend'), video_backends('write'))
def test_an_odd_side_of_a_video_loses_its_last_row_or_column(tmp_path, fmt, backend):
    for shape in ((65, 97), (65, 96, 3), (64, 97)):
        with new(tmp_path / str(shape), fmt, shape, backend=backend) as store:
            add(store, 0, 1, shape=shape)
            with pytest.raises(ImageRejectedError):
                store.add_image(numbered(2, (64, 96, *shape[2:])), 2, 2)
            assert store.image_shape == (64, 96, *shape[2:])
        check(tmp_path / str(shape), [0, 1])


@pytest.mark.parametrize(
    ('encoding', 'shape', 'decoded'),
    [
        ('cv_bayerrg', (7, 9), (7, 9, 3)),
        ('cv_bayerrggb', (7, 9), (7, 9, 3)),
        ('cv_rgb', (7, 9, 3), (7, 9, 3)),
        ('cv_yuv_i420', (9, 8), (6, 8, 3)),
        ('cv_yuv_yuyv', (6, 8, 2), (6, 8, 3)),
        ('cv_rgba', (6, 8, 4), (6, 8, 3)),
    ],
)
def test_encoded_store_holds_raw_images_and_gives_bgr(tmp_path, encoding, shape, decoded):
    """A store with an encoding holds raw images and gives BGR images."""
    raw = np.arange(math.prod(shape), dtype=np.uint8).reshape(shape)
    with new(tmp_path / 's', 'npy', shape, encoding=encoding) as store:
        store.add_image(raw, 0, 0)
        assert store.image_shape == decoded
    with new_for_filename(tmp_path / 's') as store:
        assert store.image_shape == decoded
        bgr = store.get_next_image()[0]
        np.testing.assert_array_equal(bgr, ImageCodecProcessor().convert_to_bgr(raw, encoding))
        store.disable_decoding()
        np.testing.assert_array_equal(store.get_image(0)[0], raw)
        assert store.image_shape == shape
    with new(tmp_path / 'c', 'png+color', shape, encoding=encoding) as store:
        store.add_image(raw, 0, 0)
    with new_for_filename(tmp_path / 'c') as store:
        assert store.encoding is None
        np.testing.assert_array_equal(store.get_next_image()[0], bgr)


def test_gray_values_round_trip_in_ppm_and_pgm(tmp_path):
    """Every gray value comes back the same from ppm and pgm."""
    for fmt, dtype, count in (('ppm', 'uint8', 2**8), ('ppm', 'uint16', 2**16), ('pgm', 'uint16', 2**16)):
        image = np.arange(count, dtype=dtype).reshape(-1, 16)
        with new(tmp_path / fmt, fmt, image.shape, imgdtype=dtype, overwrite=True) as store:
            store.add_image(image, 0, 0)
        np.testing.assert_array_equal(new_for_filename(tmp_path / fmt).get_next_image()[0], image)


def test_colour_in_pgm_is_warned_of_at_the_users_line(tmp_path):
    with warns(ColorLostWarning, format='pgm') as warned:
        new(tmp_path / 's', 'pgm', (*SHAPE, 3)).close()
    assert warned[0].filename == __file__


# --- where a store is already


def test_a_folder_that_is_there_may_become_a_store(tmp_path):
    (tmp_path / 'notes.txt').write_text('mine')
    (tmp_path / 'sub').mkdir()
    record(tmp_path)
    assert (tmp_path / 'notes.txt').read_text() == 'mine'
    check(tmp_path, range(7))


@pytest.mark.parametrize('fmt', ['npy', 'mjpeg'])
def test_a_store_that_is_there_is_untouched(tmp_path, fmt):
    record(tmp_path / 's', fmt)
    before = {name: (tmp_path / 's' / name).read_bytes() for name in files(tmp_path / 's')}
    for kwargs in ({}, {'overwrite': False}, {'fmt': 'avc1/mp4'}):
        with raises(StoreExistsError, replaceable=True):
            new(tmp_path / 's', **kwargs)
    with pytest.raises(InvalidArgumentError):
        new(tmp_path / 's', overwrite=True, chunksize=0)
    assert before == {name: (tmp_path / 's' / name).read_bytes() for name in files(tmp_path / 's')}


def test_chunks_that_have_lost_their_metadata_are_untouched(tmp_path):
    for fmt in ('npy', 'avc1/mp4'):
        record(tmp_path / fmt[0], fmt)
        (tmp_path / fmt[0] / 'metadata.yaml').unlink()
        before = files(tmp_path)
        with raises(StoreExistsError, replaceable=True):
            new(tmp_path / fmt[0])
        assert files(tmp_path) == before


USERS_FILES = [
    'notes/000000/000000.png',
    '20240131.mp4',
    '20240131.npz',
    '240131.avi',
    '20240131/120000.jpg',
    '240131/235959.npy',
    'preview.avi',
    '000000/index.txt',
    'readme.yaml',
    '000000.txt',
    'index.npz',
    '000000.json',
    '000.mp4',
]


@pytest.mark.filterwarnings('ignore::imgstore.errors.ChunkSkippedWarning')
@pytest.mark.parametrize('old', ['npy', 'mjpeg', 'avc1/mp4'])
@pytest.mark.parametrize('fmt', ['png', 'npy', 'mjpeg', 'h264/mkv'])
def test_overwrite_replaces_store_and_keeps_users_files(tmp_path, old, fmt):
    """Overwriting replaces the complete store and keeps the user's own files."""
    with new(tmp_path / 's', old, chunksize=2, metadata={'old': 1}) as store:
        store.add_extra_data(a=1)
        add(store, *range(9))
        store.add_extra_data(a=1)
    with new_for_filename(tmp_path / 's') as store:
        store.save_index()
    for name in (
        '000001.extra_data.h5',
        '000001.extra_data.json',
        '.000005.open.avi',
        '.000005.extra.open.json',
        *USERS_FILES,
    ):
        (tmp_path / 's' / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / 's' / name).write_text('mine')
    record(tmp_path / 's', fmt, 3, chunksize=3, overwrite=True)
    row = resolve_format(fmt)
    chunk = [f'000000/00000{n}{row.extension}' for n in range(3)] + ['000000/index.npz']
    if not row.is_image_folder:
        chunk = ['000000' + row.extension, '000000.npz']
    assert set(files(tmp_path / 's')) == {'metadata.yaml', *chunk, *USERS_FILES}
    check(tmp_path / 's', range(3))
    with new_for_filename(tmp_path / 's') as store:
        assert (store.chunks, store.user_metadata, store.has_extra_data) == ([0], {}, False)


def test_folder_of_dated_videos_may_become_a_store(tmp_path):
    """A folder of videos named by date may become a store and keeps those videos."""
    names = ['20240131.mp4', '20240201.mp4', '240131/000000.png']
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text('mine')
    with new(tmp_path, 'npy', chunksize=2) as store:
        add(store, *range(5))
        store.empty()
        add(store, 7)
    assert set(names) < set(files(tmp_path))
    check(tmp_path, [7])


# --- one writer at a time


def test_a_store_that_another_writer_holds_is_refused(tmp_path):
    with at_once(tmp_path / 's') as store:
        add(store, 0)
        before = files(tmp_path)
        with pytest.raises(StoreExistsError):
            new(tmp_path / 's')
        with raises(StoreLockedError, file='.lock'):
            new(tmp_path / 's', overwrite=True)
        assert files(tmp_path) == before
        add(store, 1)
    check(tmp_path / 's', [0, 1])
    record(tmp_path / 's', overwrite=True)


OTHER_WRITER = """
import sys, imgstore
try:
    imgstore.new_for_format('npy', sys.argv[1], imgshape=(64, 96), overwrite=True)
except imgstore.errors.StoreLockedError as error:
    print('refused:', error)
"""


@pytest.mark.process
def test_a_store_that_another_process_holds_is_refused(tmp_path):
    with new(tmp_path / 's', chunksize=2) as store:
        add(store, 0, 1, 2)
        assert run(OTHER_WRITER, tmp_path / 's').startswith('refused: ')
        add(store, 3)
    check(tmp_path / 's', range(4))
    assert run(OTHER_WRITER, tmp_path / 's') == ''


KILLED_WRITER = """
import os, sys, imgstore
sys.path.insert(0, sys.argv[2])
from frames import numbered
store = imgstore.new_for_format('npy', sys.argv[1], imgshape=(64, 96), chunksize=3, workers=0)
for n in range(8):
    store.add_image(numbered(n, (64, 96)), n, n)
os._exit(1)
"""


@pytest.mark.process
def test_lock_of_killed_writer_is_taken_over(tmp_path):
    """A new writer takes over the lock of a killed writer and warns about it."""
    run(KILLED_WRITER, tmp_path / 's', str(HELPERS))
    assert (tmp_path / 's' / '.lock').exists()
    check(tmp_path / 's', range(8))
    with pytest.raises(StoreExistsError):
        new(tmp_path / 's')
    with pytest.warns(LockTakenOverWarning) as warned:
        store = new(tmp_path / 's', overwrite=True)
    assert warned[0].filename == __file__
    with store:
        add(store, 5)
    check(tmp_path / 's', [5])
    assert files(tmp_path / 's') == ['000000/000000.npy', '000000/index.npz', 'metadata.yaml']


def test_a_reader_does_not_mind_a_writer(tmp_path):
    with at_once(tmp_path / 's', chunksize=2) as store:
        add(store, *range(4))
        check(tmp_path / 's', range(4))
    check(tmp_path / 's', range(4))


# --- what cannot be written


@contextlib.contextmanager
def files_of_at_most(size):
    """A disk that is full once a file has that many bytes."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


if sys.platform != 'win32':

    @pytest.mark.parametrize('fmt', IMAGE_FORMATS)
    def test_image_without_disk_space_is_named_and_others_kept(tmp_path, fmt):
        """An image that does not fit on the disk is named in the error, and all other images are kept."""
        with at_once(tmp_path / 's', fmt, chunksize=4) as store:
            add(store, 0, 1, 2, 3, 4)
            with files_of_at_most(1000):
                for number in (55, 56):
                    with raises(FrameWriteError, frame_number=number):
                        add(store, number)
            assert store.frame_count == 5
            add(store, 5, 6, 7, 8, 9)
        check(tmp_path / 's', range(10))
        assert not [name for name in files(tmp_path / 's') if '.open' in name or '.lock' in name]

    def test_first_image_that_does_not_fit_leaves_no_chunk(tmp_path):
        """If the first image of a chunk does not fit on the disk, no chunk remains."""
        with at_once(tmp_path / 's', chunksize=2) as store:
            add(store, 0, 1)
            with files_of_at_most(1000):
                for number in range(50, 53):
                    with raises(FrameWriteError, frame_number=number):
                        add(store, number)
            store.add_extra_data(of=1)
            there = {*os.listdir(tmp_path / 's')} - {'.000000.open.complete'}  # which goes at any time
            assert there == {'.000000.open.journal', '.lock', '000000', 'metadata.yaml'}
            add(store, 2)
        check(tmp_path / 's', range(3))
        assert '000000/index.extra.json' in files(tmp_path / 's')

    @pytest.mark.parametrize('fmt', ['npy', 'mjpeg', 'avc1/mp4'])
    def test_an_index_that_does_not_fit_is_tried_again(tmp_path, fmt):
        with at_once(tmp_path / 's', fmt, chunksize=3) as store:
            add(store, 0, 1, 2)
            store.add_extra_data(text='x' * 50000)
            with files_of_at_most(50000):
                for number in (33, 34):
                    with raises(FrameWriteError, frame_number=number, frame_numbers=(0, 1, 2, number)):
                        add(store, number)
            add(store, 3, 4)
            assert store.chunks == [0, 1]
        check(tmp_path / 's', range(5))
        assert not_none(new_for_filename(tmp_path / 's').get_extra_data())['frame_index'].tolist() == [2]

    @pytest.mark.parametrize('fmt', ['npy', 'mjpeg', 'avc1/mp4'])
    def test_close_reports_incomplete_store_and_closes_it(tmp_path, fmt):
        """A store that cannot be completed raises an error on close and is closed."""
        store = at_once(tmp_path / 's', fmt, chunksize=3)
        add(store, 0, 1, 2, 3)
        store.add_extra_data(text='x' * 50000)
        with files_of_at_most(50000), raises(FrameWriteError, chunk=1, frame_numbers=(3,)):
            store.close()
        store.close()
        assert not (tmp_path / 's' / '.lock').exists()
        check(tmp_path / 's', range(4))  # the journal has what the index could not take
        assert imgstore.repair(tmp_path / 's')
        check(tmp_path / 's', range(4))
        assert not [name for name in files(tmp_path / 's') if '.open' in name]

    @pytest.mark.parametrize(('fmt', 'backend'), video_backends('write'))
    def test_oversized_video_keeps_all_frames_not_named(tmp_path, fmt, backend):
        """If a video does not fit on the disk, every frame that no error names is kept."""
        shape, added, failed = (128, 160), [], []
        store = at_once(tmp_path / 's', fmt, shape, backend=backend, chunksize=60)
        with files_of_at_most(60000 if fmt == 'mjpeg/avi' else 15000):
            for number in range(100):
                try:
                    add(store, number, shape=shape)
                    added.append(number)
                except FrameWriteError as error:
                    failed.append((number, error))
        assert all(error.frame_number == number for number, error in failed)
        add(store, 200, 201, shape=shape)
        store.close()
        with new_for_filename(tmp_path / 's') as reader:
            kept = reader.get_frame_metadata()['frame_number']
            assert [index_in(reader.get_next_image()[0]) for _ in kept] == kept
        assert kept[-2:] == [200, 201]
        assert failed
        assert len(kept) > 10
        assert set(added) - set(kept) <= {number for _, error in failed for number in error.frame_numbers}

    @pytest.mark.parametrize('size', [0, 10])
    def test_a_store_that_cannot_be_made_leaves_no_folder(tmp_path, size):
        with files_of_at_most(size), raises(StoreIOError, store=str(tmp_path / 's')):
            at_once(tmp_path / 's')
        assert os.listdir(tmp_path) == []
        record(tmp_path / 's')


@pytest.mark.parametrize('fmt', ['npy', 'png', 'mjpeg', 'h264/mkv', 'avc1/mp4'])
def test_a_store_whose_folder_was_removed_is_not_made_anew(tmp_path, fmt):
    store = at_once(tmp_path / 's', fmt, chunksize=4)
    add(store, 0, 1)
    store.add_extra_data(a=1)
    shutil.rmtree(tmp_path / 's')
    with raises(FrameWriteError, frame_number=2, frame_numbers=(0, 1, 2)):
        add(store, 2)
    for number in (3, 4):
        with raises(FrameWriteError, frame_number=number):
            add(store, number)
    with contextlib.suppress(FrameWriteError):
        store.close()
    store.close()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize('fmt', ['npy', 'mjpeg', 'h264/mkv', 'avc1/mp4'])
def test_frames_of_removed_folder_are_named_by_close(tmp_path, fmt):
    """If the store's folder was removed, close() at the latest names the lost frames."""
    store = at_once(tmp_path / 's', fmt)
    add(store, 5, 6, 7)
    shutil.rmtree(tmp_path / 's')
    with raises(FrameWriteError, frame_numbers=(5, 6, 7)):
        store.close()
    assert os.listdir(tmp_path) == []


def test_writer_without_folder_leaves_next_lock_alone(tmp_path):
    """A writer whose folder was removed leaves the lock of the next writer alone."""
    gone = at_once(tmp_path / 's', 'mjpeg')
    shutil.rmtree(tmp_path / 's')
    with at_once(tmp_path / 's', 'npy') as store:
        gone.close()
        with pytest.raises(StoreLockedError):
            at_once(tmp_path / 's', overwrite=True)
        add(store, 0)
    check(tmp_path / 's', [0])


def test_frames_of_removed_chunk_are_named(tmp_path):
    """An error names the frames of a chunk that was removed, and the recording goes on."""
    with at_once(tmp_path / 's', chunksize=5) as store:
        add(store, *range(7))
        shutil.rmtree(tmp_path / 's' / '000001')
        with raises(FrameWriteError, frame_number=7, frame_numbers=(5, 6, 7)):
            add(store, 7)
        add(store, 8, 9)
    check(tmp_path / 's', [0, 1, 2, 3, 4, 8, 9])


class FailingContainer:
    """PyAV's container, whose packets cannot be written from the one on with that number."""

    def __init__(self, container, first):
        self._container, self._left = container, first

    def __getattr__(self, name):
        return getattr(self._container, name)

    def mux(self, packets):
        self._left -= bool(packets)
        if self._left < 0:
            raise av.FFmpegError(5, 'the encoder died')
        self._container.mux(packets)


def failing_from(first, error=None, after=False):
    """What encodes H.264 until a frame, at which it raises, if so asked once the frame is encoded."""
    encode, count = H264Encoder.packets, itertools.count()

    def packets(*args):
        number = next(count)
        if number >= first and not after:
            raise error or av.FFmpegError(5, 'the encoder died')
        encoded = encode(*args)
        if number == first and after:
            raise error
        return encoded

    return packets


@pytest.mark.filterwarnings('ignore::imgstore.errors.ChunkSkippedWarning')  # where not one frame of it can be read
@pytest.mark.parametrize('fmt', VIDEO_FORMATS)
@pytest.mark.parametrize('first', [0, 1, 4])
def test_failing_video_encoder_costs_only_named_frames(tmp_path, monkeypatch, fmt, first):
    """A video encoder that fails costs only the frames that the error names."""
    opened = av.open
    store = at_once(tmp_path / 's', fmt, backend='pyav', chunksize=20)
    with monkeypatch.context() as patch:
        patch.setattr(
            av,
            'open',
            lambda *args, **kwargs: (
                FailingContainer(opened(*args, **kwargs), first) if 'w' in args else opened(*args, **kwargs)
            ),
        )
        patch.setattr(H264Encoder, 'packets', failing_from(first) if fmt == 'h264/mkv' else H264Encoder.packets)
        with pytest.raises(FrameWriteError) as raised:
            add(store, *range(18))
    written = store.frame_count
    add(store, 20, 21)
    store.close()
    assert raised.value.frame_numbers == tuple(range(written, not_none(raised.value.frame_number) + 1))
    check(tmp_path / 's', [*range(written), 20, 21])


class LossyWriter:
    """OpenCV's writer, which says nothing when frames are lost."""

    made = cv2.VideoWriter

    def __init__(self, *args):
        self._writer, self._count = LossyWriter.made(*args), 0

    def __getattr__(self, name):
        return getattr(self._writer, name)

    def write(self, image):
        self._count += 1
        if self._count <= 3:
            self._writer.write(image)

    fourcc = made.fourcc


@pytest.mark.parametrize(('fmt', 'backend'), [pair for pair in video_backends('write') if pair[1] == 'opencv'])
def test_frames_that_opencv_lost_without_a_word_are_named(tmp_path, monkeypatch, fmt, backend):
    with monkeypatch.context() as patch:
        patch.setattr(cv2, 'VideoWriter', LossyWriter)
        store = at_once(tmp_path / 's', fmt, backend=backend, chunksize=5)
        add(store, *range(5))
        with raises(FrameWriteError, frame_number=5, frame_numbers=(3, 4, 5)):
            add(store, 5)
    add(store, 6)
    store.close()
    check(tmp_path / 's', [0, 1, 2, 6])


@pytest.mark.parametrize('result', [(False, None), cv2.error('broken'), KeyboardInterrupt(), MemoryError()], ids=repr)
def test_an_image_that_cannot_be_encoded_is_not_indexed(tmp_path, monkeypatch, result):
    def fail(*args):
        if isinstance(result, tuple):
            return result
        raise result

    with at_once(tmp_path / 's', 'png', chunksize=5) as store:
        add(store, 0, 1)
        with monkeypatch.context() as patch:
            patch.setattr(cv2, 'imencode', fail)
            expected = FrameWriteError if isinstance(result, (tuple, cv2.error)) else type(result)
            with pytest.raises(expected):
                add(store, 2)
        add(store, 3)
    check(tmp_path / 's', [0, 1, 3])


@pytest.mark.parametrize('fmt', VIDEO_FORMATS)
def test_a_frame_that_was_interrupted_shifts_no_other(tmp_path, monkeypatch, fmt):
    class Interrupted(FailingContainer):
        def mux(self, packets):
            self._container.mux(packets)
            self._left -= 1
            if self._left == 0:
                raise KeyboardInterrupt

    opened = av.open
    monkeypatch.setattr(
        av,
        'open',
        lambda *args, **kwargs: Interrupted(opened(*args, **kwargs), 3) if 'w' in args else opened(*args, **kwargs),
    )
    if fmt == 'h264/mkv':
        monkeypatch.setattr(H264Encoder, 'packets', failing_from(2, KeyboardInterrupt(), after=True))
    store = at_once(tmp_path / 's', fmt, backend='pyav')
    add(store, 0, 1)
    with pytest.raises(KeyboardInterrupt):
        add(store, 2)
    add(store, 3)
    store.close()
    check(tmp_path / 's', [0, 1, 3])


# --- close


@pytest.mark.parametrize('fmt', FORMATS)
def test_close_twice_is_harmless_and_add_then_fails(tmp_path, fmt):
    """Calling close() again does nothing, and adding to a closed store raises an error."""
    store = new(tmp_path / 's', fmt)
    add(store, 0)
    store.close()
    before = files(tmp_path)
    store.close()
    with store:
        pass
    for call in (lambda: add(store, 1), lambda: store.add_extra_data(a=1), store.empty):
        with pytest.raises(StoreClosedError):
            call()
    assert files(tmp_path) == before
    assert (store.frame_count, store.chunks, store.frame_number) == (1, [0], 0)
    check(tmp_path / 's', [0])


def test_an_error_in_the_block_still_completes_the_store(tmp_path):
    with contextlib.suppress(ZeroDivisionError), new(tmp_path / 's') as store:
        add(store, 0, 1)
        1 / 0  # noqa: B018
    check(tmp_path / 's', [0, 1])


FORGETFUL = """
import os, sys, imgstore
sys.path.insert(0, sys.argv[2])
from frames import numbered

def record(fmt):
    store = imgstore.new_for_format(fmt, os.path.join(sys.argv[1], fmt[:2]), imgshape=(64, 96), chunksize=3)
    for n in range(8):
        store.add_image(numbered(n, (64, 96)), n, n)
    store.add_extra_data(n=n)
    store.itself = store
    return store

stores = [record('npy'), record('png')]
if hasattr(os, 'fork'):
    if os.fork() == 0:
        sys.exit(0)  # a child leaves its parent's stores alone
    os.wait()
stores += [record('mjpeg'), record('h264/mkv'), record('avc1/mp4')]
for store in stores:
    store.add_image(numbered(8, (64, 96)), 8, 8)
"""


@pytest.mark.process
def test_unclosed_store_is_complete_at_process_exit(tmp_path):
    """A store that was never closed is complete when its process ends."""
    lines = run(FORGETFUL, tmp_path, str(HELPERS)).splitlines()
    assert not [line for line in lines if 'fork()' not in line]  # Python 3.12 warns of it
    for name in ('np', 'pn', 'mj', 'h2', 'av'):
        check(tmp_path / name, range(9))
        assert not_none(new_for_filename(tmp_path / name).get_extra_data())['n'].tolist() == [7]
        assert not (tmp_path / name / '.lock').exists()


def test_a_store_that_nobody_holds_any_more_is_complete(tmp_path):
    store = new(tmp_path / 's')
    add(store, 0, 1)
    del store
    gc.collect()
    check(tmp_path / 's', [0, 1])


# --- files are whole or not there


@pytest.mark.parametrize('fmt', FORMATS)
def test_no_chunk_is_seen_before_it_is_whole(tmp_path, fmt):
    with at_once(tmp_path / 's', fmt, chunksize=2) as store:
        add(store, 0, 1, 2)
        visible = [name for name in files(tmp_path / 's') if not os.path.basename(name).startswith('.')]
        complete = ['000000/index.npz'] if fmt in IMAGE_FORMATS else ['000000' + store._ext, '000000.npz']
        assert [name for name in visible if '000000.' in name[:7] or 'index' in name] == sorted(complete)
        assert not [name for name in visible if name.startswith('000001.') or name == '000001/index.npz']
    assert not [name for name in files(tmp_path / 's') if os.path.basename(name).startswith('.')]


# --- extra data


@pytest.mark.parametrize('fmt', ['npy', 'mjpeg', 'avc1/mp4'])
def test_extra_data_go_into_the_chunk_of_their_frame(tmp_path, fmt):
    with new(tmp_path / 's', fmt, chunksize=2) as store:
        store.add_extra_data(at='start')
        for number in range(5):
            add(store, number)
            store.add_extra_data(at=number)
    with new_for_filename(tmp_path / 's') as reader:
        assert [
            pathlib.Path(path).relative_to(tmp_path / 's').parts[0][:6] for path in reader.find_extra_data_files()
        ] == ['000000', '000001', '000002']
        table = not_none(reader.get_extra_data())
        assert table['at'].tolist() == ['start', 0, 1, 2, 3, 4]
        assert table['frame_index'].tolist() == [-1, 0, 1, 2, 3, 4]
        for chunk, path in enumerate(reader.find_extra_data_files()):
            indexes = [record['frame_index'] for record in yaml.safe_load(pathlib.Path(path).read_text())]
            assert [index // 2 for index in indexes if index >= 0] == [chunk] * len([i for i in indexes if i >= 0])


def test_extra_data_of_a_store_without_frames_are_kept(tmp_path):
    for fmt in ('npy', 'mjpeg'):
        with new(tmp_path / fmt, fmt) as store:
            store.add_extra_data(a=1)
            assert store.has_extra_data
        with new_for_filename(tmp_path / fmt) as reader:
            assert len(reader) == 0
            if fmt == 'npy':
                assert not_none(reader.get_extra_data())['a'].tolist() == [1]


@pytest.mark.parametrize('key', ['frame_time', 'frame_number', 'frame_index'])
def test_a_key_of_the_stores_own_in_extra_data_is_refused(tmp_path, key):
    with new(tmp_path / 's') as store:
        add(store, 0)
        with raises(ValueError, argument='data'):
            store.add_extra_data(**{key: 1, 'a': 2})
        assert not store.has_extra_data


@pytest.mark.parametrize('value', [object(), print, {1: {object(): 2}}, [object()]])
def test_unwritable_extra_data_is_refused(tmp_path, value):
    """Extra data that cannot be written raises an error and does not harm other records."""
    with new(tmp_path / 's') as store:
        add(store, 0)
        store.add_extra_data(a=1)
        with pytest.raises(TypeError):
            store.add_extra_data(a=value)
        store.add_extra_data(a=2)
    assert not_none(new_for_filename(tmp_path / 's').get_extra_data())['a'].tolist() == [1, 2]


def test_extra_data_are_kept_as_they_were_when_they_were_added(tmp_path):
    values = [1, 2]
    with new(tmp_path / 's') as store:
        add(store, 0)
        store.add_extra_data(values=values, array=np.arange(2), self_='x')
        values.append(3)
    assert not_none(new_for_filename(tmp_path / 's').get_extra_data())['values'].tolist() == [[1, 2]]


# --- empty


@pytest.mark.parametrize(('fmt', 'backend'), WRITERS)
@pytest.mark.parametrize('count', [0, 3, 4])
def test_an_emptied_store_has_no_old_frame_and_takes_new_ones(tmp_path, fmt, backend, count):
    with new(tmp_path / 's', fmt, chunksize=3, backend=backend, metadata={'a': 1}) as store:
        (tmp_path / 's' / 'notes.txt').write_text('mine')
        identity = store.uuid
        store.add_extra_data(old=1)
        for number in range(100, 100 + count):
            add(store, number)
            store.add_extra_data(old=1)
        store.empty()
        assert sorted(os.listdir(tmp_path / 's')) == ['.lock', 'metadata.yaml', 'notes.txt']
        assert (store.frame_count, store.chunks, store.has_extra_data, len(store)) == (0, [], False, 0)
        assert math.isnan(store.frame_number)
        with pytest.raises(StoreLockedError):
            new(tmp_path / 's', overwrite=True)
        add(store, *range(5))
        store.add_extra_data(new=1)
    check(tmp_path / 's', range(5))
    with new_for_filename(tmp_path / 's') as reader:
        assert list(not_none(reader.get_extra_data())) == ['new', 'frame_time', 'frame_number', 'frame_index']
        assert (reader.uuid, reader.user_metadata) == (identity, {'a': 1})


def test_a_store_that_was_emptied_and_closed_is_empty(tmp_path):
    for fmt in ('npy', 'mjpeg'):
        with new(tmp_path / fmt, fmt, chunksize=2) as store:
            add(store, *range(5))
            store.empty()
        black = ['000000.avi', '000000.npz'] if fmt == 'mjpeg' else []
        assert files(tmp_path / fmt) == [*black, 'metadata.yaml']
        check(tmp_path / fmt, [])


# --- insert_chunk


@pytest.fixture
def video(tmp_path):
    """Makes a finished video of frames with these numbers in their pixels."""

    def make(fmt, *numbers, name='video', backend=None):
        with new(tmp_path / 'made', fmt, overwrite=True, backend=backend) as store:
            add(store, *numbers)
        path = tmp_path / (name + store._ext)
        return shutil.move(tmp_path / 'made' / ('000000' + store._ext), path)

    return make


@pytest.mark.parametrize(('fmt', 'backend'), video_backends('write'))
def test_an_inserted_video_is_a_chunk_among_others(tmp_path, video, fmt, backend):
    with new(tmp_path / 's', fmt, chunksize=3, backend=backend) as store:
        store.insert_chunk(video(fmt, 90, 91), [90, 91], [90, 91])
        add(store, 0, 1, 2, 3)
        store.insert_chunk(video(fmt, *range(10, 17)), range(10, 17), np.arange(10, 17))
        assert (store.frame_count, store.frame_number, store.frame_time) == (13, 16, 16.0)
        add(store, 20)
        assert store.chunks == [0, 1, 2, 3, 4]
        assert (store.frame_min, store.frame_max, store.duration) == (0, 91, 91.0)
    check(tmp_path / 's', [90, 91, 0, 1, 2, 3, *range(10, 17), 20])
    with new_for_filename(tmp_path / 's') as reader:
        assert reader.chunks == [0, 1, 2, 3, 4]
        assert (reader.frame_min, reader.frame_max, reader.duration, len(reader)) == (0, 91, 91.0, 14)
        assert index_in(reader.get_image(13)[0]) == 13
        assert index_in(reader.get_image(None, frame_index=13)[0]) == 20


def test_an_inserted_video_is_on_disk_at_once_with_its_index(tmp_path, video):
    with new(tmp_path / 's', 'mjpeg') as store:
        store.insert_chunk(video('mjpeg', 5, 6), [5, 6], [5, 6])
        check(tmp_path / 's', [5, 6])


def test_extra_data_go_with_the_inserted_frames(tmp_path, video):
    with new(tmp_path / 's', 'mjpeg', chunksize=2) as store:
        add(store, 0)
        store.add_extra_data(at=0)
        store.insert_chunk(video('mjpeg', 5, 6), [5, 6], [5, 6])
        store.add_extra_data(at=6)
        add(store, 7)
        store.add_extra_data(at=7)
        store.insert_chunk(video('mjpeg', 8), [8], [8])
        store.add_extra_data(at=8)
    with new_for_filename(tmp_path / 's') as reader:
        names = [os.path.basename(path) for path in reader.find_extra_data_files()]
        assert names == [f'00000{n}.extra.json' for n in range(4)]
        table = not_none(reader.get_extra_data())
        assert table['at'].tolist() == table['frame_number'].tolist() == [0, 6, 7, 8]
        assert table['frame_index'].tolist() == [0, 2, 3, 4]


@pytest.mark.parametrize('move', [True, False])
@pytest.mark.parametrize('name', ['video', 'späte [Mäuse]'])
def test_an_inserted_video_is_moved_or_copied(tmp_path, video, move, name):
    path = video('mjpeg', 5, 6, name=name)
    upper = path.with_suffix('.AVI')
    path.rename(upper)
    content = upper.read_bytes()
    with new(tmp_path / 's', 'mjpeg') as store:
        store.insert_chunk(upper, [5, 6], [5, 6], move=move)
    assert upper.exists() != move
    assert (tmp_path / 's' / '000000.avi').read_bytes() == content
    check(tmp_path / 's', [5, 6])


def test_a_video_on_another_file_system_is_moved_too(tmp_path, video, monkeypatch):
    path = video('mjpeg', 5, 6)
    replace = os.replace

    def replace_here(source, target):
        if os.path.dirname(source) != os.path.dirname(target):
            raise OSError(errno.EXDEV, 'Invalid cross-device link')
        replace(source, target)

    monkeypatch.setattr(os, 'replace', replace_here)
    with new(tmp_path / 's', 'mjpeg') as store:
        store.insert_chunk(path, [5, 6], [5, 6])
    assert not path.exists()
    check(tmp_path / 's', [5, 6])


def test_a_link_to_a_video_is_inserted_as_the_video(tmp_path, video):
    path = video('mjpeg', 5, 6)
    link = tmp_path / 'link.avi'
    link.symlink_to('video.avi')
    with new(tmp_path / 's', 'mjpeg') as store:
        store.insert_chunk(link, [5, 6], [5, 6])
    assert path.exists()
    assert not link.is_symlink()
    check(tmp_path / 's', [5, 6])


@pytest.mark.parametrize(
    ('numbers', 'times'),
    [
        ([5], [5, 6]),
        ([5, 6], [5]),
        ([5, 6, 7], [5, 6, 7]),
        ([5], [5]),
        ([], []),
        ([5, 1.5], [5, 6]),
        ([5, None], [5, 6]),
        ([5, float('nan')], [5, 6]),
        ([5, 6], [5, None]),
        ([5, 2**63], [5, 6]),
    ],
)
def test_mismatched_numbers_and_times_are_refused(tmp_path, video, numbers, times):
    """Numbers and times that do not fit the video raise an error, and the store does not change."""
    path = video('mjpeg', 5, 6)
    with new(tmp_path / 's', 'mjpeg') as store:
        add(store, 0)
        with pytest.raises(InvalidArgumentError):
            store.insert_chunk(path, numbers, times)
        assert path.exists()
        assert (store.frame_count, store.chunks) == (1, [0])
        add(store, 1)
        assert store.chunks == [0]
        store.insert_chunk(path, [5, 6], [5, 6])
    check(tmp_path / 's', [0, 1, 5, 6])


def test_unsuitable_video_is_refused_without_changes(tmp_path, video):
    """A file that is not a suitable video is refused, and nothing changes."""
    (tmp_path / 'folder.avi').mkdir()
    (tmp_path / 'text.avi').write_text('this is no video')
    (tmp_path / 'nothing.avi').write_bytes(b'')
    mp4 = video('avc1/mp4', 5, 6)
    with new(tmp_path / 's', 'mjpeg') as store:
        missing, folder, text, empty = (tmp_path / f'{name}.avi' for name in ('none', 'folder', 'text', 'nothing'))
        for path in (missing, folder, text, empty, mp4, '', 5, 'a\0.avi'):
            with pytest.raises(InvalidArgumentError):
                store.insert_chunk(path, [5, 6], [5, 6])
        assert files(tmp_path / 's') == ['.lock', 'metadata.yaml']
    assert mp4.exists()


def test_only_a_writer_of_videos_inserts_chunks(tmp_path, video):
    record(tmp_path / 's', 'mjpeg')
    path = video('mjpeg', 5, 6)
    with new_for_filename(tmp_path / 's') as reader, pytest.raises(StoreModeError):
        reader.insert_chunk(path, [5, 6], [5, 6])
    store = new(tmp_path / 'w', 'mjpeg')
    store.close()
    with pytest.raises(StoreClosedError):
        store.insert_chunk(path, [5, 6], [5, 6])
    assert path.exists()


# --- wrong mode


def test_writing_to_a_reader_says_so(tmp_path):
    record(tmp_path / 's')
    before = files(tmp_path)
    with new_for_filename(tmp_path / 's') as reader:
        for call in (lambda: add(reader, 9), lambda: reader.add_extra_data(a=1), reader.empty):
            with pytest.raises(StoreModeError):
                call()
    assert files(tmp_path) == before


def test_reading_from_a_writer_says_so(tmp_path):
    with new(tmp_path / 's') as store:
        add(store, 0)
        for call in (
            store.get_next_image,
            store.get_next_framenumber,
            lambda: store.get_image(0),
            store.reindex,
            lambda: store.get_nearest_image(0),
            store.get_frame_metadata,
            store.get_extra_data,
            store.disable_decoding,
        ):
            with pytest.raises(StoreModeError):
                call()
        add(store, 1)
    check(tmp_path / 's', [0, 1])
