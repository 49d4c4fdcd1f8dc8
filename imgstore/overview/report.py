"""A summary of a store: frames, timing, dropped frames, state of the files."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..align.recorded import failure_of
from ..constants import FRAME_INDEX, FRAME_NUMBER, FRAME_TIME
from ..errors import CorruptFileError
from ..extra_data.records import read_extra_data
from ..frame_rate import median_interval, median_of_positive
from ..ondisk.files import StrPath
from ..ondisk.metadata import load_metadata
from ..ondisk.repair_notes import RepairNote, repair_notes
from ..remote.urls import is_url
from ..stores.base import ImgStore
from ..stores.factories import new_for_filename
from ..timestamps import GAP_FACTOR, Numbers, Times, usual_interval
from .files import folder_size
from .health import Health, store_health


@dataclass(frozen=True)
class FrameGap:
    """A gap between two consecutive frames, probably with dropped frames.

    Attributes
    ----------
    frame_index : int
        Index of the frame before the gap.
    frame_number : int
        Number of the frame before the gap.
    frame_time : float
        Time of the frame before the gap, in seconds.
    missing_numbers : int
        Number of missing frame numbers.
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
    """Intervals between the frames of a store, and gaps in their numbers.

    Attributes
    ----------
    rate : float or None
        Frames per second by the median interval, as in the viewers, or None if there is no median interval.
    mean_rate : float or None
        Frames per second by the first and the last time, or None if the last is not later.
    median_interval : float or None
        Median of the positive, finite intervals, in seconds.
    shortest_interval : float or None
        Shortest finite interval in seconds. Negative if times go backward.
    longest_interval : float or None
        Longest finite interval in seconds.
    slow_intervals : int
        Number of intervals longer than `GAP_FACTOR` times the median.
    backward_times : int
        Number of frames not later than the frame before.
    missing_numbers : int
        Number of missing frame numbers.
    number_gaps : int
        Number of gaps in the frame numbers.
    repeated_numbers : int
        Number of frames with the same number as the frame before.
    backward_numbers : int
        Number of frames with a smaller number than the frame before.
    drops : tuple of FrameGap
        The largest gaps, in the order of the store.
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
class Overview:
    """Summary of a store, made by `overview`.

    Attributes
    ----------
    path : str
        Absolute path of the store's folder.
    format : str
        Name of the format.
    image_shape : tuple of int
        Shape of the images returned by reading, in pixels: (h, w) or (h, w, 3).
    dtype : str
        dtype of the images.
    encoding : str or None
        Encoding of the raw images on disk, such as 'cv_bayerrg'.
    sensor_shape : tuple of int or None
        (h, w) of the images before ROI and binning, or None without both.
    roi : tuple of int or None
        (x, y, width, height) in pixels of the sensor.
    binning : tuple of int or None
        (vertical, horizontal): the sensor's pixels in a pixel.
    uuid : str or None
        Unique identifier of the store, 32 hex digits, or None for old stores.
    created_utc : str
        Start of the recording in UTC, in ISO 8601 format without offset.
    timezone : str
        Name of the recording's time zone.
    bytes_on_disk : int or None
        Size of all files in bytes; None at a URL that cannot be listed.
    files : int or None
        Number of files; None at a URL that cannot be listed.
    frames : int
        Number of frames.
    first_number : int or None
        Number of the first frame, or None in an empty store.
    last_number : int or None
        Number of the last frame, or None in an empty store.
    first_time : float or None
        Time of the first frame in seconds, or None in an empty store.
    last_time : float or None
        Time of the last frame in seconds, or None in an empty store.
    duration : float
        Seconds from the earliest frame time to the latest.
    pace : FrameTiming
        Intervals between the frames, and gaps in their numbers.
    chunks : int
        Number of chunks in the index.
    chunksize : int
        Frames of a full chunk.
    chunk_frames : tuple of (int, int)
        Frames of the smallest and of the largest chunk.
    extra_data_files : int
        Number of extra data files.
    extra_data_columns : tuple of str
        Columns of the first and the last extra data file, without frame index, number and time.
    metadata : dict
        Your own metadata.
    health : Health
        State of the files.
    encoder : dict
        The given options of the encoder.
    fps : float or None
        The given frames per second of the videos.
    repairs : tuple of RepairNote
        Repairs of the store after a crash.
    failure : str or None
        Error that ended the recording of its camera, by recording.yaml.
    """

    path: str
    format: str
    image_shape: tuple[int, ...]
    dtype: str
    encoding: str | None
    sensor_shape: tuple[int, int] | None
    roi: tuple[int, int, int, int] | None
    binning: tuple[int, int] | None
    uuid: str | None
    created_utc: str
    timezone: str
    bytes_on_disk: int | None
    files: int | None
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
    encoder: dict[str, Any] = field(default_factory=dict)
    fps: float | None = None
    repairs: tuple[RepairNote, ...] = ()
    failure: str | None = None


def overview(path: StrPath, drops: int = 5) -> Overview:
    """Summarise a store from its indexes and files, without reading images.

    Parameters
    ----------
    path : str or PathLike
        As for `new_for_filename`.
    drops : int
        Maximum number of gaps to list, the largest first.

    Returns
    -------
    Overview
        The summary.

    Raises
    ------
    StoreNotFoundError
        There is no store.
    CorruptFileError
        The store's metadata is damaged.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        with new_for_filename(path, cache_bytes=0) as store:
            store.index.load()
            return _overview(store, [each.message for each in caught], drops)


def _overview(store: ImgStore, messages: list[Warning | str], drops: int) -> Overview:
    numbers, times = store.frame_numbers, store.frame_times
    counts = [own.stop - own.start for _, _, own in store.index.chunk_ranges()]
    extra = _extra_data_files(store)
    created, zone = store.created
    kept, on_disk = load_metadata(store.filename), folder_size(store.filename)
    return Overview(
        store.filename,
        store.format,
        store.image_shape,
        str(store.dtype),
        store.encoding,
        store.sensor_shape,
        store.roi,
        store.binning,
        store.uuid,
        created.replace(tzinfo=None).isoformat(),
        str(zone),
        on_disk.size,
        on_disk.files,
        len(numbers),
        *_ends(numbers),
        *_ends(times),
        store.duration,
        frame_timing(numbers, times, drops, usual_interval(store)),
        len(counts),
        store.chunksize,
        (min(counts, default=0), max(counts, default=0)),
        len(extra),
        _columns(extra),
        store.user_metadata,
        store_health(store, messages, on_disk.empty),
        kept.encoder,
        kept.fps,
        repair_notes(kept),
        None if is_url(store.filename) else failure_of(store.filename),
    )


def _ends(values: Numbers | Times) -> tuple[Any, Any]:
    return (values[0].item(), values[-1].item()) if len(values) else (None, None)


def frame_timing(numbers: Numbers, times: Times, drops: int = 5, median: float | None = None) -> FrameTiming:
    """Measure the intervals between frames and the gaps in their numbers.

    Parameters
    ----------
    numbers : ndarray of int64, shape (n,)
        Numbers of the frames, in the order of the store.
    times : ndarray of float64, shape (n,)
        Times of the frames in seconds, in the order of the store.
    drops : int
        Maximum number of gaps to list, the largest first.
    median : float, optional
        Median interval in seconds. Default: measured.

    Returns
    -------
    FrameTiming
        The result. All its fields have their defaults with fewer than two frames.
    """
    if len(numbers) < 2:
        return FrameTiming()
    with np.errstate(all='ignore'):  # times may be any numbers
        steps, intervals, span = np.diff(numbers), np.diff(times), float(times[-1] - times[0])
    median = median or median_interval(times)
    slow, finite = slow_intervals(intervals, median), intervals[np.isfinite(intervals)]
    gaps = steps > 1
    shortest, longest = (float(finite.min()), float(finite.max())) if len(finite) else (None, None)
    return FrameTiming(
        1 / median if median else None,
        _rate(len(intervals), span),
        median,
        shortest,
        longest,
        int(slow.sum()),
        int((intervals <= 0).sum()),
        int((steps[gaps] - 1).sum()),
        int(gaps.sum()),
        int((steps == 0).sum()),
        int((steps < 0).sum()),
        _drops(numbers, times, intervals, slow | gaps, drops),
    )


def slow_intervals(intervals: Times, median: float | None = None) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return which intervals are longer than `GAP_FACTOR` times the median.

    Parameters
    ----------
    intervals : ndarray of float64, shape (n,)
        Intervals between frames.
    median : float, optional
        Median interval in the same unit. Default: the median of the positive, finite intervals.

    Returns
    -------
    ndarray of bool, shape (n,)
        True for each slow interval.
    """
    median = median or median_of_positive(intervals)
    slow: np.ndarray[Any, np.dtype[np.bool_]] = intervals > GAP_FACTOR * (median or np.inf)
    return slow


def _rate(count: int, seconds: float) -> float | None:
    return count / seconds if 0 < seconds < np.inf else None


def _drops(numbers: Numbers, times: Times, intervals: Times, places: Any, count: int) -> tuple[FrameGap, ...]:
    before = np.flatnonzero(places)
    missing, intervals = numbers[before + 1] - numbers[before] - 1, intervals[before]
    largest = np.sort(np.lexsort((-intervals, -missing))[:count])
    columns = before, numbers[before], times[before], np.maximum(missing, 0), intervals
    return tuple(FrameGap(*gap) for gap in zip(*(column[largest].tolist() for column in columns), strict=True))


def _extra_data_files(store: ImgStore) -> list[str]:
    if not store.has_extra_data:  # the journal of a killed writer may have none
        return []
    return [path for chunk in store.chunk_paths() for path in store.extra_data_files(chunk)]


def _columns(paths: list[str]) -> tuple[str, ...]:
    """Return the columns of the first and last extra data file, to save time."""
    try:
        frame = read_extra_data(list(dict.fromkeys([*paths[:1], *paths[-1:]])), ignore_corrupt=True)
    except CorruptFileError:
        return ()
    frame_columns = {FRAME_INDEX, FRAME_NUMBER, FRAME_TIME}
    return () if frame is None else tuple(str(name) for name in frame.columns if name not in frame_columns)
