"""What errors and warnings say: what was given, what is allowed, which file, what to do next.

All other tests compare classes and attributes.
"""

from __future__ import annotations

import contextlib
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imgstore import new_for_filename, new_for_format
from imgstore.errors import (
    ChunkSkippedWarning,
    ColorLostWarning,
    CorruptFileError,
    DamagedJournalWarning,
    ExtraDataSkippedWarning,
    FramesDelayedWarning,
    FrameWriteError,
    ImgStoreError,
    InvalidArgumentError,
    LockTakenOverWarning,
    StoreExistsError,
    StreamChosenWarning,
)
from imgstore.viewers.goto import find_place

SHAPE = (4, 6)
DAMAGED = [CorruptFileError(f'{name} is damaged', path=name) for name in ('a.json', 'b.h5')]


def text_of(call: Callable[[], Any]) -> str:
    with pytest.raises(ImgStoreError) as caught:
        call()
    return str(caught.value)


def made(folder: Path, **options: Any) -> Any:
    return new_for_format(options.pop('fmt', 'npy'), folder, imgshape=SHAPE, **options)


@pytest.mark.parametrize(
    ('warning', 'text'),
    [
        (ChunkSkippedWarning('/s', 3, 'it has no index'), '/s: chunk 3 is skipped: it has no index'),
        (
            ChunkSkippedWarning('/s', 3, CorruptFileError('/s/000003.npz is cut off')),
            'chunk 3 is skipped: /s/000003.npz is cut off',
        ),
        (ColorLostWarning('pgm'), 'format pgm holds only gray images: this store loses its colours'),
        (
            DamagedJournalWarning('/s/.000003.open.journal', 3, (1, 2)),
            '/s/.000003.open.journal is damaged: numbers and times of 2 frames of chunk 3 are estimated',
        ),
        (ExtraDataSkippedWarning(DAMAGED), 'extra data is skipped: a.json is damaged; b.h5 is damaged'),
        (FramesDelayedWarning(2), 'they are shown right after it'),
        (LockTakenOverWarning('/s'), "'/s' was left by a dead writer; its lock is taken over"),
        (
            StreamChosenWarning('f.mkv', 2, 1, (64, 48)),
            "'f.mkv' has 2 video streams; the one at index 1 (64x48) is used",
        ),
    ],
)
def test_a_warning_says_what_and_which(warning: Warning, text: str) -> None:
    assert str(warning).endswith(text)


def test_an_unknown_format_is_told_the_known_ones(tmp_path: Path) -> None:
    text = text_of(lambda: made(tmp_path / 's', fmt='nope'))
    assert text.startswith("format 'nope' is not supported; supported formats: tif, png, ")
    assert 'avc1/mp4' in text


def test_a_wrong_choice_is_told_the_allowed_ones(tmp_path: Path) -> None:
    assert text_of(lambda: made(tmp_path / 's', durability='always')) == (
        "durability is 'always'; it must be one of chunk, frame, fsync"
    )


def test_a_number_beyond_the_allowed_ones_is_told_the_range(tmp_path: Path) -> None:
    with made(tmp_path / 's') as store:
        assert text_of(lambda: store.add_image(np.zeros(SHAPE, np.uint8), 2**63, 0.0)) == (
            'frame_number is 9223372036854775808; it must be from -9223372036854775808 to 9223372036854775807'
        )


@pytest.mark.parametrize(
    ('fmt', 'options', 'text'),
    [
        ('bmp', {'quality': 5}, 'quality is 5, but format bmp has no quality; it has no such option'),
        ('png', {'quality': 5}, 'quality is 5, but format png has no quality; it has compression (0 to 9)'),
        ('jpg', {'quality': 0}, 'quality is 0; for format jpg it must be an integer from 1 to 100'),
        (
            'mjpeg/avi',
            {'fps': '25'},
            "fps is the text '25'; it must be a number from 0.0001 to 1,000,000, in frames per second",
        ),
    ],
)
def test_an_option_is_told_what_is_allowed(tmp_path: Path, fmt: str, options: dict[str, Any], text: str) -> None:
    assert text_of(lambda: made(tmp_path / 's', fmt=fmt, **options)) == text


@pytest.mark.parametrize(('dtype', 'formats'), [('uint16', 'tif, png, ppm, pgm, npy, ffv1/mkv'), ('float64', 'npy')])
def test_a_dtype_is_told_the_formats_for_it(tmp_path: Path, dtype: str, formats: str) -> None:
    text = text_of(lambda: made(tmp_path / 's', fmt='avc1/mp4', imgdtype=dtype))
    assert text.replace(', bpk', '') == (
        f'format avc1/mp4 holds uint8, not imgdtype {dtype}; formats for {dtype}: {formats}'
    )


def test_a_store_that_is_there_is_told_how_to_replace_it(tmp_path: Path) -> None:
    made(tmp_path / 's').close()
    assert text_of(lambda: made(tmp_path / 's')) == (
        f"'{tmp_path / 's'}' already holds a store; pass overwrite=True to replace it"
    )
    assert StoreExistsError('it is there', replaceable=False).message == str(StoreExistsError('it is there'))


def test_a_writer_that_has_the_store_is_told_with_its_lock(tmp_path: Path) -> None:
    with made(tmp_path / 's'):
        assert text_of(lambda: made(tmp_path / 's', overwrite=True)) == (
            f"'{tmp_path / 's'}' is open in another writer, which holds {tmp_path / 's' / '.lock'}"
        )


def test_a_store_that_is_not_there_is_told_why(tmp_path: Path) -> None:
    assert text_of(lambda: new_for_filename(tmp_path / 'none')) == (
        f"path '{tmp_path / 'none'}' does not exist; pass the folder of a store, with a metadata.yaml in it"
    )
    assert text_of(lambda: new_for_filename(tmp_path)) == (
        f"'{tmp_path}' holds no store: there is no metadata.yaml in it"
    )


def test_a_missing_frame_is_told_the_range_and_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / 's'
    with made(path) as store:
        for number in (100, 102):
            store.add_image(np.zeros(SHAPE, np.uint8), number, number / 4)
    numbers, times = 'which has frame numbers from 100 to 102', 'which has frame times from 25.0 to 25.5'
    with new_for_filename(path) as store:
        assert text_of(lambda: store.get_image(85)) == f'frame #85 not found in {path}, {numbers}'
        assert text_of(lambda: store.get_image(101)) == (
            f'frame #101 not found in {path}, {numbers}; it may be a dropped frame; '
            'for the nearest, use get_image(101, exact_only=False) or find(number=101, nearest=True)'
        )
        assert text_of(lambda: store.find(time=3)) == f'frame at time 3.0 not found in {path}, {times}'
        assert text_of(lambda: store.find(time=25.25)) == (
            f'frame at time 25.25 not found in {path}, {times}; '
            'for the nearest, use get_nearest_image(25.25) or find(time=25.25, nearest=True)'
        )
        assert text_of(lambda: store.get_nearest_image(math.nan)) == f'frame near time nan not found in {path}, {times}'


def test_a_missing_frame_of_an_empty_store_is_told_so(tmp_path: Path) -> None:
    made(tmp_path / 's').close()
    with new_for_filename(tmp_path / 's') as store:
        assert text_of(lambda: store.get_image(0, exact_only=False)).endswith(f'{tmp_path / "s"}, which has no frames')


def test_lost_frames_are_named_in_runs(tmp_path: Path) -> None:
    store = made(tmp_path / 's', workers=0)
    for number in (50, 7, 900, 20, 8, 9):
        store.add_image(np.zeros(SHAPE, np.uint8), number, 0.0)
    shutil.rmtree(tmp_path / 's')
    with pytest.raises(FrameWriteError) as caught:
        store.add_image(np.zeros(SHAPE, np.uint8), 3, 0.0)
    lost = '#3, #7 to #9, #20, #50, #900 cannot be stored'
    assert str(caught.value).startswith(f'{tmp_path / "s"}: the folder was removed; {lost}')
    with contextlib.suppress(FrameWriteError):
        store.close()


def test_a_frame_that_cannot_be_read_is_told_where_it_is(tmp_path: Path) -> None:
    with made(tmp_path / 's') as store:
        store.add_image(np.zeros(SHAPE, np.uint8), 7, 0.0)
    image = tmp_path / 's' / '000000' / '000000.npy'
    image.write_bytes(b'damaged')
    with new_for_filename(tmp_path / 's') as store:
        assert text_of(lambda: store.get_image(7)).startswith(
            f'{tmp_path / "s"}: frame #7, at index 0 of chunk 0, cannot be read: {image} '
        )


def test_a_video_for_a_store_of_images_is_told_what_would_do(tmp_path: Path) -> None:
    with made(tmp_path / 's', fmt='png') as store:
        text = text_of(lambda: store.insert_chunk(tmp_path / 'v.avi', [0], [0.0]))
    assert text.startswith(f"'{tmp_path / 'v.avi'}' cannot be a chunk of '{tmp_path / 's'}', a store of images in ")
    assert text.endswith('or pass its frames to add_image')


@pytest.mark.parametrize(
    ('text', 'what'), [('x', 'number, index or time'), ('#1.5', 'index'), ('1' * 40, 'number, index or time')]
)
def test_what_is_no_place_is_told_what_is(tmp_path: Path, text: str, what: str) -> None:
    with made(tmp_path / 's') as store:
        store.add_image(np.zeros(SHAPE, np.uint8), 7, 0.0)
    with new_for_filename(tmp_path / 's') as store, pytest.raises(InvalidArgumentError) as caught:
        find_place(store, text)
    assert str(caught.value).startswith(f'{text!r} is no frame {what}; write a number such as 123, ')
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
    ('options', 'text'),
    [
        (
            {'roi': (2, 1, 5, 3)},
            (
                "roi is (2, 1, 5, 3); it must be (x, y, width, height), a part of the sensor's 6 x 4 pixels "
                '(width x height); from (2, 1) it has 4 x 3'
            ),
        ),
        (
            {'roi': (0, 0, 5, 3), 'binning': 2},
            (
                'roi is (0, 0, 5, 3); binning of 2 x 2 (vertical x horizontal) does not divide 5 x 3 pixels; choose a '
                'ROI with a width of 4 or 6 and a height of 2 or 4'
            ),
        ),
        (
            {'binning': (3, 2)},
            (
                'binning is (3, 2); binning of 3 x 2 (vertical x horizontal) does not divide 6 x 4 pixels; choose a '
                'ROI with a width of 6 and a height of 3'
            ),
        ),
        ({'binning': 5}, 'binning is (5, 5); it must be from 1 x 1 to 4 x 6 (vertical x horizontal)'),
        (
            {'roi': (1, 2, 4, 2), 'encoding': 'cv_bayerrg'},
            (
                'roi is (1, 2, 4, 2); raw images of cv_bayerrg keep their pattern only if x is a multiple of 2 and y '
                'of 2, such as roi=(0, 2, 4, 2)'
            ),
        ),
    ],
)
def test_a_roi_or_binning_that_does_not_fit_is_told_what_does(
    tmp_path: Path, options: dict[str, Any], text: str
) -> None:
    assert text_of(lambda: made(tmp_path / 's', **options)) == text


def test_an_image_that_is_cropped_already_is_told_the_sensors_shape(tmp_path: Path) -> None:
    with made(tmp_path / 's', binning=2) as store:
        assert '(4, 6) of the sensor' in text_of(lambda: store.add_image(np.zeros((2, 3), np.uint8), 0, 0.0))
