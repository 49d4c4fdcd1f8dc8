"""Reading compares each frame with its checksum, and an altered one is an error that names it."""

import contextlib
import pickle
import shutil
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import imgstore
from imgstore import ImgStore, new_for_filename, new_for_format
from imgstore.errors import FrameReadError, UnverifiedWarning
from imgstore.export import export_video, select
from imgstore.ondisk.checksums import read_checksums
from imgstore.ondisk.chunk_index import read_chunk_index, write_chunk_index

from ..helpers.checked import not_none
from ..helpers.format_table import IMAGE_FORMATS, ROWS, VIDEO_FORMATS
from ..helpers.frames import index_in, numbered
from ..helpers.raised import raises
from ..helpers.unverified import forget_checksums

COUNT, CHUNKSIZE, SHAPE, GROUP = 60, 40, (64, 96), 16
RAW = ('npy', 'bmp', 'pgm', 'ppm')


def record(path: Path, fmt: str, count: int = COUNT) -> Path:
    with new_for_format(fmt, path, imgshape=SHAPE, chunksize=CHUNKSIZE, workers=0) as store:
        for index in range(count):
            store.add_image(numbered(index, SHAPE), 100 + index, index / 25)
    return path


@pytest.fixture(scope='module')
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that records a store of a format, once."""
    return cache(lambda fmt: record(tmp_path_factory.mktemp('recorded') / 's', fmt))


def flip(file: Path, place: int, bit: int = 1) -> None:
    data = bytearray(file.read_bytes())
    data[place] ^= bit
    file.write_bytes(data)


def alter(path: Path, fmt: str, index: int) -> Path:
    """Flip a bit of a frame's stored bytes. -> the file."""
    chunk, within = divmod(index, CHUNKSIZE)
    if ROWS[fmt].is_image_folder:
        file = path / f'{chunk:06d}' / f'{within:06d}.{fmt}'
        flip(file, file.stat().st_size * 2 // 3)
        return file
    return alter_packet(path / f'{chunk:06d}{ROWS[fmt].extension}', within)


def alter_packet(file: Path, index: int) -> Path:
    with av.open(str(file)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    flip(file, file.read_bytes().index(packets[index]) + len(packets[index]) * 2 // 3)
    return file


def lost_with(fmt: str, index: int) -> set[int]:
    """The frames that cannot be decoded without one."""
    if ROWS[fmt].is_image_folder or ROWS[fmt].codec in ('mjpeg', 'ffv1', 'h264-lossless'):
        return {index}
    begin, within = divmod(index, CHUNKSIZE)
    end = min(within // GROUP * GROUP + GROUP, CHUNKSIZE)
    return set(range(index, min(begin * CHUNKSIZE + end, COUNT)))


def one_by_one(read: Callable[[int], Any]) -> dict[int, Any]:
    found, told = {}, []
    for index in range(COUNT):
        try:
            found[index] = read(index)
        except FrameReadError as error:
            told.append((error.frame_index, error.frame_number))
    assert told == [(index, 100 + index) for index in range(COUNT) if index not in found]
    return found


def in_turn(store: ImgStore) -> dict[int, Any]:
    """The images of `get_next_image`, which are read ahead; the frame after a lost one is asked for by its index."""
    found: dict[int, Any] = {}
    for index in range(COUNT):
        with contextlib.suppress(FrameReadError):
            is_next = not index or index - 1 in found
            found[index] = (store.get_next_image() if is_next else store.get_image(None, frame_index=index))[0]
    return found


def iterated(store: ImgStore) -> dict[int, Any]:
    found: dict[int, Any] = {}
    frames = iter(store.frames())
    while len(found) < COUNT:
        try:
            frame = next(frames)
        except FrameReadError:
            continue
        except StopIteration:
            break
        found[frame.index] = frame.image
    return found


WAYS: dict[str, Callable[[ImgStore], dict[int, Any]]] = {
    'by index': lambda store: one_by_one(lambda index: store.get_image(None, frame_index=index)[0]),
    'in brackets': lambda store: one_by_one(lambda index: store[index]),
    'in slices': lambda store: one_by_one(lambda index: store[index : index + 1][0]),
    'get_images': lambda store: one_by_one(lambda index: store.get_images(frame_indices=[index])[0][0]),
    'in turn': in_turn,
    'iterated': iterated,
    'pickled': lambda store: WAYS['by index'](pickle.loads(pickle.dumps(store))),  # noqa: S301 -- our own
    'extracted': lambda store: one_by_one(lambda index: imgstore.extract_only_frame(store.filename, index)),
}


@pytest.mark.once
@pytest.mark.parametrize('way', WAYS)
@pytest.mark.parametrize('fmt', ['npy', *VIDEO_FORMATS])
@pytest.mark.parametrize('altered', [20, *(pytest.param(index, marks=pytest.mark.once) for index in (0, 47))])
def test_an_altered_frame_is_an_error_and_all_others_are_right(
    tmp_path: Path, recorded: Callable[[str], Path], fmt: str, altered: int, way: str
) -> None:
    """In a video, frames decoded from it are errors too, and other groups are not."""
    alter(shutil.copytree(recorded(fmt), tmp_path / 's'), fmt, altered)
    with new_for_filename(tmp_path / 's') as store:
        found = WAYS[way](store)
    assert {index: index_in(image) for index, image in found.items()} == {index: index for index in found}
    assert set(range(COUNT)) - found.keys() == lost_with(fmt, altered)


@pytest.mark.parametrize(('fmt', 'others'), [('ffv1/mkv', False), ('mjpeg/avi', False), ('avc1/mp4', True)])
def test_only_frames_decoded_from_others_name_them(tmp_path: Path, fmt: str, others: bool) -> None:
    alter(record(tmp_path / 's', fmt), fmt, 20)
    with new_for_filename(tmp_path / 's') as store, pytest.raises(FrameReadError) as caught:
        store.get_image(120)
    assert ('or one it is decoded from' in str(caught.value)) == others
    assert 'differs from its checksum' in str(caught.value)


@pytest.mark.parametrize('fmt', ['bmp', *VIDEO_FORMATS])
def test_calls_for_many_frames_fail_if_one_is_altered(tmp_path: Path, fmt: str) -> None:
    alter(record(tmp_path / 's', fmt), fmt, 20)
    with new_for_filename(tmp_path / 's') as store:
        for read in (
            lambda: store[:],
            lambda: store[20:21],
            lambda: store[[59, 20, 3]],
            lambda: store.get_images(frame_indices=range(COUNT)),
            lambda: list(store.batches(7, 16, 30)),
            lambda: list(store.batches(7, 2, 40, 3)),
            lambda: np.asarray(store),
        ):
            with pytest.raises(FrameReadError):
                read()
        assert [index_in(image) for image in store[32:]] == list(range(32, COUNT))


@pytest.mark.parametrize('fmt', RAW)
def test_an_image_that_decodes_is_read_without_verification(tmp_path: Path, fmt: str) -> None:
    file = alter(record(tmp_path / 's', fmt, 3), fmt, 1)
    with new_for_filename(tmp_path / 's') as store, raises(FrameReadError, path=str(file), frame_number=101) as caught:
        store.get_image(101)
    assert 'verify=False' in str(caught.value)
    with new_for_filename(tmp_path / 's', verify=False) as store:
        image = store.get_image(101)[0]
        assert np.count_nonzero(image != numbered(1, SHAPE)) == 1


@pytest.mark.once
@pytest.mark.parametrize('fmt', VIDEO_FORMATS)
def test_a_video_is_read_without_verification(tmp_path: Path, fmt: str) -> None:
    record(tmp_path / 's', fmt)
    record(tmp_path / 'other', fmt)
    video = f'000000{ROWS[fmt].extension}'
    with new_for_format(fmt, tmp_path / 'black', imgshape=SHAPE, chunksize=CHUNKSIZE) as black:
        for index in range(CHUNKSIZE):
            black.add_image(numbered(index + 1000, SHAPE), index, index / 25)
    (tmp_path / 's' / video).write_bytes((tmp_path / 'black' / video).read_bytes())
    with new_for_filename(tmp_path / 's') as store:
        for index in range(CHUNKSIZE):
            with raises(FrameReadError, path=str(tmp_path / 's' / video), frame_index=index) as caught:
                store.get_image(None, frame_index=index)
            assert 'verify=False' in str(caught.value)
        assert index_in(store[CHUNKSIZE]) == CHUNKSIZE
    with new_for_filename(tmp_path / 's', verify=False) as store:
        assert [index_in(image) for image in store[:CHUNKSIZE]] == list(range(1000, 1000 + CHUNKSIZE))


@pytest.mark.parametrize('fmt', IMAGE_FORMATS)
def test_no_flipped_bit_of_an_image_goes_unnoticed(tmp_path: Path, fmt: str) -> None:
    file = record(tmp_path / 's', fmt, 2) / '000000' / f'000001.{fmt}'
    whole = file.read_bytes()
    with new_for_filename(tmp_path / 's', cache_bytes=0) as store:
        for place in np.linspace(0, len(whole) - 1, 60).astype(int).tolist():
            flip(file, place, 1 << place % 8)
            with raises(FrameReadError, frame_number=101, path=str(file)):
                store.get_image(101)
            file.write_bytes(whole)
        assert index_in(store.get_image(101)[0]) == 1


@pytest.mark.parametrize('fmt', ['avc1/mp4', 'h264/mkv'])
def test_an_altered_decoder_configuration_is_an_error(tmp_path: Path, fmt: str) -> None:
    """The last one in an MP4 counts; an earlier one is of the open video."""
    file = record(tmp_path / 's', fmt, 3) / f'000000{ROWS[fmt].extension}'
    with av.open(str(file)) as container:
        configuration = not_none(container.streams.video[0].codec_context.extradata)
    whole = file.read_bytes()
    for place in range(4, len(configuration)):
        flip(file, whole.rindex(configuration) + place, 1 << place % 8)
        with new_for_filename(tmp_path / 's', cache_bytes=0) as store, raises(FrameReadError, path=str(file)):
            store.get_image(101)
        file.write_bytes(whole)
    with new_for_filename(tmp_path / 's') as store:
        assert index_in(store.get_image(101)[0]) == 1


def test_opencv_reads_videos_without_verification(tmp_path: Path) -> None:
    """It shows no packets to compare."""
    alter(record(tmp_path / 's', 'mjpeg/avi'), 'mjpeg/avi', 20)
    with new_for_filename(tmp_path / 's', backend='opencv') as store:
        assert index_in(store[19]) == 19


@pytest.mark.parametrize('fmt', ['h264/mkv', 'avc1/mp4'])
def test_a_stream_copy_is_verified(tmp_path: Path, fmt: str) -> None:
    file = alter(record(tmp_path / 's', fmt), fmt, 20)
    with new_for_filename(tmp_path / 's') as store:
        with raises(FrameReadError, path=str(file), frame_index=20):
            export_video(select(store), tmp_path / 'all.mp4', codec='copy')
        assert not (tmp_path / 'all.mp4').exists()
        assert export_video(select(store, from_index=32), tmp_path / 'rest.mp4', codec='copy').copied
    with new_for_filename(tmp_path / 's', verify=False) as store:
        assert export_video(select(store), tmp_path / 'all.mp4', codec='copy').copied


# --- stores without checksums


def replace_checksums(path: Path, chunk: int, checksums: Any = None, fmt: str = 'npy') -> None:
    """Write a chunk's index with other checksums, or without."""
    stem = str(path / (f'{chunk:06d}/index' if ROWS[fmt].is_image_folder else f'{chunk:06d}'))
    write_chunk_index(stem, *read_chunk_index(stem), checksums)


def test_an_index_that_lost_its_checksums_is_told_of_once(tmp_path: Path) -> None:
    path = record(tmp_path / 's', 'npy')
    alter(path, 'npy', 3)
    for chunk in range(2):
        replace_checksums(path, chunk)
    with new_for_filename(path) as store:
        assert len(store.frame_numbers) == COUNT
        with pytest.warns(UnverifiedWarning) as caught:
            assert len(store[:]) == COUNT
        assert [(note.message.store, note.message.chunk) for note in caught] == [(str(path), 0)]  # type: ignore[union-attr]


LOOPS: dict[str, Callable[[imgstore.ImgStore], object]] = {
    'next': lambda store: [store.get_next_image() for _ in range(COUNT)],
    'iteration': list,
    'backwards': lambda store: list(reversed(store)),
    'array': lambda store: store[:],
    'every second': lambda store: store[::2],
    'get_images': lambda store: store.get_images(frame_indices=range(COUNT)),
    'batches': lambda store: list(store.batches(3)),
    'batches of every second': lambda store: list(store.batches(3, step=2)),
}


@pytest.mark.parametrize('way', LOOPS)
@pytest.mark.parametrize('fmt', ['png', 'npy', 'mjpeg/avi', 'avc1/mp4'])
def test_it_is_told_at_the_line_that_reads(fmt: str, way: str, tmp_path: Path) -> None:
    """Other threads read ahead; as an error it is raised, too."""
    path = record(tmp_path / 's', fmt)
    replace_checksums(path, 1, fmt=fmt)
    with new_for_filename(path) as store, pytest.warns(UnverifiedWarning) as caught:
        LOOPS[way](store)
    assert [note.filename for note in caught] == [__file__]
    with new_for_filename(path) as store, warnings.catch_warnings():
        warnings.simplefilter('error')
        with pytest.raises(UnverifiedWarning):
            LOOPS[way](store)


def test_a_store_that_never_had_checksums_is_read_without_a_word(tmp_path: Path) -> None:
    """imgstore 0.4 and earlier versions write none."""
    path = record(tmp_path / 's', 'npy')
    alter(path, 'npy', 3)
    forget_checksums(path)
    with new_for_filename(path) as store:
        assert store.verifies
        assert len(store[:]) == COUNT


@pytest.mark.parametrize('count', [0, CHUNKSIZE - 1, CHUNKSIZE + 1])
def test_checksums_of_another_length_are_not_used(tmp_path: Path, count: int) -> None:
    path = record(tmp_path / 's', 'npy')
    replace_checksums(forget_checksums(path), 0, np.ones(count, np.uint64))
    with new_for_filename(path) as store, pytest.warns(UnverifiedWarning, match='index.npz') as caught:
        assert len(store[:]) == COUNT
    assert len(caught) == 1


def test_damaged_checksums_are_not_used(tmp_path: Path) -> None:
    path = record(tmp_path / 's', 'npy')
    index = path / '000000' / 'index.npz'
    first = int(not_none(read_checksums(str(index)[:-4]))[0])
    flip(index, index.read_bytes().index(first.to_bytes(8, 'little')))
    with new_for_filename(path) as store, pytest.warns(UnverifiedWarning, match='index.npz'):
        assert len(store[:]) == COUNT


def test_checksums_are_read_with_the_first_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr('imgstore.ondisk.checksums.read_checksums', lambda stem, check: asked.append(stem))
    with new_for_filename(record(tmp_path / 's', 'mjpeg/avi'), cache_bytes=0) as store:
        assert len(store.frame_numbers) == COUNT
        assert asked == []
        with pytest.warns(UnverifiedWarning):
            store.get_image(100)
        assert asked == [str(tmp_path / 's' / '000000')]


@pytest.mark.parametrize('fmt', ['npy', 'mjpeg/avi'])
def test_a_chunk_being_written_is_verified_by_its_journal(tmp_path: Path, fmt: str) -> None:
    with new_for_format(fmt, tmp_path / 's', imgshape=SHAPE, workers=0) as writer:
        for index in range(5):
            writer.add_image(numbered(index, SHAPE), index, index / 25)
        if fmt == 'npy':
            alter(tmp_path / 's', fmt, 2)
        else:
            alter_packet(tmp_path / 's' / '.000000.open.avi', 2)
        with new_for_filename(tmp_path / 's') as store:
            for _ in range(2):
                with pytest.raises(FrameReadError, match='checksum'):
                    store.get_image(2)
                assert index_in(store.get_image(3)[0]) == 3
                writer.add_image(numbered(5, SHAPE), 5 + len(store), 9)
                store.refresh()
                assert index_in(store[-1]) == 5
