"""Extra data for plots, read in bounded time per request.

Files of many chunks are read a few at a time, spread over the recording. The first answer comes at once, and each
further request refines it.
"""

from __future__ import annotations

import functools
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
from ..._support.text import without_surrogates
from ...constants import FRAME_INDEX, FRAME_NUMBER, FRAME_TIME
from ...errors import CorruptFileError
from ...extra_data.motif_h5 import Table, read_tables
from ...extra_data.records import h5_files, read_extra_data
from ...stores.base import ImgStore

if TYPE_CHECKING:
    import pandas as pd

Values = npt.NDArray[np.float64]
Part = tuple[int, str, slice]
Label = tuple[float, str]
"""Index of a frame, and the text from it on."""

MOST_COLUMNS = 24
MOST_LABELS = 500
_LONGEST_LABEL = 80  # characters
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
        return {name: self._numbers(name) for name, kind in self.kinds.items() if kind != 'text'}

    def labels(self) -> dict[str, list[Label]]:
        """Return the columns of text, each as its first value and its changes."""
        return {name: _changes(self.at, self.table[name]) for name, kind in self.kinds.items() if kind == 'text'}

    @functools.cached_property
    def kinds(self) -> dict[str, str]:
        """Kind of each column that is shown: 'bool', 'int', 'float' or 'text'."""
        names = [name for name in self.table.columns if name not in _OWN and not str(name).startswith('_')]
        found = {str(name): kind_of_column(self.table[name]) for name in names}
        return {name: kind for name, kind in found.items() if kind is not None}

    def _numbers(self, name: str) -> Values:
        column = self.table[name]
        if column.dtype == object:  # true, false and missing values
            column = column.map({True: 1.0, False: 0.0})
        return column.to_numpy(np.float64, na_value=np.nan)


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
        self._labels: dict[int, dict[str, list[Label]]] = {}
        self._kinds: dict[str, str] = {}
        self._sizes: dict[int, int] = {}
        self.problems: dict[int, str] = {}
        """Chunks with damaged extra data, and the reasons."""

    def between(self, low: int, high: int, bins: int) -> dict[str, Any]:
        """Return each column's extremes in equal parts of an index range.

        Returns
        -------
        dict
            ``columns``: name to rows of [index, smallest, largest]; ``labels``: name of a column of text to rows of
            [index, text]; ``kinds``: name to kind of a column; ``complete``: whether all files are read; ``read``:
            fraction of them.
        """
        with self._lock:
            parts = [part for part in self._parts() if part[2].start <= high and part[2].stop > low]
            whole = len(parts) <= _WHOLE_CHUNKS // 2
            missing = self._read_some([part for part in parts if not self._is_known(part, whole)])
            points = self._points(parts, whole)
            labels, kinds = self._labels_of(parts), dict(self._kinds)
            problems = [self.problems[part[0]] for part in parts if part[0] in self.problems]
        columns = {name: _binned(values, low, high, bins) for name, values in points.items()}
        done = len(parts) - missing
        return {
            'columns': columns,
            'labels': labels,
            'kinds': kinds,
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
        self._labels[number] = {} if records is None else records.labels()
        for name, kind in {} if records is None else records.kinds.items():
            self._kinds[name] = wider_kind(self._kinds.get(name, kind), kind)
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

    def _labels_of(self, parts: list[Part]) -> dict[str, list[Label]]:
        """Return the labels of each column of text, without repeated ones."""
        found: dict[str, list[Label]] = {}
        for number, _, _ in parts:
            for name, labels in self._labels.get(number, {}).items():
                if name in found or len(found) < MOST_COLUMNS:
                    known = found.setdefault(name, [])
                    known += labels[1:] if known and labels and known[-1][1] == labels[0][1] else labels
        return {name: labels if len(labels) <= MOST_LABELS else _some(labels) for name, labels in found.items()}


def kind_of_column(column: pd.Series[Any]) -> str | None:
    """Return 'bool', 'int', 'float' or 'text'; None if it is not shown."""
    kind = column.dtype.kind
    if kind in 'biu':
        return 'bool' if kind == 'b' else 'int'
    if kind in 'fc':
        return 'float' if kind == 'f' else None
    values = column.dropna()
    if not len(values):
        return None
    for types, name in ((bool, 'bool'), (str, 'text')):
        if all(isinstance(value, types) for value in values):
            return name
    return None


def wider_kind(one: str, other: str) -> str:
    """Return the kind of a column that has two kinds, in different chunks."""
    order = ('bool', 'int', 'float', 'text')
    return max(one, other, key=order.index)


def _changes(at: Values, column: pd.Series[Any]) -> list[Label]:
    """Return the first text of a column and each change; '' where there is none."""
    found: list[Label] = []
    for place, value in zip(at.tolist(), column, strict=True):
        text = without_surrogates(value)[:_LONGEST_LABEL] if isinstance(value, str) else ''
        if not found or found[-1][1] != text:
            found.append((place, text))
    return found if len(found) <= MOST_LABELS else _some(found)


def _some(labels: list[Label]) -> list[Label]:
    """Return `MOST_LABELS` of them, evenly spread."""
    ranks = np.unique(np.linspace(0, len(labels) - 1, MOST_LABELS).round().astype(int))
    return [labels[rank] for rank in ranks.tolist()]


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
