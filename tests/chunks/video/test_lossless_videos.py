"""Lossless videos: every bit of every frame, whatever is asked for first, and no damage without a word."""

import numpy as np
import pytest
import yaml

from imgstore import new_for_filename, new_for_format
from imgstore.chunks.video.backends import ENVIRONMENT_VARIABLE
from imgstore.convert import convert
from imgstore.errors import FrameReadError, ImageRejectedError, InvalidArgumentError, MissingDependencyError
from imgstore.export import export_video, select
from imgstore.formats import format_names

from ...helpers.format_table import LOSSLESS_VIDEOS, ROWS
from ...helpers.raised import raises

GRAY, COLOUR = (48, 64), (48, 64, 3)
LARGE = (512, 514)  # pixels enough for slices

KINDS = [
    (fmt, shape, dtype)
    for fmt in LOSSLESS_VIDEOS
    for shape in (GRAY, COLOUR)
    for dtype in ROWS[fmt].dtypes or ()
    if ROWS[fmt].holds(dtype, len(shape) == 3)
]


def random_images(shape, dtype='uint8', count=25, bits=16):
    rng = np.random.default_rng(0)
    most = min(2**bits, np.iinfo(dtype).max + 1)
    return rng.integers(0, most, (count, *shape)).astype(dtype)


def record(folder, fmt, images, **options):
    options = {'chunksize': 10, **options}
    with new_for_format(fmt, folder, imgshape=images.shape[1:], imgdtype=images.dtype, **options) as store:
        for index, image in enumerate(images):
            store.add_image(image, index, index / 25)
    return folder


@pytest.mark.parametrize(('fmt', 'shape', 'dtype'), KINDS)
def test_every_bit_is_kept(tmp_path, fmt, shape, dtype):
    images = random_images(shape, dtype)
    images[0].flat[:256] = range(256)
    with new_for_filename(record(tmp_path / 's', fmt, images)) as store:
        assert store.lossless
        assert store.dtype == dtype
        assert np.array_equal(store[:], images)
        for index in np.random.default_rng(1).permutation(len(images)).tolist():
            assert np.array_equal(store.get_image(index)[0], images[index])


@pytest.mark.parametrize('verify', [True, False])
@pytest.mark.parametrize('fmt', LOSSLESS_VIDEOS)
def test_large_frames_are_decoded_in_slices(tmp_path, fmt, verify):
    images = random_images(LARGE)
    with new_for_filename(record(tmp_path / 's', fmt, images), verify=verify, cache_bytes=0) as store:
        for index in (24, 3, 17, 4, 5, 0):
            assert np.array_equal(store.get_image(index)[0], images[index])


@pytest.mark.parametrize('shape', [(1, 1), (1, 7), (5, 1), (1, 400), (3, 16384), (289, 352), (288, 353)])
@pytest.mark.parametrize('fmt', LOSSLESS_VIDEOS)
def test_any_sides_are_kept(tmp_path, fmt, shape):
    images = random_images(shape, count=2)
    with new_for_filename(record(tmp_path / 's', fmt, images)) as store:
        assert np.array_equal(store[:], images)


def test_sides_beyond_ffv1_are_refused(tmp_path):
    with raises(InvalidArgumentError, argument='imgshape'):
        new_for_format('ffv1/mkv', tmp_path / 's', imgshape=(16384, 1))
    assert not (tmp_path / 's').exists()


# --- bits


@pytest.mark.parametrize('bits', [10, 12, 16])
def test_values_of_so_many_bits_are_exact(tmp_path, bits):
    images = random_images(GRAY, 'uint16', bits=bits)
    folder = record(tmp_path / 's', 'ffv1/mkv', images, bits=bits)
    with new_for_filename(folder) as store:
        assert store.dtype == np.uint16
        assert np.array_equal(store[:], images)
    assert yaml.safe_load((folder / 'metadata.yaml').read_bytes())['__store']['encoder'] == {'bits': bits}


def test_a_value_of_more_bits_is_refused_and_the_rest_is_kept(tmp_path):
    images = random_images(GRAY, 'uint16', count=3, bits=10)
    with new_for_format('ffv1/mkv', tmp_path / 's', imgshape=GRAY, imgdtype='uint16', bits=10) as store:
        store.add_image(images[0], 0, 0)
        with raises(ImageRejectedError, argument='img', frame_number=1):
            store.add_image(np.full(GRAY, 1024, np.uint16), 1, 1)
        store.add_image(np.full(GRAY, 1023, np.uint16), 2, 2)
    with new_for_filename(tmp_path / 's') as store:
        assert store.frame_numbers.tolist() == [0, 2]
        assert store[1].min() == 1023


@pytest.mark.parametrize(('dtype', 'bits'), [('uint8', 10), ('uint16', 11), ('uint16', 8), ('uint16', 17)])
def test_bits_that_cannot_be_are_refused(tmp_path, dtype, bits):
    with raises(InvalidArgumentError, argument='bits'):
        new_for_format('ffv1/mkv', tmp_path / 's', imgshape=GRAY, imgdtype=dtype, bits=bits)
    assert not (tmp_path / 's').exists()


def test_a_conversion_takes_bits(tmp_path):
    images = random_images(GRAY, 'uint16', count=3, bits=12)
    record(tmp_path / 'png', 'png', images)
    assert convert(tmp_path / 'png', tmp_path / 'ffv1', 'ffv1/mkv', bits=12).exact
    with raises(ImageRejectedError):
        convert(tmp_path / 'png', tmp_path / 'other', 'ffv1/mkv', bits=10)
    assert not (tmp_path / 'other').exists()


# --- what they do not hold


@pytest.mark.parametrize(
    ('fmt', 'shape', 'dtype', 'argument'),
    [
        ('ffv1/mkv', COLOUR, 'uint16', 'imgshape'),
        ('ffv1/mkv', GRAY, 'float32', 'imgdtype'),
        ('h264-lossless/mp4', COLOUR, 'uint8', 'imgshape'),
        ('h264-lossless/mp4', GRAY, 'uint16', 'imgdtype'),
    ],
)
def test_what_a_format_cannot_hold_is_refused_with_those_that_can(tmp_path, fmt, shape, dtype, argument):
    with raises(InvalidArgumentError, argument=argument):
        new_for_format(fmt, tmp_path / 's', imgshape=shape, imgdtype=dtype)
    assert not (tmp_path / 's').exists()


def test_opencv_neither_writes_nor_reads_more_than_8_bits(tmp_path, monkeypatch):
    images = random_images(GRAY, 'uint16', count=2)
    with raises(InvalidArgumentError, argument='backend'):
        record(tmp_path / 's', 'ffv1/mkv', images, backend='opencv')
    folder = record(tmp_path / 't', 'ffv1/mkv', images)
    with raises(InvalidArgumentError, argument='backend'):
        new_for_filename(folder, backend='opencv')
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, 'opencv')
    with new_for_filename(folder) as store, raises(FrameReadError):
        store.get_next_image()


def test_opencv_writes_even_sides_alone(tmp_path):
    with raises(InvalidArgumentError, argument='imgshape'):
        record(tmp_path / 's', 'ffv1/mkv', random_images((49, 64)), backend='opencv')
    assert not (tmp_path / 's').exists()


@pytest.mark.parametrize('fmt', LOSSLESS_VIDEOS)
def test_a_video_without_an_encoder_is_not_listed(tmp_path, fmt, monkeypatch):
    def unknown(name, mode):
        raise ValueError(name)

    monkeypatch.setattr('av.Codec', unknown)
    assert fmt not in format_names()
    with raises(MissingDependencyError, name='av'):
        new_for_format(fmt, tmp_path / 's', imgshape=GRAY)


def test_a_store_of_more_than_8_bits_takes_no_video(tmp_path):
    images = random_images(GRAY, 'uint16', count=3)
    video = record(tmp_path / 's', 'ffv1/mkv', images) / '000000.mkv'
    with new_for_format('ffv1/mkv', tmp_path / 't', imgshape=GRAY, imgdtype='uint16') as store:
        with raises(InvalidArgumentError, argument='video_path'):
            store.insert_chunk(video, range(3), range(3))
        assert len(store) == 0
    assert video.exists()


@pytest.mark.parametrize(('fmt', 'shape', 'dtype'), [kind for kind in KINDS if kind[2] == 'uint8'])
def test_a_finished_lossless_video_can_be_inserted(tmp_path, fmt, shape, dtype):
    images = random_images(shape, count=3)
    video = record(tmp_path / 's', fmt, images) / ('000000' + ROWS[fmt].extension)
    with new_for_format(fmt, tmp_path / 't', imgshape=shape) as store:
        store.insert_chunk(video, range(3), range(3))
    with new_for_filename(tmp_path / 't') as store:
        assert np.array_equal(store[:], images)


@pytest.mark.parametrize('fmt', LOSSLESS_VIDEOS)
def test_a_lossy_video_is_no_chunk_of_a_lossless_store(tmp_path, fmt):
    extension = ROWS[fmt].extension
    lossy = {'.mkv': 'h264/mkv', '.mp4': 'avc1/mp4'}[extension]
    video = record(tmp_path / 's', lossy, random_images(GRAY, count=3)) / ('000000' + extension)
    with new_for_format(fmt, tmp_path / 't', imgshape=GRAY) as store:
        with raises(InvalidArgumentError, file=video.name):
            store.insert_chunk(video, range(3), range(3))
        assert len(store) == 0
    assert video.exists()


@pytest.mark.parametrize('fmt', LOSSLESS_VIDEOS)
def test_opencv_reads_none(tmp_path, fmt):
    """It hides damage in FFV1, and changes values in H.264 of some sizes."""
    folder = record(tmp_path / 's', fmt, random_images(GRAY, count=3))
    with raises(InvalidArgumentError, argument='backend'):
        new_for_filename(folder, backend='opencv')


def test_ffv1_is_copied_if_asked(tmp_path):
    images = random_images(GRAY, 'uint16')
    with new_for_filename(record(tmp_path / 's', 'ffv1/mkv', images)) as store:
        assert export_video(select(store), tmp_path / 'copy.mkv', codec='copy').copied
    import av

    with av.open(tmp_path / 'copy.mkv') as container:
        found = [frame.to_ndarray() for frame in container.decode(video=0)]
    assert np.array_equal(np.stack(found), images)


# --- damage


@pytest.mark.parametrize(('fmt', 'shape', 'dtype'), KINDS)
def test_no_flipped_bit_goes_unnoticed(tmp_path, fmt, shape, dtype):
    images = random_images(shape, dtype, count=10)
    video = record(tmp_path / 's', fmt, images) / ('000000' + ROWS[fmt].extension)
    intact = video.read_bytes()
    for place in np.random.default_rng(2).integers(0, 8 * len(intact), 60).tolist():
        flipped = bytearray(intact)
        flipped[place // 8] ^= 1 << place % 8
        video.write_bytes(flipped)
        check_no_frame_is_wrong(video.parent, images)


@pytest.mark.parametrize('shape', [GRAY, LARGE])
def test_slices_of_ffv1_have_checksums_of_their_own(tmp_path, shape):
    """So even a reader that compares no frame with its index sees damage in a packet."""
    images = random_images(shape, count=4)
    video = record(tmp_path / 's', 'ffv1/mkv', images) / '000000.mkv'
    intact, seen = video.read_bytes(), 0
    begin = len(intact) // 3
    for place in range(begin, begin + 40):
        video.write_bytes(intact[:place] + bytes([intact[place] ^ 4]) + intact[place + 1 :])
        seen += check_no_frame_is_wrong(tmp_path / 's', images, verify=False)
    assert seen == 40


def check_no_frame_is_wrong(folder, images, **options):
    """Read all frames; each is right or an error. Return the number of errors."""
    errors = 0
    try:
        with new_for_filename(folder, **options) as store:
            for index, image in enumerate(images):
                try:
                    found = store.get_image(frame_index=index)[0]
                except FrameReadError:
                    errors += 1
                else:
                    assert np.array_equal(found, image)
    except FrameReadError:
        errors = len(images)
    return errors
