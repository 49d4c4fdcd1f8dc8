"""Properties of a store, in reading as in writing."""

from __future__ import annotations

import copy
import datetime
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..constants import EXTRA_DATA_FILE_EXTENSIONS, STORE_MD_FILENAME
from ..errors import StoreModeError
from ..index.store_index import ImgStoreIndex
from ..ondisk.files import join
from ..reading.reader import StoreReader
from ..sensor_area import area_in
from .frame_properties import FrameProperties
from .info import StoreInfo

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    import pandas as pd

    from ..writing.writer import StoreWriter


class StoreProperties(FrameProperties):
    """Properties, taken from the store's reader or writer."""

    _reader: StoreReader | None = None
    _writer: StoreWriter | None = None
    _writing_process: int | None = None
    _reopen: dict[str, Any]
    _has_given_index: bool

    def _require_reader(self) -> StoreReader:
        if self._reader is None:
            raise StoreModeError(
                f"{self.filename!r} is open for writing; open it with mode 'r' to read", store=self.filename
            )
        return self._reader

    def _require_writer(self) -> StoreWriter:
        if self._writer is None:
            raise StoreModeError(
                f"{self.filename!r} is open for reading; create a store with mode 'w' to write", store=self.filename
            )
        if self._is_left_to_parent:
            raise StoreModeError(
                f'{self.filename!r} was opened for writing by process {self._writing_process} and this process was '
                f"forked from it; write there, or open the store here with mode 'r'",
                store=self.filename,
            )
        return self._writer

    @property
    def _is_left_to_parent(self) -> bool:
        return self._writing_process not in (None, os.getpid())

    @property
    def _impl(self) -> StoreInfo:
        """Reader or writer, for properties known in a forked child, too."""
        either = self._reader or self._writer
        assert either
        return either

    def _require_impl(self) -> StoreInfo:
        """Return the reader or the writer. Raise in a forked child of the writer."""
        return self._reader or self._require_writer()

    @property
    def index(self) -> ImgStoreIndex:
        """Numbers and times of the frames known now. `refresh` creates a new index."""
        return self._require_impl().index

    @property
    def chunks(self) -> list[int]:
        """Numbers of the chunks with frames."""
        return self._require_impl().chunks

    def chunk_ranges(self) -> list[tuple[int, int, int]]:
        """Return the frame indexes of each chunk with frames.

        Returns
        -------
        list of tuple of (int, int, int)
            Number of the chunk, index of its first frame, and index of its last frame plus 1.

        Examples
        --------
        >>> store.chunk_ranges()
        [(0, 0, 5)]
        """
        return [(chunk, own.start, own.stop) for chunk, _, own in self.index.chunk_ranges() if own.start < own.stop]

    def chunk_paths(self) -> dict[int, str]:
        """Return the path of each chunk on disk, by its number.

        Chunks without frames are included. While the store is written, incomplete chunks are not.
        """
        return {number: self._impl.layout.chunk(number) for number, _ in self._require_impl().list_chunks()}

    @property
    def verifies(self) -> bool:
        """Whether frames are compared with their checksums while reading.

        StoreModeError while the store is written.
        """
        return self._require_reader().verifies

    # --- extra data

    @property
    def has_extra_data(self) -> bool:
        """Whether the store has extra data."""
        return self._require_impl().has_extra_data

    def find_extra_data_files(self, extensions: Iterable[str] = EXTRA_DATA_FILE_EXTENSIONS) -> list[str]:
        """Return the paths of the extra data files, in the order of their chunks.

        Parameters
        ----------
        extensions : iterable of str
            Extensions to look for, such as '.extra.json'.
        """
        layout, wanted = self._impl.layout, tuple(extensions)
        return [
            path for number, _ in self._require_impl().list_chunks() for path in layout.extra_data_files(number, wanted)
        ]

    def extra_data_files(self, chunk: int) -> list[str]:
        """Return the paths of a chunk's extra data files and journal."""
        return self._require_reader().listing.record_files(chunk)

    def get_extra_data(self, ignore_corrupt_chunks: bool = False) -> pd.DataFrame | None:
        """Read all records of extra data.

        Parameters
        ----------
        ignore_corrupt_chunks : bool
            Skip damaged files with a warning.

        Returns
        -------
        pandas.DataFrame or None
            One row per record, with the columns frame_number, frame_time (seconds) and frame_index in addition to
            your own. None if there are no records.

        Raises
        ------
        CorruptFileError
            A file is damaged. The message names it.

        Examples
        --------
        >>> store.get_extra_data()['temperature'].tolist()
        [20, 21, 22, 25, 26]
        """
        return self._read_records(ignore_corrupt_chunks, exact=False)

    def _read_records(self, ignore_corrupt: bool, exact: bool) -> pd.DataFrame | None:
        from ..extra_data.records import read_extra_data

        reader = self._require_reader()
        listing = reader.listing
        chunks = {path: number for number, _ in listing.chunks() for path in listing.record_files(number)}
        return read_extra_data(
            list(chunks), ignore_corrupt, store=self.filename, chunks=chunks, exact=exact, verify=reader.verifies
        )

    def get_extra_data_samplerate(self) -> float | None:
        """Return samples per second of Motif's extra data, or None if unknown."""
        from ..extra_data.records import samplerate

        return samplerate(self.find_extra_data_files())

    # --- what the store is

    @property
    def format(self) -> str:
        """Name of the format in metadata.yaml."""
        return self._impl.metadata.format

    @property
    def encoding(self) -> str | None:
        """Encoding of raw images, such as 'cv_bayerrg', or None."""
        return self._impl.metadata.encoding or None

    @property
    def sensor_shape(self) -> tuple[int, int] | None:
        """(h, w) of the images before ROI and binning, in pixels. None without both.

        Examples
        --------
        >>> with imgstore.new_for_format('png', 'part', imgshape=(48, 64), roi=(8, 4, 32, 20), binning=2) as part:
        ...     part.add_image(np.zeros((48, 64), np.uint8), 1, 0.25)
        ...     part.image_shape, part.sensor_shape, part.roi, part.binning
        ((10, 16), (48, 64), (8, 4, 32, 20), (2, 2))
        """
        area = area_in(self._impl.metadata.store)
        return None if area is None else area.sensor_shape

    @property
    def roi(self) -> tuple[int, int, int, int] | None:
        """(x, y, width, height) of the images in pixels of the sensor.

        Before binning. None without ROI and binning.
        """
        area = area_in(self._impl.metadata.store)
        return None if area is None else area.roi

    @property
    def binning(self) -> tuple[int, int] | None:
        """The sensor's pixels in a pixel: (vertical, horizontal).

        None without ROI and binning.
        """
        area = area_in(self._impl.metadata.store)
        return None if area is None else area.binning

    @property
    def chunksize(self) -> int:
        """Frames of a full chunk."""
        return self._impl.metadata.chunksize

    @property
    def is_live(self) -> bool:
        """Whether a writer has the store open."""
        return self._impl.is_live

    @property
    def user_metadata(self) -> dict[Any, Any]:
        """Copy of the user's own metadata."""
        return copy.deepcopy(self._impl.metadata.user)

    @property
    def created(self) -> tuple[datetime.datetime, ZoneInfo]:
        """Start of the recording, in UTC, and the time zone of its machine."""
        import pytz

        metadata = self._impl.metadata
        return metadata.created.replace(tzinfo=pytz.utc), metadata.timezone

    @property
    def uuid(self) -> str | None:
        """Unique identifier of the store, 32 hex digits, or None for old stores."""
        return self._impl.metadata.uuid

    @property
    def filename(self) -> str:
        """The store's folder, as an absolute path."""
        return self._impl.layout.basedir

    @property
    def full_path(self) -> str:
        """Absolute path of the store's metadata.yaml."""
        return join(self.filename, STORE_MD_FILENAME)

    @property
    def mode(self) -> str:
        """'r' or 'w'."""
        return self._impl.mode

    @property
    def lossless(self) -> bool:
        """Whether reading returns the images bit for bit."""
        return self._impl.fmt.lossless
