"""Errors of the disk that end the writing of a store."""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Iterator, Sequence

from .._support.text import count_of
from .._support.validation import as_runs
from ..errors import FrameWriteError

_AFTERWARDS = 'record into a new store'
_BY_ERROR = {
    'ENOSPC': f'free some room, and {_AFTERWARDS}',
    'EDQUOT': f'your share of the disk is used up: free some room, and {_AFTERWARDS}',
    'EROFS': f'make the disk writable again, and {_AFTERWARDS}',
    **dict.fromkeys(
        ('EIO', 'ENODEV', 'ENXIO', 'ENOMEDIUM', 'ENOTCONN', 'ESHUTDOWN', 'ESTALE', 'EREMOTEIO'),
        f'check the disk and its connection, and {_AFTERWARDS}',
    ),
}
_NEXT_STEPS = {getattr(errno, name): step for name, step in _BY_ERROR.items() if hasattr(errno, name)}
_FULL = {getattr(errno, name) for name in ('ENOSPC', 'EDQUOT') if hasattr(errno, name)}
_REMOVED = 'the folder was removed'


class WritingStop:
    """Whether an error of the disk has ended the writing of a store.

    After such an error, each further frame is refused. So no frame is missing between two stored ones, and a disk that
    fails is left alone.

    Parameters
    ----------
    basedir : str
        Folder of the store.

    Attributes
    ----------
    reason : str
        The error, for people; '' while there was none.
    is_full : bool
        Whether the disk had no room.
    is_unfinished : bool
        Whether the latest chunk waits for a repair.
    losses : list of str
        What else is lost, for people.
    """

    def __init__(self, basedir: str) -> None:
        self._basedir, self._next_step = basedir, ''
        self.reason, self.is_full, self.is_unfinished = '', False, False
        self.losses: list[str] = []
        self._is_told = False

    def note(self, error: BaseException) -> bool:
        """Stop if the disk failed; return whether the writing has ended."""
        failed = next(filter(_is_of_disk, _causes(error)), None)
        if self.reason:
            return True
        if failed is not None:
            code: int = failed.errno  # type: ignore[attr-defined]
            self.reason, self._next_step = os.strerror(code), _NEXT_STEPS[code]
            self.is_full = code in _FULL
        elif isinstance(error, OSError) and not os.path.isdir(self._basedir):
            self.reason, self._next_step = _REMOVED, _AFTERWARDS
        return bool(self.reason)

    def left(self, frames: int, unwritten_records: int) -> None:
        """Note that a chunk waits for a repair, without some records."""
        self.is_unfinished = frames > 0 or not (self.is_full or self.reason == _REMOVED)
        if unwritten_records:
            self.losses.append(f'{count_of(unwritten_records, "record")} of extra data cannot be stored')

    def check(self, number: int | None) -> None:
        """Raise FrameWriteError for a frame after the end."""
        if self.reason:
            raise self.error(number, () if number is None else (number,))

    def check_told(self) -> None:
        """Raise FrameWriteError if the writing has ended and no error has said so."""
        if not self._is_told:
            self.check(None)

    def failure(self, error: OSError, number: int) -> FrameWriteError:
        """Return the error for a frame that could not be written."""
        numbers = (number, *getattr(error, 'frame_numbers', ()))
        if self.note(error):
            return self.error(number, numbers)
        return FrameWriteError(
            f'{self._basedir}: frame #{number} could not be written: {error}',
            store=self._basedir,
            frame_number=number,
            frame_numbers=numbers,
        )

    def error(self, number: int | None, numbers: Collection[int]) -> FrameWriteError:
        """Return the error that names the frames that are not in the store."""
        self._is_told = True
        runs = as_runs(sorted({*numbers}))
        parts = [self.reason, *([f'{runs} cannot be stored'] if numbers else []), *self.losses, self._next_step]
        repair = '; then run imgstore repair on this one' if self.is_unfinished else ''
        return FrameWriteError(
            f'{self._basedir}: {"; ".join(parts)}{repair}',
            store=self._basedir,
            path=self._basedir,
            frame_number=number,
            frame_numbers=numbers,
            reason=self.reason,
        )

    def joined(self, failures: Sequence[FrameWriteError]) -> FrameWriteError:
        """Return one error for several, which names an error of the disk once."""
        numbers = [number for failure in failures for number in failure.frame_numbers]
        if self.reason and all(failure.reason == self.reason for failure in failures):
            return self.error(failures[0].frame_number, numbers)
        return FrameWriteError(
            '; '.join(map(str, failures)),
            store=self._basedir,
            chunk=failures[0].chunk,
            frame_number=failures[0].frame_number,
            path=failures[0].path,
            frame_numbers=numbers,
        )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _is_of_disk(error: BaseException) -> bool:
    """Return whether an error comes from the disk.

    Encoders of FFmpeg raise EIO, too.
    """
    code = getattr(error, 'errno', None)
    return code in _NEXT_STEPS and (isinstance(error, OSError) or code != errno.EIO)
