"""Base class of encoders by PyAV (FFmpeg's libraries)."""

from __future__ import annotations

from abc import abstractmethod
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ...encoder_options import Options
from ...formats import VIDEO_FRAMES_PER_SECOND
from ..base import ChunkWriter, Image, VideoEncoder
from .coded_streams import CodedStream
from .planes import Planes
from .pyav_writer import ContainerChunkWriter, Keep

if TYPE_CHECKING:
    from av.container import OutputContainer

TIME_BASE = Fraction(1, VIDEO_FRAMES_PER_SECOND)
FULL_RANGE = 2


class PyAVEncoder(VideoEncoder):
    """Base class of encoders, one per codec.

    Parameters
    ----------
    shape : tuple of int
        Shape of the images on disk, (h, w) or (h, w, 3).
    dtype : str
        dtype of the images, as numpy names it.
    options : mapping of str to object
        Encoder options passed by the user, of those in `imgstore.formats.Format.options`.
    """

    codec: str
    pixel_format: str
    stream: CodedStream

    def __init__(self, shape: tuple[int, ...], dtype: str = 'uint8', options: Options = MappingProxyType({})) -> None:
        self.height, self.width = shape[:2]
        self.shape, self._options = shape, options
        self.pixel_format = self.chosen_pixel_format(dtype)
        self._planes = Planes(self.pixel_format, self.height, self.width)

    def chosen_pixel_format(self, dtype: str) -> str:
        """Return the pixel format for images of a dtype."""
        return self.pixel_format

    def writer(self, path: str) -> ChunkWriter:
        """Create a writer of one video."""
        return ContainerChunkWriter(path, self)

    @abstractmethod
    def write(self, prepared: Any, position: int, stream: Any, container: OutputContainer, keep: Keep) -> None:
        """Pass the packet of a prepared frame to ``keep``, then to the container."""

    def set_up(self, context: Any) -> None:
        """Configure a codec context."""
        context.width, context.height, context.pix_fmt = self.width, self.height, self.pixel_format

    def open(self, context: Any) -> None:
        """Open the encoder."""
        self.set_up(context)
        context.open()

    def frame(self, image: Image) -> Any:
        """Convert an image to the codec's pixel format."""
        return self._planes.frame(image)
