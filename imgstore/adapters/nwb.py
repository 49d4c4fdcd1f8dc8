"""Stores in files of Neurodata Without Borders (NWB), by pynwb."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import re
from collections.abc import Container, Iterator, Mapping
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd

from .._support.forking import fork_lock
from .._support.json import as_json
from .._support.text import count_of, is_utf8
from .._support.validation import as_finite_seconds, not_allowed
from .._support.warn import warn
from ..color import Image
from ..constants import FRAME_NUMBER
from ..errors import (
    FrameReadError,
    ImgStoreWarning,
    InvalidArgumentError,
    MissingDependencyError,
    StoreLockedError,
)
from ..ondisk.files import StrPath, name_of, text_path
from ..ondisk.layout import Layout
from ..remote.urls import is_url
from ..stores.factories import DirectoryImgStore, ImgStore
from ..stores.multi import MultiStore
from .frames import in_rgb

try:
    from hdmf.backends.hdf5 import H5DataIO
    from hdmf.data_utils import DataChunkIterator
    from pynwb import TimeSeries
    from pynwb.image import ImageSeries
except ImportError as error:
    raise MissingDependencyError.for_extra('this adapter needs pynwb', 'pynwb', 'nwb') from error

Times = npt.NDArray[np.float64]
Reference = Any
"""An NWBFile, a datetime or seconds: the moment at which the times in the NWB file are 0."""

_DECIMALS = 9
"""Of seconds: nwbinspector calls times regular if their steps agree in them."""
_OF_FILES = ('data', 'format', 'external_file', 'starting_frame', 'dimension', 'num_samples')
_OF_STORE = frozenset({*_OF_FILES, 'timestamps', 'starting_time', 'rate'})
"""Arguments of a series that follow from the store."""
_MAX_DRIFT = 1e-6
"""Seconds by which a time may differ from that of a constant rate."""


def image_series(
    store: ImgStore | MultiStore,
    reference: Reference,
    path: StrPath,
    *,
    name: str | None = None,
    description: str | None = None,
    embed: bool = False,
    **options: Any,
) -> ImageSeries:
    """Make an ``ImageSeries`` of pynwb that refers to the files of a store.

    ``external_file`` lists the videos of the chunks, or each image of a store of images, relative to the folder of the
    NWB file. Move both together. ``starting_frame`` has the index of the first frame of each file.

    Each frame has its own time, unless all steps are equal to the nanosecond: then there is a rate instead.

    Parameters
    ----------
    store : ImgStore or MultiStore
        A store open for reading. No writer may have it open.
    reference : NWBFile, datetime or float
        Where the times in the NWB file begin: the file (its ``timestamps_reference_time``), an aware datetime, or a
        time of the store in seconds.
    path : str or PathLike
        The NWB file that the series is for. It need not exist yet.
    name : str, optional
        Name of the series. Default: that of the store's folder.
    description : str, optional
        Default: one with the store's format and its frame numbers.
    embed : bool
        Copy the images into the NWB file, in RGB or gray, instead of a reference. Any format can be embedded. The
        store must stay open until the file is written.
    **options
        Other arguments of ``ImageSeries``, such as ``device``.

    Returns
    -------
    pynwb.image.ImageSeries
        To be added by ``nwbfile.add_acquisition``.

    Raises
    ------
    InvalidArgumentError
        The store is empty, other programs do not open its format, its images are encoded, or frames are before
        ``reference``.
    FrameReadError
        A writer was killed and a video is incomplete.
    StoreLockedError
        A writer has the store open.
    """
    _check_is_store(store)
    if not isinstance(embed, bool):
        raise not_allowed('embed', embed, 'it must be True or False')
    for key in sorted(_OF_STORE & options.keys()):
        raise not_allowed(key, options[key], 'it follows from the store; leave it out')
    if not len(store):
        raise InvalidArgumentError(f'{_name(store)!r} has no frames; NWB needs at least one', argument='store')
    _warn_of_steps_back(store.frame_times)
    about = {'name': name or _name(store), 'description': description or _describe(store), 'unit': 'n.a.', **options}
    about |= timing(store.frame_times, seconds_of(reference))
    if embed:
        return ImageSeries(data=_embedded(store), format='raw', **about)
    files, starts = zip(*_files(store), strict=True)
    about |= {'external_file': [_relative(file, path) for file in files], 'starting_frame': [*starts]}
    if 'rate' in about:
        about['num_samples'] = len(store)
    return ImageSeries(format='external', dimension=[*store.image_shape[1::-1]], **about)


def time_series(
    store: ImgStore | MultiStore, reference: Reference, *, prefix: str = '', units: Mapping[str, str] | None = None
) -> list[TimeSeries]:
    """Make a ``TimeSeries`` of frame numbers and of each column of extra data.

    A sample is at the time of its frame. Frames without a value have no sample, and records before the first frame
    are left out. Numbers, and lists of numbers of one length, stay such. Other values become text, as JSON.

    Parameters
    ----------
    store : ImgStore or MultiStore
        A store open for reading.
    reference : NWBFile, datetime or float
        Where the times in the NWB file begin, as for `image_series`.
    prefix : str
        Start of the names, for NWB files with several stores.
    units : mapping of str to str, optional
        Units of columns. Default: 'n.a.'.

    Returns
    -------
    list of pynwb.TimeSeries
        ``frame_number``, and then the columns of `ImgStore.get_extra_data` by their names.

    Raises
    ------
    CorruptFileError
        A file of extra data is damaged.
    InvalidArgumentError
        Frames are before ``reference``.
    """
    _check_is_store(store)
    start, times = seconds_of(reference), store.frame_times
    found: dict[str, tuple[str, Any, Times]] = {
        FRAME_NUMBER: ('Frame numbers of the camera', store.frame_numbers, times)
    }
    records = store.records_by_frame()
    if records is None:
        records = pd.DataFrame()
    for column in records:
        has_value = records[column].notna().to_numpy()
        values = as_samples(records[column][has_value].tolist())
        about = f'Extra data {column!r} of a recording by imgstore'
        found[_free_name(str(column), {*found, _name(store)})] = about, values, times[records.index[has_value]]
    _check_units(units, found)
    return [
        TimeSeries(
            name=f'{prefix}{name}',
            description=about,
            data=values,
            unit=(units or {}).get(name, 'n.a.'),
            **timing(at, start),
        )
        for name, (about, values, at) in found.items()
        if len(values)
    ]


def _check_is_store(store: object) -> None:
    if not isinstance(store, (ImgStore, MultiStore)):
        raise not_allowed('store', store, 'it must be a store open for reading')


def _warn_of_steps_back(times: Times) -> None:
    steps = np.diff(times) < 0
    if steps.any():
        place = int(np.argmax(steps)) + 1
        warn(ImgStoreWarning(f'the time goes back at frame index {place}, and NWB wants times in order'))


def _check_units(units: object, names: Container[str]) -> None:
    if not isinstance(units, Mapping | None):
        raise not_allowed('units', units, 'it must be a mapping of columns to units')
    for name in units or ():
        if name not in names:
            raise not_allowed('units', name, 'there is no such column')


def seconds_of(reference: Reference) -> float:
    """Return the store's time of a reference, in seconds."""
    moment = getattr(reference, 'timestamps_reference_time', reference)
    if not isinstance(moment, datetime.datetime):
        return as_finite_seconds(moment, 'reference')
    if moment.utcoffset() is None:
        raise not_allowed('reference', moment, 'a datetime must have a time zone')
    return moment.timestamp()


def timing(frame_times: Times, start: float) -> dict[str, Any]:
    """Return the arguments of a series that state when its samples are.

    Parameters
    ----------
    frame_times : ndarray
        Times by the store, in seconds.
    start : float
        Time of the reference, in seconds.
    """
    times = np.asarray(frame_times, np.float64) - start
    if (times < 0).any():
        first = float(np.nanmin(times))
        raise InvalidArgumentError(
            f'frame times begin {-first:.6g} s before the reference, and NWB wants none before it; pass an earlier '
            f'reference, or, if the times of the store are not since 1970, its own time at the reference in seconds',
            argument='reference',
        )
    steps = np.diff(times)
    if len(steps) > 1 and len(np.unique(steps.round(_DECIMALS))) == 1 and steps[0] > 0:
        period = float(times[-1] - times[0]) / len(steps)
        if np.abs(times[0] + period * np.arange(len(times)) - times).max() < _MAX_DRIFT:
            return {'starting_time': float(times[0]), 'rate': 1 / period}
    return {'timestamps': times}


def as_samples(values: list[Any]) -> npt.NDArray[Any] | list[str]:
    """Return numbers as an array with one sample in each row, and others as text."""
    with contextlib.suppress(ValueError, OverflowError):  # lists of different lengths
        array = np.array(values)
        if array.dtype.kind in 'iuf' and array.size and not any(isinstance(value, bool) for value in values):
            return array
        if array.dtype.kind == 'b':
            return array
    return [value if isinstance(value, str) and _fits_hdf5(value) else json.dumps(as_json(value)) for value in values]


def _fits_hdf5(text: str) -> bool:
    return '\0' not in text and is_utf8(text)


def _free_name(name: str, taken: Container[str]) -> str:
    """Return a name that NWB allows and that is not taken."""
    allowed = _without_separators(name)
    allowed = allowed if allowed.strip('.') else f'unnamed{allowed.replace(".", "_")}'
    while allowed in taken:
        allowed += '_extra'
    return allowed


def _without_separators(name: str) -> str:
    return re.sub(r'[/:\0]', '_', name)


def _parts(store: ImgStore | MultiStore) -> Iterator[tuple[ImgStore, int]]:
    """Yield each store, and the index of its first frame."""
    if isinstance(store, MultiStore):
        for part, (start, _) in zip(store.parts, store.part_ranges(), strict=True):
            yield part, start
    else:
        yield store, 0


def _name(store: ImgStore | MultiStore) -> str:
    first, _ = next(_parts(store))
    return _without_separators(name_of(first.filename))


def _describe(store: ImgStore | MultiStore) -> str:
    frames = f'{count_of(len(store), "frame")}, numbered {store.frame_min} to {store.frame_max}'
    return f'Video recorded by imgstore, format {store.format}: {frames}'


def _files(store: ImgStore | MultiStore) -> Iterator[tuple[str, int]]:
    """Yield the path of each file with frames, and the index of its first frame."""
    for part, before in _parts(store):
        _check(part)
        paths = part.chunk_paths()
        for chunk, start, stop in part.chunk_ranges():
            if isinstance(part, DirectoryImgStore):
                images = Layout(part.filename, f'.{part.format}', True)
                for i in range(stop - start):
                    _check_is_there(path := images.image(chunk, i), part)
                    yield path, before + start + i
            else:
                _check_is_there(paths[chunk], part)
                _check_opens(paths[chunk], part)
                yield paths[chunk], before + start


def _check(store: ImgStore) -> None:
    """Raise unless other programs show the images of the store's files."""
    if store.is_live:
        where = store.filename
        raise StoreLockedError(f'{where!r} is open in a writer; close it first', path=where, store=where)
    if store.format in ('npy', 'bpk') or store.encoding:
        what = f'images encoded as {store.encoding}' if store.encoding else f'format {store.format}'
        raise InvalidArgumentError(
            f'{store.filename!r} has {what}, which other programs do not show; pass embed=True, or convert the store '
            f'by imgstore-convert to a format such as png',
            argument='store',
            store=store.filename,
        )


def _check_is_there(path: str, store: ImgStore) -> None:
    if not is_url(path) and not os.path.isfile(path):
        raise FrameReadError(
            f'{path} is not there: it was removed, or the writer of {store.filename!r} was killed; bring it back, or '
            f'run imgstore-repair',
            path=path,
            store=store.filename,
        )


def _check_opens(path: str, store: ImgStore) -> None:
    """Raise if OpenCV, like other programs, cannot open a video."""
    if is_url(path):
        return
    with fork_lock:  # OpenCV holds a lock meanwhile, which a forked child would find locked
        capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG)
        is_open = capture.isOpened()
        capture.release()
    if not is_open:
        raise FrameReadError(
            f'{path} cannot be opened by other programs, as it is cut off or damaged; run imgstore-repair on '
            f'{store.filename!r}',
            path=path,
            store=store.filename,
        )


def _relative(file: str, nwb_path: StrPath) -> str:
    """Return a file's path from the folder of the NWB file, if there is one."""
    if is_url(file):
        return file
    folder = os.path.realpath(os.path.dirname(text_path(nwb_path, 'path')))
    try:
        return os.path.relpath(os.path.realpath(file), folder).replace(os.sep, '/')
    except ValueError:  # another drive
        return file


def _embedded(store: ImgStore | MultiStore) -> H5DataIO:
    shape = store.shape
    images = DataChunkIterator(data=_images(store), maxshape=shape, dtype=np.dtype(store.dtype), buffer_size=1)
    return H5DataIO(images, chunks=(1, *shape[1:]), compression='gzip')


def _images(store: ImgStore | MultiStore) -> Iterator[Image]:
    for image, _ in store:
        yield in_rgb(image, store)
