"""Where a reader stands, and which frames it expects next."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imgstore import new_for_filename, new_for_format
from imgstore.errors import ChunkSkippedWarning
from imgstore.reading.sequential import SequentialPolicy

from ..helpers.checked import not_none
from ..helpers.frames import index_in, numbered
from ..helpers.raised import warns

SHAPE = (64, 96)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Four chunks of five frames, whose numbers count from 100."""
    with new_for_format('npy', tmp_path / 's', imgshape=SHAPE, chunksize=5) as store:
        for index in range(20):
            store.add_image(numbered(index, SHAPE), 100 + index, index / 10)
    return tmp_path / 's'


def damage(recording: Path, chunk: int) -> None:
    path = recording / f'{chunk:06d}' / 'index.npz'
    data = bytearray(path.read_bytes())
    data[data.index(np.int64(100 + 5 * chunk + 1).tobytes())] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize('lost', [0, 1])
def test_position_holds_when_earlier_chunk_is_damaged(recording: Path, lost: int) -> None:
    """The reader keeps its position when an earlier chunk turns out to be damaged."""
    with new_for_filename(recording) as store:
        store.get_image(None, frame_index=11)
        damage(recording, lost)
        with warns(ChunkSkippedWarning, chunk=lost):
            assert store.frame_min == (100 if lost else 105)
        assert (store.frame_number, store.frame_time) == (111, 1.1)
        assert store.get_next_framenumber() == 112
        assert [index_in(store.get_next_image()[0]) for _ in range(8)] == list(range(12, 20))


def test_frames_after_the_positions_lost_chunk_come_next(recording: Path) -> None:
    """After the chunk of the position is lost, the frames that follow that chunk come next."""
    with new_for_filename(recording) as store:
        store.get_image(None, frame_index=7)
        damage(recording, 1)
        with warns(ChunkSkippedWarning, chunk=1):
            store.refresh()
            assert store.frame_max == 119
        assert [index_in(store.get_next_image()[0]) for _ in range(10)] == list(range(10, 20))


def test_the_position_is_that_of_its_frame_in_another_index(recording: Path) -> None:
    with new_for_filename(recording) as store:
        store.get_images(frame_indices=[3, 13])
        damage(recording, 0)
        with warns(ChunkSkippedWarning, chunk=0):
            store.refresh()
            assert store.get_next_framenumber() == 114
        assert index_in(store.get_next_image()[0]) == 14


@pytest.mark.parametrize(
    ('walk', 'expected'),
    [
        ([5], []),
        ([5, 6], []),
        ([5, 6, 7], [7, 8, 9, 10]),
        ([5, 4, 3], [3, 2, 1, 0]),
        ([5, 4, 5], []),
        ([5, 7, 9], []),
        ([0, 1, 2, 9], []),
        ([0, 1, 2, 9, 10, 11], [11, 12, 13, 14]),
        ([5, 5, 5], []),
    ],
)
def test_frames_in_sequence_are_expected_forwards_and_backwards(walk: list[int], expected: list[int]) -> None:
    policy, before = SequentialPolicy(3), -1
    for index in walk:
        found, before = policy.expect(index, before), index
    assert list(found) == expected


def test_a_reader_that_goes_forward_is_expected_to_at_once() -> None:
    policy = SequentialPolicy(2)
    policy.assume_forward()
    assert list(policy.expect(7, 6)) == [7, 8, 9]


def test_nothing_is_expected_where_nothing_is_prefetched() -> None:
    policy = SequentialPolicy(0)
    assert [list(policy.expect(index, index - 1)) for index in range(4)] == [[], [], [], []]


@pytest.mark.parametrize('step', [1, -1])
def test_frame_places_hold_across_borders_and_ends(recording: Path, step: int) -> None:
    """Frames in sequence get their right places across chunk borders and at both ends."""
    with new_for_filename(recording) as store:
        known = store._require_reader()._known
        for start in range(20):
            for count in range(9):
                indices = range(start, start + step * count, step)
                there = [known.index.to_chunk(index) for index in indices if 0 <= index < 20]
                assert known.places(not_none(known.locate(start)), indices) == there
