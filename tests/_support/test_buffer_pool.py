"""Memory that is used again, and never while somebody can still see it."""

import numpy as np
import pytest

from imgstore._support.buffer_pool import RefcountedBufferPool


def address(array):
    return array.__array_interface__['data'][0]


def test_memory_that_nobody_sees_is_lent_again():
    lent = RefcountedBufferPool(2)
    first = address(lent.empty((4, 6)))
    assert address(lent.empty((4, 6))) == first


def test_memory_is_not_lent_while_any_part_of_it_is_seen():
    lent = RefcountedBufferPool(2)
    image = lent.empty((4, 6))
    parts = [image[1:2, ::2].T, image.data, np.frombuffer(image, np.uint8)]
    used = address(image)
    del image
    while parts:
        assert address(lent.empty((4, 6))) != used
        parts.pop()
    assert used in (address(lent.empty((4, 6))), address(lent.empty((4, 6))))


def test_just_so_many_are_remembered_and_of_any_shape():
    lent = RefcountedBufferPool(2)
    out = [lent.empty((2, side)) for side in range(1, 9)]
    assert len({address(image) for image in out}) == 8
    assert [image.shape for image in out] == [(2, side) for side in range(1, 9)]


@pytest.mark.parametrize('side', [1, 63, 64, 1000, 1280 * 1024])
def test_memory_begins_with_a_cache_line(side):
    lent = RefcountedBufferPool(2)
    images = [lent.empty((side,)) for _ in range(4)]
    assert [address(image) % 64 for image in images] == [0] * 4
    assert [image.shape for image in images] == [(side,)] * 4


def test_a_cleared_pool_lends_nothing_that_is_in_use():
    lent = RefcountedBufferPool(2)
    image = lent.empty((4, 6))
    image[:] = 7
    lent.clear()
    lent.empty((4, 6))[:] = 8
    assert np.all(image == 7)
