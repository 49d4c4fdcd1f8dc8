"""What a store is, in short: its frames, their pace, what was dropped, how its files are."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..constants import FRAME_INDEX, FRAME_NUMBER, FRAME_TIME, STORE_LOCK_FILENAME, STORE_SAVED_INDEX_FILENAME
from ..errors import ChunkSkippedWarning, CorruptFileError
from ..extra_data.records import read_extra_data
from ..frame_rate import median_interval, median_of_positive
from ..ondisk.files import StrPath, is_partial
from ..ondisk.lock import lock_state
from ..stores.base import ImgStore
from ..stores.factories import new_for_filename
from ..timestamps import GAP_FACTOR, Numbers, Times, usual_interval


@dataclass(frozen=True)
class FrameGap:
    """Where frames seem to be missing: between two frames that follow each other in the store.

    Attributes
    ----------
    frame_index, frame_number, frame_time
        Of the frame before.
    missing_numbers : int
        How many frame numbers are left out.
    interval : float
        Seconds to the next frame.
    """

    frame_index: int
    frame_number: int
    frame_time: float
    missing_numbers: int
    interval: float


@dataclass(frozen=True)
class FrameTiming:
    """How the frames of a store follow each other.

    Attributes
    ----------
    rate : float or None
        Frames a second by the median interval; None without one. The viewers show the same.
    mean_rate : float or None
        Frames a second over all.
    median_interval, shortest_interval, longest_interval : float or None
        In seconds. The median is as `imgstore.frame_rate.median_interval`, the others are of all that are finite.
    slow_intervals : int
        Of those longer than `GAP_FACTOR` times the median.
    backward_times : int
        Of frames that are not later than the one before.
    missing_numbers, number_gaps : int
        Frame numbers that are left out, and at how many places.
    repeated_numbers, backward_numbers : int
        Of frames whose number is that of the one before, or smaller.
    drops : tuple of FrameGap
        The largest of them, in the order of the store.
    """

    rate: float | None = None
    mean_rate: float | None = None
    median_interval: float | None = None
    shortest_interval: float | None = None
    longest_interval: float | None = None
    slow_intervals: int = 0
    backward_times: int = 0
    missing_numbers: int = 0
    number_gaps: int = 0
    repeated_numbers: int = 0
    backward_numbers: int = 0
    drops: tuple[FrameGap, ...] = ()


@dataclass(frozen=True)
class Health:
    """How the files of a store are.

    Attributes
    ----------
    lock : {'none', 'held', 'left'}
        Whether a writer has the store open, or one that is gone left its lock.
    unclosed : tuple of str
        Files that a writer had open, or has.
    skipped_chunks : tuple of str
        What cannot be read, and why.
    missing_chunks : tuple of int
        Numbers below the largest that no chunk has.
    saved_index : {'none', 'fits', 'outdated'}
        Whether there is a saved index, and whether it fits the chunks.
    """

    lock: str
    unclosed: tuple[str, ...]
    skipped_chunks: tuple[str, ...]
    missing_chunks: tuple[int, ...]
    saved_index: str

    @property
    def good(self) -> bool:
        """Whether nothing is wrong; that a writer has the store open is not wrong."""
        crashed = self.lock == 'left' or (self.unclosed and self.lock == 'none')
        return not (crashed or self.skipped_chunks or self.missing_chunks)


@dataclass(frozen=True)
class Overview:
    """What a store is; see `overview`. Sizes are in bytes, times in seconds."""

    path: str
    format: str
    image_shape: tuple[int, ...]
    dtype: str
    encoding: str | None
    uuid: str | None
    created_utc: str
    timezone: str
    bytes_on_disk: int
    files: int
    frames: int
    first_number: int | None
    last_number: int | None
    first_time: float | None
    last_time: float | None
    duration: float
    pace: FrameTiming
    chunks: int
    chunksize: int
    chunk_frames: tuple[int, int]
    extra_data_files: int
    extra_data_columns: tuple[str, ...]
    metadata: dict[Any, Any]
    health: Health


def overview(path: StrPath, drops: int = 5) -> Overview:
    """Look at a store: at its indexes and the sizes of its files, and at no image.

    Parameters
    ----------
    path : str or PathLike
        As for `new_for_filename`.
    drops : int
        How many of the largest drops to name.

    Raises
    ------
    StoreNotFoundError
        There is no store.
    CorruptFileError
        Its metadata is damaged.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        with new_for_filename(path, cache_bytes=0) as store:
            store.index.load()
            return _overview(store, [each.message for each in caught], drops)


def _overview(store: ImgStore, messages: list[Warning | str], drops: int) -> Overview:
    numbers, times = store.frame_numbers, store.frame_times
    counts = [own.stop - own.start for _, _, own in store.index.chunk_ranges()]
    size, files = _size(store.filename)
    extra = store.find_extra_data_files()
    created, zone = store.created
    return Overview(
        store.filename, store.format, store.image_shape, str(store.dtype), store.encoding,
        store.uuid, created.replace(tzinfo=None).isoformat(), str(zone), size, files, len(numbers),
        *_ends(numbers), *_ends(times),
        store.duration, frame_timing(numbers, times, drops, usual_interval(store)), len(counts), store.chunksize,
        (min(counts, default=0), max(counts, default=0)), len(extra), _columns(extra), store.user_metadata,
        _health(store, messages))


def _ends(values: Numbers | Times) -> tuple[Any, Any]:
    return (values[0].item(), values[-1].item()) if len(values) else (None, None)


def frame_timing(numbers: Numbers, times: Times, drops: int = 5, median: float | None = None) -> FrameTiming:
    """Look how frames follow each other.

    Parameters
    ----------
    numbers, times : ndarray, shape (n,)
        Of the frames, in the order of the store.
    drops : int
        How many of the largest drops to name.
    median : float, optional
        The median interval in seconds, if it is known.
    """
    if len(numbers) < 2:
        return FrameTiming()
    with np.errstate(invalid='ignore'):
        steps, intervals, span = np.diff(numbers), np.diff(times), float(times[-1] - times[0])
    median = median or median_interval(times)
    slow, finite = slow_intervals(intervals, median), intervals[np.isfinite(intervals)]
    gaps = steps > 1
    shortest, longest = (float(finite.min()), float(finite.max())) if len(finite) else (None, None)
    return FrameTiming(
        1 / median if median else None, _rate(len(intervals), span), median, shortest, longest,
        int(slow.sum()), int((intervals <= 0).sum()), int((steps[gaps] - 1).sum()), int(gaps.sum()),
        int((steps == 0).sum()), int((steps < 0).sum()), _drops(numbers, times, slow | gaps, drops))


def slow_intervals(intervals: Times, median: float | None = None) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which intervals are longer than `GAP_FACTOR` median ones; ``median`` is of these where it is not given."""
    median = median or median_of_positive(intervals)
    slow: np.ndarray[Any, np.dtype[np.bool_]] = intervals > GAP_FACTOR * (median or np.inf)
    return slow


def _rate(count: int, seconds: float) -> float | None:
    return count / seconds if 0 < seconds < np.inf else None


def _drops(numbers: Numbers, times: Times, places: Any, count: int) -> tuple[FrameGap, ...]:
    before = np.flatnonzero(places)
    missing, intervals = numbers[before + 1] - numbers[before] - 1, times[before + 1] - times[before]
    largest = np.sort(np.lexsort((-intervals, -missing))[:count])
    return tuple(FrameGap(int(before[i]), int(numbers[before[i]]), float(times[before[i]]), max(0, int(missing[i])),
                          float(intervals[i])) for i in largest.tolist())


def _size(folder: str) -> tuple[int, int]:
    """Bytes of all files below a folder, and how many there are."""
    size = files = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                inner_size, inner_files = _size(entry.path)
                size, files = size + inner_size, files + inner_files
            else:
                size, files = size + entry.stat().st_size, files + 1
    return size, files


def _columns(paths: list[str]) -> tuple[str, ...]:
    """Names of the columns in the first and the last file of extra data; to read all would take too long."""
    try:
        frame = read_extra_data(list(dict.fromkeys([*paths[:1], *paths[-1:]])), ignore_corrupt=True)
    except CorruptFileError:
        return ()
    frame_columns = {FRAME_INDEX, FRAME_NUMBER, FRAME_TIME}
    return () if frame is None else tuple(str(name) for name in frame.columns if name not in frame_columns)


def _health(store: ImgStore, messages: list[Warning | str]) -> Health:
    folder, chunks = store.filename, list(store.chunk_paths())
    missing = sorted(set(range(max(chunks, default=0))) - set(chunks))
    if not os.path.exists(os.path.join(folder, STORE_SAVED_INDEX_FILENAME)):
        saved = 'none'
    else:
        saved = 'fits' if store.index.saved is not None else 'outdated'
    lock = lock_state(os.path.join(folder, STORE_LOCK_FILENAME))
    if lock == 'held':  # the chunk that is being written has no index yet
        messages = [each for each in messages if not _is_skipped(each, max(chunks, default=-1) + 1)]
    return Health(lock, _unclosed(folder), tuple(map(str, messages)), tuple(missing), saved)


def _is_skipped(warning: Warning | str, chunk: int) -> bool:
    return isinstance(warning, ChunkSkippedWarning) and warning.chunk == chunk


def _unclosed(folder: str) -> tuple[str, ...]:
    """Paths in the store of the files that are not yet under their own name: in its folder, or in its last chunk's."""
    with os.scandir(folder) as entries:
        chunks = [entry.name for entry in entries if entry.name.isdecimal() and entry.is_dir()]
    names = [*os.listdir(folder)]
    if chunks:
        last = max(chunks, key=int)
        names += [os.path.join(last, name) for name in os.listdir(os.path.join(folder, last))]
    return tuple(sorted(name for name in names if is_partial(os.path.basename(name))))
