"""The header of npy files.

https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import io
from functools import lru_cache
from typing import IO, Any

import numpy as np

LONGEST_HEADER = 10_000
"""Maximum bytes of text, the same as numpy's own limit."""

_LENGTH_BYTES = {(1, 0): 2, (2, 0): 4, (3, 0): 4}

NAMES_IN_UTF8 = (3, 0)
"""The version with UTF-8 text; apart from the encoding it equals the one before."""


def read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read shape, Fortran order and dtype from a file's start.

    Raises ValueError without a valid header.

    Field names are decoded wrongly in a file of version `NAMES_IN_UTF8`.
    """
    version = np.lib.format.read_magic(file)
    if version not in _LENGTH_BYTES:
        raise ValueError(f"version {version} of numpy's format")
    length = file.read(_LENGTH_BYTES[version])
    return _parse(version, length, file.read(min(int.from_bytes(length, 'little'), LONGEST_HEADER)))


@lru_cache
def _parse(version: tuple[int, int], length: bytes, text: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Parse a header, cached, since most files of a store have the same one."""
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(io.BytesIO(length + text))
