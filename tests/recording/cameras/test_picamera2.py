"""Cameras of a Raspberry Pi, against a fake of picamera2."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import imgstore
from imgstore.errors import InvalidArgumentError, MissingDependencyError
from imgstore.recording import CameraSettings

from ...helpers.frames import index_in, numbered
from ...helpers.raised import raises

SHAPE = (32, 96, 3)


class Request:
    """A request as picamera2 lends it: its array is used again."""

    def __init__(self, number: int, shared: np.ndarray) -> None:
        self.request = types.SimpleNamespace(sequence=number)
        self._array, self._number = shared, number
        shared[:] = numbered(number, SHAPE)

    def make_array(self, name: str) -> np.ndarray:
        assert name == 'main'
        return self._array

    def get_metadata(self) -> dict[str, int]:
        return {'SensorTimestamp': 5 * 10**9 + self._number * 10**7}

    def release(self) -> None:
        self._array[:] = 0


class Picamera2:
    made: ClassVar[list[Picamera2]] = []

    def __init__(self, number: int) -> None:
        if number > 1:
            raise IndexError('list index out of range')
        self.number, self.camera_properties = number, {'Model': 'imx477'}
        self.configured: Any = None
        self.calls: list[str] = []
        self._numbers = iter([2**32 - 2, 2**32 - 1, 0, 3])
        self._shared = np.zeros(SHAPE, np.uint8)
        self.made.append(self)

    def create_video_configuration(self, **options: Any) -> dict[str, Any]:
        return options

    def configure(self, options: dict[str, Any]) -> None:
        self.configured = options

    def start(self) -> None:
        self.calls.append('start')

    def stop(self) -> None:
        self.calls.append('stop')

    def close(self) -> None:
        self.calls.append('close')

    def capture_request(self) -> Request:
        return Request(next(self._numbers), self._shared)


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> list[Picamera2]:
    module: Any = types.ModuleType('picamera2')
    module.Picamera2 = Picamera2
    monkeypatch.setitem(sys.modules, 'picamera2', module)
    Picamera2.made.clear()
    return Picamera2.made


def test_frames_are_copied_numbered_and_timed(fake: list[Picamera2], tmp_path: Path) -> None:
    settings = CameraSettings(fps=100, size=(96, 32), exposure=2000, gain=2)
    with imgstore.record({'pi': 'picamera2:1'}, tmp_path / 'r', 'png', settings=settings) as recording:
        assert recording.wait(30)
    (camera,) = fake
    assert (camera.number, camera.calls) == (1, ['start', 'stop', 'close'])
    assert camera.configured['main'] == {'format': 'RGB888', 'size': (96, 32)}
    assert camera.configured['controls'] == {
        'FrameDurationLimits': (10000, 10000),
        'AeEnable': False,
        'ExposureTime': 2000,
        'AnalogueGain': 2.0,
    }
    assert recording.status()['pi'].missing == 2
    with imgstore.new_for_filename(tmp_path / 'r' / 'pi') as store:
        first = 2**32 - 2
        assert store.frame_numbers.tolist() == [first, first + 1, first + 2, first + 5]
        assert [index_in(image) for image, _ in store] == [number % 4096 for number in (first, first + 1, 0, 3)]


@pytest.mark.parametrize(
    ('source', 'settings', 'argument'),
    [
        ('picamera2:x', CameraSettings(), 'sources'),
        ('picamera2:5', CameraSettings(), 'sources'),
        ('picamera2:', CameraSettings(pixel_format='Mono8'), 'pixel_format'),
        ('picamera2:', CameraSettings(trigger='line1'), 'trigger'),
    ],
)
def test_what_it_has_not_is_refused(source: str, settings: CameraSettings, argument: str, tmp_path: Path) -> None:
    with raises(InvalidArgumentError, argument=argument):
        imgstore.record(source, tmp_path / 'r', settings=settings)


def test_without_picamera2_the_error_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'picamera2', None)
    with pytest.raises(MissingDependencyError, match='python3-picamera2'):
        imgstore.record('picamera2:0', tmp_path / 'r')
