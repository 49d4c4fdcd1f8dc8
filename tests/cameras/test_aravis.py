"""Recordings of the GigE Vision camera that Aravis emulates, a process of its own, on the loopback interface."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import imgstore
from imgstore.align import open_recording
from imgstore.errors import InvalidArgumentError
from imgstore.recording import CameraSettings

from ..helpers.checked import not_none
from ..helpers.raised import raises
from ..helpers.recorded import content

PROGRAM = not_none(shutil.which('arv-fake-gv-camera-0.8'))
ADDRESS = 'aravis:127.0.0.1'
FIRST, LAST = 65401, 65535
"""The fake camera's first frame id, and its last one before it starts again at 1."""


@contextmanager
def switched_on() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([PROGRAM, '-i', '127.0.0.1'], stdout=subprocess.DEVNULL) as camera:
        try:
            time.sleep(0.5)
            yield camera
        finally:
            camera.kill()


def test_frame_ids_that_wrap_and_device_times(tmp_path: Path) -> None:
    settings = CameraSettings(fps=100, pixel_format='Mono8')
    with switched_on():
        recording = imgstore.record({'a': ADDRESS}, tmp_path / 'r', 'npy', settings=settings, frames=300)
        with recording:
            assert recording.wait(60)
    status = recording.status()['a']
    assert status.restarts == 0
    (store,) = open_recording(tmp_path / 'r').values()
    with store:
        numbers, times, extra = store.frame_numbers, store.frame_times, not_none(store.get_extra_data())
        assert numbers[0] == FIRST
        assert numbers[-1] > LAST
        assert len(store) == 300 == numbers[-1] - numbers[0] + 1 - status.missing
        assert (np.diff(times) > 0).all()
        device = extra.device_time_ns.dropna().to_numpy()
        assert np.abs(np.diff(times) - np.diff(device) / 1e9)[100:].max() < 1e-3
        assert store[0].max() > store[0].min()
        assert all(not np.array_equal(store[index], store[index + 1]) for index in range(20))
    told = content(tmp_path / 'r')['cameras']['a']
    assert (told['vendor'], told['model']) == ('Aravis', 'Fake')
    assert len(told['clock']) == 1
    assert abs(told['clock'][0]['drift_ppm']) < 1000


@pytest.mark.parametrize('name', ['Mono16', 'RGB8', 'BayerRG8'])
def test_pixel_formats(name: str, tmp_path: Path) -> None:
    settings = CameraSettings(fps=50, size=(128, 96), pixel_format=name)
    with switched_on():
        recording = imgstore.record({'a': ADDRESS}, tmp_path / 'r', 'png', settings=settings, frames=20)
        with recording:
            assert recording.wait(30)
    assert not recording.status()['a'].failed
    (store,) = open_recording(tmp_path / 'r').values()
    with store:
        assert store.image_shape == ((96, 128) if name == 'Mono16' else (96, 128, 3))
        assert store.dtype == ('uint16' if name == 'Mono16' else 'uint8')
        assert len(store) == 20


def test_settings_in_the_source_are_those_of_the_camera(tmp_path: Path) -> None:
    """A feature of floats takes an integer."""
    source = f'{ADDRESS},fps=50,size=128x96,pixel_format=Mono16,ExposureTimeAbs=2000'
    with switched_on(), imgstore.record({'a': source}, tmp_path / 'r', 'npy', frames=5) as recording:
        assert recording.wait(30)
    assert not recording.status()['a'].failed
    with open_recording(tmp_path / 'r')['a'] as store:
        assert (len(store), *store.image_shape) == (5, 96, 128)
        assert store.dtype == 'uint16'
    with switched_on(), raises(InvalidArgumentError, argument='features') as caught:
        imgstore.record(f'{ADDRESS},ExposureTimeAbs=long', tmp_path / 'other')
    assert 'ExposureTimeAbs' in str(caught.value)


def test_a_camera_that_is_killed_ends_alone(tmp_path: Path) -> None:
    sources = {'gige': ADDRESS, 'other': 'test:96x32,fps=100,buffers=9999'}
    with switched_on() as camera, imgstore.record(sources, tmp_path / 'r', 'npy') as recording:
        end = time.monotonic() + 60
        while recording.status()['gige'].frames < 30:
            assert time.monotonic() < end
            time.sleep(0.05)
        camera.kill()
        while recording.status()['gige'].state != 'ended':
            assert time.monotonic() < end
            time.sleep(0.05)
        assert recording.status()['other'].state == 'recording'
    status = recording.status()['gige']
    assert (status.failed, status.reason) == (True, 'camera aravis:127.0.0.1 was unplugged')
    with open_recording(tmp_path / 'r')['gige'] as store:
        assert len(store) == status.frames >= 30


def test_what_is_not_there_or_refused_is_an_error(tmp_path: Path) -> None:
    with raises(InvalidArgumentError, argument='sources'):
        imgstore.record('aravis:No-Such-Camera', tmp_path / 'r')
    with raises(InvalidArgumentError, argument='sources'):
        imgstore.record('aravis:99', tmp_path / 'r')
    with switched_on():
        for settings, argument, text in (
            (CameraSettings(features={'TriggerMod': 'Off'}), 'features', 'did you mean TriggerMode'),
            (CameraSettings(features={'TriggerMode': 'Maybe'}), 'features', '; allowed: Off, On'),
            (CameraSettings(size=(99999, 8)), 'size', '; allowed: 1 to 2048'),
            (CameraSettings(pixel_format='Mono9'), 'pixel_format', 'Mono8'),
            (CameraSettings(events={'Line9': 'lick'}), 'events', 'which the camera lacks'),
        ):
            with raises(InvalidArgumentError, argument=argument) as caught:
                imgstore.record(ADDRESS, tmp_path / 'r', settings=settings)
            assert text in str(caught.value)


def test_features_are_extra_data_of_each_frame(tmp_path: Path) -> None:
    settings = CameraSettings(size=(128, 96), exposure=2000, fps=50, extra_data=('ExposureTimeAbs', 'GainRaw'))
    with (
        switched_on(),
        imgstore.record({'a': ADDRESS}, tmp_path / 'r', 'npy', settings=settings, frames=10) as recording,
    ):
        assert recording.wait(30)
    with open_recording(tmp_path / 'r')['a'] as store:
        extra = not_none(store.get_extra_data())
    assert extra.ExposureTimeAbs.tolist() == [2000.0] * 10
    assert extra.GainRaw.notna().sum() == 10
