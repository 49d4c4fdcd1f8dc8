"""The recordings that are opened and read, made before any clock runs."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import frames as scenes
import numpy as np
from writing import FRAMES_PER_SECOND, new_store, write_frames

import imgstore

Made = dict[str, Any]


def make_frames(target: str, count: int, height: int, width: int, gray: bool) -> Made:
    """Make the frames for all tasks."""
    scenes.make(Path(target), count, height, width, gray)
    return {}


def record(path: str, frames: str, fmt: str, count: int, chunksize: int | None = None) -> Made:
    """Make a recording by `write_frames`."""
    write_frames(fmt, path, scenes.load(frames), count, **({} if chunksize is None else {'chunksize': chunksize}))
    return {}


def record_chunks(path: str, frames: str, fmt: str, count: int, chunks: int) -> Made:
    """Chunks of ``count`` frames each, in which the same video is over and over again."""
    with tempfile.TemporaryDirectory(dir=os.path.dirname(path)) as folder:
        record(f'{folder}/one', frames, fmt, count)
        video = next(file for file in Path(folder, 'one').iterdir() if file.stem == '000000' and file.suffix != '.npz')
        store: Any = new_store(fmt, path, scenes.load(frames))
        for chunk in range(chunks):
            numbers = np.arange(chunk * count, (chunk + 1) * count)
            store.insert_chunk(str(video), numbers.tolist(), (numbers / FRAMES_PER_SECOND).tolist(), move=False)
        store.close()
    return {}


def record_numbers(path: str, chunks: int, count: int) -> Made:
    """Chunks with indexes of ``count`` frames, each beside a video of a single one: who opens a store looks no closer.

    A frame in a thousand is lost, and the times jitter, as in real recordings.
    """
    image = np.zeros((32, 48), np.uint8)
    store = imgstore.new_for_format('mjpeg/avi', path, imgshape=image.shape, chunksize=count)
    store.add_image(image, 0, 0.0)
    store.close()
    rng = np.random.default_rng(scenes.SEED)
    folder = Path(path)
    with np.load(folder / '000000.npz', allow_pickle=True) as first:
        index = dict(first)
    for chunk in range(chunks):
        place = np.arange(chunk * count, (chunk + 1) * count)
        index['frame_number'] = place + place // 1000
        index['frame_time'] = (index['frame_number'] + rng.uniform(-0.2, 0.2, count)) / FRAMES_PER_SECOND
        np.savez(folder / f'{chunk:06d}.npz', **index)
        if chunk:
            os.link(folder / '000000.avi', folder / f'{chunk:06d}.avi')
    return {}


def record_folders(path: str, chunks: int, count: int) -> Made:
    """Make chunks that are folders, with indexes of ``count`` frames, each beside an image of one."""
    image = np.zeros((32, 48), np.uint8)
    with imgstore.new_for_format('npy', path, imgshape=image.shape, chunksize=count) as store:
        store.add_image(image, 0, 0.0)
    first = Path(path, '000000')
    place = np.arange(count)
    np.savez(first / 'index.npz', frame_number=place, frame_time=place / FRAMES_PER_SECOND)
    for chunk in range(1, chunks):
        folder = Path(path, f'{chunk:06d}')
        folder.mkdir()
        for name in ('000000.npy', 'index.npz'):
            os.link(first / name, folder / name)
    return {}


def record_saved_index(path: str, chunks: int, count: int) -> Made:
    """Make the same recording, with our index cache."""
    record_numbers(path, chunks, count)
    store = imgstore.new_for_filename(path)
    store.save_index(sqlite=False)
    store.close()
    return {}


def record_two(path: str, count: int) -> Made:
    """Make two recordings with indexes of ``count`` frames, each beside a video of one.

    The second camera starts seven frames later. Its clock is 2 ms ahead and drifts by 40 ppm, with jitter.
    """
    rng, place = np.random.default_rng(scenes.SEED), np.arange(count)
    seconds = place / 100
    clocks = (0, seconds), (7, seconds + 0.072 + seconds * 40e-6 + rng.normal(0, 1e-4, count))
    for name, (first, times) in zip(('left', 'right'), clocks, strict=True):
        record_numbers(f'{path}/{name}', 1, 1)
        index = Path(path, name, '000000.npz')
        np.savez(index, frame_number=place + first, frame_time=1.7e9 + times)
    return {}
