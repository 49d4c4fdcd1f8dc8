"""Each package reads what the other wrote: every frame, number, time, record of extra data and saved index."""

import sqlite3
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ..helpers.frames import index_in
from .cases import (
    CASES,
    DEEP,
    H264,
    LOSSLESS_VIDEO,
    ORIGINAL_WRITES,
    OURS_ALONE,
    READ_BY_DEBIANS,
    SIXTEEN_BITS,
    VIDEO_CASES,
    WRITTEN,
    Case,
    extra_data,
)
from .conftest import Dump, Exchange
from .images import image_of

GRAY_LEVELS, COLOUR_LEVELS = 2, 3  # by how much two decoders of one video may differ
SIXTEEN = [name for name, case in CASES.items() if case.fmt in SIXTEEN_BITS and case.dtype == 'uint16']
WITH_EXTRA_DATA = [name for name, case in CASES.items() if case.extra and not case.reindex]

UNREADABLE_TO_ITS_WRITER = ['avc1/mp4-empty', 'h264/mkv-empty', 'h264/mkv-reindexed']
"""Of what the original writes with the OpenCV of Debian: videos without frames, and Matroska of few frames, in which it
seeks to other frames."""

Record = Callable[[str, object], None]


def levels(case: Case) -> int:
    """By how much a pixel may differ between two readers of one file."""
    if '/' not in case.fmt or case.fmt in LOSSLESS_VIDEO:
        return 0
    return GRAY_LEVELS if case.channels == 'gray' else COLOUR_LEVELS


def difference(some: np.ndarray, others: np.ndarray) -> float:
    """The largest difference of two pixels."""
    assert some.shape == others.shape
    assert some.dtype == others.dtype
    if np.array_equal(some, others):
        return 0
    return float(np.abs(some.astype(float) - others.astype(float)).max())


def numbers_after(case: Case) -> list[int]:
    """The frame numbers that the finished store has."""
    numbers = case.frame_numbers()
    first = numbers.index(0) if case.reindex else 0
    return [*range(-first, 0), *numbers[first:]]


def assert_whole(dump: Dump, case: Case) -> None:
    """The store has the case's frames in their order, and the frames read backwards are the same ones."""
    given = [list(frame) for frame in zip(numbers_after(case), case.frame_times(), strict=True)]
    assert dump.facts['given'] == given
    assert dump.facts['given backwards'] == given[::-1][::3]
    assert len(dump.images) == len(given)
    if case.kind == 'numbered' and case.encoding is None:
        assert [index_in(image) for image in dump.images] == list(range(len(given)))
    assert difference(dump.images[::-1][::3], dump.backwards) == 0


def assert_same(dump: Dump, other: Dump, case: Case, record_property: Record, direction: str) -> None:
    result: list[Any] = [case.name, direction, np.nan]
    record_property('interop', result)
    assert_whole(dump, case)
    assert_whole(other, case)
    assert facts(dump, case) == facts(other, case)
    result[-1] = difference(dump.images, other.images)
    assert result[-1] <= levels(case)


def facts(dump: Dump, case: Case) -> dict[str, Any]:
    # The original takes the shape of the raw planes for the image's.
    left_out = {'image_shape'} if case.encoding == 'cv_yuv_i420' else set()
    if case.fmt in OURS_ALONE:  # no video is lossless to the original
        left_out.add('lossless')
    return {key: value for key, value in dump.facts.items() if key not in left_out}


@pytest.mark.parametrize('name', [name for name in ORIGINAL_WRITES if name not in SIXTEEN])
def test_ours_reads_what_the_original_wrote(name: str, exchange: Exchange, record_property: Record) -> None:
    ours, theirs = (exchange.read('original', name, by) for by in ('ours', 'original'))
    assert_same(ours, theirs, CASES[name], record_property, 'from original')


@pytest.mark.parametrize('name', [name for name in CASES if name not in (*SIXTEEN, DEEP.name)])
def test_the_original_reads_what_ours_wrote(name: str, exchange: Exchange, record_property: Record) -> None:
    ours, theirs = (exchange.read('ours', name, by) for by in ('ours', 'original'))
    assert_same(theirs, ours, CASES[name], record_property, 'to original')


@pytest.mark.parametrize('name', [name for name in VIDEO_CASES if name not in UNREADABLE_TO_ITS_WRITER])
def test_ours_reads_original_written_with_debian_opencv(name: str, exchange: Exchange, record_property: Record) -> None:
    """Our reader reads what the original wrote with Debian's OpenCV."""
    ours, theirs = (exchange.read('debian', name, by) for by in ('ours', 'debian'))
    assert_same(ours, theirs, CASES[name], record_property, 'from debian')


@pytest.mark.parametrize('name', UNREADABLE_TO_ITS_WRITER)
def test_ours_reads_what_the_original_wrote_and_cannot_read(name: str, exchange: Exchange) -> None:
    ours = exchange.read('debian', name, 'ours', writer_must_read=False)
    assert_whole(ours, CASES[name])


@pytest.mark.parametrize('name', READ_BY_DEBIANS)
def test_debian_original_reads_what_ours_wrote(name: str, exchange: Exchange, record_property: Record) -> None:
    """The original with Debian's OpenCV reads what our writer wrote."""
    ours, theirs = (exchange.read('ours', name, by) for by in ('ours', 'debian'))
    assert_same(theirs, ours, CASES[name], record_property, 'to debian')


@pytest.mark.parametrize('name', H264)
def test_the_original_cannot_write_h264_here(name: str, exchange: Exchange) -> None:
    tried = [case.name for case in CASES.values() if case.fmt == name]
    assert all(exchange.error('original', case, 'original') for case in tried)


@pytest.mark.parametrize('name', SIXTEEN)
def test_ours_reads_16_bits_where_original_reads_8(name: str, exchange: Exchange, record_property: Record) -> None:
    """Our reader returns all 16 bits where the original returns only 8."""
    source = np.stack([image_of(CASES[name], index) for index in range(CASES[name].frames)])
    for writer, direction in (('original', 'from original'), ('ours', 'to original')):
        record_property('interop', [name, direction, 0])
        assert difference(exchange.read(writer, name, 'ours').images, source) == 0
        theirs = exchange.read(writer, name, 'original').images
        assert difference(theirs, (source >> 8).astype(np.uint8)) == 0


def test_the_original_reads_8_of_the_16_bits_of_a_video(exchange: Exchange) -> None:
    source = np.stack([image_of(DEEP, index) for index in range(DEEP.frames)])
    assert difference(exchange.read('ours', DEEP.name, 'ours').images, source) == 0
    theirs = exchange.read('ours', DEEP.name, 'original').images
    assert difference(theirs, (source >> 8).astype(np.uint8)) <= 1


@pytest.mark.parametrize(('writer', 'name'), [(writer, name) for writer, name in WRITTEN if CASES[name].index])
def test_a_saved_index_gives_the_same_store(writer: str, name: str, exchange: Exchange) -> None:
    for reader in ('original', 'ours'):
        with_index, without = (exchange.read(writer, name, reader, saved_index) for saved_index in (True, False))
        assert with_index.facts == without.facts
        assert difference(with_index.images, without.images) == 0


@pytest.mark.parametrize('name', [name for name in ORIGINAL_WRITES if CASES[name].index])
def test_both_save_the_same_index(name: str, exchange: Exchange) -> None:
    ours, theirs = (tables(exchange, writer, name) for writer in ('ours', 'original'))
    assert ours == theirs


def tables(exchange: Exchange, writer: str, name: str) -> dict[str, list[Any]]:
    """Columns, types and rows of a saved index; paths from the store on."""
    folder = exchange.store(writer, name)
    database = sqlite3.connect(f'{(folder / ".index.sqlite").as_uri()}?mode=ro', uri=True)
    names = [row[0] for row in database.execute('select name from sqlite_master where type = "table"')]
    found = {
        table: [
            [(column[1], column[2]) for column in database.execute(f'pragma table_info({table})')],
            sorted(database.execute(f'select * from {table}')),
        ]
        for table in names
    }
    found['chunk_index'] = [row[2] for row in database.execute('pragma index_info(chunk_index)')]
    database.close()
    found['chunks'][1] = [(chunk, path.replace(str(folder), '')) for chunk, path in found['chunks'][1]]
    return found


@pytest.mark.parametrize(('writer', 'name'), [(writer, name) for writer, name in WRITTEN if name in WITH_EXTRA_DATA])
def test_extra_data_comes_over(writer: str, name: str, exchange: Exchange) -> None:
    beside = zip(CASES[name].frame_numbers(), CASES[name].frame_times(), strict=True)
    expected = [
        extra_data(index) | {'frame_number': number, 'frame_time': time, 'frame_index': index}
        for index, (number, time) in enumerate(beside)
    ]
    for reader in ('original', 'ours'):
        assert exchange.read(writer, name, reader).facts['extra data'] == expected


@pytest.mark.parametrize('name', [name for name in ORIGINAL_WRITES if CASES[name].kind == 'textured'])
def test_motion_jpeg_is_no_worse_than_the_originals(name: str, exchange: Exchange) -> None:
    source = np.stack([image_of(CASES[name], index) for index in range(CASES[name].frames)])
    ours, theirs = (psnr(exchange.read(writer, name, 'ours').images, source) for writer in ('ours', 'original'))
    assert ours >= theirs


def psnr(images: np.ndarray, source: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB."""
    return float(10 * np.log10(255**2 / np.mean((images.astype(float) - source) ** 2)))
