from __future__ import annotations

import datetime
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import cv2
import h5py
import numpy as np
import pytest
import tzlocal

from imgstore import util
from imgstore.errors import InvalidArgumentError

VIENNA = ZoneInfo('Europe/Vienna')


class Recording:
    """As much of a store as these functions ask for."""

    def __init__(self, *times: float, **metadata: Any) -> None:
        self.user_metadata = metadata
        self.created = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc), VIENNA
        self.chunks = [3, 4] if times else []
        self._times = list(times)

    @property
    def index(self) -> Recording:
        return self

    def get_chunk_metadata(self, chunk_n: int) -> dict[str, list[Any]]:
        assert chunk_n == self.chunks[0]
        return {'frame_time': self._times, 'frame_number': list(range(len(self._times)))}


def recording(*times: float, **metadata: Any) -> Any:
    return Recording(*times, **metadata)


@pytest.mark.parametrize('name', util.__all__)
def test_every_name_is_there(name: str) -> None:
    assert getattr(util, name) is not None


@pytest.mark.parametrize('letters', ['MJPG', 'avc1', 'H264'])
def test_fourcc_is_that_of_opencv(letters: str) -> None:
    assert util.FourCC(*letters) == cv2.VideoWriter.fourcc(*letters)


@pytest.mark.parametrize('letters', [('M', 'J', 'P', ''), ('MJ', 'J', 'P', 'G'), (1, 2, 3, 4), ('M', 'J', 'P', 'é')])
def test_fourcc_wants_four_letters(letters: Any) -> None:
    with pytest.raises(InvalidArgumentError, match='four ASCII characters'):
        util.FourCC(*letters)


@pytest.fixture
def in_vienna(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as context:
        context.setenv('TZ', 'Europe/Vienna')
        tzlocal.reload_localzone()
        yield
    tzlocal.reload_localzone()


@pytest.mark.usefixtures('in_vienna')
def test_the_local_zone_is_known_by_its_name() -> None:
    assert util.get_local_timezone() == 'Europe/Vienna'
    assert util.get_local_timezone_zoneinfo() == VIENNA


@pytest.mark.parametrize(
    ('metadata', 'zone'),
    [
        ({}, VIENNA),
        ({'timezone': 'Asia/Tokyo'}, ZoneInfo('Asia/Tokyo')),
        ({'timezone': 'Nowhere/Land'}, VIENNA),
        ({'timezone': ''}, VIENNA),
        ({'timezone': None}, VIENNA),
        ({'timezone': 3}, VIENNA),
    ],
)
def test_the_zone_of_a_recording_is_the_users_if_it_is_one(metadata: dict[str, Any], zone: ZoneInfo) -> None:
    assert util.motif_get_recording_timezone(recording(**metadata)) == zone


CAMERA = {'acquisitionframerate': 20.5, 'acquisitionframerateenable': True}


@pytest.mark.parametrize(
    ('metadata', 'fps'),
    [
        ({'hwframerate': 50, 'motifptpframerate': 30, **CAMERA}, 50.0),
        ({'hwframerate': '50'}, 50.0),
        ({'motifptpframerate': 30, **CAMERA}, 30.0),
        ({'hwframerate': None, 'motifptpframerate': 30}, 30.0),
        ({'hwframerate': 0, **CAMERA}, 20.5),
        ({'hwframerate': math.nan, **CAMERA}, 20.5),
        ({'hwframerate': 'x', **CAMERA}, 20.5),
        (CAMERA, 20.5),
        ({**CAMERA, 'acquisitionframerateenable': False}, 7.0),
        ({'acquisitionframerate': 20.5}, 7.0),
        ({'acquisitionframerateenable': True}, 7.0),
        ({}, 7.0),
    ],
    ids=str,
)
def test_the_frame_rate_is_the_first_that_the_metadata_has(metadata: dict[str, Any], fps: float) -> None:
    assert util.motif_get_parse_true_fps(recording(**metadata), default=7.0) == fps


def test_hardware_only_leaves_the_rate_of_the_camera_out() -> None:
    assert util.motif_get_parse_true_fps(recording(**CAMERA), hwardware_only=True) == 25.0
    assert util.motif_get_parse_true_fps(recording(**CAMERA, hwframerate=50), hwardware_only=True) == 50.0


@pytest.mark.parametrize(
    ('times', 'fps'),
    [((0, 0.1, 0.2, 0.7), 10.0), ((0.0,), math.nan), ((), math.nan), ((1.0, 1.0), math.nan), ((1.0, 0.5), math.nan)],
)
def test_without_default_the_times_of_the_first_chunk_tell(times: tuple[float, ...], fps: float) -> None:
    assert util.motif_get_parse_true_fps(recording(*times), default=None) == pytest.approx(fps, nan_ok=True)


def test_motif_readers_accept_an_unneeded_store(tmp_path: Path) -> None:
    """The readers of Motif files accept a store argument that they do not need."""
    rows = [{'frame_number': 5, 'frame_index': 1}, {'frame_number': 4, 'frame_index': 0}]
    records = tmp_path / 'renamed.json'
    records.write_text(json.dumps(rows))
    frame = util.motif_extra_data_json_to_df(None, records)
    assert frame is not None
    assert frame['frame_number'].tolist() == [4, 5]
    records.write_text('[]')
    assert util.motif_extra_data_json_to_df(None, str(records)) is None

    samples = tmp_path / 'renamed.h5'
    with h5py.File(samples, 'w') as file:
        file.attrs['datasets'] = 'force'
        file.create_dataset('force', data=np.array([[1.0, 2.0]])).attrs['column_names'] = 'x'
        file.create_dataset('camera', data=np.array([(5,), (-1,)], [('frame_number', 'i8')]))
    assert util.motif_extra_data_h5_to_df(None, samples).to_dict('list') == {'x': [1.0], 'frame_number': [5]}
    assert util.motif_extra_data_h5_attrs(samples) == {
        '_datasets': ['force'],
        'camera': {},
        'force': {'column_names': 'x'},
    }
