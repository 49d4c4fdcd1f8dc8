"""Videos say the rate of their recording, and lose no frame however far the change of it went."""

from __future__ import annotations

import io
import multiprocessing
import os
import shutil
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import imgstore
from imgstore import new_for_filename, new_for_format
from imgstore.chunks.video import container_rate
from imgstore.chunks.video.backends import new_reader
from imgstore.chunks.video.matroska import MatroskaFile
from imgstore.errors import InvalidArgumentError, InvalidOptionError
from imgstore.frame_rate import as_fraction, rate_of_times

from .helpers.format_table import VIDEO_FORMATS
from .helpers.frames import index_in, numbered
from .helpers.raised import raises
from .helpers.writing import video_backends

RATES = {
    0.001: Fraction(1, 1000),
    0.1: Fraction(1, 10),
    7: Fraction(7),
    29.97: Fraction(30000, 1001),
    50: Fraction(50),
    59.94: Fraction(60000, 1001),
    200: Fraction(200),
    256: Fraction(256),
    1000: Fraction(1000),
}
CUT_RATES = [Fraction(1, 10), Fraction(30000, 1001), Fraction(50), Fraction(256), Fraction(1000)]
SHAPE = (64, 96)
CAMERA = {'acquisitionframerate': 80, 'acquisitionframerateenable': True}


def record(
    path: Path, fmt: str, frames: int = 20, interval: float = 0.04, chunksize: int = 1000, **options: Any
) -> Path:
    with new_for_format(fmt, path, imgshape=SHAPE, chunksize=chunksize, **options) as store:
        for index in range(frames):
            store.add_image(numbered(index, SHAPE), index, interval * index)
    return path


def videos(path: Path) -> list[Path]:
    return sorted(video for video in path.iterdir() if video.suffix in ('.avi', '.mkv', '.mp4'))


def said(path: Path) -> tuple[Fraction, float, int]:
    """Rate, duration in seconds and number of packets that a video tells FFmpeg."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = sum(packet.size > 0 for packet in container.demux(stream))
        assert container.duration is not None
        assert stream.average_rate is not None
        rate = Fraction(stream.average_rate.numerator, stream.average_rate.denominator)
        return rate, container.duration / 1e6, packets


def told(path: Path) -> Fraction:
    return said(videos(path)[0])[0]


def nearly(rate: Fraction | float) -> Any:
    return pytest.approx(float(rate), rel=2e-6)


def assert_whole(path: Path, frames: int) -> None:
    """All frames are read by both backends, in order and not."""
    with new_for_filename(path) as store:
        fmt = store.format
    for backend in (backend for kind, backend in video_backends('read') if kind == fmt):
        with new_for_filename(path, backend=backend) as store:
            order = [*range(frames), *range(frames - 1, -1, -3)]
            assert [index_in(store.get_image(None, frame_index=index)[0]) for index in order] == order
            assert store.frame_count == frames


@pytest.mark.parametrize('fps', RATES)
@pytest.mark.parametrize('fmt', VIDEO_FORMATS)
def test_chunk_states_given_rate_and_reads_as_before(fmt: str, fps: float, tmp_path: Path) -> None:
    """A chunk states the frame rate that was given, and it is read as before."""
    path = record(tmp_path / 'store', fmt, fps=fps, interval=3.0)
    rate, duration, packets = said(videos(path)[0])
    assert rate == nearly(RATES[fps])
    assert duration == pytest.approx(20 / RATES[fps], rel=2e-6, abs=2e-6)
    assert packets == 20
    assert_whole(path, 20)


@pytest.mark.parametrize('fmt', VIDEO_FORMATS)
def test_rate_is_given_else_metadata_else_measured(fmt: str, tmp_path: Path) -> None:
    """The frame rate is the given one, else that of the metadata, else that of the frame times."""
    said_by: dict[str, tuple[dict[str, Any], float]] = {
        'given': ({'fps': 200, 'metadata': {'hwframerate': 50}}, 200),
        'triggers': ({'metadata': {'hwframerate': 50, 'motifptpframerate': 60}}, 50),
        'ptp': ({'metadata': {'motifptpframerate': 60, **CAMERA}}, 60),
        'camera': ({'metadata': CAMERA}, 80),
        'camera_that_does_not_keep_it': ({'metadata': {'acquisitionframerate': 80}}, 125),
        'nonsense': ({'metadata': {'hwframerate': 'fast'}}, 125),
        'measured': ({}, 125),
    }
    for name, (options, expected) in said_by.items():
        assert told(record(tmp_path / name, fmt, 4, 0.008, **options)) == nearly(expected), name


@pytest.mark.parametrize(
    'times',
    [
        [0.005 * i for i in range(20)],
        [round(0.005 * i, 3) + 1.5e9 for i in range(20)],
        [0.005 * i + (i > 7) * 60 for i in range(20)],
        [0.005 * (i + (i > 7) + 2 * (i > 12)) for i in range(20)],
    ],
    ids=['even', 'since_1970', 'with_a_pause', 'with_lost_frames'],
)
def test_pauses_and_lost_frames_are_not_measured(times: list[float]) -> None:
    measured = rate_of_times(times)
    assert measured == pytest.approx(200, rel=1e-3)


def test_times_that_were_rounded_give_their_mean_rate() -> None:
    assert rate_of_times([round(i * 1001 / 60000, 3) for i in range(600)]) == pytest.approx(59.94, rel=1e-4)


@pytest.mark.parametrize(
    'times', [[], [1.0], [5.0, 5.0, 5.0], [3.0, 2.0, 1.0], [np.nan, np.nan], [0.0, np.inf], [1e308, -1e308, 1e308]]
)
def test_times_that_tell_no_rate_leave_the_usual_one(times: list[float], tmp_path: Path) -> None:
    assert rate_of_times(times) is None
    with new_for_format('mjpeg/avi', tmp_path / 'store', imgshape=SHAPE) as store:
        for index, time in enumerate(times):
            store.add_image(numbered(index, SHAPE), index, time)
    assert told(tmp_path / 'store') == 25


@pytest.mark.parametrize('fmt', VIDEO_FORMATS)
def test_one_frame_chunk_has_rate_of_chunk_before(fmt: str, tmp_path: Path) -> None:
    """A last chunk of one frame has the frame rate of the chunk before it."""
    path = record(tmp_path / 'store', fmt, 11, 0.005, chunksize=5)
    assert [said(video)[0] for video in videos(path)] == [nearly(200)] * 3
    assert_whole(path, 11)


@pytest.mark.parametrize('fps', [np.float32(200), np.int64(200), Fraction(200), Decimal(200), np.array(200.0)])
def test_any_number_is_a_rate(fps: Any, tmp_path: Path) -> None:
    assert told(record(tmp_path / 'store', 'mjpeg/avi', 2, fps=fps)) == 200


@pytest.mark.parametrize('fps', [0, -25, float('nan'), float('inf'), '25', True, [25], 1e-9, 1e9, object()])
def test_a_rate_that_is_none_is_refused_and_leaves_nothing(fps: Any, tmp_path: Path) -> None:
    with raises(InvalidArgumentError, argument='fps'):
        new_for_format('avc1/mp4', tmp_path / 'store', imgshape=SHAPE, fps=fps)
    assert not (tmp_path / 'store').exists()


def test_images_have_no_rate_and_reading_takes_none(tmp_path: Path) -> None:
    with raises(InvalidArgumentError, argument='fps'):
        new_for_format('png', tmp_path / 'images', imgshape=SHAPE, fps=25)
    assert not (tmp_path / 'images').exists()
    path = record(tmp_path / 'store', 'mjpeg/avi', 2)
    with raises(InvalidOptionError, argument='fps'):
        new_for_filename(path, fps=25)


def test_ntsc_rates_are_told_by_their_fraction() -> None:
    for rate in (23.976, 29.97, 59.94, 119.88):
        assert as_fraction(rate).denominator == 1001


def test_a_rate_is_1000_within_its_error() -> None:
    """1000 is 1001000 / 1001 as well, for which no error is taken."""
    assert as_fraction(1000.07, 2e-4) == 1000
    assert as_fraction(2000.1, 2e-4) == 2000


@pytest.mark.parametrize('fmt', VIDEO_FORMATS)
def test_a_video_that_is_there_is_left_alone(fmt: str, tmp_path: Path) -> None:
    (video,) = videos(record(tmp_path / 'other', fmt, 5, fps=25))
    data = video.read_bytes()
    with new_for_format(fmt, tmp_path / 'store', imgshape=SHAPE, fps=200) as store:
        store.insert_chunk(video, range(5), range(5))
    assert videos(tmp_path / 'store')[0].read_bytes() == data


# --- a crash meanwhile


class Writes:
    """A file that remembers what is written where."""

    def __init__(self, file: Any) -> None:
        self._file, self.done = file, list[tuple[int, bytes]]()

    def write(self, data: bytes) -> int:
        self.done.append((self._file.tell(), bytes(data)))
        return int(self._file.write(data))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> Writes:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def cut_anywhere(before: bytes, writes: list[tuple[int, bytes]]) -> Iterator[bytes]:
    """What a file may be while it is written to: after each byte."""
    data = bytearray(before)
    for place, written in writes:
        for count in range(len(written)) if len(written) <= 8 else (0, len(written) // 2):
            yield bytes(data[:place] + written[:count] + data[place + count :])
        data[place : place + len(written)] = written
    yield bytes(data)


def assert_all_states_are_whole(path: Path, before: bytes, writes: list[tuple[int, bytes]], frames: int) -> None:
    states = dict.fromkeys(cut_anywhere(before, writes))
    assert len(states) > 1
    for state in states:
        path.write_bytes(state)
        for backend in ('pyav', 'opencv'):
            with new_reader(backend, str(path), True, frames=frames) as reader:
                assert reader.count() == frames
                assert [index_in(reader.read(index)) for index in (frames - 1, 3, 0)] == [frames - 1, 3, 0]


@pytest.mark.once
@pytest.mark.parametrize('rate', CUT_RATES, ids=str)
@pytest.mark.parametrize('fmt', ['avc1/mp4', 'mjpeg/avi'])
def test_rate_change_cut_off_anywhere_loses_no_frame(
    fmt: str, rate: Fraction, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change of the frame rate that is cut off at any point loses no frame."""
    (video,) = videos(record(tmp_path / 'store', fmt, 9, fps=25))
    before, files = video.read_bytes(), list[Writes]()

    def opened(*args: Any, **options: Any) -> Writes:
        files.append(Writes(open(*args, **options)))  # noqa: SIM115 -- its user closes it
        return files[-1]

    monkeypatch.setattr(container_rate, 'open', opened, raising=False)
    container_rate.set_rate(str(video), rate)
    assert said(video)[0] == nearly(rate)
    assert len(video.read_bytes()) == len(before)
    assert_all_states_are_whole(video, before, files[0].done, 9)


@pytest.mark.exhaustive
@pytest.mark.parametrize('frames', [5, 9])
@pytest.mark.parametrize('rate', CUT_RATES, ids=str)
def test_matroska_cut_off_during_finish_loses_no_frame(
    rate: Fraction, frames: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Matroska file that is cut off while it is being finished loses no frame."""
    before, files, finish = list[bytes](), list[Writes](), MatroskaFile.finish

    def watched(file: Any, rate: Fraction) -> None:
        if str(tmp_path) in file._path:  # and not of a test of what the encoder can do
            before.append(Path(file._path).read_bytes())
            files.append(Writes(file._file))
            file._file = files[0]
        finish(file, rate)

    monkeypatch.setattr(MatroskaFile, 'finish', watched)
    (video,) = videos(record(tmp_path / 'store', 'h264/mkv', frames, fps=rate))
    assert said(video)[0] == nearly(rate)
    assert_all_states_are_whole(video, before[0], files[0].done, frames)


def write_and_die(path: Path, fmt: str, at: int) -> None:
    """In a process: record, and end at one of the writes by which the rate is changed."""
    left = [at]

    class Deadly(Writes):
        def write(self, data: bytes) -> int:
            if not path.exists():  # a test of what the encoder can do
                return int(self._file.write(data))
            assert list(path.glob('.*.journal')), 'the journal must outlive the change'
            if not left[0]:
                os._exit(3)
            left[0] -= 1
            return int(self._file.write(data))

    finish = MatroskaFile.finish

    def deadly(file: Any, rate: Fraction) -> None:
        file._file = Deadly(file._file)
        finish(file, rate)

    MatroskaFile.finish = deadly  # type: ignore[method-assign, assignment]
    container_rate.open = lambda *args, **options: Deadly(open(*args, **options))  # type: ignore[attr-defined]  # noqa: SIM115
    record(path, fmt, 9, 0.005, workers=0)
    os._exit(0)


@pytest.mark.process
@pytest.mark.parametrize('fmt', VIDEO_FORMATS)
@pytest.mark.exhaustive
def test_writer_killed_while_writing_rate_keeps_all_frames(fmt: str, tmp_path: Path) -> None:
    """A writer killed at any write of the frame rate leaves all frames, and repair completes the store."""
    server, at, code = multiprocessing.get_context('forkserver'), 0, 3
    while code == 3:
        path = tmp_path / str(at)
        process = server.Process(target=write_and_die, args=(path, fmt, at))
        process.start()
        process.join(60)
        code, at = process.exitcode or 0, at + 2
        with new_for_filename(path) as store:
            assert [index_in(store.get_next_image()[0]) for _ in range(9)] == list(range(9))
        imgstore.repair(path)
        assert_whole(path, 9)
        assert told(path) == nearly(200)
    assert code == 0
    assert at > 4


@pytest.mark.parametrize('fmt', VIDEO_FORMATS)
def test_a_repaired_video_says_the_rate_of_its_frames(fmt: str, tmp_path: Path) -> None:
    with new_for_format(fmt, tmp_path / 'open', imgshape=SHAPE, workers=0) as store:
        for index in range(9):
            store.add_image(numbered(index, SHAPE), index, 0.005 * index)
        shutil.copytree(tmp_path / 'open', tmp_path / 'left')
    (tmp_path / 'left' / '.lock').unlink()
    imgstore.repair(tmp_path / 'left')
    assert_whole(tmp_path / 'left', 9)
    assert told(tmp_path / 'left') == nearly(200)


# --- what else players need


def test_matroska_has_a_cue_for_every_keyframe(tmp_path: Path) -> None:
    (video,) = videos(record(tmp_path / 'store', 'h264/mkv', 100, fps=200))
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        keyframes = [packet.pts for packet in container.demux(stream) if packet.is_keyframe and packet.size]
        container.seek(0, stream=stream)
        assert [entry.timestamp for entry in stream.index_entries] == keyframes
    assert len(keyframes) == 7


class Counting(io.BytesIO):
    """A file far away: how much is read of it counts."""

    count = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.count += len(data)
        return data


@pytest.mark.parametrize('fmt', ['avc1/mp4', 'h264/mkv'])
def test_remote_reader_seeks_last_frame_cheaply(fmt: str, tmp_path: Path) -> None:
    """A remote reader finds the last frame without reading the entire file."""
    noise = np.random.default_rng(1)
    with new_for_format(fmt, tmp_path / 'store', imgshape=SHAPE, fps=200, crf=10) as store:
        for index in range(200):
            store.add_image(noise.integers(0, 256, SHAPE, np.uint8), index, index / 200)
    file = Counting(videos(tmp_path / 'store')[0].read_bytes())
    with av.open(file, 'r') as container:
        stream = container.streams.video[0]
        assert stream.time_base is not None
        container.seek(int(199 / 200 / stream.time_base), stream=stream)
        assert round([float(frame.time or 0) for frame in container.decode(stream)][-1] * 200) == 199
    assert file.count < len(file.getvalue()) / 3


@pytest.mark.parametrize('fps', [29.97, 200])
@pytest.mark.parametrize('frames', [1, 7, 8, 100])
@pytest.mark.parametrize('fmt', VIDEO_FORMATS)
def test_a_videos_duration_is_exact(fmt: str, frames: int, fps: float, tmp_path: Path) -> None:
    duration = said(videos(record(tmp_path / 'store', fmt, frames, fps=fps))[0])[1]
    assert duration == pytest.approx(frames / RATES[fps], rel=2e-6, abs=1e-6)


@pytest.mark.parametrize('shape', [(64, 96), (64, 96, 3)])
@pytest.mark.parametrize('fmt', ['avc1/mp4', 'h264/mkv'])
def test_h264_has_colour_tags(fmt: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    with new_for_format(fmt, tmp_path / 'store', imgshape=shape) as store:
        store.add_image(numbered(0, shape), 0, 0)
    with av.open(str(videos(tmp_path / 'store')[0])) as container:
        context: Any = container.streams.video[0].codec_context
        tags = context.colorspace, context.color_primaries, context.color_trc, context.color_range
    assert [int(tag) for tag in tags] == [6, 1, 1, 1]


def test_chunks_with_few_frames_are_copied_with_the_others(tmp_path: Path) -> None:
    from imgstore.export import export_video, select

    for name, frames in (('short_last', 13), ('short_alone', 3)):
        with new_for_filename(record(tmp_path / name, 'h264/mkv', frames, chunksize=10)) as store:
            assert export_video(select(store), tmp_path / f'{name}.mp4', codec='copy').copied
        with av.open(str(tmp_path / f'{name}.mp4')) as container:
            shown = [index_in(frame.to_ndarray(format='bgr24')) for frame in container.decode(video=0)]
        assert shown == list(range(frames))


@pytest.mark.parametrize('name', ['film.mp4', 'film.mkv'])
def test_an_exported_film_has_colour_tags(name: str, tmp_path: Path) -> None:
    from imgstore.export import export_video, select

    with new_for_filename(record(tmp_path / 'store', 'mjpeg/avi', 3)) as store:
        export_video(select(store), tmp_path / name, codec='h264')
    with av.open(str(tmp_path / name)) as container:
        context: Any = container.streams.video[0].codec_context
        tags = context.colorspace, context.color_primaries, context.color_trc, context.color_range
    assert [int(tag) for tag in tags] == [6, 1, 1, 1]


def box(name: bytes, content: bytes = b'', size: int | None = None) -> bytes:
    return (8 + len(content) if size is None else size).to_bytes(4, 'big') + name + content


@pytest.mark.parametrize(
    'content',
    [
        b'',
        box(b'ftyp', bytes(8)),
        box(b'moov', box(b'mvhd', bytes(100))),
        box(b'ftyp', size=4),
        box(b'ftyp', size=1)[:8],
    ],
    ids=['empty', 'no movie', 'no track', 'size below its head', 'cut off in a size'],
)
def test_an_mp4_of_others_keeps_its_rate_and_bytes(content: bytes, tmp_path: Path) -> None:
    """What is not as FFmpeg writes it is refused before anything is changed."""
    path = tmp_path / 'v.mp4'
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r'header|box'):
        container_rate.set_rate(str(path), Fraction(50))
    assert path.read_bytes() == content


@pytest.mark.parametrize('change', [(0, b'RIFX'), (8, b'WAVE'), (24, b'junk'), (108, b'auds')])
def test_an_avi_of_others_keeps_its_rate_and_bytes(change: tuple[int, bytes], tmp_path: Path) -> None:
    (video,) = videos(record(tmp_path / 'store', 'mjpeg/avi', 3, fps=25))
    data = bytearray(video.read_bytes())
    data[change[0] : change[0] + 4] = change[1]
    video.write_bytes(data)
    with pytest.raises(ValueError, match='no header of a video'):
        container_rate.set_rate(str(video), Fraction(50))
    assert video.read_bytes() == data


def test_an_mp4_with_a_box_of_64_bits_gets_its_rate(tmp_path: Path) -> None:
    """The size of a box may have 64 bits, as above 4 GB."""
    (video,) = videos(record(tmp_path / 'store', 'avc1/mp4', 9, fps=25))
    end = (16).to_bytes(8, 'big')
    video.write_bytes(video.read_bytes() + box(b'free', end, size=1))
    container_rate.set_rate(str(video), Fraction(50))
    assert said(video)[0] == 50
    assert said(video)[2] == 9
