"""Finding frames by number, time or index, and the errors without one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from .._support.text import count_of
from .._support.validation import as_int, as_seconds
from ..constants import FRAME_NUMBER
from ..errors import FrameNotFoundError, InvalidArgumentError
from ..index.frame_index import FrameIndex


class Findable(Protocol):
    """What finding needs of a reader."""

    @property
    def index(self) -> FrameIndex:
        """Numbers and times of all frames."""

    @property
    def numbers_range(self) -> tuple[int | float, int | float]:
        """Smallest and largest frame number."""

    @property
    def times_range(self) -> tuple[float, float]:
        """Earliest and latest frame time in seconds."""


def find_frame(
    reader: Findable, name: str, store: str, what: str, value: object, nearest: bool, argument: str = ''
) -> int:
    """Return the first frame with a number or time, or the nearest.

    Parameters
    ----------
    reader : Findable
        Has the frames.
    name, store : str
        What the error calls the store, and the store's folder.
    what : str
        FRAME_NUMBER or FRAME_TIME.
    value : object
        The number or time.
    nearest : bool
        Whether the nearest frame will do.
    argument : str
        Name of the value in errors; default: ``what``.

    Raises
    ------
    FrameNotFoundError
        There is none.
    """
    key = as_int(value, argument or what) if what == FRAME_NUMBER else as_seconds(value, argument or what)
    index = reader.index.find(what, key, nearest)
    if index is None:
        raise FrameNotFoundError(
            f'{_described(what, key, nearest)} not found in {name}{_advice(reader, what, key)}',
            store=store,
            frame_number=int(key) if what == FRAME_NUMBER else None,
        )
    return index


def _described(what: str, key: float, nearest: bool) -> str:
    return f'frame #{key}' if what == FRAME_NUMBER else f'frame {"near" if nearest else "at"} time {key}'


def _advice(reader: Findable, what: str, key: float) -> str:
    """Return the range of the frames, and within it how to find the nearest."""
    if not reader.index.frame_count:
        return ', which has no frames'
    is_number = what == FRAME_NUMBER
    least, most = reader.numbers_range if is_number else reader.times_range
    text = f', which has frame {"numbers" if is_number else "times"} from {least} to {most}'
    if not least <= key <= most:
        return text
    if is_number:
        text += '; it may be a dropped frame'
    return f'{text}; for the nearest, use {_nearest_call(is_number, key)}'


def _nearest_call(is_number: bool, key: float) -> str:
    call = f'get_image({key}, exact_only=False)' if is_number else f'get_nearest_image({key})'
    return f'{call} or find({"number" if is_number else "time"}={key}, nearest=True)'


def index_not_found(name: str, store: str, index: int, count: int) -> FrameNotFoundError:
    """Create the error for an index outside a store with so many frames."""
    return FrameNotFoundError(
        f'frame_index {index} not found in {name} with {count_of(count, "frame")}', store=store, frame_index=index
    )


def asked_indexes(
    numbers: Iterable[object] | None,
    indices: Iterable[object] | None,
    by_number: Callable[[object], int],
    by_index: Callable[[object], int],
) -> list[int]:
    """Return the indexes of frames that are asked for by numbers or by indexes.

    Raises
    ------
    InvalidArgumentError
        Both were given, or neither.
    """
    if numbers is not None and indices is None:
        return [by_number(number) for number in numbers]
    if numbers is None and indices is not None:
        return [by_index(index) for index in indices]
    given = 'neither was given' if numbers is None else 'got both'
    raise InvalidArgumentError(f'pass either frame_numbers or frame_indices; {given}', argument='frame_numbers')
