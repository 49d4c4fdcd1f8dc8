"""Stores of numbered frames that are written, and what is then in them."""

import os
import pathlib
import subprocess
import sys

import imgstore
from imgstore import new_for_filename, new_for_format
from imgstore.chunks.video.backends import BACKENDS, backend_works

from .format_table import IMAGE_FORMATS, ROWS, VIDEO_FORMATS
from .frames import index_in, numbered

SHAPE = (64, 96)
FORMATS = [*IMAGE_FORMATS, *VIDEO_FORMATS]


def video_backends(direction):
    """Each video format with each backend that can do it on this machine."""
    return [
        (fmt, backend)
        for fmt in VIDEO_FORMATS
        for backend in BACKENDS
        if backend_works(backend, ROWS[fmt].codec, ROWS[fmt].extension, direction)
    ]


WRITERS = [*[(fmt, None) for fmt in IMAGE_FORMATS], *video_backends('write')]


def new(path, fmt='npy', shape=SHAPE, **kwargs):
    return new_for_format(fmt, path, imgshape=shape, **kwargs)


def at_once(path, fmt='npy', shape=SHAPE, **kwargs):
    """A store of which each frame is on its way to the disk, or told of as lost, before `add_image` returns."""
    return new(path, fmt, shape, workers=0, **kwargs)


def add(store, *numbers, shape=SHAPE):
    """Frames that carry their number in their pixels, at that many seconds."""
    for number in numbers:
        store.add_image(numbered(number, shape), number, number)


def record(path, fmt='npy', count=7, chunksize=3, **kwargs):
    with new(path, fmt, chunksize=chunksize, **kwargs) as store:
        add(store, *range(count))
    return path


def check(path, numbers, **kwargs):
    """Has the store just these frames, in that order, and is each of them that one?"""
    with new_for_filename(path, **kwargs) as store:
        assert store.get_frame_metadata()['frame_number'] == list(numbers)
        for number in numbers:
            image, metadata = store.get_next_image()
            assert (index_in(image), metadata) == (number, (number, float(number)))


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in pathlib.Path(folder).rglob('*') if path.is_file())


def run(code, *arguments):
    """Run Python code in a process of its own; what it printed."""
    done = subprocess.run(
        [sys.executable, '-c', code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=os.path.dirname(os.path.dirname(imgstore.__file__)),
    )
    return done.stdout + done.stderr
