"""The errors of imgstore, one small tree.

Each is also the built-in error that the same mistake has always raised, so an ``except ValueError`` written years
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
    ├── MissingDependencyError (ImportError)   an optional package is needed
    └── StoreIOError (OSError)                 the disk, or what lies on it
        ├── StoreExistsError (FileExistsError) a store is already there
        ├── StoreLockedError                   another writer has the store open
        ├── FrameReadError                     a frame is missing or damaged
        ├── FrameWriteError                    a frame could not be written
        └── CorruptFileError (ValueError)      metadata, an index or extra data is damaged
"""


class ImgStoreError(Exception):
    """Base of every error that imgstore raises on purpose."""


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


class MissingDependencyError(ImgStoreError, ImportError):
    """An optional package is needed and not installed."""


class StoreIOError(ImgStoreError, OSError):
    """The disk failed, or what lies on it is damaged."""


class StoreExistsError(StoreIOError, FileExistsError):
    """A store is already where a new one was to be made.

    Attributes
    ----------
    replaceable : bool
        ``overwrite=True``, or ``--overwrite`` of a command, replaces it.
    """

    def __init__(self, message: str, replaceable: bool = False) -> None:
        super().__init__(message)
        self.message, self.replaceable = message, replaceable

    def __str__(self) -> str:
        return f'{self.message}; overwrite=True would replace it' if self.replaceable else self.message


class StoreLockedError(StoreIOError):
    """Another writer has the store open."""


class FrameReadError(StoreIOError):
    """A frame is missing, cut off or damaged; the message names store, chunk and index."""


class FrameWriteError(StoreIOError):
    """A frame could not be written; it is not in the store, all before it is."""


class CorruptFileError(StoreIOError, ValueError):
    """Metadata, a chunk's index or extra data is damaged; the message names the file."""


class DamagedJournalWarning(UserWarning):
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
