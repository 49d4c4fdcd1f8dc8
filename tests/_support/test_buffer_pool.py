"""Memory that is used again, and never while somebody can still see it."""

import numpy as np

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
