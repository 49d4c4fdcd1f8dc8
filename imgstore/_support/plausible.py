"""What a file may claim to hold: whoever believes any size makes room for it, and a damaged file claims any.

A claim is believed up to `UNQUESTIONED_BYTES`, which every machine has. Beyond that it has to be possible, for a file
of its size, and likely, in a store of such images.
"""

from __future__ import annotations

UNQUESTIONED_BYTES = 2**26
"""Of anything that somebody may have put into a store."""

TIMES_EXPECTED = 64
"""How many times larger than the store's own an image may be beyond that."""

DEFLATE_RATIO = 1032
"""How many times smaller zlib can make data: https://zlib.net/zlib_tech.html."""

IMAGE_RATIO = 1400
"""How many times smaller than an image its file can be: deflate has 1032, JPEG 1024."""

HDF5_RATIO = 2**11
"""How many times smaller HDF5 can make data, by deflate after a filter that shuffles."""

BLOSC_RATIO = 2**15
"""How many times smaller a chunk of Blosc can be: of one value repeated, only the header is left."""


def max_bytes(possible: int | None = None, expected: int | None = None) -> int:
    """Give the bytes that a file may claim to hold.

    Parameters
    ----------
    possible : int, optional
        Bytes that a file of its size can hold: its bytes times one of the ratios.
    expected : int, optional
        Bytes of the store's own images.
    """
    limits = [possible] if possible is not None else []
    if expected is not None:
        limits.append(TIMES_EXPECTED * expected)
    return max(UNQUESTIONED_BYTES, min(limits)) if limits else UNQUESTIONED_BYTES
