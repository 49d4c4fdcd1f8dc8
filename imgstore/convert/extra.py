"""Extra data of a converted store."""

from __future__ import annotations

import math
import os
from collections import defaultdict
from typing import Any

from .._support.json import dumps
from .._support.regular_files import copy_data
from ..constants import (
    EXTRA_JSON,
    FRAME_INDEX,
    FRAME_NUMBER,
    FRAME_TIME,
    MOTIF_EXTRA_H5,
    MOTIF_EXTRA_JSON,
)
from ..errors import InvalidArgumentError, StoreIOError
from ..extra_data.records import is_reserved, read_records, record_as_json, records_file
from ..ondisk.extra_data_file import replace_extra_data
from ..ondisk.layout import Layout, chunk_name
from ..stores.base import ImgStore
from ..timestamps import Numbers

BEFORE_FRAMES = -1
"""Frame index of the records before the first frame."""

_FRAME_KEYS = {FRAME_TIME, FRAME_NUMBER, FRAME_INDEX}
Record = dict[str, Any]


def records_by_frame(old: ImgStore) -> dict[int, list[Record]]:
    """Group the user's and Motif's records by frame index, or `BEFORE_FRAMES`."""
    numbers = old.frame_numbers
    places: dict[int, list[Record]] = defaultdict(list)
    firsts = {number: index for index, number in reversed(list(enumerate(numbers.tolist())))}
    for path in old.find_extra_data_files((EXTRA_JSON, MOTIF_EXTRA_JSON)):
        reserved = path.endswith(MOTIF_EXTRA_JSON)
        for record in read_records(path):
            if not (reserved and is_reserved(record)):
                own = {key: value for key, value in record.items() if key not in _FRAME_KEYS}
                places[_place(record, numbers, firsts)].append(own)
    return places


def _place(record: Record, numbers: Numbers, firsts: dict[int, int]) -> int:
    index, number = record.get(FRAME_INDEX), record.get(FRAME_NUMBER)
    if isinstance(index, int) and 0 <= index < len(numbers) and numbers[index] == number:
        return index
    return firsts.get(number, BEFORE_FRAMES) if isinstance(number, int) else BEFORE_FRAMES


def add_records(new: ImgStore, records: list[Record]) -> None:
    """Add records to the latest frame."""
    for record in records:
        new.add_extra_data(**record)


def write_records(old: ImgStore, records: dict[int, list[Record]], layout: Layout, chunksize: int) -> None:
    """Write the records of all frames as files of their chunks."""
    numbers, times = old.frame_numbers, old.frame_times
    by_chunk: dict[int, list[str]] = defaultdict(list)
    for index in sorted(records):
        is_early = index == BEFORE_FRAMES
        number, time = (math.nan, math.nan) if is_early else (int(numbers[index]), float(times[index]))
        lines = [record_as_json(dumps(record), number, time, index) for record in records[index]]
        by_chunk[max(index, 0) // chunksize] += lines
    for chunk, lines in by_chunk.items():
        if lines:
            replace_extra_data(layout.index_stem(chunk), records_file(lines))


def check_sensors(old: ImgStore, chunksize: int) -> None:
    """Raise InvalidArgumentError if there are fewer chunks than files of sensors."""
    sensors = old.find_extra_data_files((MOTIF_EXTRA_H5,))
    if len(sensors) > -(-len(old) // chunksize):
        raise InvalidArgumentError(
            f'the sensor data of {len(sensors)} chunks needs as many chunks, and a chunksize of '
            f'{chunksize} makes fewer: choose a smaller one'
        )


def copy_sensors(old: ImgStore, folder: str) -> None:
    """Copy the files of sensors."""
    for chunk, path in enumerate(old.find_extra_data_files((MOTIF_EXTRA_H5,))):
        try:
            copy_data(path, os.path.join(folder, chunk_name(chunk) + MOTIF_EXTRA_H5))
        except OSError as error:
            raise StoreIOError(f'{path} cannot be copied: {error}', path=path) from error
