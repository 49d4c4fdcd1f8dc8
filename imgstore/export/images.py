"""Frames as images in a folder, and as the pages of one TIFF."""

from __future__ import annotations

import csv
import json
import os
import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any

import numpy as np

from .._support.warn import renamed_keyword
from ..chunks.opencv_encode import encode_file
from ..color import Image
from ..constants import FRAME_INDEX, FRAME_NUMBER, FRAME_TIME
from ..errors import InvalidArgumentError
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


# --- one TIFF: https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf and its 64-bit form, BigTIFF

_SHORT, _ASCII, _LONG, _LONG8 = 3, 2, 4, 16
_CODES = {_SHORT: 'H', _LONG: 'I', _LONG8: 'Q'}
_SAMPLE_FORMATS = {'u': 1, 'i': 2, 'f': 3}
_LARGEST_CLASSIC = 2**32 - 2**20  # bytes; offsets have 32 bits

Tag = tuple[int, int, int | bytes | tuple[int, ...]]


@renamed_keyword('step', 'progress')
def export_tiff(frames: Frames, path: StrPath, *, status_bar: bool = False, overwrite: bool = False,
                progress: Progress = no_progress) -> None:
    """Write the frames as the pages of one TIFF, uncompressed, as ImageJ and others read it; BigTIFF above 4 GB.

    The description of each page is a JSON object with ``frame_index``, ``frame_number`` and ``frame_time``. Other
    parameters and errors are those of `export_images`.
    """
    with new_file(path, overwrite) as place, open(place, 'wb') as file:
        pages = _with_images(frames, status_bar)
        first = next(pages)
        stack = _TiffStack(file, first[3].nbytes * len(frames) + 1000 * len(frames) > _LARGEST_CLASSIC)
        for index, number, time, image in _chained(first, pages):
            stack.add(image, json.dumps({FRAME_INDEX: index, FRAME_NUMBER: number, FRAME_TIME: time}))
            progress()


def _chained(first: Any, rest: Iterable[Any]) -> Iterator[Any]:
    yield first
    yield from rest


class _TiffStack:
    """Writes page after page; each one's directory is linked from the one before."""

    def __init__(self, file: IO[bytes], big: bool) -> None:
        self._file, self._big = file, big
        file.write(struct.pack('<2sHHHQ', b'II', 43, 8, 0, 0) if big else struct.pack('<2sHI', b'II', 42, 0))
        self._link = 8 if big else 4
        """Where the place of the next directory is to be written."""

    def add(self, image: Image, description: str) -> None:
        if image.dtype.kind not in _SAMPLE_FORMATS or image.ndim not in (2, 3) or image.shape[2:] > (4,):
            raise InvalidArgumentError(f'tiff holds no images of {image.dtype.name} and shape {image.shape}')
        channels = image.shape[2] if image.ndim == 3 else 1
        if channels >= 3:
            image = image[..., [2, 1, 0, *range(3, channels)]]  # TIFF is in RGB
        start = self._append(np.ascontiguousarray(image, image.dtype.newbyteorder('<')).tobytes())
        self._add_directory([
            (256, _LONG, image.shape[1]), (257, _LONG, image.shape[0]),
            (258, _SHORT, (8 * image.itemsize,) * channels), (259, _SHORT, 1),
            (262, _SHORT, 2 if channels >= 3 else 1), (270, _ASCII, description.encode('ascii') + b'\0'),
            (273, _LONG8 if self._big else _LONG, start), (277, _SHORT, channels), (278, _LONG, image.shape[0]),
            (279, _LONG8 if self._big else _LONG, image.nbytes), (284, _SHORT, 1),
            *([(338, _SHORT, 2)] if channels == 4 else []),
            (339, _SHORT, (_SAMPLE_FORMATS[image.dtype.kind],) * channels)])

    def _append(self, data: bytes) -> int:
        start = self._file.seek(0, os.SEEK_END)
        self._file.write(data + b'\0' * (-len(data) % 8))
        return start

    def _add_directory(self, tags: list[Tag]) -> None:
        room = 8 if self._big else 4
        entries = b''
        for code, kind, value in tags:
            data, count = _packed(kind, value)
            field = data.ljust(room, b'\0') if len(data) <= room else self._offset(self._append(data))
            entries += struct.pack('<HHQ' if self._big else '<HHI', code, kind, count) + field
        count_of_tags = struct.pack('<Q' if self._big else '<H', len(tags))
        start = self._append(count_of_tags + entries + self._offset(0))
        self._file.seek(self._link)
        self._file.write(self._offset(start))
        self._link = start + len(count_of_tags) + len(entries)

    def _offset(self, value: int) -> bytes:
        return struct.pack('<Q' if self._big else '<I', value)


def _packed(kind: int, value: int | bytes | tuple[int, ...]) -> tuple[bytes, int]:
    if isinstance(value, bytes):
        return value, len(value)
    values = value if isinstance(value, tuple) else (value,)
    return struct.pack(f'<{len(values)}{_CODES[kind]}', *values), len(values)
