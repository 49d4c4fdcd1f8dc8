"""Settings of one camera in its source."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, ClassVar

import pytest

import imgstore
from imgstore.errors import InvalidArgumentError
from imgstore.recording import CameraSettings
from imgstore.recording.source_settings import combined, split_settings

from ..helpers.raised import raises


@pytest.mark.parametrize(
    ('source', 'camera', 'settings'),
    [
        ('pylon:0', 'pylon:0', {}),
        ('pylon:0,exposure=2000', 'pylon:0', {'exposure': 2000.0}),
        ('pylon:left, top,size=64x48', 'pylon:left, top', {'size': (64, 48)}),
        (
            'aravis:10.0.0.7,fps=99.5,gain=-3,trigger=line1',
            'aravis:10.0.0.7',
            {'fps': 99.5, 'gain': -3.0, 'trigger': 'line1'},
        ),
        ('genicam:a,b.cti:0,pixel-format=Mono12p', 'genicam:a,b.cti:0', {'pixel_format': 'Mono12p'}),
        (
            'pylon:0,ExposureAuto=Off,Gamma=0.8,Width=64,ReverseX=true',
            'pylon:0',
            {'features': {'ExposureAuto': 'Off', 'Gamma': 0.8, 'Width': 64, 'ReverseX': True}},
        ),
        ('test:64x48,fps=9,drop=3', 'test:64x48,fps=9,drop=3', {}),
        ('rtsp://cam/a,fps=5', 'rtsp://cam/a,fps=5', {}),
        ('file:a,fps=5', 'file:a,fps=5', {}),
    ],
)
def test_settings_are_split_from_the_camera(source: str, camera: str, settings: dict[str, Any]) -> None:
    assert split_settings(source) == (camera, CameraSettings(**settings))


@pytest.mark.parametrize(
    ('source', 'told'),
    [
        ('pylon:0,exposre=5', 'fps, size, pixel_format, exposure, gain, trigger'),
        ('pylon:0,exposure=', "'' is not allowed as exposure"),
        ('pylon:0,exposure=long', "'long' is not allowed as exposure"),
        ('pylon:0,exposure=-1', 'exposure is -1.0'),
        ('pylon:0,exposure=nan', 'exposure is nan'),
        ('pylon:0,size=64', "'64' is not allowed as size"),
        ('pylon:0,fps=1,fps=2', 'fps twice'),
        ('pylon:0,Gamma=1,Gamma=2', 'Gamma twice'),
    ],
)
def test_a_wrong_setting_is_refused_with_those_that_are_allowed(source: str, told: str, tmp_path: Path) -> None:
    with raises(InvalidArgumentError, argument='sources') as caught:
        imgstore.record(source, tmp_path / 'r')
    assert told in str(caught.value)
    assert source in str(caught.value)


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('fps', 0),
        ('fps', -5),
        ('fps', math.nan),
        ('fps', '100'),
        ('fps', True),
        ('size', (0, 5)),
        ('size', (64,)),
        ('size', '64x48'),
        ('pixel_format', ''),
        ('pixel_format', 8),
        ('exposure', 0),
        ('exposure', math.inf),
        ('gain', math.nan),
        ('trigger', ' '),
        ('features', ['Gamma']),
        ('features', {5: 1}),
    ],
)
def test_values_that_no_camera_has_are_refused(name: str, value: Any) -> None:
    with raises(InvalidArgumentError, argument=name):
        CameraSettings(**{name: value})


def test_settings_of_a_camera_come_before_those_of_all() -> None:
    common = CameraSettings(fps=50, gain=3, features={'Gamma': 1, 'ReverseX': True})
    own = CameraSettings(fps=80, features={'Gamma': 2})
    assert combined(common, own) == CameraSettings(fps=80, gain=3, features={'Gamma': 2, 'ReverseX': True})


class Configured(imgstore.recording.Camera):
    """Notes how it is configured."""

    asked: ClassVar[dict[str, CameraSettings]] = {}

    def open(self) -> None:
        pass

    def configure(self, settings: CameraSettings) -> None:
        self.asked[self.address] = settings

    def start(self) -> None:
        raise imgstore.recording.SourceEndedError

    def next_frame(self, timeout: float) -> None:
        raise AssertionError


def test_each_camera_is_configured_with_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Configured.asked.clear()
    monkeypatch.setitem(imgstore.recording.opening.CAMERAS, 'pylon', f'{__name__}:Configured')
    sources = {'left': 'pylon:0,exposure=2000,Gamma=2', 'right': 'pylon:1'}
    with imgstore.record(sources, tmp_path / 'r', settings=CameraSettings(fps=50, exposure=9)):
        pass
    assert Configured.asked == {
        '0': CameraSettings(fps=50, exposure=2000, features={'Gamma': 2}),
        '1': CameraSettings(fps=50, exposure=9),
    }
    assert 'pylon:0,exposure=2000,Gamma=2' in (tmp_path / 'r' / 'recording.yaml').read_text()


def test_an_error_names_the_camera(tmp_path: Path) -> None:
    with raises(InvalidArgumentError, argument='gain') as caught:
        imgstore.record(
            {'left': 'test:64x48', 'right': 'test:64x48'}, tmp_path / 'r', settings={'right': CameraSettings(gain=3)}
        )
    assert "camera 'right'" in str(caught.value)
