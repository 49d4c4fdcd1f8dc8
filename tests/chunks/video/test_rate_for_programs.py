"""The programs ffmpeg and ffprobe take each frame of our videos once, at the rate of the recording."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

import imgstore
from imgstore import new_for_filename, new_for_format
from imgstore.chunks.video.h264 import record_with_rate, unified, with_changeable_rates
from imgstore.chunks.video.parameter_sets import with_changeable_rate, with_rate, with_rate_in_place
from imgstore.frame_rate import as_fraction

from ...helpers.checked import not_none
from ...helpers.frames import index_in, numbered

RATES = {
    0.1: Fraction(1, 10),
    0.3: Fraction(3, 10),
    7: Fraction(7),
    29.97: Fraction(30000, 1001),
    59.94: Fraction(60000, 1001),
    200: Fraction(200),
    997.3: Fraction(9973, 10),
    1000: Fraction(1000),
    7000: Fraction(7000),
}
H264 = {'avc1/mp4': '.mp4', 'h264/mkv': '.mkv'}
SHAPE = (64, 96, 3)
USUAL_SPS = bytes.fromhex('6764000aacb43134d4040419000003000100000300328f1226a0')  # of x264, 25 frames/s


def record(path: Path, fmt: str, frames: int, fps: float) -> Path:
    with new_for_format(fmt, path / 'store', imgshape=SHAPE, fps=fps) as store:
        for index in range(frames):
            store.add_image(numbered(index, SHAPE), index, index / fps)
    return path / 'store' / f'000000{H264[fmt]}'


def shown(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        return [index_in(frame.to_ndarray(format='bgr24')) for frame in container.decode(video=0)]


def rate_in_stream(path: Path) -> Fraction | None:
    """The rate that the decoder finds in the stream itself."""
    context: Any = av.CodecContext.create('h264', 'r')
    with av.open(str(path)) as container:
        context.extradata = container.streams.video[0].codec_context.extradata
        for packet in container.demux(video=0):
            context.decode(packet)
            if context.framerate:
                return Fraction(context.framerate)
    return None


def ffmpeg(*arguments: Any) -> None:
    subprocess.run(['ffmpeg', '-v', 'error', '-threads', '1', *map(str, arguments)], check=True, capture_output=True)


@pytest.mark.process
@pytest.mark.parametrize('fps', RATES)
@pytest.mark.parametrize('fmt', H264)
@pytest.mark.slow
def test_ffmpeg_makes_one_frame_of_each(fmt: str, fps: float, tmp_path: Path) -> None:
    video = record(tmp_path, fmt, 20, fps)
    ffmpeg('-i', video, '-preset', 'ultrafast', tmp_path / 'film.mp4', '-preset', 'ultrafast', tmp_path / 'film.mkv')
    assert shown(tmp_path / 'film.mp4') == shown(tmp_path / 'film.mkv') == list(range(20))


@pytest.mark.process
@pytest.mark.parametrize('fps', [0.1, 29.97, 1000])
@pytest.mark.parametrize('fmt', H264)
@pytest.mark.slow
def test_ffmpeg_makes_one_frame_of_each_of_a_copy(fmt: str, fps: float, tmp_path: Path) -> None:
    ffmpeg('-i', record(tmp_path, fmt, 20, fps), '-c', 'copy', tmp_path / 'copy.mkv')
    ffmpeg('-i', tmp_path / 'copy.mkv', '-preset', 'ultrafast', tmp_path / 'film.mp4')
    assert shown(tmp_path / 'film.mp4') == list(range(20))


@pytest.mark.process
@pytest.mark.parametrize('fps', RATES)
@pytest.mark.parametrize('fmt', H264)
@pytest.mark.slow
def test_ffprobe_tells_the_rate(fmt: str, fps: float, tmp_path: Path) -> None:
    command = ['ffprobe', '-v', 'error', '-of', 'json', '-show_entries', 'stream=avg_frame_rate,r_frame_rate']
    video = record(tmp_path, fmt, 3, fps)
    (stream,) = json.loads(subprocess.run([*command, video], check=True, capture_output=True).stdout)['streams']
    told = [float(Fraction(stream[name])) for name in ('avg_frame_rate', 'r_frame_rate')]
    assert told == pytest.approx([float(RATES[fps])] * 2, rel=2e-6)


@pytest.mark.parametrize('frames', [1, 7, 8])
@pytest.mark.parametrize('fps', [0.1, 25, 29.97, 1000])
@pytest.mark.parametrize('fmt', H264)
def test_the_stream_itself_tells_the_rate(fmt: str, fps: float, frames: int, tmp_path: Path) -> None:
    assert rate_in_stream(record(tmp_path, fmt, frames, fps)) == as_fraction(fps)


@pytest.mark.parametrize('fmt', H264)
def test_the_stream_of_a_repaired_video_tells_the_rate(fmt: str, tmp_path: Path) -> None:
    with new_for_format(fmt, tmp_path / 'open', imgshape=SHAPE, workers=0, fps=1000) as store:
        for index in range(9):
            store.add_image(numbered(index, SHAPE), index, index / 1000)
        shutil.copytree(tmp_path / 'open', tmp_path / 'left')
    (tmp_path / 'left' / '.lock').unlink()
    imgstore.repair(tmp_path / 'left')
    assert rate_in_stream(tmp_path / 'left' / f'000000{H264[fmt]}') == 1000


def test_matroska_tells_a_usual_fraction_exactly(tmp_path: Path) -> None:
    with av.open(str(record(tmp_path, 'h264/mkv', 9, 29.97))) as container:
        assert container.streams.video[0].average_rate == Fraction(30000, 1001)


@pytest.mark.parametrize('backend', ['pyav', 'opencv'])
@pytest.mark.parametrize('fps', [997.3, 7000, 29_999, 100_000, 1e6])
@pytest.mark.parametrize('fmt', H264)
def test_fast_recordings_are_read_by_each_backend(fmt: str, fps: float, backend: str, tmp_path: Path) -> None:
    video = record(tmp_path, fmt, 20, fps)
    order = [*range(20), *range(19, -1, -3)]
    with new_for_filename(video.parent, backend=backend) as store:
        assert [index_in(store.get_image(None, frame_index=index)[0]) for index in order] == order


@pytest.mark.parametrize('fps', [7000, 29_999, 48_000, 1e6])
def test_matroska_tells_of_no_more_than_30000_frames_a_second(fps: float, tmp_path: Path) -> None:
    import cv2

    video = record(tmp_path, 'h264/mkv', 20, fps)
    capture = cv2.VideoCapture(str(video), cv2.CAP_FFMPEG)
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(min(fps, 30_000), rel=1e-4)
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 20
    capture.release()


def test_matroska_has_the_duration_of_fast_frames(tmp_path: Path) -> None:
    with av.open(str(record(tmp_path, 'h264/mkv', 200, 7777.7))) as container:
        assert container.duration == pytest.approx(200 / 7777.7 * 1e6, abs=2)
        times = [not_none(packet.pts) * packet.time_base for packet in container.demux(video=0) if packet.size]
    assert [float(time) for time in times] == pytest.approx([index / 7777.7 for index in range(200)], abs=1e-6)


@pytest.mark.parametrize('frames', [1, 7, 100])
@pytest.mark.parametrize('fps', [0.1, 7, 29.97, 59.94, 119.88, 2761])
def test_no_program_counts_too_few_frames_by_the_duration(fps: float, frames: int, tmp_path: Path) -> None:
    with av.open(str(record(tmp_path, 'h264/mkv', frames, fps))) as container:
        rate, duration = container.streams.video[0].average_rate, container.duration
    assert rate is not None
    assert duration is not None
    assert int(duration / 1e6 * rate) == frames
    assert duration == pytest.approx(frames / as_fraction(fps) * 10**6, rel=1e-6, abs=1)


# --- the numbers in H.264


@pytest.mark.parametrize(
    'rate',
    [
        Fraction(1, 10**4),
        Fraction(1, 10),
        Fraction(7),
        Fraction(30000, 1001),
        Fraction(25),
        Fraction(999983, 1001),
        Fraction(10**6),
    ],
)
def test_a_rate_changed_in_place_is_sound_however_far_it_got(rate: Fraction) -> None:
    old = with_changeable_rate(USUAL_SPS, Fraction(25))
    new = with_rate_in_place(old, rate)
    assert new is not None
    assert len(new) == len(old)
    assert with_rate(new, Fraction(25)) == USUAL_SPS
    differing = [place for place in range(len(old)) if old[place] != new[place]]
    for chosen in range(2 ** len(differing)):
        mixed = bytearray(old)
        for rank, place in enumerate(differing):
            mixed[place] = (old, new)[chosen >> rank & 1][place]
        assert with_rate(bytes(mixed), Fraction(25)) == USUAL_SPS


@pytest.mark.parametrize('sps', [b'', b'\x67', b'\x67\x64\x00\x0a', USUAL_SPS[:12], USUAL_SPS[:1] + bytes(30)])
def test_parameter_sets_that_are_no_ones_of_ours_are_left_alone(sps: bytes) -> None:
    assert with_rate(sps, Fraction(7)) is None
    assert with_rate_in_place(sps, Fraction(7)) is None
    assert with_changeable_rate(sps, Fraction(7)) == sps
    assert with_changeable_rates(b'\0\0\0\1' + sps, Fraction(7)) == (b'\0\0\0\1' + sps if sps else b'')
    for record in (b'', b'\1', sps, b'\1' + bytes(20)):
        assert record_with_rate(record, Fraction(7)) is None
        assert unified(record) == record


@pytest.mark.parametrize('fmt', H264)
def test_chunks_of_several_rates_are_copied_into_one_film(fmt: str, tmp_path: Path) -> None:
    from imgstore.export import export_video, select

    with new_for_format(fmt, tmp_path / 'store', imgshape=SHAPE, chunksize=10) as store:
        for index in range(33):
            store.add_image(numbered(index, SHAPE), index, index**2 / 1000)
    with new_for_filename(tmp_path / 'store') as store:
        assert export_video(select(store), tmp_path / 'film.mp4', codec='copy').copied
    assert shown(tmp_path / 'film.mp4') == list(range(33))


@pytest.mark.process
def test_older_video_gets_rate_its_stream_cannot_state(tmp_path: Path) -> None:
    """x264's own numbers have escapes, so that others take more or fewer bytes."""
    from imgstore.chunks.video.container_rate import set_rate

    ffmpeg('-i', record(tmp_path, 'avc1/mp4', 20, 25), '-preset', 'ultrafast', tmp_path / 'other.mp4')
    shutil.copy(tmp_path / 'other.mp4', tmp_path / 'changed.mp4')
    set_rate(str(tmp_path / 'changed.mp4'), Fraction(1000))
    with av.open(str(tmp_path / 'changed.mp4')) as container:
        assert container.streams.video[0].average_rate == 1000
    assert shown(tmp_path / 'changed.mp4') == list(range(20))


# --- films made by exporting


@pytest.mark.parametrize(
    ('fmt', 'codec', 'fps'),
    [
        *itertools.product(['h264/mkv', 'mjpeg/avi'], ['copy'], [0.1, 7, 29.97, 200, 997]),
        *itertools.product(['mjpeg/avi'], ['h264'], [0.5, 7, 29.97, 200, 997]),
    ],
)  # in slower ones OpenCV 4.11 gets lost
def test_an_exported_matroska_says_the_rate_of_its_frames(fmt: str, codec: Any, fps: float, tmp_path: Path) -> None:
    import cv2

    from imgstore.export import export_video, select

    with new_for_format(fmt, tmp_path / 'store', imgshape=SHAPE) as store:
        for index in range(20):
            store.add_image(numbered(index, SHAPE), index, 1e9 + index / fps)
    with new_for_filename(tmp_path / 'store') as store:
        export_video(select(store), tmp_path / 'film.mkv', codec=codec)
    capture = cv2.VideoCapture(str(tmp_path / 'film.mkv'), cv2.CAP_FFMPEG)
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(fps, rel=1e-4)
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 20
    for index in (19, 3, 12, 0):
        capture.set(cv2.CAP_PROP_POS_FRAMES, index)
        assert index_in(capture.read()[1]) == index
    capture.release()


@pytest.mark.parametrize('metadata', [{}, {'hwframerate': 50}])
def test_an_exported_frame_alone_has_the_metadatas_rate(metadata: dict[str, Any], tmp_path: Path) -> None:
    from imgstore.export import export_video, select

    with new_for_format('png', tmp_path / 'store', imgshape=SHAPE, metadata=metadata) as store:
        store.add_image(numbered(0, SHAPE), 0, 0)
    with new_for_filename(tmp_path / 'store') as store:
        export_video(select(store), tmp_path / 'film.mkv')
    with av.open(str(tmp_path / 'film.mkv')) as container:
        assert container.streams.video[0].average_rate == metadata.get('hwframerate', 25)
