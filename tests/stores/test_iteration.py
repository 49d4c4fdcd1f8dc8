"""Iteration over a store: loops, `frames` and `batches`, each with a reader of its own."""

from __future__ import annotations

import gc
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imgstore
from imgstore import Frame, ImgStore, new_for_filename, new_for_format
from imgstore.chunks import ChunkIO
from imgstore.chunks.video.pyav_reader import PyAVChunkReader
from imgstore.errors import ChunkSkippedWarning, FrameIndexError, FrameReadError, InvalidArgumentError, StoreClosedError
from imgstore.reading.image_reader import ImageReader

from ..helpers.format_table import NO_COLOR, ROWS
from ..helpers.frames import index_in, numbered
from ..helpers.raised import raises

GRAY, COLOR = (64, 96), (64, 96, 3)
COUNT = 50
NUMBERS = [1000 - 2 * index if index != 20 else 1000 for index in range(COUNT)]
TIMES = [index / 10 if index != 30 else 0.05 for index in range(COUNT)]
FORMATS = ['npy', 'png', 'mjpeg/avi', 'avc1/mp4']


def record(path: Path, fmt: str, shape: tuple[int, ...] = GRAY, **options: Any) -> Path:
    with new_for_format(fmt, path, imgshape=shape, chunksize=13, **options) as store:
        for index in range(COUNT):
            store.add_image(numbered(index, shape), NUMBERS[index], TIMES[index])
    return path


@pytest.fixture(scope='module')
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp('recordings')
    return {fmt: record(folder / fmt[:3], fmt) for fmt in FORMATS}


@pytest.fixture(params=FORMATS)
def store(request: pytest.FixtureRequest, recordings: dict[str, Path]) -> Any:
    with new_for_filename(recordings[request.param]) as store:
        yield store


@pytest.fixture
def png(recordings: dict[str, Path]) -> Any:
    with new_for_filename(recordings['png']) as store:
        yield store


def check(frames: Any, indexes: Any) -> None:
    """Do these frames have the image, number, time and index of the ones expected?"""
    found = [(index_in(image), number, time, index) for image, number, time, index in frames]
    assert found == [(index, NUMBERS[index], TIMES[index], index) for index in indexes]


def check_pairs(pairs: Any, indexes: Any) -> None:
    found = [(index_in(image), number, time) for image, (number, time) in pairs]
    assert found == [(index, NUMBERS[index], TIMES[index]) for index in indexes]


@pytest.mark.parametrize('fmt', [fmt for fmt in ROWS if fmt not in NO_COLOR])
def test_a_loop_gives_every_frame_once_in_every_format(fmt: str, tmp_path: Path) -> None:
    record(tmp_path / 's', fmt, COLOR)
    with new_for_filename(tmp_path / 's') as store:
        check_pairs(store, range(COUNT))
        check_pairs(reversed(store), range(COUNT - 1, -1, -1))
        check(store.frames(5, -5, 3), range(5, 45, 3))
        images = np.concatenate([images for images, _, _ in store.batches(11)])
        assert np.array_equal(images, store[:])


@pytest.mark.parametrize('options', [{'cache_bytes': 0}, {'seek': False}, {'cache_bytes': 20000}])
def test_options_of_reading_change_no_frame(store: ImgStore, options: dict[str, Any]) -> None:
    with new_for_filename(store.filename, **options) as other:
        check_pairs(other, range(COUNT))
        check_pairs(reversed(other), range(COUNT - 1, -1, -1))
        check(other.frames(3, step=4), range(3, COUNT, 4))
        assert [index_in(image) for image in other[40:3:-5]] == list(range(40, 3, -5))


@pytest.mark.parametrize(
    'indexes', [[], [7], [3, 3, 4], range(40, 3, -5), [0, 49, 12, 13, 14, 1, -1, 30, 31, 32, 2, 2, 48, 47]]
)
def test_chosen_frames_come_in_the_order_given(store: ImgStore, indexes: Any) -> None:
    """In any order, some of them several times, and without moving the position."""
    store.get_image(frame_index=20)
    check(store.frames_at(np.array(indexes, np.int64)), [index % COUNT for index in indexes])
    check(store.frames_at(list(indexes)), [index % COUNT for index in indexes])
    assert index_in(store.get_next_image()[0]) == 21


def test_frames_are_chosen_by_slices_and_masks_too(png: ImgStore) -> None:
    check(png.frames_at(slice(40, None, 3)), range(40, COUNT, 3))
    check(png.frames_at(png.frame_times > 4.5), range(46, COUNT))
    check(png.frames_at(-1), [49])
    wrong: list[Any] = [[COUNT], [0.5], (0, 1), [[0]]]
    for indexes in wrong:
        with pytest.raises(FrameIndexError):
            png.frames_at(indexes)


@pytest.mark.slow
def test_random_orders_give_each_frame(store: ImgStore) -> None:
    for seed in range(20):
        indexes = np.random.default_rng(seed).integers(0, COUNT, 60)
        check(store.frames_at(indexes), indexes.tolist())


def test_several_loops_at_once_are_right(store: ImgStore) -> None:
    loops = [iter(store), iter(store), reversed(store), iter(store.frames(7))]
    first, second, third, fourth = (list[Any]() for _ in loops)
    for _ in range(20):
        first.append(next(loops[0]))
        second += [next(loops[1]), next(loops[1])]
        third.append(next(loops[2]))
        fourth.append(next(loops[3]))
    check_pairs(first, range(20))
    check_pairs(second, range(40))
    check_pairs(third, range(49, 29, -1))
    check(fourth, range(7, 27))
    check_pairs(loops[0], range(20, COUNT))


def test_threads_may_share_one_iterator(store: ImgStore) -> None:
    frames, seen = store.frames(), list[Any]()

    def read() -> None:
        seen.extend((index_in(frame.image), frame.number, frame.time, frame.index) for frame in frames)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen, key=lambda frame: frame[3]) == [(i, NUMBERS[i], TIMES[i], i) for i in range(COUNT)]


def test_nested_loops_and_reads_do_not_disturb(store: ImgStore) -> None:
    for image, (number, _) in store:
        if index_in(image) % 10 == 0:
            assert [index_in(inner) for inner, _ in store][:3] == [0, 1, 2]
            assert index_in(store[-1]) == 49
            store.get_image(frame_index=25)
        assert number == NUMBERS[index_in(image)]
    assert index_in(store.get_next_image()[0]) == 26


def test_a_frame_is_a_tuple_with_names(png: ImgStore) -> None:
    frame = next(png.frames(3))
    assert isinstance(frame, Frame)
    assert imgstore.Frame is Frame
    assert (frame.number, frame.time, frame.index) == frame[1:] == (994, 0.3, 3)
    assert [type(value) for value in frame] == [np.ndarray, int, float, int]
    assert Frame._fields == ('image', 'number', 'time', 'index')


# --- frames


@pytest.mark.parametrize(
    ('limits', 'indexes'),
    [
        ({}, range(50)),
        ({'start': 45}, range(45, 50)),
        ({'start': -3}, range(47, 50)),
        ({'stop': -45}, range(5)),
        ({'start': 2.0, 'stop': np.int64(9), 'step': np.uint8(3)}, [2, 5, 8]),
        ({'start': 9, 'stop': 2}, []),
        ({'start': -999, 'stop': 999, 'step': 25}, [0, 25]),
        ({'start': 996, 'by': 'number'}, [0, 1, 2, 20]),
        ({'start': 994, 'stop': 1000, 'by': 'number'}, [1, 2, 3]),
        ({'start': 994, 'by': 'number', 'step': 2}, [0, 2, 20]),
        ({'stop': 903, 'by': 'number'}, [49]),
        ({'start': 2000, 'by': 'number'}, []),
        ({'by': 'number'}, range(50)),
        ({'start': 0.05, 'stop': 0.2, 'by': 'time'}, [1, 30]),
        ({'start': 4.75, 'by': 'time'}, [48, 49]),
        ({'start': -5, 'stop': 0, 'by': 'time'}, []),
        ({'start': '1970-01-01T00:00:04.7Z', 'by': 'time'}, [47, 48, 49]),
        ({'stop': np.datetime64('1970-01-01T00:00:00.2'), 'by': 'time'}, [0, 1, 30]),
    ],
)
def test_frames_are_selected_half_open(store: ImgStore, limits: dict[str, Any], indexes: Any) -> None:
    check(store.frames(**limits), indexes)


@pytest.mark.parametrize(
    ('arguments', 'wrong'),
    [
        ({'step': 0}, 'step'),
        ({'step': -1}, 'step'),
        ({'step': 1.5}, 'step'),
        ({'step': None}, 'step'),
        ({'start': 'x'}, 'start'),
        ({'stop': 1.5}, 'stop'),
        ({'start': True}, 'start'),
        ({'start': 1.5, 'by': 'number'}, 'start'),
        ({'stop': 'noon', 'by': 'time'}, 'stop'),
        ({'by': 'frame'}, 'by'),
        ({'by': None}, 'by'),
    ],
)
def test_wrong_arguments_of_frames_are_refused_at_once(png: ImgStore, arguments: dict[str, Any], wrong: str) -> None:
    with raises(InvalidArgumentError, argument=wrong):
        png.frames(**arguments)


# --- batches


@pytest.mark.parametrize('size', [1, 7, 13, 50, 1000])
def test_batches_are_arrays_of_all_frames(store: ImgStore, size: int) -> None:
    images = store[:]
    for rank, (some, numbers, times) in enumerate(store.batches(size)):
        own = slice(rank * size, (rank + 1) * size)
        assert np.array_equal(some, images[own])
        assert (numbers.tolist(), times.tolist()) == (NUMBERS[own], TIMES[own])
        assert [str(values.dtype) for values in (numbers, times, some)] == ['int64', 'float64', 'uint8']
    assert rank == (COUNT - 1) // size


def test_batches_of_a_part_have_a_shorter_last_one(store: ImgStore) -> None:
    batches = list(store.batches(3, -20, stop=45, step=2))
    assert [len(images) for images, _, _ in batches] == [3, 3, 2]
    assert [index_in(image) for images, _, _ in batches for image in images] == list(range(30, 45, 2))
    assert list(store.batches(4, 9, 9)) == []


@pytest.mark.parametrize('cache_bytes', [0, 20000, 2**28])
def test_batches_of_every_nth_frame_are_those_frames(store: ImgStore, cache_bytes: int) -> None:
    with new_for_filename(store.filename, cache_bytes=cache_bytes) as other:
        for size, step in ((2, 3), (4, 2), (5, 7), (100, 9), (3, 49), (3, 60)):
            batches = list(other.batches(size, step=step))
            indexes = list(range(0, COUNT, step))
            assert [index_in(image) for images, _, _ in batches for image in images] == indexes
            assert [number for _, numbers, _ in batches for number in numbers] == [NUMBERS[i] for i in indexes]
            assert [len(images) for images, _, _ in batches[:-1]] == [size] * (len(batches) - 1)


@pytest.mark.parametrize(
    'read',
    [lambda store: list(store.batches(10, step=2)), lambda store: store[::2], lambda store: store.get_images(NUMBERS)],
)
def test_the_images_of_an_array_pass_through_one_buffer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Any
) -> None:
    """It stays in the processor's cache: two large ones took turns there, and batches were 4 % slower."""
    buffers, original = set(), ImageReader.read

    def noted(reader: ImageReader, frame: Any) -> Any:
        image = original(reader, frame)
        buffers.add(image.__array_interface__['data'][0])
        return image

    monkeypatch.setattr(ImageReader, 'read', noted)
    with new_for_filename(record(tmp_path / 's', 'npy', (256, 256))) as store:
        read(store)
    assert len(buffers) == 1


def test_a_damaged_frame_costs_no_other_batch(recordings: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(read: Any) -> Any:
        def attempt(reader: Any, index: int) -> Any:
            if index == 8:
                raise FrameReadError('it is damaged')
            return read(reader, index)

        return attempt

    for name in ('read', 'read_deferred'):
        monkeypatch.setattr(PyAVChunkReader, name, damaged(getattr(PyAVChunkReader, name)))
    with new_for_filename(recordings['avc1/mp4'], backend='pyav') as store:
        batches = store.batches(2, stop=13, step=2)
        assert [next(batches)[1].tolist() for _ in range(2)] == [[1000, 996], [992, 988]]
        for _ in range(2):
            with raises(FrameReadError, frame_index=8):
                next(batches)
        assert [numbers.tolist() for _, numbers, _ in store.batches(2, 10, 13, 2)] == [[980, 976]]


@pytest.mark.parametrize(
    ('arguments', 'wrong'),
    [((0,), 'size'), ((2.5,), 'size'), ((3, 'x'), 'start'), ((3, 0, 1.5), 'stop'), ((3, 0, 9, 0), 'step')],
)
def test_wrong_arguments_of_batches_are_refused_at_once(png: ImgStore, arguments: Any, wrong: str) -> None:
    with raises(InvalidArgumentError, argument=wrong):
        png.batches(*arguments)


# --- the end


@pytest.mark.parametrize('begin', [iter, reversed, lambda store: store.frames(), lambda store: store.batches(3)])
def test_unfinished_iterators_end_with_the_store(store: ImgStore, begin: Any) -> None:
    begun, fresh = begin(store), begin(store)
    next(begun)
    store.close()
    for frames in (begun, fresh, begun):
        with raises(StoreClosedError, store=store.filename):
            next(frames)


def test_a_finished_iterator_stays_finished(png: ImgStore) -> None:
    frames = png.frames(48)
    assert len(list(frames)) == 2
    png.close()
    with pytest.raises(StopIteration):
        next(frames)


def test_an_iteration_keeps_its_store_open(recordings: dict[str, Path]) -> None:
    check_pairs(new_for_filename(recordings['png']), range(COUNT))
    check(new_for_filename(recordings['avc1/mp4']).frames(40), range(40, 50))


def test_a_dropped_iterator_frees_files_and_threads(store: ImgStore) -> None:
    store.get_image(frame_index=0), store[0]

    def used() -> tuple[int, int]:
        return len(os.listdir('/proc/self/fd')), threading.active_count()

    gc.disable()
    try:
        before = used()
        for begin in (iter, reversed, lambda store: store.frames(step=2), lambda store: store.batches(3)):
            for _ in range(2):
                frames = begin(store)
                next(frames)
                del frames
                assert used() == before
            list(begin(store))
            assert used() == before
    finally:
        gc.enable()


def test_a_damaged_frame_stops_no_iterator_for_good(tmp_path: Path) -> None:
    """After the error, an iteration goes on with the next frame; the position of the store is its own."""
    path = record(tmp_path / 's', 'png')
    (path / '000001' / '000004.png').write_bytes(b'none')
    with new_for_filename(path) as store:
        for frames, after in ((iter(store), 18), (reversed(store), 16)):
            with raises(FrameReadError, frame_index=17, frame_number=NUMBERS[17]):
                for _ in frames:
                    pass
            assert index_in(next(frames)[0]) == after


@pytest.mark.parametrize('fmt', ['png', 'mjpeg/avi'])
def test_a_damaged_chunk_is_skipped_with_one_warning(fmt: str, tmp_path: Path) -> None:
    path = record(tmp_path / 's', fmt)
    index = path / '000001' / 'index.npz' if fmt == 'png' else path / '000001.npz'
    content = bytearray(index.read_bytes())
    content[150:170] = bytes(20)
    rest = [*range(13), *range(26, COUNT)]
    for begin in (iter, reversed, lambda store: ((image, rest) for image, *rest, _ in store.frames())):
        index.write_bytes(content)
        with new_for_filename(path) as store:
            with pytest.warns(ChunkSkippedWarning):
                found = [index_in(image) for image, _ in begin(store)]
            assert found == (rest[::-1] if begin is reversed else rest)
            assert [index_in(image) for image in store[:]] == rest
    for read in (lambda store: store[:], lambda store: store[[0, -1]], lambda store: store[-1:]):
        with new_for_filename(path) as store, pytest.warns(ChunkSkippedWarning):
            assert index_in(read(store)[-1]) == 49


def test_frames_in_sequence_are_prefetched(recordings: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ints in sequence, loops and batches read ahead in other threads."""
    readers: list[str] = []
    reader = ChunkIO.reader

    def noted(*arguments: Any, **options: Any) -> Any:
        readers.append(threading.current_thread().name)
        return reader(*arguments, **options)

    monkeypatch.setattr(ChunkIO, 'reader', noted)
    for read in (lambda store: list(store), lambda store: [store[i] for i in range(30)], lambda s: list(s.batches(9))):
        readers.clear()
        with new_for_filename(recordings['png']) as store:
            read(store)
        assert any(name.startswith('imgstore') for name in readers)
