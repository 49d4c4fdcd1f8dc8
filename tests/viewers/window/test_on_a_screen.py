"""The window of imgstore-view on a screen: keys pressed, the mouse moved, and what is seen then."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import imgstore
from imgstore.viewers.window.bar import GROUND, HEIGHT

from ...helpers.checked import not_none
from ...helpers.display import PATIENCE, Screen, screen

pytestmark = [pytest.mark.once, pytest.mark.window]

VIEW = 'import sys; from imgstore.apps import main_viewer; sys.exit(main_viewer())'
TITLE = 'imgstore'
FRAMES, SHAPE = 60, (240, 320, 3)
WIDTH, TOP = 640, 480  # of the window, which magnifies such images, and where its bar begins
STRIP = TOP + 11
STILL = ('--fps', '0.01')  # the first frame stays until a key is pressed

Image = np.ndarray[Any, Any]


@pytest.fixture
def display(tmp_path: Path) -> Iterator[Screen]:
    with screen(tmp_path) as it:
        yield it


def color(index: int) -> tuple[int, int, int]:
    return 4 * index, 255 - 4 * index, 90


def index_on(picture: Image) -> int | None:
    """Which frame is on the screen: its colour tells."""
    blue = int(picture[TOP // 2 + 99, WIDTH // 2 + 99, 0])
    return blue // 4 if tuple(picture[TOP // 2 + 99, WIDTH // 2 + 99]) == color(blue // 4) else None


@pytest.fixture(scope='module')
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    """60 frames, each of its own colour, ten a second and numbered from 1000, with a gap of 20 before index 30."""
    folder = tmp_path_factory.mktemp('stores') / 'run'
    with imgstore.new_for_format('npy', folder, imgshape=SHAPE, chunksize=25) as store:
        for index in range(FRAMES):
            place = index + (20 if index >= 30 else 0)
            store.add_image(np.full(SHAPE, color(index), np.uint8), 1000 + place, 1772362800 + place / 10)
    return str(folder)


@contextmanager
def viewing(display: Screen, *args: str, cwd: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    """imgstore-view, once it has drawn its bar or, without one, anything."""
    command = [sys.executable, '-c', (f'import os; os.chdir({str(cwd)!r}); ' if cwd else '') + VIEW, *args]
    with display.running(command, lambda picture: picture.any()) as process:
        yield process


def leave(display: Screen, process: subprocess.Popen[str], *keys: str) -> None:
    for key in keys or ('q',):
        display.press(TITLE, key)
    assert process.communicate(timeout=PATIENCE) == ('', '')
    assert process.returncode == 0


def press_and_see(display: Screen, *steps: tuple[str, int]) -> None:
    """Press keys one after the other, and see the frame that each leads to."""
    for key, index in steps:
        display.press(TITLE, key)
        display.wait_for(lambda picture, index=index: index_on(picture) == index)


def press_and_see_it_change(display: Screen, keys: Sequence[str]) -> None:
    """Press keys one after the other, each once the one before has been heard, which changes what is seen."""
    for key in keys:
        before = display.settled()
        display.press(TITLE, key)
        display.wait_for(lambda picture, before=before: (picture != before).any())


def test_keys_step_both_ways_and_to_the_ends_and_to_the_gaps(display: Screen, run: str) -> None:
    with viewing(display, *STILL, run) as process:
        press_and_see(
            display,
            ('period', 1),
            ('Right', 2),
            ('comma', 1),
            ('Left', 0),
            ('l', 10),
            ('greater', 20),
            ('less', 10),
            ('j', 0),
            ('Next', 59),
            ('Prior', 0),
            ('End', 59),
            ('Home', 0),
            ('n', 30),
            ('comma', 29),
            ('End', 59),
            ('b', 30),
        )
        leave(display, process)


def test_a_place_that_is_written_is_gone_to(display: Screen, run: str) -> None:
    with viewing(display, *STILL, run) as process:
        for keys, index in [('1 0 1 2', 12), ('numbersign 4 5', 45), ('2 period 5 s', 25), ('9 9 9 9', 59)]:
            press_and_see_it_change(display, ['g', *keys.split()])
            display.press(TITLE, 'Return')
            display.wait_for(lambda picture, index=index: index_on(picture) == index)
        press_and_see_it_change(display, ['g', '7', 'Escape'])  # leaves what is asked, and not the window
        press_and_see(display, ('comma', 58))
        leave(display, process)


def test_a_date_that_is_written_is_gone_to(display: Screen, run: str, tmp_path: Path) -> None:
    with imgstore.new_for_filename(run) as store:
        wanted = store.convert_frame_time_to_datetime(1772362800 + 1.6).strftime('%Y-%m-%d %H:%M:%S.%f')[:-5]
    with viewing(display, *STILL, '--at', wanted, run) as process:
        display.wait_for(lambda picture: index_on(picture) == 16)
        names = {'-': 'minus', ' ': 'space', ':': 'colon', '.': 'period'}
        press_and_see_it_change(display, ['g', *(names.get(sign, sign) for sign in wanted[11:-1] + '9')])
        display.press(TITLE, 'Return')
        display.wait_for(lambda picture: index_on(picture) == 19)
        leave(display, process)


def test_the_seek_bar_is_clicked_and_dragged(display: Screen, run: str) -> None:
    def x_of(index: int) -> int:
        return 10 + round(index / (FRAMES - 1) * (WIDTH - 21))

    with viewing(display, *STILL, run) as process:
        for index in (40, 3):
            display.click(x_of(index), STRIP)
            display.wait_for(lambda picture, index=index: index_on(picture) == index)
        display.drag((x_of(5), STRIP), (x_of(20), STRIP))
        display.wait_for(lambda picture: index_on(picture) == 20)
        display.move(x_of(33), 100)  # it is held, wherever the pointer goes
        display.wait_for(lambda picture: index_on(picture) == 33)
        display.move(1200, 600)
        display.wait_for(lambda picture: index_on(picture) == 59)
        display.close_dropped()
        press_and_see(display, ('comma', 58))
        leave(display, process)


def test_up_plays_faster(display: Screen, run: str) -> None:
    with viewing(display, '--fps', '0.1', run) as process:
        press_and_see_it_change(display, ['Up'] * 6)  # 64 times
        display.wait_for(lambda picture: (index_on(picture) or 0) > 3)
        leave(display, process)


def test_a_loop_begins_again(display: Screen, run: str) -> None:
    with viewing(display, '--fps', '8', '--loop', '--at', '#55', run) as process:
        for wanted in (range(56, 60), range(8), range(8, 20)):
            display.wait_for(lambda picture, wanted=wanted: index_on(picture) in wanted)
        leave(display, process)


def test_playing_stays_at_end_after_a_key_then_restarts(display: Screen, run: str) -> None:
    """After any key press, playing stays at the last frame, and the space key starts it again."""
    with viewing(display, '--fps', '8', run) as process:
        press_and_see(display, ('End', 59))
        paused_at_the_end = bar_of(display)
        press_and_see(display, ('comma', 58))
        display.press(TITLE, 'space')
        display.wait_for(lambda picture: np.array_equal(picture[TOP : TOP + HEIGHT, :WIDTH], paused_at_the_end))
        display.press(TITLE, 'space')
        display.wait_for(lambda picture: (index_on(picture) or FRAMES) < 10)
        leave(display, process)


def bar_of(display: Screen) -> Image:
    return display.settled()[TOP : TOP + HEIGHT, :WIDTH]


@pytest.fixture
def noise(tmp_path: Path) -> tuple[str, Image]:
    image = np.random.default_rng(7).integers(0, 256, SHAPE, np.uint8)
    with imgstore.new_for_format('npy', tmp_path / 'noise', imgshape=SHAPE) as store:
        store.add_image(image, 0, 0.0)
    return str(tmp_path / 'noise'), image


def test_magnified_view_shows_every_pixel_and_can_be_moved(display: Screen, noise: tuple[str, Image]) -> None:
    """A magnified view shows every pixel of the image, and the user can move the visible part."""
    store, image = noise

    def sees(scale: int, left: int, top: int) -> None:
        rows, columns = TOP // scale + 1, WIDTH // scale + 1
        part = image[top : top + rows, left : left + columns].repeat(scale, 0).repeat(scale, 1)[:TOP, :WIDTH]
        below_the_pointer = slice(300, TOP)  # which is in the pictures of the screen
        display.wait_for(lambda picture: np.array_equal(picture[below_the_pointer, :WIDTH], part[below_the_pointer]))

    display.move(1200, 700)  # beside the window, so that its middle stays where it is
    with viewing(display, *STILL, store) as process:
        sees(2, 0, 0)
        press_and_see_it_change(display, ['z', 'z'])
        sees(4, 80, 60)
        press_and_see_it_change(display, ['plus'])
        sees(8, 120, 90)
        display.drag((300, 200), (380, 240))
        sees(8, 110, 85)
        display.close_dropped()
        display.move(1200, 700)
        press_and_see_it_change(display, ['d'])
        sees(8, 130, 85)
        press_and_see_it_change(display, ['0'])
        sees(2, 0, 0)
        display.move(160, 120)
        before = bar_of(display)
        display.move(162, 120)  # the value under the pointer is told
        display.wait_for(lambda picture: (picture[TOP : TOP + HEIGHT, 400:WIDTH] != before[:, 400:]).any())
        leave(display, process)


@pytest.fixture
def dark(tmp_path: Path) -> tuple[str, Image]:
    """A frame of 16 bits whose values are small, but for one that is not."""
    image = np.random.default_rng(7).integers(500, 600, SHAPE[:2], np.uint16)
    image[0, 0] = 65535
    with imgstore.new_for_format('png', tmp_path / 'dark', imgshape=SHAPE[:2], imgdtype='uint16') as store:
        store.add_image(image, 42, 0.0)
    return str(tmp_path / 'dark'), image


def test_contrast_does_not_change_grabbed_frame(display: Screen, dark: tuple[str, Image], tmp_path: Path) -> None:
    """Contrast shows a dark frame brightly, and a grabbed frame still has its original values."""
    store, image = dark

    def brightness(picture: Image) -> float:
        return float(picture[10:TOP, 10:WIDTH].mean())

    (tmp_path / 'dark_42.png').write_text('mine')
    with viewing(display, *STILL, store, cwd=tmp_path) as process:
        display.wait_for(lambda picture: brightness(picture) < 5)
        display.press(TITLE, 'c')
        display.wait_for(lambda picture: 100 < brightness(picture) < 155)
        press_and_see_it_change(display, ['s'])  # that it was saved is said once it is
        saved = not_none(cv2.imread(str(tmp_path / 'dark_42-2.png'), cv2.IMREAD_UNCHANGED))
        assert saved.dtype == np.uint16
        assert np.array_equal(saved, image)
        assert (tmp_path / 'dark_42.png').read_text() == 'mine'
        display.press(TITLE, 'c')
        display.wait_for(lambda picture: brightness(picture) < 5)
        leave(display, process)


def test_h_lists_the_keys_and_escape_hides_them(display: Screen, run: str) -> None:
    """The key h lists all keys over the frame, and Escape hides the list."""

    def is_listed(picture: Image) -> bool:
        room = picture[:TOP, :WIDTH]
        return bool(room.mean() < 80 and (room > 200).all(axis=2).sum() > 500)

    with viewing(display, *STILL, run) as process:
        display.wait_for(lambda picture: index_on(picture) == 0)
        display.press(TITLE, 'h')
        display.wait_for(is_listed)
        display.press(TITLE, 'End')
        display.wait_for(lambda picture: is_listed(picture) and picture[5, 5, 0] > 30)  # other keys do what they do
        display.press(TITLE, 'Escape')
        display.wait_for(lambda picture: index_on(picture) == 59)
        display.press(TITLE, 'question')
        display.wait_for(is_listed)
        leave(display, process)


def test_the_window_is_closed_while_a_place_is_asked_for(display: Screen, run: str) -> None:
    with viewing(display, *STILL, run) as process:
        press_and_see_it_change(display, ['g', '4'])
        display.close(TITLE)
        assert process.communicate(timeout=PATIENCE) == ('', '')
        assert process.returncode == 0


def test_the_picture_follows_the_size_of_the_window(display: Screen, run: str) -> None:
    # OpenCV 4.11 leaves an image as it is, in the middle of a larger window, and does not tell how large that is
    stays = cv2.__version__.startswith('4.11.')
    width, height = (WIDTH, TOP + HEIGHT) if stays else (1000, 700)
    left, top = (1000 - width) // 2, (700 - height) // 2
    strip = top + height - HEIGHT + 11

    def sees(index: int) -> Callable[[Image], bool]:
        return lambda picture: (
            tuple(picture[strip - 30, left + width // 2]) == color(index)
            and (picture[strip - 11, left + 5 : left + width - 5] == GROUND).all()
        )

    with viewing(display, *STILL, run) as process:
        display.resize(TITLE, 1000, 700)
        display.wait_for(sees(0))
        display.click(left + width - 11, strip)
        display.wait_for(sees(59))
        leave(display, process)
