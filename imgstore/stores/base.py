"""The common part of stores: open or create them, add and read frames."""

from __future__ import annotations

import contextlib
import os
import weakref
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self

from .._support.forking import leak, register_fork_handler
from ..constants import STORE_INDEX_FILENAME
from ..errors import ImgStoreError, InvalidArgumentError
from ..formats import format_names, resolve_format
from ..index.sqlite_file import ChunkFrames
from ..index.store_index import ImgStoreIndex
from ..ondisk.files import StrPath, text_path
from ..ondisk.layout import existing_store_folder, local_folder, store_folder
from ..options import ReadOptions, WriteOptions, options_for
from ..reading.open import open_reader
from ..reading.reader import StoreReader
from .blocks import StoreBlocks
from .describing import as_html, describe
from .frame_reading import FrameReading
from .frame_table import FrameTable
from .playing import StorePlayer
from .private_names import PrivateNames

if TYPE_CHECKING:
    from ..maintenance.reindex import ReindexReport


_REOPENED_WITH = ('seek', 'backend', 'cache_bytes', 'verify')


class ImgStore(FrameReading, StoreBlocks, FrameTable, StorePlayer, PrivateNames):
    """A recording in a folder.

    Open a store with `new_for_filename`, create one with `new_for_format`.

    Parameters
    ----------
    basedir : str or PathLike
        The store's folder.
    mode : {'r', 'w'}
        'r': read an existing store. 'w': create a store.
    **options
        `ReadOptions` with mode 'r', `WriteOptions` with mode 'w'. Both modes accept ``imgshape``, ``imgdtype``,
        ``chunksize``, ``metadata``, ``encoding``, ``format``, ``index`` and ``seek``. ``gpu_id`` and ``videosize``
        are accepted and ignored.

    Raises
    ------
    InvalidArgumentError
        An argument is not allowed. Nothing was written.
    InvalidOptionError
        The mode has no such option.
    StoreNotFoundError
        There is no store to read.
    StoreExistsError
        The folder of the new store holds a store already.
    StoreLockedError
        Another writer has the store open.

    Examples
    --------
    Record five frames. The camera drops two of them, after number 102:

    >>> import numpy as np
    >>> import imgstore
    >>> with imgstore.new_for_format('png', 'recording', imgshape=(48, 64)) as store:
    ...     for number in (100, 101, 102, 105, 106):
    ...         store.add_image(np.full((48, 64), number, np.uint8), number, number / 4)
    ...         store.add_extra_data(temperature=number - 80)

    The other examples go on from here, with the store open for reading:

    >>> store = imgstore.new_for_filename('recording')
    >>> len(store)
    5
    """

    _class_name: ClassVar[str | None] = None

    def __init__(self, basedir: StrPath | None = None, mode: str = 'r', **options: Any) -> None:
        if self._class_name is None:
            raise InvalidArgumentError(f'{type(self).__name__} has no format: use new_for_filename or new_for_format')
        if mode == 'r':
            self._begin_reading(basedir, options_for(mode, options))
        elif mode == 'w':
            self._begin_writing(basedir, options_for(mode, options))
        else:
            raise InvalidArgumentError(f"mode is {mode!r}; it must be 'r' or 'w'", argument='mode')

    def _begin_reading(self, basedir: StrPath | None, options: ReadOptions) -> None:
        self._reopen = {key: getattr(options, key) for key in _REOPENED_WITH}
        self._has_given_index = options.index is not None
        folder = existing_store_folder(basedir=basedir)
        self._reader = open_reader(folder, self._class_name, index=options.index, **self._reopen)
        weakref.finalize(self, StoreReader.close_dropped, self._reader).atexit = False

    def _begin_writing(self, basedir: StrPath | None, options: WriteOptions) -> None:
        from ..writing.create import create_writer

        fmt = resolve_format(options.format, self._class_name)
        self._writer = create_writer(local_folder(store_folder(basedir=basedir), 'create a store'), fmt, options)
        self._writing_process = os.getpid()
        register_fork_handler(self._writer, leak)
        self._writer.close_with(self)

    # --- opening

    def close(self, save_index: bool = False) -> None:
        """Complete a written store and free all resources.

        Parameters
        ----------
        save_index : bool
            Also call `save_index`.
        """
        if self._is_left_to_parent:
            return
        self._require_impl().close()
        if save_index:
            self.save_index()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as path, options and position."""
        reader = self._require_reader()
        given = list(reader.index.each_chunk()) if self._has_given_index else None
        return _open_again, (type(self), self.filename, self._reopen, given, reader.state)

    def __repr__(self) -> str:
        return f'<{type(self).__name__} {self.filename!r}, {", ".join(describe(self).values())}, mode {self.mode!r}>'

    def _repr_html_(self) -> str:
        """Describe the store for a notebook, with its first frame if readable."""
        rows, image = {**describe(self), 'mode': self.mode, 'folder': self.filename}, None
        try:
            if self._reader is not None and self.frame_count:
                image = self._first_image(self._reader)
        except (ImgStoreError, OSError) as error:
            rows['first frame'] = f'cannot be read: {error}'
        return as_html(type(self).__name__, rows, image)

    def _first_image(self, reader: StoreReader) -> Any:
        """Read the first image with another reader, to keep the position."""
        assert reader.state  # raises StoreClosedError
        with type(self)(self.filename, index=reader.index, **{**self._reopen, 'cache_bytes': 0}) as other:
            return other.get_image(None, frame_index=0)[0]

    # --- writing

    def add_image(
        self, img: Any, frame_number: Any, frame_time: Any, *, extra_data: Mapping[str, Any] | None = None
    ) -> None:
        """Append a frame.

        Parameters
        ----------
        img : ndarray
            Image of the store's `imgshape` and `imgdtype`. You may change it after this call.
        frame_number : int
            Any integer of 64 bits.
        frame_time : float
            Time in seconds, usually since 1970 in UTC.
        extra_data : dict, optional
            Record of the frame, as for `add_extra_data`. One call is faster than two.

        Raises
        ------
        ImageRejectedError
            The image has another shape, or its values do not fit the store's dtype. Nothing was written.
        InvalidArgumentError
            The number, the time or a key of the extra data is not a valid one. Nothing was written.
        ExtraDataTypeError
            A value of the extra data has another type. Nothing was written.
        FrameWriteError
            The frame could not be written. It is not indexed. All earlier frames are kept.
        StoreClosedError
            The store is closed.

        Examples
        --------
        >>> with imgstore.new_for_format('npy', 'deep', imgshape=(48, 64), imgdtype=np.uint16) as deep:
        ...     deep.add_image(np.full((48, 64), 4095, np.uint16), frame_number=1, frame_time=0.25)
        """
        self._require_writer().add_image(img, frame_number, frame_time, extra_data)

    def add_extra_data(self, /, **data: Any) -> None:
        """Append a record of extra data for the latest frame.

        Parameters
        ----------
        **data
            Values of JSON's types, numpy, datetime or pathlib, by name.

        Raises
        ------
        ExtraDataTypeError
            A value has another type. Nothing was written.
        InvalidArgumentError
            A key is frame_time, frame_number or frame_index.

        Examples
        --------
        >>> with imgstore.new_for_format('png', 'trial', imgshape=(48, 64)) as trial:
        ...     trial.add_image(np.zeros((48, 64), np.uint8), 1, 0.25)
        ...     trial.add_extra_data(reward=True, position=np.array([3.5, 4.0]))
        >>> imgstore.new_for_filename('trial').get_extra_data()['position'].tolist()
        [[3.5, 4.0]]
        """
        self._require_writer().add_extra_data(data)

    def insert_chunk(
        self, video_path: StrPath, frame_numbers: Iterable[Any], frame_times: Iterable[Any], move: bool = True
    ) -> None:
        """Add a finished video file as the next chunk.

        See `VideoImgStore.insert_chunk`. A store of images rejects it.
        """
        self._require_writer().insert_chunk(text_path(video_path, 'video_path'), frame_numbers, frame_times, move)

    def empty(self) -> None:
        """Remove all frames and extra data. The store stays open for writing.

        Examples
        --------
        >>> with imgstore.new_for_format('png', 'test', imgshape=(48, 64)) as test:
        ...     test.add_image(np.zeros((48, 64), np.uint8), 1, 0.25)
        ...     test.empty()
        ...     len(test)
        0
        """
        self._require_writer().empty()

    # --- the whole store

    def reindex(self, dry_run: bool = False) -> ReindexReport:
        """Renumber the frames before the one numbered 0, counting down from -1.

        The files on disk and this open store change. The files keep the original numbers as
        ``_frame_number_before_reindex``.

        Parameters
        ----------
        dry_run : bool
            Only report. Change nothing.

        Returns
        -------
        ReindexReport
            The changes.

        Raises
        ------
        InvalidArgumentError
            There is not exactly one frame numbered 0, or a chunk is incomplete. Nothing was changed.

        Examples
        --------
        The trigger resets the camera's counter after two frames:

        >>> with imgstore.new_for_format('png', 'triggered', imgshape=(48, 64)) as triggered:
        ...     for index, number in enumerate([71, 72, 0, 1]):
        ...         triggered.add_image(np.zeros((48, 64), np.uint8), number, index / 4)
        >>> with imgstore.new_for_filename('triggered') as triggered:
        ...     report = triggered.reindex()
        ...     triggered.frame_numbers.tolist()
        [-2, -1, 0, 1]
        """
        from ..maintenance.reindex import reindex

        reader = self._require_reader()
        local_folder(self.filename, 'renumber a store')
        reader.check_complete()
        report, reader.index = reindex(reader.layout, reader.listing.chunks(), dry_run)
        return report

    def save_index(self, path: StrPath | None = None, sqlite: bool = True) -> None:
        """Save the index of all chunks as an index cache and as SQLite.

        Parameters
        ----------
        path : str or PathLike, optional
            Save only an SQLite file, with this path.
        sqlite : bool
            Save ``.index.sqlite`` in addition to ``.index.imgstore``, for imgstore 0.4 and
            `ImgStoreIndex.new_from_file`. This takes about two seconds per million frames.

        Raises
        ------
        StoreIOError
            The file cannot be written. An older one is unchanged.
        InvalidArgumentError
            A chunk is incomplete.

        Examples
        --------
        >>> store.save_index('index.sqlite')
        """
        self._require_impl().check_complete()
        if path is None:
            local_folder(self.filename, 'save the index of a store')
            self._index.save_cache(self.filename, self._impl.layout.index_stem)
        if sqlite or path is not None:
            self._index.to_file(os.path.join(self.filename, STORE_INDEX_FILENAME) if path is None else path)

    @classmethod
    def supported_formats(cls) -> list[str]:
        """Return the names of the formats of this class that can be written."""
        return format_names(cls._class_name)

    @classmethod
    def supports_format(cls, fmt: str) -> bool:
        """Return whether this class can write a format.

        Examples
        --------
        >>> imgstore.VideoImgStore.supports_format('mjpeg/avi')
        True
        """
        try:
            return resolve_format(fmt, cls._class_name).name in cls.supported_formats()
        except InvalidArgumentError:
            return False

    @classmethod
    def extract_only_frame(cls, full_path: StrPath, frame_index: int) -> Any:
        """Read one frame of a store. See `imgstore.extract_only_frame`."""
        reader = open_reader(existing_store_folder(full_path), cls._class_name, **vars(ReadOptions()))
        with contextlib.closing(reader):
            return reader.at(frame_index)[0]


_ImgStore = ImgStore  # the old name


def _open_again(
    cls: type[ImgStore], basedir: str, options: dict[str, Any], given: list[ChunkFrames] | None, state: Any
) -> ImgStore:
    """Reopen a store, with the index its user passed.

    That may differ from the chunks on disk.
    """
    index = None if given is None else ImgStoreIndex.new_from_frames(given)
    store = cls(basedir, index=index, **options)
    store._require_reader().state = state
    return store
