"""Makes the picture of imgstore-view's window in docs/images: records a store, and looks at it on a screen of its own.

Needs what the tests need: `pip install -e '.[test]'`, and Debian's xvfb and xdotool.
"""

import sys
import tempfile
from pathlib import Path

import cv2
from make_screenshots import record

REPOSITORY = Path(__file__).parents[1]
sys.path.insert(0, str(REPOSITORY))

from tests.helpers.display import Screen, screen  # noqa: E402

FOLDER = REPOSITORY / 'docs' / 'images'
VIEW = 'import sys; from imgstore.apps import main_viewer; sys.exit(main_viewer())'
POINTER = 218, 384
VALUE = slice(520, 552), slice(400, 640)  # where the bar tells the value under the pointer


def press(display: Screen, key: str) -> None:
    """Press a key, and wait until something has changed by it."""
    before = display.picture().copy()
    display.press('imgstore', key)
    display.wait_for(lambda picture: (picture != before).any())


def save(display: Screen, name: str) -> None:
    """Save what is on the screen, less what is black around it."""
    picture = display.picture()
    rows, columns = picture.any(axis=2).nonzero()
    cv2.imwrite(str(FOLDER / name), picture[: rows.max() + 1, : columns.max() + 1])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, screen(Path(folder)) as display:
        store = record(Path(folder, 'top-camera'), 0)
        command = [sys.executable, '-c', VIEW, '--fps', '0.01', '--at', '#1200', store]
        with display.running(command, lambda picture: picture.any()):
            press(display, 'comma')
            before = display.picture().copy()
            display.move(*POINTER)
            display.wait_for(lambda picture: (picture[VALUE] != before[VALUE]).any())
            save(display, 'window.png')


if __name__ == '__main__':
    main()
