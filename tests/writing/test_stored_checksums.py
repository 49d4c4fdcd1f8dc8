"""Each chunk's index has a checksum of every frame as it is stored: of its file, or of its packet in a video."""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import xxhash
import yaml

import imgstore
from imgstore import new_for_filename, new_for_format
from imgstore.chunks.video.backends import BACKENDS, backend_works
from imgstore.convert import convert
from imgstore.errors import FrameReadError
from imgstore.ondisk.journal_reading import read_journal
from imgstore.stores import VideoImgStore

from ..helpers.format_table import IMAGE_FORMATS, NO_COLOR, ROWS, VIDEO_FORMATS
from ..helpers.frames import numbered

COUNT, CHUNKSIZE = 25, 10
GRAY, COLOR = (34, 96), (34, 96, 3)


def record(path: Path, fmt: str, shape: tuple[int, ...] = GRAY, count: int = COUNT, **options: Any) -> Path:
    """A store of several chunks, the last one shorter, at another rate than that of an open video."""
    with new_for_format(fmt, path, imgshape=shape, **{'chunksize': CHUNKSIZE, **options}) as store:
        add(store, count)
    return path


def add(store: imgstore.ImgStore, count: int) -> None:
    for index in range(count):
        store.add_image(numbered(index, store.image_shape), index, index / 8)


def stem(path: Path, fmt: str, chunk: int) -> str:
    return str(path / (f'{chunk:06d}/index' if ROWS[fmt].is_image_folder else f'{chunk:06d}'))


def in_index(path: Path, fmt: str, chunk: int) -> list[int]:
    """The checksums in a chunk's index."""
    with np.load(stem(path, fmt, chunk) + '.npz') as index:
        assert index['xxh3_64'].dtype == np.uint64
        assert index['xxh3_64'].shape == index['frame_number'].shape
        return [int(checksum) for checksum in index['xxh3_64']]


def of_files(path: Path, fmt: str, chunk: int) -> list[int]:
    """The checksums of what is on the disk."""
    if ROWS[fmt].is_image_folder:
        files = sorted((path / f'{chunk:06d}').glob(f'*.{fmt}'))
        return [xxhash.xxh3_64_intdigest(file.read_bytes()) for file in files]
    with av.open(stem(path, fmt, chunk) + ROWS[fmt].extension) as container:
        return [xxhash.xxh3_64_intdigest(bytes(packet)) for packet in container.demux(video=0) if packet.size]


@pytest.mark.parametrize(
    ('fmt', 'shape'),
    [(fmt, shape) for fmt in ROWS for shape in (GRAY, COLOR) if shape == GRAY or fmt not in NO_COLOR],
)
@pytest.mark.parametrize('workers', [0, 2])
@pytest.mark.filterwarnings('ignore::imgstore.errors.ColorLostWarning')
def test_an_index_has_the_checksums_of_its_frames(
    tmp_path: Path, fmt: str, workers: int, shape: tuple[int, ...]
) -> None:
    path = record(tmp_path / 's', fmt, shape, workers=workers)
    sums = [in_index(path, fmt, chunk) for chunk in range(3)]
    assert sums == [of_files(path, fmt, chunk) for chunk in range(3)]
    assert list(map(len, sums)) == [10, 10, 5]
    assert yaml.safe_load((path / 'metadata.yaml').read_bytes())['__store']['checksum'] == 'xxh3_64'


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize('fmt', VIDEO_FORMATS)
def test_with_any_library_that_writes_videos(tmp_path: Path, fmt: str, backend: str) -> None:
    """A video of OpenCV is read back, as OpenCV shows no packets."""
    if not backend_works(backend, ROWS[fmt].codec, ROWS[fmt].extension, 'write'):
        assert backend == 'opencv'  # whose wheels have no encoder of H.264
        assert ROWS[fmt].codec in ('h264', 'h264-lossless', 'hevc')
        return
    path = record(tmp_path / 's', fmt, backend=backend)
    for chunk in range(3):
        assert in_index(path, fmt, chunk) == of_files(path, fmt, chunk)


@pytest.mark.parametrize(
    'options', [{'crf': 0}, {'crf': 51}, {'fps': 1}, {'fps': 5000}, {'metadata': {'hwframerate': 15}}]
)
@pytest.mark.parametrize('fmt', ['avc1/mp4', 'h264/mkv'])
def test_neither_container_nor_rate_changes_packets(tmp_path: Path, fmt: str, options: dict[str, Any]) -> None:
    """The muxer changes the form of H.264; the checksums are those of the form in the file."""
    path = record(tmp_path / 's', fmt, COLOR, **options)
    assert in_index(path, fmt, 0) == of_files(path, fmt, 0)


@pytest.mark.parametrize('fmt', ['png', 'h264/mkv'])
def test_an_empty_store_has_no_checksums(tmp_path: Path, fmt: str) -> None:
    path = record(tmp_path / 's', fmt, count=0)
    assert fmt == 'png' or in_index(path, fmt, 0) == []
    with new_for_filename(path) as store:
        assert list(store) == []


@pytest.mark.parametrize('move', [True, False])
@pytest.mark.parametrize('fmt', VIDEO_FORMATS)
def test_an_inserted_video_gets_checksums(tmp_path: Path, fmt: str, move: bool) -> None:
    video = stem(record(tmp_path / 'o', fmt), fmt, 0) + ROWS[fmt].extension
    with new_for_format(fmt, tmp_path / 's', imgshape=GRAY) as store:
        assert isinstance(store, VideoImgStore)
        add(store, 3)
        store.insert_chunk(video, range(10, 20), range(10, 20), move=move)
    assert in_index(tmp_path / 's', fmt, 1) == of_files(tmp_path / 's', fmt, 1) == in_index(tmp_path / 'o', fmt, 0)


@pytest.mark.parametrize('fmt', ['png', 'mjpeg/avi'])
def test_reindex_keeps_checksums(tmp_path: Path, fmt: str) -> None:
    with new_for_format(fmt, tmp_path / 's', imgshape=GRAY, chunksize=CHUNKSIZE) as writer:
        for index in range(COUNT):
            writer.add_image(numbered(index, GRAY), index - 12 if index >= 12 else index + 500, index)
    before = [in_index(tmp_path / 's', fmt, chunk) for chunk in range(3)]
    with new_for_filename(tmp_path / 's') as store:
        store.reindex()
        assert store.frame_numbers.tolist() == list(range(-12, 13))
    assert [in_index(tmp_path / 's', fmt, chunk) for chunk in range(3)] == before


@pytest.mark.parametrize('fmt', ['webp', 'mjpeg/avi'])
def test_convert_computes_checksums(tmp_path: Path, fmt: str) -> None:
    convert(record(tmp_path / 's', 'png'), tmp_path / 'new', fmt, chunksize=CHUNKSIZE)
    assert in_index(tmp_path / 'new', fmt, 2) == of_files(tmp_path / 'new', fmt, 2)


# --- the chunk that is being written, and what a killed writer leaves of it


def left_open(path: Path, fmt: str, count: int = 7) -> Path:
    """A store as a writer leaves it that is killed."""
    with new_for_format(fmt, path.with_name('open'), imgshape=GRAY, workers=0) as store:
        add(store, count)
        shutil.copytree(path.with_name('open'), path)
    return path


@pytest.mark.parametrize('fmt', [*IMAGE_FORMATS, 'mjpeg/avi'])
def test_a_journal_has_the_checksums_of_finished_frames(tmp_path: Path, fmt: str) -> None:
    path = left_open(tmp_path / 's', fmt)
    journal = read_journal(str(path / '.000000.open.journal'))
    assert not journal.is_damaged
    assert journal.checksums.tolist() == in_index(tmp_path / 'open', fmt, 0)


@pytest.mark.parametrize(
    ('fmt', 'late'), [(fmt, 2 if fmt.endswith('mp4') else 0) for fmt in VIDEO_FORMATS if fmt != 'mjpeg/avi']
)
def test_a_journal_has_the_checksums_of_packets_in_the_video(tmp_path: Path, fmt: str, late: int) -> None:
    """The last packets of an MP4 are in files with checksums of their own."""
    path = left_open(tmp_path / 's', fmt)
    journal = read_journal(str(path / '.000000.open.journal'))
    assert not journal.is_damaged
    expected = in_index(tmp_path / 'open', fmt, 0)
    assert journal.checksums.tolist() == expected[: 7 - late] + [0] * late


@pytest.mark.parametrize('fmt', [fmt for fmt in VIDEO_FORMATS if fmt != 'mjpeg/avi'])
@pytest.mark.parametrize('is_repaired', [False, True])
def test_no_flipped_bit_in_the_open_video_of_a_killed_writer_is_missed(
    tmp_path: Path, fmt: str, is_repaired: bool
) -> None:
    """Before and after its repair, a frame is what it was, or an error."""
    path = left_open(tmp_path / 's', fmt, 20)
    with new_for_filename(path) as store:
        intact = store[:]
    name = f'.000000.open{ROWS[fmt].extension}'
    data = (path / name).read_bytes()
    with av.open(path / name) as container:
        places = [(packet.pos or 0, packet.size) for packet in container.demux(video=0) if packet.size][:17]
    for seed, (begin, size) in enumerate(places):
        flipped = bytearray(data)
        flipped[begin + seed * 37 % size] ^= 1 << seed % 8
        other = tmp_path / f'{seed}'
        shutil.copytree(path, other)
        (other / name).write_bytes(flipped)
        if is_repaired:
            imgstore.repair(other)
        assert altered_frames(other, intact) == 0


def altered_frames(path: Path, intact: np.ndarray) -> int:
    """Count the frames that are neither as they were nor an error."""
    count = 0
    with new_for_filename(path) as store:
        for index in range(len(store)):
            try:
                count += not np.array_equal(store.get_image(frame_index=index)[0], intact[index])
            except FrameReadError:
                continue
    return count


@pytest.mark.parametrize('fmt', ROWS)
def test_repair_gives_a_chunk_its_checksums(tmp_path: Path, fmt: str) -> None:
    """They are those of the journal, or of the video where only a muxer makes the packets."""
    path = left_open(tmp_path / 's', fmt)
    assert imgstore.repair(path)
    assert in_index(path, fmt, 0) == of_files(path, fmt, 0)
    assert len(in_index(path, fmt, 0)) == 7


@pytest.mark.parametrize('fmt', ['npy', 'bmp', 'pgm'])
def test_repair_does_not_believe_an_image_that_was_damaged(tmp_path: Path, fmt: str) -> None:
    """An image that the journal has another checksum of stays damaged, before and after the repair."""
    path = left_open(tmp_path / 's', fmt)
    file = path / '000000' / f'000003.{fmt}'
    data = bytearray(file.read_bytes())
    data[-20] ^= 4
    file.write_bytes(data)
    for _ in range(2):
        with new_for_filename(path) as store:
            assert len(store) == 7
            with pytest.raises(FrameReadError, match='checksum'):
                store.get_image(3)
            assert np.array_equal(store.get_image(4)[0], numbered(4, GRAY))
        imgstore.repair(path)


def test_repair_without_a_journal_computes_checksums(tmp_path: Path) -> None:
    path = record(tmp_path / 's', 'png')
    os.unlink(path / '000001' / 'index.npz')
    before = of_files(path, 'png', 1)
    assert imgstore.repair(path)
    assert in_index(path, 'png', 1) == before


@pytest.mark.parametrize('fmt', ['npy', 'png'])
def test_without_its_library_no_frame_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fmt: str) -> None:
    """As without a free file descriptor, it cannot be imported."""
    with new_for_format(fmt, tmp_path / 's', imgshape=GRAY, workers=0) as store:
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, 'xxhash', None)
            with pytest.raises(ImportError):
                store.add_image(numbered(0, GRAY), 0, 0)
        store.add_image(numbered(1, GRAY), 1, 1)
    with new_for_filename(tmp_path / 's') as store:
        assert store.frame_numbers.tolist() == [1]
