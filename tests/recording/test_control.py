"""Commands to a recording that runs, and lines on its state."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

import imgstore
from imgstore.errors import InvalidArgumentError
from imgstore.recording import Recording
from imgstore.recording.control import RecordingControl, parse_command
from imgstore.recording.live import LiveView
from imgstore.recording.zmq_control import ZmqControl, check_address, is_open_to_others

from ..helpers.checked import not_none
from ..helpers.raised import raises
from ..helpers.recorded import check_recording, content
from .test_recording import FAST

pytestmark = pytest.mark.once


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Recording]:
    made = imgstore.record({'a': FAST, 'b': FAST}, tmp_path / 'r', 'npy')
    yield made
    made.stop()


def test_a_command_starts_marks_and_stops(recording: Recording, tmp_path: Path) -> None:
    control = RecordingControl(recording, 'secret')
    assert [each['state'] for each in control.run({'do': 'status'}, 'test')['cameras']] == ['ready', 'ready']
    assert control.run({'do': 'start'}, 'test') == {'ok': True}
    while not all(status.frames for status in recording.status().values()):
        time.sleep(0.01)
    assert control.run({'do': 'mark', 'name': 'go', 'cameras': ['a'], 'values': {'trial': 3}}, 'test')['time'] > 1e9
    assert control.run({'do': 'stop'}, 'the test') == {'ok': True}
    assert {each['reason'] for each in content(tmp_path / 'r')['cameras'].values()} == {'stopped by the test'}
    with imgstore.new_for_filename(tmp_path / 'r' / 'a') as store:
        assert not_none(store.get_extra_data()).trial.dropna().tolist() == [3]


@pytest.mark.parametrize(
    'command',
    [
        None,
        5,
        {},
        {'do': 'run'},
        {'do': ['x']},
        {'do': 'stop', 'name': 'x'},
        {'do': 'mark', 'values': 5},
        {'do': 'mark', 'values': {'name': 'x'}},
        {'do': 'mark', 'values': {'cameras': 'x'}},
        {'do': 'mark', 'values': {'event': 'x'}},
        {'do': 'mark', 'cameras': []},
        {'do': 'mark', 'cameras': ['a', 5]},
        {'do': 'mark', 'cameras': 5},
        {'do': 'mark', 'camera': 'a'},
    ],
)
def test_a_wrong_command_is_answered(command: Any, recording: Recording) -> None:
    recording.start()
    answer = RecordingControl(recording, 'secret').run(command, 'test')
    assert not answer['ok']
    assert answer['error']


def test_an_unknown_key_is_answered_with_those_that_are_allowed(recording: Recording) -> None:
    answer = RecordingControl(recording, 'secret').run({'do': 'mark', 'camera': 'a'}, 'test')
    assert answer['error'] == (
        "the command mark has 'camera'; it may have name, cameras, values; did you mean cameras or name?"
    )


@pytest.mark.parametrize(
    'text', [b'', b'{', b'5', b'[]', b'\xff', b'[' * 60_000, b'{"a": 1e999}', b'{"a": [NaN]}', b'{"a": -Infinity}']
)
def test_what_is_no_command_in_json_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidArgumentError):
        parse_command(text)


@pytest.mark.parametrize('token', ['secret', 'two words;=%', 'schlüssel', 'raw \udcff'])
def test_the_token_is_compared(token: str, recording: Recording) -> None:
    control = RecordingControl(recording, token)
    assert control.is_token(token)
    assert control.is_token(token.encode('utf-8', 'surrogateescape'))
    assert not any(map(control.is_token, ['', 'secre', None, 5, 'é', '\ud800', token + ' ', b'guess']))


@pytest.mark.parametrize(
    ('address', 'is_open'),
    [
        ('tcp://127.0.0.1:5555', False),
        ('tcp://localhost:0', False),
        ('tcp://[::1]:5555', False),
        ('ipc:///run/rig.sock', False),
        ('tcp://*:5555', True),
        ('tcp://0.0.0.0:5555', True),
        ('tcp://10.0.0.7:*', True),
        ('tcp://eth0:5555', True),
    ],
)
def test_addresses_that_other_machines_reach(address: str, is_open: bool) -> None:
    check_address(address)
    assert is_open_to_others(address) is is_open


@pytest.mark.parametrize(
    'address',
    ['', '5555', 'tcp://127.0.0.1', 'tcp://127.0.0.1:65536', 'tcp://a:-1', 'tcp://:5', 'ipc://', 'http://a:5'],
)
def test_an_address_of_another_kind_is_refused(address: str) -> None:
    with raises(InvalidArgumentError, argument='zmq'):
        check_address(address)


def test_commands_over_zeromq(recording: Recording, tmp_path: Path) -> None:
    with (
        ZmqControl(RecordingControl(recording, 'secret'), 'tcp://127.0.0.1:0') as server,
        zmq.Context() as context,
        context.socket(zmq.REQ) as socket,
    ):
        socket.setsockopt(zmq.RCVTIMEO, 20_000)
        socket.connect(server.address)

        def ask(command: Any) -> Any:
            socket.send_json(command)
            return socket.recv_json()

        assert not ask({'do': 'start'})['ok']
        assert not ask({'do': 'start', 'token': 'guess'})['ok']
        assert not ask([])['ok']
        socket.send(b'no JSON')
        answer: Any = socket.recv_json()
        assert 'no JSON' in answer['error']
        socket.send_multipart([b'{}', b'{}'])
        answer = socket.recv_json()
        assert '2 parts' in answer['error']
        assert '65536' in ask({'name': 'x' * 70_000})['error']
        assert ask({'do': 'start', 'token': 'secret'})['ok']
        time.sleep(0.3)
        assert ask({'do': 'mark', 'name': 'lever', 'token': 'secret'})['time'] > 1e9
        assert ask({'do': 'status', 'token': 'secret'})['cameras'][0]['state'] == 'recording'
        assert ask({'do': 'stop', 'token': 'secret'})['ok']
        with raises(InvalidArgumentError, argument='zmq'):
            ZmqControl(RecordingControl(recording, 'secret'), server.address)
    assert check_recording(tmp_path / 'r')
    with imgstore.new_for_filename(tmp_path / 'r' / 'b') as store:
        assert not_none(store.get_extra_data()).event.dropna().tolist() == ['lever']


def test_a_line_a_camera_says_how_it_goes(tmp_path: Path) -> None:
    sources = {'a': 'test:96x32,fps=100,buffers=999,drop=3', 'gone': 'test:96x32,fps=100,unplug=20'}
    with imgstore.record(sources, tmp_path / 'r', 'npy') as recording:
        view = LiveView(recording)
        assert view.cameras()[0].rate is None
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            a, gone = view.cameras()
            time.sleep(0.1)
    assert 80 < not_none(a.rate) < 120
    assert (a.state, a.missing, a.queue < 0.1, a.disk_free > 0) == ('recording', 1, True, True)
    assert str(a).startswith(f'a: {not_none(a.rate):.1f} frames/s, {a.frames} frames, 1 missing, queue 0%, disk ')
    assert str(gone) == 'gone: 20 frames, 0 missing, ended: the camera was unplugged'
