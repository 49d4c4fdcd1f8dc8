"""imgstore-save of damaged videos: what a decoder makes up is left out and reported, its number stays free."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from imgstore.apps.save import main
from imgstore.chunks.video.cut_off import is_cut_off
from imgstore.sources.steady import Numbering

from ..helpers.damaged_films import (
    COUNT,
    DAMAGED,
    GROUP,
    KINDS,
    make_film,
    places,
    saved,
)

pytestmark = pytest.mark.process

ALONE = ('ffv1_alone.mkv', 'mjpeg.avi', 'mjpeg.mov', 'prores.mov', 'png.avi')
"""Each frame is decoded by itself."""

NOTICED = (
    'h264.mp4',
    'ffv1.mkv',
    *ALONE[:3],
    'png.avi',
    'mpeg4.avi',
    'mpeg4_b.mp4',
    'mpeg4_b.avi',
    'mpeg2.ts',
    'mpeg2.mxf',
    'wmv.wmv',
    'gif.gif',
    'theora.ogv',
)
"""Their decoders notice this damage."""


@pytest.fixture(scope='module')
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('films')
    for name, options in KINDS.items():
        make_film(folder / name, options)
    return folder


def damage(path: Path, target: Path, seed: int) -> None:
    place, size = places(path)[DAMAGED]
    data, length = bytearray(path.read_bytes()), min(40, size // 3)
    begin = place + size // 3
    data[begin : begin + length] = np.random.default_rng(seed).integers(0, 256, length, np.uint8).tobytes()
    target.write_bytes(data)


@pytest.mark.slow
@pytest.mark.parametrize('name', KINDS)
def test_an_intact_video_is_saved_with_exit_code_0(films: Path, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes((films / name).read_bytes())
    assert list(saved(tmp_path / name, 0)) == list(range(COUNT))


@pytest.mark.slow
@pytest.mark.parametrize('seed', [3, 4])
@pytest.mark.parametrize('name', NOTICED)
def test_damage_is_reported_and_good_frames_keep_numbers(
    films: Path, name: str, seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Damage in a film is reported, and the good frames keep their numbers and times."""
    (tmp_path / name).write_bytes((films / name).read_bytes())
    whole = saved(tmp_path / name, 0, '--overwrite')
    damage(films / name, tmp_path / name, seed)
    for path in sorted((tmp_path / name).with_suffix('.store').rglob('*'), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    capsys.readouterr()
    found = saved(tmp_path / name, 1)
    assert 'cannot be read' in capsys.readouterr().err
    assert found.items() <= whole.items()
    lost = set(range(COUNT)) - set(found)
    assert lost & ({DAMAGED, DAMAGED + 1} if name not in ('wmv.wmv', 'theora.ogv') else lost)
    assert len(lost) <= (1 if name in ALONE else COUNT - DAMAGED if name == 'gif.gif' else 2 * GROUP)


@pytest.mark.slow
@pytest.mark.parametrize('share', [0.6, 0.7])
@pytest.mark.parametrize('name', sorted({*KINDS} - {'h264.mp4', 'mjpeg.mov', 'prores.mov', 'mpeg4_b.mp4'}))
def test_a_video_that_is_cut_off_is_reported(
    films: Path, name: str, share: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = (films / name).read_bytes()
    (tmp_path / name).write_bytes(data[: int(share * len(data)) | 1])
    found = list(saved(tmp_path / name, 1))
    assert found == list(range(len(found)))
    assert f'frame {len(found)} cannot be read' in capsys.readouterr().err


@pytest.mark.parametrize('name', ['h264.mp4', 'mjpeg.mov'])
def test_a_video_whose_index_is_cut_off_is_refused(
    films: Path, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes((films / name).read_bytes()[:4000])
    assert main(['--source', str(tmp_path / name), str(tmp_path / 's')]) == 1
    assert 'cannot be read as a video' in capsys.readouterr().err
    assert not (tmp_path / 's').exists()


@pytest.mark.parametrize('name', ['hevc.mkv', 'b.mkv', 'h264.mp4', 'b.flv', 'b.ts'])
def test_a_missing_reference_loses_the_frames_made_from_it(films: Path, name: str, tmp_path: Path) -> None:
    sizes = [size for _, size in places(films / name)]
    largest = max(range(11, 18), key=sizes.__getitem__)
    command = [
        'ffmpeg',
        '-v',
        'error',
        '-i',
        str(films / name),
        '-c',
        'copy',
        '-bsf:v',
        f"noise=amount=0:drop='eq(n,{largest})'",
        str(tmp_path / 'x.mkv'),
    ]
    subprocess.run(command, check=True)
    assert len(places(tmp_path / 'x.mkv')) == COUNT - 1
    found = saved(tmp_path / 'x.mkv', 1)
    assert {*range(10), *range(20, COUNT)} <= set(found)
    assert len(found) < COUNT - 1


def test_frames_lost_in_damaged_container_leave_number_gaps(films: Path, tmp_path: Path) -> None:
    """A damaged container leaves the frame numbers of its lost frames unused."""
    first, last = (place for place, _ in places(films / 'ffv1_alone.mkv')[DAMAGED : DAMAGED + 4 : 3])
    data = bytearray((films / 'ffv1_alone.mkv').read_bytes())
    data[first - 8 : last - 16] = bytes(last - first - 8)
    (tmp_path / 'x.mkv').write_bytes(data)
    found = saved(tmp_path / 'x.mkv', 1)
    assert max(found) == COUNT - 1
    assert COUNT - 8 <= len(found) < COUNT - 2
    assert all(abs(time - number / 25) < 0.002 for number, time in found.items())


@pytest.mark.parametrize('name', KINDS)
def test_an_intact_file_is_not_cut_off(films: Path, name: str) -> None:
    assert not is_cut_off(str(films / name))


def test_at_a_steady_rate_times_tell_how_many_frames_are_lost() -> None:
    numbers = Numbering()
    assert [numbers.number(40 * n) for n in range(5)] == [0, 1, 2, 3, 4]
    numbers.lose()
    assert numbers.number(320) == 8
    assert numbers.lost == [5, 6, 7]
    numbers.expect_gap()
    assert numbers.number(360) == 9


def test_at_a_varying_rate_lost_frames_are_counted() -> None:
    numbers = Numbering()
    assert [numbers.number(time) for time in (0, 40, 120, 130)] == [0, 1, 2, 3]
    numbers.lose()
    assert numbers.number(900) == 5
    assert numbers.lost == [4]
