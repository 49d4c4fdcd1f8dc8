"""Image files that are a header and the pixels as they are, which are written without a copy."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import cv2
import numpy as np

from ..color import ensure_color, ensure_grayscale
from .base import Image
from .images import Cv2Codec

_BMP_FILE, _BMP_IMAGE = struct.Struct('<2sI4xI'), struct.Struct('<IiiHHII8xII')
_GRAYS = b''.join(bytes((level, level, level, 0)) for level in range(256))


class BmpCodec(Cv2Codec):
    """Windows bitmaps: https://learn.microsoft.com/windows/win32/gdi/bitmap-storage."""

    def encode(self, image: Image) -> Sequence[bytes | memoryview]:
        """Header and rows from the top down, where they need no padding."""
        height, width = image.shape[:2]
        palette = _GRAYS if image.ndim == 2 else b''
        if width * image.itemsize * (1 if palette else 3) % 4:
            return super().encode(image)
        start = _BMP_FILE.size + _BMP_IMAGE.size + len(palette)
        bits, colors = (8, 256) if palette else (24, 0)
        header = _BMP_IMAGE.pack(_BMP_IMAGE.size, width, -height, 1, bits, 0, image.nbytes, colors, 0)
        return [_BMP_FILE.pack(b'BM', start + image.nbytes, start), header, palette, _bytes_of(image)]


class PnmCodec(Cv2Codec):
    """Portable gray- and pixmaps: https://netpbm.sourceforge.net/doc/pgm.html, .../ppm.html."""

    def encode(self, image: Image) -> Sequence[bytes | memoryview]:
        """Header and pixels, big-endian."""
        if self._planes == 'gray':
            magic, pixels = 'P5', ensure_grayscale(image)
        else:
            magic, pixels = 'P6', cv2.cvtColor(np.ascontiguousarray(ensure_color(image)), cv2.COLOR_BGR2RGB)
        height, width = pixels.shape[:2]
        header = f'{magic}\n{width} {height}\n{np.iinfo(pixels.dtype).max}\n'
        return [header.encode(), _bytes_of(pixels.astype(pixels.dtype.newbyteorder('>'), copy=False))]


def _bytes_of(image: Image) -> memoryview:
    return np.ascontiguousarray(image).reshape(-1).view(np.uint8).data
