from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from imgstore import ui
from imgstore.errors import ImgStoreError, InvalidArgumentError, MissingDependencyError

from .helpers.display import HEIGHT, PATIENCE, WIDTH, Screen, python_env, screen
from .helpers.raised import raises

IMAGE = np.zeros((20, 30), np.uint8)
GREEN = (20, 200, 40)

SHOWS = f"""
import numpy as np
from imgstore.ui import new_window
window = new_window('shown', shape=(300, 400), expanded_ui=False)
image = np.full((300, 400, 3), {GREEN}, np.uint8)
window.imshow(*{{arguments}})
while True:
    key = window.waitKey(50)
    if key == ord('x') or window.closed:
        print('closed' if window.closed else 'key')
        break
window.close()
"""


@pytest.fixture
def display(tmp_path: Path) -> Iterator[Screen]:
    with screen(tmp_path) as it:
        yield it


@pytest.fixture
def no_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('DISPLAY', raising=False)


def green_pixels(picture: np.ndarray[Any, Any]) -> int:
    return int((picture == GREEN).all(axis=2).sum())


@pytest.mark.parametrize('arguments', ['[image]', '["shown", image]'])
def test_window_shows_image_in_size_and_receives_keys(display: Screen, arguments: str) -> None:
    """A window shows the image in the requested size and receives key presses."""
    command = [sys.executable, '-c', SHOWS.format(arguments=arguments)]
    with display.running(command, lambda picture: green_pixels(picture) == 300 * 400) as process:
        display.press('shown', 'x')
        assert process.communicate(timeout=PATIENCE) == ('key\n', '')


def test_a_window_notices_that_its_user_closed_it(display: Screen) -> None:
    with display.running([sys.executable, '-c', SHOWS.format(arguments='[image]')], green_pixels) as process:
        display.close('shown')
        assert process.communicate(timeout=PATIENCE) == ('closed\n', '')


def test_a_screen_has_its_resolution(display: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('DISPLAY', display.env['DISPLAY'])
    assert ui.get_screen_resolution() == f'{WIDTH}x{HEIGHT}'
    assert ui.get_and_parse_screen_resolution() == (WIDTH, HEIGHT)
    assert ui.new_window('w', shape=(8000, 8000)).size == (600, 600)


@pytest.mark.usefixtures('no_screen')
def test_without_a_screen_the_resolution_is_a_usual_one() -> None:
    assert ui.get_screen_resolution() == ''
    assert ui.get_and_parse_screen_resolution() == (1024, 768)


def test_a_screen_that_cannot_be_reached_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('DISPLAY', ':98765')
    assert ui.get_screen_resolution() == ''


@pytest.mark.usefixtures('no_screen')
def test_macos_tells_its_resolution(monkeypatch: pytest.MonkeyPatch) -> None:
    report = 'Displays:\n  Color LCD:\n    Resolution: 2560 x 1600 Retina\n'
    monkeypatch.setattr(sys, 'platform', 'darwin')
    monkeypatch.setattr(subprocess, 'run', lambda *_, **__: subprocess.CompletedProcess([], 0, report))
    assert ui.get_screen_resolution() == '2560x1600'


@pytest.mark.parametrize('error', [FileNotFoundError(), subprocess.TimeoutExpired('system_profiler', 20)])
def test_macos_that_does_not_tell_has_a_usual_one(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(sys, 'platform', 'darwin')
    monkeypatch.setattr(subprocess, 'run', fail)
    assert ui.get_and_parse_screen_resolution() == (1024, 768)


@pytest.mark.usefixtures('no_screen')
@pytest.mark.parametrize(
    ('arguments', 'size'),
    [
        ({}, None),
        ({'size': (320, 240)}, (320, 240)),
        ({'shape': (480, 640)}, (640, 480)),
        ({'shape': (480, 640, 3)}, (640, 480)),
        ({'shape': (480, 640), 'size': (10, 10)}, (640, 480)),
        ({'shape': (2000, 3000)}, (768, 512)),
        ({'shape': (1000, 100)}, (57, 576)),
        ({'shape': (600, 700), 'screen_relative_size': 0.5}, (448, 384)),
        ({'shape': (5000, 1), 'screen_relative_size': 0.01}, (1, 7)),
    ],
)
def test_window_has_given_size_or_images_size_on_screen(arguments: Any, size: Any) -> None:
    """A window has the given size, or the image's size as far as it fits the screen."""
    assert ui.new_window('w', **arguments).size == size


@pytest.mark.parametrize(
    ('arguments', 'argument'),
    [
        ({'size': (0, 10)}, 'size'),
        ({'size': (10,)}, 'size'),
        ({'shape': (10,)}, 'shape'),
        ({'shape': (0, 10)}, 'shape'),
        ({'shape': (10, 10), 'screen_relative_size': 0}, 'screen_relative_size'),
    ],
)
def test_a_size_that_is_none_is_refused(arguments: Any, argument: str) -> None:
    with raises(InvalidArgumentError, argument=argument):
        ui.new_window('w', **arguments)


@pytest.mark.usefixtures('no_screen')
def test_showing_without_a_screen_raises_an_error() -> None:
    """Showing an image without a screen raises an error and does not end the process."""
    with pytest.raises(ImgStoreError, match='no screen'):
        ui.new_window('w').imshow(IMAGE)


@pytest.mark.process
def test_the_process_lives_on_where_there_is_no_screen() -> None:
    code = (
        'import numpy, imgstore.ui, imgstore.errors\n'
        'try: imgstore.ui.new_window("w").imshow(numpy.zeros((9, 9), "u1"))\n'
        'except imgstore.errors.ImgStoreError: print("alive")'
    )
    done = subprocess.run([sys.executable, '-c', code], env=python_env(), stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == 'alive\n'


def test_a_build_of_opencv_without_windows_is_said_to_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, 'currentUIFramework', lambda: '')
    with raises(MissingDependencyError, name='cv2'):
        ui.new_window('w').imshow(IMAGE)


def test_imshow_wants_an_image() -> None:
    with raises(InvalidArgumentError, argument='image'):
        ui.new_window('w').imshow('w')
    with raises(InvalidArgumentError, argument='image'):
        ui.new_window('w').imshow()


def test_a_window_that_never_opened_is_not_closed_and_can_be() -> None:
    window = ui.new_window('w')
    window.close()
    assert not window.closed
