"""imgstore-save of damaged videos: what a decoder makes up is left out and reported, its number stays free."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

import imgstore
from imgstore.apps.save import main
from imgstore.chunks.video.cut_off import is_cut_off
from imgstore.sources.steady import Numbering

Image = np.ndarray[Any, Any]

COUNT, DAMAGED, GROUP = 40, 15, 10
SHAPE = (96, 128)
NOISE = cv2.normalize(cv2.GaussianBlur(np.random.default_rng(5).integers(0, 256, SHAPE).astype(np.uint8), (0, 0), 3),
                      None, 0, 255, cv2.NORM_MINMAX)  # type: ignore[call-overload]

X264 = '-c:v libx264 -pix_fmt yuv420p -g 10 -keyint_min 10'
KINDS = {
    'h264.mp4': f'{X264} -bf 0', 'faststart.mp4': f'{X264} -movflags faststart', 'b.mkv': X264, 'b.ts': X264,
    'b.flv': X264, 'ffv1.mkv': '-c:v ffv1 -level 3 -slicecrc 1 -g 10 -pix_fmt gray',
    'ffv1_alone.mkv': '-c:v ffv1 -level 3 -slicecrc 1 -g 1 -pix_fmt gray', 'mjpeg.avi': '-c:v mjpeg -q:v 3',
    'mjpeg.mov': '-c:v mjpeg -q:v 3', 'mpeg4.avi': '-c:v mpeg4 -g 10 -q:v 3',
    'mpeg4_b.mp4': '-c:v mpeg4 -bf 2 -g 10 -q:v 3',
    'mpeg4_b.avi': '-c:v mpeg4 -bf 2 -g 10 -q:v 3', 'mpeg2.ts': '-c:v mpeg2video -bf 2 -g 10 -q:v 3',
    'mpeg2.mxf': '-c:v mpeg2video -bf 2 -g 10 -q:v 3', 'wmv.wmv': '-c:v wmv2 -g 10 -q:v 3',
    'prores.mov': '-c:v prores_ks -pix_fmt yuv422p10le', 'png.avi': '-c:v png', 'gif.gif': '-pix_fmt gray',
    'theora.ogv': '-c:v libtheora -g 10 -q:v 8', 'vp8.webm': '-c:v libvpx -g 10 -b:v 1M',
    'hevc.mkv': '-c:v libx265 -pix_fmt yuv420p -x265-params keyint=10:log-level=none',
    'raw.y4m': '-pix_fmt yuv420p', 'fragments.mp4': f'{X264} -movflags frag_keyframe+empty_moov'}
ALONE = ('ffv1_alone.mkv', 'mjpeg.avi', 'mjpeg.mov', 'prores.mov', 'png.avi')
"""Each frame is decoded by itself."""

NOTICED = ('h264.mp4', 'ffv1.mkv', *ALONE[:3], 'png.avi', 'mpeg4.avi', 'mpeg4_b.mp4', 'mpeg4_b.avi', 'mpeg2.ts',
           'mpeg2.mxf', 'wmv.wmv', 'gif.gif', 'theora.ogv')
"""Their decoders notice this damage."""


def picture(number: int) -> Image:
    return np.roll(NOISE, 3 * number, 1)


def make_film(path: Path, options: str) -> Path:
    raw = b''.join(picture(number).tobytes() for number in range(COUNT))
    command = ['ffmpeg', '-v', 'error', '-f', 'rawvideo', '-pix_fmt', 'gray', '-s', f'{SHAPE[1]}x{SHAPE[0]}',
               '-r', '25', '-i', '-', *options.split(), str(path)]
    subprocess.run(command, input=raw, check=True, capture_output=True)
    return path


@pytest.fixture(scope='module')
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('films')
    for name, options in KINDS.items():
        make_film(folder / name, options)
    return folder


def places(path: Path) -> list[tuple[int, int]]:
    """Where in the file each packet is, and its size."""
    with av.open(path) as container:
        return [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]


def damage(path: Path, target: Path, seed: int) -> None:
    place, size = places(path)[DAMAGED]
    data, length = bytearray(path.read_bytes()), min(40, size // 3)
    begin = place + size // 3
    data[begin:begin + length] = np.random.default_rng(seed).integers(0, 256, length, np.uint8).tobytes()
    target.write_bytes(data)


def saved(source: Path, code: int, *options: str) -> dict[int, float]:
    """Numbers and times of the frames that were saved; each is checked to be the one of its number."""
    store_path = source.with_suffix('.store')
    assert main(['--format', 'png', '--source', str(source), *options, str(store_path)]) == code
    found = {}
    with imgstore.new_for_filename(store_path) as store:
        for _ in range(len(store)):
            image, (number, time) = store.get_next_image()
            gray = (image >> 8).astype(np.uint8) if image.dtype == np.uint16 else image
            gray = gray if gray.ndim == 2 else gray[..., 1]
            assert np.abs(gray.astype(int) - picture(number)).mean() < 10, f'frame {number} is another one'
            found[number] = time
    return found


@pytest.mark.parametrize('name', KINDS)
def test_an_intact_video_is_saved_with_exit_code_0(films: Path, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes((films / name).read_bytes())
    assert list(saved(tmp_path / name, 0)) == list(range(COUNT))


@pytest.mark.parametrize('seed', [3, 4])
@pytest.mark.parametrize('name', NOTICED)
def test_damage_is_reported_and_good_frames_keep_numbers_and_times(
    films: Path, name: str, seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
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


@pytest.mark.parametrize('share', [0.6, 0.7])
@pytest.mark.parametrize('name', sorted({*KINDS} - {'h264.mp4', 'mjpeg.mov', 'prores.mov', 'mpeg4_b.mp4'}))
def test_a_video_that_is_cut_off_is_reported(
    films: Path, name: str, share: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = (films / name).read_bytes()
    (tmp_path / name).write_bytes(data[:int(share * len(data)) | 1])
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
    command = ['ffmpeg', '-v', 'error', '-i', str(films / name), '-c', 'copy', '-bsf:v',
               f"noise=amount=0:drop='eq(n,{largest})'", str(tmp_path / 'x.mkv')]
    subprocess.run(command, check=True)
    assert len(places(tmp_path / 'x.mkv')) == COUNT - 1
    found = saved(tmp_path / 'x.mkv', 1)
    assert {*range(10), *range(20, COUNT)} <= set(found)
    assert len(found) < COUNT - 1


def test_a_damaged_container_leaves_the_numbers_of_what_it_lost_free(films: Path, tmp_path: Path) -> None:
    first, last = (place for place, _ in places(films / 'ffv1_alone.mkv')[DAMAGED:DAMAGED + 4:3])
    data = bytearray((films / 'ffv1_alone.mkv').read_bytes())
    data[first - 8:last - 16] = bytes(last - first - 8)
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
