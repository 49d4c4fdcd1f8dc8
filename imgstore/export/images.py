"""Frames as images in a folder, and as the pages of one TIFF."""

from __future__ import annotations

import csv
import itertools
import json
import os
import re
from collections.abc import Iterator
from typing import Any

from .._support.warn import renamed_keyword
from ..chunks.opencv_encode import encode_file
from ..color import Image
from ..constants import FRAME_INDEX, FRAME_NUMBER, FRAME_TIME
from ..encoder_options import Options
from ..errors import InvalidArgumentError, MissingDependencyError
from ..formats import Format, exportable_formats, resolve_format, validate_options
from ..ondisk.files import StrPath
from .atomic_output import Progress, new_file, new_folder, no_progress
from .pictures import render_frames
from .selection import Frames

IMAGE_FORMATS = tuple(exportable_formats())
"""Names of the formats for a folder of images."""

_LIST = 'frames.csv'
_OWN_NAME = re.compile(rf'\d{{8,}}\.({"|".join(IMAGE_FORMATS)})|frames\.csv')


@renamed_keyword('step', 'progress')
def export_images(
    frames: Frames,
    folder: StrPath,
    image_format: str = 'png',
    *,
    quality: int | None = None,
    compression: int | None = None,
    status_bar: bool = False,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> None:
    """Write one image file per frame, and a table of the frames.

    Files are named by frame index. ``frames.csv`` has frame index, number and time of each file.

    Parameters
    ----------
    frames : Frames
        The frames, from `select`.
    folder : str or PathLike
        A new or empty folder.
    image_format : str
        One of `IMAGE_FORMATS`. Pixel values are not changed, except by lossy formats.
    quality : int, optional
        Quality of jpg and webp, from 1 to 100 (best). Without it, webp is lossless.
    compression : int, optional
        Compression of png, from 0 to 9 (smallest files).
    status_bar : bool
        Draw frame number and time into each image. This makes it 8-bit colour.
    overwrite : bool
        Replace a folder of exported images.
    progress : callable
        Called after each frame.

    Raises
    ------
    InvalidArgumentError
        The format cannot hold the images, or has no such option.
    StoreExistsError
        The folder exists already and is not empty.

    Examples
    --------
    >>> from imgstore.export import export_images, select
    >>> export_images(select(store, to_index=2), 'images')
    >>> import os
    >>> sorted(os.listdir('images'))
    ['00000000.png', '00000001.png', 'frames.csv']
    """
    if image_format not in IMAGE_FORMATS:
        raise InvalidArgumentError(
            f'image_format is {image_format!r}; it must be one of {", ".join(IMAGE_FORMATS)}', argument='image_format'
        )
    fmt = resolve_format(image_format)
    options = validate_options(fmt, {'quality': quality, 'compression': compression})
    with new_folder(folder, overwrite, _is_ours) as place:
        _write_images(frames, place, fmt, options, status_bar, progress)


def _write_images(
    frames: Frames, place: str, fmt: Format, options: Options, status_bar: bool, progress: Progress
) -> None:
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
        raise InvalidArgumentError(
            f'images have dtype {image.dtype.name}; {fmt.name} can hold {" and ".join(fmt.dtypes)}',
            argument='image_format',
        )
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (1, 3, 4)):
        raise InvalidArgumentError(
            f'images have shape {image.shape}; {fmt.name} can hold (h, w) and (h, w, 3)', argument='image_format'
        )
    if max(image.shape) > fmt.max_side:
        raise InvalidArgumentError(
            f'images have {image.shape[1]} x {image.shape[0]} pixels; {fmt.name} can hold at '
            f'most {fmt.max_side} per side',
            argument='image_format',
        )
    return image


# --- one TIFF

_KINDS, _LARGEST_VALUE = 'uif', 8  # unsigned, signed and floating-point numbers; bytes
_LARGEST_CLASSIC = 2**32 - 2**20  # bytes; offsets have 32 bits
_PAGE = 1000  # maximum bytes of a page in addition to its image


@renamed_keyword('step', 'progress')
def export_tiff(
    frames: Frames,
    path: StrPath,
    *,
    status_bar: bool = False,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> None:
    """Write the frames as pages of one uncompressed TIFF, readable by ImageJ.

    Files above 4 GB are BigTIFF. The description of each page is a JSON object with ``frame_index``, ``frame_number``
    and ``frame_time``.

    Parameters
    ----------
    frames : Frames
        The frames, from `select`.
    path : str or PathLike
        Path of the new file.
    status_bar : bool
        Draw frame number and time into each image. This makes it 8-bit colour.
    overwrite : bool
        Replace an existing file.
    progress : callable
        Called after each frame.

    Raises
    ------
    InvalidArgumentError
        TIFF cannot hold the images.
    StoreExistsError
        The path exists already.
    MissingDependencyError
        tifffile is not installed.

    Examples
    --------
    >>> from imgstore.export import export_tiff, select
    >>> export_tiff(select(store), 'part.tif')
    """
    try:
        from tifffile import TiffWriter
    except ImportError as error:
        raise MissingDependencyError.for_extra('an export to TIFF needs tifffile', 'tifffile', 'tiff') from error
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
    """Return tifffile's arguments for an image and its channels."""
    is_number = image.dtype.kind in _KINDS and image.itemsize <= _LARGEST_VALUE
    if not is_number or image.ndim not in (2, 3) or image.shape[2:] > (4,):
        raise InvalidArgumentError(
            f'images have dtype {image.dtype.name} and shape {image.shape}; tiff can hold '
            f'numbers of up to {_LARGEST_VALUE} bytes in at most 4 channels'
        )
    channels = image.shape[2] if image.ndim == 3 else 1
    if channels == 1:
        return {'data': image.reshape(image.shape[:2]), 'photometric': 'minisblack'}
    if channels == 2:
        return {'data': image, 'photometric': 'minisblack', 'planarconfig': 'contig'}
    rgb = image[..., ::-1] if channels == 3 else image[..., [2, 1, 0, 3]]
    return {'data': rgb, 'photometric': 'rgb', 'extrasamples': ['unassalpha'] * (channels - 3)}
