"""Recordings in segments: no frame is lost between them."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import imgstore
from imgstore import MultiStore
from imgstore.align import align_recording, open_recording
from imgstore.errors import CorruptFileError, InvalidArgumentError
from imgstore.marks import marks_path, read_marks

from ..helpers.checked import not_none
from ..helpers.raised import raises
from ..helpers.recorded import check_recording, close_all, content
from .test_recording import FAST, record

pytestmark = pytest.mark.once


def segments(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir())


def check_segments(folder: Path) -> dict[str, list[int]]:
    """Compare the frames of all segments; return the numbers of each camera in order."""
    numbers: dict[str, list[int]] = {}
    assert content(folder)['segments'] == [path.name for path in segments(folder)]
    for path in segments(folder):
        for name, found in check_recording(path).items():
            numbers.setdefault(name, []).extend(found)
    totals = content(folder)['cameras']
    for name, found in numbers.items():
        assert found == sorted(set(found))
        assert totals[name]['frames'] == len(found)
        parts = [content(path)['cameras'][name] for path in segments(folder) if name in content(path)['cameras']]
        for key in ('frames', 'missing'):
            assert sum(part[key] for part in parts) == totals[name][key]
        for before, after in pairwise(parts):
            assert after['first_number'] == before['last_number'] + 1
    return numbers


def test_segments_are_opened_in_order_even_if_a_slow_camera_began_one_last(tmp_path: Path) -> None:
    folder = tmp_path / 'r'
    record(folder, {'a': f'{FAST},frames=150'}, segment=0.1)
    names = content(folder)['segments']
    changed = {**content(folder), 'segments': [*names[1:], names[0]]}
    (folder / 'recording.yaml').write_text(yaml.safe_dump(changed))
    with open_recording(folder)['a'] as store:
        assert list(store.frame_numbers) == list(range(150))


def test_the_segments_in_recording_yaml_are_in_order(tmp_path: Path) -> None:
    sources = {'fast': f'{FAST},frames=300,drop=50-249', 'other': f'{FAST},frames=300'}
    record(tmp_path / 'r', sources, segment=0.1)
    assert content(tmp_path / 'r')['segments'] == [path.name for path in segments(tmp_path / 'r')]


@pytest.mark.parametrize('fmt', ['npy', 'avc1/mp4'])
def test_no_frame_is_lost_between_segments(fmt: str, tmp_path: Path) -> None:
    sources = {'left': f'{FAST},frames=900', 'right': f'{FAST},fps=250,frames=450,drop=100-110'}
    record(tmp_path / 'r', sources, fmt, segment=0.5)
    numbers = check_segments(tmp_path / 'r')
    assert numbers['left'] == list(range(900))
    assert numbers['right'] == [number for number in range(450) if not 100 <= number <= 110]
    assert [path.name for path in segments(tmp_path / 'r')] == [
        'segment-0001',
        'segment-0002',
        'segment-0003',
        'segment-0004',
    ]
    assert content(tmp_path / 'r')['segment_seconds'] == 0.5
    for path in segments(tmp_path / 'r'):
        assert content(path)['ended_utc']
        assert not (path / '.recording.reserve').exists()
        with imgstore.new_for_filename(path / 'left') as store:
            assert np.ptp(store.frame_times) <= 0.5


def test_the_segments_open_as_one_recording_and_align(tmp_path: Path) -> None:
    record(tmp_path / 'r', {'left': f'{FAST},frames=400', 'right': f'{FAST},frames=400'}, segment=0.25)
    opened = open_recording(tmp_path / 'r')
    for store in opened.values():
        assert isinstance(store, MultiStore)
        assert store.frame_numbers.tolist() == list(range(400))
        store.close()
    alignment = align_recording(tmp_path / 'r')
    assert len(alignment) > 380
    close_all(alignment)


def test_one_segment_is_a_store(tmp_path: Path) -> None:
    record(tmp_path / 'r', {'a': f'{FAST},frames=10'}, segment=60)
    assert check_segments(tmp_path / 'r') == {'a': list(range(10))}
    assert check_recording(tmp_path / 'r') == {'a': list(range(10))}


def test_a_camera_that_fails_is_not_in_later_segments(tmp_path: Path) -> None:
    record(tmp_path / 'r', {'gone': f'{FAST},unplug=200', 'stays': f'{FAST},frames=600'}, segment=0.3)
    numbers = check_segments(tmp_path / 'r')
    assert (numbers['gone'], numbers['stays']) == (list(range(200)), list(range(600)))
    first, second, *others = (content(path)['cameras'] for path in segments(tmp_path / 'r'))
    assert first['gone']['reason'] is None
    assert (second['gone']['reason'], second['gone']['failed']) == ('the camera was unplugged', True)
    assert all(set(each) == {'stays'} for each in others)


def test_segments_without_frames_are_left_out(tmp_path: Path) -> None:
    record(tmp_path / 'r', {'slow': 'test:96x32,fps=2,frames=3,buffers=99'}, segment=0.2)
    assert check_segments(tmp_path / 'r') == {'slow': [0, 1, 2]}
    assert len(segments(tmp_path / 'r')) == 3


def test_a_recording_that_is_stopped_completes_its_segment(tmp_path: Path) -> None:
    with imgstore.record({'a': FAST}, tmp_path / 'r', 'npy', segment=0.2) as recording:
        time.sleep(0.5)
        running = yaml.safe_load((tmp_path / 'r' / 'segment-0001' / 'recording.yaml').read_text())
    assert running['ended_utc'] is not None
    assert recording.status()['a'].frames == len(check_segments(tmp_path / 'r')['a'])


@pytest.mark.parametrize('segment', [0, -1, 0.05, 'x', float('nan')])
def test_wrong_durations_of_segments(segment: Any, tmp_path: Path) -> None:
    with raises(InvalidArgumentError, argument='segment'):
        imgstore.record(FAST, tmp_path / 'r', segment=segment)


@pytest.mark.parametrize('wrong', ['[]', '5', '[../x]', '[segment-1, x]'])
def test_a_damaged_list_of_segments_is_an_error(wrong: str, tmp_path: Path) -> None:
    record(tmp_path / 'r', {'a': f'{FAST},frames=10'}, segment=60)
    path = tmp_path / 'r' / 'recording.yaml'
    path.write_text(path.read_text().replace('- segment-0001', wrong).replace('segments:\n', 'segments: '))
    with raises(CorruptFileError):
        open_recording(tmp_path / 'r')


# --- marks


def test_marks_are_extra_data_of_each_camera(tmp_path: Path) -> None:
    with imgstore.record({'a': FAST, 'b': FAST}, tmp_path / 'r', 'npy') as recording:
        while not all(status.frames > 5 for status in recording.status().values()):
            time.sleep(0.01)
        before = time.time()
        at = recording.mark('lick', side='left')
        recording.mark('light', cameras='b')
        assert before - 0.01 <= at <= time.time()
        time.sleep(0.1)
    for name, marks in (('a', ['lick']), ('b', ['lick', 'light'])):
        with imgstore.new_for_filename(tmp_path / 'r' / name) as store:
            extra = not_none(store.get_extra_data()).dropna(subset='event')
            assert extra.event.tolist() == marks
            assert (extra.side.iloc[0], extra.event_time.iloc[0]) == ('left', at)
            number = int(extra.frame_number.iloc[0])
            assert [mark.label for mark in read_marks(marks_path(store.filename))] == marks
            assert read_marks(marks_path(store.filename))[0].start == number
            assert abs(store.find(number=number) and store.frame_times[store.find(number=number)] - at) < 0.1
    check_recording(tmp_path / 'r')


def test_a_mark_of_ended_cameras_is_refused(tmp_path: Path) -> None:
    with imgstore.record({'a': FAST, 'b': 'test:32x24,fps=50,frames=3'}, tmp_path / 'r', 'npy') as recording:
        while recording.status()['b'].state != 'ended':
            time.sleep(0.01)
        with raises(InvalidArgumentError, argument='cameras'):
            recording.mark('x', cameras='b')
        recording.mark('y')
        time.sleep(0.1)
    assert [mark.label for mark in read_marks(marks_path(str(tmp_path / 'r' / 'a')))] == ['y']


def test_wrong_marks_are_refused(tmp_path: Path) -> None:
    recording = imgstore.record({'a': FAST}, tmp_path / 'r', 'npy')
    with raises(InvalidArgumentError, argument='name'):
        recording.mark('too early')
    with recording:
        with raises(InvalidArgumentError, argument='name'):
            recording.mark('')
        with raises(InvalidArgumentError, argument='cameras'):
            recording.mark('x', cameras='none')
        with raises(InvalidArgumentError, argument='values'):
            recording.mark('x', frame_number=3)
        with pytest.raises(TypeError):
            recording.mark('x', value=object())
    with raises(InvalidArgumentError, argument='name'):
        recording.mark('too late')
