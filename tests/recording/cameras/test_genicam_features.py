"""Settings as features of GenICam, on cameras with old and new names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from imgstore.errors import InvalidArgumentError
from imgstore.recording import CameraSettings
from imgstore.recording.cameras.genicam_features import TAKES, apply_settings, read_settings

from ...helpers.raised import raises

NEW = ('Width', 'Height', 'PixelFormat', 'AcquisitionFrameRate', 'AcquisitionFrameRateEnable', 'ExposureTime', 'Gain')
OLD = ('Width', 'Height', 'PixelFormat', 'AcquisitionFrameRateAbs', 'ExposureTimeAbs', 'GainRaw')
TRIGGER = ('TriggerSelector', 'TriggerMode', 'TriggerSource', 'TriggerActivation')


class Nodes:
    """Features that note what they are set to."""

    def __init__(self, *names: str, refused: tuple[Any, ...] = ()) -> None:
        self.names_, self.refused = names, refused
        self.values: dict[str, Any] = {}

    def has(self, name: str) -> bool:
        return name in self.names_

    def set(self, name: str, value: Any) -> None:
        if value in self.refused:
            raise RuntimeError(f"Value {value} is wrong.\n : OutOfRangeException thrown in node '{name}' (file 'n.h')")
        self.values[name] = value

    def get(self, name: str) -> Any:
        return self.values[name]

    def names(self) -> list[str]:
        return [*self.names_, 'Locked']

    def limits(self, name: str) -> Sequence[Any]:
        return {'Width': (16, 1280, 4), 'Gain': (0.0, 24.5, None), 'GainAuto': ['Off', 'Once']}.get(name, ())


ALL = CameraSettings(
    fps=100, size=(640, 480), pixel_format='Mono8', exposure=2000, gain=3.6, features={'ExposureAuto': 'Off'}
)


def test_a_camera_with_new_names_gets_each_setting() -> None:
    nodes = Nodes(*NEW, 'ExposureAuto')
    apply_settings(nodes, ALL)
    assert list(nodes.values.items()) == [
        ('ExposureAuto', 'Off'),
        ('Width', 640),
        ('Height', 480),
        ('PixelFormat', 'Mono8'),
        ('AcquisitionFrameRateEnable', True),
        ('AcquisitionFrameRate', 100.0),
        ('ExposureTime', 2000.0),
        ('Gain', 3.6),
    ]


def test_a_camera_with_old_names_gets_each_setting() -> None:
    nodes = Nodes(*OLD, 'ExposureAuto', refused=('RGB8',))
    apply_settings(nodes, CameraSettings(fps=50, exposure=10, gain=3.6, pixel_format='RGB8'))
    assert nodes.values == {
        'PixelFormat': 'RGB8Packed',
        'AcquisitionFrameRateAbs': 50.0,
        'ExposureTimeAbs': 10.0,
        'GainRaw': 4,
    }


@pytest.mark.parametrize('names', [TRIGGER, TRIGGER[1:3]])
def test_a_trigger_takes_a_frame_at_each_rising_edge(names: tuple[str, ...]) -> None:
    nodes = Nodes(*names)
    apply_settings(nodes, CameraSettings(trigger='line1'))
    wanted = {
        'TriggerSelector': 'FrameStart',
        'TriggerSource': 'Line1',
        'TriggerActivation': 'RisingEdge',
        'TriggerMode': 'On',
    }
    assert nodes.values == {name: value for name, value in wanted.items() if name in names}
    assert list(nodes.values)[-1] == 'TriggerMode'


@pytest.mark.parametrize(
    ('settings', 'argument'),
    [
        (CameraSettings(fps=5), 'fps'),
        (CameraSettings(trigger='line1'), 'trigger'),
        (CameraSettings(features={'Wrong': 1}), 'features'),
        (CameraSettings(size=(9999, 5)), 'size'),
        (CameraSettings(pixel_format='Mono9'), 'pixel_format'),
    ],
)
def test_what_the_camera_has_not_or_refuses_is_an_error(settings: CameraSettings, argument: str) -> None:
    with raises(InvalidArgumentError, argument=argument) as caught:
        apply_settings(Nodes('Width', 'Height', 'PixelFormat', refused=(9999, 'Mono9')), settings)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
    ('settings', 'text'),
    [
        (
            CameraSettings(size=(9999, 5)),
            'size is 9999, but the camera refuses it as Width: Value 9999 is wrong; allowed: 16 to 1280 in steps of 4',
        ),
        (
            CameraSettings(gain=99),
            'gain is 99.0, but the camera refuses it as Gain: Value 99.0 is wrong; allowed: 0 to 24.5',
        ),
        (
            CameraSettings(features={'GainAuto': 'On'}),
            "GainAuto is 'On', but the camera refuses it as GainAuto: Value On is wrong; allowed: Off, Once",
        ),
        (CameraSettings(pixel_format='Mono9'), 'but the camera refuses it as PixelFormat: Value Mono9 is wrong'),
        (
            CameraSettings(features={'GainAut': 'Off'}),
            "GainAut is 'Off', but the camera has no feature GainAut; did you mean GainAuto or Gain?",
        ),
        (
            CameraSettings(features={'Locked': 1}),
            'Locked is 1, but the camera does not let Locked be set now; another feature may lock it',
        ),
    ],
)
def test_an_error_says_what_is_allowed(settings: CameraSettings, text: str) -> None:
    nodes = Nodes('Width', 'PixelFormat', 'Gain', 'GainAuto', refused=(9999, 99.0, 'On', 'Mono9'))
    with raises(InvalidArgumentError) as caught:
        apply_settings(nodes, settings)
    assert str(caught.value).endswith(text)


def test_every_setting_is_known() -> None:
    assert set(TAKES) == {*vars(CameraSettings())}


def test_a_part_of_the_sensor_is_set_from_the_corner_on() -> None:
    """The size of a part fits only after its old position is gone."""
    nodes = Nodes('Width', 'Height', 'OffsetX', 'OffsetY')
    order: list[tuple[str, Any]] = []
    nodes.set = lambda name, value: order.append((name, value))  # type: ignore[method-assign]
    apply_settings(nodes, CameraSettings(size=(640, 480), offset=(64, 32)))
    assert order == [
        ('OffsetX', 0),
        ('OffsetY', 0),
        ('Width', 640),
        ('Height', 480),
        ('OffsetX', 64),
        ('OffsetY', 32),
    ]


def test_settings_in_force_are_read_back() -> None:
    nodes = Nodes()
    nodes.values = {'Gain': 3.6, 'GainAuto': 'Off', 'Width': 640, 'DeviceTemperature': 41.5, 'PixelFormat': object()}
    assert read_settings(nodes) == {'Width': 640, 'Gain': 3.6, 'GainAuto': 'Off'}
    assert read_settings(nodes, ['DeviceTemperature', 'Nothing'])['DeviceTemperature'] == 41.5
