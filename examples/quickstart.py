"""Turn a video into a store, read it back, and print the result."""

import os
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

from imgstore import new_for_filename
from imgstore.apps import main_saver

STORE = 'quickstart-store'  # in the current folder
FRAMES, FPS, STEP = 100, 25, 6  # the bar moves STEP pixels a frame
HEIGHT, WIDTH = 480, FRAMES * STEP


def draw(number):
    """Draw one frame: its number, and a bright bar further right in each frame."""
    image = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    image[:, number * STEP : (number + 1) * STEP] = 255
    cv2.putText(image, f'frame {number}', (40, HEIGHT // 2), cv2.FONT_HERSHEY_SIMPLEX, 2, (80, 200, 120), 3)
    return image


def find_bar(image):
    """Return the frame number shown by the position of the bar."""
    return int(image[:100].sum(axis=(0, 2)).argmax()) // STEP


def make_video(path):
    """Write an example video."""
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), FPS, (WIDTH, HEIGHT))
    for number in range(FRAMES):
        video.write(draw(number))
    video.release()


def describe(folder):
    """Read the store at ``folder`` and print its contents."""
    with new_for_filename(folder) as store:
        print(f'store       {store.image_shape} images, {len(store)} frames, {store.duration:.2f} s')
        print(f'numbers     {store.frame_min} to {store.frame_max}')
        image, (number, time) = store.get_image(42)
        print(f'by number   frame {number}, and its bar is at {find_bar(image)}')
        image, (number, _) = store.get_nearest_image(time + 1)
        print(f'1 s later   frame {number}, and its bar is at {find_bar(image)}')


def main():
    """Make the store, read it, and print the next commands."""
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / 'video.avi'
        make_video(video)
        status = main_saver(['--format', 'avc1/mp4', '--overwrite', '--source', str(video), STORE])
    if status == 0:
        describe(STORE)
        command = os.path.relpath(Path(sys.executable).with_name('imgstore'))
        print(f'\nnext        {command} info {STORE}\nor look     {command} view {STORE}')
    return status


if __name__ == '__main__':
    sys.exit(main())
