"""The rules for reading: a test for each line of the contract."""

import contextlib
import json
import math
import os
import re
import shutil
import time
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

from imgstore.errors import (
    ChunkSkippedWarning,
    CorruptFileError,
    EndOfStoreError,
    FrameNotFoundError,
    FrameReadError,
    ImageRejectedError,
    InvalidArgumentError,
    StoreClosedError,
    StoreExistsError,
    StoreIOError,
    StoreModeError,
)
from imgstore.index import ImgStoreIndex
from imgstore.ondisk.checksums import read_checksums
from imgstore.ondisk.chunk_index import read_chunk_index, write_chunk_index
from imgstore.stores import extract_only_frame, new_for_filename, new_for_format

from ..helpers.checked import not_none
from ..helpers.format_table import IMAGE_FORMATS, ROWS, VIDEO_FORMATS
from ..helpers.frames import index_in, noise, numbered
from ..helpers.opened import opened_files
from ..helpers.raised import raises, warns
from ..helpers.writing import video_backends

SHAPE = (32, 96)
ONE_OF_EACH = ['png', 'mjpeg/avi']


def write_store(path, fmt='png', count=25, chunksize=10, numbers=None, shape=SHAPE, **kwargs):
    """A store of numbered frames; frame i has the number 2 i or the one given, and the time i / 10."""
    with new_for_format(fmt, path, imgshape=shape, chunksize=chunksize, **kwargs) as store:
        for index in range(count):
            number = 2 * index if numbers is None else numbers[index]
            store.add_image(numbered(index, shape), number, index / 10)
            store.add_extra_data(value=index)
    return str(path)


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'store'


def chunk_files(path, chunk):
    """The index of a chunk, and the folder or video of its frames."""
    folder = os.path.join(path, f'{chunk:06d}')
    if os.path.isdir(folder):
        return os.path.join(folder, 'index.npz'), folder
    return folder + '.npz', next(folder + e for e in ('.avi', '.mkv', '.mp4') if os.path.exists(folder + e))


def remove_chunk(path, chunk):
    for file in chunk_files(path, chunk):
        if os.path.isdir(file):
            shutil.rmtree(file)
        else:
            os.unlink(file)


def frames_read(store):
    """Index in the pixels of each frame that sequential reading gives."""
    found = []
    with contextlib.suppress(EOFError):
        while True:
            found.append(index_in(store.get_next_image()[0]))
    return found


def unreadable(store, index, chunk, within):
    """Reading the frame is an error that names store, chunk and index, and the position does not move."""
    before = store.frame_number, store.frame_time, store._chunk_n, store._chunk_current_frame_idx
    with raises(FrameReadError, store=store.filename, chunk=chunk, index_in_chunk=within, frame_index=index):
        store.get_image(None, frame_index=index)
    after = store.frame_number, store.frame_time, store._chunk_n, store._chunk_current_frame_idx
    assert repr(after) == repr(before)


# --- A missing, truncated or unreadable image or video frame raises an error that names store, chunk and index;
# --- the position does not move, and the next read is right. Never None, never another frame.


@pytest.mark.parametrize('fmt', IMAGE_FORMATS)
def test_missing_image_is_error_and_next_read_is_right(path, fmt):
    """A missing image raises an error, the position stays, and the next read is right."""
    write_store(path, fmt)
    with new_for_filename(path) as store:
        assert index_in(store.get_image(None, frame_index=11)[0]) == 11
        os.unlink(not_none(store._chunk_paths)[1] + f'/000002{store._ext}')
        unreadable(store, 12, 1, 2)
        with pytest.raises(FrameReadError):
            store.get_next_image()
        with pytest.raises(FrameReadError):
            store.get_image(24)
        with pytest.raises(FrameReadError):
            store.get_nearest_image(1.2)
        unreadable(store, 12, 1, 2)
        assert store.get_next_framenumber() == 24
        for index in (13, 11, 10, 14):
            assert index_in(store.get_image(None, frame_index=index)[0]) == index


@pytest.mark.parametrize('fmt', IMAGE_FORMATS)
def test_an_image_cut_at_any_byte_is_an_error_or_whole(path, fmt):
    shape = (4, 6, 3) if fmt == 'ppm' else (4, 6)
    images = [noise(i, shape) for i in range(3)]
    with new_for_format(fmt, path, imgshape=shape) as store:
        for index, image in enumerate(images):
            store.add_image(image, index, index)
    with new_for_filename(path) as store:
        whole = [store.get_next_image()[0] for _ in images]
        file = Path(not_none(store._chunk_paths)[0], f'000001{store._ext}')
        data = file.read_bytes()
        refused = 0
        for end in range(len(data)):
            file.write_bytes(data[:end])
            try:
                image = store.get_image(1)[0]
            except FrameReadError:
                refused += 1
            else:
                assert np.array_equal(image, whole[1]), end
                assert image.dtype == whole[1].dtype
        assert refused >= len(data) - 16
        file.write_bytes(data)
        assert np.array_equal(store.get_image(1)[0], whole[1])
        assert np.array_equal(store.get_next_image()[0], whole[2])


@pytest.mark.parametrize('fmt', [name for name in IMAGE_FORMATS if name in ('png', 'bpk')])
def test_changed_byte_in_checksummed_image_never_misreads(path, fmt):
    """An image with any byte changed is an error or reads correctly if its format has checksums."""
    images = [noise(i, (4, 6)) for i in range(2)]
    with new_for_format(fmt, path, imgshape=(4, 6)) as store:
        for index, image in enumerate(images):
            store.add_image(image, index, index)
    with new_for_filename(path) as store:
        file = Path(not_none(store._chunk_paths)[0], f'000000{store._ext}')
        data = file.read_bytes()
        for place in range(len(data)):
            changed = bytearray(data)
            changed[place] ^= 1
            file.write_bytes(changed)
            try:
                image = store.get_image(0)[0]
            except FrameReadError:
                continue
            assert np.array_equal(image, images[0]), place
        assert np.array_equal(store.get_image(1)[0], images[1])


@pytest.mark.parametrize('data', [b'', b'no image at all', bytes(3000)])
@pytest.mark.parametrize('fmt', IMAGE_FORMATS)
def test_a_file_that_is_no_image_is_an_error(path, fmt, data):
    write_store(path, fmt, count=2)
    with new_for_filename(path) as store:
        Path(not_none(store._chunk_paths)[0], f'000000{store._ext}').write_bytes(data)
        unreadable(store, 0, 0, 0)
        assert index_in(store.get_image(2)[0]) == 1


def test_an_image_that_its_encoding_does_not_fit_is_an_error(path):
    with new_for_format('npy', path, imgshape=(4, 6), encoding='cv_bayerrg') as store:
        for index in range(2):
            store.add_image(np.zeros((4, 6), np.uint8), index, index)
    np.save(path / '000000' / '000000.npy', np.zeros(7))
    with new_for_filename(path) as store:
        unreadable(store, 0, 0, 0)
        assert store.get_image(1)[0].shape == (4, 6, 3)


def test_a_pickle_is_not_loaded_as_an_image(path, tmp_path):
    write_store(path, 'npy', count=1)
    np.save(path / '000000' / '000000.npy', np.array(_Touch(str(tmp_path / 'evil')), dtype=object), allow_pickle=True)
    with new_for_filename(path) as store:
        unreadable(store, 0, 0, 0)
    assert not (tmp_path / 'evil').exists()


class _Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self._path = path

    def __reduce__(self):
        return open, (self._path, 'w')


def packets(video):
    import av

    with av.open(video) as container:
        return [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]


@pytest.mark.parametrize(('fmt', 'backend'), video_backends('read'))
def test_zeroed_video_frame_is_error_and_others_are_right(path, fmt, backend):
    """A video frame whose bytes are zeroed is an error, and the other frames are right."""
    write_store(path, fmt)
    _, video = chunk_files(path, 1)
    position, size = packets(video)[4]
    with open(video, 'r+b') as file:
        file.seek(position + 4)
        file.write(bytes(size - 4))
    with new_for_filename(path, backend=backend) as store:
        assert [index_in(store.get_next_image()[0]) for _ in range(14)] == list(range(14))
        unreadable(store, 14, 1, 4)
        with pytest.raises(FrameReadError):
            store.get_next_image()
        for index in (13, 20, 24, 9, 10, *([15, 19] if fmt == 'mjpeg/avi' else [])):
            assert index_in(store.get_image(None, frame_index=index)[0]) == index


@pytest.mark.parametrize(('fmt', 'backend'), video_backends('read'))
def test_cut_off_or_missing_video_leaves_others_right(path, fmt, backend):
    """A video that is cut off or missing is an error, and frames of other chunks are right."""
    write_store(path, fmt)
    _, video = chunk_files(path, 1)
    data = Path(video).read_bytes()
    for percent in (0, 10, 60, 90, None):
        Path(video).write_bytes(data[: len(data) * (percent or 0) // 100])
        with new_for_filename(path, backend=backend) as store:
            if percent is None:
                os.unlink(video)
            assert index_in(store.get_image(None, frame_index=9)[0]) == 9
            unreadable(store, 19, 1, 9)
            with contextlib.suppress(FrameReadError):
                assert index_in(store.get_next_image()[0]) == 10
            assert index_in(store.get_image(None, frame_index=20)[0]) == 20
            assert index_in(store.get_image(None, frame_index=0)[0]) == 0


@pytest.mark.parametrize('fmt', VIDEO_FORMATS)
def test_index_longer_than_video_gives_no_wrong_frame(path, fmt):
    """An index that is longer than its video gives errors and no wrong frames."""
    write_store(path, fmt)
    index, _ = chunk_files(path, 1)
    write_chunk_index(index[:-4], np.arange(100, 113), np.arange(13.0))
    with new_for_filename(path, verify=False) as store:
        assert store.frame_count == 28
        for within in (10, 11, 12):
            unreadable(store, 10 + within, 1, within)
        assert index_in(store.get_image(109)[0]) == 19
        assert index_in(store.get_image(None, frame_index=23)[0]) == 20


# --- A missing chunk (0 too), a broken chunk index, a stray file or folder, `[` in the path, a trailing slash, a
# --- relative path after chdir: the rest of the store reads; what is skipped is warned of, once.


def open_with_warnings(path, count):
    """Open a store and use it in many ways; it gives so many warnings in all. -> store, warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        store = new_for_filename(path)
        assert store.frame_count == len(store.get_frame_metadata()['frame_number'])
        assert store.chunks
        assert len(not_none(store.get_extra_data())) >= store.frame_count
        assert len(store.find_extra_data_files()) >= len(store.chunks)
        store.get_image(None, frame_index=0)
        store.get_nearest_image(1.0)
        store._iter_chunk_n_and_chunk_paths()
        store.get_image(None, frame_index=0)
    assert len(caught) == count, [str(w.message) for w in caught]
    return store, [w.message for w in caught]


@pytest.mark.parametrize('fmt', ONE_OF_EACH)
@pytest.mark.parametrize('chunk', [0, 1, 2])
def test_a_chunk_that_is_not_there_is_no_matter(path, fmt, chunk):
    write_store(path, fmt)
    remove_chunk(path, chunk)
    store, _ = open_with_warnings(path, 0)
    with store:
        rest = [i for i in range(25) if i // 10 != chunk]
        assert index_in(store.get_image(None, frame_index=0)[0]) == rest[0]
        assert [rest[0], *frames_read(store)] == rest
        assert store.chunks == [n for n in range(3) if n != chunk]


@pytest.mark.parametrize('fmt', ONE_OF_EACH)
@pytest.mark.parametrize('chunk', [0, 1, 2])
@pytest.mark.parametrize('what', ['index gone', 'index empty', 'index cut', 'index damaged', 'frames gone'])
def test_broken_chunk_is_skipped_with_one_warning(path, fmt, chunk, what):
    """A broken chunk is skipped with one warning, and the rest of the store is readable."""
    if what == 'frames gone' and fmt == 'png':
        return
    write_store(path, fmt)
    index, frames = chunk_files(path, chunk)
    data = Path(index).read_bytes()
    if what == 'frames gone':
        os.unlink(frames)
    elif what == 'index gone':
        os.unlink(index)
    else:
        damaged = bytearray(data)
        damaged[data.index(np.float64(chunk + 0.3).tobytes())] ^= 1
        Path(index).write_bytes({'index empty': b'', 'index cut': data[:-30]}.get(what, damaged))
    store, told = open_with_warnings(path, 1)
    assert [(type(each), each.store, each.chunk) for each in told] == [(ChunkSkippedWarning, str(path), chunk)]
    rest = [i for i in range(25) if i // 10 != chunk]
    with store:
        assert store.frame_count == len(rest)
        assert [rest[0], *frames_read(store)] == rest
        for i in rest:
            assert index_in(store.get_image(2 * i)[0]) == i
        lost = 2 * 10 * chunk
        with pytest.raises(FrameNotFoundError):
            store.get_image(lost)
        assert index_in(store.get_image(lost, exact_only=False)[0]) == {0: 10, 1: 9, 2: 19}[chunk]


@pytest.mark.parametrize('fmt', ONE_OF_EACH)
def test_a_chunk_that_turns_out_broken_late_moves_no_position(path, fmt):
    """Opening and counting reads just the headers, so damage behind them is found by the first question for numbers."""
    write_store(path, fmt)
    index, _ = chunk_files(path, 1)
    write_chunk_index(index[:-4], np.arange(1000, 2000), np.arange(1000.0), np.ones(1000, np.uint64))
    data = bytearray(Path(index).read_bytes())
    data[data.index(np.float64(990).tobytes())] ^= 1
    Path(index).write_bytes(data)
    with new_for_filename(path) as store:
        assert store.frame_count == 1015
        assert index_in(store.get_image(None, frame_index=1012)[0]) == 22
        with warns(ChunkSkippedWarning, chunk=1):
            assert store.get_frame_metadata()['frame_number'][10] == 40
        assert (store.frame_number, store._chunk_n, store._chunk_current_frame_idx) == (44, 2, 2)
        assert frames_read(store) == [23, 24]
    with new_for_filename(path) as store:
        with warns(ChunkSkippedWarning, chunk=1) as caught:
            assert frames_read(store) == [*range(10), *range(20, 25)]
        assert len(caught) == 1
    remove_chunk(path, 2)
    with new_for_filename(path) as store:
        with warns(ChunkSkippedWarning, chunk=1):
            assert frames_read(store) == list(range(10))
        with pytest.raises(EndOfStoreError):
            store.get_next_framenumber()
        with pytest.raises(FrameNotFoundError):
            store.get_image(None, frame_index=10)


@pytest.mark.parametrize('fmt', ONE_OF_EACH)
def test_stray_files_and_folders_are_the_users_and_left_alone(path, fmt):
    write_store(path, fmt)
    for name in (
        'preview.avi',
        '.000007.open.avi',
        '000007.open.avi',
        '7.avi',
        '000001.avi.bak',
        '000000.imgstore.bin',
        'notes.txt',
        '000001.txt',
        '\uff11\uff12\uff13\uff14\uff15\uff16.avi',
        '-00001.avi',
    ):
        (path / name).write_bytes(b'stray')
    for name in ('notes', '.000003', 'x000001', '000001x', '0000001', '[a]', '000009.avi'):
        (path / name).mkdir()
        (path / name / '000000.png').write_bytes(b'stray')
    if fmt == 'png':
        (path / '000001' / 'thumbs.db').write_bytes(b'stray')
        (path / '000001' / 'folder').mkdir()
    before = sorted(str(p) for p in path.rglob('*'))
    store, _ = open_with_warnings(path, 0)
    with store:
        assert store.chunks == [0, 1, 2]
        store.get_image(None, frame_index=0)
        assert frames_read(store) == list(range(1, 25))
    assert sorted(str(p) for p in path.rglob('*')) == before


def test_an_index_is_found_by_the_name_of_its_chunk_alone(path):
    """A video or image that just looks like one is not taken for a chunk."""
    write_store(path, 'mjpeg/avi', count=3)
    shutil.copy(path / '000000.avi', path / '000005.avi')
    store, told = open_with_warnings(path, 1)
    assert [(type(each), each.chunk, each.error) for each in told] == [(ChunkSkippedWarning, 5, None)]
    with store:
        assert store.chunks == [0]


def test_an_index_of_no_frames_needs_no_video(path):
    write_store(path, 'mjpeg/avi', count=20)
    write_chunk_index(str(path / '000002'), np.empty(0, np.int64), np.empty(0))
    store, _ = open_with_warnings(path, 0)
    with store:
        assert store.chunks == [0, 1]


@pytest.mark.parametrize('fmt', ONE_OF_EACH)
@pytest.mark.parametrize('name', ['[a-z]*?', 'a b', 'ünï', "it's", '%06d', '#x?y', 'store:1', '-'])
def test_any_path_will_do(tmp_path, fmt, name):
    path = write_store(tmp_path / name / 'store', fmt, count=12)
    with new_for_filename(path) as store:
        assert frames_read(store) == list(range(12))
        assert store.filename == path
        store.save_index()
        store.reindex()
    assert ImgStoreIndex.new_from_file(os.path.join(path, '.index.sqlite')).frame_count == 12


@pytest.mark.parametrize('fmt', ONE_OF_EACH)
def test_all_spellings_of_a_path_open_the_same_store(tmp_path, fmt):
    """A trailing slash, a symlink, the metadata path and a PathLike all open the same store."""
    path = write_store(tmp_path / 'store', fmt, count=12)
    os.symlink(path, tmp_path / 'link')
    for way in (
        path + '/',
        path + '//',
        Path(path),
        os.path.join(path, 'metadata.yaml'),
        str(tmp_path / 'link'),
        Path(path) / 'metadata.yaml',
        os.fsencode(path),
        os.path.join(path, '..', 'store', '.'),
    ):
        with new_for_filename(way) as store:  # type: ignore[arg-type]
            assert store.filename in (path, str(tmp_path / 'link'))
            assert store.full_path == os.path.join(store.filename, 'metadata.yaml')
            assert frames_read(store) == list(range(12))


@pytest.mark.parametrize('fmt', ONE_OF_EACH)
def test_a_relative_path_survives_chdir(tmp_path, fmt, monkeypatch):
    write_store(tmp_path / 'store', fmt)
    monkeypatch.chdir(tmp_path)
    with new_for_filename('store') as store:
        assert index_in(store.get_next_image()[0]) == 0
        (tmp_path / 'elsewhere').mkdir()
        monkeypatch.chdir('elsewhere')
        assert frames_read(store) == list(range(1, 25))
        store.save_index()
        store.reindex()
        assert index_in(store.get_image(None, frame_index=3)[0]) == 3
    assert os.listdir(tmp_path / 'elsewhere') == []


# --- Sequential reading goes over gaps in chunk numbers.


@pytest.mark.parametrize('fmt', ONE_OF_EACH)
def test_sequential_reading_goes_over_gaps_and_empty_chunks(path, fmt):
    write_store(path, fmt, count=40)
    for chunk in (0, 2):
        remove_chunk(path, chunk)
    empty = make_folder(path / '000002') + '/index' if fmt == 'png' else str(path / '000002')
    write_chunk_index(empty, np.empty(0, np.int64), np.empty(0))
    with new_for_filename(path) as store:
        assert store.chunks == [1, 3]
        assert store._chunk_n == 1
        for index in (*range(10, 20), *range(30, 40)):
            assert store.get_next_framenumber() == 2 * index
            image, (number, _) = store.get_next_image()
            assert (index_in(image), number, store.frame_number) == (index, 2 * index, 2 * index)
        for _ in range(2):
            with pytest.raises(EOFError):
                store.get_next_image()
        assert index_in(store.get_image(20)[0]) == 10


def make_folder(path):
    path.mkdir(exist_ok=True)
    return str(path)


@pytest.mark.parametrize('fmt', ONE_OF_EACH)
def test_reading_on_goes_from_the_image_that_was_read_last(path, fmt):
    write_store(path, fmt)
    with new_for_filename(path) as store:
        assert math.isnan(store.frame_number)
        assert store._chunk_current_frame_idx == -1
        assert index_in(store.get_image(18)[0]) == 9
        assert index_in(store.get_next_image()[0]) == 10
        assert (store._chunk_n, store._chunk_current_frame_idx) == (1, 0)
        for wrong in (7, -3, 999):
            with pytest.raises(FrameNotFoundError):
                store.get_image(wrong)
        with pytest.raises(FrameNotFoundError):
            store.get_image(None, frame_index=25)
        assert index_in(store.get_next_image()[0]) == 11
        assert frames_read(store) == list(range(12, 25))
        assert index_in(store.get_nearest_image(0.31)[0]) == 3
        assert index_in(store.get_next_image()[0]) == 4


# --- exact_only=False and get_nearest_image on an empty store: ValueError; ties go to the earlier frame.


@pytest.mark.parametrize('fmt', ONE_OF_EACH)
def test_an_empty_store_has_nothing_near(path, fmt):
    write_store(path, fmt, count=0)
    with new_for_filename(path) as store:
        assert not store
        assert len(store) == 0
        for read in (
            lambda: store.get_image(1, exact_only=False),
            lambda: store.get_nearest_image(1.0),
            lambda: store.get_image(0),
            lambda: store.get_image(None, frame_index=0),
        ):
            with pytest.raises(FrameNotFoundError):
                read()
        with pytest.raises(EOFError):
            store.get_next_image()
        assert math.isnan(store.frame_min)
        assert (store.duration, store.chunks) == (0.0, [])
        assert store.get_frame_metadata() == {'frame_number': [], 'frame_time': []}
    with pytest.raises(FrameNotFoundError):
        extract_only_frame(path, 0)


def test_ties_go_to_the_earlier_frame(path):
    write_store(path, count=6, chunksize=2, numbers=[5, 9, 13, 9, 1, -3])
    with new_for_filename(path) as store:
        for number, index in ((7, 0), (11, 1), (3, 0), (-1, 4), (9, 1), (100, 2), (-100, 5)):
            assert index_in(store.get_image(number, exact_only=False)[0]) == index
        assert index_in(store.get_nearest_image(0.25)[0]) == 2
    for chunk in range(3):
        stem = str(path / f'{chunk:06d}' / 'index')
        write_chunk_index(stem, np.arange(2), np.array([[4, 2], [0, 2], [8, 6]][chunk]), read_checksums(stem))
    with new_for_filename(path) as store:
        for moment, index in ((3, 0), (1, 1), (7, 4), (5, 0), (2, 1)):
            assert index_in(store.get_nearest_image(moment)[0]) == index


def test_what_is_no_number_or_time_is_refused(path):
    write_store(path, count=3)
    with new_for_filename(path) as store:
        for wrong in (None, 1.5, math.nan, 'two', [2]):
            with pytest.raises(InvalidArgumentError):
                store.get_image(wrong)
            with pytest.raises(InvalidArgumentError):
                store.get_image(wrong, exact_only=False)
        for wrong in (None, 'noon', math.nan):
            with pytest.raises(InvalidArgumentError):
                store.get_nearest_image(wrong)
        for wrong in (1.5, math.nan, 'two', -4, 3):
            with pytest.raises(InvalidArgumentError):
                store.get_image(None, frame_index=wrong)
        for right in (np.int64(2), 2.0, np.float32(2), np.uint8(2)):
            assert index_in(store.get_image(right)[0]) == 1
            assert index_in(store.get_image(None, frame_index=right)[0]) == 2
        assert index_in(store.get_image(0, frame_index=2)[0]) == 2


# --- extract_only_frame agrees with get_image(None, frame_index=i) for every store; out of range: ValueError.


@pytest.mark.parametrize(
    ('fmt', 'shape'),
    [
        (fmt, shape)
        for fmt in (*IMAGE_FORMATS, *VIDEO_FORMATS)
        for shape in ((32, 96), (32, 96, 3))
        if ROWS[fmt].holds('uint8', len(shape) == 3)
    ],
)
def test_extract_only_frame_agrees_with_get_image(path, fmt, shape):
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # pgm loses colours
        write_store(path, fmt, count=7, chunksize=3, shape=shape)
    remove_chunk(path, 1)
    with new_for_filename(path) as store:
        assert store.frame_count == 4
        for index in range(4):
            image = store.get_image(None, frame_index=index)[0]
            for extract in (extract_only_frame, type(store).extract_only_frame):
                assert np.array_equal(extract(path, index), image)
                assert extract(path, index).dtype == image.dtype
    for index in (-5, 4, 100):
        with pytest.raises(FrameNotFoundError):
            extract_only_frame(path, index)


@pytest.mark.parametrize(
    ('fmt', 'shape', 'encoding'),
    [
        ('npy', (32, 96), 'cv_bayerrg'),
        ('png', (48, 96), 'cv_yuv_i420'),
        ('mjpeg/avi', (32, 96), 'cv_bayergb'),
        ('png+color', (32, 96), 'cv_bayerrg'),
    ],
)
def test_extract_only_frame_decodes_as_get_image_does(path, fmt, shape, encoding):
    write_store(path, fmt, count=3, shape=shape, encoding=encoding)
    with new_for_filename(path) as store:
        image = store.get_image(None, frame_index=1)[0]
        assert image.shape == (32, 96, 3) == store.image_shape
    assert np.array_equal(extract_only_frame(path, 1), image)


@pytest.mark.parametrize('fmt', ['png', *VIDEO_FORMATS])
def test_extract_only_frame_needs_the_frames_of_no_other_chunk(path, fmt):
    write_store(path, fmt)
    with opened_files() as opened:
        assert index_in(extract_only_frame(path, 12)) == 12
    if fmt == 'png':
        assert [os.path.basename(name) for name in opened if name.endswith('.png')] == ['000002.png']
    for chunk in (0, 2):
        _, frames = chunk_files(path, chunk)
        if fmt == 'png':
            for file in Path(frames).glob('*.png'):
                file.unlink()
        else:
            Path(frames).write_bytes(b'')
    assert index_in(extract_only_frame(path, 12)) == 12


# --- save_index can be called again; a missing index file is never created by reading it; nothing leaks a file
# --- descriptor: close() frees all, also for readers.


@pytest.mark.parametrize('fmt', ONE_OF_EACH)
def test_save_index_can_be_called_again_and_elsewhere(path, tmp_path, fmt):
    write_store(path, fmt)
    with new_for_filename(path) as store:
        for _ in range(3):
            store.save_index()
            store.save_index(tmp_path / 'elsewhere')
        store.close(save_index=True)
        expected = store.get_frame_metadata()
    for saved in (path / '.index.sqlite', tmp_path / 'elsewhere'):
        index = ImgStoreIndex.new_from_file(saved)
        assert index.get_all_metadata() == expected
        with new_for_filename(path, index=index) as store:
            assert store._chunk_n_and_chunk_paths is None
            assert frames_read(store) == list(range(25))
    with new_for_filename(path) as store, raises(StoreIOError, path=str(tmp_path / 'missing' / 'index')):
        store.save_index(tmp_path / 'missing' / 'index')


def test_stale_saved_index_is_not_used(path):
    """A saved index is not used after the chunk indexes have changed."""
    write_store(path)
    with new_for_filename(path) as store:
        store.save_index()
    stem = str(path / '000001' / 'index')
    write_chunk_index(stem, np.arange(900, 910), np.arange(10.0), read_checksums(stem))
    with new_for_filename(path) as store:
        assert index_in(store.get_image(903)[0]) == 13
        assert store.frame_max == 909
    for content in (b'', b'garbage'):
        (path / '.index.sqlite').write_bytes(content)
        with new_for_filename(path) as store:
            assert store.frame_count == 25


def test_reading_never_makes_an_index_file(path, tmp_path):
    write_store(path)
    before = sorted(p.name for p in path.iterdir())
    with pytest.raises(CorruptFileError):
        ImgStoreIndex.new_from_file(tmp_path / 'none')
    with new_for_filename(path) as store:
        frames_read(store)
        store.get_frame_metadata()
    extract_only_frame(path, 3)
    assert sorted(p.name for p in path.iterdir()) == before
    assert not (tmp_path / 'none').exists()
    with raises(InvalidArgumentError, argument='index'):
        new_for_filename(path, index=str(tmp_path / 'none'))  # type: ignore[arg-type]


def descriptors():
    """What this process holds open, where the system tells."""
    links = Path('/proc/self/fd')
    return sorted(os.readlink(link) for link in links.iterdir() if link.exists()) if links.is_dir() else []


@pytest.mark.parametrize(('fmt', 'backend'), [('png', None), *video_backends('read')])
def test_close_frees_all_descriptors_after_errors_too(path, fmt, backend):
    write_store(path, fmt)
    backend = {} if fmt == 'png' else {'backend': backend}
    with new_for_filename(path, **backend) as store:
        store.get_next_image()  # what libraries open once for themselves is open now
    before = descriptors()
    store = new_for_filename(path, **backend)
    frames_read(store)
    with contextlib.suppress(ValueError):
        store.get_image(7)
    _, frames = chunk_files(path, 1)
    if fmt == 'png':
        Path(frames, '000003.png').write_bytes(b'')
    else:
        Path(frames).write_bytes(b'none')
    for index in (0, 13, 24, 14):
        with contextlib.suppress(FrameReadError):
            store.get_image(None, frame_index=index)
    store.save_index()
    store.get_extra_data()
    store.close()
    store.close()
    assert descriptors() == before
    for index in (3, 13):
        with contextlib.suppress(FrameReadError):
            extract_only_frame(path, index)
    assert descriptors() == before


@pytest.mark.parametrize('fmt', ['png', *VIDEO_FORMATS])
def test_a_writer_frees_all_descriptors(tmp_path, fmt):
    write_store(tmp_path / 'first', fmt, count=3)
    before = descriptors()
    write_store(tmp_path / 'second', fmt)
    with raises(StoreExistsError, replaceable=True):
        write_store(tmp_path / 'second', fmt)
    with new_for_format(fmt, tmp_path / 'third', imgshape=SHAPE, chunksize=2) as store:
        store.add_image(numbered(0, SHAPE), 0, 0)
        with raises(ImageRejectedError, argument='img'):
            store.add_image(np.zeros((3, 3), np.uint8), 1, 1)
        store.empty()
        store.add_image(numbered(0, SHAPE), 0, 0)
    assert descriptors() == before


@pytest.mark.parametrize('fmt', ONE_OF_EACH)
def test_a_closed_reader_says_so(path, fmt):
    write_store(path, fmt)
    store = new_for_filename(path)
    store.close()
    for read in (store.get_next_image, lambda: store.get_image(0), lambda: store.get_nearest_image(0)):
        with pytest.raises(StoreClosedError):
            read()
    assert store.frame_count == 25
    assert store.get_frame_metadata()['frame_number'][:2] == [0, 2]


# --- reindex works with chunks of any length, updates the open store too, keeps other npz keys, and a second run
# --- never overwrites the first original numbers.

BEFORE = '_frame_number_before_reindex'


def numbers_of(path, key='frame_number'):
    """A key of all chunk indexes, read as numpy reads it."""
    found = []
    for file in sorted([*Path(path).glob('0*.npz'), *Path(path).glob('0*/index.npz')]):
        with np.load(file) as content:
            found += content[key].tolist()
    return found


@pytest.mark.parametrize('fmt', ONE_OF_EACH)
def test_reindex_counts_down_before_the_zero(path, fmt):
    """A reindex numbers the frames before the zero downwards by their position."""
    numbers = [-7, -9, 5, 5, 12, 0, 1, 2, 4]
    write_store(path, fmt, count=9, chunksize=2, numbers=numbers)
    expected = [-5, -4, -3, -2, -1, 0, 1, 2, 4]
    with new_for_filename(path) as store:
        assert index_in(store.get_image(12)[0]) == 4
        store.reindex()
        assert store.frame_number == -1
        assert store.get_frame_metadata()['frame_number'] == expected
        assert (store.frame_min, store.frame_max) == (-5, 4)
        assert index_in(store.get_image(-5)[0]) == 0
        assert index_in(store.get_next_image()[0]) == 1
        with pytest.raises(FrameNotFoundError):
            store.get_image(12)
        records = not_none(store.get_extra_data())
        assert records['frame_number'].tolist() == expected
        assert records[BEFORE].tolist() == numbers
        assert records['value'].tolist() == list(range(9))
    assert numbers_of(path) == expected
    assert numbers_of(path, BEFORE) == numbers
    assert numbers_of(path, 'frame_time') == [i / 10 for i in range(9)]
    with new_for_filename(path) as store:
        assert store.get_frame_metadata()['frame_number'] == expected
        assert frames_read(store) == list(range(9))


def test_a_second_reindex_keeps_the_first_numbers(path):
    numbers = [8, 9, 0, 1, 7]
    write_store(path, count=5, chunksize=2, numbers=numbers)
    with new_for_filename(path) as store:
        store.reindex()
        write_chunk_index_numbers(path / '000001' / 'index', [1, 0])
    with new_for_filename(path) as store:
        store.reindex()
        assert store.get_frame_metadata()['frame_number'] == [-3, -2, -1, 0, 7]
        store.reindex()
        assert not_none(store.get_extra_data())[BEFORE].tolist() == numbers
    assert numbers_of(path, BEFORE) == numbers


def write_chunk_index_numbers(stem, numbers):
    """Edit the numbers of a chunk index in place, as users do."""
    with np.load(f'{stem}.npz') as content:
        edited = {**content, 'frame_number': np.array(numbers)}
    np.savez(f'{stem}.npz', **edited)


@pytest.mark.parametrize('numbers', [[1, 2, 3], [0, 1, 0], [0, 0, 0]])
def test_reindex_needs_exactly_one_zero(path, numbers):
    """A reindex changes nothing unless exactly one frame has the number zero."""
    write_store(path, count=3, chunksize=2, numbers=numbers)
    before = {p: p.read_bytes() for p in path.rglob('*') if p.is_file()}
    with new_for_filename(path) as store:
        with raises(InvalidArgumentError, store=str(path)):
            store.reindex()
        assert store.get_frame_metadata()['frame_number'] == numbers
    assert {p: p.read_bytes() for p in path.rglob('*') if p.is_file()} == before


def test_reindex_of_damaged_extra_data_changes_nothing(path):
    write_store(path, count=5, chunksize=2, numbers=[3, 4, 5, 0, 1])
    (path / '000002' / 'index.extra.json').write_text('[{"frame_num')
    before = {p: p.read_bytes() for p in path.rglob('*') if p.is_file()}
    with new_for_filename(path) as store, raises(CorruptFileError, file='index.extra.json'):
        store.reindex()
    assert {p: p.read_bytes() for p in path.rglob('*') if p.is_file()} == before


def test_reindex_that_cannot_write_changes_nothing(path, monkeypatch):
    write_store(path, count=5, chunksize=2, numbers=[3, 4, 5, 0, 1])
    before = {p: p.read_bytes() for p in path.rglob('*') if p.is_file()}
    write, written = np.lib.format.write_array, []

    def full(*arguments, **keywords):
        written.append(1)
        if len(written) > 3:
            raise OSError(28, 'No space left on device')
        return write(*arguments, **keywords)

    monkeypatch.setattr(np.lib.format, 'write_array', full)
    with new_for_filename(path) as store, raises(StoreIOError, store=str(path)):
        store.reindex()
    assert {p: p.read_bytes() for p in path.rglob('*') if p.is_file()} == before


@pytest.mark.filterwarnings('ignore::imgstore.errors.UnverifiedWarning')  # the new index has no checksums
@pytest.mark.parametrize('save', [np.savez, np.savez_compressed])
def test_reindex_keeps_other_index_data_and_never_unpickles(path, tmp_path, save):
    """A reindex keeps all other data in an index byte for byte and unpickles nothing."""
    write_store(path, 'mjpeg/avi', count=3, numbers=[4, 0, 1])
    evil = np.array(_Touch(str(tmp_path / 'evil')), dtype=object)
    save(
        path / '000000.npz',
        frame_number=np.array([4, 0, 1]),
        frame_time=np.arange(3.0),
        encoding=evil,
        uuid=np.array('abc'),
        motif=np.bytes_(b'x\x00y'),
        shape=np.array([2, 3]),
    )
    with zipfile.ZipFile(path / '000000.npz') as archive:
        before = {name: archive.read(name) for name in archive.namelist()}
    with new_for_filename(path) as store:
        store.reindex()
        assert frames_read(store) == [0, 1, 2]
    with zipfile.ZipFile(path / '000000.npz') as archive:
        assert archive.testzip() is None
        after = {name: archive.read(name) for name in archive.namelist()}
        assert len(after) == len(archive.namelist())
    assert {name for name in after if after[name] != before.get(name)} == {'frame_number.npy', BEFORE + '.npy'}
    assert set(after) - set(before) == {BEFORE + '.npy'}
    assert not (tmp_path / 'evil').exists()


def test_reindex_of_yaml_indexes_keeps_their_other_keys(path):
    write_store(path, 'mjpeg/avi', count=3, numbers=[4, 0, 1])
    (path / '000000.npz').unlink()
    (path / '000000.yaml').write_text('camera: blue\nframe_number: [4, 0, 1]\nframe_time: [0.0, 0.5, 1.0]\n')
    with new_for_filename(path) as store:
        store.reindex()
        store.reindex()
        assert store.get_frame_metadata() == {'frame_number': [-1, 0, 1], 'frame_time': [0.0, 0.5, 1.0]}
    text = (path / '000000.yaml').read_text()
    assert 'camera: blue' in text
    assert re.search(rf'{BEFORE}:\n- 4\n- 0\n- 1\n', text)
    assert not (path / '000000.npz').exists()


def test_reindex_of_empty_and_short_and_broken_chunks(path):
    write_store(path, count=6, chunksize=2, numbers=[7, 8, 9, 0, 1, 2])
    write_chunk_index(str(path / '000000' / 'index'), np.array([7]), np.array([0.0]))
    write_chunk_index(make_folder(path / '000003') + '/index', np.empty(0, np.int64), np.empty(0))
    (path / '000002' / 'index.npz').write_bytes(b'broken')
    with new_for_filename(path) as store:
        with warns(ChunkSkippedWarning, chunk=2):
            assert store.frame_count == 3
        with warns(ChunkSkippedWarning, chunk=2):
            store.reindex()
    assert (path / '000002' / 'index.npz').read_bytes() == b'broken'
    assert read_chunk_index(str(path / '000000' / 'index'))[0].tolist() == [-2]
    assert read_chunk_index(str(path / '000001' / 'index'))[0].tolist() == [-1, 0]
    assert read_chunk_index(str(path / '000003' / 'index'))[0].tolist() == []


def test_reindex_renews_an_index_that_was_saved(path):
    write_store(path, count=4, chunksize=2, numbers=[7, 8, 0, 1])
    with new_for_filename(path) as store:
        store.save_index()
        store.reindex()
    index = ImgStoreIndex.new_from_file(path / '.index.sqlite')
    assert index.get_all_metadata()['frame_number'] == [-2, -1, 0, 1]


def test_reindex_moves_records_with_their_frames(path):
    """A reindex renumbers extra data by the frames of its records and keeps everything else."""
    with new_for_format('png', path, imgshape=SHAPE, chunksize=2) as store:
        store.add_extra_data(early=True)
        for index, number in enumerate([5, 5, 0, 1]):
            store.add_image(numbered(index, SHAPE), number, index)
            store.add_extra_data(value={'deep': [index, None]})
            store.add_extra_data(value='ü')
    with new_for_filename(path) as store:
        store.reindex()
        store.reindex()
    records = [record for file in sorted(path.glob('*/index.extra.json')) for record in json.loads(file.read_text())]
    early = records.pop(0)
    assert early['early'] is True
    assert BEFORE not in early
    assert math.isnan(early['frame_number'])
    assert [record['frame_number'] for record in records] == [-2, -2, -1, -1, 0, 0, 1, 1]
    assert [record[BEFORE] for record in records] == [5, 5, 5, 5, 0, 0, 1, 1]
    assert [record['frame_index'] for record in records] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert records[2]['value'] == {'deep': [1, None]}
    assert all('early' not in record for record in records)


def test_reindex_leaves_no_other_files(path):
    write_store(path, count=5, chunksize=2, numbers=[3, 4, 5, 0, 1])
    before = sorted(str(p) for p in path.rglob('*'))
    with new_for_filename(path) as store:
        store.reindex()
    assert sorted(str(p) for p in path.rglob('*')) == before


# --- Wrong mode (reading from a writer, writing to a reader): an error that says so.


@pytest.mark.parametrize('fmt', ONE_OF_EACH)
def test_reading_from_a_writer_says_so(path, fmt):
    with new_for_format(fmt, path, imgshape=SHAPE) as store:
        store.add_image(numbered(0, SHAPE), 0, 0)
        for read in (
            store.get_next_image,
            store.get_next_framenumber,
            lambda: store.get_image(0),
            store.reindex,
            lambda: store.get_nearest_image(0),
            store.get_frame_metadata,
            store.disable_decoding,
            store.get_extra_data,
        ):
            with pytest.raises(StoreModeError):
                read()
        assert store.mode == 'w'


@pytest.mark.parametrize('fmt', ONE_OF_EACH)
def test_writing_to_a_reader_says_so(path, fmt):
    write_store(path, fmt, count=1)
    before = {p: p.read_bytes() for p in path.rglob('*') if p.is_file()}
    with new_for_filename(path) as store:
        writes = [lambda: store.add_image(numbered(0, SHAPE), 1, 1), lambda: store.add_extra_data(a=1), store.empty]
        if fmt == 'mjpeg/avi':
            writes.append(lambda: store.insert_chunk(path / '000000.avi', [1], [1]))
        for write in writes:
            with pytest.raises(StoreModeError):
                write()
        assert store.mode == 'r'
    assert {p: p.read_bytes() for p in path.rglob('*') if p.is_file()} == before


@pytest.mark.parametrize('mode', ['a', 'rw', '', None, 'R'])
def test_another_mode_is_refused(path, mode):
    write_store(path, count=1)
    for open_store in (
        lambda: new_for_filename(path, mode=mode),
        lambda: new_for_format('png', path, mode=mode, imgshape=SHAPE),
    ):
        with raises(InvalidArgumentError, argument='mode'):
            open_store()


# --- lazy


def test_two_million_frames_open_at_once_without_indexes(path):
    """A store of two million frames opens at once and reads no chunk index."""
    write_store(path, 'png', count=1)
    (path / '000000' / 'index.npz').unlink()
    numbers = np.arange(10_000)
    write_chunk_index(str(path / '000000' / 'index'), numbers, numbers / 30)
    for chunk in range(1, 200):
        os.link(path / '000000' / 'index.npz', make_folder(path / f'{chunk:06d}') + '/index.npz')
    begin = time.perf_counter()
    with opened_files() as opened, new_for_filename(path) as store:
        seconds = time.perf_counter() - begin
        assert not [name for name in opened if name.endswith('.npz')]
        assert store.frame_count == 2_000_000
    assert seconds < 1


def test_a_chunk_index_is_read_once_and_not_once_a_frame(path):
    write_store(path, count=10)
    with new_for_filename(path) as store:
        store.get_next_image()
        with opened_files() as opened:
            frames_read(store)
        assert not [name for name in opened if name.endswith('.npz')]
