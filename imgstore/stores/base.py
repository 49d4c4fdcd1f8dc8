"""What a store of videos and a store of images have in common: open or make it, add frames, read them."""

from __future__ import annotations

import contextlib
import os
import weakref
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, ClassVar, Self

from .._support.forking import leak, register_fork_handler
from ..constants import STORE_INDEX_FILENAME
from ..errors import ImgStoreError, InvalidArgumentError
from ..formats import format_names, resolve_format
from ..index.sqlite_file import ChunkFrames
from ..index.store_index import ImgStoreIndex
from ..maintenance.reindex import ReindexReport, reindex
from ..ondisk.files import StrPath
from ..ondisk.layout import existing_store_folder, store_folder
from ..options import ReadOptions, WriteOptions, options_for
from ..reading.open import open_reader
from ..reading.reader import Frame, Frames, StoreReader
from ..writing.create import create_writer
from .describing import as_html
from .properties import StoreProperties


class ImgStore(StoreProperties):
    """A recording in a folder.

    Use `new_for_filename` to open one and `new_for_format` to make one.

    Parameters
    ----------
    basedir : str or PathLike
        The store's folder.
    mode : {'r', 'w'}
        Read the store that is there, or write a new one.
    **options
        Those of `ReadOptions` or `WriteOptions`, as the mode is. ``imgshape``, ``imgdtype``, ``chunksize``,
        ``metadata``, ``encoding``, ``format``, ``index`` and ``seek`` are accepted in both modes. ``gpu_id`` and
        ``videosize`` are accepted and ignored.

    Raises
    ------
    InvalidArgumentError
        An argument is not allowed; nothing on disk was touched.
    InvalidOptionError
        The mode has no such option.
    StoreNotFoundError
        There is no store to read.
    StoreExistsError
        There is one already where a new one is to be written.
    StoreLockedError
        Another writer has it open.
    """

    _class_name: ClassVar[str]

    def __init__(self, basedir: StrPath | None = None, mode: str = 'r', **options: Any) -> None:
        if mode == 'r':
            self._begin_reading(basedir, options_for(mode, options))
        elif mode == 'w':
            self._begin_writing(basedir, options_for(mode, options))
        else:
            raise InvalidArgumentError(f'mode is {mode!r}; it must be \'r\' or \'w\'', argument='mode')

    def _begin_reading(self, basedir: StrPath | None, options: ReadOptions) -> None:
        self._reopen: dict[str, Any] = {
            'seek': options.seek, 'backend': options.backend, 'cache_bytes': options.cache_bytes}
        self._has_given_index = options.index is not None
        self._reader = open_reader(existing_store_folder(basedir=basedir), self._class_name, options.seek,
                                   options.index, options.backend, options.cache_bytes)
        weakref.finalize(self, StoreReader.let_go, self._reader).atexit = False

    def _begin_writing(self, basedir: StrPath | None, options: WriteOptions) -> None:
        self._writer = create_writer(store_folder(basedir=basedir), resolve_format(options.format, self._class_name),
                                     options)
        self._writing_process = os.getpid()
        register_fork_handler(self._writer, leak)
        self._writer.close_with(self)

    # --- opening

    def close(self, save_index: bool = False) -> None:
        """Complete a store that is written, free all that is held open; a second call does nothing.

        Parameters
        ----------
        save_index : bool
            Also save the index as `save_index` does.
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
        """A copy in another process is opened there by the path, and stands where this one does."""
        reader = self._require_reader()
        given = list(reader.index.each_chunk()) if self._has_given_index else None
        return _open_again, (type(self), self.filename, self._reopen, given, reader.state)

    def __repr__(self) -> str:
        return f'<{type(self).__name__} {self.filename!r}, {", ".join(self._described().values())}, mode {self.mode!r}>'

    def _repr_html_(self) -> str:
        """Describe the store in a notebook, with its first frame if it is read."""
        rows = {**self._described(), 'mode': self.mode, 'folder': self.filename}
        image = None
        try:
            if self._reader is not None and self.frame_count:
                image = self._first_image(self._reader)
        except (ImgStoreError, OSError) as error:
            rows['first frame'] = f'cannot be read: {error}'
        return as_html(type(self).__name__, rows, image)

    def _first_image(self, reader: StoreReader) -> Any:
        """Read by a reader of its own, so that the position of this one does not move."""
        assert reader.state  # raises StoreClosedError
        with type(self)(self.filename, index=reader.index, **{**self._reopen, 'cache_bytes': 0}) as other:
            return other.get_image(None, frame_index=0)[0]

    def _described(self) -> dict[str, str]:
        """Format, images and times in words; less where a store cannot tell, as in a forked child."""
        rows = {'format': self.format, 'shape': f'{self.image_shape} {self.dtype}'}
        with contextlib.suppress(ImgStoreError, OSError):
            rows['frames'] = f'{self.frame_count} frames'
            rows['span'] = f'{self._require_impl().span:.6g} s'
        return rows

    # --- writing

    def add_image(self, img: Any, frame_number: Any, frame_time: Any) -> None:
        """Append a frame.

        Parameters
        ----------
        img : ndarray of the store's dtype, shape as `imgshape`
            May be changed by the caller as soon as this returns.
        frame_number : int
            Any whole number that fits 64 bits.
        frame_time : float
            In seconds, mostly since 1970 in UTC.

        Raises
        ------
        ImageRejectedError
            The image is of another shape, or its values do not fit the store's dtype; nothing was written.
        InvalidArgumentError
            Number or time is none; nothing was written.
        FrameWriteError
            The frame could not be written; it is not indexed, and all before it is kept.
        StoreClosedError
            The store was closed.
        """
        self._require_writer().add_image(img, frame_number, frame_time)

    def add_extra_data(self, /, **data: Any) -> None:
        """Append a record beside the latest frame, of values that JSON, numpy, datetime or pathlib know.

        Raises
        ------
        ExtraDataTypeError
            A value is of another type; nothing was written.
        InvalidArgumentError
            A key is named frame_time, frame_number or frame_index.
        """
        self._require_writer().add_extra_data(data)

    def empty(self) -> None:
        """Remove all frames and extra data and begin again; the store stays open for writing."""
        self._require_writer().empty()

    # --- reading frames

    def get_next_image(self) -> Frame:
        """Read the frame behind the latest one.

        Returns
        -------
        img : ndarray, shape as `image_shape`
        (frame_number, frame_time) : (int, float)

        Raises
        ------
        EndOfStoreError
            There is none; an EOFError.
        FrameReadError
            It is missing or damaged; the position does not move.
        """
        return self._require_reader().next()

    def get_next_framenumber(self) -> int:
        """Number of the frame that `get_next_image` would give; EndOfStoreError if there is none."""
        return self._require_reader().next_frame_number()

    def get_image(self, frame_number: Any, exact_only: bool = True, frame_index: Any = None) -> Frame:
        """Read a frame by its index in the store if one is given, else by its number.

        Parameters
        ----------
        frame_number : int or None
            The first frame with that number is meant.
        exact_only : bool
            False: the frame with the nearest number, of two the earlier.
        frame_index : int, optional
            From 0, in the order of writing.

        Returns
        -------
        img : ndarray, shape as `image_shape`
        (frame_number, frame_time) : (int, float)

        Raises
        ------
        FrameNotFoundError
            There is no such frame; a ValueError.
        FrameReadError
            It is missing or damaged; the position does not move.
        """
        reader = self._require_reader()
        return reader.by_number(frame_number, exact_only) if frame_index is None else reader.at(frame_index)

    def get_images(self, frame_numbers: Iterable[Any] | None = None,
                   frame_indices: Iterable[Any] | None = None) -> Frames:
        """Read many frames at once: each is read once, in the order of the store, whatever order is asked for.

        Parameters
        ----------
        frame_numbers : iterable of int
            Of each the first frame with that number is meant; the same may come again.
        frame_indices : iterable of int
            Instead of numbers: from 0, in the order of writing.

        Returns
        -------
        imgs : ndarray, shape (n, h, w) or (n, h, w, 3)
            In the order asked; a list where somebody put images of other shapes into the store.
        frame_numbers : list of int
        frame_times : list of float
            In seconds.

        Raises
        ------
        FrameNotFoundError
            One of them is not there; none was read.
        FrameReadError
            One is missing or damaged; the position does not move.
        InvalidArgumentError
            Both were given, or neither.
        """
        return self._require_reader().many(frame_numbers, frame_indices)

    def get_nearest_image(self, frame_time: Any) -> Frame:
        """Read the frame that is nearest in time, in seconds; of two the earlier. Else as `get_image`."""
        return self._require_reader().nearest_in_time(frame_time)

    def refresh(self) -> int:
        """Look again which frames there are, of a store that is being written.

        Returns
        -------
        int
            How many more there are than before. The position does not move.
        """
        return self._require_reader().refresh()

    def follow(self) -> Iterator[Frame]:
        """Read on, as `get_next_image` does, and wait for more frames until the writer has closed the store.

        Yields
        ------
        img : ndarray, shape as `image_shape`
        (frame_number, frame_time) : (int, float)
        """
        return self._keeping_open(self._require_reader().follow())

    def _keeping_open(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        """Hold the store while frames are taken from it, for a store that nobody holds is closed."""
        yield from frames

    def disable_decoding(self) -> None:
        """Give raw images from now on, not converted from the store's encoding to BGR."""
        self._require_reader().disable_decoding()

    def reindex(self, dry_run: bool = False) -> ReindexReport:
        """Renumber the frames before the one numbered 0, counting down from -1, on disk and in this open store.

        The first numbers stay beside them, as ``_frame_number_before_reindex``. With ``dry_run`` it only reports.

        Raises
        ------
        InvalidArgumentError
            There is not exactly one frame numbered 0, or a chunk is not complete; nothing was changed.
        """
        self._require_reader().check_complete()
        reader = self._require_reader()
        report, reader.index = reindex(reader.layout, reader.listing.chunks(), dry_run)
        return report

    def save_index(self, path: StrPath | None = None, sqlite: bool = True) -> None:
        """Save the index of all complete chunks, for this package and as SQLite; believed only while it fits them.

        Parameters
        ----------
        path : str or PathLike, optional
            Save just the SQLite there.
        sqlite : bool
            Save ``.index.sqlite`` beside ``.index.imgstore``, for imgstore 0.4 and `ImgStoreIndex.new_from_file`; it
            takes about two seconds a million frames.

        Raises
        ------
        StoreIOError
            It cannot be written there; an older one is untouched.
        InvalidArgumentError
            A chunk is not complete.
        """
        self._require_impl().check_complete()
        if path is None:
            self._index.save_cache(self.filename, self._impl.layout.index_stem)
        if sqlite or path is not None:
            self._index.to_file(os.path.join(self.filename, STORE_INDEX_FILENAME) if path is None else path)

    @classmethod
    def supported_formats(cls) -> list[str]:
        """Names of the formats that stores of this class can be made in."""
        return format_names(cls._class_name)

    @classmethod
    def supports_format(cls, fmt: str) -> bool:
        """Whether stores of this class can be made in a format."""
        try:
            return resolve_format(fmt, cls._class_name).name in cls.supported_formats()
        except InvalidArgumentError:
            return False

    @classmethod
    def extract_only_frame(cls, full_path: StrPath, frame_index: int) -> Any:
        """See `imgstore.extract_only_frame`."""
        with cls(basedir=existing_store_folder(full_path)) as store:
            return store._require_reader().at(frame_index)[0]


_ImgStore = ImgStore
"""Its old name."""


def _open_again(cls: type[ImgStore], basedir: str, options: dict[str, Any], given: list[ChunkFrames] | None,
                state: Any) -> ImgStore:
    """The store by its path; with the index that was given, for its chunks may be others than those on disk."""
    index = None if given is None else ImgStoreIndex.new_from_frames(given)
    store = cls(basedir, index=index, **options)
    store._require_reader().state = state
    return store
