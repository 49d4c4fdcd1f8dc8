"""Keys of an array of frames, as indexes of frames and a crop of each image."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any, NamedTuple, SupportsIndex, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from ..errors import FrameIndexError, FrameKeyTypeError

Indexes: TypeAlias = range | npt.NDArray[np.intp]

_ALLOWED = 'use an int, a slice, or a one-dimensional list or array of ints or bools'


class Selection(NamedTuple):
    """Frames of an array, and a part of each image."""

    frames: int | Indexes
    """Index of one frame, or indexes of several, all from 0 to n - 1."""
    crop: tuple[Any, ...]
    """Key of the part of each image; empty for all of it."""
    new_axes: int
    """Number of new axes before all others."""


def select(key: Any, count: int, image_ndim: int) -> Selection:
    """Interpret a key as numpy does, for an array of `count` images.

    Parameters
    ----------
    key : object
        The key in brackets. A tuple has one key per axis.
    count : int
        Number of frames.
    image_ndim : int
        Number of axes of an image.

    Raises
    ------
    FrameIndexError
        An index is outside, or a key is not allowed.
    FrameKeyTypeError
        The key of the frames is a bool or a float.
    """
    parts = key if isinstance(key, tuple) else (key,)
    new_axes, own, rest = _split(parts, 1 + image_ndim)
    frames = _frames(own, count)
    if new_axes and isinstance(frames, np.ndarray):
        raise FrameIndexError('None before an array of indexes is not allowed; add the axis afterwards')
    return Selection(frames, tuple(map(_crop_part, rest)), new_axes)


def _split(parts: tuple[Any, ...], ndim: int) -> tuple[int, Any, list[Any]]:
    """Split a key into the number of new axes, the key of frames, and the rest."""
    used = sum(part is not None and part is not Ellipsis for part in parts)
    if used > ndim:
        raise FrameIndexError(f'the key has {used} indexes; the store has {ndim} axes')
    if sum(part is Ellipsis for part in parts) > 1:
        raise FrameIndexError('the key has more than one ellipsis (...)')
    new_axes, rest = 0, list(parts)
    while rest:
        part = rest.pop(0)
        if part is None:
            new_axes += 1
        elif part is not Ellipsis:
            return new_axes, part, rest
        elif used < ndim:  # the ellipsis stands for all frames, too
            return new_axes, slice(None), [Ellipsis, *rest]
    return new_axes, slice(None), rest


def _frames(key: Any, count: int) -> int | Indexes:
    if isinstance(key, slice):
        return range(*key.indices(count))
    if _is_bool_or_float(key):
        raise FrameKeyTypeError(f'the index of a frame is {key!r}; it must be an int', argument='key')
    try:
        index = operator.index(cast(SupportsIndex, key))
    except TypeError:
        return _from_array(key, count)
    if not -count <= index < count:
        raise _outside(index, count)
    return index % count


def _is_bool_or_float(key: Any) -> bool:
    if isinstance(key, (bool, float, complex)):
        return True
    return getattr(key, 'shape', None) == () and getattr(getattr(key, 'dtype', None), 'kind', '') in 'bfc'


def _from_array(key: Any, count: int) -> npt.NDArray[np.intp]:
    try:
        values = np.asarray(key)
    except (ValueError, TypeError, OverflowError):  # a list of lists of different lengths
        raise FrameIndexError(f'{_kind(key)} cannot be a key; {_ALLOWED}') from None
    if not values.size and not isinstance(key, np.ndarray):
        values = values.astype(np.intp)  # as numpy does for []
    if values.ndim != 1 or values.dtype.kind not in 'biu':
        what = f'an array of {values.ndim} axes and dtype {values.dtype}' if values.ndim else _kind(key)
        raise FrameIndexError(f'{what} cannot be a key; {_ALLOWED}')
    return _from_mask(values, count) if values.dtype.kind == 'b' else _from_indexes(values, count)


def _from_mask(mask: npt.NDArray[np.bool_], count: int) -> npt.NDArray[np.intp]:
    if len(mask) != count:
        raise FrameIndexError(f'the mask has {len(mask)} values; the store has {count} frames')
    return np.flatnonzero(mask)


def _from_indexes(values: npt.NDArray[Any], count: int) -> npt.NDArray[np.intp]:
    wrong = (values < -count) | (values >= count)
    if wrong.any():
        raise _outside(values[wrong][0].item(), count)
    indexes = values.astype(np.intp)
    return np.where(indexes < 0, indexes + count, indexes)


def _outside(index: int, count: int) -> FrameIndexError:
    return FrameIndexError(f'index {index} is outside the store of {count} frames', frame_index=index)


def _crop_part(part: Any) -> Any:
    """Check a part of the key that crops images."""
    if part is None or part is Ellipsis or isinstance(part, slice):
        return part
    try:
        if not _is_bool_or_float(part):
            return operator.index(part)
    except TypeError:
        pass
    raise FrameIndexError(f'{_kind(part)} cannot crop images; after the frames, use ints, slices, ... and None')


def _kind(value: Any) -> str:
    return f'{value!r:.50}' if isinstance(value, (str, bytes, bool, float, complex)) else f'a {type(value).__name__}'


def cropped_shape(shape: tuple[int, ...], crop: tuple[Any, ...]) -> tuple[int, ...]:
    """Return the shape of the part of an image; FrameIndexError if it is outside."""
    try:
        return np.shape(np.broadcast_to(np.False_, shape)[crop])
    except IndexError as error:
        raise FrameIndexError(f'an image of shape {shape} has no such part: {error}') from None


def in_order(indexes: Indexes) -> Iterator[int]:
    """Yield the indexes as Python's ints."""
    return iter(indexes if isinstance(indexes, range) else indexes.tolist())
