"""Conversion of a store to another format.

Metadata and extra data are kept, and all frames compared.
"""

from __future__ import annotations

import dataclasses
import datetime
import math
import os
import shutil
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from ._support.regular_files import copy_data
from ._support.text import without_surrogates
from ._support.validation import as_int_min
from ._support.warn import renamed_keyword
from ._version import __version__
from .color import Image, ensure_grayscale
from .constants import (
    EXTRA_JSON,
    FRAME_INDEX,
    FRAME_NUMBER,
    FRAME_TIME,
    MOTIF_EXTRA_H5,
    MOTIF_EXTRA_JSON,
    STORE_LOCK_FILENAME,
    STORE_MD_FILENAME,
)
from .errors import (
    FrameWriteError,
    InvalidArgumentError,
    StoreExistsError,
    StoreIOError,
    StoreLockedError,
)
from .extra_data.records import is_reserved, read_records
from .formats import Format, encoded_with, resolve_format, validate_options
from .ondisk.files import StrPath
from .ondisk.layout import existing_store_folder, store_folder
from .ondisk.lock import is_held
from .ondisk.metadata import load_metadata, save_metadata
from .ondisk.replacing import replace_folder, room_beside
from .stores.base import ImgStore
from .stores.factories import DirectoryImgStore, new_for_filename, new_for_format
from .timestamps import Numbers

HISTORY = 'imgstore_history'
"""Key in the user's metadata for the history of a converted store."""

_FRAME_KEYS = {FRAME_TIME, FRAME_NUMBER, FRAME_INDEX}
_COLOR = '+color'
_Record = dict[str, Any]


@dataclass(frozen=True)
class Conversion:
    """Result of `convert`.

    Attributes
    ----------
    frames : int
        Number of frames.
    verified : bool
        Whether each frame was compared with its original.
    exact : bool
        Whether all frames are identical bit for bit.
    worst_psnr : float
        Lowest PSNR of a frame in dB, or inf if exact.
    mean_psnr : float
        PSNR over all pixels of all frames in dB, or inf if exact.
    worst_index : int or None
        Index of the worst frame in the store.
    without_colors : int
        Number of frames without their colours, because the format is gray. They are compared with their gray.
    """

    frames: int
    verified: bool = False
    exact: bool = False
    worst_psnr: float = math.inf
    mean_psnr: float = math.inf
    worst_index: int | None = None
    without_colors: int = 0


@renamed_keyword('step', 'progress')
def convert(
    source: StrPath,
    dest: StrPath,
    fmt: str,
    *,
    chunksize: int | None = None,
    overwrite: bool = False,
    verify: bool = True,
    min_psnr: float | None = None,
    workers: int | None = None,
    quality: int | None = None,
    crf: int | None = None,
    compression: int | None = None,
    progress: Callable[[], object] = lambda: None,
) -> Conversion:
    """Copy a store into another format.

    Numbers, times, metadata, extra data, time of creation and time zone are kept. The new store has its own uuid.
    ``imgstore_history`` in its metadata lists uuid and format of earlier stores, the oldest first. Your own files in
    the store's folder are not copied. ``dest`` appears after all frames are written and compared.

    Parameters
    ----------
    source : str or PathLike
        Folder of the store.
    dest : str or PathLike
        Folder of the new store.
    fmt : str
        One of `get_supported_formats()`. Raw images stay raw in a lossless format, and become colour in others.
    chunksize : int, optional
        Frames per chunk. Default: as in the source if both have images or both have videos, else as usual for the
        format.
    overwrite : bool
        Replace an existing store at ``dest``.
    verify : bool
        Compare each frame with its original.
    min_psnr : float, optional
        Lowest PSNR of a frame in dB, for a lossy format.
    workers : int, optional
        Encoder threads, as for `new_for_format`.
    quality : int, optional
        Quality of jpg, webp and mjpeg/avi, from 1 to 100 (best).
    crf : int, optional
        Constant rate factor of x264 for h264/mkv and avc1/mp4, from 0 (best) to 51.
    compression : int, optional
        Compression of png and bpk, from 0 to 9 (smallest files).
    progress : callable
        Called after each written and each compared frame.

    Returns
    -------
    Conversion
        The result.

    Raises
    ------
    FrameWriteError
        A frame differs from its original.
    StoreExistsError
        A store already exists at ``dest``.
    InvalidArgumentError
        The format cannot hold the frames, or another argument is not allowed.

    Examples
    --------
    >>> from imgstore.convert import convert
    >>> done = convert('recording', 'smaller', 'webp')
    >>> done.frames, done.exact
    (5, True)
    """
    target = _free_target(existing_store_folder(source), store_folder(dest), overwrite)
    wanted, temporary = resolve_format(fmt), room_beside(target)
    options: dict[str, Any] = {**validate_options(wanted, {'quality': quality, 'crf': crf, 'compression': compression})}
    wanted = encoded_with(wanted, options)
    try:
        with new_for_filename(source) as old:
            plan = _plan(old, wanted, fmt, chunksize)
            options['fps'] = None if wanted.is_image_folder else load_metadata(old.filename).fps
            without_colors = _write(old, temporary, plan, progress, workers=workers, **options)
            done = _verify(old, temporary, plan, min_psnr, progress) if verify else Conversion(len(old))
        done = dataclasses.replace(done, without_colors=without_colors)
        replace_folder(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return done


def _free_target(source: str, target: str, overwrite: bool) -> str:
    if os.path.realpath(source) == os.path.realpath(target):
        raise InvalidArgumentError(
            f'{target!r} is the store to convert; give another folder', path=target, argument='target'
        )
    if os.path.exists(target) and not os.path.isdir(target):
        raise StoreExistsError(f'{target!r} already exists and is not a folder; give another name', path=target)
    if os.path.exists(os.path.join(target, STORE_MD_FILENAME)) and not overwrite:
        raise StoreExistsError(f'{target!r} already holds a store', replaceable=True, path=target, store=target)
    if is_held(os.path.join(target, STORE_LOCK_FILENAME)):
        raise StoreLockedError(f'{target!r} is open in another writer; close it first', path=target, store=target)
    return target


@dataclass(frozen=True)
class _Plan:
    """How to make the new store: its format and the preparation of images."""

    fmt: str
    chunksize: int
    encoding: str | None
    prepare: Callable[[Image], Image]


def _plan(old: ImgStore, wanted: Format, fmt: str, chunksize: int | None) -> _Plan:
    encoding = old.encoding
    raw = encoding if wanted.lossless and not wanted.converts_to_bgr else None
    same_class = isinstance(old, DirectoryImgStore) == wanted.is_image_folder
    usual = old.chunksize if same_class else wanted.chunksize
    size = usual if chunksize is None else as_int_min(chunksize, 'chunksize', 1)
    if raw:
        old.disable_decoding()
    sensors = [path for path in old.find_extra_data_files() if path.endswith(MOTIF_EXTRA_H5)]
    if len(sensors) > -(-len(old) // size):
        raise InvalidArgumentError(
            f'the sensor data of {len(sensors)} chunks needs as many chunks, and a chunksize of '
            f'{size} makes fewer: choose a smaller one'
        )
    return _Plan(fmt.removesuffix(_COLOR), size, raw, ensure_grayscale if wanted.color_model == 'gray' else _as_it_is)


def _as_it_is(image: Image) -> Image:
    return image


def _write(old: ImgStore, folder: str, plan: _Plan, progress: Callable[[], object], **options: Any) -> int:
    """Write all frames and return how many lost their colours."""
    numbers, times = old.frame_numbers, old.frame_times
    records, without_colors = _records(old, numbers), 0
    shape, dtype = _shape(old, plan)
    with new_for_format(
        plan.fmt,
        folder,
        imgshape=shape,
        imgdtype=dtype,
        chunksize=plan.chunksize,
        metadata=_metadata(old),
        encoding=plan.encoding,
        **options,
    ) as new:
        _add_records(new, records[-1])
        for index, (number, time) in enumerate(zip(numbers.tolist(), times.tolist(), strict=True)):
            image = old.get_image(None, frame_index=index)[0]
            prepared = plan.prepare(image)
            without_colors += prepared.ndim < image.ndim and bool(np.any(image != image[..., :1]))
            new.add_image(prepared, number, time)
            _add_records(new, records[index])
            progress()
    _copy_sensors(old, folder)
    _carry_creation(old, folder)
    return without_colors


def _shape(old: ImgStore, plan: _Plan) -> tuple[tuple[int, ...], Any]:
    if not len(old):
        return old.image_shape, old.dtype
    image = plan.prepare(old.get_image(None, frame_index=0)[0])
    return image.shape, image.dtype


def _metadata(old: ImgStore) -> dict[Any, Any]:
    user = without_surrogates(old.user_metadata)
    earlier = user.get(HISTORY)
    created, zone = old.created
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    entry = {
        'uuid': old.uuid,
        'format': old.format,
        'created_utc': created.replace(tzinfo=None).isoformat(),
        'timezone_local': str(zone),
        'converted_utc': now.isoformat(),
        'converted_by': f'imgstore {__version__}',
    }
    return {**user, HISTORY: [*(earlier if isinstance(earlier, list) else []), entry]}


def _carry_creation(old: ImgStore, folder: str) -> None:
    created, zone = old.created
    metadata = load_metadata(folder)
    carried = {'created_utc': created.replace(tzinfo=None).isoformat(), 'timezone_local': str(zone)}
    save_metadata(folder, dataclasses.replace(metadata, store={**metadata.store, **carried}))


# --- extra data


def _records(old: ImgStore, numbers: Numbers) -> dict[int, list[_Record]]:
    """Group records by frame index. Index -1 has those before the first frame."""
    places: dict[int, list[_Record]] = defaultdict(list)
    firsts = {number: index for index, number in reversed(list(enumerate(numbers.tolist())))}
    for path in old.find_extra_data_files((EXTRA_JSON, MOTIF_EXTRA_JSON)):
        reserved = path.endswith(MOTIF_EXTRA_JSON)
        for record in read_records(path):
            if not (reserved and is_reserved(record)):
                own = {key: value for key, value in record.items() if key not in _FRAME_KEYS}
                places[_place(record, numbers, firsts)].append(own)
    return places


def _place(record: _Record, numbers: Numbers, firsts: dict[int, int]) -> int:
    index, number = record.get(FRAME_INDEX), record.get(FRAME_NUMBER)
    if isinstance(index, int) and 0 <= index < len(numbers) and numbers[index] == number:
        return index
    return firsts.get(number, -1) if isinstance(number, int) else -1


def _add_records(new: ImgStore, records: list[_Record]) -> None:
    for record in records:
        new.add_extra_data(**record)


def _copy_sensors(old: ImgStore, folder: str) -> None:
    for chunk, path in enumerate(old.find_extra_data_files((MOTIF_EXTRA_H5,))):
        try:
            copy_data(path, os.path.join(folder, f'{chunk:06d}{MOTIF_EXTRA_H5}'))
        except OSError as error:
            raise StoreIOError(f'{path} cannot be copied: {error}', path=path) from error


# --- comparison of the frames


def _verify(
    old: ImgStore, folder: str, plan: _Plan, min_psnr: float | None, progress: Callable[[], object]
) -> Conversion:
    with new_for_filename(folder) as new:
        if plan.encoding:
            new.disable_decoding()
        same = (
            np.array_equal(old.frame_numbers, new.frame_numbers),
            np.array_equal(old.frame_times, new.frame_times, equal_nan=True),
        )
        if not all(same):
            raise FrameWriteError(f'{folder!r}: the frame numbers or times differ from the original', store=folder)
        near = []
        for index in range(len(old)):
            near.append(_nearness(old, new, index, plan))
            if new.lossless and near[-1] < math.inf:
                raise FrameWriteError(
                    f'{folder!r}: the frame at index {index} differs from the original', frame_index=index, store=folder
                )
            progress()
    return _judged(near, folder, min_psnr)


def _nearness(old: ImgStore, new: ImgStore, index: int, plan: _Plan) -> float:
    written, found = plan.prepare(old.get_image(None, frame_index=index)[0]), new.get_image(None, frame_index=index)[0]
    if np.array_equal(written, found, equal_nan=written.dtype.kind in 'fc') and written.dtype == found.dtype:
        return math.inf
    if new.lossless or written.ndim != found.ndim:
        return -math.inf
    height, width = found.shape[:2]  # a video may lack an odd row or column
    return float(cv2.PSNR(np.ascontiguousarray(written[:height, :width]), found))


def _judged(near: list[float], folder: str, min_psnr: float | None) -> Conversion:
    if not near or min(near) == math.inf:
        return Conversion(len(near), True, True)
    worst = int(np.argmin(near))
    if min_psnr is not None and near[worst] < min_psnr:
        raise FrameWriteError(
            f'{folder!r}: the frame at index {worst} has a PSNR of {near[worst]:.1f} dB, '
            f'below the required {min_psnr:g} dB',
            frame_index=worst,
            store=folder,
        )
    mean_square = np.mean(10 ** (-np.array(near) / 10))  # 0 for exact frames
    return Conversion(len(near), True, False, near[worst], float(-10 * np.log10(mean_square)), worst)
