"""Cameras of GenTL producers, against a fake of harvesters."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import imgstore
from imgstore.errors import InvalidArgumentError, MissingDependencyError
from imgstore.recording import CameraSettings

from ...helpers.checked import not_none
from ...helpers.frames import index_in, numbered
from ...helpers.raised import raises

SHAPE = (32, 96)


class TimeoutException(Exception):  # noqa: N818 -- harvesters' own name
    """No buffer came in time."""


class Node:
    def __init__(self, value: Any) -> None:
        self.value = value


class Buffer:
    """A buffer as harvesters lends it: it is used again after the block."""

    def __init__(self, number: int, is_complete: bool) -> None:
        self.frame_id, self.timestamp_ns, self._is_complete = number, 10**9 + number * 10**7, is_complete
        data = numbered(number, SHAPE).ravel()
        part = types.SimpleNamespace(data=data, height=SHAPE[0], width=SHAPE[1], data_format='Mono8')
        self.payload = types.SimpleNamespace(components=[part])

    def is_complete(self) -> bool:
        return self._is_complete

    def __enter__(self) -> Buffer:
        return self

    def __exit__(self, *_: object) -> None:
        self.payload.components[0].data[:] = 0


class Acquirer:
    def __init__(self) -> None:
        self.grabs = iter([0, None, 1, 2, -3, 4, 6])
        nodes = types.SimpleNamespace(PixelFormat=Node('Mono8'), ExposureTime=Node(1.0))
        self.remote_device = types.SimpleNamespace(node_map=nodes)
        self.calls: list[str] = []
        self.num_buffers = 0

    def start(self) -> None:
        self.calls.append('start')

    def stop(self) -> None:
        self.calls.append('stop')

    def destroy(self) -> None:
        self.calls.append('destroy')

    def fetch(self, timeout: float) -> Buffer:
        number = next(self.grabs)  # StopIteration stands for an error of a vendor
        if number is None:
            raise TimeoutException
        return Buffer(abs(number), number >= 0)


class Harvester:
    made: ClassVar[list[Harvester]] = []

    def __init__(self) -> None:
        self.files: list[str] = []
        self.device_info_list: list[Any] = []
        self.acquirer = Acquirer()
        self.was_reset = False
        self.made.append(self)

    def add_file(self, path: str) -> None:
        self.files.append(path)

    def update(self) -> None:
        self.device_info_list = [types.SimpleNamespace(vendor='Fake', model='F1', serial_number='7')]

    def create(self, position: int) -> Acquirer:
        return self.acquirer

    def reset(self) -> None:
        self.was_reset = True


@pytest.fixture
def harvesters(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Harvester]]:
    core: Any = types.ModuleType('harvesters.core')
    core.Harvester = Harvester
    gentl: Any = types.ModuleType('genicam.gentl')
    gentl.TimeoutException = TimeoutException
    for name, module in {'harvesters': None, 'harvesters.core': core, 'genicam': None, 'genicam.gentl': gentl}.items():
        monkeypatch.setitem(sys.modules, name, module or types.ModuleType(name))
    Harvester.made.clear()
    yield Harvester.made
    assert all(each.was_reset for each in Harvester.made)


def test_buffers_are_copied_and_numbered(harvesters: list[Harvester], tmp_path: Path) -> None:
    settings = CameraSettings(exposure=2000)
    with imgstore.record({'a': 'genicam:/opt/fake.cti:0'}, tmp_path / 'r', 'npy', settings=settings) as recording:
        assert recording.wait(30)
    (made,) = harvesters
    assert made.files == ['/opt/fake.cti']
    assert made.acquirer.calls == ['start', 'stop', 'destroy']
    assert made.acquirer.remote_device.node_map.ExposureTime.value == 2000.0
    status = recording.status()['a']
    assert status.failed_grabs == {'the buffer is incomplete': 1}
    assert (status.missing, status.reason) == (2, 'StopIteration')
    with imgstore.new_for_filename(tmp_path / 'r' / 'a') as store:
        assert store.frame_numbers.tolist() == [0, 1, 2, 4, 6]
        assert [index_in(image) for image, _ in store] == [0, 1, 2, 4, 6]
        assert not_none(store.get_extra_data()).device_time_ns.dropna().tolist() == [
            10**9 + n * 10**7 for n in (0, 1, 2, 4, 6)
        ]
        assert store.user_metadata['camera']['model'] == 'F1'
        assert np.diff(store.frame_times).min() > 0


def test_producers_are_found_where_their_installers_say(
    harvesters: list[Harvester], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / 'producers').mkdir()
    for name in ('b.cti', 'a.cti', 'notes.txt'):
        (tmp_path / 'producers' / name).touch()
    monkeypatch.setenv('GENICAM_GENTL64_PATH', f'{tmp_path / "none"}:{tmp_path / "producers"}')
    imgstore.record('genicam:0', tmp_path / 'r').stop()
    assert harvesters[0].files == [str(tmp_path / 'producers' / name) for name in ('a.cti', 'b.cti')]


@pytest.mark.parametrize('address', ['', '0', 'a.cti:', 'a.cti:1', 'a.cti:x'])
def test_a_camera_that_is_not_there_is_refused(
    address: str, harvesters: list[Harvester], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv('GENICAM_GENTL64_PATH', raising=False)
    with raises(InvalidArgumentError, argument='sources'):
        imgstore.record(f'genicam:{address}', tmp_path / 'r')


def test_without_harvesters_the_error_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'harvesters', None)
    monkeypatch.setitem(sys.modules, 'genicam', None)
    with pytest.raises(MissingDependencyError, match=r'imgstore\[genicam\]'):
        imgstore.record('genicam:a.cti:0', tmp_path / 'r')
