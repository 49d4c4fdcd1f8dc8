"""Cameras and streams that OpenCV opens; a process streams, breaks off and comes again."""

from __future__ import annotations

import signal
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
from ...helpers.rtsp_server import RATE as RTSP_RATE

HELPERS = Path(__file__).parents[2] / 'helpers'


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        number: int = free.getsockname()[1]
        return number


@contextmanager
def streaming(port: int, frames: int, server_of: str = 'mjpeg') -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(HELPERS / f'{server_of}_server.py'), str(port), str(frames)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == 'ready\n'
            yield server
        finally:
            server.kill()


def wait_for(recording: imgstore.recording.Recording, frames: int) -> None:
    """Wait for so many frames more."""
    known = recording.status()['cam'].frames
    end = time.monotonic() + 30
    while recording.status()['cam'].frames < known + frames:
        assert time.monotonic() < end
        time.sleep(0.05)


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
            wait_for(recording, 20)
        time.sleep(1)
    assert recording is not None
    recording.stop()
    with imgstore.new_for_filename(tmp_path / 'r' / 'cam') as store:
        steps = np.diff(store.frame_numbers)
        assert (steps > 0).all()
        assert (steps > 1).sum() == 1
        assert len(store) >= 40


def check_stream(folder: Path, connections: int) -> None:
    """Numbers ascend by one within a connection, as the images do, and have a gap after it for the time without one."""
    with imgstore.new_for_filename(folder) as store:
        numbers, shown = store.frame_numbers, np.array([index_in(image) for image, _ in store])
        times = store.frame_times
    steps, shown_steps = np.diff(numbers), np.diff(shown)
    assert (steps >= 1).all()
    gaps = np.flatnonzero(shown_steps > 1)
    assert gaps.tolist() == np.flatnonzero(steps > 1).tolist()
    assert len(gaps) == connections - 1
    assert (shown_steps >= 1).all()
    for gap in gaps.tolist():  # the first images after it were taken while OpenCV looked at the stream
        seconds = times[gap + 1] - times[gap]
        assert shown_steps[gap] <= steps[gap] + 5 <= 1.5 * seconds * RTSP_RATE + 10


@pytest.mark.process
def test_an_rtsp_stream_that_breaks_off_goes_on_after_a_gap(port: int, tmp_path: Path) -> None:
    """The server breaks it off after a second and a half, again and again."""
    url = f'rtsp://127.0.0.1:{port}/stream'
    with streaming(port, 75, 'rtsp'), imgstore.record({'cam': url}, tmp_path / 'r', 'npy', frames=180) as recording:
        assert recording.wait(60)
    status = recording.status()['cam']
    assert status.frames == 180
    connections = sum(status.failed_grabs.values()) + 1
    assert set(status.failed_grabs) == {'the connection was lost'}
    assert connections >= 3
    assert status.missing == status.lost['transport'] > 0
    check_stream(tmp_path / 'r' / 'cam', connections)


@pytest.mark.once
@pytest.mark.process
def test_an_rtsp_camera_that_stops_answering_is_connected_again(port: int, tmp_path: Path) -> None:
    url = f'rtsp://127.0.0.1:{port}/stream'
    with (
        streaming(port, 10_000, 'rtsp') as server,
        imgstore.record({'cam': url}, tmp_path / 'r', 'npy') as recording,
    ):
        wait_for(recording, 50)
        server.send_signal(signal.SIGSTOP)
        end = time.monotonic() + 30
        while not recording.status()['cam'].failed_grabs:
            assert time.monotonic() < end
            time.sleep(0.05)
        server.send_signal(signal.SIGCONT)
        wait_for(recording, 50)
    assert recording.status()['cam'].reason == 'stopped'
    check_stream(tmp_path / 'r' / 'cam', 2)


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
