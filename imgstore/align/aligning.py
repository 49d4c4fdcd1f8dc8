"""Alignment of recordings by the numbers or times of their frames."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .._support.validation import as_seconds, not_allowed
from ..errors import InvalidArgumentError, StoreModeError
from ..stores.multi import MultiStore
from .alignment import Alignment, Recording, read_only
from .clocks import ClockFit, fit_by_time, fit_clock, own_clock
from .matching import Keys, Numbers, Times, keys_of, match_numbers, match_times, usual_tolerance

_BY = ('number', 'time')
_JOINS = ('inner', 'left', 'outer')
_NEEDED = ('frame_numbers', 'frame_times', 'frames_at', 'image_shape', 'mode')


def align(
    stores: Iterable[Recording],
    by: str = 'number',
    tolerance: float | datetime.timedelta | None = None,
    join: str = 'inner',
    fit_clocks: bool = False,
) -> Alignment:
    """Match the frames of several recordings by their numbers or times.

    No image is read. Of frames with equal numbers, or equal times, the first one in the store is used. By time, two
    frames match if each is the nearest one of the other's recording. Of two nearest ones the earlier counts. So no
    frame is in two rows. By time, frames without a finite time are left out.

    Parameters
    ----------
    stores : iterable of ImgStore or MultiStore
        Stores open for reading, with images of any shapes. The first one is the reference.
    by : {'number', 'time'}
        Match equal frame numbers, or the nearest times.
    tolerance : float or timedelta, optional
        Maximum distance in seconds of frames matched by time. Default: half the shortest of the stores' median
        intervals.
    join : {'inner', 'left', 'outer'}
        Rows of the result: 'inner' has the moments of which all stores have a frame, 'left' each frame of the first
        store, 'outer' each frame of any store. Rows are in the order of their numbers or times.
    fit_clocks : bool
        Compare each clock with that of the first store: fit a line robustly to the times of matched frames. By time,
        frames are matched by the corrected times. Where both recordings began, the clocks must differ by less than
        the tolerance. They may drift apart after that.

    Returns
    -------
    Alignment

    Raises
    ------
    InvalidArgumentError
        An argument is not allowed. Or several parts of a MultiStore have the same numbers, which are to be matched.
    StoreModeError
        A store is open for writing.

    Examples
    --------
    A second camera has another size, and its clock is 2 s ahead:

    >>> with imgstore.new_for_format('png', 'side', imgshape=(24, 32)) as side:
    ...     for number in (101, 102, 103, 105, 106):
    ...         side.add_image(np.full((24, 32), number, np.uint8), number, number / 4 + 2)
    >>> side = imgstore.new_for_filename('side')
    >>> alignment = imgstore.align.align([store, side], fit_clocks=True)
    >>> alignment.indexes.tolist()
    [[1, 0], [2, 1], [3, 3], [4, 4]]
    >>> alignment.clocks[1].offset, alignment.clocks[1].drift_ppm
    (2.0, 0.0)
    >>> for images, numbers, times, indexes in alignment:
    ...     assert images[0].max() == images[1].max() == numbers[0]

    By time, with the frames that only one of them has:

    >>> both = imgstore.align.align([store, side], by='time', tolerance=0.1, join='outer')
    >>> len(both), both[-1].numbers
    (10, [None, 106])
    """
    given = _checked(stores)
    for name, value, allowed in (('by', by, _BY), ('join', join, _JOINS)):
        if not _is_one_of(value, allowed):
            raise not_allowed(name, value, f'it must be {", ".join(map(repr, allowed[:-1]))} or {allowed[-1]!r}')
    if not isinstance(fit_clocks, (bool, np.bool_)):
        raise not_allowed('fit_clocks', fit_clocks, 'it must be True or False')
    most = _as_tolerance(tolerance, by)
    numbers, times = [store.frame_numbers for store in given], [store.frame_times for store in given]
    if by == 'number':
        for store, own in zip(given, numbers, strict=True):
            _check_parts(store, own)
        indexes = match_numbers([keys_of(own) for own in numbers], join)
        clocks = (
            _clocks_by_number(numbers, times, None if join == 'inner' and len(given) > 2 else indexes)
            if fit_clocks
            else None
        )
    else:
        indexes, most, clocks = _by_time(times, most, join, fit_clocks)
    return Alignment(
        given,
        read_only(indexes),
        read_only(_columns(numbers, indexes, -1)),
        read_only(_columns(times, indexes, np.nan)),
        by,
        most,
        clocks,
    )


def _is_one_of(value: Any, allowed: tuple[str, ...]) -> bool:
    return isinstance(value, str) and value in allowed


def _checked(stores: Any) -> tuple[Recording, ...]:
    """Return the stores; they must be open for reading."""
    if isinstance(stores, (str, bytes)) or not isinstance(stores, Iterable) or hasattr(stores, 'frames_at'):
        raise not_allowed('stores', stores, 'it must be a list of stores')
    given = tuple(stores)
    if not given:
        raise InvalidArgumentError('there are no stores to align: give at least one', argument='stores')
    for at, store in enumerate(given):
        if not all(hasattr(type(store), name) for name in _NEEDED):
            raise not_allowed(f'stores[{at}]', store, 'it must be a store: open it with new_for_filename')
        if store.mode != 'r':
            raise StoreModeError(
                f'{store.filename!r} is open for writing; to align it, open it with new_for_filename, too',
                store=store.filename,
            )
    return given


def _check_parts(store: Recording, numbers: Numbers) -> None:
    """Raise InvalidArgumentError if several parts of a MultiStore have a number."""
    if not isinstance(store, MultiStore):
        return
    distinct = [len(keys_of(numbers[begin:end]).values) for begin, end in store.part_ranges()]
    if sum(distinct) > len(keys_of(numbers).values):
        raise InvalidArgumentError(
            f'several parts of the MultiStore that begins with {store.filename} have the same frame numbers; open it '
            f"with renumber=True, or align by='time'",
            argument='stores',
            store=store.filename,
        )


def _as_tolerance(tolerance: Any, by: str) -> float | None:
    if tolerance is None:
        return None
    if by == 'number':
        raise not_allowed('tolerance', tolerance, "it is for by='time'; equal numbers need none")
    seconds = tolerance.total_seconds() if isinstance(tolerance, datetime.timedelta) else tolerance
    most = as_seconds(seconds, 'tolerance')
    if not most >= 0:
        raise not_allowed('tolerance', tolerance, 'it must be 0 s or more')
    return most


def _by_time(
    times: Sequence[Times], tolerance: float | None, join: str, fit_clocks: bool
) -> tuple[Numbers, float, tuple[ClockFit, ...] | None]:
    """Match by time, with the tolerance used and the clocks if they are fitted."""
    keys = [keys_of(own) for own in times]
    most = usual_tolerance(keys) if tolerance is None else tolerance
    if not fit_clocks:
        return match_times(keys, most, join), most, None
    clocks = tuple(
        fit_by_time(keys[0].values, own.values, most) if at else own_clock(own.values) for at, own in enumerate(keys)
    )
    corrected = [Keys(clock.to_reference(own.values), own.indexes) for clock, own in zip(clocks, keys, strict=True)]
    return match_times(corrected, most, join), most, clocks


def _clocks_by_number(numbers: Sequence[Numbers], times: Sequence[Times], rows: Numbers | None) -> tuple[ClockFit, ...]:
    """Compare each clock with the first one, over frames with equal numbers.

    The rows have all pairs of frames with the first recording. None: rows lack those not in all recordings.
    """
    keys = [keys_of(own) for own in numbers]
    clocks = [own_clock(times[0][keys[0].indexes])]
    for at in range(1, len(keys)):
        pairs = match_numbers([keys[0], keys[at]], 'inner') if rows is None else rows[:, [0, at]]
        pairs = pairs[(pairs >= 0).all(axis=1)]
        clocks.append(fit_clock(times[0][pairs[:, 0]], times[at][pairs[:, 1]]))
    return tuple(clocks)


def _columns(values: Sequence[Any], indexes: Numbers, missing: float) -> Any:
    """Return the values of the frames in a table, one column per store."""
    columns = []
    for own, column in zip(values, indexes.T, strict=True):
        found = own[column] if len(own) else np.full(len(column), missing, own.dtype)
        found[column < 0] = missing
        columns.append(found)
    return np.stack(columns, axis=1)
