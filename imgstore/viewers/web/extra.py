"""Extra data for plots, read in bounded time per request.

Files of many chunks are read a few at a time, spread over the recording. The first answer comes at once, and each
further request refines it.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..._support.json import as_json
from ...constants import FRAME_INDEX, FRAME_NUMBER, FRAME_TIME
from ...errors import CorruptFileError
from ...extra_data.motif_h5 import Table, read_tables
from ...extra_data.records import h5_files, read_extra_data
from ...stores.base import ImgStore

if TYPE_CHECKING:
    import pandas as pd

Values = npt.NDArray[np.float64]
Part = tuple[int, str, slice]

MOST_COLUMNS = 24
_SECONDS = 0.25
_WHOLE_CHUNKS = 16  # kept with all their records
_BLOCKS = 64  # per chunk; only the smallest and largest value of each is kept
_OWN = (FRAME_NUMBER, FRAME_TIME, FRAME_INDEX)


@dataclass(frozen=True)
class _Records:
    """Records of a chunk: their index range in the store, and their values."""

    at: Values
    table: pd.DataFrame

    def columns(self) -> dict[str, Values]:
        """Return the numeric columns."""
        numeric = self.table.select_dtypes(['number', 'bool'])
        kept = [name for name in numeric.columns if name not in _OWN and not str(name).startswith('_')]
        return {str(name): numeric[name].to_numpy(np.float64) for name in kept}


class ExtraData:
    """Extra data of one store.

    Parameters
    ----------
    store : ImgStore
        Open for reading.
    """

    def __init__(self, store: ImgStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._whole: OrderedDict[int, _Records | None] = OrderedDict()
        self._coarse: dict[int, dict[str, Values]] = {}
        self._sizes: dict[int, int] = {}
        self.problems: dict[int, str] = {}
        """Chunks with damaged extra data, and the reasons."""

    def between(self, low: int, high: int, bins: int) -> dict[str, Any]:
        """Return each column's extremes in equal parts of an index range.

        Returns
        -------
        dict
            ``columns``: name to rows of [index, smallest, largest]; ``complete``: whether all files are read; ``read``:
            fraction of them.
        """
        with self._lock:
            parts = [part for part in self._parts() if part[2].start <= high and part[2].stop > low]
            whole = len(parts) <= _WHOLE_CHUNKS // 2
            missing = self._read_some([part for part in parts if not self._is_known(part, whole)])
            points = self._points(parts, whole)
            problems = [self.problems[part[0]] for part in parts if part[0] in self.problems]
        columns = {name: _binned(values, low, high, bins) for name, values in points.items()}
        done = len(parts) - missing
        return {
            'columns': columns,
            'complete': not missing,
            'read': done / len(parts) if parts else 1.0,
            'problems': problems[:3],
        }

    def at(self, index: int) -> dict[str, Any]:
        """Return the record valid at a frame.

        The latest of its chunk or the one before, or {}.
        """
        with self._lock:
            parts = [part for part in self._parts() if part[2].start <= index][-2:]
            for records in map(self._records, reversed(parts)):
                rank = -1 if records is None else int(np.searchsorted(records.at, index + 1)) - 1
                if records is not None and rank >= 0:
                    record = records.table.iloc[rank]
                    return {str(name): as_json(value) for name, value in record.items() if name not in _OWN}
        return {}

    # --- reading files

    def _parts(self) -> list[Part]:
        return [part for part in self._store.index.chunk_ranges() if part[2].start < part[2].stop]

    def _is_known(self, part: Part, whole: bool) -> bool:
        """Return whether a chunk was read as far as needed, and has not grown since."""
        size = part[2].stop - part[2].start
        return self._sizes.get(part[0]) == size and part[0] in (self._whole if whole else self._coarse)

    def _read_some(self, parts: list[Part]) -> int:
        """Read chunks until the time is up; return how many are left."""
        order = [parts[rank] for rank in _spread(len(parts))]
        files = h5_files(path for part in order for path in self._store.extra_data_files(part[0]))
        tables, until = read_tables(files, _SECONDS), math.inf
        for done, part in enumerate(order):
            if time.monotonic() > until or not self._read(part, tables):
                return len(parts) - done
            until = min(until, time.monotonic() + _SECONDS)  # once the process of HDF5 has read all it can
        return 0

    def _records(self, part: Part) -> _Records | None:
        if self._sizes.get(part[0]) != part[2].stop - part[2].start or part[0] not in self._whole:
            self._read(part, None)
        self._whole.move_to_end(part[0])
        return self._whole[part[0]]

    def _read(self, part: Part, tables: Iterator[Table] | None) -> bool:
        """Read a chunk; return False if the tables end before."""
        number = part[0]
        try:
            records = self._load(part, tables)
        except StopIteration:
            return False
        self._sizes[number], self._whole[number] = part[2].stop - part[2].start, records
        self._whole.move_to_end(number)
        self._coarse[number] = _coarse(records)
        while len(self._whole) > _WHOLE_CHUNKS:
            self._whole.popitem(last=False)
        return True

    def _load(self, part: Part, tables: Iterator[Table] | None) -> _Records | None:
        paths = self._store.extra_data_files(part[0])
        if not paths:
            return None  # before pandas is imported for nothing
        try:
            table = read_extra_data(paths, tables=tables)
        except CorruptFileError as error:
            self.problems[part[0]] = str(error)
            return None
        if table is None or FRAME_NUMBER not in table:
            return None
        numbers = np.array(self._store.index.get_chunk_metadata(part[0])[FRAME_NUMBER], np.int64)
        return _placed(table, numbers, part[2].start)

    def _points(self, parts: list[Part], whole: bool) -> dict[str, list[Values]]:
        """Return each column's arrays of rows (index, smallest, largest)."""
        points: dict[str, list[Values]] = {}
        for number, _, _ in parts:
            if whole:
                records = self._whole.get(number)
                found = (
                    {}
                    if records is None
                    else {name: np.stack([records.at, values, values], 1) for name, values in records.columns().items()}
                )
            else:
                found = self._coarse.get(number, {})
            for name, rows in found.items():
                if name in points or len(points) < MOST_COLUMNS:
                    points.setdefault(name, []).append(rows)
        return points


def _spread(count: int) -> list[int]:
    """Return the numbers below `count`, evenly spread from the start.

    0, middle, quarters.
    """
    order: dict[int, None] = {}
    step = 1 << max(0, count - 1).bit_length()
    while step and len(order) < count:
        order.update(dict.fromkeys(range(0, count, step)))
        step //= 2
    return list(order)


def _placed(table: pd.DataFrame, numbers: npt.NDArray[np.int64], start: int) -> _Records | None:
    """Place records at their frames.

    Several of one frame are spread to the next frame.
    """
    own = table[FRAME_NUMBER].to_numpy(np.float64, na_value=np.nan)
    order = np.argsort(numbers, kind='stable')
    ranks = np.searchsorted(numbers, own, sorter=order).clip(0, len(numbers) - 1)
    index = order[ranks]
    known = numbers[index] == own
    if FRAME_INDEX in table:
        told = np.nan_to_num(table[FRAME_INDEX].to_numpy(np.float64, na_value=np.nan), nan=-1).astype(np.int64) - start
        inside = (told >= 0) & (told < len(numbers))
        right = inside & (numbers[told.clip(0, len(numbers) - 1)] == own)
        index, known = np.where(right, told, index), known | right
    if not known.any():
        return None
    table, index = table[known], index[known]
    by_frame = np.argsort(index, kind='stable')
    index = index[by_frame]
    _, first, counts = np.unique(index, return_index=True, return_counts=True)
    within = np.arange(len(index)) - np.repeat(first, counts)
    return _Records(start + index + within / np.repeat(counts, counts), table.iloc[by_frame])


def _coarse(records: _Records | None) -> dict[str, Values]:
    if records is None:
        return {}
    low, high = int(records.at[0]), int(records.at[-1])
    return {
        name: np.array(_binned([np.stack([records.at, values, values], 1)], low, high, _BLOCKS), np.float64).reshape(
            -1, 3
        )
        for name, values in records.columns().items()
    }


def _binned(rows: list[Values], low: int, high: int, bins: int) -> list[list[float]]:
    """Return rows (index, smallest, largest), one per part with values."""
    points = np.concatenate(rows)
    points = points[np.isfinite(points[:, 1]) & (points[:, 0] >= low) & (points[:, 0] < high + 1)]
    if len(points) <= bins:
        return [list(row) for row in points.tolist()]
    part = ((points[:, 0] - low) * (bins / (high + 1 - low))).astype(np.int64).clip(0, bins - 1)
    edges = np.flatnonzero(np.diff(part, prepend=-1))
    binned = np.stack(
        [points[edges, 0], np.minimum.reduceat(points[:, 1], edges), np.maximum.reduceat(points[:, 2], edges)], 1
    )
    return [list(row) for row in binned.tolist()]
