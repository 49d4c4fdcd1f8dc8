"""ROI and binning: the pixels they keep, and their means."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgstore.sensor_area import SensorArea, area_for, area_in, bin_image

DTYPES = ['uint8', 'uint16', 'uint32', 'int8', 'int16', 'int32', 'float16', 'float32', 'float64']
INTEGERS = [name for name in DTYPES if np.dtype(name).kind in 'iu']


def of_extremes(shape: tuple[int, ...], dtype: str, seed: int = 0) -> Any:
    """Random values with many of the smallest and the largest."""
    rng, limits = np.random.default_rng(seed), np.iinfo(dtype)
    values = rng.integers(limits.min, limits.max, shape, np.dtype(dtype), endpoint=True)
    values[rng.random(shape) < 0.2] = limits.max
    values[rng.random(shape) < 0.2] = limits.min
    return values


def exact_means(image: Any, vertical: int, horizontal: int) -> Any:
    """Means as fractions, (rows, columns, vertical x horizontal)."""
    height, width = image.shape[0] // vertical, image.shape[1] // horizontal
    blocks = image.reshape(height, vertical, width, horizontal, -1).swapaxes(1, 2)
    blocks = blocks.reshape(height, width, vertical * horizontal, -1).swapaxes(2, 3)
    means = [Fraction(sum(map(int, block)), vertical * horizontal) for block in blocks.reshape(-1, blocks.shape[-1])]
    return np.array(means, object).reshape(height, width, *image.shape[2:])


@given(
    dtype=st.sampled_from(INTEGERS),
    blocks=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    binning=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    channels=st.sampled_from([(), (1,), (2,), (3,), (4,), (5,), (2, 3)]),
    seed=st.integers(0, 1000),
)
def test_means_of_integers_are_exact_and_rounded_upward(
    dtype: str, blocks: tuple[int, int], binning: tuple[int, int], channels: tuple[int, ...], seed: int
) -> None:
    image = of_extremes((blocks[0] * binning[0], blocks[1] * binning[1], *channels), dtype, seed)
    expected = [(mean + Fraction(1, 2)).__floor__() for mean in exact_means(image, *binning).ravel()]
    found = bin_image(image, *binning)
    assert (found.dtype, found.shape) == (image.dtype, (*blocks, *channels))
    assert found.ravel().tolist() == expected


@pytest.mark.parametrize('dtype', INTEGERS)
@pytest.mark.parametrize('shape', [(64, 130), (66, 34, 3)])
def test_two_by_two_pixels_of_large_images(dtype: str, shape: tuple[int, ...]) -> None:
    image = of_extremes(shape, dtype)
    expected = [(mean + Fraction(1, 2)).__floor__() for mean in exact_means(image, 2, 2).ravel()]
    assert bin_image(image, 2, 2).ravel().tolist() == expected


@pytest.mark.parametrize('dtype', ['float16', 'float32', 'float64'])
def test_means_of_floats(dtype: str) -> None:
    largest = np.finfo(dtype).max / (1 if dtype != 'float64' else 8)
    image = np.array([[0.5, 0.25, largest, largest], [1, 2, largest, largest], [np.nan, 1, np.inf, 0]] * 2, dtype)
    found = bin_image(image[:2], 2, 2)
    assert found.dtype == np.dtype(dtype)
    assert found.tolist() == [[0.9375, float(np.dtype(dtype).type(largest))]]
    np.testing.assert_array_equal(bin_image(image[2:4], 1, 2)[0], [np.nan, np.inf])


@pytest.mark.parametrize('name', ['reversed', 'transposed', 'cropped', 'strided', 'one value', 'read-only'])
@pytest.mark.parametrize('binning', [(2, 2), (2, 4)])
def test_an_image_may_lie_in_memory_in_any_way(name: str, binning: tuple[int, int]) -> None:
    image = of_extremes((16, 24, 3), 'uint8')
    views = {
        'reversed': image[::-1, ::-1],
        'transposed': np.asfortranarray(image),
        'cropped': of_extremes((19, 29, 3), 'uint8')[2:18, 3:27],
        'strided': of_extremes((32, 48, 6), 'uint8')[::2, ::2, ::2],
        'one value': np.broadcast_to(np.uint8(7), image.shape),
        'read-only': np.frombuffer(image.tobytes(), np.uint8).reshape(image.shape),
    }
    before = views[name].copy()
    found = bin_image(views[name], *binning)
    assert np.array_equal(found, bin_image(before, *binning))
    assert np.array_equal(views[name], before)


def test_one_by_one_is_the_image_itself() -> None:
    image = of_extremes((3, 5), 'uint8')
    assert bin_image(image, 1, 1) is image


@st.composite
def areas(draw: Any, shape: tuple[int, int]) -> SensorArea:
    """An area of images of this shape."""

    def side(size: int) -> tuple[int, int, int]:
        step = draw(st.integers(1, min(size, 3)))
        length = draw(st.integers(1, size // step)) * step
        return draw(st.integers(0, size - length)), length, step

    (y, height, vertical), (x, width, horizontal) = side(shape[0]), side(shape[1])
    return SensorArea(shape, (x, y, width, height), (vertical, horizontal))


@given(st.data())
def test_an_area_of_an_area_is_an_area_of_the_sensor(data: st.DataObject) -> None:
    outer = data.draw(areas(data.draw(st.tuples(st.integers(1, 40), st.integers(1, 40)))))
    height, width, *_ = outer.shape_of(outer.sensor_shape)
    inner = data.draw(areas((height, width)))
    both = inner.within(outer)
    places = np.moveaxis(np.mgrid[: outer.sensor_shape[0], : outer.sensor_shape[1]], 0, -1).astype(np.float64)
    np.testing.assert_allclose(both.of(places), inner.of(outer.of(places)))
    assert both.sensor_shape == outer.sensor_shape
    assert area_in(both.as_metadata()) == both
    assert area_for(both.roi, both.binning, both.sensor_shape, np.dtype('uint8')) == both


@given(st.data())
def test_an_area_within_areas_does_not_depend_on_the_order(data: st.DataObject) -> None:
    shape = data.draw(st.tuples(st.integers(1, 60), st.integers(1, 60)))
    chain = []
    for _ in range(3):
        chain.append(data.draw(areas(shape)))
        height, width, *_ = chain[-1].shape_of(shape)
        shape = (height, width)
    first, second, third = chain
    assert third.within(second).within(first) == third.within(second.within(first))


@pytest.mark.parametrize(
    'changed',
    [
        {'roi': None},
        {'roi': [0, 0, 5, 4]},
        {'roi': [0, 0, 4]},
        {'roi': [0, 0, 4, '4']},
        {'roi': [-2, 0, 4, 4]},
        {'roi': {'x': 0}},
        {'roi': [0, 0, 4, 2**70]},
        {'binning': [3, 2]},
        {'binning': [0, 1]},
        {'binning': [-1, 1]},
        {'binning': 2},
        {'binning': 'none'},
        {'sensor_shape': [2, 2]},
        {'sensor_shape': [0, 0]},
        {'sensor_shape': [8.5, 8]},
        {'sensor_shape': 'large'},
    ],
)
def test_an_area_in_metadata_that_is_not_valid_is_unknown(changed: dict[str, Any]) -> None:
    valid = {'sensor_shape': [8, 8], 'roi': [0, 0, 4, 4], 'binning': [2, 2]}
    assert area_in(valid) == SensorArea((8, 8), (0, 0, 4, 4), (2, 2))
    assert area_in({**valid, **changed}) is None
    for key in changed:
        assert area_in({name: value for name, value in valid.items() if name != key}) is None


def test_the_mean_of_huge_floats_is_finite() -> None:
    huge = np.full((4, 6), 1.7e308)
    assert bin_image(huge, 2, 3).tolist() == [[1.7e308] * 2] * 2
    mixed = np.array([[1.7e308, -1.7e308, np.inf], [1.7e308, 1.7e308, 1]])
    assert bin_image(mixed, 2, 1).tolist() == [[1.7e308, 0, np.inf]]
