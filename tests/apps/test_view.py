from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import imgstore
from imgstore.apps import _view_choice, main_viewer, view
from imgstore.font import FontRenderer
from imgstore.viewers.web.serving import Site
from imgstore.viewers.window.bar import HEIGHT

from ..helpers.checked import not_none
from ..helpers.display import PATIENCE, Screen, python_env, screen
from ..helpers.serving import Served

VIEW = 'import sys; from imgstore.apps import main_viewer; sys.exit(main_viewer())'
TITLE = 'imgstore'
COLORS = [(250, 10, 20), (20, 240, 10), (10, 20, 230), (200, 0, 200), (0, 220, 220)]  # BGR
SHAPE = (240, 320, 3)

Image = np.ndarray[Any, Any]


@pytest.fixture
def display(tmp_path: Path) -> Iterator[Screen]:
    with screen(tmp_path) as it:
        yield it


def store_of(folder: Path, images: list[Any], times: list[float], number: int = 0, fmt: str = 'npy') -> str:
    images = [np.asarray(image) for image in images]
    with imgstore.new_for_format(
        fmt, basedir=folder, imgshape=images[0].shape, imgdtype=images[0].dtype, chunksize=3
    ) as store:
        for image, frame_time in zip(images, times, strict=True):
            store.add_image(image, number, frame_time)
            number += 1
    return str(folder)


@pytest.fixture
def colors(tmp_path: Path) -> str:
    """A store of frames, each of one color, two a second."""
    images = [np.full(SHAPE, c, np.uint8) for c in COLORS]
    return store_of(tmp_path / 'colors', images, [k / 2 for k in range(len(COLORS))], fmt='png')


def viewing(display: Screen, *args: str) -> AbstractContextManager[subprocess.Popen[str]]:
    """imgstore-view with the first of the colors on the screen."""
    return display.running([sys.executable, '-c', VIEW, *args], lambda picture: shown(picture) == 0)


def area(picture: Image, color: tuple[int, ...]) -> int:
    return int((picture == color).all(axis=2).sum())


def shown(picture: Image) -> int | None:
    """Which of the colors is on the screen."""
    color = tuple(picture[SHAPE[0] // 2, SHAPE[1] // 2].tolist())
    return COLORS.index(color) if color in COLORS else None


def end_of(process: subprocess.Popen[str]) -> int:
    assert process.communicate(timeout=PATIENCE) == ('', '')
    return process.returncode


@pytest.mark.once
def test_all_frames_are_shown_in_order_with_status_bar(display: Screen, colors: str) -> None:
    """The viewer shows all frames in order with a status bar and then ends."""
    with viewing(display, colors) as process:
        for color in COLORS:
            # so small an image is magnified, for the bar below it needs room; it takes nothing of the image
            display.wait_for(
                lambda picture, color=color: (
                    area(picture, color) == 4 * SHAPE[0] * SHAPE[1]
                    and (picture[480 : 480 + HEIGHT, :640].max(axis=2) > 200).any()
                )
            )
        assert end_of(process) == 0


@pytest.mark.once
def test_the_status_bar_can_be_hidden(display: Screen, colors: str) -> None:
    with viewing(display, '--fps', '0.1', '--hide-statusbar', colors):
        display.wait_for(lambda picture: area(picture, COLORS[0]) == SHAPE[0] * SHAPE[1])
        assert area(display.settled(), COLORS[0]) == SHAPE[0] * SHAPE[1]


@pytest.mark.once
def test_space_pauses_and_goes_on(display: Screen, colors: str) -> None:
    with viewing(display, '--fps', '2', colors) as process:
        display.press(TITLE, 'space')
        time.sleep(0.3)
        paused_at = shown(display.picture())
        time.sleep(1)
        assert shown(display.picture()) == paused_at
        assert not_none(paused_at) < 3
        display.press(TITLE, 'space')
        display.wait_for(lambda picture: shown(picture) == 4)
        # who has paused is there, and may want to see more of the last frame than a glimpse
        time.sleep(1)
        assert process.poll() is None
        display.press(TITLE, 'q')
        assert end_of(process) == 0


@pytest.mark.once
@pytest.mark.parametrize('key', ['q', 'Escape'])
def test_q_and_escape_quit(display: Screen, colors: str, key: str) -> None:
    with viewing(display, '--fps', '0.1', colors) as process:
        display.press(TITLE, key)
        assert end_of(process) == 0


@pytest.mark.once
@pytest.mark.parametrize('key', ['q', 'Escape'])
def test_they_quit_while_paused_too(display: Screen, colors: str, key: str) -> None:
    with viewing(display, '--fps', '1', colors) as process:
        display.press(TITLE, 'space', key)
        assert end_of(process) == 0


@pytest.mark.once
def test_closing_the_window_quits(display: Screen, colors: str) -> None:
    with viewing(display, '--fps', '0.1', colors) as process:
        display.close(TITLE)
        assert end_of(process) == 0


def one_line_in(err: str) -> str:
    assert err.count('\n') == 1, err
    assert err.startswith('imgstore-view: ')
    return err


@pytest.mark.once
@pytest.mark.process
@pytest.mark.parametrize('screen_name', [None, ':98765'])
def test_without_a_screen_it_is_one_line_and_exit_code_1(colors: str, screen_name: str | None) -> None:
    env = python_env() | ({'DISPLAY': screen_name} if screen_name else {})
    done = subprocess.run(
        [sys.executable, '-c', VIEW, '--window', colors], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert 'no screen' in one_line_in(done.stderr)


def test_opencv_without_windows_is_one_line_and_exit_code_1(
    colors: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cv2, 'currentUIFramework', lambda: '')
    assert main_viewer(['--window', colors]) == 1
    assert 'pip install opencv-python' in one_line_in(capsys.readouterr().err)


@pytest.mark.once
@pytest.mark.process
@pytest.mark.parametrize('args', [[], ['--at', '2', '--loop']])
def test_without_a_screen_there_is_a_page_and_a_line_says_so(colors: str, args: list[str]) -> None:
    """The page shows the store, and the line names what only a window has."""
    command = [sys.executable, '-c', VIEW, *args, colors]
    with subprocess.Popen(
        command, env=python_env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        told = not_none(process.stdout).readline()
        server = Served(process)
        assert 'on a page: there is no screen' in told
        assert ('without --loop and --at' in told) == bool(args)
        assert server.ask('/').status == 200
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=PATIENCE)[1] == ''


def test_several_stores_and_options_of_the_page_choose_the_page(
    colors: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    served: list[tuple[str, ...]] = []

    def run_server(paths: list[str], site: Site, browser: bool, tell: Callable[[str], None]) -> int:
        served.append(tuple(paths))
        tell('open it')
        return signal.SIGINT

    monkeypatch.setattr(view, 'run_server', run_server)
    monkeypatch.setattr(view, 'check_screen', lambda: None)
    assert main_viewer([colors, colors]) == 0
    assert 'a page shows 2 stores side by side' in capsys.readouterr().out
    assert main_viewer(['--port', '0', colors]) == 0
    assert '--port is for a page' in capsys.readouterr().out
    assert main_viewer(['--quiet', '--no-browser', colors]) == 0
    assert main_viewer(['--web', colors]) == 0
    assert capsys.readouterr().out == 'imgstore-view: open it\n' * 2
    folder = str(Path(colors).parent)
    assert main_viewer([folder]) == 0
    assert 'lists the stores below a folder' in capsys.readouterr().out
    assert served == [(colors, colors), *[(colors,)] * 3, (folder,)]


def test_a_file_is_an_error_without_a_line_on_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv('DISPLAY', raising=False)
    (tmp_path / 'film.mp4').touch()
    assert main_viewer([str(tmp_path / 'film.mp4')]) == 1
    out, err = capsys.readouterr()
    assert out == ''
    assert 'to make a store of this file, run: imgstore save' in one_line_in(err)


def test_a_folder_without_stores_is_one_line_and_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / 'notes').mkdir()
    monkeypatch.setattr(view, 'check_screen', lambda: None)
    assert main_viewer([str(tmp_path)]) == 1
    assert str(tmp_path) in one_line_in(capsys.readouterr().err)


def test_without_a_screen_and_without_a_server_the_error_says_what_to_install(
    colors: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv('DISPLAY', raising=False)
    monkeypatch.setattr(_view_choice, 'find_spec', lambda name: None)
    assert main_viewer([colors]) == 1
    told = one_line_in(capsys.readouterr().err)
    assert "pip install 'imgstore[web]'; imgstore-view --web" in told


class FakeWindow:
    """Keeps what is shown, and when; presses keys, each once all that was pressed before is done."""

    def __init__(self) -> None:
        self.images: list[Image] = []
        self.times: list[float] = []
        self.area = (0, 0)
        self.keys: list[int | Callable[[], None]] = []
        self.closed = False

    def imshow(self, image: Image) -> None:
        self.images.append(image.copy())
        self.times.append(time.monotonic())

    def waitKeyEx(self, delay: int) -> int:  # noqa: N802
        assert delay >= 1
        if not self.keys:
            time.sleep(delay / 1000)
            return -1
        key = self.keys.pop(0)
        if isinstance(key, int):
            return key
        key()
        return -1

    def on_mouse(self, call: Callable[[int, int, int, int, object], None]) -> None:
        self.mouse = call

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def window(monkeypatch: pytest.MonkeyPatch) -> FakeWindow:
    window = FakeWindow()
    monkeypatch.setattr(view, 'check_screen', lambda: None)

    def new_window(name: str, *, shape: tuple[int, int], **options: Any) -> FakeWindow:
        window.area = shape[1], shape[0]
        return window

    monkeypatch.setattr(view, 'new_window', new_window)
    return window


def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All that is written into the window from now on."""
    texts: list[str] = []
    write = FontRenderer.write_string

    def noted(font: FontRenderer, s: str, *args: Any, **options: Any) -> Image:
        texts.append(s)
        return write(font, s, *args, **options)

    monkeypatch.setattr(FontRenderer, 'write_string', noted)
    return texts


@pytest.mark.parametrize(
    ('frame_time', 'text'),
    [(0.48, '0.480 s'), (86400.0, '86400.000 s'), (1600000000.25, '2020-09-13 12:26:40.250+00:00')],
)
def test_the_status_bar_tells_number_and_time(
    window: FakeWindow, tmp_path: Path, frame_time: float, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('TZ', 'UTC')
    image = np.full((400, 640, 3), 99, np.uint8)
    store = store_of(tmp_path / 'store', [image], [frame_time], number=123456)
    with imgstore.new_for_filename(store) as opened:
        if frame_time > 1e9:
            text = opened.convert_frame_time_to_datetime(frame_time).isoformat(' ', 'milliseconds')
    texts = written(monkeypatch)
    assert main_viewer(['--fps', '0', store]) == 0
    assert 'frame 123456' in texts[0]
    assert texts[1] == text
    assert window.images[0].shape == (400 + HEIGHT, 640, 3)
    assert np.array_equal(window.images[0][:400], image)
    ink = np.asarray((window.images[0][400:] > 200).all(axis=2))
    assert ink[22:, :200].any()
    assert ink[22:, 500:].any()
    assert window.closed


def test_the_speed_is_that_of_the_recording_if_none_is_given(window: FakeWindow, tmp_path: Path) -> None:
    times = [0, 0.1, 0.2, 0.3, 99]
    assert main_viewer([store_of(tmp_path / 'store', [np.zeros(SHAPE, np.uint8)] * 5, times)]) == 0
    assert 0.05 < np.median(np.diff(window.times)) < 0.4  # a busy machine is late, and never early


@pytest.mark.parametrize('times', [[5.0], [5.0, 5.0, 5.0], [3.0, 2.0, 1.0]])
def test_times_that_tell_no_speed_are_no_error(window: FakeWindow, tmp_path: Path, times: list[float]) -> None:
    assert main_viewer([store_of(tmp_path / 'store', [np.zeros(SHAPE, np.uint8)] * len(times), times)]) == 0
    assert len(window.images) == len(times)


def test_0_frames_a_second_is_as_fast_as_possible(window: FakeWindow, tmp_path: Path) -> None:
    store = store_of(tmp_path / 'store', [np.zeros(SHAPE, np.uint8)] * 20, [float(k) for k in range(20)])
    assert main_viewer(['--fps', '0', store]) == 0
    assert window.times[-1] - window.times[0] < 2


@pytest.mark.once
def test_an_image_that_took_long_does_not_hurry_the_others(window: FakeWindow, tmp_path: Path) -> None:
    imshow = window.imshow

    def slow(image: Image) -> None:
        imshow(image)
        time.sleep(0.5 if len(window.images) == 1 else 0)

    window.imshow = slow  # type: ignore[method-assign]
    store = store_of(tmp_path / 'store', [np.zeros(SHAPE, np.uint8)] * 4, [0, 1, 2, 3])
    assert main_viewer(['--fps', '5', store]) == 0
    assert min(np.diff(window.times)) > 0.05


@pytest.mark.parametrize(
    ('image', 'expected'),
    [
        (np.array([[0, 255], [7, 9]], np.uint8), [[0, 255], [7, 9]]),
        (np.array([[100, 4195], [100, 2148]], np.uint16), [[0, 255], [0, 127]]),
        (np.array([[-1, 1], [0, 1]], np.int8), [[0, 255], [127, 255]]),
        (np.array([[0.25, 0.75], [np.nan, np.inf]], np.float32), [[0, 255], [0, 255]]),
        (np.array([[True, False], [True, True]]), [[255, 0], [255, 255]]),
        (np.array([[5, 5], [5, 5]], np.int64), [[0, 0], [0, 0]]),
        (np.array([[np.nan, np.nan], [np.nan, np.nan]]), [[0, 0], [0, 0]]),
    ],
    ids=['uint8', 'uint16', 'int8', 'float32', 'bool', 'constant', 'nan'],
)
def test_images_of_any_dtype_are_shown_in_8_bits(
    window: FakeWindow, tmp_path: Path, image: Image, expected: list[list[int]]
) -> None:
    assert main_viewer(['--hide-statusbar', store_of(tmp_path / 'store', [image], [0.0])]) == 0
    assert window.images[0].dtype == np.uint8
    assert window.images[0][..., 0].tolist() == expected


def test_the_same_value_stays_the_same_shade(window: FakeWindow, tmp_path: Path) -> None:
    images = [np.array([[0, 1000]], np.uint16), np.array([[200, 300]], np.uint16)]
    assert main_viewer(['--hide-statusbar', store_of(tmp_path / 'store', images, [0.0, 0.1])]) == 0
    assert window.images[1][..., 0].tolist() == [[51, 76]]


def test_an_image_with_alpha_is_shown_without(window: FakeWindow, tmp_path: Path) -> None:
    image = np.full((20, 30, 4), (1, 2, 3, 4), np.uint8)
    assert main_viewer(['--hide-statusbar', store_of(tmp_path / 'store', [image], [0.0])]) == 0
    assert window.images[0][0, 0].tolist() == [1, 2, 3]


def test_an_image_that_is_none_to_see_is_one_line(
    window: FakeWindow, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main_viewer([store_of(tmp_path / 'store', [np.zeros((9, 9, 5), np.uint8)], [0.0])]) == 1
    assert '(9, 9, 5)' in one_line_in(capsys.readouterr().err)


def test_a_broken_frame_is_one_line_and_exit_code_1(
    window: FakeWindow, colors: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (Path(colors) / '000000' / '000001.png').write_bytes(b'')
    assert main_viewer(['--fps', '0', colors]) == 1
    one_line_in(capsys.readouterr().err)
    assert len(window.images) == 1
    assert window.closed


def pressed(*keys: str) -> list[int | Callable[[], None]]:
    return [ord(key) for key in keys]


def test_attended_viewer_passes_broken_frame_and_exits_1(
    window: FakeWindow, colors: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user can step past a broken frame, and the exit code reports the frame."""
    (Path(colors) / '000000' / '000001.png').write_bytes(b'')
    texts = written(monkeypatch)
    window.keys = pressed('.', '.', 'q')
    assert main_viewer(['--fps', '0.01', colors]) == 1
    assert '000001.png' in one_line_in(capsys.readouterr().err)
    assert any(text.startswith('frame #1, at index 1 of chunk 0') for text in texts)
    middles = [tuple(image[100, 100].tolist()) for image in window.images]
    assert middles == [COLORS[0], (0, 0, 0), COLORS[2]]


def test_of_several_broken_frames_their_number_is_told(
    window: FakeWindow, colors: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ('000001.png', '000002.png'):
        (Path(colors) / '000000' / name).write_bytes(b'')
    window.keys = pressed('.', '.', ',', '.', 'q')
    assert main_viewer(['--fps', '0.01', colors]) == 1
    err = one_line_in(capsys.readouterr().err)
    assert '2 frames could not be read' in err
    assert '000001.png' in err


@pytest.mark.parametrize(
    ('place', 'first', 'note'), [('3', 3, ''), ('#2', 2, ''), ('0.9s', 2, ''), ('99', 4, 'no frame 99')]
)
def test_it_begins_where_it_is_asked_to(
    window: FakeWindow, colors: str, place: str, first: int, note: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = written(monkeypatch)
    assert main_viewer(['--fps', '0', '--at', place, colors]) == 0
    assert [tuple(image[100, 100].tolist()) for image in window.images] == COLORS[first:]
    assert any(note in text for text in texts)


@pytest.mark.usefixtures('window')
def test_a_place_to_begin_at_that_is_none_is_one_line(colors: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main_viewer(['--at', 'x', colors]) == 1
    assert "'x' is no frame number, index or time" in one_line_in(capsys.readouterr().err)


def test_a_loop_goes_on_until_somebody_quits(window: FakeWindow, colors: str) -> None:
    waits: list[int | Callable[[], None]] = [lambda: None] * 20
    window.keys = waits + pressed('q')
    assert main_viewer(['--fps', '0', '--loop', colors]) == 0
    shown_ones = [COLORS.index(tuple(image[100, 100].tolist())) for image in window.images]
    assert shown_ones == [k % 5 for k in range(len(shown_ones))]
    assert len(shown_ones) > 15


def test_a_key_that_means_nothing_is_nobody(window: FakeWindow, colors: str) -> None:
    window.keys = [0xFFE1, ord('y'), 0xFFBE]
    assert main_viewer(['--fps', '0', colors]) == 0
    assert len(window.images) == 5


@pytest.mark.parametrize(('framework', 'size'), [('GTK3', 4), ('WIN32', 4), ('QT', 2)])
def test_the_wheel_zooms_where_the_window_has_none_of_its_own(
    window: FakeWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, framework: str, size: int
) -> None:
    monkeypatch.setattr(cv2, 'currentUIFramework', lambda: framework)
    image = np.zeros((240, 320), np.uint8)
    image[60, 80] = 255
    window.keys = [lambda: window.mouse(cv2.EVENT_MOUSEWHEEL, 160, 120, 120 << 16, None), *pressed('q')]
    assert main_viewer(['--fps', '0.01', store_of(tmp_path / 'store', [image], [0.0])]) == 0
    assert (window.images[-1][:480] == 255).all(axis=2).sum() == size * size


def test_without_the_bar_there_is_no_strip_to_click(window: FakeWindow, colors: str) -> None:
    window.keys = [lambda: window.mouse(cv2.EVENT_LBUTTONDOWN, 200, 239, cv2.EVENT_FLAG_LBUTTON, None), *pressed('q')]
    assert main_viewer(['--fps', '0.01', '--hide-statusbar', colors]) == 0
    assert len(window.images) == 1


def test_nothing_is_drawn_while_nothing_changes(window: FakeWindow, colors: str) -> None:
    waits: list[int | Callable[[], None]] = [lambda: None] * 20
    window.keys = [*pressed(' '), *waits, *pressed('q')]
    assert main_viewer(['--fps', '0.01', colors]) == 0
    assert len(window.images) == 2


def test_ctrl_c_closes_the_window(window: FakeWindow, colors: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(delay: int) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(window, 'waitKeyEx', interrupted)
    assert main_viewer([colors]) == 130
    assert window.closed


@pytest.mark.usefixtures('window')
def test_a_store_that_is_none_or_empty_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main_viewer(['--window', str(tmp_path / 'none')]) == 1
    assert 'does not exist' in one_line_in(capsys.readouterr().err)
    assert main_viewer(['--window', str(tmp_path)]) == 1
    assert 'no store' in one_line_in(capsys.readouterr().err)
    imgstore.new_for_format('npy', basedir=tmp_path / 'empty', imgshape=(4, 4)).close()
    assert main_viewer(['--window', str(tmp_path / 'empty')]) == 1
    assert 'no frames' in one_line_in(capsys.readouterr().err)


@pytest.mark.parametrize(
    'args',
    [
        [],
        ['--fps', '-1', 's'],
        ['--fps', 'nan', 's'],
        ['--fps', 'x', 's'],
        ['--window', 'a', 'b'],
        ['--window', '--web', 'a'],
    ],
)
def test_wrong_usage_is_exit_code_2(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main_viewer(args)
    assert end.value.code == 2
    assert 'usage' in capsys.readouterr().err


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main_viewer(['--help'])
    assert end.value.code == 0
    assert 'imgstore-view --fps 10' in capsys.readouterr().out


def held(window: FakeWindow, *at: tuple[int, int, int]) -> list[int | Callable[[], None]]:
    """Mouse events with the left button held, each once all before are done."""
    flag = cv2.EVENT_FLAG_LBUTTON
    return [lambda event=event, x=x, y=y: window.mouse(event, x, y, flag, None) for event, x, y in at]  # type: ignore[misc]


def test_dragging_along_the_strip_goes_through_the_recording(window: FakeWindow, colors: str) -> None:
    def at(event: int, share: float) -> None:
        width, height = window.area
        window.mouse(event, round(share * (width - 1)), height - HEIGHT + 1, cv2.EVENT_FLAG_LBUTTON, None)

    window.keys = [
        lambda: at(cv2.EVENT_LBUTTONDOWN, 0.25),
        lambda: at(cv2.EVENT_MOUSEMOVE, 0.5),
        lambda: at(cv2.EVENT_MOUSEMOVE, 1),
        *pressed('q'),
    ]
    assert main_viewer(['--fps', '0.01', colors]) == 0
    assert list(dict.fromkeys(shown(image) for image in window.images)) == [0, 1, 2, 4]


def test_dragging_the_image_moves_what_is_seen_of_it(window: FakeWindow, tmp_path: Path) -> None:
    image = np.zeros((240, 320), np.uint8)
    image[:, 160:] = 200
    down, move, up = cv2.EVENT_LBUTTONDOWN, cv2.EVENT_MOUSEMOVE, cv2.EVENT_LBUTTONUP
    window.keys = [
        *pressed('z', 'z'),
        *held(window, (down, 100, 100), (move, 60, 100)),
        *held(window, (up, 60, 100)),
        lambda: window.mouse(move, 200, 100, 0, None),
        *pressed('q'),
    ]
    assert main_viewer(['--fps', '0.01', store_of(tmp_path / 'store', [image], [0.0])]) == 0
    edges = [int(np.argmax(image[100, :, 0] > 100)) for image in window.images]
    assert edges[-1] == edges[2] - 40


def test_the_prompt_is_drawn_while_a_place_is_written(window: FakeWindow, colors: str) -> None:
    window.keys = pressed('g', '#', '2', '\r', 'q')
    assert main_viewer(['--fps', '0.01', colors]) == 0
    bars = [image[-40:] for image in window.images]
    assert len({bar.tobytes() for bar in bars}) == len(bars) >= 4


@pytest.mark.parametrize(
    ('args', 'told'),
    [
        (['--web', '--link', 'store'], '--link is for a running server'),
        (['--link'], '--link is for a running server'),
        (['--web', '--root-path', 'camera', 'store'], 'camera is not a path such as /camera'),
        (['--web', '--root-path', '/a/../b', 'store'], 'is not a path'),
        (['--web', '--port', '65536', 'store'], '65536 is not a port'),
        (['--web', '--port', 'x', 'store'], 'x is not a port'),
    ],
)
def test_wrong_usage_of_the_web_options_is_explained(
    args: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main_viewer(args)
    assert end.value.code == 2
    assert told in ' '.join(capsys.readouterr().err.split())
