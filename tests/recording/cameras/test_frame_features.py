"""Features with each frame, on fakes of cameras with chunk data and without."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from imgstore.errors import InvalidArgumentError
from imgstore.recording import CameraSettings
from imgstore.recording.cameras.frame_features import FrameFeatures, FrameValues

from ...helpers.raised import raises

LINES = ['Line1', 'Line2', 'Line4', 'CounterActive']
ASKED = CameraSettings(extra_data=('ExposureTime', 'DeviceTemperature'), events={'line2': 'lick'})


class Nodes:
    """A camera whose features count how often they are read."""

    def __init__(self, chunks: Sequence[str] = (), features: Sequence[str] = ()) -> None:
        self._limits = {'LineSelector': LINES, **({'ChunkSelector': list(chunks)} if chunks else {})}
        self.features = dict.fromkeys(features, 0)
        self.written: list[tuple[str, Any]] = []

    def has(self, name: str) -> bool:
        return True

    def set(self, name: str, value: Any) -> None:
        if name.startswith('Chunk') and 'ChunkSelector' not in self._limits:
            raise KeyError(name)
        self.written.append((name, value))

    def get(self, name: str) -> Any:
        self.features[name] += 1
        return self.features[name]

    def names(self) -> list[str]:
        return list(self.features)

    def limits(self, name: str) -> Sequence[Any]:
        return self._limits.get(name, ())


def chunk(name: str) -> Any:
    return {'ChunkLineStatusAll': 5, 'ChunkExposureTime': 2000.0}[name]


def test_chunk_data_are_enabled_and_come_with_each_frame() -> None:
    nodes = Nodes(['LineStatusAll', 'ExposureTime'], ['DeviceTemperature'])
    found = FrameFeatures(nodes, ASKED)
    assert found.line_names == ('Line1', 'Line2', 'Line3', 'Line4')
    assert ('ChunkSelector', 'LineStatusAll') in nodes.written
    assert ('ChunkSelector', 'ExposureTime') in nodes.written
    assert nodes.written.count(('ChunkEnable', True)) == 2
    for _ in range(3):  # the temperature is read once a second, after once to see whether it is there
        assert found.read(chunk) == FrameValues(5, {'ExposureTime': 2000.0, 'DeviceTemperature': 2})


def test_without_chunk_data_lines_are_read_with_each_frame_and_others_now_and_then() -> None:
    nodes = Nodes(features=['LineStatusAll', 'ExposureTime', 'DeviceTemperature'])
    found = FrameFeatures(nodes, ASKED)
    assert nodes.written == []
    for number in range(3):
        assert found.read(chunk) == FrameValues(2 + number, {'ExposureTime': 2, 'DeviceTemperature': 2})


def test_a_value_that_cannot_be_read_is_left_out() -> None:
    nodes = Nodes(['LineStatusAll'], ['ExposureTime', 'DeviceTemperature'])
    found = FrameFeatures(nodes, ASKED)
    nodes.features = {'ExposureTime': 0}

    def damaged(name: str) -> Any:
        raise RuntimeError(name)

    assert found.read(damaged) == FrameValues(None, {'ExposureTime': 1})


def test_nothing_is_touched_unless_asked_for() -> None:
    nodes = Nodes(['LineStatusAll'])
    assert FrameFeatures(nodes, CameraSettings()).read(chunk) == FrameValues(None, None)
    assert nodes.written == []


@pytest.mark.parametrize(
    ('settings', 'argument', 'text'),
    [
        (CameraSettings(extra_data=('DeviceTemperatur',)), 'extra_data', 'did you mean DeviceTemperature?'),
        (CameraSettings(events={'Line1': 'lick'}), 'events', 'no feature LineStatusAll'),
        (CameraSettings(events={'Line9': 'lick'}), 'events', 'it has Line1, Line2, Line3, Line4'),
    ],
)
def test_what_the_camera_lacks_is_an_error(settings: CameraSettings, argument: str, text: str) -> None:
    with raises(InvalidArgumentError, argument=argument) as caught:
        FrameFeatures(Nodes(features=['DeviceTemperature']), settings)
    assert text in str(caught.value)
