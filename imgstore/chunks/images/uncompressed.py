"""Uncompressed image files, written and read without a copy."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Sequence

import cv2
import numpy as np

from ...color import ensure_color, ensure_grayscale
from ..base import Image
from .image_folder import Bytes, Cv2Codec

_BMP_FILE, _BMP_IMAGE = struct.Struct('<2sI4xI'), struct.Struct('<IiiHHII8xII')
_BMP_START = _BMP_FILE.size + _BMP_IMAGE.size
_ROWS = 64
_PNM_HEADER = re.compile(rb'P([56])\s(\d{1,9})\s(\d{1,9})\s(255|65535)\s')
_GRAYS = b''.join(bytes((level, level, level, 0)) for level in range(256))


class BmpCodec(Cv2Codec):
    """Windows bitmaps.

    https://learn.microsoft.com/windows/win32/gdi/bitmap-storage
    """

    def encode(self, image: Image) -> Sequence[bytes | memoryview]:
        """Return header and rows from the top down.

        Rows with padding are left to OpenCV.
        """
        height, width = image.shape[:2]
        palette = _GRAYS if image.ndim == 2 else b''
        if width * image.itemsize * (1 if palette else 3) % 4:
            return super().encode(image)
        start = _BMP_START + len(palette)
        bits, colors = (8, 256) if palette else (24, 0)
        header = _BMP_IMAGE.pack(_BMP_IMAGE.size, width, -height, 1, bits, 0, image.nbytes, colors, 0)
        return [_BMP_FILE.pack(b'BM', start + image.nbytes, start), header, palette, _bytes_of(image)]

    def pixels(self, data: Bytes) -> Image | None:
        """Return the rows from the top down, for files as written by OpenCV or by us."""
        if len(data) < _BMP_START:
            return None
        _, _, start = _BMP_FILE.unpack(data[: _BMP_FILE.size].tobytes())
        size, width, height, _, bits, compression, *_ = _BMP_IMAGE.unpack(data[_BMP_FILE.size : _BMP_START].tobytes())
        palette, channels = data[_BMP_START:start].tobytes(), 1 if bits == 8 else 3
        row = (width * channels + 3) // 4 * 4
        plain = (size, compression, palette) == (_BMP_IMAGE.size, 0, {8: _GRAYS, 24: b''}.get(bits))
        if not (plain and height) or width < 1 or len(data) != start + row * abs(height):
            return None
        rows = data[start:].reshape(-1, row)
        if height > 0:
            cv2.flip(rows, 0, rows)  # in place: faster than new memory
        rows = rows[:, : width * channels]
        return rows if channels == 1 else rows.reshape(abs(height), width, channels)


class PnmCodec(Cv2Codec):
    """Portable gray- and pixmaps.

    https://netpbm.sourceforge.net/doc/pgm.html, .../ppm.html
    """

    def encode(self, image: Image) -> Sequence[bytes | memoryview]:
        """Return header and pixels, big-endian."""
        if self._planes == 'gray':
            magic, pixels = 'P5', ensure_grayscale(image)
        else:
            magic, pixels = 'P6', cv2.cvtColor(np.ascontiguousarray(ensure_color(image)), cv2.COLOR_BGR2RGB)
        height, width = pixels.shape[:2]
        header = f'{magic}\n{width} {height}\n{np.iinfo(pixels.dtype).max}\n'
        return [header.encode(), _bytes_of(pixels.astype(pixels.dtype.newbyteorder('>'), copy=False))]

    def pixels(self, data: Bytes) -> Image | None:
        """Return the pixels after a header without comments."""
        header = _PNM_HEADER.match(data[:40].tobytes())
        if header is None:
            return None
        shape = int(header[3]), int(header[2]), *((3,) if header[1] == b'6' else ())
        dtype = np.dtype(np.uint8 if header[4] == b'255' else '>u2')
        if not min(shape) or len(data) != header.end() + math.prod(shape) * dtype.itemsize:
            return None
        pixels: Image = data[header.end() :].view(dtype).reshape(shape).astype(dtype.newbyteorder('='), copy=False)
        return pixels if len(shape) == 2 else _swapped(pixels)


def _swapped(image: Image) -> Image:
    """Swap the first and the last channel in place.

    In parts, this is faster than new memory.
    """
    for top in range(0, len(image), _ROWS):
        rows = image[top : top + _ROWS]
        np.copyto(rows, cv2.cvtColor(rows, cv2.COLOR_RGB2BGR))
    return image


def _bytes_of(image: Image) -> memoryview:
    return np.ascontiguousarray(image).reshape(-1).view(np.uint8).data
