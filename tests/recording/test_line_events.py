"""Digital lines of cameras as events, and features as extra data of each frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import imgstore
from imgstore.errors import InvalidArgumentError
from imgstore.marks import read_marks
from imgstore.recording import CameraSettings
from imgstore.recording.line_events import LineEvents

from ..helpers.checked import not_none
from ..helpers.raised import raises
from ..helpers.recorded import check_recording, content

SOURCE = 'test:96x32,fps=500,buffers=9999,line=0-2+10-12+20+30-39'


@pytest.mark.parametrize(
    ('states', 'edges'),
    [
        ([0, 1, 1, 0, 1], [1, 4]),
        ([1, 1, 0, 1], [3]),
        ([0, None, 1], [2]),
        ([0, 2, 3, 4, 6], [2]),
        ([None, None], []),
    ],
)
def test_an_edge_is_a_line_that_was_low_in_the_frame_before(states: list[int | None], edges: list[int]) -> None:
    found = LineEvents(('Line0', 'Line1'), {'line0': 'lick'})
    assert [at for at, state in enumerate(states) if found.rising(state)] == edges


def test_lines_have_the_bits_of_their_order() -> None:
    found = LineEvents(('Line1', 'Line2', 'Line3'), {'Line3': 'reward', 'Line1': 'lick'})
    found.rising(0)
    assert found.rising(0b111) == [('Line3', 'reward'), ('Line1', 'lick')]
    assert found.rising(0b011) == []
    assert found.rising(0b100) == [('Line3', 'reward')]


def test_rising_edges_of_a_line_are_events_of_their_frames(tmp_path: Path) -> None:
    (tmp_path / 'rig.yaml').write_text(
        f'folder: r\nformat: npy\nframes: 60\ncameras:\n'
        f'  a: {{source: "{SOURCE}", events: {{Line1: lick}}, extra_data: [DeviceTemperature]}}\n'
        f'  b: "{SOURCE.partition(",line")[0]}"\n'
    )
    frames: list[imgstore.recording.RecordedFrame] = []
    recording = imgstore.record(tmp_path / 'rig.yaml')
    recording.on_frame(frames.append, cameras='a', queue_size=99)
    with recording:
        assert recording.wait(30)
    assert check_recording(tmp_path / 'r') == {'a': list(range(60)), 'b': list(range(60))}
    with imgstore.new_for_filename(tmp_path / 'r' / 'a') as store:
        extra = not_none(store.get_extra_data())
        events = extra[extra.event.notna()]
        assert events['event'].tolist() == ['lick'] * 3
        assert events['line'].tolist() == ['Line1'] * 3
        assert events['frame_number'].tolist() == [10, 20, 30]
        assert events['event_time'].tolist() == [store.frame_times[number] for number in (10, 20, 30)]
        status = extra[extra.line_status.notna()].set_index('frame_number').line_status
        assert [number for number, high in status.items() if high] == [0, 1, 2, 10, 11, 12, 20, *range(30, 40)]
        assert extra.DeviceTemperature.dropna().tolist() == [40 + number / 10 for number in range(60)]
    assert [(mark.start, mark.label) for mark in read_marks(tmp_path / 'r' / 'a' / 'marks.csv')] == [
        (10, 'lick'),
        (20, 'lick'),
        (30, 'lick'),
    ]
    assert not (tmp_path / 'r' / 'b' / 'marks.csv').exists()
    assert content(tmp_path / 'r')['cameras']['a']['events'] == {'Line1': 'lick'}
    (tenth,) = (frame for frame in frames if frame.number == 10)
    assert tenth.extra_data == {'line_status': 1, 'DeviceTemperature': 41.0}


@pytest.mark.parametrize(
    ('settings', 'argument', 'text'),
    [
        (CameraSettings(events={'Line7': 'lick'}), 'events', "of line 'Line7', which the camera lacks; it has Line1"),
        (CameraSettings(extra_data=('Gain',)), 'extra_data', 'this source has the feature DeviceTemperature'),
    ],
)
def test_what_a_camera_lacks_is_refused(settings: CameraSettings, argument: str, text: str, tmp_path: Path) -> None:
    with raises(InvalidArgumentError, argument=argument) as caught:
        imgstore.record(SOURCE, tmp_path / 'r', settings=settings)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('events', {'Line1': ''}),
        ('events', ['Line1']),
        ('events', {1: 'lick'}),
        ('extra_data', 'Gain'),
        ('extra_data', ('event',)),
        ('extra_data', ['Gain']),
    ],
)
def test_values_that_no_camera_has_are_refused(name: str, value: Any) -> None:
    with raises(InvalidArgumentError, argument=name):
        CameraSettings(**{name: value})
