"""Uncompressed images are read into reused memory, and belong to the caller all the same."""

import cv2
import numpy as np
import pytest

from imgstore import new_for_filename, new_for_format

SHAPES = [(1, 4), (2, 7), (5, 8), (64, 31), (65, 32), (3, 5, 3), (64, 8, 3)]


def recorded(path, fmt, shape, count=6):
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (count, *shape), np.uint8)
    with new_for_format(fmt, path, imgshape=shape) as store:
        for index, image in enumerate(images):
            store.add_image(image, index, index / 10)
    return images


@pytest.mark.parametrize('shape', SHAPES)
def test_a_bmp_is_the_same_from_the_bottom_up_and_from_the_top_down(tmp_path, shape):
    """OpenCV writes rows from the bottom up, so imgstore 0.4 does; ours are from the top down."""
    images = recorded(tmp_path / 's', 'bmp', shape)
    for index in range(0, len(images), 2):
        cv2.imwrite(str(tmp_path / 's' / '000000' / f'{index:06d}.bmp'), images[index])
    with new_for_filename(tmp_path / 's', verify=False) as store:
        read = [store.get_next_image()[0] for _ in images]
    assert np.array_equal(read, images)
    assert all(image.flags.c_contiguous and image.flags.writeable for image in read)


@pytest.mark.parametrize('fmt', ['npy', 'bmp', 'pgm'])
def test_an_image_never_changes_while_the_caller_has_a_part_of_it(tmp_path, fmt):
    images = recorded(tmp_path / 's', fmt, (16, 20), 12)
    with new_for_filename(tmp_path / 's') as store:
        parts = []
        for _ in images:
            image = store.get_next_image()[0]
            parts.append(image[3:5, ::2])
        for index in range(len(images)):  # overwrites whatever nobody has
            store.get_image(index)[0][:] = 0
    assert np.array_equal(parts, images[:, 3:5, ::2])


@pytest.mark.parametrize('fmt', ['npy', 'bmp', 'pgm'])
def test_what_the_caller_draws_into_an_image_is_not_read_again(tmp_path, fmt):
    images = recorded(tmp_path / 's', fmt, (16, 20))
    with new_for_filename(tmp_path / 's') as store:
        for _ in range(3):
            for index, expected in enumerate(images):
                image = store.get_image(index)[0]
                assert np.array_equal(image, expected)
                image[:] = 99
