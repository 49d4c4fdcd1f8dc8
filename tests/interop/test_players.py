"""What other programs see in our videos: frames, duration, rate, first and last frame, and their colours."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from imgstore import new_for_format

from .chromium import player
from .players import picture, seen

FORMATS = {'avc1/mp4': '.mp4', 'h264/mkv': '.mkv', 'mjpeg/avi': '.avi'}
LOSSLESS = {'ffv1/mkv': '.mkv', 'h264-lossless/mp4': '.mp4'}
LEVELS = {'avc1/mp4': 2, 'h264/mkv': 2, 'mjpeg/avi': 4, **dict.fromkeys(LOSSLESS, 0)}
SIZES = {'320x240': (240, 320), '1920x1080': (1080, 1920)}
LENGTHS = {'320x240': (1, 7, 8, 100), '1920x1080': (1, 7, 8, 20)}  # keyframes are 16 frames apart
PYTHONS = {
    'OpenCV 4.6': ('IMGSTORE_DEBIAN_PYTHON', 'opencv'),
    'OpenCV 4': ('IMGSTORE_ORIGINAL_PYTHON', 'opencv'),
    'ffmpeg': ('', 'ffmpeg'),
    'ffprobe': ('', 'ffprobe'),
    'decord': ('IMGSTORE_PLAYERS_PYTHON', 'decord'),
    'PIMS': ('IMGSTORE_PLAYERS_PYTHON', 'pims'),
}


class Video(NamedTuple):
    fmt: str
    rate: float
    channels: str
    size: str
    frames: int

    @property
    def shape(self) -> tuple[int, ...]:
        return (*SIZES[self.size], 3) if self.channels == 'colour' else SIZES[self.size]

    def __str__(self) -> str:
        return f'{self.fmt}-{self.rate}-{self.channels}-{self.size}-{self.frames}'


def _lossless() -> Iterator[Video]:
    for fmt, channels in (('ffv1/mkv', 'gray'), ('ffv1/mkv', 'colour'), ('h264-lossless/mp4', 'gray')):
        yield from (Video(fmt, 25, channels, '320x240', frames) for frames in (1, 7, 100))
        yield from (Video(fmt, 200, channels, '320x240', 7), Video(fmt, 25, channels, '1920x1080', 7))


RATES = (0.1, 7, 29.97, 59.94, 1000)
VIDEOS = [
    *(
        Video(fmt, rate, channels, size, frames)
        for fmt, rate, channels, size in itertools.product(FORMATS, (25, 200), ('gray', 'colour'), SIZES)
        for frames in LENGTHS[size]
    ),
    *(Video(*values) for values in itertools.product(FORMATS, RATES, ('gray',), ('320x240',), (7, 20))),
    *_lossless(),
]
SEEN = [
    *((program, video) for program in PYTHONS for video in VIDEOS),
    *(('Chromium', video) for video in VIDEOS if video.fmt not in ('mjpeg/avi', 'ffv1/mkv')),
]

Told = dict[tuple[str, Video], dict[str, Any]]


def record(folder: Path, video: Video) -> Path:
    """The one chunk of a recording, measured like any."""
    path = folder / str(video).replace('/', '_')
    images = [picture(index, video.shape) for index in range(video.frames)]
    metadata = {'hwframerate': video.rate} if video.frames == 1 else {}
    with new_for_format(video.fmt, path, imgshape=video.shape, metadata=metadata) as store:
        for index, image in enumerate(images):
            store.add_image(image, index, 1e9 + index / video.rate)
    return path / f'000000{(FORMATS | LOSSLESS)[video.fmt]}'


def ask(program: tuple[str, str], paths: list[Path]) -> list[dict[str, Any]]:
    """What a program says of each video."""
    variable, reader = program
    python = os.environ[variable] if variable else sys.executable
    script = Path(__file__).with_name('players.py')
    environment = {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}
    done = subprocess.run([python, script, reader, *paths], env=environment, capture_output=True, check=True)
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


@pytest.fixture(scope='session')
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """What each program says of each video."""
    folder = tmp_path_factory.mktemp('players')
    paths = {video: record(folder, video) for video in VIDEOS}
    found: Told = {}
    with ThreadPoolExecutor(2) as pool:
        answered = pool.map(ask, PYTHONS.values(), itertools.repeat([*paths.values()]))
        for program, answers in zip(PYTHONS, answered, strict=True):
            found |= {(program, video): answer for video, answer in zip(paths, answers, strict=True)}
    with player(folder) as play:
        for video, path in paths.items():
            if ('Chromium', video) in SEEN:
                found['Chromium', video] = play(path, video.rate, video.frames)
    return found


@pytest.mark.parametrize(('program', 'video'), SEEN, ids=str)
def test_a_program_sees_the_recording(
    program: str, video: Video, told: Told, record_property: Callable[[str, object], None]
) -> None:
    answer = told[program, video]
    result: list[Any] = [program, video.fmt, np.nan]
    record_property('player', result)
    assert 'error' not in answer, answer
    assert answer['frames'] == video.frames
    assert answer.get('duration', video.frames / video.rate) == pytest.approx(video.frames / video.rate, abs=1e-4)
    if program == 'Chromium':
        assert answer['seekable'] == answer['duration']
    for name in ('rate', 'other rate'):
        assert answer.get(name, video.rate) == pytest.approx(video.rate, rel=1e-5)
    if 'first' in answer:
        result[-1] = max(
            difference(answer[name], picture(index, video.shape), index)
            for name, index in (('first', 0), ('last', video.frames - 1))
        )
        assert result[-1] <= LEVELS[video.fmt]


def difference(frame: dict[str, Any], image: np.ndarray, index: int) -> float:
    """The largest difference of a patch's colour from what was recorded."""
    assert frame['index'] == index
    expected = seen(np.dstack([image] * 3) if image.ndim == 2 else image)['colours']
    return float(np.abs(np.array(frame['colours']) - expected).max())
