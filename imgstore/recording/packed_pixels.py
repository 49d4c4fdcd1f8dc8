"""Packed pixel formats of cameras, whose values share bytes.

GenICam has two ways. In formats such as Mono12p, the bits of all pixels follow each other, the lowest bit first. In
those of GigE Vision such as Mono12Packed, each two pixels have three bytes: the high bits of the first, the low bits of
both, and the high bits of the second.
"""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_PACKED = re.compile(r'(Mono|Bayer(?:RG|BG|GR|GB))(?:(10|12|14)p|(10|12)Packed)')


class Packing(NamedTuple):
    """How the values of a packed format share bytes.

    Attributes
    ----------
    unpacked : str
        The pixel format with the same values in two bytes each.
    bits : int
        Bits of a value.
    is_of_gige : bool
        Whether the low bits of two pixels have a byte of their own.
    """

    unpacked: str
    bits: int
    is_of_gige: bool

    @property
    def pixels(self) -> int:
        """How many pixels have complete bytes."""
        return 2 if self.is_of_gige else 8 // math.gcd(self.bits, 8)

    @property
    def bytes(self) -> int:
        """How many bytes these pixels have."""
        return 3 if self.is_of_gige else self.pixels * self.bits // 8


def packing_of(pixel_format: str) -> Packing | None:
    """Return how a pixel format is packed, or None if it is not."""
    found = _PACKED.fullmatch(pixel_format)
    if found is None:
        return None
    kind, bits, bits_of_gige = found.groups()
    return Packing(f'{kind}{bits or bits_of_gige}', int(bits or bits_of_gige), bits is None)


def unpack(rows: NDArray[np.uint8], packing: Packing) -> NDArray[np.uint16]:
    """Return the values of packed rows.

    Parameters
    ----------
    rows
        (height, bytes), where the bytes of a row are a multiple of ``packing.bytes``.
    packing
        Of the pixel format.

    Returns
    -------
    ndarray
        (height, width) of uint16.
    """
    height, size = rows.shape
    groups = rows.reshape(height, size // packing.bytes, packing.bytes)
    values = np.empty((*groups.shape[:2], packing.pixels), np.uint16)
    for pixel in range(packing.pixels):
        value = _of_gige(groups, pixel, packing.bits) if packing.is_of_gige else _lowest_first(groups, pixel, packing)
        np.bitwise_and(value, (1 << packing.bits) - 1, out=values[..., pixel])
    return values.reshape(height, -1)


def _of_gige(groups: NDArray[np.uint8], pixel: int, bits: int) -> NDArray[Any]:
    low = groups[..., 1] >> 4 * pixel & (1 << bits - 8) - 1
    high: NDArray[Any] = groups[..., 2 * pixel].astype(np.uint16) << bits - 8
    high |= low
    return high


def _lowest_first(groups: NDArray[np.uint8], pixel: int, packing: Packing) -> NDArray[Any]:
    """Return one value of each group, below bits of the next one."""
    first, shift = divmod(pixel * packing.bits, 8)
    value: NDArray[Any] = groups[..., first].astype(np.uint16) >> shift
    for more in range(1, (shift + packing.bits + 7) // 8):
        value |= groups[..., first + more].astype(np.uint16) << 8 * more - shift
    return value
