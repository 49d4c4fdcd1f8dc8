"""Several stores aligned by number and by time, without reading images."""

from __future__ import annotations

import datetime
import math
import pickle
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imgstore
from imgstore.align import AlignedFrames, Alignment, align
from imgstore.chunks import ChunkIO
from imgstore.errors import (
    ChunkSkippedWarning,
    FrameIndexError,
    FrameKeyTypeError,
    FrameReadError,
    InvalidArgumentError,
    StoreClosedError,
    StoreModeError,
)
from imgstore.index import ImgStoreIndex

from ..helpers.frames import index_in, numbered
from ..helpers.raised import raises

Make = Callable[..., Any]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make a store of frames that carry their index."""

    def make(
        numbers: Sequence[int],
        times: Sequence[float] | None = None,
        fmt: str = 'npy',
        shape: tuple[int, ...] = (32, 96),
    ) -> Any:
        folder = tmp_path / f'store{len(list(tmp_path.iterdir()))}'
        with imgstore.new_for_format(fmt, folder, imgshape=shape, chunksize=7) as store:
            for index, number in enumerate(numbers):
                store.add_image(numbered(index, shape), number, number / 4 if times is None else times[index])
        return imgstore.new_for_filename(folder)

    return make


def test_by_number_the_stores_may_differ_in_everything(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """No image is read before the iteration."""
    stores = make(range(20)), make(range(5, 30), fmt='avc1/mp4', shape=(64, 96, 3)), make(range(0, 30, 3), fmt='png')
    with monkeypatch.context() as patch:
        patch.setattr(ChunkIO, 'reader', None)
        alignment = align(stores)
        assert alignment.shape == (5, 3)
        assert alignment.numbers.tolist() == [[n] * 3 for n in (6, 9, 12, 15, 18)]
        assert alignment.times.tolist() == [[n / 4] * 3 for n in (6, 9, 12, 15, 18)]
    for images, numbers, times, indexes in alignment:
        assert [index_in(image) for image in images] == indexes
        assert [type(value) for value in (*numbers, *indexes, *times)] == [int] * 6 + [float] * 3


def test_the_outer_join_has_none_for_missing_frames(make: Make) -> None:
    alignment = align([make([0, 1, 3]), make([1, 2])], join='outer')
    assert alignment.indexes.tolist() == [[0, -1], [1, 0], [-1, 1], [2, -1]]
    first, *_, last = alignment
    assert isinstance(first, AlignedFrames)
    assert (first.images[1], first.numbers, first.indexes) == (None, [0, None], [0, None])
    assert index_in(first.images[0]) == 0
    assert math.isnan(last.times[1])
    assert alignment.numbers.tolist() == [[0, -1], [1, 1], [-1, 2], [3, -1]]


def test_unsorted_and_repeated_numbers_give_the_first_frames(make: Make) -> None:
    """As `get_image` does; images are right in any order of the store."""
    stores = make([9, 3, 3, 7, 1, 9, 2, 8, 30, 4]), make([1, 2, 3, 4, 7, 8, 9, 1])
    alignment = align(stores)
    assert alignment.indexes[:, 0].tolist() == [4, 6, 1, 9, 3, 7, 0]
    for images, _, _, indexes in alignment:
        assert [index_in(image) for image in images] == indexes
        assert indexes == [store.find(number=alignment.numbers[indexes[1]][1]) for store in stores]


def test_by_time_within_a_tolerance(make: Make) -> None:
    one = make(range(6), [0, 1, 2, 3, 4, 5])
    other = make(range(5), [0.2, 1.6, 2.1, 3.0, 9.0])
    assert align([one, other], by='time').indexes.tolist() == [[0, 0], [2, 2], [3, 3]]
    assert align([one, other], by='time').tolerance == pytest.approx(0.5)
    near = align([one, other], by='time', tolerance=datetime.timedelta(seconds=0.15))
    assert (near.indexes.tolist(), near.tolerance) == ([[2, 2], [3, 3]], 0.15)
    assert align([one, other], by='time', tolerance=4).indexes.tolist() == [[0, 0], [2, 2], [3, 3]]


def test_fitted_clocks_are_reported_and_used(make: Make) -> None:
    times = 100 + np.arange(200) / 30
    apart = times + 0.002 + 8e-3 * (times - times[0])
    stores = make(range(200), times), make(range(200), apart)
    plain = align(stores, by='time')
    assert len(plain) < 200
    assert plain.clocks is None
    for by in ('number', 'time'):
        fitted = align(stores, by=by, fit_clocks=True)
        assert fitted.indexes.tolist() == [[index] * 2 for index in range(200)]
        assert fitted.clocks is not None
        first, second = fitted.clocks
        assert (first.offset, first.drift_ppm, first.residual) == (0, 0, 0)
        assert second.offset == pytest.approx(0.002, abs=1e-6)
        assert second.drift_ppm == pytest.approx(8000, abs=0.1)
        table = fitted.to_pandas()
        assert np.abs(table['reference_time_1'] - table['time_0']).max() < 1e-6


def test_rows_are_chosen_like_those_of_an_array(make: Make) -> None:
    alignment = align([make(range(10)), make(range(2, 12))])
    assert isinstance(alignment[2:5], Alignment)
    assert alignment[2:5].numbers[:, 0].tolist() == [4, 5, 6]
    assert alignment[::-3].numbers[:, 0].tolist() == [9, 6, 3]
    assert alignment[alignment.numbers[:, 0] > 7].numbers[:, 1].tolist() == [8, 9]
    assert [row.indexes for row in alignment[[5, 0]]] == [[7, 5], [2, 0]]
    assert [index_in(image) for image in alignment[-1].images] == alignment[np.int64(7)].indexes == [9, 7]
    assert len(alignment[[]]) == len(list(alignment[0:0])) == 0
    outside: list[Any] = [8, -9, [8]]
    for key in outside:
        with pytest.raises(FrameIndexError):
            alignment[key]
    wrong: list[Any] = [(0, 1), None, 'a']
    for key in wrong:
        with pytest.raises(FrameIndexError):
            alignment[key]
    for key in [True, 1.5]:
        with pytest.raises(FrameKeyTypeError):
            alignment[key]


def test_batches_are_arrays_with_black_for_missing_frames(make: Make) -> None:
    alignment = align([make(range(5)), make(range(3, 7), fmt='mjpeg/avi', shape=(32, 96, 3))], join='outer')
    batches = list(alignment.batches(3))
    assert [[array.shape for array in images] for images, _, _ in batches] == [
        [(n, 32, 96), (n, 32, 96, 3)] for n in (3, 3, 1)
    ]
    images, numbers, times = batches[1]
    assert [index_in(image) for image in images[0][:2]] == [3, 4]
    assert [index_in(image) for image in images[1]] == [0, 1, 2]
    assert not images[0][2].any()
    assert numbers.tolist() == [[3, 3], [4, 4], [-1, 5]]
    assert times[:2].tolist() == [[0.75, 0.75], [1, 1]]
    for size in (0, 1.5, None):
        with raises(InvalidArgumentError, argument='size'):
            alignment.batches(size)


def test_the_table_has_a_row_each_and_na(make: Make) -> None:
    table = align([make([0, 1]), make([1, 2])], join='outer').to_pandas()
    assert table.columns.tolist() == ['index_0', 'number_0', 'time_0', 'index_1', 'number_1', 'time_1']
    assert table['index_1'].tolist()[1:] == [0, 1]
    assert table['index_1'].isna().tolist() == table['number_1'].isna().tolist() == [True, False, False]
    assert str(table['index_1'].dtype) == 'Int64'


def test_iterations_are_independent_and_move_no_position(make: Make) -> None:
    one, other = make(range(10)), make(range(10))
    one.get_image(5)
    alignment = align([one, other])
    both = [[row.indexes[0] for row in pair] for pair in zip(alignment, alignment, strict=True)]
    assert both == [[index] * 2 for index in range(10)]
    assert one.get_next_image()[1][0] == 6


def test_a_damaged_frame_costs_only_its_row(make: Make) -> None:
    one, other = make(range(9)), make(range(9))
    path = Path(other.filename) / '000000' / '000003.npy'
    path.write_bytes(b'damaged')
    rows = iter(align([one, other]))
    found: list[Any] = []
    with raises(FrameReadError, store=other.filename, frame_index=3):
        found.extend(row.indexes for row in rows)
    found += [row.indexes for row in rows if [index_in(image) for image in row.images] == row.indexes]
    assert found == [[index] * 2 for index in range(9) if index != 3]


def test_frames_that_moved_are_an_error(make: Make) -> None:
    """A store of a damaged chunk has other indexes, and none of its frames is given for another."""
    one = make(range(20))
    alignment = align([one, make(range(20))])
    (Path(one.filename) / '000000' / 'index.npz').write_bytes(b'damaged')
    again = imgstore.new_for_filename(one.filename)
    moved = replace(alignment, stores=(again, alignment.stores[1]))
    with pytest.warns(ChunkSkippedWarning), raises(FrameReadError, store=one.filename):
        list(moved)
    with raises(FrameReadError, frame_number=0):
        next(iter(moved[:5]))


def test_a_closed_store_is_an_error_also_meanwhile(make: Make) -> None:
    one, other = make(range(9)), make(range(9))
    rows = iter(align([one, other]))
    next(rows)
    other.close()
    with raises(StoreClosedError, store=other.filename):
        next(rows)
    with raises(StoreClosedError, store=other.filename):
        iter(align([one, other]))


def test_a_live_store_is_aligned_as_far_as_it_is_known(tmp_path: Path) -> None:
    """Frames after the last `refresh` are in the next alignment."""
    folder = tmp_path / 'live'
    with imgstore.new_for_format('npy', folder, imgshape=(32, 96), workers=0) as writer:
        for index in range(5):
            writer.add_image(numbered(index, (32, 96)), index, index / 4)
        with imgstore.new_for_filename(folder) as one, imgstore.new_for_filename(folder) as other:
            writer.add_image(numbered(5, (32, 96)), 5, 1.25)
            other.refresh()
            assert (len(align([one, other])), len(align([one, other], join='outer'))) == (5, 6)
            assert one.refresh() == 1
            assert [index_in(row.images[0]) for row in align([one, other])] == [0, 1, 2, 3, 4, 5]
        with raises(StoreModeError):
            align([writer])


def test_empty_stores_one_store_and_one_store_twice(make: Make) -> None:
    empty, one = make([]), make([4, 5])
    assert len(align([empty, one])) == len(align([one, empty], by='time')) == 0
    assert align([empty, one], join='outer').indexes.tolist() == [[-1, 0], [-1, 1]]
    assert align([empty, one], by='time', join='outer', fit_clocks=True).indexes.tolist() == [[-1, 0], [-1, 1]]
    assert align([one]).indexes.tolist() == [[0], [1]]
    assert align([one, one], by='time').indexes.tolist() == [[0, 0], [1, 1]]


def test_arrays_are_read_only_and_pickle(make: Make) -> None:
    alignment = align([make(range(4)), make(range(2, 6))])
    for array in (alignment.indexes, alignment.numbers, alignment.times, alignment[1:].times):
        with pytest.raises(ValueError, match='read-only'):
            array[0, 0] = 1
    again = pickle.loads(pickle.dumps(alignment))  # noqa: S301 -- our own
    assert [row.indexes for row in again] == alignment.indexes.tolist()
    assert 'by number, 2 rows, 2 of them complete' in repr(again)


@pytest.mark.parametrize(
    ('given', 'argument'),
    [
        ({'stores': []}, 'stores'),
        ({'stores': 'folder'}, 'stores'),
        ({'stores': ['folder']}, 'stores'),
        ({'stores': None}, 'stores'),
        ({'by': 'index'}, 'by'),
        ({'by': None}, 'by'),
        ({'by': np.array(['time', 'number'])}, 'by'),
        ({'join': 'right'}, 'join'),
        ({'tolerance': 0.1}, 'tolerance'),
        ({'by': 'time', 'tolerance': -0.1}, 'tolerance'),
        ({'by': 'time', 'tolerance': math.nan}, 'tolerance'),
        ({'by': 'time', 'tolerance': '5 ms'}, 'tolerance'),
    ],
)
def test_wrong_arguments_are_refused(make: Make, given: dict[str, Any], argument: str) -> None:
    with raises(InvalidArgumentError, argument=argument):
        align(**{'stores': [make([0])], **given})


def test_one_store_alone_must_be_in_a_list(make: Make) -> None:
    with raises(InvalidArgumentError, argument='stores'):
        align(make([0]))


@pytest.mark.parametrize('by', ['number', 'time'])
def test_a_million_frames_are_aligned_at_once(by: str, make: Make) -> None:
    """The bound is generous: half a second on an idle machine."""
    count = 10**6
    stores = make([0]), make([0])
    for store, kept in zip(stores, (slice(None), slice(3, None)), strict=True):
        numbers = np.arange(count)[kept]
        index = ImgStoreIndex.new_from_frames([(0, '', numbers, 1700000000 + numbers / 30)])
        store._reader.index = index
    began = time.process_time()
    alignment = align(stores, by=by)
    assert time.process_time() - began < 5
    assert len(alignment) == count - 3
    assert (alignment.indexes[:, 0] - alignment.indexes[:, 1] == 3).all()


def test_errors_of_rows_speak_of_the_alignment(make: Make) -> None:
    store = make(range(9))
    found = align([store, store])
    for key in (np.ones(8, bool), [True] * 10, [0, 9], np.array([-10]), 9):
        with pytest.raises(FrameIndexError, match=r'the alignment (has|of) 9 rows'):
            found[key]
    with raises(InvalidArgumentError, argument='fit_clocks'):
        align([store, store], fit_clocks='x')  # type: ignore[arg-type]
