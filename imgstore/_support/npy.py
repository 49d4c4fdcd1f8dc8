"""The header of numpy's own files: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import IO, Any

import numpy as np

LONGEST_HEADER = 10_000
"""Bytes of text; numpy takes no longer one either."""

_LENGTH_BYTES = {(1, 0): 2, (2, 0): 4, (3, 0): 4}

NAMES_IN_UTF8 = (3, 0)
"""The version that differs from the one before it in how the text is encoded; the numbers in it are the same."""


def read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether in Fortran's order, and dtype, read from a file's start; ValueError if it has no such header.

    The dtype's names are not what they should be in a file of version `NAMES_IN_UTF8`.
    """
    version = np.lib.format.read_magic(file)
    if version not in _LENGTH_BYTES:
        raise ValueError(f'version {version} of numpy\'s format')
    length = file.read(_LENGTH_BYTES[version])
    return _parse(version, length, file.read(min(int.from_bytes(length, 'little'), LONGEST_HEADER)))


@lru_cache
def _parse(version: tuple[int, int], length: bytes, text: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Most files of a store have the same header."""
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(io.BytesIO(length + text))
