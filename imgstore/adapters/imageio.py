"""Stores for imageio, whose plugin is then 'imgstore'."""

from __future__ import annotations

from collections.abc import Iterator
from types import EllipsisType
from typing import Any

import numpy as np

from ..color import Image
from ..errors import MissingDependencyError, StoreNotFoundError
from ..stores.factories import new_for_filename
from .frames import in_rgb, number_and_time

try:
    from imageio.config import FileExtension, PluginConfig, extension_list, known_extensions, known_plugins
    from imageio.core.request import InitializationError, IOMode, Request
    from imageio.core.v3_plugin_api import ImageProperties, PluginV3
except ImportError as error:
    raise MissingDependencyError.for_extra('this adapter needs imageio', 'imageio', 'imageio') from error

Index = int | slice | EllipsisType | None


class ImgStorePlugin(PluginV3):
    """Reader of stores for imageio.

    Images are of shape (h, w) or (h, w, 3) in RGB.

    Parameters
    ----------
    request : imageio.core.Request
        The store's folder or its ``metadata.yaml``, to be read.
    **options
        `ReadOptions`, such as ``cache_bytes``.
    """

    def __init__(self, request: Request, **options: Any) -> None:
        super().__init__(request)
        if request.mode.io_mode != IOMode.read or not isinstance(request.raw_uri, str):
            raise InitializationError('imgstore reads the folder of a store, and writes nothing')
        try:
            self._store = new_for_filename(request.raw_uri, **options)
        except StoreNotFoundError as error:
            raise InitializationError(str(error)) from error

    def read(self, *, index: Index = ...) -> Image:
        """Read one frame, those of a slice, or all (``...`` or None).

        Raises
        ------
        FrameIndexError
            There is no such frame.
        InvalidArgumentError
            All frames are over 4 GiB.
        """
        images = np.asarray(self._store) if index in (..., None) else self._store[index]
        return in_rgb(images, self._store)

    def write(self, ndimage: Any) -> bytes | None:
        """Raise an error: stores are written by imgstore itself."""
        raise NotImplementedError('imageio does not write stores; see imgstore.new_for_format')

    def iter(self) -> Iterator[Image]:
        """Read all frames in turn."""
        for image, _ in self._store:
            yield in_rgb(image, self._store)

    def properties(self, index: Index = ...) -> ImageProperties:
        """Return the shape and dtype of a frame, or of all of them."""
        is_all = index in (..., None)
        shape = self._store.shape if is_all else self._store.image_shape
        return ImageProperties(tuple(shape), np.dtype(self._store.dtype), len(self._store) if is_all else None, is_all)

    def metadata(self, index: Index = ..., exclude_applied: bool = True) -> dict[str, Any]:
        """Return the user's metadata.

        For one index, add the frame number and the time in seconds.
        """
        about = dict(self._store.user_metadata)
        if isinstance(index, int):
            about |= number_and_time(self._store, index)
        return about

    def close(self) -> None:
        """Close the store."""
        if hasattr(self, '_store'):  # imageio closes a reader that could not open, too
            self._store.close()
        super().close()


def _register() -> None:
    known_plugins['imgstore'] = PluginConfig('imgstore', 'ImgStorePlugin', __name__)
    extension = FileExtension(extension='.yaml', priority=['imgstore'], name='store of imgstore')
    known_extensions.setdefault('.yaml', []).insert(0, extension)
    extension_list.append(extension)


_register()
