"""Recordings of the cameras that pylon emulates, compared frame by frame."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pypylon import pylon

import imgstore
from imgstore.align import align_recording, open_recording
from imgstore.errors import InvalidArgumentError
from imgstore.recording import CameraSettings
from imgstore.recording.cameras.pylon import PylonCamera

from ..helpers.frames import index_in, numbered
from ..helpers.raised import raises
from ..helpers.recorded import close_all, content

IMAGES, SHAPE = 50, (240, 320)


@pytest.fixture(scope='module')
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The images that the cameras show in turn."""
    folder = tmp_path_factory.mktemp('images')
    for index in range(IMAGES):
        cv2.imwrite(str(folder / f'{index:03d}.png'), numbered(index, SHAPE))
    return folder


@pytest.fixture
def settings(images: Path) -> CameraSettings:
    features = {'TestImageSelector': 'Off', 'ImageFilename': str(images), 'ImageFileMode': 'On'}
    return CameraSettings(fps=100, size=(320, 240), pixel_format='Mono8', features=features)


def check(store: Any) -> list[int]:
    """The images follow each other as the numbers do."""
    numbers = [int(number) for number in store.frame_numbers]
    shown = [index_in(image) for image, _ in store]
    assert len({(number - index) % IMAGES for number, index in zip(numbers, shown, strict=True)}) == 1
    assert (np.diff(store.frame_times) > 0).all()
    return numbers


def test_two_cameras_are_recorded_together(settings: CameraSettings, tmp_path: Path) -> None:
    sources = {'left': 'pylon:0', 'right': 'pylon:1'}
    with imgstore.record(sources, tmp_path / 'r', 'avc1/mp4', settings=settings, frames=150) as recording:
        assert recording.wait(60)
    stores = open_recording(tmp_path / 'r')
    for name, store in stores.items():
        with store:
            numbers = check(store)
            assert numbers == list(range(numbers[0], numbers[0] + 150))
        told = content(tmp_path / 'r')['cameras'][name]
        assert (told['missing'], told['model'], told['device_class']) == (0, 'Emulation', 'BaslerCamEmu')
    alignment = align_recording(tmp_path / 'r')
    assert len(alignment) > 50  # the cameras do not start in the same moment
    close_all(alignment)


def test_a_set_up_takes_a_part_of_the_sensor_and_reads_settings_back(images: Path, tmp_path: Path) -> None:
    (tmp_path / 'rig.yaml').write_text(
        'folder: r\nformat: npy\nframes: 10\ncameras:\n'
        '  left: {source: "pylon:0815-0000", roi: [64, 32, 320, 240], exposure: 2000, features: {GainAuto: Off}}\n'
    )
    with imgstore.record(tmp_path / 'rig.yaml') as recording:
        assert recording.wait(30)
    with imgstore.new_for_filename(tmp_path / 'r' / 'left') as store:
        assert store.image_shape == (240, 320)
        in_force = store.user_metadata['camera']['settings']
    wanted = {'OffsetX': 64, 'OffsetY': 32, 'Width': 320, 'Height': 240, 'ExposureTime': 2000.0, 'GainAuto': 'Off'}
    assert {name: in_force[name] for name in wanted} == wanted
    text = (tmp_path / 'rig.yaml').read_text()
    (tmp_path / 'rig.yaml').write_text(text.replace('320, 240', '99999, 240'))
    with raises(InvalidArgumentError, path=str(tmp_path / 'rig.yaml')):
        imgstore.record(tmp_path / 'rig.yaml', tmp_path / 's')


def test_every_pixel_format_is_recorded(images: Path, tmp_path: Path) -> None:
    """Of the raw ones, readers get colour; the first frame is compared with what the camera shows."""
    camera = PylonCamera('0')
    camera.open()
    names = camera.pixel_formats
    camera.close()
    assert len(names) == 24
    features = {'TestImageSelector': 'Testimage1', 'ImageFileMode': 'Off'}
    for name in names:
        settings = CameraSettings(size=(96, 64), fps=100, pixel_format=name, features=features)
        with imgstore.record({name: 'pylon:0'}, tmp_path / name, 'png', settings=settings, frames=5) as recording:
            assert recording.wait(30), name
        assert not recording.status()[name].failed, recording.status()[name].reason
        (store,) = open_recording(tmp_path / name).values()
        with store:
            assert (len(store), store.image_shape) == (5, (64, 96) if name.startswith('Mono') else (64, 96, 3)), name
            assert store.dtype == ('uint8' if '8' in name else 'uint16')
            assert store[0].max() > store[0].min()


@pytest.fixture
def opened(settings: CameraSettings, tmp_path: Path) -> Iterator[tuple[Any, imgstore.recording.Recording]]:
    """Two cameras while they record, and the first one as pylon has it."""
    first = PylonCamera('0815-0000')
    recording = imgstore.record({'left': first, 'right': 'pylon:1'}, tmp_path / 'r', 'npy', settings=settings)
    device = first._camera
    with recording:
        wait_for(recording, 20)
        yield device, recording


def wait_for(recording: imgstore.recording.Recording, frames: int) -> None:
    """Wait until each camera that still records has so many frames more."""
    known = {name: status.frames for name, status in recording.status().items()}
    end = time.monotonic() + 30
    while any(
        status.state == 'recording' and status.frames < known[name] + frames
        for name, status in recording.status().items()
    ):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_failed_grabs_are_recorded_with_their_reason(opened: Any, tmp_path: Path) -> None:
    device, recording = opened
    device.ForceFailedBufferCount.Value = 3
    device.ForceFailedBuffer.Execute()
    wait_for(recording, 30)
    recording.stop()
    left, right = recording.status().values()
    assert (left.missing, left.lost['transport'], right.missing) == (3, 3, 0)
    assert left.failed_grabs == {'The buffer was incompletely grabbed.': 3}
    stores = open_recording(tmp_path / 'r')
    with stores['left'] as store:
        check(store)
        extra = store.get_extra_data()
        assert extra is not None
        assert extra.failed_grab.tolist() == ['The buffer was incompletely grabbed.'] * 3
        lost = extra.failed_number.tolist()
        assert set(lost).isdisjoint(store.frame_numbers.tolist())
        assert lost == list(range(int(lost[0]), int(lost[0]) + 3))


def test_a_camera_that_is_unplugged_ends_alone(opened: Any, tmp_path: Path) -> None:
    device, recording = opened
    device.DestroyDevice()
    wait_for(recording, 20)
    wait_for(recording, 20)
    left, right = recording.status().values()
    assert (left.state, left.failed, right.state) == ('ended', True, 'recording')
    assert left.reason == 'camera pylon:0815-0000 was unplugged'
    recording.stop()
    for store in open_recording(tmp_path / 'r').values():
        with store:
            check(store)


def test_triggers_take_the_same_frames_of_both_cameras(settings: CameraSettings, tmp_path: Path) -> None:
    cameras = {'left': PylonCamera('0'), 'right': PylonCamera('1')}
    triggered = CameraSettings(**{**settings.given, 'fps': None, 'trigger': 'software'})
    recording = imgstore.record(cameras, tmp_path / 'r', 'npy', settings=triggered, frames=20)
    devices = [camera._camera for camera in cameras.values()]
    with recording:
        time.sleep(0.5)
        assert [status.frames for status in recording.status().values()] == [0, 0]
        for _ in range(20):
            for device in devices:
                assert device.WaitForFrameTriggerReady(1000, pylon.TimeoutHandling_ThrowException)
            for device in devices:
                device.TriggerSoftware.Execute()
            time.sleep(0.1)
        assert recording.wait(30)
    assert recording.notes == ()
    alignment = align_recording(tmp_path / 'r')
    assert alignment.by == 'number'
    assert alignment.numbers.tolist() == [[number, number] for number in range(20)]
    close_all(alignment)


def test_settings_are_refused_with_their_reason(tmp_path: Path) -> None:
    for settings, argument in (
        (CameraSettings(features={'NoSuchFeature': 1}), 'features'),
        (CameraSettings(size=(10**6, 64)), 'size'),
        (CameraSettings(pixel_format='Mono9'), 'pixel_format'),
        (CameraSettings(trigger='line99'), 'trigger'),
    ):
        with raises(InvalidArgumentError, argument=argument):
            imgstore.record('pylon:0', tmp_path / 'r', settings=settings)


@pytest.mark.parametrize(
    ('settings', 'text'),
    [
        (CameraSettings(gain=99), 'gain is 99.0, but the camera refuses it as Gain: Value 99.000000 must be smaller'),
        (CameraSettings(gain=99), '; allowed: 0 to 48'),
        (
            CameraSettings(features={'GainAut': 'Off'}),
            "GainAut is 'Off', but the camera has no feature GainAut; did you",
        ),
        (CameraSettings(features={'GainAuto': 'On'}), '; allowed: Off, Once, Continuous'),
        (CameraSettings(features={'ExposureTime': 'long'}), 'it is of another type; allowed: '),
        (CameraSettings(features={'SensorWidth': 5}), 'does not let SensorWidth be set now'),
        (CameraSettings(events={'Line1': 'lick'}), 'no feature LineStatusAll to read'),
        (CameraSettings(events={'Line9': 'lick'}), 'it has Line1, Line2, Line3'),
        (CameraSettings(extra_data=('Exposuretime',)), 'did you mean ExposureTime'),
    ],
)
def test_an_error_says_what_the_camera_allows(settings: CameraSettings, text: str, tmp_path: Path) -> None:
    with raises(InvalidArgumentError) as caught:
        imgstore.record('pylon:0', tmp_path / 'r', settings=settings)
    assert text in str(caught.value)
    assert 'thrown' not in str(caught.value)
    assert '\n' not in str(caught.value)


def test_features_are_extra_data_of_each_frame(tmp_path: Path) -> None:
    settings = CameraSettings(size=(64, 48), exposure=2000, fps=50, extra_data=('ExposureTime', 'GainAuto'))
    with imgstore.record({'a': 'pylon:0'}, tmp_path / 'r', 'npy', settings=settings, frames=10) as recording:
        assert recording.wait(30)
    with open_recording(tmp_path / 'r')['a'] as store:
        extra = store.get_extra_data()
    assert extra is not None
    assert extra.ExposureTime.tolist() == [2000.0] * 10
    assert extra.GainAuto.tolist() == ['Off'] * 10


def test_one_camera_by_position_and_by_serial_number_is_refused(tmp_path: Path) -> None:
    with raises(InvalidArgumentError, argument='sources') as caught:
        imgstore.record({'left': 'pylon:0', 'right': 'pylon:0815-0000'}, tmp_path / 'r')
    assert "'left' and 'right' are the same camera" in str(caught.value)


def test_settings_in_a_source_are_those_of_its_camera(tmp_path: Path) -> None:
    sources = {'left': 'pylon:0,size=64x48,exposure=2000', 'right': 'pylon:1,PixelFormat=Mono16'}
    settings = CameraSettings(size=(96, 64), pixel_format='Mono8', fps=50)
    with raises(InvalidArgumentError, argument='size') as caught:
        imgstore.record({'left': 'pylon:0', 'right': 'pylon:1,size=9999999x1'}, tmp_path / 'none')
    assert "camera 'right'" in str(caught.value)
    with imgstore.record(sources, tmp_path / 'r', 'npy', settings=settings, frames=3) as recording:
        assert recording.wait(30)
    stores = open_recording(tmp_path / 'r')
    assert {name: store.image_shape for name, store in stores.items()} == {'left': (48, 64), 'right': (64, 96)}
    for store in stores.values():
        store.close()


@pytest.mark.parametrize('address', ['', '7', 'none'])
def test_a_camera_that_is_not_there_is_refused_with_those_that_are(address: str, tmp_path: Path) -> None:
    with raises(InvalidArgumentError, argument='sources') as caught:
        imgstore.record(f'pylon:{address}', tmp_path / 'r')
    assert '0815-0001' in str(caught.value)


def test_the_command_line_records_two_cameras(tmp_path: Path) -> None:
    code = 'import sys; from imgstore.apps.dispatch import main; sys.exit(main())'
    args = ['record', '--source', 'pylon:0', '--source', 'pylon:1', '--duration', '1', '--strict', str(tmp_path / 'r')]
    done = subprocess.run([sys.executable, '-c', code, *args], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, '')
    assert [line.split(':')[0] for line in done.stdout.splitlines()] == ['pylon-0', 'pylon-1']
