"""Recordings of synthetic cameras, compared frame by frame."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import imgstore
from imgstore.align import align_recording, open_recording
from imgstore.errors import (
    CorruptFileError,
    InvalidArgumentError,
    InvalidOptionError,
    StoreExistsError,
    StoreNotFoundError,
)
from imgstore.recording import (
    Camera,
    CameraSettings,
    FailedGrab,
    GrabbedFrame,
    RecordedFrame,
    SourceEndedError,
    camera_kinds,
)
from imgstore.recording.cameras.synthetic import SyntheticCamera
from imgstore.recording.opening import named_sources

from ..helpers.checked import not_none
from ..helpers.frames import numbered
from ..helpers.raised import raises
from ..helpers.recorded import check_recording, close_all, content

FAST = 'test:96x32,fps=500,buffers=100000'
"""A camera that loses no frame by itself, however busy the machine is."""


def record(folder: Path, sources: Any, format: str = 'npy', **options: Any) -> imgstore.recording.Recording:
    """Record until all cameras have ended by themselves."""
    with imgstore.record(sources, folder, format, **options) as recording:
        assert recording.wait(60)
    return recording


@pytest.mark.slow
@pytest.mark.once
def test_ten_thousand_frames_of_two_cameras_are_those_taken(tmp_path: Path) -> None:
    sources = {'left': f'{FAST},fps=1000,frames=10000', 'right': f'{FAST},fps=800,frames=10000,jitter=0.0001'}
    record(tmp_path / 'r', sources, chunksize=1000)
    assert check_recording(tmp_path / 'r') == {'left': list(range(10_000)), 'right': list(range(10_000))}


@pytest.mark.parametrize('fmt', ['npy', 'png', 'avc1/mp4', 'mjpeg/avi', 'ffv1/mkv'])
def test_every_frame_is_recorded_with_its_number_and_time(fmt: str, tmp_path: Path) -> None:
    begin = time.time()
    recording = record(tmp_path / 'r', {'only': f'{FAST},frames=200'}, fmt, chunksize=64)
    assert check_recording(tmp_path / 'r') == {'only': list(range(200))}
    status = recording.status()['only']
    assert (status.frames, status.missing, status.state, status.failed) == (200, 0, 'ended', False)
    with imgstore.new_for_filename(tmp_path / 'r' / 'only') as store:
        assert begin - 0.01 < store.frame_times[0] < store.frame_times[-1] < time.time()
        assert store.format == fmt


def test_every_kind_of_loss_is_counted_where_it_was(tmp_path: Path) -> None:
    recording = record(tmp_path / 'r', {'a': f'{FAST},frames=100,drop=10-14+50,fail=20+21'})
    numbers = set(range(100)) - {10, 11, 12, 13, 14, 50, 20, 21}
    assert check_recording(tmp_path / 'r') == {'a': sorted(numbers)}
    status = recording.status()['a']
    assert status.lost == {'camera': 6, 'transport': 2, 'queue': 0}
    assert status.failed_grabs == {'the buffer is incomplete': 2}
    assert status.largest_gap == 5
    with imgstore.new_for_filename(tmp_path / 'r' / 'a') as store:
        extra = not_none(store.get_extra_data())
    assert extra.failed_grab.dropna().tolist() == ['the buffer is incomplete'] * 2
    assert extra.failed_number.dropna().tolist() == [20, 21]


@pytest.mark.parametrize(('bits', 'start'), [(16, 65_500), (32, 2**32 - 40), (16, 0)])
def test_a_counter_that_wraps_loses_no_frame(bits: int, start: int, tmp_path: Path) -> None:
    record(tmp_path / 'r', {'a': f'{FAST},frames=150,drop=35-37,bits={bits},start={start}'})
    first = max(start, 1) if bits == 16 else start
    assert check_recording(tmp_path / 'r', first)['a'] == [*range(35), *range(38, 150)]


def test_the_cameras_clock_gives_the_times_and_stays_in_the_extra_data(tmp_path: Path) -> None:
    record(tmp_path / 'r', {'a': f'{FAST},fps=200,frames=400,jitter=0.002,drift=100'})
    with imgstore.new_for_filename(tmp_path / 'r' / 'a') as store:
        extra, times = not_none(store.get_extra_data()), store.frame_times
    assert extra.device_time_ns.tolist() == [10**12 + round(number / 200 * (1 + 100e-6) * 1e9) for number in range(400)]
    late = extra.arrival_time - times
    assert late.min() > -0.01
    assert np.abs(np.diff(times)[50:] - 0.005).max() < 0.0005 < np.abs(np.diff(extra.arrival_time)[50:] - 0.005).max()
    (line,) = content(tmp_path / 'r')['cameras']['a']['clock']
    assert line['device_ns'] == 10**12
    assert line['utc'] == pytest.approx(times[0], abs=0.02)


def test_a_clock_that_jumps_is_in_the_file_and_times_ascend(tmp_path: Path) -> None:
    record(tmp_path / 'r', {'a': f'{FAST},frames=200,jump=100:-500'})
    check_recording(tmp_path / 'r')
    assert [line['first_number'] for line in content(tmp_path / 'r')['cameras']['a']['clock']] == [0, 100]


def test_without_a_clock_times_are_those_of_arrival(tmp_path: Path) -> None:
    record(tmp_path / 'r', {'a': f'{FAST},frames=20,no_clock'})
    check_recording(tmp_path / 'r')
    with imgstore.new_for_filename(tmp_path / 'r' / 'a') as store:
        assert store.get_extra_data() is None
    assert content(tmp_path / 'r')['cameras']['a']['clock'] == []


def test_a_camera_that_fails_ends_alone(tmp_path: Path) -> None:
    sources = {'gone': f'{FAST},unplug=40', 'stays': f'{FAST},frames=300', 'never': f'{FAST},unplug=0'}
    recording = record(tmp_path / 'r', sources)
    assert check_recording(tmp_path / 'r') == {'gone': list(range(40)), 'stays': list(range(300))}
    cameras = content(tmp_path / 'r')['cameras']
    assert cameras['gone']['reason'] == cameras['never']['reason'] == 'the camera was unplugged'
    assert [cameras[name]['failed'] for name in sources] == [True, False, True]
    assert not recording.status()['stays'].failed


@pytest.mark.parametrize(
    ('source', 'fmt', 'options', 'argument'),
    [
        (f'{FAST},pixel=Mono16', 'avc1/mp4', {}, 'imgdtype'),
        ('test:1x1', 'avc1/mp4', {}, 'imgshape'),
        (FAST, 'npy', {'chunksize': 0}, 'chunksize'),
        (FAST, 'npy', {'metadata': {'__store': 4}}, 'metadata'),
        (FAST, 'npy', {'metadata': {'lens': object()}}, 'metadata'),
        (FAST, 'avc1/mp4', {'codec_options': {'no-such': 1}}, 'codec_options'),
    ],
)
def test_a_store_that_cannot_be_made_is_refused_before_the_start(
    source: str, fmt: str, options: dict[str, Any], argument: str, tmp_path: Path
) -> None:
    with raises(InvalidArgumentError, argument=argument) as caught:
        imgstore.record({'good': FAST, 'bad': source}, tmp_path / 'r', fmt, **options)
    assert "camera '" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


class Surprising(SyntheticCamera):
    """A camera whose images are known only with the first one."""

    def image_layout(self) -> None:
        """Say nothing of them."""


def test_options_are_checked_without_a_known_image(tmp_path: Path) -> None:
    for options in ({'chunksize': 0}, {'metadata': {'__store': 4}}):
        with pytest.raises(InvalidArgumentError):
            imgstore.record({'a': Surprising('96x32')}, tmp_path / 'r', 'npy', **options)
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_cannot_be_made_ends_its_camera_alone(tmp_path: Path) -> None:
    deep = Surprising('96x32,fps=500,buffers=100000,pixel=Mono12,frames=50')
    with imgstore.record({'deep': deep, 'good': f'{FAST},frames=50'}, tmp_path / 'r', 'bmp') as recording:
        assert recording.wait(30)
    assert check_recording(tmp_path / 'r') == {'good': list(range(50))}
    status = recording.status()['deep']
    assert status.failed
    assert 'uint16' in (status.reason or '')
    assert status.lost['queue'] > 0


@pytest.mark.parametrize('pixel', ['Mono12', 'Mono16', 'BayerRG8', 'BGR8', 'RGB8'])
def test_pixel_formats_are_kept_by_png(pixel: str, tmp_path: Path) -> None:
    record(tmp_path / 'r', {'a': f'test:96x32,fps=200,pixel={pixel},frames=10'}, 'png')
    (store,) = open_recording(tmp_path / 'r').values()
    with store:
        assert len(store) == 10
        assert store.dtype == ('uint16' if pixel.startswith('Mono') else 'uint8')
        assert store.image_shape == ((32, 96) if pixel.startswith('Mono') else (32, 96, 3))
        assert (store.encoding or '') == ('cv_bayerbg' if pixel == 'BayerRG8' else '')


# --- from Python


def test_the_folder_has_a_store_a_camera_and_one_file(tmp_path: Path) -> None:
    record(tmp_path / 'r', [f'{FAST},frames=5', f'{FAST},frames=5', 'test:96x32,frames=5'], metadata={'mouse': 7})
    assert sorted(path.name for path in (tmp_path / 'r').iterdir()) == [
        'recording.yaml',
        'test-96x32',
        'test-96x32-2',
        'test-96x32-3',
    ]
    told = content(tmp_path / 'r')
    assert told['metadata'] == {'mouse': 7}
    assert told['software'] == f'imgstore {imgstore.__version__}'
    assert told['created_utc'] < told['ended_utc']
    assert told['cameras']['test-96x32']['source'] == f'{FAST},frames=5'
    with imgstore.new_for_filename(tmp_path / 'r' / 'test-96x32') as store:
        assert store.user_metadata['mouse'] == 7
        assert store.user_metadata['camera']['source'] == f'{FAST},frames=5'


def test_start_and_stop_from_any_thread(tmp_path: Path) -> None:
    recording = imgstore.record({'a': FAST, 'b': FAST}, tmp_path / 'r', 'npy')
    assert [status.state for status in recording.status().values()] == ['ready', 'ready']
    assert not (tmp_path / 'r').exists()
    recording.start()
    recording.start()
    assert not recording.wait(0.3)
    assert [status.state for status in recording.status().values()] == ['recording', 'recording']
    stopping = [threading.Thread(target=recording.stop) for _ in range(3)]
    for thread in stopping:
        thread.start()
    for thread in stopping:
        thread.join(20)
    assert recording.wait(0)
    found = check_recording(tmp_path / 'r')
    assert min(map(len, found.values())) > 50
    with raises(InvalidArgumentError):
        recording.start()


def test_cameras_stop_after_the_duration_or_a_number_of_frames(tmp_path: Path) -> None:
    record(tmp_path / 'r', {'a': FAST, 'b': FAST}, duration=0.5)
    found = check_recording(tmp_path / 'r')
    assert all(150 < len(numbers) < 400 for numbers in found.values())
    record(tmp_path / 's', {'a': FAST, 'b': f'{FAST},drop=3'}, frames=20)
    assert {name: len(numbers) for name, numbers in check_recording(tmp_path / 's').items()} == {'a': 20, 'b': 20}
    assert content(tmp_path / 's')['cameras']['a']['reason'] == 'stopped'


def test_a_recording_that_never_starts_leaves_nothing(tmp_path: Path) -> None:
    recording = imgstore.record(FAST, tmp_path / 'r')
    recording.stop()
    assert recording.wait(1)
    assert list(tmp_path.iterdir()) == []


def test_an_error_in_the_block_is_the_reason(tmp_path: Path) -> None:
    def fail() -> None:
        with imgstore.record({'a': FAST}, tmp_path / 'r', 'npy') as recording:
            while not recording.status()['a'].frames:
                time.sleep(0.01)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert content(tmp_path / 'r')['cameras']['a']['reason'] == 'stopped by ZeroDivisionError'
    assert check_recording(tmp_path / 'r')['a']


def test_callbacks_get_frames_while_they_are_recorded(tmp_path: Path) -> None:
    every: list[RecordedFrame] = []
    right: list[RecordedFrame] = []
    sources = {'left': f'{FAST},frames=100', 'right': f'{FAST},frames=100'}
    recording = imgstore.record(sources, tmp_path / 'r', 'npy')
    both = recording.on_frame(every.append, queue_size=1000)
    recording.on_frame(right.append, cameras='right', queue_size=1000)
    with recording:
        recording.wait(30)
    assert sorted((frame.camera, frame.number) for frame in every) == [
        (name, number) for name in ('left', 'right') for number in range(100)
    ]
    assert [frame.number for frame in right] == list(range(100))
    assert (both.called, both.dropped) == (200, 0)
    assert all(frame.image.shape == (32, 96) and frame.time <= frame.arrival + 0.05 for frame in every)


def test_a_callback_may_come_late_and_fail(tmp_path: Path) -> None:
    """Its error is raised after the stores are complete."""

    def callback(frame: RecordedFrame) -> None:
        raise KeyError(frame.number)

    recording = imgstore.record({'a': f'{FAST},frames=100'}, tmp_path / 'r', 'npy')
    recording.on_frame(callback)
    recording.start()
    recording.wait(30)
    with pytest.raises(KeyError):
        recording.stop()
    assert check_recording(tmp_path / 'r')['a'] == list(range(100))
    with raises(InvalidArgumentError, argument='callback'):
        recording.on_frame(callback)


def test_a_callback_may_stop_the_recording(tmp_path: Path) -> None:
    def callback(frame: RecordedFrame) -> None:
        if frame.number >= 50:
            recording.stop('the trial is over')

    with imgstore.record({'a': FAST, 'b': FAST}, tmp_path / 'r', 'npy') as recording:
        recording.on_frame(callback, cameras=['a'])
        assert recording.wait(30)
    assert {name: camera['reason'] for name, camera in content(tmp_path / 'r')['cameras'].items()} == {
        'a': 'the trial is over',
        'b': 'the trial is over',
    }


def test_a_full_queue_loses_frames_and_counts_them(tmp_path: Path) -> None:
    """Three frames may wait; each one that comes meanwhile is lost."""
    recording = record(
        tmp_path / 'r',
        {'a': 'test:640x480,fps=400,frames=300'},
        'png',
        buffer_bytes=1_000_000,
        workers=1,
        compression=9,
    )
    status = recording.status()['a']
    found = check_recording(tmp_path / 'r')['a']
    assert status.lost['queue'] + status.lost['camera'] == 300 - len(found) > 0


# --- cameras of one's own


class Own(Camera):
    """Gives what it was made with."""

    def __init__(self, grabs: list[Any]) -> None:
        super().__init__('own')
        self.grabs, self.calls = list(grabs), ['made']

    def open(self) -> None:
        self.calls.append('open')

    def start(self) -> None:
        self.calls.append('start')

    def next_frame(self, timeout: float) -> GrabbedFrame | FailedGrab | None:
        if not self.grabs:
            raise SourceEndedError
        grab = self.grabs.pop(0)
        if isinstance(grab, Exception):
            raise grab
        if isinstance(grab, int):
            return GrabbedFrame(numbered(grab, (32, 96)), 'Mono8', time.monotonic_ns(), grab)
        return None if grab is None else FailedGrab(grab, time.monotonic_ns())

    def stop(self) -> None:
        self.calls.append('stop')

    def close(self) -> None:
        self.calls.append('close')


def test_a_camera_of_ones_own_is_recorded(tmp_path: Path) -> None:
    camera = Own([None, 'too early', 3, 4, None, 'cut off', 7])
    recording = record(tmp_path / 'r', {'own': camera})
    assert camera.calls == ['made', 'open', 'start', 'stop', 'close']
    assert check_recording(tmp_path / 'r') == {'own': [3, 4, 7]}
    assert recording.status()['own'].lost == {'camera': 0, 'transport': 2, 'queue': 0}
    assert recording.status()['own'].failed_grabs == {'too early': 1, 'cut off': 1}
    with imgstore.new_for_filename(tmp_path / 'r' / 'own') as store:
        extra = not_none(store.get_extra_data())
    assert extra.failed_grab.tolist() == ['too early', 'cut off']
    assert extra.frame_number.tolist() == [3, 4]


def test_an_error_without_a_text_is_named(tmp_path: Path) -> None:
    recording = record(tmp_path / 'r', {'own': Own([1, RuntimeError()])})
    assert recording.status()['own'].reason == 'RuntimeError'


class Hanging(Own):
    """Hangs in its software after its frames."""

    goes_on: threading.Event

    def next_frame(self, timeout: float) -> GrabbedFrame | FailedGrab | None:
        if not self.grabs:
            self.goes_on.wait(60)
        return super().next_frame(timeout)


def test_a_camera_that_hangs_keeps_no_store_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('imgstore.recording.recorder._PATIENCE', 0.3)
    camera = Hanging([0, 1, 2])
    camera.goes_on = threading.Event()
    with imgstore.record({'hangs': camera, 'good': FAST}, tmp_path / 'r', 'npy') as recording:
        time.sleep(0.2)
    assert check_recording(tmp_path / 'r')['hangs'] == [0, 1, 2]
    assert recording.status()['good'].frames > 20
    camera.goes_on.set()


def test_a_camera_that_cannot_be_opened_closes_the_others(tmp_path: Path) -> None:
    camera = Own([])
    with raises(InvalidArgumentError, argument='sources'):
        imgstore.record({'own': camera, 'none': 'file:none.mp4'}, tmp_path / 'r')
    assert camera.calls == ['made', 'open', 'close']
    assert list(tmp_path.iterdir()) == []


# --- wrong arguments

OWN = Own([])


@pytest.mark.parametrize(
    ('sources', 'options', 'argument'),
    [
        ({}, {}, 'sources'),
        ('opencv', {}, 'sources'),
        ('none:0', {}, 'sources'),
        ({'a/b': FAST}, {}, 'sources'),
        ({'..': FAST}, {}, 'sources'),
        ({'recording.yaml': FAST}, {}, 'sources'),
        ({'Recording.yaml': FAST}, {}, 'sources'),
        ({'a' * 101: FAST}, {}, 'sources'),
        (['opencv:0', 'opencv:0'], {}, 'sources'),
        ({'left': 'pylon:0,gain=2', 'right': 'pylon:0'}, {}, 'sources'),
        ([OWN, OWN], {}, 'sources'),
        (7, {}, 'sources'),
        ([7], {}, 'sources'),
        ('test:0x5', {}, 'sources'),
        ('test:64x48,speed=3', {}, 'sources'),
        ('test:64x48,fps=much', {}, 'sources'),
        ('test:64x48,fps=1e999', {}, 'sources'),
        ('test:64x48,drop=0-99999999999', {}, 'sources'),
        ('test:64x48,buffers=0', {}, 'sources'),
        ('test:99999x99999', {}, 'sources'),
        (FAST, {'format': 'none'}, 'format'),
        (FAST, {'duration': -1}, 'duration'),
        (FAST, {'duration': '5'}, 'duration'),
        (FAST, {'frames': 0}, 'frames'),
        (FAST, {'buffer_bytes': -1}, 'buffer_bytes'),
        (FAST, {'buffer_bytes': 256}, 'buffer_bytes'),
        (FAST, {'metadata': {'camera': 'old'}}, 'metadata'),
        (FAST, {'crf': 99}, 'crf'),
        (FAST, {'settings': 5}, 'settings'),
        ({'a': FAST}, {'settings': {'b': CameraSettings()}}, 'settings'),
        ({'a': FAST}, {'settings': {'a': 100}}, 'settings'),
        (FAST, {'settings': CameraSettings(gain=3)}, 'gain'),
        (FAST, {'settings': CameraSettings(pixel_format='Mono9')}, 'pixel_format'),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_written(
    sources: Any, options: dict[str, Any], argument: str, tmp_path: Path
) -> None:
    with raises(InvalidArgumentError, argument=argument):
        imgstore.record(sources, tmp_path / 'r', **options)
    assert list(tmp_path.iterdir()) == []


def test_an_error_names_camera_and_source(tmp_path: Path) -> None:
    with raises(InvalidArgumentError, argument='sources') as caught:
        imgstore.record({'left': FAST, 'right': 'test:64x48,speed=3'}, tmp_path / 'r')
    assert str(caught.value).startswith("camera 'right', source test:64x48,speed=3: 'speed' is no option")


class Numbered(Own):
    """A camera with a serial number."""

    def describe(self) -> dict[str, Any]:
        return {'model': 'own', 'serial': '7'}


def test_one_camera_by_two_names_is_refused_once_its_serial_number_is_known(tmp_path: Path) -> None:
    cameras = {'left': Numbered([]), 'right': Numbered([])}
    with raises(InvalidArgumentError, argument='sources') as caught:
        imgstore.record(cameras, tmp_path / 'r')
    assert "'left' and 'right' are the same camera" in str(caught.value)
    assert 'serial number 7' in str(caught.value)
    assert all(camera.calls == ['made', 'open', 'close'] for camera in cameras.values())


@pytest.mark.parametrize('source', ['test:64x48', 'opencv:rtsp://a/b', 'rtsp://a/b', 'file:a.avi'])
def test_what_is_no_device_may_be_recorded_twice(source: str) -> None:
    assert list(named_sources([source, source]).values()) == [source, source]


@pytest.mark.parametrize('name', ['imgshape', 'overwrite', 'cache_bytes', 'nonsense'])
def test_options_that_are_not_for_recordings_are_refused(name: str, tmp_path: Path) -> None:
    with raises(InvalidOptionError):
        imgstore.record(FAST, tmp_path / 'r', **dict[str, Any]({name: None}))


def test_an_existing_recording_stays(tmp_path: Path) -> None:
    record(tmp_path / 'r', f'{FAST},frames=5')
    before = sorted(tmp_path.rglob('*'))
    with raises(StoreExistsError):
        imgstore.record(FAST, tmp_path / 'r')
    (tmp_path / 'other').mkdir()
    (tmp_path / 'other' / 'notes.txt').touch()
    for name in ('other', 'other/notes.txt'):
        with raises(InvalidArgumentError, argument='folder'):
            imgstore.record(FAST, tmp_path / name)
    assert sorted(tmp_path.rglob('*')) == sorted([*before, tmp_path / 'other', tmp_path / 'other' / 'notes.txt'])


def test_of_two_recordings_opened_in_one_folder_the_first_to_start_has_it(tmp_path: Path) -> None:
    first, second = (imgstore.record({name: f'{FAST},frames=5'}, tmp_path / 'r', 'png') for name in 'ab')
    with first:
        with raises(StoreExistsError):
            second.start()
        assert first.wait(20)
    assert [*content(tmp_path / 'r')['cameras']] == ['a']
    assert check_recording(tmp_path / 'r') == {'a': [*range(5)]}


def test_our_kinds_of_cameras_are_listed() -> None:
    assert {'file', 'opencv', 'test'} <= set(camera_kinds())


# --- afterwards


def test_cameras_are_aligned_without_further_input(tmp_path: Path) -> None:
    sources = {'left': 'test:96x32,fps=100,frames=100,drop=20-22', 'right': 'test:96x32,fps=100,frames=100,drop=50'}
    record(tmp_path / 'r', sources)
    alignment = align_recording(tmp_path / 'r')
    assert alignment.by == 'time'
    assert len(alignment) > 90
    begin = [content(tmp_path / 'r')['cameras'][name]['first_time'] for name in sources]
    shift = round((begin[1] - begin[0]) * 100)
    assert (np.abs(alignment.numbers[:, 0] - alignment.numbers[:, 1] - shift) <= 1).all()
    close_all(alignment)


def test_triggered_cameras_have_numbers_from_the_first_trigger(tmp_path: Path) -> None:
    sources = {'left': 'test:96x32,fps=100,start=1000', 'right': 'test:96x32,fps=100,start=70,drop=5'}
    recording = record(tmp_path / 'r', sources, frames=50, settings=CameraSettings(trigger='line1'))
    assert recording.notes == ()
    alignment = align_recording(tmp_path / 'r', join='outer')
    assert alignment.by == 'number'
    assert alignment.numbers[:6].tolist() == [[0, 0], [1, 1], [2, 2], [3, 3], [4, 4], [5, -1]]
    close_all(alignment)


def test_a_camera_that_misses_the_first_trigger_is_reported(tmp_path: Path) -> None:
    sources = {'left': 'test:96x32,fps=50', 'right': 'test:96x32,fps=50,drop=0'}
    recording = record(tmp_path / 'r', sources, frames=40, settings=CameraSettings(trigger='line1'))
    assert len(recording.notes) == 2
    assert all(note.startswith('right: ') for note in recording.notes)
    assert content(tmp_path / 'r')['notes'] == list(recording.notes)


def test_a_recording_that_is_none_is_refused(tmp_path: Path) -> None:
    with raises(StoreNotFoundError):
        open_recording(tmp_path)
    for cameras in (None, [1], {'a': 1}, {'a': {'store': '../a'}}, {'a': {'store': 5}}):
        (tmp_path / 'recording.yaml').write_text(yaml.safe_dump({'cameras': cameras}))
        with raises(CorruptFileError, file='recording.yaml'):
            open_recording(tmp_path)
    (tmp_path / 'recording.yaml').write_text(yaml.safe_dump({'cameras': {'a': {'store': 'a'}}}))
    assert open_recording(tmp_path) == {}
    with raises(InvalidArgumentError, argument='path'):
        align_recording(tmp_path)
