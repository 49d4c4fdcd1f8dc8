"""Opening a store for reading."""

from __future__ import annotations

from types import NoneType

from .._support.validation import as_int_min
from ..chunks import ChunkIO
from ..errors import InvalidArgumentError
from ..formats import format_of
from ..index.store_index import ImgStoreIndex
from ..ondisk.metadata import load_metadata
from ..ondisk.remote_layout import new_layout
from .reader import StoreReader


def open_reader(
    basedir: str,
    class_name: str | None,
    seek: bool,
    index: ImgStoreIndex | None,
    backend: str | None,
    cache_bytes: object,
    verify: bool,
) -> StoreReader:
    """Open a store of a class, or of any, for reading.

    The arguments are those of `imgstore.new_for_filename`.
    """
    metadata = load_metadata(basedir)
    fmt = format_of(metadata, basedir)
    if class_name not in (None, fmt.class_name):
        raise InvalidArgumentError(f'{basedir!r} is a {fmt.class_name}, not a {class_name}', store=basedir)
    if not isinstance(index, (ImgStoreIndex, NoneType)):
        raise InvalidArgumentError(f'index is a {type(index).__name__}; it must be an ImgStoreIndex', argument='index')
    layout, bound = new_layout(basedir, fmt.extension, fmt.is_image_folder), as_int_min(cache_bytes, 'cache_bytes', 0)
    chunks = ChunkIO(
        layout,
        fmt,
        metadata.imgshape,
        'read',
        backend,
        seek,
        bound // 2,
        metadata.image_bytes,
        metadata.imgdtype,
        verify=verify,
        has_checksums=metadata.has_checksums,
    )
    return StoreReader(metadata, fmt, layout, index, chunks, bound // 2)
