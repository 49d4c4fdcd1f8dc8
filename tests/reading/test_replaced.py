"""A recording that is replaced while it is open: no image under another frame's number."""

import shutil
from pathlib import Path
from typing import Any

import pytest

import imgstore
from imgstore.errors import FrameReadError, StoreIOError
from imgstore.export import export_video, select

from ..helpers.frames import index_in, numbered
from ..helpers.raised import raises

COUNT, CHUNK, SHAPE = 60, 20, (64, 96)
FORMATS = ('npy', 'png', 'avc1/mp4', 'mjpeg/avi')


def record(path: Path, fmt: str, first: int, count: int = COUNT, delay: float = 0.0) -> Path:
    """Record frames whose number is in their pixels."""
    with imgstore.new_for_format(fmt, path, imgshape=SHAPE, chunksize=CHUNK, workers=0) as store:
        for number in range(first, first + count):
            store.add_image(numbered(number, SHAPE), number, number / 25 + delay)
    return path


def replace(path: Path, by: Path) -> None:
    """Copy another recording over a folder."""
    shutil.copytree(by, path, dirs_exist_ok=True)


@pytest.fixture(params=FORMATS)
def both(request: Any, tmp_path: Path) -> tuple[Path, Path]:
    """Two recordings of the same size, of which the other has numbers from 1000."""
    return record(tmp_path / 's', request.param, 0), record(tmp_path / 'new', request.param, 1000)


def test_a_replaced_recording_is_an_error(both):
    path, new = both
    with imgstore.new_for_filename(path) as store:
        assert store.frame_numbers[3] == index_in(store[3]) == 3
        replace(path, new)
        with pytest.raises(FrameReadError, match=r'replaced or renumbered.*open it again') as raised:
            store.get_image(45)
        assert raised.value.frame_number == 45
        with pytest.raises(FrameReadError, match='replaced or renumbered'):
            store[30:50]
        with pytest.raises(FrameReadError, match='replaced or renumbered'):
            list(store.frames(start=25))
    with imgstore.new_for_filename(path) as store:
        assert index_in(store.get_image(1045)[0]) == 1045


def test_other_times_are_noticed_too(tmp_path):
    path = record(tmp_path / 's', 'npy', 0)
    new = record(tmp_path / 'new', 'npy', 0, delay=1.0)
    with imgstore.new_for_filename(path) as store:
        assert len(store.frame_times) == COUNT
        replace(path, new)
        with pytest.raises(FrameReadError, match='replaced'):
            store.get_image(45)


@pytest.mark.parametrize(
    ('fmt', 'options'),
    [
        ('png', {'imgshape': (*SHAPE, 3)}),
        ('png', {'imgshape': SHAPE, 'imgdtype': 'uint16'}),
        ('png', {'imgshape': SHAPE, 'encoding': 'cv_bayerrg'}),
        ('avc1/mp4', {'imgshape': SHAPE}),
    ],
)
def test_a_refresh_refuses_a_recording_of_other_images(tmp_path, fmt, options):
    path = record(tmp_path / 's', 'png', 0)
    with imgstore.new_for_filename(path) as store:
        assert index_in(store[3]) == 3
        imgstore.new_for_format(fmt, path, overwrite=True, **options).close()
        for _ in range(2):
            with raises(StoreIOError, store=str(path), file='metadata.yaml'):
                store.refresh()


def test_a_refresh_takes_the_metadata_of_the_new_recording(tmp_path):
    path = record(tmp_path / 's', 'png', 0)
    with imgstore.new_for_filename(path) as store:
        old = store.uuid
        with imgstore.new_for_format(
            'png', path, imgshape=SHAPE, chunksize=CHUNK, overwrite=True, metadata={'mouse': 2}
        ) as new:
            for number in range(7, 7 + COUNT):
                new.add_image(numbered(number, SHAPE), number, number)
        store.refresh()
        assert store.uuid != old
        assert store.user_metadata == {'mouse': 2}
        assert index_in(store[0]) == 7


def test_a_refresh_reads_the_new_recording(both):
    path, new = both
    with imgstore.new_for_filename(path) as store:
        assert index_in(store[3]) == 3
        assert index_in(store[45]) == 45
        replace(path, new)
        store.refresh()
        for index in (45, 3, 25):
            image, (number, _) = store.get_image(frame_index=index)
            assert index_in(image) == number == 1000 + index


def test_an_iteration_reads_no_frame_of_a_later_recording(both):
    path, new = both
    with imgstore.new_for_filename(path) as store:
        frames = iter(store.frames())
        next(frames)
        replace(path, new)
        store.refresh()
        with pytest.raises(FrameReadError, match=r'replaced|checksum'):
            all(index_in(frame.image) == frame.number for frame in frames)


def test_a_replaced_video_is_an_error_for_opencv(tmp_path):
    path, new = record(tmp_path / 's', 'mjpeg/avi', 0), record(tmp_path / 'new', 'mjpeg/avi', 1000)
    with imgstore.new_for_filename(path, backend='opencv') as store:
        assert store.frame_numbers[3] == index_in(store[3]) == 3
        replace(path, new)
        with pytest.raises(FrameReadError, match='replaced or renumbered'):
            store.get_image(45)


def test_copied_packets_of_a_replaced_video_are_an_error(tmp_path):
    path, new = record(tmp_path / 's', 'avc1/mp4', 0), record(tmp_path / 'new', 'avc1/mp4', 1000)
    with imgstore.new_for_filename(path) as store:
        assert len(store.frame_times) == COUNT
        replace(path, new)
        with pytest.raises(FrameReadError, match='replaced'):
            export_video(select(store), tmp_path / 'out.mp4')
    assert not (tmp_path / 'out.mp4').exists()


def test_a_chunk_with_more_frames_than_known_is_read(tmp_path):
    path = record(tmp_path / 's', 'npy', 0, 45)
    longer = record(tmp_path / 'longer', 'npy', 0, 50)
    with imgstore.new_for_filename(path) as store:
        assert len(store.frame_times) == 45
        replace(path, longer)
        assert index_in(store[44]) == 44
