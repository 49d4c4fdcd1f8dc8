"""SPEC, 'Numbers': numbers of any type mean the same wherever one goes in, and come out as Python's own."""

import datetime
import fractions
import math

import numpy as np
import pytest

from imgstore import DirectoryImgStore, extract_only_frame, new_for_filename, new_for_format
from imgstore.align import StoreAligner
from imgstore.errors import FrameNotFoundError, InvalidArgumentError
from imgstore.index import ImgStoreIndex

from .helpers.raised import raises

SHAPE = (3, 4)
KINDS = [int, float, np.uint8, np.int16, np.int64, np.uint64, np.float32, np.float64, np.array, fractions.Fraction]
"""Ways to say 3."""

NO_NUMBERS = [
    float('nan'),
    None,
    1.5,
    float('inf'),
    np.float64('nan'),
    np.float32(0.5),
    '3',
    b'3',
    bytearray(b'3'),
    [3],
    (3,),
    np.array([3]),
    np.array([]),
    3 + 0j,
    2**63,
    -(2**63) - 1,
    1e19,
    np.datetime64('2020'),
    object(),
]


def image(value):
    return np.full(SHAPE, value, np.uint8)


def record(path, numbers=range(10), **kwargs):
    with new_for_format('npy', path, imgshape=SHAPE, chunksize=4, **kwargs) as store:
        for index, number in enumerate(numbers):
            store.add_image(image(index), number, number + 0.5)
    return path


@pytest.fixture
def store(tmp_path):
    with new_for_filename(record(tmp_path / 's')) as store:
        yield store


# --- what goes in


@pytest.mark.parametrize('kind', KINDS)
def test_frame_number_and_time_of_any_type_are_written(tmp_path, kind):
    """A frame number and a frame time of any number type can be written."""
    with new_for_format('npy', tmp_path / 's', imgshape=SHAPE, chunksize=kind(3)) as writer:
        writer.add_image(image(1), kind(3), kind(3))
        latest = writer.frame_number, writer.frame_time, writer.frame_max
        assert latest == (3, 3.0, 3)
        assert [type(value) for value in latest] == [int, float, int]
        assert writer._metadata['chunksize'] == 3
        assert type(writer._metadata['chunksize']) is int
    assert new_for_filename(tmp_path / 's').get_frame_metadata() == {'frame_number': [3], 'frame_time': [3.0]}


@pytest.mark.parametrize('kind', KINDS)
def test_number_index_or_time_of_any_type_is_read(store, kind):
    """A frame number, an index or a time of any number type can be used for reading."""
    three = (3, 3.5)
    assert store.get_image(kind(3))[1] == three
    assert store.get_image(kind(3), exact_only=False)[1] == three
    assert store.get_image(None, frame_index=kind(3))[1] == three
    assert store.get_nearest_image(kind(3))[1] == (2, 2.5)  # of two that are equally near the earlier
    assert extract_only_frame(store.filename, kind(3)).tolist() == image(3).tolist()
    assert store.convert_frame_time_to_datetime(kind(3), datetime.timezone.utc).timestamp() == 3
    assert store._get_chunk_metadata(kind(1))['frame_number'] == [4, 5, 6, 7]


@pytest.mark.parametrize('kind', [k for k in KINDS if k is not fractions.Fraction])
def test_an_index_is_searched_by_any_type_of_number(store, kind):
    index = ImgStoreIndex.new_from_chunks(store._chunk_n_and_chunk_paths)
    for what in ('frame_number', 'index'):
        assert index.find_chunk(what, kind(3)) == (0, 3)
    assert index.find_chunk_nearest('frame_number', kind(3)) == (0, 3)
    assert index.find_chunk_nearest('frame_time', kind(3)) == (0, 2)
    assert index.find_chunk('frame_time', kind(3) + 0.5) == (0, 3)
    assert index.get_chunk_metadata(kind(1))['frame_number'] == [4, 5, 6, 7]


@pytest.mark.parametrize('value', [True, np.True_])
def test_a_bool_is_no_frame_number(store, value):
    with raises(InvalidArgumentError, argument='frame_number'):
        store.get_image(value)


@pytest.mark.parametrize(
    'shape',
    [
        (3, 4),
        [3, 4],
        np.array([3, 4]),
        np.array([3.0, 4.0]),
        (np.int64(3), np.uint8(4)),
        (3.0, np.float32(4)),
        image(0).shape,
    ],
)
def test_a_shape_may_be_of_any_type_of_number(tmp_path, shape):
    with new_for_format('npy', tmp_path / 's', imgshape=shape) as writer:
        writer.add_image(image(5), 0, 0)
        assert writer.image_shape == SHAPE
        assert [type(size) for size in writer.image_shape] == [int, int]
    reader = new_for_filename(tmp_path / 's')
    assert reader.image_shape == SHAPE
    assert [type(size) for size in reader.image_shape] == [int, int]


@pytest.mark.parametrize('dtype', [np.uint16, 'uint16', 'u2', '<u2', '>u2', np.dtype('uint16'), np.ushort])
def test_a_dtype_may_be_given_in_any_of_numpys_ways(tmp_path, dtype):
    with new_for_format('npy', tmp_path / 's', imgshape=SHAPE, imgdtype=dtype) as writer:
        writer.add_image(np.full(SHAPE, 300, dtype), 0, 0)
        assert writer._metadata['imgdtype'] == 'uint16'
    found = new_for_filename(tmp_path / 's').get_next_image()[0]
    assert found.dtype == np.uint16
    assert found.tolist() == np.full(SHAPE, 300).tolist()


def name_of(value):
    return repr(value).partition(' at 0x')[0]


@pytest.mark.parametrize('fmt', ['npy', 'mjpeg'])
@pytest.mark.parametrize('number', NO_NUMBERS, ids=name_of)
def test_invalid_frame_number_is_refused(tmp_path, fmt, number):
    """What is not a frame number is refused, and nothing is written."""
    with new_for_format(fmt, tmp_path / 's', imgshape=(16, 16)) as writer:
        for good in (0, 1):
            with raises(InvalidArgumentError, argument='frame_number'):
                writer.add_image(np.zeros((16, 16), np.uint8), number, 0.0)
            assert writer.frame_count == good
            writer.add_image(np.zeros((16, 16), np.uint8), good, good)
    with new_for_filename(tmp_path / 's') as reader:
        assert reader.get_frame_metadata() == {'frame_number': [0, 1], 'frame_time': [0.0, 1.0]}
        for n in (0, 1):
            assert reader.get_next_image()[1] == (n, n)


@pytest.mark.parametrize(
    'time',
    [None, '3', b'3', [3], np.array([3]), 3 + 0j, 10**400, np.datetime64('2020'), print],
    ids=lambda time: repr(time)[:20],
)
def test_what_is_no_time_is_refused_and_nothing_is_written(tmp_path, time):
    with new_for_format('npy', tmp_path / 's', imgshape=SHAPE) as writer:
        with raises(InvalidArgumentError, argument='frame_time'):
            writer.add_image(image(0), 0, time)
        assert writer.frame_count == 0


@pytest.mark.parametrize('number', [-(2**63), 2**63 - 1, -1, 0])
def test_a_frame_number_may_be_any_that_fits_64_bits(tmp_path, number):
    with new_for_format('npy', tmp_path / 's', imgshape=SHAPE) as writer:
        writer.add_image(image(0), number, 0)
    with new_for_filename(tmp_path / 's') as reader:
        assert reader.get_image(number)[1] == (number, 0.0)
        assert reader.get_image(0, exact_only=False)[1] == (number, 0.0)
        assert reader.frame_min == reader.frame_max == number


@pytest.mark.parametrize('number', NO_NUMBERS, ids=name_of)
def test_what_is_no_number_is_refused_to_read_by(store, number):
    with raises(InvalidArgumentError, argument='frame_number'):
        store.get_image(number)
    if number is not None:
        with raises(InvalidArgumentError, argument='frame_index'):
            store.get_image(None, frame_index=number)
    with raises(InvalidArgumentError, argument='frame_index'):
        extract_only_frame(store.filename, number)
    assert store.get_next_image()[1] == (0, 0.5)


@pytest.mark.parametrize('time', [float('nan'), None, '3', [3]])
def test_what_is_no_time_is_refused_to_read_by(store, time):
    with raises((FrameNotFoundError, InvalidArgumentError), argument=None if time != time else 'frame_time'):
        store.get_nearest_image(time)


def test_a_time_that_is_not_known_harms_no_other(tmp_path):
    with new_for_format('npy', tmp_path / 's', imgshape=SHAPE, chunksize=2) as writer:
        for number, time in enumerate((float('nan'), 1.0, float('nan'), 2.0, float('nan'))):
            writer.add_image(image(number), number, time)
    with new_for_filename(tmp_path / 's') as reader:
        for store in (writer, reader):
            assert (store.frame_time_min, store.frame_time_max, store.duration) == (1.0, 2.0, 1.0)
        assert reader.get_nearest_image(1.9)[1] == (3, 2.0)
        assert math.isnan(reader.get_image(2)[1][1])


# --- what comes out


def test_all_that_comes_out_is_of_pythons_own_types(tmp_path):
    folder = record(tmp_path / 's', np.arange(10), metadata={'a': np.int64(3)})
    with new_for_filename(folder) as store:
        aligner = StoreAligner(store, new_for_filename(folder))
        aligner.extract_common_frames(aligner.MISSING_POLICY_DROP)
        index = store._index
        number, time = store.get_next_image()[1]
        whole = [
            number,
            store.frame_number,
            store.frame_min,
            store.frame_max,
            store.frame_count,
            len(store),
            store.get_next_framenumber(),
            *store.chunks,
            *store.image_shape,
            *store._metadata['imgshape'],
            store._metadata['chunksize'],
            store.user_metadata['a'],
            store._chunk_n,
            store._chunk_current_frame_idx,
            *store.get_frame_metadata()['frame_number'],
            *store._get_chunk_metadata(1)['frame_number'],
            *index.chunks,
            index.frame_count,
            index.frame_min,
            index.frame_max,
            *index.find_chunk('frame_number', 3),
            *index.find_chunk_nearest('frame_time', 3.3),
            *index.find_chunk('index', 5),
            *index.find_chunk('index', 50),
            *[number for number, _ in aligner.iter_imgs()],
        ]
        real = [
            time,
            store.frame_time,
            store.frame_time_min,
            store.frame_time_max,
            store.duration,
            index.frame_time_min,
            index.frame_time_max,
            *store.get_frame_metadata()['frame_time'],
            store.get_nearest_image(3)[1][1],
        ]
    assert {type(value) for value in whole} == {int}
    assert {type(value) for value in real} == {float}


def test_a_written_store_reports_pythons_own_types(tmp_path):
    with DirectoryImgStore(tmp_path / 's', 'w', imgshape=np.array(SHAPE), format='npy', chunksize=np.int8(2)) as store:
        for n in np.arange(3, dtype=np.uint16):
            store.add_image(image(n), n, np.float32(n))
        whole = [
            store.frame_number,
            store.frame_min,
            store.frame_max,
            store.frame_count,
            len(store),
            *store.chunks,
            *store.image_shape,
            store._chunk_n,
            store._chunk_current_frame_idx,
        ]
        real = [store.frame_time, store.frame_time_min, store.frame_time_max, store.duration]
    assert {type(value) for value in whole} == {int}
    assert {type(value) for value in real} == {float}
    assert (store._chunk_n, store._chunk_current_frame_idx) == (1, 0)
