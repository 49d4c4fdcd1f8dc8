"""The comparison goes over the table of formats, and each format has its facts."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

import imgstore
from imgstore.errors import InvalidArgumentError
from imgstore.format_facts import facts_of
from imgstore.measuring import SCENES, bench
from imgstore.measuring.comparison import comparable_formats
from imgstore.measuring.table import FIGURES, facts, figures, holds_text

from ..helpers.checked import not_none
from ..helpers.format_table import NO_COLOR, ROWS, VIDEO_FORMATS
from ..helpers.frames import numbered
from ..helpers.raised import raises

pytestmark = pytest.mark.once

SMALL = (64, 64)


def test_every_format_of_the_table_is_compared() -> None:
    assert comparable_formats() == list(ROWS)


@pytest.mark.parametrize('is_color', [False, True])
def test_a_row_for_each_recording_and_format(is_color: bool) -> None:
    formats = ['png', 'pgm', 'h264-lossless/mp4', 'avc1/mp4']
    rows = list(bench(formats, size=SMALL, is_color=is_color, frames=2))
    assert [(row.scene, row.format) for row in rows] == [(scene, fmt) for scene in SCENES for fmt in formats]
    assert [row.format for row in rows if row.measured is None] == (
        [fmt for fmt in formats if fmt in NO_COLOR] * len(SCENES) if is_color else []
    )


def test_a_wrong_format_or_size_is_an_error_before_the_first_measurement() -> None:
    with raises(InvalidArgumentError, argument='format'):
        bench(['nope'])
    with raises(InvalidArgumentError, argument='size'):
        bench(['png'], size=(64, 32))


def test_figures_of_what_cannot_be_held_are_dashes() -> None:
    assert set(figures(None).values()) == {'-'}
    [row] = bench(['npy'], scenes=SCENES[:1], size=SMALL, frames=2)
    assert figures(not_none(row.measured))[FIGURES[-1]] == 'exact'


@pytest.mark.parametrize('name', ROWS)
def test_each_format_has_its_facts(name: str) -> None:
    assert '-' not in facts(name).values()


@pytest.mark.parametrize(
    ('name', 'text'),
    [
        ('npy', 'any dtype and shape'),
        ('png', '8 and 16 bit, gray or colour'),
        ('tif', '8 and 16 bit, float32, gray or colour'),
        ('pgm', '8 and 16 bit, gray'),
        ('ppm', '8 and 16 bit, colour'),
        ('ffv1/mkv', '8 and 16 bit, gray; 8 bit, colour'),
        ('h264-lossless/mp4', '8 bit, gray'),
    ],
)
def test_what_a_format_holds_is_told(name: str, text: str) -> None:
    assert holds_text(ROWS[name]) == text


def first_file(name: str, folder: Path) -> Path:
    is_gray = name in NO_COLOR
    image = numbered(0, (64, 96) if is_gray else (64, 96, 3))
    with imgstore.new_for_format(name, folder, imgshape=image.shape) as store:
        for index in range(3):
            store.add_image(image, index, index / 25)
    return next(iter(sorted(folder.rglob(f'*{ROWS[name].extension}'))))


@pytest.mark.parametrize('name', [name for name in ROWS if 'OpenCV' in facts_of(name).opened_by])
def test_opencv_opens_what_the_facts_say(name: str, tmp_path: Path) -> None:
    path = str(first_file(name, tmp_path / 's'))
    image = cv2.VideoCapture(path).read()[1] if name in VIDEO_FORMATS else cv2.imread(path)
    assert not_none(image).shape == (64, 96, 3)


@pytest.mark.parametrize('name', [name for name in ROWS if 'FFmpeg' in facts_of(name).opened_by])
def test_ffmpeg_opens_what_the_facts_say(name: str, tmp_path: Path) -> None:
    with av.open(str(first_file(name, tmp_path / 's'))) as container:
        frame = next(container.decode(video=0))
    assert (frame.height, frame.width) == (64, 96)


@pytest.mark.parametrize('name', [name for name in ROWS if 'numpy' in facts_of(name).opened_by])
def test_numpy_opens_what_the_facts_say(name: str, tmp_path: Path) -> None:
    np.testing.assert_array_equal(np.load(first_file(name, tmp_path / 's')), numbered(0, (64, 96, 3)))
