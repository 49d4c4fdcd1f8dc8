from __future__ import annotations

import contextlib
import datetime
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import imgstore
from imgstore.apps.save import main
from imgstore.errors import FrameReadError, InvalidArgumentError
from imgstore.sensor_area import bin_image
from imgstore.sources import Camera, VideoFile

from ..helpers.display import Screen, python_env, screen
from ..helpers.fake_camera import FakeCamera
from ..helpers.films import make_film, read
from ..helpers.frames import index_in, numbered
from ..helpers.raised import raises
from ..helpers.spying import spy

Image = np.ndarray[Any, Any]
RUN = 'import sys; from imgstore.apps.save import main; sys.exit(main())'


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    err = capsys.readouterr().err
    assert err.startswith('imgstore-save: ')
    assert err.count('\n') == 1, err
    return err


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Images 0 to 11, whose names count without leading zeros."""
    (tmp_path / 'images').mkdir()
    for number in range(12):
        cv2.imwrite(str(tmp_path / 'images' / f'im{number}.png'), numbered(number, (64, 96, 3)))
    (tmp_path / 'images' / 'notes.txt').write_text('mine')
    return tmp_path / 'images'


# --- images


@pytest.mark.parametrize('pattern', ['', '*.png', 'im*'])
def test_images_are_saved_in_natural_order(folder: Path, pattern: str) -> None:
    """Images from a folder or a pattern are saved in the order in which people count."""
    store = folder.parent / 'store'
    assert main(['--format', 'png', '--source', os.path.join(folder, pattern), '--fps', '10', str(store)]) == 0
    images, numbers, times = read(store)
    assert [index_in(image) for image in images] == numbers == list(range(12))
    assert times == pytest.approx([number / 10 for number in range(12)])


@pytest.mark.parametrize('shape', [(64, 96), (64, 96, 3)])
def test_images_of_16_bits_keep_their_values(shape: tuple[int, ...], tmp_path: Path) -> None:
    (tmp_path / 'i').mkdir()
    original = numbered(3, shape).astype(np.uint16) * 250
    cv2.imwrite(str(tmp_path / 'i' / 'a.tif'), original)
    assert main(['--format', 'png', '--source', str(tmp_path / 'i'), str(tmp_path / 'store')]) == 0
    image = read(tmp_path / 'store')[0][0]
    assert image.dtype == np.uint16
    assert np.array_equal(image, original)


def test_images_of_several_sizes_end_it_with_those_before(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cv2.imwrite(str(folder / 'im5.png'), np.zeros((10, 10, 3), np.uint8))
    assert main(['--format', 'png', '--source', str(folder), str(folder.parent / 'store')]) == 1
    assert '(10, 10, 3)' in one_line(capsys)
    assert read(folder.parent / 'store')[1] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize('content', [b'hello', b'', None])
def test_damaged_image_leaves_its_number_unused(
    folder: Path, content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """A damaged image leaves its frame number unused, and later images are kept."""
    whole = (folder / 'im5.png').read_bytes()
    (folder / 'im5.png').write_bytes(whole[: len(whole) // 2] if content is None else content)
    (folder / 'im11.png').write_bytes(whole[:-9])
    assert main(['--format', 'png', '--source', str(folder), str(folder.parent / 'store')]) == 1
    told = one_line(capsys)
    assert 'frame 5' in told
    assert 'im5.png' in told
    assert 'frame 11' in told
    images, numbers, times = read(folder.parent / 'store')
    assert [index_in(image) for image in images] == numbers == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10]
    assert times == pytest.approx([number / 25 for number in numbers])


@pytest.mark.parametrize('name', ['im5.png', 'im5.webp'])
def test_an_animated_image_gives_each_of_its_frames(folder: Path, name: str) -> None:
    """They come in place of the file, and later images keep their order."""
    animation = cv2.Animation()
    animation.frames = [numbered(100 + index, (64, 96, 3)) for index in range(3)]
    animation.durations = np.full(3, 40)  # type: ignore[assignment]
    (folder / 'im5.png').unlink()
    assert cv2.imwriteanimation(str(folder / name), animation, [cv2.IMWRITE_WEBP_QUALITY, 100])
    assert main(['--format', 'png', '--source', str(folder), str(folder.parent / 'store')]) == 0
    images, numbers, _ = read(folder.parent / 'store')
    assert [index_in(image) for image in images] == [0, 1, 2, 3, 4, 100, 101, 102, *range(6, 12)]
    assert numbers == list(range(14))


def test_a_file_that_cannot_be_read_leaves_its_number_unused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def opened(path: str, *args: Any, **options: Any) -> Any:
        if str(path).endswith('im5.png'):
            raise OSError(5, 'the disk fails', path)
        return open(path, *args, **options)

    monkeypatch.setattr('imgstore.sources.images.open', opened, raising=False)
    assert main(['--format', 'png', '--source', str(folder), str(folder.parent / 'store')]) == 1
    assert 'the disk fails' in one_line(capsys)
    assert read(folder.parent / 'store')[1] == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]


def test_many_damaged_images_are_counted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(3, 12):
        (folder / f'im{number}.png').write_bytes(b'hello')
    assert main(['--format', 'png', '--source', str(folder), str(folder.parent / 'store')]) == 1
    assert '9 in all' in one_line(capsys)
    assert read(folder.parent / 'store')[1] == [0, 1, 2]


def test_jpegs_in_a_folder_that_are_damaged_inside_are_left_out(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(12):
        (folder / f'im{number}.png').unlink()
        data = bytearray(cv2.imencode('.jpg', numbered(number, (64, 96, 3)))[1].tobytes())
        if number == 5:
            data[len(data) * 2 // 3 : len(data) * 2 // 3 + 100] = bytes(100)
        (folder / f'im{number}.jpg').write_bytes(data)
    assert main(['--format', 'png', '--source', str(folder), str(folder.parent / 'store')]) == 1
    assert 'im5.jpg' in one_line(capsys)
    assert read(folder.parent / 'store')[1] == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]


def test_a_store_as_source_is_told_from_images(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = folder.parent / 'store'
    main(['--format', 'png', '--source', str(folder), str(store)])
    capsys.readouterr()
    assert main(['--source', str(store), str(folder.parent / 'other')]) == 1
    assert 'imgstore convert' in one_line(capsys)


# --- raw images in a pipe


def pipe(data: bytes, *args: str | Path) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, '-c', RUN, '--source', '-', '--format', 'npy', *map(str, args)]
    return subprocess.run(command, input=data, env=python_env(), capture_output=True, check=False, timeout=60)


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize(
    ('pixel_format', 'shape', 'dtype'),
    [
        ('gray', (64, 96), 'u1'),
        ('gray16le', (64, 96), '<u2'),
        ('bgr24', (64, 96, 3), 'u1'),
        ('rgb24', (64, 96, 3), 'u1'),
    ],
)
def test_raw_images_of_a_pipe_are_saved(pixel_format: str, shape: tuple[int, ...], dtype: str, tmp_path: Path) -> None:
    originals = [numbered(number, shape).astype(dtype) for number in range(5)]
    swapped = [image[..., ::-1] if pixel_format == 'rgb24' else image for image in originals]
    done = pipe(
        b''.join(np.ascontiguousarray(image).tobytes() for image in swapped),
        '--raw',
        '96x64',
        '--pixel-format',
        pixel_format,
        '--fps',
        '50',
        tmp_path / 's',
    )
    assert (done.returncode, done.stderr) == (0, b'')
    images, numbers, times = read(tmp_path / 's')
    assert all(map(np.array_equal, images, originals))
    assert numbers == [0, 1, 2, 3, 4]
    assert times == pytest.approx([0, 0.02, 0.04, 0.06, 0.08])


@pytest.mark.slow
@pytest.mark.process
def test_a_pipe_that_ends_within_an_image_keeps_those_before(tmp_path: Path) -> None:
    done = pipe(bytes(64 * 96 * 2 + 10), '--raw', '96x64', tmp_path / 's')
    assert done.returncode == 1
    assert done.stderr == b'imgstore-save: the input ends within image 2: it has 10 of 6144 bytes\n'
    assert read(tmp_path / 's')[1] == [0, 1]


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_pipe_with_a_whole_store(number: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, '-c', RUN, '--source', '-', '--raw', '96x64', '--format', 'npy', str(tmp_path / 's')]
    with subprocess.Popen(
        command, env=python_env(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdin is not None
        running.stdin.write(bytes(64 * 96 * 3))
        running.stdin.flush()
        end = time.monotonic() + 20
        while len(list((tmp_path / 's').glob('000000/[0-9]*.npy'))) < 3 and time.monotonic() < end:
            time.sleep(0.01)
        running.send_signal(number)
        time.sleep(0.1)
        with contextlib.suppress(BrokenPipeError):  # it need not wait for one more image
            running.stdin.write(bytes(64 * 96))
        out, err = running.communicate(timeout=20)
    assert (running.returncode, err) == (0, b'')
    assert 3 <= len(read(tmp_path / 's')[1]) <= 4
    assert b'frames saved' in out
    assert not (tmp_path / 's' / '.lock').exists()


# --- options


def film_of(tmp_path: Path, count: int = 10) -> Path:
    return make_film(tmp_path / 'film.mkv', [numbered(number, (64, 96, 3)) for number in range(count)], 'bgr0')


def saved(tmp_path: Path, *args: str) -> tuple[list[Image], list[int], list[float]]:
    source = [] if '--source' in args else ['--source', str(film_of(tmp_path))]
    assert main(['--format', 'npy', *source, *args, str(tmp_path / 'store')]) == 0
    return read(tmp_path / 'store')


def test_metadata_is_of_the_file_and_of_the_options_which_win(tmp_path: Path) -> None:
    (tmp_path / 'm.yaml').write_text('subject: B2\nlens: {f: 8}\n')
    saved(
        tmp_path,
        '--metadata',
        'subject=A7',
        '--metadata',
        'exposure=0.008',
        '--metadata',
        'note=a=b: c',
        '--metadata',
        'dark=true',
        '--metadata',
        'list=[1, 2]',
        '--metadata-file',
        str(tmp_path / 'm.yaml'),
    )
    with imgstore.new_for_filename(tmp_path / 'store') as store:
        assert store.user_metadata == {
            'subject': 'A7',
            'lens': {'f': 8},
            'exposure': 0.008,
            'note': 'a=b: c',
            'dark': True,
            'list': '[1, 2]',
        }


def test_metadata_may_be_a_json_file(tmp_path: Path) -> None:
    (tmp_path / 'm.json').write_text(json.dumps({'subject': 'A7', 'list': [1, 2.5, None]}))
    saved(tmp_path, '--metadata-file', str(tmp_path / 'm.json'))
    with imgstore.new_for_filename(tmp_path / 'store') as store:
        assert store.user_metadata == {'subject': 'A7', 'list': [1, 2.5, None]}


@pytest.mark.parametrize('content', [None, '[1, 2]', 'a: ['])
def test_invalid_metadata_file_is_one_line_error(
    content: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing or invalid metadata file gives a one-line error and leaves nothing."""
    if content:
        (tmp_path / 'm.yaml').write_text(content)
    source = film_of(tmp_path)
    assert main(['--source', str(source), '--metadata-file', str(tmp_path / 'm.yaml'), str(tmp_path / 'store')]) == 1
    assert 'm.yaml' in one_line(capsys)
    assert not (tmp_path / 'store').exists()


def test_chunks_are_as_long_as_was_asked_for(tmp_path: Path) -> None:
    saved(tmp_path, '--chunksize', '4')
    with imgstore.new_for_filename(tmp_path / 'store') as store:
        assert store.chunks == [0, 1, 2]


def test_gray_is_as_opencv_makes_it(tmp_path: Path) -> None:
    images, *_ = saved(tmp_path, '--gray')
    assert np.array_equal(images[3], cv2.cvtColor(numbered(3, (64, 96, 3)), cv2.COLOR_BGR2GRAY))


def test_a_crop_is_width_height_and_place(tmp_path: Path) -> None:
    images, *_ = saved(tmp_path, '--crop', '40x20+8+10')
    assert np.array_equal(images[3], numbered(3, (64, 96, 3))[10:30, 8:48])


def test_a_crop_makes_images_of_several_sizes_one(tmp_path: Path) -> None:
    (tmp_path / 'images').mkdir()
    for index, shape in enumerate([(64, 96, 3), (70, 120, 3)]):
        cv2.imwrite(str(tmp_path / 'images' / f'{index}.png'), numbered(index, shape))
    assert (
        main(['--source', str(tmp_path / 'images'), '--fps', '5', '--crop', '96x64+0+0', str(tmp_path / 'store')]) == 0
    )
    with imgstore.new_for_filename(tmp_path / 'store') as store:
        assert [index_in(image) for image in store[:]] == [0, 1]


def test_a_roi_is_place_width_and_height(tmp_path: Path) -> None:
    images, *_ = saved(tmp_path, '--roi', '8,10,40,20')
    assert np.array_equal(images[3], numbered(3, (64, 96, 3))[10:30, 8:48])
    with imgstore.new_for_filename(tmp_path / 'store') as store:
        assert (store.sensor_shape, store.roi, store.binning) == ((64, 96), (8, 10, 40, 20), (1, 1))


@pytest.mark.parametrize(('text', 'binning'), [('2', (2, 2)), ('2x4', (2, 4))])
def test_pixels_are_binned_after_the_roi(text: str, binning: tuple[int, int], tmp_path: Path) -> None:
    images, *_ = saved(tmp_path, '--roi', '8,10,40,20', '--binning', text)
    assert np.array_equal(images[3], bin_image(numbered(3, (64, 96, 3))[10:30, 8:48], *binning))
    with imgstore.new_for_filename(tmp_path / 'store') as store:
        assert (store.sensor_shape, store.roi, store.binning) == ((64, 96), (8, 10, 40, 20), binning)


def test_a_binning_that_does_not_divide_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['--source', str(film_of(tmp_path)), '--binning', '5', str(tmp_path / 'store')]) == 1
    assert 'a width of 95 and a height of 60 or 65' not in (line := one_line(capsys))
    assert 'a width of 95 and a height of 60' in line
    assert not (tmp_path / 'store').exists()


def test_a_crop_beyond_the_image_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['--source', str(film_of(tmp_path)), '--crop', '40x20+60+10', str(tmp_path / 'store')]) == 1
    assert '96x64 pixels' in one_line(capsys)
    assert not (tmp_path / 'store').exists()


@pytest.mark.parametrize(
    ('args', 'count'), [(['--frames', '3'], 3), (['--duration', '0.16'], 4), (['--frames', '99'], 10)]
)
def test_it_ends_when_there_is_enough(args: list[str], count: int, tmp_path: Path) -> None:
    assert saved(tmp_path, *args)[1] == list(range(count))


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('1700000000.5', 1700000000.5),
        ('2026-03-01 12:00:05.5+01:00', 1772362805.5),
        ('2026-03-01 12:00:05', datetime.datetime(2026, 3, 1, 12, 0, 5).timestamp()),
    ],
)
def test_the_first_frame_is_of_the_start_time(text: str, expected: float, tmp_path: Path) -> None:
    times = saved(tmp_path, '--start-time', text)[2]
    assert times == pytest.approx([expected + number / 25 for number in range(10)], abs=1e-5)


def test_the_frame_rate_can_be_put_right(tmp_path: Path) -> None:
    assert saved(tmp_path, '--fps', '100')[2] == pytest.approx([number / 100 for number in range(10)])


def dated(tmp_path: Path, date: str) -> Path:
    import av

    path = tmp_path / 'dated.mp4'
    with av.open(film_of(tmp_path)) as source, av.open(path, 'w') as target:
        target.metadata['creation_time'] = date
        stream = target.add_stream('libx264', rate=25)
        stream.height, stream.width = 64, 96
        for frame in source.decode(video=0):
            frame.pts, frame.time_base, frame.pict_type = frame.pts, frame.time_base, 0
            target.mux(stream.encode(frame))
        target.mux(stream.encode())
    return path


@pytest.mark.parametrize(('date', 'first'), [('2026-03-01T12:00:05Z', 1772366405.0), ('1970-01-01T00:00:00Z', 0.0)])
def test_times_start_at_the_films_creation_time(date: str, first: float, tmp_path: Path) -> None:
    """Times are counted from the creation time of the film if it has one."""
    film = dated(tmp_path, date)
    times = saved(tmp_path, '--source', str(film))[2]
    assert times == pytest.approx([first + number / 25 for number in range(10)], abs=1e-5)
    with VideoFile(str(film)) as source:
        assert (source.length, source.created) == (10, first or None)


def test_a_store_is_replaced_only_if_that_is_wanted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved(tmp_path)
    again = ['--format', 'npy', '--source', str(film_of(tmp_path, 3)), str(tmp_path / 'store')]
    capsys.readouterr()
    assert main(again) == 1
    assert len(read(tmp_path / 'store')[1]) == 10
    assert main(['--overwrite', *again]) == 0
    assert len(read(tmp_path / 'store')[1]) == 3


@pytest.mark.parametrize(
    'args',
    [
        ['--source', '-'],
        ['--raw', '3x3'],
        ['--source', '-', '--raw', '3'],
        ['--source', 'film.mp4', '--size', '3x3'],
        ['--crop', '3x3'],
        ['--roi', '1,2,3'],
        ['--roi', '1,2,3,4', '--crop', '3x4+1+2'],
        ['--binning', '0'],
        ['--fps', '0'],
        ['--frames', '-1'],
        ['--duration', 'nan'],
        ['--metadata', 'x'],
        ['--metadata', '=x'],
        ['--pixel-format', 'nv12'],
    ],
)
def test_wrong_usage_is_exit_code_2(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([*args, 'store'])
    assert end.value.code == 2
    assert 'usage: imgstore-save' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('option', 'value', 'kind'),
    [('--frames', '0', 'an integer'), ('--frames', 'x', 'an integer'), ('--duration', '-1', 'a number')],
)
def test_a_value_not_above_0_is_told_the_option(
    option: str, value: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([option, value, 'store'])
    text = f"argument {option}: '{value}' is not allowed; the value must be {kind} greater than 0"
    assert text in ' '.join(capsys.readouterr().err.split())


def test_a_start_time_that_is_none_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['--source', str(film_of(tmp_path)), '--start-time', 'noon', str(tmp_path / 'store')]) == 1
    assert 'noon' in one_line(capsys)


# --- cameras


def test_a_camera_is_asked_for_rate_and_size(camera: type[FakeCamera], tmp_path: Path) -> None:
    assert main(['--format', 'npy', '--fps', '60', '--size', '640x480', '--frames', '2', str(tmp_path / 'store')]) == 0
    asked = {cv2.CAP_PROP_FPS: 60.0, cv2.CAP_PROP_FRAME_WIDTH: 640, cv2.CAP_PROP_FRAME_HEIGHT: 480}
    assert {key: camera.asked[key] for key in asked} == asked
    assert len(read(tmp_path / 'store')[1]) == 2


def test_a_camera_is_saved_for_a_while(camera: type[FakeCamera], tmp_path: Path) -> None:
    camera.stop_at = -1
    assert main(['--format', 'npy', '--duration', '0.3', str(tmp_path / 'store')]) == 0
    times = read(tmp_path / 'store')[2]
    assert 1 < len(times) < camera.gives
    assert times[-1] - times[0] < 0.3


class Steps:
    """A device that gives its frames when it is told to."""

    def __init__(self, number: int) -> None:
        self.released = False

    allowed = threading.Semaphore(0)
    given = 0

    def isOpened(self) -> bool:  # noqa: N802
        return True

    def read(self) -> tuple[bool, Image]:
        type(self).allowed.acquire(timeout=5)
        type(self).given += 1
        return True, np.full((10, 10, 3), self.given, np.uint8)

    def release(self) -> None:
        self.released = True


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Steps]]:
    class Own(Steps):
        allowed = threading.Semaphore(0)

    monkeypatch.setattr(cv2, 'VideoCapture', Own)
    yield Own
    Own.allowed.release(100)


def wait(condition: Any) -> None:
    end = time.monotonic() + 10
    while not condition() and time.monotonic() < end:
        time.sleep(0.001)
    assert condition()


def test_waiting_camera_drops_and_counts_frames(steps: type[Steps]) -> None:
    """Frames that arrive while others wait are dropped and counted, and their numbers stay unused."""
    device = Camera(0, buffer_bytes=2 * 300)  # room for two
    stop = False
    frames = device.frames(lambda: stop)
    steps.allowed.release(1)
    assert next(frames)[1] == 0
    steps.allowed.release(5)
    wait(lambda: device.dropped == 3)
    assert [next(frames)[1] for _ in range(2)] == [1, 2]
    steps.allowed.release(1)
    assert next(frames)[1] == 6
    stop = True
    steps.allowed.release(1)
    assert len(list(frames)) <= 1


def test_a_camera_is_released_when_nobody_wants_its_frames(steps: type[Steps]) -> None:
    device = Camera(0)
    frames = device.frames()
    steps.allowed.release(2)
    next(frames)
    steps.allowed.release(10)
    frames.close()
    assert device._device.released  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name == 'imgstore camera']


def test_a_camera_that_hangs_can_be_stopped(steps: type[Steps], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('imgstore.sources.camera._PATIENCE', 0.1)
    stop = False
    frames = Camera(0).frames(lambda: stop)
    steps.allowed.release(2)
    assert [next(frames)[1] for _ in range(2)] == [0, 1]
    stop = True
    began = time.monotonic()
    assert list(frames) == []
    assert time.monotonic() - began < 3


def test_dropped_frames_are_told(
    camera: type[FakeCamera], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    camera.stop_at, camera.pace = 60, 0.001
    original = Camera.__init__

    def small(self: Camera, *args: Any) -> None:
        original(self, *args)
        self._limit = 1

    monkeypatch.setattr(Camera, '__init__', small)
    add = imgstore.DirectoryImgStore.add_image
    monkeypatch.setattr(imgstore.DirectoryImgStore, 'add_image', spy(add, lambda *_: time.sleep(0.02)))
    assert main(['--format', 'npy', str(tmp_path / 'store')]) == 0
    out = capsys.readouterr().out
    numbers = read(tmp_path / 'store')[1]
    dropped = int(out.split(' frames were dropped')[0].split('\n')[-1])
    assert dropped > 0
    assert numbers[-1] + 1 - len(numbers) <= dropped
    assert max(np.diff(numbers)) > 1


@pytest.fixture(scope='module')
def display(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    with screen(tmp_path_factory.mktemp('screen')) as made:
        yield made


PREVIEW = """
import sys, time
import cv2, numpy as np
from imgstore.apps.save import main

class Device:
    def __init__(self, number): pass
    def isOpened(self): return True
    def read(self):
        time.sleep(0.02)
        return True, np.full((240, 320, 3), (40, 200, 90), np.uint8)
    def release(self): pass

cv2.VideoCapture = Device
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.once
def test_camera_preview_ends_with_q_and_complete_store(display: Screen, tmp_path: Path) -> None:
    """The preview shows what the camera sees, and the key q ends it with a complete store."""
    command = [sys.executable, '-c', PREVIEW, '--format', 'npy', '--overwrite', str(tmp_path / 's')]
    with display.running(command, lambda picture: np.all(picture == (40, 200, 90), axis=2).sum() > 240 * 320 / 2) as it:
        display.press('imgstore camera', 'q')
        assert it.wait(60) == 0
    images, numbers, _ = read(tmp_path / 's')
    assert numbers == list(range(len(images)))
    assert len(images) > 2


def test_a_source_that_is_no_image_is_told_by_the_library(tmp_path: Path) -> None:
    from imgstore.sources import Images, image_paths

    with raises(InvalidArgumentError, path=str(tmp_path)):
        image_paths(str(tmp_path))
    (tmp_path / 'a.png').touch()
    with Images(image_paths(str(tmp_path))) as images:
        assert list(images.frames()) == []
        with pytest.raises(FrameReadError, match=r'a\.png'):
            images.check()
