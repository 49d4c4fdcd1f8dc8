"""Frames as arrays in an npz file or a zarr group."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator
from typing import IO, Any

import numpy as np

from .._support.warn import renamed_keyword
from ..color import Image
from ..constants import FRAME_INDEX, FRAME_NUMBER, FRAME_TIME
from ..errors import ImageRejectedError, MissingDependencyError
from ..ondisk.files import StrPath
from .atomic_output import Progress, new_file, new_folder, no_progress
from .selection import Frames

_IMAGES = 'images'


@renamed_keyword('step', 'progress')
def export_npz(frames: Frames, path: StrPath, *, overwrite: bool = False, progress: Progress = no_progress) -> None:
    """Write frames to a file for `numpy.load`, with little memory.

    The arrays are ``images`` (n, h, w) or (n, h, w, 3), ``frame_index``, ``frame_number`` and ``frame_time``.

    Parameters
    ----------
    frames : Frames
        The frames, from `select`.
    path : str or PathLike
    overwrite : bool
        Replace an existing file.
    progress : callable
        Called after each frame.

    Raises
    ------
    ImageRejectedError
        The images differ in shape or dtype.
    StoreExistsError
        The path exists already.

    Examples
    --------
    >>> from imgstore.export import export_npz, select
    >>> export_npz(select(store, from_index=1), 'part.npz')
    >>> np.load('part.npz')['images'].shape
    (4, 48, 64)
    """
    with new_file(path, overwrite) as place, zipfile.ZipFile(place, 'w', allowZip64=True) as archive:
        images = _alike(frames)
        first = next(images)
        with archive.open(f'{_IMAGES}.npy', 'w', force_zip64=True) as file:
            file.write(_header((len(frames), *first.shape), first.dtype))
            _write(file, first, progress)
            for image in images:
                _write(file, image, progress)
        for name, values in _columns(frames):
            with archive.open(f'{name}.npy', 'w') as file:
                np.lib.format.write_array(file, values)


def _write(file: IO[bytes], image: Image, progress: Progress) -> None:
    file.write(np.ascontiguousarray(image).data)
    progress()


def _header(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    header = io.BytesIO()
    np.lib.format.write_array_header_2_0(
        header, {'descr': np.lib.format.dtype_to_descr(dtype), 'fortran_order': False, 'shape': shape}
    )
    return header.getvalue()


def _columns(frames: Frames) -> Iterator[tuple[str, Any]]:
    yield FRAME_INDEX, frames.indices.astype(np.int64)
    yield FRAME_NUMBER, np.asarray(frames.numbers)
    yield FRAME_TIME, np.asarray(frames.times)


def _alike(frames: Frames) -> Iterator[Image]:
    """Yield the images. Raise if one differs from the first in shape or dtype."""
    first: Image | None = None
    for image, index in zip(frames.images(), frames.indices.tolist(), strict=True):
        first = image if first is None else first
        if image.shape != first.shape or image.dtype != first.dtype:
            raise ImageRejectedError(
                f'the frame at index {index} is {image.dtype} of shape {image.shape}, but the '
                f'first one is {first.dtype} of {first.shape}: one array cannot hold both',
                frame_index=index,
            )
        yield image


@renamed_keyword('step', 'progress')
def export_zarr(frames: Frames, path: StrPath, *, overwrite: bool = False, progress: Progress = no_progress) -> None:
    """Write frames to a zarr group, one chunk per image.

    Arrays, parameters and other errors are those of `export_npz`.

    Raises
    ------
    MissingDependencyError
        zarr is not installed.

    Examples
    --------
    >>> from imgstore.export import export_zarr, select
    >>> export_zarr(select(store), 'part.zarr')
    """
    try:
        import zarr
    except ImportError as error:
        raise MissingDependencyError.for_extra('an export to zarr needs the package zarr', 'zarr', 'zarr') from error
    with new_folder(path, overwrite, _is_zarr) as place:
        group: Any = zarr.open_group(place, mode='w')
        create = getattr(group, 'create_array', None) or group.create_dataset  # zarr 3, zarr 2
        array: Any = None
        for position, image in enumerate(_alike(frames)):
            if array is None:
                array = create(_IMAGES, shape=(len(frames), *image.shape), dtype=image.dtype, chunks=(1, *image.shape))
            array[position] = image
            progress()
        for name, values in _columns(frames):
            create(name, shape=values.shape, dtype=values.dtype)[:] = values


def _is_zarr(folder: str) -> bool:
    return any(os.path.isfile(os.path.join(folder, name)) for name in ('zarr.json', '.zgroup'))
