"""Frames as images in a folder, and as the pages of one TIFF."""

from __future__ import annotations

import csv
import itertools
import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from .._support.warn import renamed_keyword
from ..chunks.opencv_encode import encode_file
from ..color import Image
from ..constants import FRAME_INDEX, FRAME_NUMBER, FRAME_TIME
from ..errors import InvalidArgumentError, MissingDependencyError
from ..formats import Format, exportable_formats, resolve_format, validate_options
from ..ondisk.files import StrPath
from .atomic_output import Progress, new_file, new_folder, no_progress
from .pictures import render_frames
from .selection import Frames

IMAGE_FORMATS = tuple(exportable_formats())
"""What a folder's images can be."""

_LIST = 'frames.csv'
_OWN_NAME = re.compile(rf'\d{{8,}}\.({"|".join(IMAGE_FORMATS)})|frames\.csv')


@renamed_keyword('step', 'progress')
def export_images(frames: Frames, folder: StrPath, image_format: str = 'png', *, quality: int | None = None,
                  compression: int | None = None, status_bar: bool = False, overwrite: bool = False,
                  progress: Progress = no_progress) -> None:
    """Write each frame as an image named by its place in the store, and ``frames.csv`` with numbers and times.

    Parameters
    ----------
    frames : Frames
        Of `select`.
    folder : str or PathLike
        A new one, or an empty one.
    image_format : str
        One of `IMAGE_FORMATS`. Values stay as they are where it can hold them.
    quality, compression : int, optional
        Of jpg and webp, 1 to 100, the best (webp is lossless without it); of png, 0 to 9, the smallest.
    status_bar : bool
        Draw number and time into each image, which is 8-bit colour then.
    overwrite : bool
        Replace a folder of exported images.
    progress : callable
        Is called after each frame.

    Raises
    ------
    InvalidArgumentError
        The format cannot hold the images, or has no such option.
    StoreExistsError
        Something is there already.
    """
    if image_format not in IMAGE_FORMATS:
        raise InvalidArgumentError(f'image format {image_format!r} is none of {", ".join(IMAGE_FORMATS)}',
                                   argument='image_format')
    fmt = resolve_format(image_format)
    options = validate_options(fmt, {'quality': quality, 'compression': compression})
    with new_folder(folder, overwrite, _is_ours) as place:
        _write_images(frames, place, fmt, options, status_bar, progress)


def _write_images(frames: Frames, place: str, fmt: Format, options: Mapping[str, int], status_bar: bool,
                  progress: Progress) -> None:
    with open(os.path.join(place, _LIST), 'w', newline='', encoding='utf-8') as file:
        table = csv.writer(file)
        table.writerow(['file', FRAME_INDEX, FRAME_NUMBER, FRAME_TIME])
        for index, number, time, image in _with_images(frames, status_bar):
            name = f'{index:08d}{fmt.extension}'
            with open(os.path.join(place, name), 'wb') as image_file:
                image_file.write(encode_file(fmt, _checked(image, fmt), options))
            table.writerow([name, index, number, repr(time)])
            progress()


def _with_images(frames: Frames, status_bar: bool) -> Iterator[tuple[int, int, float, Image]]:
    images = render_frames(frames, True) if status_bar else frames.images()
    return zip(frames.indices.tolist(), frames.numbers.tolist(), frames.times.tolist(), images, strict=True)


def _is_ours(folder: str) -> bool:
    return all(_OWN_NAME.fullmatch(name) for name in os.listdir(folder))


def _checked(image: Image, fmt: Format) -> Image:
    if fmt.dtypes and image.dtype.name not in fmt.dtypes:
        raise InvalidArgumentError(f'{fmt.name} holds {" and ".join(fmt.dtypes)}, and these images are of '
                                   f'{image.dtype.name}', argument='image_format')
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (1, 3, 4)):
        raise InvalidArgumentError(f'{fmt.name} holds images of shape (h, w) and (h, w, 3), not {image.shape}',
                                   argument='image_format')
    if max(image.shape) > fmt.max_side:
        raise InvalidArgumentError(f'{fmt.name} holds images of at most {fmt.max_side} pixels a side, and these are of '
                                   f'{image.shape[1]} x {image.shape[0]}', argument='image_format')
    return image


# --- one TIFF

_KINDS, _LARGEST_VALUE = 'uif', 8  # unsigned, signed and floating-point numbers; bytes
_LARGEST_CLASSIC = 2**32 - 2**20  # bytes; offsets have 32 bits
_PAGE = 1000  # bytes that a page takes beside its image, at most


@renamed_keyword('step', 'progress')
def export_tiff(frames: Frames, path: StrPath, *, status_bar: bool = False, overwrite: bool = False,
                progress: Progress = no_progress) -> None:
    """Write the frames as the pages of one TIFF, uncompressed, as ImageJ and others read it; BigTIFF above 4 GB.

    The description of each page is a JSON object with ``frame_index``, ``frame_number`` and ``frame_time``. Other
    parameters and errors are those of `export_images`.

    Raises
    ------
    MissingDependencyError
        tifffile is not installed.
    """
    try:
        from tifffile import TiffWriter
    except ImportError as error:
        raise MissingDependencyError('an export to TIFF needs tifffile: pip install "imgstore[tiff]"',
                                     name='tifffile') from error
    with new_file(path, overwrite) as place:
        pages = _with_images(frames, status_bar)
        first = next(pages)
        is_big = (first[3].nbytes + _PAGE) * len(frames) > _LARGEST_CLASSIC
        with TiffWriter(place, bigtiff=is_big, byteorder='<') as stack:
            for index, number, time, image in itertools.chain([first], pages):
                told = json.dumps({FRAME_INDEX: index, FRAME_NUMBER: number, FRAME_TIME: time})
                stack.write(**_page(image), description=told, metadata=None, software=False)
                progress()


def _page(image: Image) -> dict[str, Any]:
    """An image and what its channels are, as tifffile takes it."""
    is_number = image.dtype.kind in _KINDS and image.itemsize <= _LARGEST_VALUE
    if not is_number or image.ndim not in (2, 3) or image.shape[2:] > (4,):
        raise InvalidArgumentError(f'tiff holds no images of {image.dtype.name} and shape {image.shape}')
    channels = image.shape[2] if image.ndim == 3 else 1
    if channels == 1:
        return {'data': image.reshape(image.shape[:2]), 'photometric': 'minisblack'}
    if channels == 2:
        return {'data': image, 'photometric': 'minisblack', 'planarconfig': 'contig'}
    rgb = image[..., ::-1] if channels == 3 else image[..., [2, 1, 0, 3]]
    return {'data': rgb, 'photometric': 'rgb', 'extrasamples': ['unassalpha'] * (channels - 3)}
