"""What a store would weigh: against what it weighs once it is converted."""

from __future__ import annotations

import math
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imgstore
from imgstore.convert import convert, estimate
from imgstore.convert.sample import IMAGES, RUN, RUNS
from imgstore.errors import ChunkSkippedWarning, FrameReadError, InvalidArgumentError
from imgstore.measuring.scenes import SCENES, Scene

from ..helpers.format_table import LOSSLESS, NO_COLOR, ROWS
from ..helpers.frames import numbered
from ..helpers.raised import raises

pytestmark = pytest.mark.once

SHAPE = (64, 96)
LONG = RUN * RUNS + 90


def store_of(folder: Path, images: Any, count: int, fmt: str = 'npy', **options: Any) -> Path:
    first = images[0]
    with imgstore.new_for_format(fmt, folder, imgshape=first.shape, imgdtype=first.dtype, **options) as store:
        for index in range(count):
            store.add_image(images[index % len(images)], index, index / 25)
    return folder


def weight(folder: Path, fmt: str) -> int:
    """Bytes of the images or videos."""
    return sum(file.stat().st_size for file in folder.rglob(f'*{ROWS[fmt].extension}') if file.suffix != '.npz')


def content(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob('*') if path.is_file()}


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files."""
    folder = tmp_path / 'temporary'
    folder.mkdir()
    monkeypatch.setattr(tempfile, 'tempdir', str(folder))
    return folder


@pytest.mark.parametrize('scene', SCENES, ids=lambda scene: scene.name)
@pytest.mark.parametrize('fmt', ['avc1/mp4', 'h264/mkv', 'mjpeg/avi', 'ffv1/mkv', 'png', 'jpg'])
def test_a_stationary_recording_weighs_what_was_estimated(fmt: str, scene: Scene, tmp_path: Path) -> None:
    source = store_of(tmp_path / 's', scene.render(48, 120, 160, True), LONG)
    [found] = estimate(source, [fmt]).formats
    convert(source, tmp_path / 'd', fmt, verify=False)
    real = weight(tmp_path / 'd', fmt)
    assert found.bytes == pytest.approx(real, rel=0.1)
    assert abs(found.bytes - real) <= 1.3 * found.error  # the interval is that of 19 in 20 cases, and these are 18


@pytest.mark.parametrize('fmt', [fmt for fmt in ROWS if fmt not in NO_COLOR])
def test_where_all_frames_are_tried_the_size_is_exact(fmt: str, tmp_path: Path, elsewhere: Path) -> None:
    source = store_of(tmp_path / 's', [numbered(index, (*SHAPE, 3)) for index in range(IMAGES)], IMAGES)
    before = content(source)
    found = estimate(source, [fmt])
    convert(source, tmp_path / 'd', fmt, verify=False)
    [one] = found.formats
    assert round(one.bytes) == pytest.approx(weight(tmp_path / 'd', fmt), abs=8)  # a rate's digits
    assert (one.error, found.is_complete) == (0, True)
    assert (one.psnr == math.inf) == (fmt in LOSSLESS)
    assert content(source) == before
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize('fmt', ['npy', 'png', 'avc1/mp4'])
def test_a_part_of_the_images_weighs_what_was_estimated(fmt: str, tmp_path: Path) -> None:
    source = store_of(tmp_path / 's', [numbered(index, SHAPE) for index in range(IMAGES)], IMAGES)
    options: dict[str, Any] = {'roi': (8, 4, 80, 56), 'binning': 2}
    [found] = estimate(source, [fmt], **options).formats
    convert(source, tmp_path / 'd', fmt, verify=False, **options)
    assert round(found.bytes) == pytest.approx(weight(tmp_path / 'd', fmt), abs=8)


def test_npy_is_exact_but_for_nothing(tmp_path: Path) -> None:
    source = store_of(tmp_path / 's', [numbered(0, SHAPE)], LONG, 'png', chunksize=50)
    [found] = estimate(source, ['npy']).formats
    assert (found.bytes, found.error) == (LONG * (128 + SHAPE[0] * SHAPE[1]), 0)


def test_short_chunks_are_tried_as_such(tmp_path: Path) -> None:
    source = store_of(tmp_path / 's', [numbered(index, SHAPE) for index in range(30)], LONG, 'mjpeg/avi', chunksize=5)
    [found] = estimate(source, ['avc1/mp4']).formats
    convert(source, tmp_path / 'd', 'avc1/mp4', verify=False)
    assert found.bytes == pytest.approx(weight(tmp_path / 'd', 'avc1/mp4'), rel=0.1)


@pytest.mark.parametrize(
    ('dtype', 'shape'),
    [('uint8', SHAPE), ('uint8', (*SHAPE, 3)), ('uint16', SHAPE), ('uint16', (*SHAPE, 3)), ('float32', SHAPE)],
)
def test_the_formats_are_those_that_hold_the_images(dtype: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    source = store_of(tmp_path / 's', [numbered(0, shape).astype(dtype)], 3)
    found = estimate(source)
    is_color = len(shape) == 3
    expected = {name for name, row in ROWS.items() if row.holds(dtype, is_color) and not (is_color and row.is_gray)}
    assert {each.format for each in found.formats} == expected
    assert [each.format for each in found.formats if each.is_current] == ['npy']
    assert [each.bytes for each in found.formats] == sorted(each.bytes for each in found.formats)
    assert (found.image_shape, found.dtype, found.frames) == (shape, dtype, 3)


@pytest.mark.parametrize('shape', [(7,), (5, 6, 4), (2, 3, 4, 5)])
def test_arrays_of_any_shape_are_for_arrays(shape: tuple[int, ...], tmp_path: Path) -> None:
    source = store_of(tmp_path / 's', [np.zeros(shape, np.int64)], 2)
    assert {each.format for each in estimate(source).formats} == {'npy', 'bpk'}


@pytest.mark.parametrize('fmt', ROWS)
def test_a_store_of_any_format_is_the_current_one(fmt: str, tmp_path: Path) -> None:
    source = store_of(tmp_path / 's', [numbered(0, SHAPE)], 2, fmt)
    found = estimate(source, [fmt, 'npy'])
    assert found.bytes == weight(source, fmt)
    assert [each.format for each in found.formats if each.is_current] == [fmt]


def test_one_frame(tmp_path: Path) -> None:
    found = estimate(store_of(tmp_path / 's', [numbered(0, SHAPE)], 1), ['npy', 'avc1/mp4'])
    assert (found.frames, found.sampled, found.rate) == (1, 1, 30)
    assert found.bytes_per_hour(100) == 100 * 30 * 3600


def test_an_empty_store_is_an_error(tmp_path: Path) -> None:
    source = store_of(tmp_path / 's', [numbered(0, SHAPE)], 0)
    with raises(InvalidArgumentError, argument='source'):
        estimate(source)


def test_raw_images_stay_raw_in_lossless_formats(tmp_path: Path) -> None:
    source = store_of(tmp_path / 's', [numbered(0, SHAPE)], 3, 'png', encoding='cv_bayerbg')
    found = {each.format: each for each in estimate(source).formats}
    assert found['npy'].bytes == 3 * (128 + SHAPE[0] * SHAPE[1])
    assert found['jpg'].psnr < math.inf
    convert(source, tmp_path / 'd', 'jpg', verify=False)
    assert found['jpg'].bytes == weight(tmp_path / 'd', 'jpg')


def test_a_gray_format_of_colour_images_is_tried_where_it_is_named(tmp_path: Path) -> None:
    source = store_of(tmp_path / 's', [numbered(0, (*SHAPE, 3))], 3)
    assert not {each.format for each in estimate(source).formats} & set(NO_COLOR)
    [found] = estimate(source, ['pgm']).formats
    assert found.loses_colors
    with raises(InvalidArgumentError, argument='imgshape'):
        estimate(source, ['h264-lossless/mp4'])
    several = estimate(source, ['h264-lossless/mp4', 'npy'])
    assert [each.format for each in several.formats] == ['npy']
    assert [each.format for each in several.refused] == ['h264-lossless/mp4']


def test_a_size_that_an_encoder_refuses_costs_no_other_format(tmp_path: Path) -> None:
    source = store_of(tmp_path / 's', [numbered(0, SHAPE)[:, :1]], 3)
    found = estimate(source, ['hevc/mp4', 'png'])
    assert [each.format for each in found.formats] == ['png']
    assert [each.format for each in found.refused] == ['hevc/mp4']
    named = estimate(source)
    assert (named.refused, 'png' in {each.format for each in named.formats}) == ((), True)
    with raises(InvalidArgumentError, argument='roi'):
        estimate(source, roi=(0, 0, 5, 5))


def test_options_of_the_encoder_count(tmp_path: Path) -> None:
    source = store_of(tmp_path / 's', [numbered(index, SHAPE) for index in range(20)], 20)
    good, bad = (estimate(source, ['avc1/mp4', 'npy'], crf=crf).formats for crf in (10, 40))
    assert good[0].bytes > bad[0].bytes
    with raises(InvalidArgumentError, argument='crf'):
        estimate(source, ['npy'], crf=20)
    with raises(InvalidArgumentError, argument='crf'):
        estimate(source, ['avc1/mp4'], crf=99)


def test_damaged_frames_are_left_out(tmp_path: Path) -> None:
    source = store_of(tmp_path / 's', [numbered(index, SHAPE) for index in range(20)], 20, 'png', chunksize=10)
    for name in ('000000/000003.png', '000001/000000.png'):
        (source / name).write_bytes(b'')
    found = estimate(source, ['npy', 'avc1/mp4'])
    assert (found.unreadable, found.sampled, found.frames) == (2, 18, 20)
    npy = next(each for each in found.formats if each.format == 'npy')
    assert npy.bytes == pytest.approx(20 * (128 + SHAPE[0] * SHAPE[1]))


def test_frames_of_a_missing_chunk_do_not_count(tmp_path: Path) -> None:
    source = store_of(tmp_path / 's', [numbered(index, SHAPE) for index in range(30)], 30, 'png', chunksize=10)
    shutil.rmtree(source / '000001')
    found = estimate(source, ['npy'])
    assert (found.frames, found.missing_chunks, found.unreadable) == (20, (1,), 0)
    assert found.bytes == weight(source, 'png')


def test_a_video_that_is_missing_is_warned_of(tmp_path: Path) -> None:
    images = [numbered(index, SHAPE) for index in range(30)]
    source = store_of(tmp_path / 's', images, 30, 'avc1/mp4', chunksize=10)
    (source / '000001.mp4').unlink()
    with pytest.warns(ChunkSkippedWarning):
        found = estimate(source, ['avc1/mp4'])
    assert (found.frames, found.missing_chunks) == (20, (1,))
    assert found.formats[0].is_current


def test_a_store_of_damaged_frames_is_an_error(tmp_path: Path) -> None:
    source = store_of(tmp_path / 's', [numbered(0, SHAPE)], 3, 'png')
    for file in source.rglob('*.png'):
        file.write_bytes(b'')
    with raises(FrameReadError):
        estimate(source)


def test_a_recording_that_changes_has_a_large_bound(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    flat, noisy = np.zeros(SHAPE, np.uint8), rng.integers(0, 256, SHAPE, np.uint8)
    images = [flat] * (LONG // 2) + [noisy] * (LONG - LONG // 2)
    source = store_of(tmp_path / 's', images, LONG)
    convert(source, tmp_path / 'd', 'png', verify=False)
    [found] = estimate(source, ['png']).formats
    assert found.error > 0.1 * found.bytes
    assert abs(found.bytes - weight(tmp_path / 'd', 'png')) <= found.error
