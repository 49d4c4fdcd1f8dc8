"""Damage that a summary and a list find without reading frames."""

from __future__ import annotations

import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

import imgstore
from imgstore.apps.info import main
from imgstore.overview import Health, list_stores, overview
from imgstore.stores.factories import new_for_format

from ..helpers.format_table import ROWS
from ..helpers.frames import numbered
from ..helpers.writing import FORMATS

SHAPE = (64, 96, 3)
VIDEOS = ('avc1/mp4', 'h264/mkv', 'hevc/mp4', 'ffv1/mkv', 'mjpeg/avi')


def store_of(folder: Path, fmt: str, frames: int = 24, chunksize: int = 8) -> Path:
    is_color = ROWS[fmt].color_model != 'gray' and ROWS[fmt].holds('uint8', True)
    shape = SHAPE if is_color else SHAPE[:2]
    with new_for_format(fmt, folder, imgshape=shape, chunksize=chunksize) as store:
        for number in range(frames):
            store.add_image(numbered(number, shape), number, number / 25)
    return folder


def health_of(folder: Path) -> Health:
    return overview(folder).health


def video_in(folder: Path) -> Path:
    return next(folder.glob('000001.*[!z]'))  # no index, which ends in .npz


@pytest.mark.parametrize('fmt', FORMATS)
def test_a_sound_store_is_good_and_all_its_chunks_are_checked(tmp_path: Path, fmt: str) -> None:
    health = health_of(store_of(tmp_path / 's', fmt))
    assert (health.good, health.damaged_files, health.missing_images) == (True, (), 0)
    assert health.checked_chunks == 3


@pytest.mark.parametrize('fmt', VIDEOS)
@pytest.mark.parametrize('left', [0, 1, 11, 40, 0.3, 0.6, 0.9, -400, -16, -2])
def test_a_video_that_is_cut_off_is_found_at_any_place(tmp_path: Path, fmt: str, left: float) -> None:
    """It is found by a few headers: no video is opened."""
    video = video_in(store_of(tmp_path / 's', fmt))
    content = video.read_bytes()
    video.write_bytes(content[: left if isinstance(left, int) else round(left * len(content))])
    health = health_of(tmp_path / 's')
    assert not health.good
    assert [text.partition(':')[0] for text in health.damaged_files] == [video.name]
    (row,) = list_stores(tmp_path)
    assert (row.state, row.problem) == ('damaged', health.damaged_files[0])


def test_an_mp4_that_ends_before_its_table_of_frames_is_found(tmp_path: Path) -> None:
    """So does one whose writer was killed at its end; each box before is complete."""
    video = video_in(store_of(tmp_path / 's', 'avc1/mp4'))
    content = video.read_bytes()
    video.write_bytes(content[: content.rindex(b'moov') - 4])
    assert health_of(tmp_path / 's').damaged_files == (
        '000001.mp4: it is cut off; it lacks the table of its frames (moov)',
    )


def test_a_file_that_is_no_video_is_found(tmp_path: Path) -> None:
    video_in(store_of(tmp_path / 's', 'mjpeg/avi')).write_text('an error page of a server')
    assert health_of(tmp_path / 's').damaged_files == (
        '000001.avi: it does not start like AVI, Matroska, MP4 or QuickTime',
    )


def test_missing_and_empty_images_are_counted_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = store_of(tmp_path / 's', 'png')
    (folder / '000000' / '000003.png').unlink()
    (folder / '000002' / '000001.png').rename(folder / '000002' / '000001 (copy).png')
    (folder / '000002' / '000007.png').unlink()
    (folder / '000001' / '000004.png').write_bytes(b'')
    (folder / '000001' / 'mine.png').write_bytes(b'')
    health = health_of(folder)
    assert health.missing_images == 3
    assert health.damaged_files == (
        '000000: 1 of 8 images missing, such as 000003.png',
        '000002: 2 of 8 images missing, such as 000001.png',
        '000001/000004.png: it is empty',
    )
    assert not health.good
    assert main([str(folder)]) == 0
    out = capsys.readouterr().out
    assert 'NOT GOOD' in out
    assert all(text in out for text in health.damaged_files)


def test_the_screen_says_what_was_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(store_of(tmp_path / 's', 'avc1/mp4'))]) == 0
    assert 'checked: indexes, and names, sizes and structure of the files; imgstore verify' in capsys.readouterr().out


def test_many_damaged_files_do_not_fill_the_screen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = store_of(tmp_path / 's', 'png', 30, chunksize=1)
    for path in folder.glob('*/*.png'):
        path.unlink()
    assert main([str(folder)]) == 0
    assert 'and 10 more damaged files or folders' in capsys.readouterr().out
    assert main(['--json', str(folder)]) == 0
    assert len(json.loads(capsys.readouterr().out)['health']['damaged_files']) == 30
    assert (list_stores(folder)[0].problem or '').endswith('; and 25 more')


def test_many_videos_are_checked_in_order(tmp_path: Path) -> None:
    folder = store_of(tmp_path / 's', 'mjpeg/avi', 130, chunksize=1)
    for number in (3, 77, 129):
        video = folder / f'{number:06d}.avi'
        video.write_bytes(video.read_bytes()[:-10])
    health = health_of(folder)
    assert health.checked_chunks == 130
    assert [text[:10] for text in health.damaged_files] == ['000003.avi', '000077.avi', '000129.avi']


def test_the_chunk_that_is_being_written_is_not_checked(tmp_path: Path) -> None:
    with imgstore.new_for_format('avc1/mp4', tmp_path / 's', imgshape=SHAPE, chunksize=4, workers=0) as store:
        for number in range(6):
            store.add_image(numbered(number, SHAPE), number, number / 25)
        health = health_of(tmp_path / 's')
    assert (health.lock, health.good, health.checked_chunks) == ('held', True, 1)


def test_no_frame_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [store_of(tmp_path / fmt.replace('/', '-'), fmt) for fmt in ('avc1/mp4', 'mjpeg/avi', 'png', 'npy')]
    for module, name in (av, 'open'), (cv2, 'imdecode'), (np, 'load'):
        monkeypatch.setattr(module, name, None)
    assert [health_of(folder).good for folder in folders] == [True] * 4
