"""What this machine can do at best: the files, the codecs and numpy alone, without any store around them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import frames as scenes
import numpy as np
from measuring import CORES, UnavailableError, warm_memory
from writing import FRAMES_PER_SECOND

Metrics = dict[str, float]


def _fps(work: Callable[[int], object], count: int, threads: int = 1) -> Metrics:
    start = time.perf_counter()
    if threads == 1:
        for index in range(count):
            work(index)
    else:
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(work, range(count)):
                pass
    return {'fps': count / (time.perf_counter() - start)}


def write_files(folder: str, frames: str, count: int) -> Metrics:
    """Raw pixels into a file each, then one sync of all, as a store's `close` does."""
    from imgstore._support.syncing import sync_folder_and_files

    images = scenes.load(frames)
    target = Path(folder, 'raw')
    target.mkdir()
    warm_memory(folder, count * images[0].nbytes)
    start = time.perf_counter()
    try:
        for index in range(count):
            (target / f'{index:06d}').write_bytes(images[index % len(images)].data)
        sync_folder_and_files(str(target))
        return {'fps': count / (time.perf_counter() - start)}
    finally:
        shutil.rmtree(target)


def read_files(path: str) -> Metrics:
    """Read a recording's own files, as the store does."""
    files = _images_in(path)
    return _fps(lambda index: files[index].read_bytes(), len(files))


def look_at_files(path: str) -> Metrics:
    """Milliseconds to list a recording's folder, and to ask the system for each chunk's index."""
    start = time.perf_counter()
    for name in os.listdir(path):
        if name.endswith('.npz'):
            os.stat(os.path.join(path, name))
    return {'ms': 1000 * (time.perf_counter() - start)}


def _images_in(path: str) -> list[Path]:
    return sorted(file for file in Path(path, '000000').iterdir() if file.stem.isdigit())


def encode_images(frames: str, extension: str, count: int) -> Metrics:
    """OpenCV's cv2.imencode on all cores."""
    import cv2

    images = scenes.load(frames)
    return _fps(lambda index: cv2.imencode(extension, images[index % len(images)]), count, CORES)


def decode_images(frames: str, extension: str, count: int) -> Metrics:
    """OpenCV's cv2.imdecode on all cores."""
    import cv2

    files = [cv2.imencode(extension, image)[1] for image in scenes.load(frames)]
    return _fps(lambda index: cv2.imdecode(files[index % len(files)], cv2.IMREAD_UNCHANGED), count, CORES)


def decode_file(path: str, count: int) -> Metrics:
    """Milliseconds in which a random image of a recording is read and decoded by its library."""
    import cv2

    files = _images_in(path)
    decode: Callable[[Path], Any] = {
        '.npy': np.load,
        '.bpk': lambda file: _bloscpack().unpack(file.read_bytes(), ''),
    }.get(files[0].suffix, lambda file: cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_UNCHANGED))
    chosen = np.random.default_rng(scenes.SEED).integers(0, len(files), count).tolist()
    fps = _fps(lambda index: decode(files[chosen[index]]), count)['fps']
    return {'ms': 1000 / fps}


def compress(frames: str, count: int) -> Metrics:
    """Our bloscpack containers made in memory, on all cores."""
    pack = _bloscpack().pack
    images = scenes.load(frames)
    return _fps(lambda index: pack(images[index % len(images)]), count, CORES)


def decompress(frames: str, count: int) -> Metrics:
    """Our bloscpack containers unpacked in memory, on all cores."""
    unpack = _bloscpack().unpack
    files = [b''.join(_bloscpack().pack(image)) for image in scenes.load(frames)]
    return _fps(lambda index: unpack(files[index % len(files)], ''), count, CORES)


def _bloscpack() -> Any:
    if importlib.util.find_spec('numcodecs') is None:
        raise UnavailableError('needs numcodecs')
    return importlib.import_module('imgstore.chunks.images.bloscpack')


def encode_video(frames: str, codec: str, count: int) -> Metrics:
    """Encode prepared planes with our settings, independent frames on all cores."""
    from imgstore.chunks.video.encoders import ENCODERS

    images = scenes.load(frames)
    encoder: Any = ENCODERS[codec](images.shape[1:])
    planes = [encoder.frame(image) for image in images]
    encoders = CORES if codec in ('mjpeg', 'ffv1') else 1
    start = time.perf_counter()
    with ThreadPoolExecutor(encoders) as pool:
        list(pool.map(lambda first: encode(encoder, planes, range(first, count, encoders)), range(encoders)))
    return {'fps': count / (time.perf_counter() - start)}


def encode(encoder: Any, planes: list[Any], turn: Iterable[int]) -> None:
    """Encode those planes by an encoder of its own."""
    import av

    context: Any = av.CodecContext.create(encoder.codec, 'w')
    context.framerate, context.time_base = FRAMES_PER_SECOND, Fraction(1, FRAMES_PER_SECOND)
    encoder.set_up(context)
    for position, index in enumerate(turn):
        frame = planes[index % len(planes)]
        frame.pts = position
        context.encode(frame)
    context.encode(None)


def decode_video(path: str) -> Metrics:
    """PyAV decoding a recording with all its threads, its pixels left as they are."""
    start = time.perf_counter()
    count = sum(1 for video in _videos(path) for _ in _decode(video, 'AUTO'))
    return {'fps': count / (time.perf_counter() - start)}


def decode_one(path: str, count: int) -> Metrics:
    """Milliseconds in which PyAV goes to a keyframe and decodes it: the cheapest of all frames."""
    import av

    rng = np.random.default_rng(scenes.SEED)
    with av.open(str(_videos(path)[0])) as container:
        stream = container.streams.video[0]
        stream.thread_type = 'SLICE'
        ends = [packet.pts for packet in container.demux(stream) if packet.is_keyframe and packet.pts is not None]
        start = time.perf_counter()
        for pts in rng.choice(ends, count).tolist():
            container.seek(pts, stream=stream)
            next(container.decode(stream))
        return {'ms': 1000 * (time.perf_counter() - start) / count}


def _videos(path: str) -> list[Path]:
    return sorted(file for file in Path(path).iterdir() if file.suffix in ('.avi', '.mkv', '.mp4'))


def _decode(video: Path, threads: str) -> Iterator[Any]:
    import av

    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        stream.thread_type = threads
        yield from container.decode(stream)


def make_lists(total: int) -> Metrics:
    """Make lists of numbers and times from arrays."""
    numbers, times = np.arange(total), np.arange(total) / 20
    start = time.perf_counter()
    kept = numbers.tolist(), times.tolist()
    metrics = {'ms': 1000 * (time.perf_counter() - start)}
    assert len(kept[0]) == len(kept[1]) == total
    return metrics
