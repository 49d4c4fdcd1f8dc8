"""Names for existing scripts. They are defined in other modules."""

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
    """The properties of a store used here."""

    @property
    def user_metadata(self) -> dict[Any, Any]: ...
    @property
    def created(self) -> tuple[datetime.datetime, ZoneInfo]: ...
    @property
    def chunks(self) -> list[int]: ...
    @property
    def index(self) -> ImgStoreIndex: ...


def FourCC(a: str, b: str, c: str, d: str) -> int:  # noqa: N802
    """Return the number of a codec's four-character code.

    Parameters
    ----------
    a : str
        First character, ASCII.
    b : str
        Second character, ASCII.
    c : str
        Third character, ASCII.
    d : str
        Fourth character, ASCII.

    Raises
    ------
    InvalidArgumentError
        An argument is not one ASCII character.

    Examples
    --------
    >>> from imgstore.util import FourCC
    >>> FourCC(*'MJPG')
    1196444237
    """
    letters: tuple[Any, ...] = (a, b, c, d)
    if not all(isinstance(letter, str) and len(letter) == 1 and letter.isascii() for letter in letters):
        raise InvalidArgumentError(f'FourCC got {letters}; it must be four ASCII characters')
    return int.from_bytes(''.join(letters).encode(), 'little')


def get_local_timezone() -> str:
    """Return the name of this machine's time zone, such as 'Europe/Vienna'."""
    return local_timezone_name()


def get_local_timezone_zoneinfo() -> ZoneInfo:
    """Return this machine's time zone."""
    return local_timezone()


def motif_extra_data_json_to_df(store: object, path: str | os.PathLike[str]) -> pd.DataFrame | None:
    """Read one of Motif's ``.extra_data.json``. `store` is not used.

    Returns
    -------
    pandas.DataFrame or None
        One row per record, sorted by frame, then by the sensor's time. None if there are no records.

    Raises
    ------
    CorruptFileError
        The file is not a JSON array of objects.
    """
    frame = read_motif_json(os.fspath(path))
    return frame if len(frame) else None


def motif_extra_data_h5_to_df(store: object, path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read one of Motif's ``.extra_data.h5``. `store` is not used.

    Returns
    -------
    pandas.DataFrame
        One row per sample, one column per channel and per field of the camera.

    Raises
    ------
    CorruptFileError
        The file is not HDF5, lacks a part, or its parts differ in length.
    """
    return read_h5(os.fspath(path))


def motif_extra_data_h5_attrs(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the attributes in one of Motif's ``.extra_data.h5``.

    Returns
    -------
    dict
        Attributes by name of dataset or group. '_datasets' lists the sensors' datasets.

    Raises
    ------
    CorruptFileError
        The file is not HDF5.
    """
    return h5_attrs(os.fspath(path))


def motif_get_recording_timezone(store: _Recording) -> ZoneInfo:
    """Return the valid 'timezone' of the user's metadata, or the store's."""
    return zone_or_none(store.user_metadata.get('timezone')) or store.created[1]


def motif_get_parse_true_fps(store: _Recording, default: float | None = 25.0, hwardware_only: bool = False) -> float:
    """Return the frame rate in a recording's metadata.

    Parameters
    ----------
    store : VideoImgStore or DirectoryImgStore
        The recording.
    default : float or None
        Result without a rate in the metadata. None: measure it from the frame times of the first chunk.
    hwardware_only : bool
        Use only the rate of hardware triggers, not that of the camera itself.

    Returns
    -------
    float
        Frames per second, or nan if it cannot be measured.

    Examples
    --------
    >>> from imgstore.util import motif_get_parse_true_fps
    >>> motif_get_parse_true_fps(store, default=None)
    4.0
    """
    known = rate_from_metadata(store.user_metadata, hwardware_only)
    if known is not None:
        return known
    return _rate_of_first_chunk(store) if default is None else default


def _rate_of_first_chunk(store: _Recording) -> float:
    times = [store.index.get_chunk_metadata(chunk)['frame_time'] for chunk in store.chunks[:1]]
    interval = median_interval(times[0]) if times else None
    return 1 / interval if interval else math.nan
