"""Frame times of imgstore-save from a file: options and frames."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Generator, Iterable
from typing import Any

import numpy as np

from .._support.text import count_of
from ..color import Image
from ..errors import InvalidArgumentError
from ..sources import UNITS, Count, read_frame_times
from ._cli import log_error
from ._report import Report

_PROG = 'imgstore-save'
_OPTIONS = ('times_column', 'numbers_column', 'times_unit')


def add_times(made: argparse.ArgumentParser) -> None:
    """Add ``--times`` and the options that explain its file."""
    made.add_argument(
        '--times',
        metavar='FILE',
        help='csv, npy or JSON file with the time of each frame, and perhaps its number, as written by campy, Bonsai, '
        'DeepLabCut-live and other programs',
    )
    made.add_argument(
        '--times-column',
        metavar='NAME|N',
        help='column of --times with the times, by name or by number from 1 (default: the one named like times, or the '
        'only one that can be)',
    )
    made.add_argument(
        '--numbers-column',
        metavar='NAME|N',
        help='column of --times with the frame numbers, likewise; none: count from 0 (default: the one named like '
        'frame numbers, if any)',
    )
    made.add_argument(
        '--times-unit',
        choices=UNITS,
        help='unit of the times (default: by the name of the column or by the values, if they leave no doubt)',
    )


def check_times(made: argparse.ArgumentParser, args: argparse.Namespace, is_camera: bool) -> None:
    """Report options that exclude each other."""
    given = [f'--{name.replace("_", "-")}' for name in _OPTIONS if getattr(args, name) is not None]
    if given and args.times is None:
        made.error(f'{given[0]} needs --times FILE')
    if args.times is not None and is_camera:
        made.error('--times is for videos, images and pipes; a camera has its own times')
    if args.times is not None and args.fps is not None:
        made.error('--times and --fps both set the times; give one of them')


class GivenTimes:
    """Frame times of the file of ``--times``.

    Raises
    ------
    InvalidArgumentError
        The file cannot be read, or a time or the unit is not clear.
    """

    def __init__(self, args: argparse.Namespace, report: Report) -> None:
        self._path, self._source, self._limit = args.times, args.source, args.frames
        found = read_frame_times(args.times, args.times_column, args.numbers_column, args.times_unit)
        self._numbers, self._times = found.numbers.tolist(), found.times.tolist()
        self._seen: int | None = None
        report.tell(f'{args.times!r}: {count_of(len(found), "time")}, {found.description}')
        self._warn(found.times, 'time', 'later')
        self._warn(found.numbers, 'frame number', 'larger')

    @classmethod
    def of(cls, args: argparse.Namespace, report: Report) -> GivenTimes | None:
        """Read the file if there is ``--times``."""
        return None if args.times is None else cls(args, report)

    def __len__(self) -> int:
        return len(self._times)

    def _warn(self, values: np.ndarray[Any, Any], what: str, how: str) -> None:
        back = np.flatnonzero(values[1:] <= values[:-1]) + 1
        if len(back):
            verb = 'is' if len(back) == 1 else 'are'
            log_error(
                _PROG,
                f'warning: {self._path!r}: {count_of(len(back), what)} {verb} not {how} than the one before, first of '
                f'frame {back[0]} from 0; kept as given',
            )

    def check_count(self, estimates: Iterable[Callable[[], int | None]], exact: Callable[[], Count] | None) -> None:
        """Compare the number of times with that of the frames, before writing.

        Parameters
        ----------
        estimates : iterable of callable
            Fast ways to count. One that agrees is believed until the last frame is read.
        exact : callable or None
            The sure way. A damaged source may have fewer frames, since each has a time, and its damage is reported
            later. None: the source can be read only once.

        Raises
        ------
        InvalidArgumentError
            The numbers differ.
        """
        if any(estimate() == len(self) for estimate in estimates) or exact is None:
            return
        frames, is_damaged = exact()
        enough = self._limit is not None and self._limit <= min(frames, len(self))
        if frames != len(self) and not enough and not (is_damaged and frames < len(self)):
            raise self._mismatch(frames)

    def applied(self, frames: Generator[tuple[Image, int, Any]]) -> Generator[tuple[Image, int, float]]:
        """Yield the frames with the numbers and times of the file."""
        seen = 0
        with contextlib.closing(frames):
            for image, number, _ in frames:
                if number >= len(self):
                    raise self._mismatch(1 + max([number, *(later for _, later, _ in frames)]))
                yield image, self._numbers[number], self._times[number]
                seen = number + 1
        self._seen = seen

    def check_end(self) -> None:
        """Raise InvalidArgumentError if all frames were read and times are left."""
        if self._seen is not None and self._seen != len(self):
            raise self._mismatch(self._seen)

    def _mismatch(self, frames: int) -> InvalidArgumentError:
        more = len(self) - frames
        what = f'{count_of(abs(more), "time")} {"too many" if more > 0 else "too few"}'
        least = min(frames, len(self))
        first = f'; to save only the first {least}, use --frames {least}' if least else ''
        return InvalidArgumentError(
            f'{self._path!r} has {count_of(len(self), "time")}, but {self._source!r} has '
            f'{count_of(frames, "frame")}: {what}. Give the file that belongs to this video{first}',
            path=self._path,
        )
