"""All stores below a folder, in a row each."""

from __future__ import annotations

import os
import re
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .._support.regular_files import read_regular
from ..align.recorded import RECORDING_FILENAME, failure_of
from ..constants import STORE_LOCK_FILENAME, STORE_MD_FILENAME, STORE_MD_KEY
from ..errors import ImgStoreError, InvalidArgumentError, StoreNotFoundError
from ..formats import is_known
from ..ondisk.chunk_files import find_chunk_files
from ..ondisk.files import StrPath
from ..ondisk.lock import lock_state
from ..ondisk.lost_metadata import HOW_TO_RESTORE, has_lost_metadata
from ..ondisk.metadata import load_metadata
from ..ondisk.repair_notes import RepairNote, repair_notes
from ..remote.urls import is_url
from ..stores.base import ImgStore
from ..stores.factories import new_for_filename
from .files import FolderSize, folder_size, is_folder
from .health import Health, store_health

_CHUNK = re.compile(r'\d{6,}(\.\w+)?', re.ASCII)
_MAX_METADATA = 2**24  # bytes
_MOST_NAMED = 5  # damaged files


@dataclass(frozen=True)
class StoreRow:
    """A store below a folder, in short.

    Attributes
    ----------
    path : str
        Path of the store's folder, below the given one.
    state : {'good', 'live', 'not closed', 'damaged', 'unreadable'}
        'live': a writer has the store open. 'not closed': its writer was killed. 'damaged': chunks are missing or
        skipped, images are missing or empty, or a video is cut off. 'unreadable': it could not be opened, and the
        fields below have no values.
    problem : str or None
        Reason of the last three states. Or, in a good store, its latest repair, or that its format is unknown.
    format : str or None
        Name of the format.
    image_shape : tuple of int or None
        Shape of the images returned by reading, in pixels.
    dtype : str or None
        dtype of the images.
    frames : int or None
        Number of frames.
    missing_numbers : int or None
        Number of missing frame numbers.
    first_time : float or None
        Time of the first frame in seconds. None in an empty store, too.
    last_time : float or None
        Time of the last frame in seconds. None in an empty store, too.
    duration : float or None
        Seconds from the earliest frame time to the latest.
    created_utc : str or None
        Start of the recording in UTC, in ISO 8601 format without offset.
    timezone : str or None
        Name of the recording's time zone.
    chunks : int or None
        Number of chunks in the index.
    bytes_on_disk : int
        Size of all files in bytes.
    files : int
        Number of files.
    failure : str or None
        Error that ended the recording of its camera, such as an unplugged cable, by recording.yaml.
    first_number : int or None
        Number of the first frame. None in an empty store, too.
    last_number : int or None
        Number of the last frame. None in an empty store, too.
    """

    path: str
    state: str
    problem: str | None = None
    format: str | None = None
    image_shape: tuple[int, ...] | None = None
    dtype: str | None = None
    frames: int | None = None
    missing_numbers: int | None = None
    first_time: float | None = None
    last_time: float | None = None
    duration: float | None = None
    created_utc: str | None = None
    timezone: str | None = None
    chunks: int | None = None
    bytes_on_disk: int = 0
    files: int = 0
    failure: str | None = None
    first_number: int | None = None
    last_number: int | None = None


def list_stores(*folders: StrPath, progress: Callable[[], object] = lambda: None) -> list[StoreRow]:
    """List all stores in folders and below them, from their indexes.

    No frame is read: images and videos are checked by their names, sizes and structure. Hidden folders are skipped.
    Symbolic links are followed, but not to folders that they are in. Each folder is visited once.

    Parameters
    ----------
    *folders : str or PathLike
        The folders. Each may also be a store.
    progress : callable
        Called after each store.

    Returns
    -------
    list of StoreRow
        The stores, sorted by path, 2 before 10. A folder that may not be read is a row, too.

    Raises
    ------
    StoreNotFoundError
        A folder does not exist.

    Examples
    --------
    >>> from imgstore.overview import list_stores
    >>> [(row.path, row.frames, row.missing_numbers, row.state) for row in list_stores('.')]
    [('recording', 5, 2, 'good')]
    """
    rows = []
    for row in each_store(*folders):
        rows.append(row)
        progress()
    return sorted(rows, key=lambda row: _as_counted(row.path))


def each_store(*folders: StrPath) -> Iterator[StoreRow]:
    """Yield the rows of `list_stores` as they are found."""
    for place in _places([os.fsdecode(folder) for folder in folders]):
        row = _row(place)
        if row is not None:
            yield row


def store_folders(folder: StrPath) -> list[str]:
    """Return the folders of all stores in a folder and below it.

    They are sorted, 2 before 10, and not opened.
    """
    places = _places([os.fsdecode(folder)])
    found = (place.path for place in places if place.has_metadata and _names_store(place.path))
    return sorted(found, key=_as_counted)


def recording_folders(*folders: StrPath) -> list[str]:
    """Return the folders with recording.yaml, sorted as by `store_folders`."""
    places = _places([os.fsdecode(folder) for folder in folders])
    return sorted((place.path for place in places if place.has_recording), key=_as_counted)


def _as_counted(path: str) -> list[list[tuple[int, str]]]:
    """Return a sort key with folder 10 after folder 9."""
    return [
        [(int(part), '') if part.isdecimal() else (-1, part) for part in re.split(r'(\d+)', name)]
        for name in path.split(os.sep)
    ]


class _Place(NamedTuple):
    """A folder that may be a store or a recording, or cannot be read."""

    path: str
    error: OSError | None = None
    has_metadata: bool = False
    has_chunks: bool = False
    has_recording: bool = False


def _places(folders: list[str]) -> Iterator[_Place]:
    """Yield the folders with files of a store or recording; linked ones last."""
    seen: set[tuple[int, int]] = set()
    for folder in folders:
        if is_url(folder):
            raise InvalidArgumentError(f'{folder!r} is a URL, and only folders of this machine can be searched')
        if not os.path.isdir(folder):
            raise StoreNotFoundError(f'{folder!r} is not a folder; give one with stores below it', path=folder)
    waiting, links = deque(map(os.path.normpath, folders)), deque[str]()
    while waiting or links:
        path = waiting.popleft() if waiting else links.popleft()
        try:
            status = os.stat(path)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            found = _Entries(path)
        except OSError as error:
            yield _Place(path, error)
            continue
        waiting += found.folders
        links += found.links
        if found.has_metadata or found.has_chunks or found.has_recording:
            yield _Place(path, None, found.has_metadata, found.has_chunks, found.has_recording)


class _Entries:
    """Content of a folder, without hidden folders and those of chunks."""

    def __init__(self, path: str) -> None:
        self.folders, self.links = list[str](), list[str]()
        self.has_metadata = self.has_chunks = self.has_recording = False
        with os.scandir(path) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                self._add(entry, entry.name if path == os.curdir else entry.path)

    def _add(self, entry: os.DirEntry[str], path: str) -> None:
        self.has_metadata |= entry.name == STORE_MD_FILENAME
        self.has_recording |= entry.name == RECORDING_FILENAME
        if _CHUNK.fullmatch(entry.name):
            self.has_chunks = True
        elif entry.name.startswith('.') or not is_folder(entry):
            return
        elif not entry.is_symlink():
            self.folders.append(path)
        elif not _leads_up(path):
            self.links.append(path)


def _leads_up(link: str) -> bool:
    """Return whether a link leads to a folder that it is in."""
    real, parent = os.path.realpath(link), os.path.realpath(os.path.dirname(link))
    return os.path.commonpath([real, parent]) == real


def _row(place: _Place) -> StoreRow | None:
    if place.error is not None:
        return StoreRow(place.path, 'unreadable', place.error.strerror or str(place.error))
    if not place.has_metadata and not place.has_chunks:
        return None
    try:
        on_disk = folder_size(place.path)
        if not place.has_metadata:
            why = f'there is no {STORE_MD_FILENAME} in it; {HOW_TO_RESTORE}'
            return _unreadable(place, why, on_disk) if find_chunk_files(place.path) else None
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter('always')
            with new_for_filename(place.path, cache_bytes=0) as store:
                store.index.load()
                return _summary(place.path, store, [each.message for each in caught], on_disk)
    except (ImgStoreError, OSError) as error:
        is_store = not place.has_metadata or _names_store(place.path) or bool(find_chunk_files(place.path))
        why = f'{error}; {HOW_TO_RESTORE}' if has_lost_metadata(error) else str(error)
        return _unreadable(place, why, on_disk) if is_store else None


def _unreadable(place: _Place, why: str, on_disk: FolderSize) -> StoreRow:
    state = 'live' if lock_state(os.path.join(place.path, STORE_LOCK_FILENAME)) == 'held' else 'unreadable'
    return StoreRow(place.path, state, why, bytes_on_disk=on_disk.size or 0, files=on_disk.files or 0)


def _names_store(folder: str) -> bool:
    """Return whether metadata.yaml is a store's, or empty, not another program's."""
    try:
        content = read_regular(os.path.join(folder, STORE_MD_FILENAME), _MAX_METADATA)
    except OSError:
        return True
    return STORE_MD_KEY.encode() in content or not content.strip(b'\0 \n')


def _summary(path: str, store: ImgStore, messages: list[Warning | str], on_disk: FolderSize) -> StoreRow:
    numbers, times = store.frame_numbers, store.frame_times
    created, zone = store.created
    return StoreRow(
        path,
        *_state(store_health(store, messages, on_disk.empty), store.format, repair_notes(load_metadata(path))),
        store.format,
        store.image_shape,
        str(store.dtype),
        len(numbers),
        _missing(numbers),
        float(times[0]) if len(times) else None,
        float(times[-1]) if len(times) else None,
        store.duration,
        created.replace(tzinfo=None).isoformat(),
        str(zone),
        len(store.index.chunk_ranges()),
        on_disk.size or 0,
        on_disk.files or 0,
        failure_of(path),
        int(numbers[0]) if len(numbers) else None,
        int(numbers[-1]) if len(numbers) else None,
    )


def _missing(numbers: np.ndarray[Any, Any]) -> int:
    steps = np.diff(numbers)
    return int((steps[steps > 1] - 1).sum())


def _state(health: Health, name: str, repairs: Sequence[RepairNote]) -> tuple[str, str | None]:
    if damage := _damage(health):
        return 'damaged', damage
    if health.lock == 'held':
        return 'live', None
    if not health.good:
        why = 'its writer was killed' if health.lock == 'left' else 'its writer could not complete it'
        return 'not closed', f'{why}; complete it with imgstore repair'
    if repairs:
        return 'good', str(repairs[-1])
    if is_known(name):
        return 'good', None
    return 'good', f'format {name!r} is unknown to this version; its files are read as videos by their extension'


def _damage(health: Health) -> str:
    missing = f'missing chunks: {", ".join(map(str, health.missing_chunks[:20]))}' if health.missing_chunks else ''
    files = list(health.damaged_files[:_MOST_NAMED])
    more = len(health.damaged_files) - len(files)
    return '; '.join(filter(None, [*health.skipped_chunks, missing, *files, f'and {more} more' if more else '']))
