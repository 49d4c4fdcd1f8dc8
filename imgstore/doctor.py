"""A check of this machine: every format with every backend."""

from __future__ import annotations

import os
import platform
import re
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distributions
from typing import Any

import cv2
import numpy as np

from ._support.cpu import CORES
from ._support.quiet_opencv import quiet_opencv_backends
from ._support.warn import OldName, renamed_names
from ._version import __version__
from .chunks.video.backends import BACKENDS
from .chunks.video.hardware import tried_encoders
from .chunks.video.numbered import decode_number, draw_number
from .color import Image
from .errors import ImgStoreError
from .formats import Format, format_names, missing_formats, resolve_format
from .stores.base import ImgStore
from .stores.factories import new_for_filename, new_for_format

HEIGHT, WIDTH = 480, 640
COUNT = 24
_BLOCK = 64
_OPENCV = re.compile(r'opencv(-contrib)?-python(-headless)?')
_JUMPS = np.random.default_rng(0).permutation(COUNT)[:12].tolist()


@dataclass(frozen=True)
class Finding:
    """Result of one backend with one format.

    Attributes
    ----------
    format : str
        Name of the format.
    backend : str
        Name of the backend, or '' for image formats.
    writes : float or None
        Written colour images of 640 x 480 per second, or None if the backend cannot write them.
    reads : float or None
        Read images per second, or None if the backend cannot read them.
    seeks : bool or None
        Whether random access gave the right images.
    lossless : bool or None
        Whether all images were identical bit for bit.
    expected_lossless : bool
        Whether they should be identical.
    remark : str
        Reason for a failure.
    """

    format: str
    backend: str
    writes: float | None = None
    reads: float | None = None
    seeks: bool | None = None
    lossless: bool | None = None
    expected_lossless: bool = False
    remark: str = ''

    @property
    def failed(self) -> bool:
        """Whether wrong images were read.

        A backend without support for a format has not failed.
        """
        return self.seeks is False or (self.expected_lossless and self.lossless is False)

    wrong = OldName('failed')


def versions() -> list[str]:
    """List the installed versions, one line each."""
    system = f'{platform.system()} on {platform.machine()}, {CORES} cores'
    lines = [
        f'imgstore {__version__}, Python {platform.python_version()}, numpy {np.__version__}, {system}',
        f'OpenCV {cv2.__version__}, {_opencv_ffmpeg()}',
        *_opencv_warning(),
    ]
    try:
        import av
    except ImportError as error:
        return [*lines, f'PyAV cannot be imported: {error}']
    return [*lines, f'PyAV {av.__version__}, with FFmpeg {av.ffmpeg_version_info}', *missing_formats()]


def _opencv_warning() -> list[str]:
    """Warn of several distributions of OpenCV. They overwrite one another."""
    names = {(found.metadata['Name'] or '').lower().replace('_', '-') for found in distributions()}
    there = sorted(name for name in names if _OPENCV.fullmatch(name))
    if len(there) < 2:
        return []
    return [
        f'Warning: {" and ".join(there)} are installed, and only the last one installed counts.',
        f'Run `pip uninstall {" ".join(there)}`, then install one of them.',
    ]


def _opencv_ffmpeg() -> str:
    found = re.search(r'avformat:\s*YES \(([\d.]+)\)', cv2.getBuildInformation())
    return f'with FFmpeg (libavformat {found[1]})' if found else 'without FFmpeg'


def check_formats() -> Iterator[Finding]:
    """Try every writable format with every backend. It takes some seconds."""
    for name in format_names():
        fmt = resolve_format(name)
        if not fmt.converts_to_bgr:
            with (
                tempfile.TemporaryDirectory(prefix='imgstore-') as folder,
                warnings.catch_warnings(),
                quiet_opencv_backends(),
            ):
                warnings.simplefilter('ignore')
                found = list(_examine(fmt, folder))
            yield from found


def _examine(fmt: Format, folder: str) -> Iterator[Finding]:
    images = [_image(number) for number in range(COUNT)]
    if fmt.is_gray:
        images = [image[..., 1] for image in images]
    stores: dict[str, tuple[str, float | None, str]] = {}
    for backend in ('',) if fmt.is_image_folder else BACKENDS:
        stores[backend] = _write(fmt, backend, os.path.join(folder, backend or 'store'), images)
    written = [path for path, rate, _ in stores.values() if rate]
    for backend, (path, rate, remark) in stores.items():
        if not written:
            yield Finding(fmt.name, backend, remark=remark)
        else:
            yield _read(fmt, backend, path if rate else written[0], images, rate, remark)


def _write(fmt: Format, backend: str, path: str, images: list[Image]) -> tuple[str, float | None, str]:
    options: dict[str, Any] = {'backend': backend} if backend else {}
    try:
        began = time.perf_counter()
        with new_for_format(fmt.name, path, imgshape=images[0].shape, **options) as store:
            for number, image in enumerate(images):
                store.add_image(image, number, number / 25)
        return path, COUNT / (time.perf_counter() - began), ''
    except (ImgStoreError, OSError) as error:
        return path, None, str(error)


def _read(fmt: Format, backend: str, path: str, images: list[Image], writes: float | None, remark: str) -> Finding:
    options: dict[str, Any] = {'backend': backend} if backend else {}
    try:
        began = time.perf_counter()
        with new_for_filename(path, **options) as store:
            found = [store.get_next_image()[0] for _ in range(COUNT)]
        rate = COUNT / (time.perf_counter() - began)
        with new_for_filename(path, cache_bytes=0, **options) as store:
            right = [decode_number(image, _BLOCK) for image in found] == [*range(COUNT)] and _seeks(store)
        same = all(map(np.array_equal, found, images))
        return Finding(fmt.name, backend, writes, rate, right, same, fmt.lossless, remark)
    except (ImgStoreError, OSError) as error:
        reasons = dict.fromkeys(filter(None, (remark, str(error))))
        return Finding(fmt.name, backend, writes, remark='; '.join(reasons))


def _seeks(store: ImgStore) -> bool:
    return all(decode_number(store.get_image(None, frame_index=number)[0], _BLOCK) == number for number in _JUMPS)


def _image(number: int) -> Image:
    """Make a colour image: slanted stripes, some noise, its number as blocks."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    noise = np.random.default_rng(number).integers(0, 12, (HEIGHT, WIDTH), np.uint8)
    plane = ((2 * x + y + 5 * number) % 160 + 40 + noise).astype(np.uint8)
    draw_number(plane, number, _BLOCK)
    return np.dstack([plane, plane, np.roll(plane, 30, axis=0)])


def table(findings: Iterator[Finding]) -> Iterator[str]:
    """Format findings as lines of a table, each as soon as it is known."""
    row = '{:<17} {:<8} {:>10} {:>10}  {:<8} {:<9} {}'
    yield row.format('format', 'backend', 'writes', 'reads', 'seeks', 'lossless', '').rstrip()
    for found in findings:
        yield row.format(
            found.format,
            found.backend or '-',
            _rate(found.writes),
            _rate(found.reads),
            _word(found.seeks, 'exactly', 'WRONG'),
            _word(found.lossless, 'yes', 'WRONG' if found.failed else 'no'),
            found.remark,
        ).rstrip()
    yield f'(colour frames of {WIDTH} x {HEIGHT} per second)'


def encoder_table() -> Iterator[str]:
    """List FFmpeg's encoders of hardware, and why each does not work, as lines."""
    yield 'encoder of hardware'
    for codec, extension in (('h264', '.mp4'), ('hevc', '.mp4')):
        for name, why in tried_encoders(codec, extension):
            yield f'{name:<19} {f"no: {why}" if why else "works"}'


def _rate(rate: float | None) -> str:
    return 'no' if rate is None else f'{rate:.0f}'


def _word(value: bool | None, yes: str, no: str) -> str:
    return '-' if value is None else yes if value else no


__getattr__ = renamed_names(__name__, {'examine': 'check_formats'})
