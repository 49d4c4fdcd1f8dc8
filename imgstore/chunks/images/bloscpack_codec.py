"""Images in Bloscpack containers."""

from __future__ import annotations

from collections.abc import Sequence

from ...encoder_options import COMPRESSION, Options
from ..base import Image
from . import bloscpack
from .image_folder import Bytes, ImageCodec


class BloscpackCodec(ImageCodec):
    """Bloscpack containers.

    Parameters
    ----------
    image_bytes : int
        Size of the store's images in bytes; much larger ones are rejected.
    options : mapping of str to object
        Encoder options passed by the user, of those in `imgstore.formats.Format.options`.
    """

    def __init__(self, image_bytes: int, options: Options) -> None:
        self._usual, self._level = image_bytes, options.get(COMPRESSION.name, bloscpack.USUAL_LEVEL)

    def encode(self, image: Image) -> Sequence[bytes | memoryview]:
        """Compress an image into a container."""
        return bloscpack.pack(image, self._level)

    def decode(self, data: Bytes, path: str) -> Image:
        """Decompress the array of a container."""
        return bloscpack.unpack(data.data, path, self._usual)
