"""A store or a video in place of a camera."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

import imgstore
from imgstore.errors import InvalidArgumentError

from ...helpers.checked import not_none
from ...helpers.frames import index_in, numbered
from ...helpers.raised import raises

NUMBERS = [-3, -2, -1, 4, 5, 6, 7, 20]
SHAPE = (32, 96)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    with imgstore.new_for_format('png', tmp_path / 's', imgshape=SHAPE) as made:
        for index, number in enumerate(NUMBERS):
            made.add_image(numbered(index, SHAPE), number, 1_600_000_000 + number / 25)
    return tmp_path / 's'


def replay(source: str, folder: Path) -> imgstore.ImgStore:
    with imgstore.record({'again': source}, folder, 'npy') as recording:
        assert recording.wait(30)
    return imgstore.new_for_filename(folder / 'again')


def test_a_store_is_paced_as_it_was_recorded(store: Path, tmp_path: Path) -> None:
    begin = time.time()
    with replay(f'file:{store}', tmp_path / 'r') as again:
        assert time.time() - begin > 23 / 25
        assert again.frame_numbers.tolist() == NUMBERS
        assert [index_in(image) for image, _ in again] == list(range(8))
        assert np.diff(again.frame_times) == pytest.approx(np.diff(NUMBERS) / 25, abs=0.02)
        assert begin < again.frame_times[0] < begin + 5
        assert not_none(again.get_extra_data()).device_time_ns.iloc[0] == round((1_600_000_000 - 3 / 25) * 1e9)


def test_a_video_is_replayed_faster(store: Path, tmp_path: Path) -> None:
    from imgstore.export import export_video, select

    with imgstore.new_for_filename(store) as source:
        export_video(select(source), tmp_path / 'v.mp4')
    begin = time.monotonic()
    with replay(f'file:{tmp_path / "v.mp4"},fast', tmp_path / 'r') as again:
        assert [index_in(image) for image, _ in again] == list(range(8))
        assert again.get_extra_data() is None
    with replay(f'file:{tmp_path / "v.mp4"},speed=4', tmp_path / 'r4') as again:
        assert len(again) == 8
    assert time.monotonic() - begin < 10


@pytest.mark.parametrize('options', ['speed=0', 'speed=nan', 'speed=x', 'slow'])
def test_wrong_options_are_refused(options: str, store: Path, tmp_path: Path) -> None:
    with raises(InvalidArgumentError, argument='sources'):
        imgstore.record(f'file:{store},{options}', tmp_path / 'r')


def test_images_that_no_camera_gives_are_refused(tmp_path: Path) -> None:
    with imgstore.new_for_format('npy', tmp_path / 's', imgshape=(4, 6), imgdtype='float64') as made:
        made.add_image(np.zeros((4, 6)), 0, 0.0)
    with pytest.raises(InvalidArgumentError, match='float64'):
        imgstore.record({'a': f'file:{tmp_path / "s"}'}, tmp_path / 'r', 'npy')
    assert not (tmp_path / 'r').exists()
