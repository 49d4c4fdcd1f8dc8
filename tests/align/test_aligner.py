from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imgstore
from imgstore.align import StoreAligner
from imgstore.errors import InvalidArgumentError

from ..helpers.raised import raises
from ..helpers.spying import spy

SHAPE = (6, 8)
Make = Callable[..., Any]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make a store of frames numbered so; its k-th image is of value k + 1, its k-th time k / 10."""

    def make(
        numbers: Sequence[int], fmt: str = 'npy', shape: tuple[int, ...] = SHAPE, dtype: str = 'uint8', **options: Any
    ) -> Any:
        folder = tmp_path / f'store{len(list(tmp_path.iterdir()))}'
        with imgstore.new_for_format(
            fmt, basedir=folder, imgshape=shape, imgdtype=dtype, chunksize=2, **options
        ) as store:
            for k, number in enumerate(numbers):
                store.add_image(np.full(shape, k + 1, dtype), number, k / 10)
        return imgstore.new_for_filename(folder)

    return make


def aligned(policy: str, *stores: Any) -> list[tuple[int, list[int]]]:
    """Of each frame its number, and the value of each image."""
    aligner = StoreAligner(*stores)
    aligner.extract_common_frames(policy)
    return [(number, [int(image.flat[0]) for image in images]) for number, images in aligner.iter_imgs()]


def test_the_policies_have_the_names_they_always_had() -> None:
    assert StoreAligner.MISSING_POLICY_DROP == 'drop'
    assert StoreAligner.MISSING_POLICY_HOLD == 'zoh'
    assert StoreAligner.MISSING_POLICY_BLACK == 'black'


def test_drop_gives_the_frames_that_all_stores_have_in_order(make: Make) -> None:
    assert aligned('drop', make([0, 1, 2, 3, 5]), make([1, 2, 4, 5, 6])) == [(1, [2, 1]), (2, [3, 2]), (5, [5, 4])]


def test_zoh_repeats_latest_image_and_starts_black(make: Make) -> None:
    """The policy zoh repeats the latest image and gives black before the first one."""
    assert aligned('zoh', make([0, 1, 3]), make([1, 2, 4])) == [
        (0, [1, 0]),
        (1, [2, 1]),
        (2, [2, 2]),
        (3, [3, 2]),
        (4, [3, 3]),
    ]


def test_black_puts_a_black_image_where_one_is_missing(make: Make) -> None:
    assert aligned('black', make([0, 1, 3]), make([1, 2])) == [(0, [1, 0]), (1, [2, 1]), (2, [0, 2]), (3, [3, 0])]


@pytest.mark.parametrize(('policy', 'numbers'), [('drop', [1]), ('zoh', [0, 1, 2]), ('black', [0, 1, 2])])
def test_the_numbers_are_of_int64_and_each_is_there_once(make: Make, policy: str, numbers: list[int]) -> None:
    extracted = StoreAligner(make([1, 0, 1]), make([2, 2, 1])).extract_common_frames(policy)
    assert extracted.dtype == np.int64
    assert extracted.tolist() == numbers


@pytest.mark.parametrize('policy', ['drop', 'zoh', 'black'])
def test_numbers_that_go_backwards_are_aligned_in_order(make: Make, policy: str) -> None:
    assert aligned(policy, make([3, 1, -2]), make([1, -2, 3])) == [(-2, [3, 2]), (1, [2, 1]), (3, [1, 3])]


def test_aligner_and_get_image_agree_on_repeated_numbers(make: Make) -> None:
    """If a frame number occurs twice in a store, the aligner gives the same image as get_image."""
    twice = make([1, 1, 2])
    expected = int(twice.get_image(1)[0].flat[0])
    assert aligned('drop', twice, make([1, 2])) == [(1, [expected, 1]), (2, [3, 2])]


def test_an_empty_store_is_all_missing(make: Make) -> None:
    assert aligned('drop', make([1, 2]), make([])) == []
    assert aligned('zoh', make([1, 2]), make([])) == [(1, [1, 0]), (2, [2, 0])]
    assert aligned('black', make([]), make([])) == []


def test_more_than_two_stores_and_one_alone(make: Make) -> None:
    assert aligned('drop', make([1, 2, 3]), make([2, 3]), make([3, 4])) == [(3, [3, 2, 1])]
    assert aligned('drop', make([5, 7])) == [(5, [1]), (7, [2])]


def test_times_are_those_of_the_frames_and_nan_where_missing(make: Make) -> None:
    aligner = StoreAligner(make([0, 1]), make([1, 2]))
    for policy in ('zoh', 'black'):
        aligner.extract_common_frames(policy)
        times = [times for _, _, times in aligner.iter_imgs(return_times=True)]
        assert times[1] == [0.1, 0.0]
        assert times[0][0] == 0.0
        assert math.isnan(times[0][1])
        assert math.isnan(times[2][0])


def test_numbers_and_times_are_pythons_own(make: Make) -> None:
    aligner = StoreAligner(make([0, 1]), make([1]))
    aligner.extract_common_frames('zoh')
    for number, images, times in aligner.iter_imgs(return_times=True):
        assert type(number) is int
        assert isinstance(images, list)
        assert [type(time) for time in times] == [float, float]


@pytest.mark.parametrize(('fmt', 'shape', 'dtype'), [('npy', (4, 5), 'float32'), ('png', (4, 5, 3), 'uint16')])
def test_a_black_image_is_of_the_stores_shape_and_dtype(
    make: Make, fmt: str, shape: tuple[int, ...], dtype: str
) -> None:
    aligner = StoreAligner(make([1], fmt, shape, dtype), make([0], 'npy', shape, 'uint8'))
    aligner.extract_common_frames('black')
    (_, (black, _)), (_, (_, black8)) = aligner.iter_imgs()
    assert (black.shape, black.dtype) == (shape, np.dtype(dtype))
    assert black8.dtype == np.uint8
    assert not black.any()


def test_a_black_image_of_raw_ones_is_color_as_the_others(make: Make) -> None:
    raw = make([1], 'npy', (8, 8), encoding='cv_bayerrg')
    aligner = StoreAligner(raw, make([0], 'npy', (8, 8, 3)))
    aligner.extract_common_frames('black')
    assert [[image.shape for image in images] for _, images in aligner.iter_imgs()] == [[(8, 8, 3)] * 2] * 2


def test_drawing_into_an_image_does_not_spoil_the_held_ones(make: Make) -> None:
    aligner = StoreAligner(make([0]), make([0, 1, 2]))
    aligner.extract_common_frames('zoh')
    for _, images in aligner.iter_imgs():
        assert images[0].flat[0] == 1
        images[0][:] = 99


def test_it_can_be_read_again_and_by_another_policy(make: Make) -> None:
    aligner = StoreAligner(make([0, 1]), make([1, 2]))
    aligner.extract_common_frames('drop')
    assert [number for number, _ in aligner.iter_imgs()] == [1]
    assert [number for number, _ in aligner.iter_imgs()] == [1]
    aligner.extract_common_frames('black')
    assert [number for number, _ in aligner.iter_imgs()] == [0, 1, 2]


def test_changing_the_numbers_given_changes_nothing(make: Make) -> None:
    aligner = StoreAligner(make([0, 1]))
    aligner.extract_common_frames('drop')[:] = 7
    assert [number for number, _ in aligner.iter_imgs()] == [0, 1]


def test_stores_of_several_formats_are_aligned(make: Make) -> None:
    shape = (32, 32)
    stores = [make(range(5), fmt, shape) for fmt in ('npy', 'png', 'mjpeg/avi')]
    assert [number for number, _ in aligned('drop', *stores)] == [0, 1, 2, 3, 4]


def test_images_are_not_all_held(make: Make) -> None:
    store = make(range(9))
    read: list[int] = []
    store.get_image = spy(store.get_image, read.append)
    aligner = StoreAligner(store)
    aligner.extract_common_frames('drop')
    next(aligner.iter_imgs())
    assert read == [0]


def test_shapes_that_differ_are_refused(make: Make) -> None:
    with raises(InvalidArgumentError, argument='stores'):
        StoreAligner(make([0]), make([0], shape=(6, 9)))
    with raises(InvalidArgumentError, argument='stores'):
        StoreAligner(make([0]), make([0], shape=(6, 8, 3)))


def test_no_stores_are_refused() -> None:
    with raises(InvalidArgumentError, argument='stores'):
        StoreAligner()


@pytest.mark.parametrize('policy', ['hold', '', None, 3])
def test_a_policy_that_is_none_is_refused(make: Make, policy: Any) -> None:
    with raises(InvalidArgumentError, argument='policy'):
        StoreAligner(make([0])).extract_common_frames(policy)


def test_iterating_before_policy_is_refused(make: Make) -> None:
    """Iterating over an aligner raises an error at once if no policy has been chosen."""
    with pytest.raises(InvalidArgumentError, match='extract_common_frames'):
        StoreAligner(make([0])).iter_imgs()
