"""A reader of a recording gives the right frames while chunks are finished: they get another name and another rate."""

from __future__ import annotations

import threading
from itertools import count
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from imgstore import new_for_filename, new_for_format
from imgstore.chunks.video import opencv
from imgstore.chunks.video.frame_table import display_times, table_from_packets
from imgstore.chunks.video.live import LiveVideoReader
from imgstore.chunks.video.opencv import OpenCVChunkReader
from imgstore.chunks.video.pyav_reader import PyAVChunkReader

from ..helpers.frames import index_in, numbered
from ..helpers.writing import video_backends

SHAPE = (64, 96)
BACKENDS: dict[str, type[Any]] = {'opencv': OpenCVChunkReader, 'pyav': PyAVChunkReader}


class Recording:
    """A store that is being written, six frames a chunk or as is said."""

    def __init__(self, path: Path, fmt: str, **options: Any) -> None:
        self.store = new_for_format(fmt, path, imgshape=SHAPE, workers=0, **{'chunksize': 6, **options})
        self.count = 0

    def add(self, frames: int) -> None:
        for _ in range(frames):
            self.store.add_image(numbered(self.count, SHAPE), self.count, 0.005 * self.count)
            self.count += 1


def assert_reads(store: Any, frames: int) -> None:
    order = [*range(frames), frames // 2, frames - 1, 0]
    assert [index_in(store.get_image(None, frame_index=index)[0]) for index in order] == order


def test_another_thread_may_ask_for_keyframes_of_an_open_chunk(tmp_path: Path) -> None:
    """The answer does not touch the file, which a prefetching thread may be reading."""
    recording = Recording(tmp_path / 's', 'mjpeg/avi', chunksize=100)
    recording.add(5)
    [video] = (tmp_path / 's').glob('.*.avi')
    names = [str(video)]
    reader = LiveVideoReader(lambda: names[-1], lambda path: PyAVChunkReader(path, color=True))
    names.append('another name')
    assert reader.next_keyframe(2) is None
    names.pop()
    assert index_in(reader.read(3)) == 3
    reader.close()
    recording.store.close()


@pytest.mark.parametrize('fmt', ['mjpeg/avi', 'avc1/mp4', 'h264/mkv'])
def test_a_look_at_an_open_chunk_scans_it_once(fmt: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The refresh does, and the reader of the new frame takes its table."""
    scans: list[str] = []

    def scanned(container: Any, *rest: Any) -> Any:
        scans.append(container.name)
        return table_from_packets(container, *rest)

    recording = Recording(tmp_path / 's', fmt, chunksize=100)
    recording.add(10)
    with new_for_filename(tmp_path / 's', backend='pyav') as store:
        assert_reads(store, 10)
        monkeypatch.setattr('imgstore.chunks.video.pyav_reader.table_from_packets', scanned)
        for frames in (15, 20, 25):
            recording.add(5)
            scans.clear()
            assert store.refresh() == 5
            assert_reads(store, frames)
            assert len(scans) == 1
        recording.store.close()
        store.refresh()
        assert_reads(store, 25)


@pytest.mark.parametrize(('fmt', 'backend'), video_backends('read'))
def test_no_frame_is_wrong_where_the_rate_is_set(
    fmt: str, backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the moment: while the video is opened, or while it is read."""
    before, after = (recorded_at(rate, fmt, tmp_path) for rate in (25, 125))
    for moment in range(5):
        video = tmp_path / f'{moment}{after.suffix}'
        video.write_bytes(before.read_bytes())
        with monkeypatch.context() as patch:
            assert_no_frame_is_wrong(video, after.read_bytes(), BACKENDS[backend], moment, patch)


def recorded_at(rate: float, fmt: str, folder: Path) -> Path:
    recording = Recording(folder / str(rate), fmt, chunksize=100, fps=rate)
    recording.add(20)
    recording.store.close()
    [video] = (folder / str(rate)).glob(f'000000.{fmt.split("/")[1]}')
    return video


def assert_no_frame_is_wrong(
    video: Path, after: bytes, backend: type[Any], moment: int, patch: pytest.MonkeyPatch
) -> None:
    """Read frames of a video that gets other bytes after some steps of its reader."""
    steps = count()

    def step(value: Any) -> Any:
        if next(steps) == moment:
            with video.open('r+b') as file:
                file.write(after)
        return value

    patch.setattr(opencv, 'display_times', lambda *given: step(display_times(*given)))
    reader = LiveVideoReader(lambda: str(video), lambda path: step(backend(path, color=True)))
    assert [index_in(step(reader.read(index))) for index in (1, 5, 2, 19)] == [1, 5, 2, 19]
    assert next(steps) > moment
    reader.close()


@pytest.mark.slow
@pytest.mark.parametrize('fps', [None, 0.5])
@pytest.mark.parametrize(('fmt', 'backend'), video_backends('read'))
def test_frames_are_right_after_their_chunk_was_finished(
    fmt: str, backend: str, fps: float | None, tmp_path: Path
) -> None:
    for seen, was_read in ((2, True), (5, False)):
        recording = Recording(tmp_path / str(seen), fmt, fps=fps)
        recording.add(seen)
        with new_for_filename(recording.store.filename, backend=backend) as store:
            known = len(store)
            if was_read and known:
                assert_reads(store, known)
            recording.add(7)
            if known:
                assert_reads(store, known)
            store.refresh()
            known = len(store)
            assert_reads(store, known)
            recording.store.close()
            assert_reads(store, known)
            store.refresh()
            assert len(store) == recording.count
            assert_reads(store, recording.count)


@pytest.mark.parametrize(('fmt', 'backend'), video_backends('read'))
def test_growing_open_chunk_keeps_known_frames_readable(fmt: str, backend: str, tmp_path: Path) -> None:
    """Frames added to an open chunk do not hide the frames that are already known."""
    recording = Recording(tmp_path / 'store', fmt)
    recording.add(3)
    with new_for_filename(tmp_path / 'store', backend=backend) as store:
        known = len(store)
        recording.add(2)
        assert_reads(store, known)
    recording.store.close()


def test_opencv_reads_an_open_chunk_that_grows_at_every_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = Recording(tmp_path / 'store', 'h264/mkv', chunksize=100)
    recording.add(2)

    def open_and_grow(*arguments: Any, **options: Any) -> Any:
        recording.add(2)
        return av_open(*arguments, **options)

    av_open = av.open
    with new_for_filename(tmp_path / 'store', backend='opencv') as store:
        monkeypatch.setattr(av, 'open', open_and_grow)
        assert_reads(store, len(store))
    recording.store.close()


@pytest.mark.parametrize(('fmt', 'backend'), video_backends('read'))
def test_no_frame_is_wrong_while_chunks_come_and_go(fmt: str, backend: str, tmp_path: Path) -> None:
    recording, chosen = Recording(tmp_path / 'store', fmt), np.random.default_rng(1)
    recording.add(2)
    ended = threading.Event()

    def write() -> None:
        recording.add(28)
        recording.store.close()
        ended.set()

    writer = threading.Thread(target=write)
    with new_for_filename(tmp_path / 'store', backend=backend) as store:
        writer.start()
        while not ended.is_set():
            for index in chosen.integers(0, max(1, len(store)), 3).tolist() if len(store) else ():
                assert index_in(store.get_image(None, frame_index=index)[0]) == index
            store.refresh()
        writer.join()
        store.refresh()
        assert_reads(store, 30)
