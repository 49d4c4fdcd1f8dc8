from __future__ import annotations

import contextlib
import itertools
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

import imgstore
from imgstore.apps import main_saver, save

from ..helpers.fake_camera import FakeCamera, Image
from ..helpers.films import make_film, read
from ..helpers.format_table import CROPPED, LOSSLESS, NO_COLOR
from ..helpers.spying import spy


def noise(count: int, shape: tuple[int, ...]) -> list[Image]:
    return list(np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8))


def test_the_format_is_motion_jpeg_if_none_is_given(tmp_path: Path) -> None:
    film = make_film(tmp_path / 'film.mkv', noise(2, (32, 48, 3)), 'bgr0')
    assert main_saver(['--source', str(film), str(tmp_path / 'store')]) == 0
    with imgstore.new_for_filename(tmp_path / 'store') as store:
        assert store.format == 'mjpeg/avi'


@pytest.mark.parametrize('fmt', imgstore.get_supported_formats())
def test_a_film_of_odd_size_goes_into_every_format(fmt: str, tmp_path: Path) -> None:
    originals = noise(3, (33, 47, 3))
    film = make_film(tmp_path / 'film.mkv', originals, 'bgr0')
    assert main_saver(['--format', fmt, '--source', str(film), str(tmp_path / 'store')]) == 0
    images, numbers, _ = read(tmp_path / 'store')
    assert numbers == [0, 1, 2]
    assert images[0].shape[:2] == ((32, 46) if fmt in CROPPED else (33, 47))
    if fmt in LOSSLESS and fmt not in NO_COLOR:
        assert all(map(np.array_equal, images, originals))


def test_times_are_the_films_own(tmp_path: Path) -> None:
    film = make_film(tmp_path / 'film.mkv', noise(4, (32, 48, 3)), 'bgr0', [1500, 1540, 2000, 2001])
    assert main_saver(['--format', 'npy', '--source', str(film), str(tmp_path / 'store')]) == 0
    assert read(tmp_path / 'store')[2] == [1.5, 1.54, 2.0, 2.001]


@pytest.mark.parametrize('fmt', ['npy', 'png', 'ppm'])
def test_a_gray_film_is_color_as_opencv_gives_it(fmt: str, tmp_path: Path) -> None:
    film = make_film(tmp_path / 'film.mkv', noise(2, (32, 48)), 'gray')
    assert main_saver(['--format', fmt, '--source', str(film), str(tmp_path / 'store')]) == 0
    camera = cv2.VideoCapture(str(film))
    for image in read(tmp_path / 'store')[0]:
        assert np.array_equal(image, camera.read()[1])
    camera.release()


def test_a_gray_film_in_pgm_is_gray_bit_by_bit(tmp_path: Path) -> None:
    originals = noise(2, (32, 48))
    film = make_film(tmp_path / 'film.mkv', originals, 'gray')
    assert main_saver(['--format', 'pgm', '--source', str(film), str(tmp_path / 'store')]) == 0
    assert all(map(np.array_equal, read(tmp_path / 'store')[0], originals))


def one_line_in(capsys: pytest.CaptureFixture[str]) -> str:
    err = capsys.readouterr().err
    assert err.count('\n') == 1, err
    assert err.startswith('imgstore-save: ')
    return err


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (lambda path: None, 'does not exist'),
        (lambda path: path.mkdir(), 'no images'),
        (lambda path: path.write_bytes(b''), 'cannot be read as a video'),
        (lambda path: path.write_text('hello'), 'cannot be read as a video'),
    ],
    ids=['missing', 'folder', 'empty', 'text'],
)
def test_source_that_is_no_film_is_one_line_error(
    make: Any, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A source that is not a film gives a one-line error and leaves nothing."""
    source = tmp_path / 'source.mp4'
    make(source)
    assert main_saver(['--source', str(source), str(tmp_path / 'store')]) == 1
    line = one_line_in(capsys)
    assert message in line
    assert 'source.mp4' in line
    assert not (tmp_path / 'store').exists()


def test_a_sound_without_pictures_is_no_film(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with av.open(tmp_path / 'sound.wav', 'w') as container:
        stream = container.add_stream('pcm_s16le', rate=8000, layout='mono')
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format='s16', layout='mono')
        frame.rate = 8000
        container.mux(stream.encode(frame))
    assert main_saver(['--source', str(tmp_path / 'sound.wav'), str(tmp_path / 'store')]) == 1
    assert 'no video' in one_line_in(capsys)


def test_a_store_that_is_there_is_refused_and_untouched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = make_film(tmp_path / 'film.mkv', noise(2, (32, 48, 3)), 'bgr0')
    assert main_saver(['--source', str(small), str(tmp_path / 'store')]) == 0
    before = {path: path.read_bytes() for path in (tmp_path / 'store').iterdir()}
    capsys.readouterr()
    assert main_saver(['--source', str(small), str(tmp_path / 'store')]) == 1
    assert 'store' in one_line_in(capsys)
    assert {path: path.read_bytes() for path in (tmp_path / 'store').iterdir()} == before


def test_a_place_where_no_store_can_be_made_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = make_film(tmp_path / 'film.mkv', noise(2, (32, 48, 3)), 'bgr0')
    assert main_saver(['--source', str(small), str(small / 'store')]) == 1
    assert 'film.mkv' in one_line_in(capsys)


@pytest.mark.parametrize('args', [[], ['--format', 'mp3', 'store'], ['--qualty', '3', 'store'], ['a', 'b', 'c']])
def test_wrong_usage_is_exit_code_2(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main_saver(args)
    assert end.value.code == 2
    assert 'usage' in capsys.readouterr().err


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main_saver(['--help'])
    assert end.value.code == 0
    assert 'example: imgstore-save' in ' '.join(capsys.readouterr().out.split())


@pytest.mark.parametrize('stop_by', [signal.SIGINT, signal.SIGTERM])
def test_camera_is_saved_until_signal(camera: type[FakeCamera], stop_by: signal.Signals, tmp_path: Path) -> None:
    """A camera is saved until a signal arrives, and the store is then complete."""
    camera.stop_by = stop_by
    before = time.time()
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert main_saver(['--format', 'npy', '--source', '0', str(tmp_path / 'store')]) == 0
    images, numbers, times = read(tmp_path / 'store')
    assert 5 <= len(images) < camera.gives
    assert [image.flat[0] for image in images] == list(range(1, len(images) + 1))
    assert numbers == list(range(len(images)))
    assert before <= min(times) <= max(times) <= time.time()
    assert not (tmp_path / 'store' / '.lock').exists()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers


@pytest.mark.parametrize(('args', 'number'), [([], 0), (['--source', '3'], 3)])
def test_the_camera_is_the_one_named_or_the_first(
    camera: type[FakeCamera], args: list[str], number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(camera, '__init__', spy(FakeCamera.__init__, lambda _, n: asked.append(n)))
    assert main_saver(['--format', 'npy', *args, str(tmp_path / 'store')]) == 0
    assert asked == [number]


def test_missing_camera_is_one_line_and_leaves_nothing(
    camera: type[FakeCamera], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A camera that does not exist gives a one-line error and leaves nothing."""
    camera.works = False
    assert main_saver([str(tmp_path / 'store')]) == 1
    assert 'camera 0 cannot be opened' in one_line_in(capsys)
    assert not (tmp_path / 'store').exists()


def test_a_camera_that_fails_keeps_the_frames_before(
    camera: type[FakeCamera], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    camera.gives = 3
    assert main_saver(['--format', 'npy', str(tmp_path / 'store')]) == 1
    assert 'camera 0 gives no more images' in one_line_in(capsys)
    assert read(tmp_path / 'store')[1] == [0, 1, 2]


class EndlessFilm(contextlib.AbstractContextManager['EndlessFilm']):
    """Gives frames for ever; while the one numbered 3 is decoded, Ctrl-C is pressed."""

    length = created = None
    presses = 1

    def __init__(self, path: str, to_8_bit: bool, kept_bits: int | None) -> None:
        pass

    def frames(self) -> Iterator[tuple[Image, int, float]]:
        for number in itertools.count():
            for _ in range(self.presses if number == 3 else 0):
                signal.raise_signal(signal.SIGINT)
            yield np.zeros((32, 48, 3), np.uint8), number, number / 25

    def check(self) -> None:
        pass

    def __exit__(self, *args: object) -> None:
        pass


def test_ctrl_c_in_film_keeps_frames_and_exits_with_130(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl+C while a film is saved keeps the earlier frames and exits with code 130."""
    monkeypatch.setattr(save, 'VideoFile', EndlessFilm)
    assert main_saver(['--format', 'npy', '--source', __file__, str(tmp_path / 'store')]) == 130
    assert read(tmp_path / 'store')[1] == [0, 1, 2, 3]
    assert capsys.readouterr().err == ''


def test_a_second_ctrl_c_does_not_wait_for_the_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EndlessFilm, 'presses', 2)
    monkeypatch.setattr(save, 'VideoFile', EndlessFilm)
    assert main_saver(['--format', 'npy', '--source', __file__, str(tmp_path / 'store')]) == 130
    assert read(tmp_path / 'store')[1] == [0, 1, 2]


def test_on_a_terminal_a_line_counts_frames_and_their_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(save, 'VideoFile', EndlessFilm)
    monkeypatch.setattr(sys.stderr, 'isatty', lambda: True)
    main_saver(['--format', 'npy', '--source', __file__, str(tmp_path / 'store')])
    err = capsys.readouterr().err
    assert '4 frames [' in err
    assert 'frames/s' in err
    assert err.endswith('\n')


@pytest.mark.parametrize('bits', [10, 12])
def test_gray_of_few_bits_keeps_its_values_if_asked(bits: int, tmp_path: Path) -> None:
    originals = [image.astype(np.uint16) * (2**bits // 256) + 3 for image in noise(3, (32, 48))]
    film = make_film(tmp_path / 'film.mkv', originals, f'gray{bits}le')
    assert main_saver(['--format', 'ffv1/mkv', '--bits', str(bits), '--source', str(film), str(tmp_path / 's')]) == 0
    assert all(map(np.array_equal, read(tmp_path / 's')[0], originals))


def test_a_store_without_frames_is_not_left(tmp_path: Path) -> None:
    film = make_film(tmp_path / 'film.mkv', [np.full((32, 48), 60000, np.uint16)], 'gray16le')
    assert main_saver(['--format', 'ffv1/mkv', '--bits', '10', '--source', str(film), str(tmp_path / 's')]) == 1
    assert not (tmp_path / 's').exists()
