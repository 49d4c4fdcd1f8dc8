"""Packed pixel formats of GenICam, bit by bit: slow and plain."""

from __future__ import annotations

import re

from .checked import not_none


def places_of(pixel: int, name: str) -> list[int]:
    """Return the place of each bit of a pixel in a row, from its lowest: 8 times the byte, plus the bit in it."""
    bits = int(not_none(re.search('10|12|14', name))[0])
    if name.endswith('p'):
        return [pixel * bits + bit for bit in range(bits)]
    first, second = divmod(pixel, 2)
    low = [24 * first + 8 + 4 * second + bit for bit in range(bits - 8)]
    return low + [24 * first + 16 * second + bit for bit in range(8)]


def unpack_bit_by_bit(row: bytes, width: int, name: str) -> list[int]:
    """Return the values of a row."""
    return [
        sum((row[place // 8] >> place % 8 & 1) << bit for bit, place in enumerate(places_of(pixel, name)))
        for pixel in range(width)
    ]


def pack_bit_by_bit(values: list[int], name: str) -> bytes:
    """Return a row of values; its last byte must be complete."""
    places = [places_of(pixel, name) for pixel in range(len(values))]
    row = bytearray(max(map(max, places)) // 8 + 1)
    for value, of_value in zip(values, places, strict=True):
        for bit, place in enumerate(of_value):
            row[place // 8] |= (value >> bit & 1) << place % 8
    return bytes(row)
