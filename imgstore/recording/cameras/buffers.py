"""How many images a camera's software keeps until the recorder takes them."""

from __future__ import annotations

_BYTES = 64 * 2**20
_LEAST, _MOST = 64, 1024


def buffer_count(image_bytes: int) -> int:
    """Return a number of buffers: 64 MiB of them, but 64 to 1024.

    So small and fast frames survive a busy moment, too.

    Parameters
    ----------
    image_bytes
        Size of an image as the camera sends it.
    """
    return min(max(_BYTES // max(image_bytes, 1), _LEAST), _MOST)
