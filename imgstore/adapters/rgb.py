"""The order of colours that other programs expect."""

from __future__ import annotations

import numpy as np

from ..color import Image
from ..stores.factories import ImgStore


def in_rgb(images: Image, store: ImgStore) -> Image:
    """Return one or several images of a store in RGB, or gray as they are."""
    return np.ascontiguousarray(images[..., ::-1]) if len(store.image_shape) == 3 else images
