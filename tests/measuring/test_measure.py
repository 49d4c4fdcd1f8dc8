"""A format is measured by writing and reading real stores, of which nothing is left."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest

import imgstore
from imgstore.errors import InvalidArgumentError
from imgstore.measuring import frame_psnr, mean_psnr, measure_format

from ..helpers.format_table import LOSSLESS, NO_COLOR, ROWS
from ..helpers.frames import numbered
from ..helpers.raised import raises

SHAPE = (64, 96)
IMAGES = [numbered(index, SHAPE) for index in range(10)]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files, which must be empty in the end."""
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path))
    return tmp_path


def sizes_on_disk(fmt: str, path: Path, images: list[np.ndarray]) -> list[int]:
    with imgstore.new_for_format(fmt, path, imgshape=SHAPE, imgdtype=images[0].dtype) as store:
        for index, image in enumerate(images):
            store.add_image(image, index, index / 30)
    return [file.stat().st_size for file in sorted(path.rglob(f'*{ROWS[fmt].extension}'))]


@pytest.mark.parametrize('fmt', ROWS)
def test_every_format_is_measured(fmt: str, folder: Path) -> None:
    found = measure_format(fmt, IMAGES, random_reads=3, least_seconds=0.01)
    assert found.frames == len(IMAGES)
    assert (found.psnr == math.inf) == (fmt in LOSSLESS)
    assert found.psnr > 30
    assert min(found.writes or 0, found.reads or 0, found.random_ms or 0) > 0
    assert list(folder.iterdir()) == []
    assert list(found.sizes) == sizes_on_disk(fmt, folder / 's', IMAGES)
    assert found.mb_per_hour == pytest.approx(sum(found.sizes) / 10 * 30 * 3600 / 1e6)


@pytest.mark.parametrize('fmt', [fmt for fmt in ROWS if fmt not in NO_COLOR])
def test_colour_is_measured(fmt: str) -> None:
    found = measure_format(fmt, [numbered(index, (*SHAPE, 3)) for index in range(3)])
    assert (found.psnr == math.inf) == (fmt in LOSSLESS)
    assert (found.writes, found.reads, found.random_ms) == (None, None, None)


@pytest.mark.parametrize('fmt', [name for name, row in ROWS.items() if row.holds('uint16', False)])
def test_16_bits_are_measured(fmt: str) -> None:
    assert measure_format(fmt, [image.astype(np.uint16) * 257 for image in IMAGES]).psnr == math.inf


def test_chunks_are_files_of_their_own(folder: Path) -> None:
    found = measure_format('avc1/mp4', IMAGES, chunksize=4)
    assert len(found.sizes) == 3
    assert list(folder.iterdir()) == []


def test_options_of_the_encoder_count() -> None:
    good, bad = (measure_format('jpg', IMAGES, options={'quality': quality}) for quality in (95, 20))
    assert good.psnr > bad.psnr
    assert sum(good.sizes) > sum(bad.sizes)


def test_raw_images_are_compared_raw() -> None:
    assert measure_format('png', IMAGES, encoding='cv_bayerbg').psnr == math.inf


def test_a_format_that_cannot_hold_the_images_leaves_nothing(folder: Path) -> None:
    with raises(InvalidArgumentError, argument='imgdtype'):
        measure_format('jpg', [IMAGES[0].astype(np.uint16)])
    assert list(folder.iterdir()) == []


def test_the_psnr_is_that_of_opencv() -> None:
    worse = (IMAGES[0] + np.uint8(3)).astype(np.uint8)
    assert frame_psnr(IMAGES[0], worse) == pytest.approx(cv2.PSNR(IMAGES[0], worse))
    assert frame_psnr(IMAGES[0], worse[:62, :94]) == pytest.approx(cv2.PSNR(IMAGES[0][:62, :94], worse[:62, :94]))
    assert frame_psnr(IMAGES[0], IMAGES[0]) == math.inf
    assert frame_psnr(IMAGES[0], np.dstack([IMAGES[0]] * 3)) == -math.inf


def test_the_psnr_of_16_bits_is_relative_to_their_peak() -> None:
    deep = IMAGES[0].astype(np.uint16) * 257
    assert frame_psnr(deep, deep + np.uint16(257)) == pytest.approx(frame_psnr(IMAGES[0], IMAGES[0] + np.uint8(1)))


def test_the_mean_psnr_is_that_of_all_pixels() -> None:
    worse = [image // 2 * 2 + np.uint8(number) for number, image in enumerate(IMAGES[:3])]
    psnrs = [frame_psnr(*pair) for pair in zip(IMAGES[:3], worse, strict=True)]
    assert mean_psnr(psnrs) == pytest.approx(cv2.PSNR(np.stack(IMAGES[:3]), np.stack(worse)))
    assert mean_psnr([math.inf, math.inf]) == math.inf
    assert mean_psnr([math.inf, 40]) == pytest.approx(40 + 10 * math.log10(2))
