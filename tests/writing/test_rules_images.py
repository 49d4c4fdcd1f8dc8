"""SPEC, 'Writing': which images a store takes and gives back, each rule in a test that names it."""

import math
import os

import numpy as np
import pytest

from imgstore import new_for_filename, new_for_format
from imgstore.errors import (
    ColorLostWarning,
    ImageRejectedError,
    InvalidArgumentError,
)
from imgstore.stores import ImageCodecProcessor

from ..helpers.checked import not_none
from ..helpers.format_table import CROPPED, IMAGE_FORMATS, LOSSLESS_VIDEOS, NO_COLOR, ROWS, VIDEO_FORMATS
from ..helpers.frames import index_in, numbered
from ..helpers.raised import warns
from ..helpers.writing import FORMATS, SHAPE, WRITERS, add, check, new, video_backends

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
    for shape in (SHAPE, (*SHAPE, 3)) if fmt not in NO_COLOR else (SHAPE,):
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
LIMITS |= dict.fromkeys(LOSSLESS_VIDEOS, 16384)
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
        *[(fmt, shape, 'uint8') for fmt in CROPPED for shape in ((1, 1), (1, 9), (9, 1), (8, 1, 3))],
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
        *[(fmt, (max(2, ROWS[fmt].min_side), side)) for fmt, side in SIDES.items() if fmt != 'hevc/mp4'],
        ('png', (10**6, 1)),
        *[
            (fmt, shape)
            for fmt in VIDEO_FORMATS
            for shape in ((2, 2), (3, 3, 3), (2, 17), (17, 2), (4, 4), (15, 16, 3))
            if len(shape) == 2 or fmt not in NO_COLOR
            if min(shape[:2]) // 2 * 2 >= ROWS[fmt].min_side
        ],
    ],
)
def test_what_a_format_can_hold_comes_back(tmp_path, fmt, shape):
    with new(tmp_path / 's', fmt, shape) as store:
        for number in (0, 1):
            store.add_image(np.full(shape, 80 * number + 40, np.uint8), number, number)
    even = shape if fmt not in CROPPED else (shape[0] // 2 * 2, shape[1] // 2 * 2, *shape[2:])
    with new_for_filename(tmp_path / 's') as store:
        assert store.image_shape == even
        for number in (0, 1):
            image = store.get_next_image()[0]
            assert image.shape == even
            assert abs(image.astype(int) - (80 * number + 40)).max() < 8


@pytest.mark.parametrize(
    ('fmt', 'planes'),
    [(fmt, planes) for fmt in VIDEO_FORMATS for planes in ('gray', 'color') if planes == 'gray' or fmt not in NO_COLOR],
)
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


@pytest.mark.parametrize(('fmt', 'backend'), [kind for kind in video_backends('write') if kind[0] in CROPPED])
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
        new_for_format('pgm', tmp_path / 's', imgshape=(*SHAPE, 3)).close()
    assert warned[0].filename == __file__


@pytest.mark.parametrize('fmt', [fmt for fmt in ROWS if ROWS[fmt].color_model != 'any'])
def test_an_image_of_one_channel_is_gray(tmp_path, fmt):
    with new(tmp_path / 's', fmt, (64, 96, 1)) as store:
        store.add_image(numbered(5, SHAPE)[:, :, None], 5, 5)
        store.add_image(numbered(6, SHAPE), 6, 6)
    with new_for_filename(tmp_path / 's') as store:
        assert store.image_shape == SHAPE
        assert [index_in(store[index]) for index in range(2)] == [5, 6]
