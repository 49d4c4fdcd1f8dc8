"""Keys of an array of frames mean what they mean to numpy."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as some

from imgstore.errors import FrameIndexError, FrameKeyTypeError
from imgstore.reading.frame_range import by_index, by_value
from imgstore.reading.indexing import cropped_shape, select

from ..helpers.keys import keys

FRAMES = np.arange(7 * 5 * 4 * 3).reshape(7, 5, 4, 3)


def taken(frames: np.ndarray, key: Any) -> Any:
    """What the key gives, by way of one image after the other."""
    chosen, crop, new_axes = select(key, len(frames), frames.ndim - 1)
    parts = [frames[index][crop] for index in ([chosen] if isinstance(chosen, int) else chosen)]
    shape = cropped_shape(frames.shape[1:], crop)
    assert all(part.shape == shape for part in parts)
    stacked = parts[0] if isinstance(chosen, int) else np.array(parts, frames.dtype).reshape(len(parts), *shape)
    return stacked[(None,) * new_axes] if new_axes else stacked


def check(frames: np.ndarray, key: Any) -> None:
    expected, found = frames[key], taken(frames, key)
    assert found.shape == expected.shape
    assert np.array_equal(found, expected)


@settings(max_examples=60)
@given(key=some.basic_indices(FRAMES.shape, allow_newaxis=True, allow_ellipsis=True))
def test_ints_slices_and_new_axes_mean_the_same(key: Any) -> None:
    check(FRAMES, key)


@settings(max_examples=60)
@given(key=keys(FRAMES.shape))
def test_lists_arrays_masks_and_crops_mean_the_same(key: Any) -> None:
    check(FRAMES, key)


@given(count=st.integers(0, 4), key=st.slices(9))
def test_a_slice_of_few_frames_means_the_same(count: int, key: slice) -> None:
    check(FRAMES[:count], key)


@pytest.mark.parametrize('dtype', ['int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', '>i4'])
def test_every_dtype_of_integers_is_an_index(dtype: str) -> None:
    check(FRAMES, np.array([6, 0, 3], dtype))
    check(FRAMES, np.array(5, dtype))
    check(FRAMES, np.array([2], dtype)[0])


@pytest.mark.parametrize('key', [True, False, np.True_, 1.0, 0.5, np.float32(2), np.array(1.0), np.array(True), 1j])
def test_a_bool_or_a_float_is_no_index(key: Any) -> None:
    for each in (key, (key,), (key, 0)):
        with pytest.raises(FrameKeyTypeError):
            select(each, 7, 3)


WRONG = [
    7,
    -8,
    2**70,
    [0, 7],
    [-8],
    [2**70],
    np.array([2**63], np.uint64),
    [0.5],
    [1.0, 2.0],
    np.array([]),
    ['a'],
    [None],
    'image',
    b'image',
    {1, 2},
    {1: 2},
    object(),
    iter([1]),
    [[0, 1]],
    [[0], [1, 2]],
    np.zeros((7, 5), bool),
    np.zeros((2, 2), int),
    [True] * 6,
    np.zeros(8, bool),
    (0, 0, 0, 0, 0),
    (..., ...),
    (0, [1, 2]),
    ([1, 2], [1, 2]),
    (slice(None), np.zeros(5, bool)),
    (0, True),
    (0, 1.0),
    (0, 'x'),
    (None, [0, 1]),
]


@pytest.mark.parametrize('key', WRONG)
def test_anything_else_is_an_index_error(key: Any) -> None:
    with pytest.raises(FrameIndexError) as caught:
        select(key, 7, 3)
    assert isinstance(caught.value, IndexError)


@pytest.mark.parametrize('crop', [(5,), (0, 4), (-6,), (slice(None), slice(None), 3)])
def test_a_crop_outside_the_image_is_an_index_error(crop: Any) -> None:
    with pytest.raises(FrameIndexError):
        cropped_shape((5, 4, 3), crop)


@pytest.mark.parametrize('key', [slice(None, None, 0), (0, slice(None, None, 0))])
def test_a_step_of_0_is_numpys_error(key: Any) -> None:
    with pytest.raises(ValueError, match='zero'):
        taken(FRAMES, key)


@given(start=st.none() | st.integers(-9, 9), stop=st.none() | st.integers(-9, 9), step=st.integers(1, 4))
def test_a_range_of_indexes_is_that_of_a_slice(start: int | None, stop: int | None, step: int) -> None:
    assert list(by_index(7, start, stop, step)) == list(range(7))[start:stop:step]


class Index:
    """Numbers and times out of order."""

    frame_numbers = np.array([5, 7, 8, 8, -3, 20, 21])
    frame_times = np.array([0.5, 1.0, np.nan, 1.0, -2.0, np.inf, 3.0])
    frame_count = 7


@given(
    column=st.sampled_from([0, 1]),
    start=st.none() | st.integers(-4, 22),
    stop=st.none() | st.integers(-4, 22),
    step=st.integers(1, 3),
)
def test_a_range_of_values_has_each_frame_in_it(column: int, start: int | None, stop: int | None, step: int) -> None:
    values = (Index.frame_numbers, Index.frame_times)[column].tolist()
    inside = [
        index
        for index, value in enumerate(values)
        if (start is None or value >= start) and (stop is None or value < stop)
    ]
    found = by_value(Index(), column, start, stop, step)  # type: ignore[arg-type]
    assert list(found) == inside[::step]
