"""Names that scripts import from here; imgstore itself has them elsewhere."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any, Protocol

from ._support.json import JsonCustomEncoder
from .color import ImageCodecProcessor, ensure_color, ensure_grayscale
from .errors import InvalidArgumentError
from .extra_data.motif_h5 import h5_attrs, read_h5
from .extra_data.records import read_motif_json
from .frame_rate import median_interval, rate_from_metadata
from .index.store_index import ImgStoreIndex
from .ondisk.metadata import local_timezone, local_timezone_name, zone_or_none

if TYPE_CHECKING:
    import datetime
    from zoneinfo import ZoneInfo

    import pandas as pd

__all__ = [
    'FourCC',
    'ImageCodecProcessor',
    'JsonCustomEncoder',
    'ensure_color',
    'ensure_grayscale',
    'get_local_timezone',
    'get_local_timezone_zoneinfo',
    'motif_extra_data_h5_attrs',
    'motif_extra_data_h5_to_df',
    'motif_extra_data_json_to_df',
    'motif_get_parse_true_fps',
    'motif_get_recording_timezone',
]


class _Recording(Protocol):
    """What is asked of a store here."""

    @property
    def user_metadata(self) -> dict[Any, Any]: ...
    @property
    def created(self) -> tuple[datetime.datetime, ZoneInfo]: ...
    @property
    def chunks(self) -> list[int]: ...
    @property
    def index(self) -> ImgStoreIndex: ...


def FourCC(a: str, b: str, c: str, d: str) -> int:  # noqa: N802
    """Give the number of a codec's four letters.

    Raises
    ------
    InvalidArgumentError
        One of them is not one letter.
    """
    letters: tuple[Any, ...] = (a, b, c, d)
    if not all(isinstance(letter, str) and len(letter) == 1 and letter.isascii() for letter in letters):
        raise InvalidArgumentError(f'a FourCC is four letters, not {letters}')
    return int.from_bytes(''.join(letters).encode(), 'little')


def get_local_timezone() -> str:
    """Name of this machine's time zone, such as 'Europe/Vienna'."""
    return local_timezone_name()


def get_local_timezone_zoneinfo() -> ZoneInfo:
    """Time zone of this machine."""
    return local_timezone()


def motif_extra_data_json_to_df(store: object, path: str | os.PathLike[str]) -> pd.DataFrame | None:
    """Read one of Motif's ``.extra_data.json``; `store` is not used.

    Returns
    -------
    pandas.DataFrame or None
        A row for each record, sorted by frame, then by the sensor's time; None if there is no record.

    Raises
    ------
    CorruptFileError
        The file is no JSON array of objects.
    """
    frame = read_motif_json(os.fspath(path))
    return frame if len(frame) else None


def motif_extra_data_h5_to_df(store: object, path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read one of Motif's ``.extra_data.h5``; `store` is not used.

    Returns
    -------
    pandas.DataFrame
        A row for each sample, a column for each channel and each field of the camera.

    Raises
    ------
    CorruptFileError
        The file is no HDF5, or lacks a part, or its parts differ in length.
    """
    return read_h5(os.fspath(path))


def motif_extra_data_h5_attrs(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the attributes in one of Motif's ``.extra_data.h5``.

    Returns
    -------
    dict
        The names of the sensors' datasets under '_datasets'; under each name in the file, its attributes.

    Raises
    ------
    CorruptFileError
        The file is no HDF5.
    """
    return h5_attrs(os.fspath(path))


def motif_get_recording_timezone(store: _Recording) -> ZoneInfo:
    """Time zone of a recording: the user's metadata 'timezone' if there is such a zone, else the store's."""
    return zone_or_none(store.user_metadata.get('timezone')) or store.created[1]


def motif_get_parse_true_fps(store: _Recording, default: float | None = 25.0, hwardware_only: bool = False) -> float:
    """Frame rate of a recording, as its metadata has it.

    Parameters
    ----------
    store : VideoImgStore or DirectoryImgStore
    default : float or None
        What to give if the metadata has none; None: what the times of the first frames tell.
    hwardware_only : bool
        Believe only a rate that hardware triggers kept, not that of the camera itself.

    Returns
    -------
    float
        Frames a second; nan if the first frames have to tell, and don't.
    """
    known = rate_from_metadata(store.user_metadata, hwardware_only)
    if known is not None:
        return known
    return _rate_of_first_chunk(store) if default is None else default


def _rate_of_first_chunk(store: _Recording) -> float:
    times = [store.index.get_chunk_metadata(chunk)['frame_time'] for chunk in store.chunks[:1]]
    interval = median_interval(times[0]) if times else None
    return 1 / interval if interval else math.nan
