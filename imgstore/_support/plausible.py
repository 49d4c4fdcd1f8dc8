"""Limits for the sizes stated in files.

A damaged file may state any size, and memory would be allocated for it.

Sizes up to `UNQUESTIONED_BYTES` are accepted. Larger ones must be possible for a file of its size, and plausible for
the store's images.
"""

from __future__ import annotations

UNQUESTIONED_BYTES = 2**26
"""Size accepted for any file in a store."""

TIMES_EXPECTED = 64
"""Maximum size of a larger image, in sizes of the store's own images."""

DEFLATE_RATIO = 1032
"""Maximum compression ratio of zlib: https://zlib.net/zlib_tech.html."""

IMAGE_RATIO = 1400
"""Maximum compression ratio of image files: deflate has 1032, JPEG 1024."""

HDF5_RATIO = 2**11
"""Maximum compression ratio of HDF5, with deflate after the shuffle filter."""

BLOSC_RATIO = 2**15
"""Maximum compression ratio of a Blosc chunk: for one repeated value, only the header remains."""


def max_bytes(possible: int | None = None, expected: int | None = None) -> int:
    """Return the maximum size accepted from a file, in bytes.

    Parameters
    ----------
    possible : int, optional
        Maximum bytes in a file of its size: its size times one of the ratios.
    expected : int, optional
        Bytes of one of the store's images.
    """
    limits = [possible] if possible is not None else []
    if expected is not None:
        limits.append(TIMES_EXPECTED * expected)
    return max(UNQUESTIONED_BYTES, min(limits)) if limits else UNQUESTIONED_BYTES
