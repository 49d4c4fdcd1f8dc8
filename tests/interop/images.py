"""The images of the cases, which are the same here and in the original's environment."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING or __package__:
    from ..helpers.frames import noise, numbered
else:  # run.py, in the original's environment
    from frames import noise, numbered


def textured(index, shape):
    """A uint8 frame as a camera gives it: a moving texture of many scales, and sensor noise."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    channels = shape[2] if len(shape) == 3 else 1
    waves = [
        40 * np.sin((x + 4 * index) / (9 + 7 * c)) + 30 * np.cos((2 * y + x) / (5 + 3 * c)) for c in range(channels)
    ]
    image = 120 + np.dstack(waves).reshape(shape) + noise(index, shape) / 12
    return np.clip(image, 0, 255).astype(np.uint8)


def array_of(index, shape, dtype):
    """A frame of any shape and dtype that uses the dtype's whole range."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    values = noise(index, (size,)).view(np.dtype(dtype)).reshape(shape)
    return np.nan_to_num(values) if np.dtype(dtype).kind == 'f' else values


def image_of(case, index):
    """Frame ``index`` of a case, as it is given to add_image."""
    if case.kind == 'array':
        return array_of(index, case.shape, case.dtype)
    return {'numbered': numbered, 'textured': textured}[case.kind](index, case.shape)
