"""Cameras and streams that OpenCV opens; a process streams, breaks off and comes again."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import pytest

import imgstore
from imgstore.errors import InvalidArgumentError
from imgstore.recording import CameraSettings

from ...helpers.fake_camera import FakeCamera
from ...helpers.frames import index_in
from ...helpers.raised import raises
from ...helpers.recorded import content

SERVER = Path(__file__).parents[2] / 'helpers' / 'mjpeg_server.py'


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        number: int = free.getsockname()[1]
        return number


@contextmanager
def streaming(port: int, frames: int) -> Iterator[None]:
    command = [sys.executable, str(SERVER), str(port), str(frames)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == 'ready\n'
            yield
        finally:
            server.kill()


@pytest.mark.process
def test_a_stream_that_breaks_off_goes_on_after_a_gap(port: int, tmp_path: Path) -> None:
    url = f'http://user:secret@127.0.0.1:{port}/stream.mjpg'
    with streaming(port, 20), imgstore.record({'cam': url}, tmp_path / 'r', 'npy', frames=40) as recording:
        assert recording.wait(60)
    status = recording.status()['cam']
    assert status.failed_grabs == {'the connection was lost': 1}
    with imgstore.new_for_filename(tmp_path / 'r' / 'cam') as store:
        numbers = store.frame_numbers.tolist()
        assert [index_in(image) for image, _ in store] == [*range(20), *range(20)]
    assert len(set(numbers)) == 40
    assert numbers[:20] == list(range(20))
    assert numbers[20] > 21
    assert numbers[20:] == list(range(numbers[20], numbers[20] + 20))
    assert status.missing == status.lost['transport'] == numbers[20] - 20
    assert 'secret' not in (tmp_path / 'r' / 'recording.yaml').read_text()
    assert 'secret' not in (tmp_path / 'r' / 'cam' / 'metadata.yaml').read_text()
    assert content(tmp_path / 'r')['cameras']['cam']['source'] == url.replace('secret', '***')


@pytest.mark.once
@pytest.mark.process
def test_a_camera_at_an_address_may_be_switched_off_and_on(port: int, tmp_path: Path) -> None:
    recording = None
    for _ in range(2):
        with streaming(port, 10_000):
            if recording is None:
                recording = imgstore.record({'cam': f'http://127.0.0.1:{port}/stream.mjpg'}, tmp_path / 'r', 'npy')
                recording.start()
            known = recording.status()['cam'].frames
            end = time.monotonic() + 30
            while recording.status()['cam'].frames < known + 20:
                assert time.monotonic() < end
                time.sleep(0.05)
        time.sleep(1)
    assert recording is not None
    recording.stop()
    with imgstore.new_for_filename(tmp_path / 'r' / 'cam') as store:
        steps = np.diff(store.frame_numbers)
        assert (steps > 0).all()
        assert (steps > 1).sum() == 1
        assert len(store) >= 40


class Webcam(FakeCamera):
    opened: ClassVar[list[int]] = []
    asked: ClassVar[dict[int, float]] = {}
    gives, stop_at, pace = 30, 0, 0.005

    def get(self, prop: int) -> float:
        return 200.0

    def getBackendName(self) -> str:  # noqa: N802
        return 'FAKE'


@pytest.fixture
def webcam(monkeypatch: pytest.MonkeyPatch) -> type[Webcam]:
    monkeypatch.setattr(cv2, 'VideoCapture', Webcam)
    return Webcam


def test_a_webcam_that_is_unplugged_ends(webcam: type[Webcam], tmp_path: Path) -> None:
    settings = CameraSettings(fps=60, size=(48, 32))
    with imgstore.record({'cam': 'opencv:3'}, tmp_path / 'r', 'npy', settings=settings) as recording:
        assert webcam.opened == [3]
        assert recording.wait(30)
    assert webcam.opened == []
    assert webcam.asked == {cv2.CAP_PROP_FPS: 60, cv2.CAP_PROP_FRAME_WIDTH: 48, cv2.CAP_PROP_FRAME_HEIGHT: 32}
    assert recording.status()['cam'].reason == 'camera 3 gives no more images'
    with imgstore.new_for_filename(tmp_path / 'r' / 'cam') as store:
        assert store.frame_numbers.tolist() == list(range(30))
        assert [int(image[0, 0, 0]) for image, _ in store] == list(range(1, 31))
        assert store.user_metadata['camera']['backend'] == 'FAKE'


def test_a_camera_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for source in ('opencv:', 'opencv:95', 'http://127.0.0.1:9/none.mjpg'):
        with raises(InvalidArgumentError, argument='sources'):
            imgstore.record(source, tmp_path / 'r')
    assert list(tmp_path.iterdir()) == []


@pytest.mark.process
def test_a_stream_has_no_settings(port: int, tmp_path: Path) -> None:
    with streaming(port, 100), raises(InvalidArgumentError):
        imgstore.record(f'http://127.0.0.1:{port}/s.mjpg', tmp_path / 'r', settings=CameraSettings(fps=5))
