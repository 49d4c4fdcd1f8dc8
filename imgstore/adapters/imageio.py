"""Stores for imageio, whose plugin is then 'imgstore'."""

from __future__ import annotations

import contextlib
import operator
import os
from collections.abc import Iterator
from types import EllipsisType
from typing import Any, NoReturn

import numpy as np

from .._support.validation import not_allowed
from ..color import Image
from ..errors import InvalidArgumentError, MissingDependencyError, StoreNotFoundError
from ..ondisk.files import StrPath
from ..ondisk.layout import existing_store_folder
from ..reading.indexing import Indexes, select
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
        path = request.raw_uri
        if not isinstance(path, (str, os.PathLike)):
            raise InitializationError('imgstore reads the folder of a store')
        if request.mode.io_mode != IOMode.read:
            _refuse_to_write(path)
        try:
            self._store = new_for_filename(path, **options)
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
        images = np.asarray(self._store) if _is_all(index) else self._store[_one_or_slice(index)]
        return in_rgb(images, self._store)

    def write(self, ndimage: Any) -> bytes | None:
        """Raise an error: stores are written by imgstore itself."""
        raise NotImplementedError('imageio does not write stores; see imgstore.new_for_format')

    def iter(self, *, index: Index = ...) -> Iterator[Image]:
        """Read all frames in turn, or those of an index or a slice."""
        chosen = self._chosen(index)
        images = (image for image, _ in self._store) if _is_all(index) else self._some(chosen)
        for image in images:
            yield in_rgb(image, self._store)

    def _some(self, chosen: int | Indexes) -> Iterator[Image]:
        return (self._store[int(index)] for index in ([chosen] if isinstance(chosen, int) else chosen))

    def properties(self, index: Index = ...) -> ImageProperties:
        """Return the shape and dtype of a frame, or of all of them."""
        chosen = self._chosen(index)
        count = () if isinstance(chosen, int) else (len(chosen),)
        shape, dtype = (*count, *self._store.image_shape), np.dtype(self._store.dtype)
        return ImageProperties(shape, dtype, count[0] if count else None, is_batch=bool(count))

    def _chosen(self, index: Index) -> int | Indexes:
        """Return one checked index, or those of several frames."""
        count = len(self._store)
        return range(count) if _is_all(index) else select(_one_or_slice(index), count, 0).frames

    def metadata(self, index: Index = ..., exclude_applied: bool = True) -> dict[str, Any]:
        """Return the user's metadata.

        For one index, add the frame number and the time in seconds.
        """
        about = dict(self._store.user_metadata)
        chosen = self._chosen(index)
        if isinstance(chosen, int):
            about |= number_and_time(self._store, chosen)
        return about

    def close(self) -> None:
        """Close the store."""
        if hasattr(self, '_store'):  # imageio closes a reader that could not open, too
            self._store.close()
        super().close()


def _is_all(index: Any) -> bool:
    return index is None or index is ...


def _one_or_slice(index: Any) -> Any:
    """Return an index as an int or a slice."""
    if isinstance(index, slice):
        return index
    try:
        return operator.index(index)
    except TypeError:
        raise not_allowed('index', index, 'it must be an integer, a slice, None or ...') from None


def _refuse_to_write(path: StrPath) -> NoReturn:
    """Keep imageio from writing an image onto a store.

    Other paths are left to its other plugins.
    """
    with contextlib.suppress(StoreNotFoundError):
        folder = existing_store_folder(path)
        raise InvalidArgumentError(
            f'{folder!r} is a store, and imageio only reads stores; write by imgstore.new_for_format', argument='uri'
        )
    raise InitializationError('imageio does not write stores; see imgstore.new_for_format')


def _register() -> None:
    known_plugins['imgstore'] = PluginConfig('imgstore', 'ImgStorePlugin', __name__)
    extension = FileExtension(extension='.yaml', priority=['imgstore'], name='store of imgstore')
    known_extensions.setdefault('.yaml', []).insert(0, extension)
    extension_list.append(extension)


_register()
