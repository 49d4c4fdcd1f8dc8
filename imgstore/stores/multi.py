"""Several stores that follow each other, as one."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable, Mapping, Sequence, Set
from itertools import pairwise
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from .._support.text import count_of
from .._support.validation import as_int_min, not_allowed
from ..constants import FRAME_INDEX, FRAME_NUMBER
from ..errors import FrameReadError, ImgStoreError, InvalidArgumentError
from ..ondisk.files import StrPath
from ..reading.joined_reader import JoinedReader
from .array import StoreArray
from .base import ImgStore
from .describing import as_html, describe
from .factories import new_for_filename
from .frame_reading import FrameReading
from .frame_table import FrameTable
from .playing import StorePlayer

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    import dask.array as da
    import pandas as pd


class MultiStore(FrameReading, StoreArray, FrameTable, StorePlayer):
    """A recording in several stores that follow each other, read like one store.

    Indexes count the frames of all parts, in the order of the parts. An error about a frame names the part's folder,
    and the frame's index there.

    Parameters
    ----------
    parts : iterable of str, PathLike or ImgStore
        Folders of stores, or stores open for reading, in order. The shape, dtype and encoding of their images must
        agree. Their formats may differ. Stores that you pass open stay open after `close`.
    sort : bool
        Order the parts by their earliest frame times. Parts without frames come last.
    renumber : bool
        Let the frame numbers of each part continue those of the part before: its first frame gets the number after
        the largest one before. Numbers missing from a part stay missing.
    **options
        `ReadOptions` for the folders, such as ``cache_bytes``.

    Raises
    ------
    InvalidArgumentError
        There are no parts, one is no store, or their images differ.
    StoreNotFoundError
        There is no store in a folder.
    StoreModeError
        A store is open for writing.

    Examples
    --------
    The recording goes on in a second store. Its numbers begin at 0 again:

    >>> with imgstore.new_for_format('npy', 'second', imgshape=(48, 64)) as second:
    ...     for number in range(3):
    ...         second.add_image(np.full((48, 64), number, np.uint8), number, 30 + number / 4)
    >>> both = imgstore.MultiStore(['recording', 'second'], renumber=True)
    >>> both.shape, both.frame_numbers.tolist()
    ((8, 48, 64), [100, 101, 102, 105, 106, 107, 108, 109])
    >>> both[4:6].mean(axis=(1, 2)).tolist()
    [106.0, 0.0]
    >>> both.part_ranges()
    [(0, 5), (5, 8)]
    """

    def __init__(
        self, parts: Iterable[StrPath | ImgStore], sort: bool = False, renumber: bool = False, **options: Any
    ) -> None:
        is_one = isinstance(parts, (str, bytes, os.PathLike, ImgStore))
        if is_one or isinstance(parts, (Set, Mapping)) or not isinstance(parts, Iterable):
            raise not_allowed('parts', parts, 'it must be a list of folders or stores, in order')
        self._own: list[ImgStore] = []
        try:
            stores = [self._opened(part, at, options) for at, part in enumerate(parts)]
            _check_alike(stores)
            if options and not self._own:
                raise not_allowed('options', options, 'they are for folders, and all parts are open stores')
            self._parts = sorted(stores, key=_begin) if sort else stores
            self._reader = JoinedReader([store._require_reader() for store in self._parts], bool(renumber))
        except BaseException:
            self._close_own()
            raise
        self._renumbers = bool(renumber)

    def _opened(self, part: Any, at: int, options: dict[str, Any]) -> ImgStore:
        """Return an open store for a part."""
        if isinstance(part, ImgStore):
            part._require_reader().check_open()
            return part
        if isinstance(part, MultiStore):
            raise not_allowed(f'parts[{at}]', part, 'a part is one store; give its parts, as in [*it.parts, another]')
        if not isinstance(part, (str, os.PathLike)):
            raise not_allowed(f'parts[{at}]', part, 'it must be the folder of a store, or a store')
        store = new_for_filename(part, **options)
        self._own.append(store)
        return store

    # --- the parts

    @property
    def parts(self) -> tuple[ImgStore, ...]:
        """The stores, in order. Their own positions do not move."""
        return tuple(self._parts)

    def part_ranges(self) -> list[tuple[int, int]]:
        """Return the index of each part's first frame, and of its last frame plus 1."""
        starts = self._reader.index.starts
        return list(pairwise(starts))

    def chunk_ranges(self) -> list[tuple[int, int, int]]:
        """Return the frame indexes of each chunk with frames.

        Returns
        -------
        list of tuple of (int, int, int)
            Number of the chunk in its part, index of its first frame, and index of its last frame plus 1. Chunk
            numbers repeat, as those of each part begin at 0.
        """
        found = self._reader.index.chunk_ranges()
        return [(chunk, own.start, own.stop) for chunk, _, own in found if own.start < own.stop]

    def _require_reader(self) -> JoinedReader:
        return self._reader

    def _require_impl(self) -> JoinedReader:
        return self._reader

    @property
    def _impl(self) -> JoinedReader:
        return self._reader

    # --- what the store is

    @property
    def filename(self) -> str:
        """Folder of the first part, as an absolute path."""
        return self._reader.folder

    @property
    def mode(self) -> str:
        """'r'."""
        return self._reader.mode

    @property
    def format(self) -> str:
        """Formats of the parts, each once and separated by commas."""
        return ', '.join(dict.fromkeys(store.format for store in self._parts))

    @property
    def encoding(self) -> str | None:
        """Encoding of raw images, such as 'cv_bayerrg', or None."""
        return self._parts[0].encoding

    @property
    def uuid(self) -> None:
        """None: each part has an identifier of its own."""

    @property
    def lossless(self) -> bool:
        """Whether reading returns the images of all parts bit for bit."""
        return all(store.lossless for store in self._parts)

    @property
    def is_live(self) -> bool:
        """Whether a writer has the last part open. `refresh` finds its new frames."""
        return self._reader.is_live

    @property
    def created(self) -> tuple[datetime.datetime, ZoneInfo]:
        """Start of the first part, in UTC, and the time zone of its machine."""
        return self._parts[0].created

    @property
    def user_metadata(self) -> dict[Any, Any]:
        """Copy of the user's own metadata of the first part."""
        return self._parts[0].user_metadata

    # --- extra data

    @property
    def has_extra_data(self) -> bool:
        """Whether a part has extra data."""
        return any(store.has_extra_data for store in self._parts)

    def get_extra_data(self, ignore_corrupt_chunks: bool = False) -> pd.DataFrame | None:
        """Read all records of extra data. See `ImgStore.get_extra_data`.

        The column frame_index counts the frames of all parts, and frame_number follows ``renumber``.
        """
        return self._read_records(ignore_corrupt_chunks, exact=False)

    def get_extra_data_samplerate(self) -> float | None:
        """Return samples per second of the first part's extra data of Motif, or None."""
        return self._parts[0].get_extra_data_samplerate()

    def _read_records(self, ignore_corrupt: bool, exact: bool) -> pd.DataFrame | None:
        import pandas as pd

        known, tables = self._reader.index, []
        for store, start, end, shift in zip(self._parts, known.starts, known.starts[1:], known.shifts, strict=False):
            table = store._read_records(ignore_corrupt, exact)
            if table is not None:
                tables.append(_moved(table, start, end - start, shift))
        if not tables:
            return None
        return pd.concat(_same_integers(tables), ignore_index=True) if len(tables) > 1 else tables[0]

    def _add_columns(self, table: pd.DataFrame) -> None:
        import numpy as np

        table['part'] = np.repeat(np.arange(len(self._parts)), np.diff(self._reader.index.starts))

    # --- dask

    def to_dask(self, frames_per_block: Any = None) -> da.Array:
        """Make a dask array of all frames. See `ImgStore.to_dask`.

        Blocks begin at parts, too.

        Examples
        --------
        >>> imgstore.MultiStore(['recording', 'recording']).to_dask().mean(axis=(1, 2)).compute().tolist()
        [100.0, 101.0, 102.0, 105.0, 106.0, 100.0, 101.0, 102.0, 105.0, 106.0]
        """
        self._reader.check_open()
        if frames_per_block is not None:
            as_int_min(frames_per_block, 'frames_per_block', 1)
        ranges = zip(self._parts, self.part_ranges(), strict=True)
        arrays = [store.to_dask(frames_per_block)[: end - begin] for store, (begin, end) in ranges if begin < end]
        if len(arrays) < 2:
            return arrays[0] if arrays else self._parts[0].to_dask(frames_per_block)
        import dask.array

        joined: da.Array = dask.array.concatenate(arrays)  # type: ignore[no-untyped-call]
        return joined

    # --- opening and closing

    def close(self) -> None:
        """Close the parts, except for those that you passed open."""
        self._reader.close()
        self._close_own()

    def _close_own(self) -> None:
        for store in self._own:
            store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the parts, with their paths and options, and the position."""
        self._reader.check_open()
        counts = [end - begin for begin, end in self.part_ranges()]
        return _open_again, (type(self), self._parts, self._renumbers, self._reader.position, counts)

    def __repr__(self) -> str:
        rows, parts = ', '.join(describe(self).values()), count_of(len(self._parts), 'part')
        return f'<{type(self).__name__} of {parts} from {self.filename!r}, {rows}, mode {self.mode!r}>'

    def _repr_html_(self) -> str:
        """Describe the store for a notebook, with its first frame if readable."""
        rows, image = {**describe(self), 'parts': '; '.join(store.filename for store in self._parts)}, None
        try:
            image = self[0] if self.frame_count else None
        except (ImgStoreError, OSError) as error:
            rows['first frame'] = f'cannot be read: {error}'
        return as_html(type(self).__name__, rows, image)


def _open_again(
    cls: type[MultiStore], parts: list[ImgStore], renumber: bool, position: int, counts: Sequence[int]
) -> MultiStore:
    """Reopen a pickled store, which owns the copies of its parts.

    FrameReadError if a part has fewer frames by now, or if one before the last has more: indexes would have moved.
    """
    store = cls(parts, renumber=renumber)
    store._own = list(parts)
    for at, ((begin, end), count) in enumerate(zip(store.part_ranges(), counts, strict=True)):
        if end - begin < count or (end - begin > count and at < len(parts) - 1):
            store.close()
            raise FrameReadError(
                f'{parts[at].filename}: the store had {count} frames when the MultiStore was pickled and has '
                f'{end - begin} now, so frames have other indexes; open the MultiStore again',
                store=parts[at].filename,
            )
    store._reader.position = position
    return store


def _begin(store: ImgStore) -> float:
    """Return the earliest time; infinity without frames."""
    return store.frame_time_min if store.frame_count else float('inf')


def _check_alike(stores: Sequence[ImgStore]) -> None:
    """Raise InvalidArgumentError unless the images of all stores are of one kind."""
    if not stores:
        raise InvalidArgumentError('there are no parts: give at least one store', argument='parts')
    first = stores[0]
    for store in stores[1:]:
        for what in ('image_shape', 'dtype', 'encoding'):
            mine, other = getattr(first, what), getattr(store, what)
            if mine != other:
                raise InvalidArgumentError(
                    f'parts must have images of one kind, but {what} is {mine} in {first.filename!r} and {other} in '
                    f'{store.filename!r}; imgstore.convert can change a store',
                    argument='parts',
                    store=store.filename,
                )


def _moved(table: pd.DataFrame, start: int, count: int, shift: int) -> pd.DataFrame:
    """Return the records of a part with the indexes and numbers of all frames."""
    if FRAME_INDEX in table:
        is_known = ~(table[FRAME_INDEX] >= count)
        table = table[is_known].copy()
        table[FRAME_INDEX] += start
    if shift and FRAME_NUMBER in table:
        table = table.assign(**{FRAME_NUMBER: table[FRAME_NUMBER] + shift})
    return table


def _same_integers(tables: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """Make integer columns nullable that some tables lack: they stay exact."""
    from ..extra_data.exact import nullable

    common = set.intersection(*(set(table.columns) for table in tables))
    same = []
    for table in tables:
        own = table.select_dtypes(['int64', 'uint64']).drop(columns=list(common), errors='ignore')
        same.append(table.astype({name: nullable(dtype) for name, dtype in own.dtypes.items()}))
    return same
