"""What a store tells of itself under public names, whether it is read or written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imgstore
from imgstore import ImgStore, new_for_filename, new_for_format
from imgstore.errors import FrameNotFoundError, InvalidArgumentError, StoreModeError
from imgstore.stores.info import StoreInfo

from ..helpers.frames import numbered
from ..helpers.raised import raises

NUMBERS = [5, 7, 8, 8, -3, 20, 21]
TIMES = [10.0, 10.5, 11.0, 11.5, 12.0, 11.0, 13.25]
FORMATS = ['npy', 'png', 'mjpeg/avi', 'h264/mkv']


def write(path: Path, fmt: str = 'npy', **options: Any) -> ImgStore:
    """A writer with those frames in chunks of three; the last chunk is not complete."""
    options = {'imgshape': (48, 64), 'chunksize': 3, **options}
    store = new_for_format(fmt, path, **options)
    for index, (number, time) in enumerate(zip(NUMBERS, TIMES, strict=True)):
        store.add_image(numbered(index, options['imgshape']), number, time)
    return store


@pytest.fixture
def store(tmp_path: Path) -> Any:
    write(tmp_path / 's').close()
    with new_for_filename(tmp_path / 's') as store:
        yield store


def test_a_store_has_a_public_class(tmp_path: Path) -> None:
    from imgstore import stores
    from imgstore.stores import base

    assert imgstore.ImgStore is stores.ImgStore is stores._ImgStore is base._ImgStore
    with write(tmp_path / 's') as written:
        assert isinstance(written, ImgStore)
    for factory in (new_for_filename, new_for_format):
        assert factory.__annotations__['return'] == 'ImgStore'


@pytest.mark.parametrize(
    'arguments', [{'basedir': 's'}, {}, {'basedir': 's', 'mode': 'w', 'imgshape': (3, 3), 'format': 'npy'}]
)
def test_the_common_class_makes_no_store_and_says_what_does(arguments: Any) -> None:
    with pytest.raises(InvalidArgumentError, match=r'^ImgStore has no format: .*new_for_filename or new_for_format'):
        ImgStore(**arguments)


def test_common_class_knows_and_reads_all_formats(tmp_path: Path) -> None:
    """The common class knows all formats and reads a single frame of any of them."""
    assert ImgStore.supported_formats() == imgstore.get_supported_formats()
    assert ImgStore.supports_format('npy')
    assert ImgStore.supports_format('mjpeg/avi')
    assert not ImgStore.supports_format('none')
    for fmt in ('npy', 'mjpeg/avi'):
        write(tmp_path / fmt[:3], fmt).close()
        image = ImgStore.extract_only_frame(tmp_path / fmt[:3], 1)
        assert np.array_equal(image, imgstore.extract_only_frame(tmp_path / fmt[:3], 1))


def test_every_store_declares_insert_chunk(tmp_path: Path) -> None:
    write(tmp_path / 'video', 'mjpeg/avi').close()
    video = tmp_path / 'video' / '000000.avi'
    with write(tmp_path / 's', 'mjpeg/avi') as store:  # an ImgStore to a type checker
        store.insert_chunk(video, [1, 2, 3], [1.0, 2.0, 3.0], move=False)
        assert store.frame_count == len(NUMBERS) + 3
    with write(tmp_path / 'i') as store, pytest.raises(InvalidArgumentError, match='store of images'):
        store.insert_chunk(video, [1], [1.0])


@pytest.mark.parametrize('fmt', FORMATS)
def test_a_writer_tells_the_same_as_a_reader(fmt: str, tmp_path: Path) -> None:
    def told(store: ImgStore) -> Any:
        return (
            store.frame_numbers.tolist(),
            store.frame_times.tolist(),
            store.chunk_ranges(),
            store.format,
            store.dtype,
            store.encoding,
            store.chunksize,
            len(store),
            store.index.get_chunk_metadata(2),
        )

    expected = (
        NUMBERS,
        TIMES,
        [(0, 0, 3), (1, 3, 6), (2, 6, 7)],
        fmt,
        np.dtype('uint8'),
        None,
        3,
        7,
        {'frame_number': [21], 'frame_time': [13.25]},
    )
    with write(tmp_path / 's', fmt) as writer:
        assert told(writer) == expected
    assert told(writer) == expected
    with new_for_filename(tmp_path / 's') as reader:
        assert told(reader) == expected


def test_writers_frame_numbers_follow_adding_and_emptying(tmp_path: Path) -> None:
    """A writer's frame numbers follow what is added and what is emptied."""
    with write(tmp_path / 's') as writer:
        for number in range(30, 37):
            writer.add_image(numbered(0, (48, 64)), number, number)
            assert writer.frame_numbers.tolist() == [*NUMBERS, *range(30, number + 1)]
        writer.empty()
        assert (writer.frame_numbers.size, writer.chunk_ranges()) == (0, [])
        writer.add_image(numbered(0, (48, 64)), 99, 1.5)
        assert (writer.frame_numbers.tolist(), writer.frame_times.tolist()) == ([99], [1.5])


def test_arrays_have_their_dtypes_and_are_read_only(store: ImgStore) -> None:
    assert store.frame_numbers.dtype == np.int64
    assert store.frame_times.dtype == np.float64
    for values in (store.frame_numbers, store.frame_times):
        with pytest.raises(ValueError, match='read-only'):
            values[0] = 0
    assert store.get_image(7)[1] == (7, 10.5)


@pytest.mark.parametrize(
    ('wanted', 'index'),
    [
        ({'number': 5}, 0),
        ({'number': 8}, 2),
        ({'number': np.int16(-3)}, 4),
        ({'number': 21.0}, 6),
        ({'number': 6, 'nearest': True}, 0),
        ({'number': 10**9, 'nearest': True}, 6),
        ({'time': 11.0}, 2),
        ({'time': np.float32(13.25)}, 6),
        ({'time': 10}, 0),
        ({'time': 10.25, 'nearest': True}, 0),
        ({'time': 99, 'nearest': True}, 6),
        ({'time': -1, 'nearest': True}, 0),
    ],
)
def test_find_gives_the_index_of_the_frame(store: ImgStore, wanted: Any, index: int) -> None:
    store.get_image(None, frame_index=1)
    found = store.find(**wanted)
    assert (found, type(found)) == (index, int)
    assert (store.frame_number, store.get_next_framenumber()) == (7, 8)  # the position did not move


@pytest.mark.parametrize(
    'wanted',
    [
        {'number': 6},
        {'number': 2**40},
        {'time': 10.25},
        {'time': float('nan')},
        {'time': float('nan'), 'nearest': True},
    ],
)
def test_find_raises_where_no_frame_is(store: ImgStore, wanted: Any) -> None:
    with raises(FrameNotFoundError, store=store.filename, frame_number=wanted.get('number')):
        store.find(**wanted)


@pytest.mark.parametrize(
    'wanted',
    [
        {},
        {'number': 5, 'time': 10.0},
        {'nearest': True},
        {'number': 1.5},
        {'number': float('nan')},
        {'number': 'x'},
        {'number': 2**70},
        {'time': 'x'},
    ],
)
def test_find_wants_one_number_or_one_time(store: ImgStore, wanted: Any) -> None:
    with pytest.raises(InvalidArgumentError):
        store.find(**wanted)


def test_an_empty_store_tells_so(tmp_path: Path) -> None:
    for fmt in ('npy', 'mjpeg/avi'):
        new_for_format(fmt, tmp_path / fmt[:3], imgshape=(48, 64)).close()
        with new_for_filename(tmp_path / fmt[:3]) as store:
            assert (store.frame_numbers.shape, store.frame_times.shape, store.chunk_ranges()) == ((0,), (0,), [])
            for wanted in ({'number': 0}, {'time': 0.0}):
                with pytest.raises(FrameNotFoundError):
                    store.find(**wanted, nearest=True)


def test_a_writer_finds_nothing(tmp_path: Path) -> None:
    with write(tmp_path / 's') as writer, pytest.raises(StoreModeError):
        writer.find(number=5)


def test_a_store_is_live_while_a_writer_has_it_open(tmp_path: Path) -> None:
    writer = write(tmp_path / 's')
    with new_for_filename(tmp_path / 's') as reader:
        assert (writer.is_live, reader.is_live) == (True, True)
        writer.close()
        assert (writer.is_live, reader.is_live) == (False, False)


def test_dtype_and_encoding_are_those_of_the_store(tmp_path: Path) -> None:
    with new_for_format('png', tmp_path / 'raw', imgshape=(48, 64), encoding='cv_bayerrg') as writer:
        writer.add_image(numbered(0, (48, 64)), 0, 0)
        assert writer.encoding == 'cv_bayerrg'
    with new_for_filename(tmp_path / 'raw') as store:
        assert store.encoding == 'cv_bayerrg'
        assert store.get_next_image()[0].dtype == store.dtype == np.uint8
    with new_for_format('npy', tmp_path / 'deep', imgshape=(4, 6), imgdtype='float32') as writer:
        assert writer.dtype == np.dtype(np.float32)


def test_paths_of_chunks_are_those_on_disk(tmp_path: Path) -> None:
    for fmt, name in (('npy', '000001'), ('mjpeg/avi', '000001.avi')):
        write(tmp_path / fmt[:3], fmt).close()
        with new_for_filename(tmp_path / fmt[:3]) as store:
            assert list(store.chunk_paths()) == [0, 1, 2]
            assert store.chunk_paths()[1] == str(tmp_path / fmt[:3] / name)


def test_the_extra_data_of_one_chunk_has_its_files(tmp_path: Path) -> None:
    with write(tmp_path / 's') as writer:
        writer.add_extra_data(a=1)
    with new_for_filename(tmp_path / 's') as store:
        assert [Path(path).name for path in store.extra_data_files(2)] == ['index.extra.json']
        assert store.extra_data_files(0) == []


def test_a_reader_and_a_writer_fulfil_one_protocol(tmp_path: Path) -> None:
    with write(tmp_path / 's') as writer, new_for_filename(tmp_path / 's') as reader:
        members = {name for name in vars(StoreInfo) if not name.startswith('_')}
        assert {name for store in (reader, writer) for name in members if not hasattr(store._impl, name)} == set()
        for name in ('image_shape', 'frame_count', 'numbers_range', 'times_range', 'chunks', 'has_extra_data'):
            assert getattr(reader._impl, name) == getattr(writer._impl, name), name
        assert (reader._impl.mode, writer._impl.mode) == ('r', 'w')


def test_a_time_that_no_calendar_has_or_zone_is_refused(store: ImgStore) -> None:
    for time in (1e20, float('nan'), float('inf')):
        with raises(InvalidArgumentError, argument='frame_time'):
            store.convert_frame_time_to_datetime(time)
    for zone in ('Nowhere/City', '', 5):
        with raises(InvalidArgumentError, argument='tz'):
            store.convert_frame_time_to_datetime(5.0, zone)
    assert store.convert_frame_time_to_datetime(5.0, 'Asia/Tokyo').isoformat() == '1970-01-01T09:00:05+09:00'
