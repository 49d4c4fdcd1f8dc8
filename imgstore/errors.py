"""The errors and warnings of imgstore, in two small trees.

Each error is also a built-in error, so existing clauses such as ``except ValueError`` keep working::

    ImgStoreError
    ├── InvalidArgumentError (ValueError)      a value is not allowed
    │   ├── FrameNotFoundError                 no frame has that number, index or time
    │   ├── ImageRejectedError                 the image does not fit the store
    │   ├── StoreClosedError                   the store is closed
    │   ├── StoreModeError                     reading from a writer, writing to a reader
    │   └── StoreNotFoundError (FileNotFoundError)  there is no store at that path
    ├── EndOfStoreError (EOFError)             there is no next frame
    ├── ExtraDataTypeError (TypeError)         JSON cannot hold a value
    ├── FrameIndexError (IndexError)           an index in brackets is outside, or not allowed
    ├── FrameKeyTypeError (TypeError)          a value in brackets, or before 'in', has a wrong type
    ├── InvalidOptionError (TypeError)         the mode has no such option
    ├── MissingDependencyError (ImportError)   an optional package is needed
    └── StoreIOError (OSError)                 the disk failed, or a file is damaged
        ├── StoreExistsError (FileExistsError) a store already exists
        ├── StoreLockedError                   another writer has the store open
        ├── FrameReadError                     a frame is missing or damaged
        ├── FrameWriteError                    a frame could not be written
        ├── CorruptFileError (ValueError)      metadata, an index or extra data is damaged
        └── RemoteAccessError                  a file at a URL cannot be reached or read in parts

Warnings::

    ImgStoreWarning (UserWarning)
    ├── ChunkSkippedWarning        a chunk cannot be read and is skipped
    ├── ColorLostWarning           the format of a new store is gray
    ├── DamagedJournalWarning      some frame numbers and times are estimated
    ├── ExtraDataSkippedWarning    files of extra data cannot be read and are skipped
    ├── FramesDelayedWarning       a video shows frames later than their times
    ├── LockTakenOverWarning       the last writer of the store did not close it
    ├── StreamChosenWarning        one of several video streams is used
    └── UnverifiedWarning          frames cannot be compared with checksums

In programs, compare class and attributes of an error or warning; copies keep them. The text is for people and may vary.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

# fmt: off
__all__ = [
    'ChunkSkippedWarning', 'ColorLostWarning', 'CorruptFileError', 'DamagedJournalWarning', 'EndOfStoreError',
    'ExtraDataSkippedWarning', 'ExtraDataTypeError', 'FrameIndexError', 'FrameKeyTypeError', 'FrameNotFoundError',
    'FrameReadError', 'FrameWriteError', 'FramesDelayedWarning', 'ImageRejectedError', 'ImgStoreError',
    'ImgStoreWarning', 'InvalidArgumentError', 'InvalidOptionError', 'LockTakenOverWarning',
    'MissingDependencyError', 'RemoteAccessError', 'StoreClosedError', 'StoreExistsError', 'StoreIOError',
    'StoreLockedError', 'StoreModeError', 'StoreNotFoundError', 'StreamChosenWarning', 'UnverifiedWarning',
]
# fmt: on

_FIELDS = ('store', 'chunk', 'index_in_chunk', 'frame_index', 'frame_number', 'path', 'reason', 'argument')


class ImgStoreError(Exception):
    """Base class of the errors of imgstore.

    Parameters
    ----------
    *args
        The message.
    store : str, optional
        Folder of the store.
    chunk : int, optional
        Number of the chunk.
    index_in_chunk : int, optional
        Index of the frame in its chunk.
    frame_index : int, optional
        Index of the frame in the store.
    frame_number : int, optional
        Number of the frame.
    path : str, optional
        File or folder with the problem.
    reason : str, optional
        What is wrong, without the names of store, frame and file.
    argument : str, optional
        Name of the argument, field or option with the wrong value.

    Notes
    -----
    Each keyword is an attribute, too, None if not given. `reason` is for people, like the message.
    """

    store: str | None = None
    chunk: int | None = None
    index_in_chunk: int | None = None
    frame_index: int | None = None
    frame_number: int | None = None
    path: str | None = None
    reason: str | None = None
    argument: str | None = None

    def __init__(
        self,
        *args: object,
        store: str | None = None,
        chunk: int | None = None,
        index_in_chunk: int | None = None,
        frame_index: int | None = None,
        frame_number: int | None = None,
        path: str | None = None,
        reason: str | None = None,
        argument: str | None = None,
    ) -> None:
        super().__init__(*args)
        values = (store, chunk, index_in_chunk, frame_index, frame_number, path, reason, argument)
        self.__dict__.update((name, value) for name, value in zip(_FIELDS, values, strict=True) if value is not None)


class InvalidArgumentError(ImgStoreError, ValueError):
    """A value is not allowed."""


class FrameNotFoundError(InvalidArgumentError):
    """The store has no frame with this number, index or time."""


class ImageRejectedError(InvalidArgumentError):
    """The image's shape or dtype does not fit the store. Nothing was written."""


class StoreClosedError(InvalidArgumentError):
    """The store is closed."""


class StoreModeError(InvalidArgumentError):
    """The store is open in the other mode: for reading, or for writing."""


class StoreNotFoundError(InvalidArgumentError, FileNotFoundError):
    """There is no store at this path."""

    __new__ = FileNotFoundError.__new__  # type: ignore[assignment] # unpicklers use it; ValueError's is not safe


class EndOfStoreError(ImgStoreError, EOFError):
    """There is no next frame."""


class ExtraDataTypeError(ImgStoreError, TypeError):
    """A value of an extra data record cannot be written as JSON."""


class FrameIndexError(ImgStoreError, IndexError):
    """An index in brackets is outside the store or the image, or not allowed."""


class FrameKeyTypeError(ImgStoreError, TypeError):
    """A key of frames has the wrong type, such as a float in ``store[1.0]``."""


class InvalidOptionError(ImgStoreError, TypeError):
    """The mode of the store, reading or writing, has no such option."""


class MissingDependencyError(ImgStoreError, ImportError):
    """An optional package is not installed.

    Attributes
    ----------
    name : str or None
        Import name of the package.
    """

    def __init__(self, *args: object, name: str | None = None, **fields: Any) -> None:
        super().__init__(*args, **fields)
        self.name = name

    @classmethod
    def for_extra(cls, need: str, name: str, extra: str) -> MissingDependencyError:
        """Create the error for a package in an extra of imgstore.

        Parameters
        ----------
        need : str
            What needs which package.
        name : str
            Import name of the package.
        extra : str
            The extra to install.
        """
        return cls(f'{need}: pip install "imgstore[{extra}]"', name=name)


class StoreIOError(ImgStoreError, OSError):
    """The disk failed, or a file on it is damaged."""


class StoreExistsError(StoreIOError, FileExistsError):
    """A store already exists at the path of a new one.

    Attributes
    ----------
    message : str
        The text without the hint about overwriting.
    path : str or None
        The existing file or folder.
    replaceable : bool
        Whether ``overwrite=True``, or ``--overwrite`` of a command, can replace it.
    """

    def __init__(self, message: str, replaceable: bool = False, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.message, self.replaceable = message, replaceable

    def __str__(self) -> str:
        return f'{self.message}; pass overwrite=True to replace it' if self.replaceable else self.message


class StoreLockedError(StoreIOError):
    """Another writer has the store open."""


class FrameReadError(StoreIOError):
    """A frame is missing, cut off or damaged. The message names it."""


class FrameWriteError(StoreIOError):
    """A frame could not be written. All frames before it are in the store.

    Attributes
    ----------
    frame_numbers : tuple of int
        Numbers of all frames in the message, ascending. They are lost, or not in the index yet.
    """

    def __init__(self, *args: object, frame_numbers: Iterable[int] = (), **fields: Any) -> None:
        super().__init__(*args, **fields)
        self.frame_numbers = tuple(sorted(set(frame_numbers)))


class CorruptFileError(StoreIOError, ValueError):
    """Metadata, a chunk index or extra data is damaged. The message names it."""


class RemoteAccessError(StoreIOError):
    """A file at a URL cannot be reached, or only from its start."""


class ImgStoreWarning(UserWarning):
    """Base class of the warnings of imgstore."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, (type(self), self.args, dict(self.__dict__))


def _remade(kind: type[ImgStoreWarning], args: tuple[object, ...], fields: dict[str, Any]) -> ImgStoreWarning:
    """Restore a pickled warning by its message, not by its fields."""
    warning = kind.__new__(kind, *args)
    warning.__dict__.update(fields)
    return warning


class ChunkSkippedWarning(ImgStoreWarning):
    """A chunk cannot be read and is skipped. The rest of the store is readable.

    Attributes
    ----------
    store : str
        Folder of the store.
    chunk : int
    reason : str
        The reason, for people.
    error : CorruptFileError or None
        Error of the chunk's index, or None if the chunk lacks a file.
    """

    def __init__(self, store: str, chunk: int, reason: str | CorruptFileError) -> None:
        self.error = reason if isinstance(reason, CorruptFileError) else None
        known = self.error.reason if self.error else None
        self.store, self.chunk, self.reason = store, chunk, known or str(reason)
        where = '' if self.error and not known else f'{store}: '  # the text of an error names it
        super().__init__(f'{where}chunk {chunk} is skipped: {self.reason}')


class ColorLostWarning(ImgStoreWarning):
    """A new store of colour images has a gray format.

    Attributes
    ----------
    format : str
        Name of the format.
    store : str or None
        Folder of the store.
    """

    def __init__(self, format: str, store: str | None = None) -> None:
        self.format, self.store = format, store
        super().__init__(f'format {format} holds only gray images: this store loses its colours')


class DamagedJournalWarning(ImgStoreWarning):
    """A chunk's journal is damaged: some numbers and times are estimated.

    Attributes
    ----------
    path : str
        Path of the journal.
    chunk : int
    frames : tuple of int
        Indexes in the chunk of the frames with estimated numbers and times.
    store : str or None
        Folder of the store.
    """

    def __init__(self, path: str, chunk: int, frames: tuple[int, ...], store: str | None = None) -> None:
        self.path, self.chunk, self.frames, self.store = path, chunk, frames, store
        what = f'numbers and times of {len(frames)} frame{"s" * (len(frames) != 1)} of chunk {chunk}'
        super().__init__(f'{path} is damaged: {what} are estimated')


class ExtraDataSkippedWarning(ImgStoreWarning):
    """Files of extra data cannot be read and are skipped.

    Attributes
    ----------
    errors : tuple of CorruptFileError
        One error per file. Its ``path`` is the file.
    store : str or None
        Folder of the store.
    """

    def __init__(self, errors: Iterable[CorruptFileError]) -> None:
        self.errors = tuple(errors)
        self.store = next((error.store for error in self.errors), None)
        super().__init__(f'extra data is skipped: {"; ".join(map(str, self.errors))}')


class FramesDelayedWarning(ImgStoreWarning):
    """An exported video shows some frames late, since its times must ascend.

    Attributes
    ----------
    count : int
        Number of delayed frames.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        frames, are, they = ('frame', 'is', 'it is') if count == 1 else ('frames', 'are', 'they are')
        late = f'{count} {frames} {are} less than one time unit of the video later than the frame before'
        super().__init__(f'{late}; {they} shown right after it')


class LockTakenOverWarning(ImgStoreWarning):
    """The last writer of the store did not close it. Its lock is taken over.

    Attributes
    ----------
    store : str
        Folder of the store.
    """

    def __init__(self, store: str) -> None:
        self.store = store
        super().__init__(f'{store!r} was left by a dead writer; its lock is taken over')


class StreamChosenWarning(ImgStoreWarning):
    """A file has several video streams, and one of them is used.

    Attributes
    ----------
    path : str
        The file.
    streams : int
        Number of video streams in the file.
    index : int
        Index of the used stream in the file.
    size : (int, int)
        Width and height of the used stream in pixels.
    """

    def __init__(self, path: str, streams: int, index: int, size: tuple[int, int]) -> None:
        self.path, self.streams, self.index, self.size = path, streams, index, size
        used = f'{index} ({size[0]}x{size[1]})'
        super().__init__(f'{path!r} has {streams} video streams; the one at index {used} is used')


class UnverifiedWarning(ImgStoreWarning):
    """A chunk's index lacks its checksums. Issued once per open store.

    Attributes
    ----------
    store : str
        Folder of the store.
    chunk : int
    reason : str
        Why the checksums cannot be used, for people. '' if there are none.
    """

    def __init__(self, store: str, chunk: int, reason: str = '') -> None:
        self.store, self.chunk, self.reason = store, chunk, reason
        super().__init__(f'{store}: frames of chunk {chunk} are read unverified: {reason or "it lost its checksums"}')
