"""The order of colours that other programs expect."""

from __future__ import annotations

import numpy as np

from ..color import Image
from ..stores.factories import ImgStore


def in_rgb(images: Image, store: ImgStore) -> Image:
    """Return images of a store, one or several, in RGB; those of a gray store as they are."""
    return np.ascontiguousarray(images[..., ::-1]) if len(store.image_shape) == 3 else images
