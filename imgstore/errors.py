"""The errors and warnings of imgstore, two small trees.

Each error is also the built-in error that the same mistake has always raised, so an ``except ValueError`` written years
ago still works::

    ImgStoreError
    ├── InvalidArgumentError (ValueError)      a value that was given is not allowed
    │   ├── FrameNotFoundError                 no frame has that number, index or time
    │   ├── ImageRejectedError                 the image does not fit the store
    │   ├── StoreClosedError                   the store was closed before
    │   ├── StoreModeError                     reading from a writer, writing to a reader
    │   └── StoreNotFoundError (FileNotFoundError)  there is no store at that path
    ├── EndOfStoreError (EOFError)             there is no next frame
    ├── ExtraDataTypeError (TypeError)         a value that JSON cannot hold
    ├── InvalidOptionError (TypeError)         the mode has no such option
    ├── MissingDependencyError (ImportError)   an optional package is needed
    └── StoreIOError (OSError)                 the disk, or what lies on it
        ├── StoreExistsError (FileExistsError) a store is already there
        ├── StoreLockedError                   another writer has the store open
        ├── FrameReadError                     a frame is missing or damaged
        ├── FrameWriteError                    a frame could not be written
        └── CorruptFileError (ValueError)      metadata, an index or extra data is damaged

Warnings::

    ImgStoreWarning (UserWarning)
    ├── ChunkSkippedWarning        a chunk cannot be read and is left out
    ├── ColorLostWarning           a new store's format holds gray images alone
    ├── DamagedJournalWarning      some frame numbers and times are estimated
    ├── ExtraDataSkippedWarning    files of extra data cannot be read and are left out
    ├── FramesDelayedWarning       a video shows frames later than their times
    ├── LockTakenOverWarning       the last writer of the store did not close it
    └── StreamChosenWarning        of a file's video streams one is taken

Programs compare the class and the attributes of an error or warning. Its text is for people, and may change. They
keep their attributes when they are copied or pickled.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = [
    'ChunkSkippedWarning',
    'ColorLostWarning',
    'CorruptFileError',
    'DamagedJournalWarning',
    'EndOfStoreError',
    'ExtraDataSkippedWarning',
    'ExtraDataTypeError',
    'FrameNotFoundError',
    'FrameReadError',
    'FrameWriteError',
    'FramesDelayedWarning',
    'ImageRejectedError',
    'ImgStoreError',
    'ImgStoreWarning',
    'InvalidArgumentError',
    'InvalidOptionError',
    'LockTakenOverWarning',
    'MissingDependencyError',
    'StoreClosedError',
    'StoreExistsError',
    'StoreIOError',
    'StoreLockedError',
    'StoreModeError',
    'StoreNotFoundError',
    'StreamChosenWarning',
]


class ImgStoreError(Exception):
    """Base of every error that imgstore raises on purpose.

    Parameters
    ----------
    *args
        The message.
    store, chunk, index_in_chunk, frame_index, frame_number, path, reason, argument
        The attributes; None where that is not known.

    Attributes
    ----------
    store : str or None
        Folder of the store.
    chunk : int or None
        Number of the chunk.
    index_in_chunk : int or None
        Index of the frame in its chunk.
    frame_index : int or None
        Index of the frame in the store.
    frame_number : int or None
        Number of the frame.
    path : str or None
        The file or folder that it is about.
    reason : str or None
        What is wrong, without the names of store, frame and file. Text for people, like the message.
    argument : str or None
        Name of the argument, field or option whose value is not allowed.
    """

    store: str | None = None
    chunk: int | None = None
    index_in_chunk: int | None = None
    frame_index: int | None = None
    frame_number: int | None = None
    path: str | None = None
    reason: str | None = None
    argument: str | None = None

    def __init__(self, *args: object, store: str | None = None, chunk: int | None = None,
                 index_in_chunk: int | None = None, frame_index: int | None = None, frame_number: int | None = None,
                 path: str | None = None,
                 reason: str | None = None, argument: str | None = None) -> None:
        super().__init__(*args)
        known = {'store': store, 'chunk': chunk, 'index_in_chunk': index_in_chunk, 'frame_index': frame_index,
                 'frame_number': frame_number, 'path': path, 'reason': reason, 'argument': argument}
        self.__dict__.update((name, value) for name, value in known.items() if value is not None)


class InvalidArgumentError(ImgStoreError, ValueError):
    """A value that was given is not allowed."""


class FrameNotFoundError(InvalidArgumentError):
    """No frame of the store has the number, index or time asked for."""


class ImageRejectedError(InvalidArgumentError):
    """The image's shape or dtype does not fit the store; nothing was written."""


class StoreClosedError(InvalidArgumentError):
    """The store was closed before."""


class StoreModeError(InvalidArgumentError):
    """The store is open for reading and was asked to write, or the other way round."""


class StoreNotFoundError(InvalidArgumentError, FileNotFoundError):
    """There is no store at the path given."""


class EndOfStoreError(ImgStoreError, EOFError):
    """There is no next frame."""


class ExtraDataTypeError(ImgStoreError, TypeError):
    """A value of an extra data record cannot be written as JSON."""


class InvalidOptionError(ImgStoreError, TypeError):
    """A store that is opened with this mode, for reading or for writing, has no such option."""


class MissingDependencyError(ImgStoreError, ImportError):
    """An optional package is needed and not installed.

    Attributes
    ----------
    name : str or None
        Name by which it is imported.
    """

    def __init__(self, *args: object, name: str | None = None, **fields: Any) -> None:
        super().__init__(*args, **fields)
        self.name = name


class StoreIOError(ImgStoreError, OSError):
    """The disk failed, or what lies on it is damaged."""


class StoreExistsError(StoreIOError, FileExistsError):
    """A store is already where a new one was to be made.

    Attributes
    ----------
    message : str
        The text without a hint how to replace it.
    path : str or None
        What is there.
    replaceable : bool
        ``overwrite=True``, or ``--overwrite`` of a command, replaces it.
    """

    def __init__(self, message: str, replaceable: bool = False, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.message, self.replaceable = message, replaceable

    def __str__(self) -> str:
        return f'{self.message}; overwrite=True would replace it' if self.replaceable else self.message


class StoreLockedError(StoreIOError):
    """Another writer has the store open."""


class FrameReadError(StoreIOError):
    """A frame is missing, cut off or damaged; the message names store, chunk and index."""


class FrameWriteError(StoreIOError):
    """A frame could not be written; it is not in the store, all before it is.

    Attributes
    ----------
    frame_numbers : tuple of int
        Numbers of all frames that the message names, ascending: they are lost, or have no index yet.
    """

    def __init__(self, *args: object, frame_numbers: Iterable[int] = (), **fields: Any) -> None:
        super().__init__(*args, **fields)
        self.frame_numbers = tuple(sorted(set(frame_numbers)))


class CorruptFileError(StoreIOError, ValueError):
    """Metadata, a chunk's index or extra data is damaged; the message names the file."""


class ImgStoreWarning(UserWarning):
    """Base of every warning that imgstore gives."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, (type(self), self.args, dict(self.__dict__))


def _remade(kind: type[ImgStoreWarning], args: tuple[object, ...], fields: dict[str, Any]) -> ImgStoreWarning:
    """What was pickled: from its message, while its class takes fields."""
    warning = kind.__new__(kind, *args)
    warning.__dict__.update(fields)
    return warning


class ChunkSkippedWarning(ImgStoreWarning):
    """A chunk cannot be read and is left out; the rest of the store is there.

    Attributes
    ----------
    store : str
        Folder of the store.
    chunk : int
    reason : str
        Why; text for people.
    error : CorruptFileError or None
        What is wrong with the chunk's index; None if the chunk lacks a file.
    """

    def __init__(self, store: str, chunk: int, reason: str | CorruptFileError) -> None:
        self.store, self.chunk, self.reason = store, chunk, str(reason)
        self.error = reason if isinstance(reason, CorruptFileError) else None
        where = '' if self.error else f'{store}: '  # which the error names
        super().__init__(f'{where}chunk {chunk} is skipped: {reason}')


class ColorLostWarning(ImgStoreWarning):
    """A new store of colour images has a format that holds gray images alone.

    Attributes
    ----------
    format : str
        Name of the format.
    """

    def __init__(self, format: str) -> None:
        self.format = format
        super().__init__(f'format {format} holds gray images: the colour of this store is lost')


class DamagedJournalWarning(ImgStoreWarning):
    """The journal of a chunk is damaged: some frame numbers and times are estimated.

    Attributes
    ----------
    path : str
        Of the journal.
    chunk : int
    frames : tuple of int
        Indexes in the chunk of the frames whose numbers and times are estimated.
    """

    def __init__(self, path: str, chunk: int, frames: tuple[int, ...]) -> None:
        self.path, self.chunk, self.frames = path, chunk, frames
        super().__init__(f'{path} is damaged: numbers and times of {len(frames)} frames of chunk {chunk} are estimated')


class ExtraDataSkippedWarning(ImgStoreWarning):
    """Files of extra data cannot be read and are left out.

    Attributes
    ----------
    errors : tuple of CorruptFileError
        What is wrong with each; its ``path`` is the file.
    """

    def __init__(self, errors: Iterable[CorruptFileError]) -> None:
        self.errors = tuple(errors)
        super().__init__(f'extra data is left out: {"; ".join(map(str, self.errors))}')


class FramesDelayedWarning(ImgStoreWarning):
    """An exported video shows frames later than their times, as a video's times must ascend.

    Attributes
    ----------
    count : int
        How many frames.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        super().__init__(f'{count} frames are not later than the one before, by a time unit of the video at least; '
                         f'they are shown right after it')


class LockTakenOverWarning(ImgStoreWarning):
    """The last writer of the store ended without closing it; its lock is taken over.

    Attributes
    ----------
    store : str
        Folder of the store.
    """

    def __init__(self, store: str) -> None:
        self.store = store
        super().__init__(f'{store!r} was left by a writer that is gone; its lock is taken over')


class StreamChosenWarning(ImgStoreWarning):
    """A file has several video streams, of which one is taken.

    Attributes
    ----------
    path : str
        The file.
    streams : int
        How many video streams it has.
    index : int
        Index in the file of the one that is taken.
    size : (int, int)
        Its width and height in pixels.
    """

    def __init__(self, path: str, streams: int, index: int, size: tuple[int, int]) -> None:
        self.path, self.streams, self.index, self.size = path, streams, index, size
        super().__init__(f'{path!r} has {streams} video streams; the one at index {index} ({size[0]}x{size[1]}) '
                         f'is taken')
