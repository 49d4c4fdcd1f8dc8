"""Damaged videos, and what imgstore-save makes of them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

import imgstore
from imgstore.apps.save import main

from .checked import not_none

Image = np.ndarray[Any, Any]

COUNT, DAMAGED, GROUP = 40, 15, 10

SHAPE = (96, 128)

NOISE = cv2.normalize(
    cv2.GaussianBlur(np.random.default_rng(5).integers(0, 256, SHAPE).astype(np.uint8), (0, 0), 3),
    None,
    0,
    255,
    cv2.NORM_MINMAX,
)  # type: ignore[call-overload]

X264 = '-c:v libx264 -pix_fmt yuv420p -g 10 -keyint_min 10'

KINDS = {
    'h264.mp4': f'{X264} -bf 0',
    'faststart.mp4': f'{X264} -movflags faststart',
    'b.mkv': X264,
    'b.ts': X264,
    'b.flv': X264,
    'ffv1.mkv': '-c:v ffv1 -level 3 -slicecrc 1 -g 10 -pix_fmt gray',
    'ffv1_alone.mkv': '-c:v ffv1 -level 3 -slicecrc 1 -g 1 -pix_fmt gray',
    'mjpeg.avi': '-c:v mjpeg -q:v 3',
    'mjpeg.mov': '-c:v mjpeg -q:v 3',
    'mpeg4.avi': '-c:v mpeg4 -g 10 -q:v 3',
    'mpeg4_b.mp4': '-c:v mpeg4 -bf 2 -g 10 -q:v 3',
    'mpeg4_b.avi': '-c:v mpeg4 -bf 2 -g 10 -q:v 3',
    'mpeg2.ts': '-c:v mpeg2video -bf 2 -g 10 -q:v 3',
    'mpeg2.mxf': '-c:v mpeg2video -bf 2 -g 10 -q:v 3',
    'wmv.wmv': '-c:v wmv2 -g 10 -q:v 3',
    'prores.mov': '-c:v prores_ks -pix_fmt yuv422p10le',
    'png.avi': '-c:v png',
    'gif.gif': '-pix_fmt gray',
    'theora.ogv': '-c:v libtheora -g 10 -q:v 8',
    'vp8.webm': '-c:v libvpx -g 10 -b:v 1M',
    'hevc.mkv': '-c:v libx265 -pix_fmt yuv420p -x265-params keyint=10:log-level=none',
    'raw.y4m': '-pix_fmt yuv420p',
    'fragments.mp4': f'{X264} -movflags frag_keyframe+empty_moov',
}


def picture(number: int) -> Image:
    return np.roll(NOISE, 3 * number, 1)


def make_film(path: Path, options: str) -> Path:
    raw = b''.join(picture(number).tobytes() for number in range(COUNT))
    command = [
        'ffmpeg',
        '-v',
        'error',
        '-f',
        'rawvideo',
        '-pix_fmt',
        'gray',
        '-s',
        f'{SHAPE[1]}x{SHAPE[0]}',
        '-r',
        '25',
        '-i',
        '-',
        *options.split(),
        str(path),
    ]
    subprocess.run(command, input=raw, check=True, capture_output=True)
    return path


def places(path: Path) -> list[tuple[int, int]]:
    """Where in the file each packet is, and its size."""
    with av.open(path) as container:
        return [(not_none(packet.pos), packet.size) for packet in container.demux(video=0) if packet.size]


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
