"""rig.yaml: what it may hold, and errors that say where they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from imgstore.errors import CorruptFileError, ImgStoreError, InvalidArgumentError, StoreIOError
from imgstore.recording import CameraSettings, Rig, load_rig

from ...helpers.raised import raises

FULL = """
folder: "data/{date}_{subject}"
subject: 007
format: avc1/mp4
options: {crf: 20, chunksize: 500}
metadata: {cage: 3}
duration: 1h30m
frames: 9000
buffer_bytes: 1000000
settings: &all
  fps: 100
  exposure: 2000
cameras:
  left:
    source: "pylon:40012345"
    roi: [64, 32, 640, 480]
    gain: -1.5
    trigger: line1
    features: {ExposureAuto: Off, GammaEnable: false, BlackLevel: 5, DeviceUserID: 7 left}
    events: {Line1: lick, Line3: 7}
    extra_data: [DeviceTemperature]
    metadata: {lens: 16 mm}
  right:
    source: "genicam:maker.cti:0"
    size: 320x240
    pixel_format: Mono8
    fps: 50
    format: npy
    options: {chunksize: 10}
  above: "opencv:0"
"""
WITHOUT_OPENCV = FULL.replace('  above: "opencv:0"\n', '')


def load(tmp_path: Path, text: str) -> Rig:
    path = tmp_path / 'rig.yaml'
    path.write_text(text)
    return load_rig(path)


def test_a_full_set_up_is_read(tmp_path: Path) -> None:
    rig = load(tmp_path, WITHOUT_OPENCV)
    assert (rig.subject, rig.duration, rig.frames, rig.buffer_bytes) == ('007', 5400.0, 9000, 1_000_000)
    left, right = rig.cameras['left'], rig.cameras['right']
    assert left.settings == CameraSettings(
        fps=100.0,
        exposure=2000.0,
        size=(640, 480),
        offset=(64, 32),
        gain=-1.5,
        trigger='line1',
        features={'ExposureAuto': 'Off', 'GammaEnable': False, 'BlackLevel': 5, 'DeviceUserID': '7 left'},
        events={'Line1': 'lick', 'Line3': '7'},
        extra_data=('DeviceTemperature',),
    )
    assert (left.format, left.options) == ('avc1/mp4', {'crf': 20, 'chunksize': 500})
    assert left.metadata == {'cage': 3, 'lens': '16 mm'}
    assert right.settings == CameraSettings(fps=50.0, exposure=2000.0, size=(320, 240), pixel_format='Mono8')
    assert (right.format, right.options) == ('npy', {'chunksize': 10})


def test_a_camera_may_be_a_source_alone(tmp_path: Path) -> None:
    rig = load(tmp_path, 'folder: data\ncameras: {left: "test:64x48,fps=50"}')
    assert rig.cameras['left'].source == 'test:64x48,fps=50'
    assert rig.cameras['left'].settings == CameraSettings()
    assert rig.new_folder() == str(tmp_path / 'data')


def test_cameras_may_share_keys_by_an_anchor(tmp_path: Path) -> None:
    rig = load(
        tmp_path,
        'folder: data\ncameras:\n  a: &usual {source: "test:64x48", fps: 20}\n  b: {<<: *usual, fps: 30}\n'
        '  c:\n    <<: *usual\n',
    )
    assert [each.settings.fps for each in rig.cameras.values()] == [20.0, 30.0, 20.0]


@pytest.mark.parametrize(
    ('change', 'line', 'key', 'allowed'),
    [
        (('fps: 50', 'fps: fast'), 27, 'cameras.right.fps', 'allowed: a number above 0'),
        (('fps: 50', 'fps: yes'), 27, 'cameras.right.fps', 'allowed: a number above 0'),
        (('fps: 50', 'fsp: 50'), 27, 'cameras.right.fsp', 'did you mean fps?'),
        (('subject:', 'subjct:'), 3, 'subjct', 'did you mean subject?'),
        (('format: npy', 'format: mp4'), 28, 'cameras.right.format', 'did you mean avc1/mp4?'),
        (('format: npy', 'format: nothing'), 28, 'cameras.right.format', 'supported formats'),
        (('{chunksize: 10}', '{crf: 10}'), 29, 'cameras.right.options.crf', 'format npy has no crf'),
        (('{chunksize: 10}', '{overwrite: true}'), 29, 'cameras.right.options.overwrite', 'no option of record'),
        (('{chunksize: 10}', '5'), 29, 'cameras.right.options', 'keys with values'),
        (('crf: 20', 'crf: 99'), 5, 'options.crf', '0 to 51'),
        (('crf: 20', 'colour: 9'), 5, 'options.colour', 'is not an option'),
        (('size: 320x240', 'size: 320'), 25, 'cameras.right.size', 'such as 640x480'),
        (('size: 320x240', 'size: 0x240'), 25, 'cameras.right.size', 'above 0'),
        (('[64, 32, 640, 480]', '[64, 32, 640]'), 16, 'cameras.left.roi', '[x, y, width, height]'),
        (('gain: -1.5', 'size: 640x480'), 16, 'cameras.left.roi', 'remove the size'),
        (('"pylon:40012345"', '"nylon:4"'), 15, 'cameras.left.source', "unknown kind 'nylon'"),
        (('"pylon:40012345"', ''), 15, 'cameras.left.source', 'allowed: text'),
        (('source: "pylon:40012345"', 'fps: 5'), 14, 'cameras.left', "key 'source' is missing"),
        (('  left:', '  a/b:'), 14, 'cameras.a/b', 'its name is that of a folder'),
        (('subject: 007', 'subject: a/b'), 3, 'subject', 'part of a folder'),
        (('subject: 007', 'subject: ..'), 3, 'subject', 'part of a folder'),
        (('{subject}"', '{mouse}"'), 2, 'folder', 'allowed: {date}, {time}, {subject}'),
        (('subject: 007\n', ''), 2, 'folder', 'add subject:'),
        (('folder: "data/{date}_{subject}"', 'folder: "{date"'), 2, 'folder', "'{date'"),
        (('duration: 1h30m', 'duration: soon'), 7, 'duration', 'allowed: 90, 90s'),
        (('duration: 1h30m', 'until: soon'), 7, 'until', 'such as 18:00'),
        (('frames: 9000', 'frames: 0'), 8, 'frames', 'an integer above 0'),
        (('frames: 9000', 'fps: 3\nfps: 4'), 2, '', "'fps' is in lines 8 and 9"),
        (('metadata: {cage: 3}', 'metadata: [1]'), 6, 'metadata', 'keys with values'),
        (('metadata: {cage: 3}', 'metadata: {camera: 3}'), 6, 'metadata.camera', 'choose another name'),
        (('{lens: 16 mm}', '{camera: 16 mm}'), 22, 'cameras.left.metadata.camera', 'choose another name'),
        (('metadata: {cage: 3}', 'metadata: {subject: 8}'), 6, 'metadata.subject', 'in line 3, too; remove one'),
        (('"genicam:maker.cti:0"', '"pylon:40012345,fps=5"'), 24, 'cameras.right.source', "'left' and 'right' are the"),
        (('subject: 007', f'subject: {"m" * 300}'), 3, 'subject', 'has 300 bytes'),
        (('data/{date}', f'data/{"d" * 190}{{date}}'), 2, 'folder', 'it may have 200'),
        (('frames: 9000', 'segment: 0.05'), 8, 'segment', 'allowed: 0.1 s or more'),
        (('buffer_bytes: 1000000', 'buffer_bytes: 256'), 9, 'buffer_bytes', 'allowed: 1000000 bytes or more'),
        (('  left:', '  recording.yaml:'), 14, 'cameras.recording.yaml', 'as the file of the recording'),
        (('  left:', f'  {"c" * 101}:'), 14, f'cameras.{"c" * 101}', 'at most 100'),
        (('{Line1: lick, Line3: 7}', '{Line1: [lick]}'), 20, 'cameras.left.events.Line1', 'allowed: text'),
        (('{Line1: lick, Line3: 7}', 'Line1'), 20, 'cameras.left.events', 'keys with values'),
        (('[DeviceTemperature]', 'DeviceTemperature'), 21, 'cameras.left.extra_data', 'a list of names of features'),
        (('[DeviceTemperature]', '[event]'), 21, 'cameras.left.extra_data', 'a list of names of features'),
        (('ExposureAuto: Off', 'ExposureAuto: [1]'), 19, 'cameras.left.features.ExposureAuto', 'true, false or text'),
        (('  above: "opencv:0"', '  above: "opencv:0"'), 12, 'settings.exposure', "of camera 'above' has no exposure"),
    ],
)
def test_errors_name_line_key_and_what_is_allowed(
    change: tuple[str, str], line: int, key: str, allowed: str, tmp_path: Path
) -> None:
    text = FULL if 'above' in change[0] else WITHOUT_OPENCV
    assert change[0] in text
    with pytest.raises(InvalidArgumentError) as caught:
        load(tmp_path, text.replace(*change, 1))
    assert str(caught.value).startswith(f'{tmp_path / "rig.yaml"}, line {line}{key and ", "}{key}')
    assert allowed in str(caught.value)
    assert caught.value.path == str(tmp_path / 'rig.yaml')


@pytest.mark.parametrize(
    ('text', 'kind', 'what'),
    [
        ('folder: [', CorruptFileError, 'this is no YAML'),
        ('a: b: c', CorruptFileError, 'line 1'),
        ('folder: x\ncameras: {}', InvalidArgumentError, 'line 2, cameras: there is no camera'),
        ('folder: x', InvalidArgumentError, "key 'cameras' is missing"),
        ('cameras: {a: "test:"}', InvalidArgumentError, "key 'folder' is missing"),
        ('- 1', InvalidArgumentError, 'line 1'),
        ('', InvalidArgumentError, 'is empty'),
        ('folder: x\n? [1]\n: 2', InvalidArgumentError, 'a key must be text'),
    ],
)
def test_files_that_hold_no_set_up(text: str, kind: type[ImgStoreError], what: str, tmp_path: Path) -> None:
    with pytest.raises(kind) as caught:
        load(tmp_path, text)
    assert what in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with raises(StoreIOError, path=str(tmp_path / 'none.yaml')):
        load_rig(tmp_path / 'none.yaml')


@pytest.mark.parametrize('kind', ['test:64x48', 'file:x.avi', 'opencv:0', 'rtsp://host/a'])
def test_settings_that_a_source_does_not_have_are_refused_before_it_is_opened(kind: str, tmp_path: Path) -> None:
    camera: dict[str, Any] = {'source': kind, 'gain': 3}
    with pytest.raises(InvalidArgumentError) as caught:
        load(tmp_path, f'folder: x\ncameras:\n  a: {camera}')
    assert f"line 3, cameras.a.gain: source {kind!r} of camera 'a' has no gain" in str(caught.value)


def test_a_source_may_have_settings_of_its_own(tmp_path: Path) -> None:
    rig = load(tmp_path, 'folder: x\nsettings: {fps: 50, gain: 1}\ncameras: {a: "pylon:0,gain=2,ExposureAuto=Off"}')
    assert rig.cameras['a'].settings == CameraSettings(fps=50, gain=2, features={'ExposureAuto': 'Off'})
    with pytest.raises(InvalidArgumentError) as caught:
        load(tmp_path, 'folder: x\ncameras: {a: "opencv:0,gain=2"}')
    assert "line 2, cameras.a: source 'opencv:0,gain=2' of camera 'a' has no gain" in str(caught.value)
