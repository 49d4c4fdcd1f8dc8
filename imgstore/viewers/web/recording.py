"""The page's requests to one store.

Apart from a first search, their time does not depend on its length.
"""

from __future__ import annotations

import math
import os
import threading
import time
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ..._support.json import as_json
from ...color import Image
from ...constants import FRAME_NUMBER, FRAME_TIME, STORE_LOCK_FILENAME
from ...contrast import IntensityScaler, measure_range
from ...errors import FrameReadError
from ...lossless_file import fits_png
from ...ondisk.files import name_of
from ...stores.base import ImgStore
from ...stores.factories import DirectoryImgStore, new_for_filename
from .. import gaps
from ..goto import find_place
from ..navigation import Navigator
from . import pictures
from .alignment import NumberOrder
from .damage import damage_of
from .extra import ExtraData
from .packets import PacketRuns, may_have_packets

AXES = ('index', 'time', 'number')
_MOST_BORDERS = 400  # more would hide the timeline
_REFRESH_SECONDS = 0.5
_THUMBNAIL_CACHE = 32 * 2**20  # bytes
_LONGEST_UNIT = 20  # characters

Row = dict[str, Any]


class Recording:
    """One store on the page. Thread-safe.

    Parameters
    ----------
    path : str
        Path of the store.
    """

    def __init__(self, path: str) -> None:
        self.store = new_for_filename(path)
        self.navigator = Navigator(self.store)
        self.name = name_of(self.store.filename) or self.store.filename
        self._thumbnails: ImgStore | None = None
        self._shades = IntensityScaler(lambda: measure_range(self.image, self.count))
        self._lock = threading.Lock()
        self._refreshed, self._was_live, self._was_refreshed = -math.inf, False, False
        self._order: NumberOrder | None = None
        self._extra = ExtraData(self.store)
        self.packets = PacketRuns(self.store)
        self.summary()  # counts the frames, before the page asks for them

    def close(self) -> None:
        """Close everything."""
        self.packets.close()
        self.store.close()
        if self._thumbnails:
            self._thumbnails.close()

    # --- state

    def refresh(self, interval: float = _REFRESH_SECONDS) -> None:
        """Load frames added by a writer, at most once in `interval` seconds."""
        with self._lock:
            if time.monotonic() - self._refreshed < interval:
                return
            live = os.path.exists(os.path.join(self.store.filename, STORE_LOCK_FILENAME))  # none at a URL
            if live or self._was_live:  # once more after it is closed
                self.store.refresh()
            self._refreshed, self._was_live = time.monotonic(), live

    @property
    def count(self) -> int:
        """Number of frames."""
        return self.store.frame_count

    @property
    def image_bytes(self) -> int:
        """Size of a frame in memory."""
        return math.prod(self.store.image_shape) * self.store.dtype.itemsize

    def summary(self) -> Row:
        """Return the page's data before the first frame."""
        store, count = self.store, self.count
        dtype = store.dtype
        return {
            'name': self.name,
            'frames': count,
            'shape': list(store.image_shape),
            'dtype': str(dtype),
            'format': store.format,
            'lossless': store.lossless,
            'period': as_json(self.navigator.period),
            'live': store.is_live,
            'timezone': getattr(store.created[1], 'key', 'UTC'),
            'first': self.row(0) if count else None,
            'last': self.row(count - 1) if count else None,
            'exact': 'png' if fits_png(store.image_shape, dtype) else 'npy',
            'packets': may_have_packets(store),
        }

    def about(self) -> Row:
        """Return the store's properties and the user's metadata."""
        store, (created, zone) = self.store, self.store.created
        chunks = self.store.index.chunk_ranges()
        return {
            'store': {
                'path': store.filename,
                'format': store.format,
                'uuid': store.uuid,
                'created': created.astimezone(zone).isoformat(' ', 'seconds'),
                'time zone': str(zone),
                'chunks': len(chunks),
                'frames a chunk': store.chunksize,
            },
            'user': as_json(store.user_metadata, nan_as_text=True),
        }

    @cached_property
    def damage(self) -> str:
        """What is damaged in the store's files, or ''. Examined once."""
        return damage_of(self.store.filename)

    def row(self, index: int) -> Row:
        """Return a frame's index, number and time."""
        number, frame_time = self.navigator.frame(index)
        return {'index': index, 'number': number, 'time': as_json(frame_time)}

    def rows(self, start: int, count: int) -> list[Row]:
        """Return the rows of `count` frames from an index on."""
        return [self.row(index) for index in range(max(0, start), min(start + count, self.count))]

    # --- finding

    @property
    def order(self) -> NumberOrder:
        """The frames in the order of their numbers."""
        numbers = self.store.index.frame_numbers
        if self._order is None or self._order.source is not numbers:
            self._order = NumberOrder(numbers)
        return self._order

    def find(self, axis: str, value: float) -> int | None:
        """Return the index of the frame nearest to a value on an axis; None if empty."""
        if axis == 'index':
            return min(max(round(value), 0), self.count - 1) if self.count else None
        return self.store.index.find(FRAME_NUMBER if axis == 'number' else FRAME_TIME, value, nearest=True)

    def place(self, text: str) -> Row:
        """Return the frame at a place as a person writes it; see `find_place`."""
        index, note = find_place(self.store, text)
        return {**self.row(index), 'note': note}

    def next_gap(self, index: int, direction: int) -> Row:
        """Find a gap; see `Navigator.next_gap`."""
        found, searched = self.navigator.next_gap(index, direction)
        return {'found': found, 'searched': searched}

    # --- the timeline

    def timeline(self, axis: str, low: float | None, high: float | None, bins: int) -> Row:
        """Return samples between two values on an axis, with gaps and chunk starts.

        If times do not ascend, or one is not finite, the axis is the frame index.
        """
        at, size = self._frames_on(axis)
        # one frame beyond either end, so that lines reach the edges
        start = 0 if low is None else max(0, self._place(axis, low) - 1)
        end = size if high is None else min(size, self._place(axis, high) + 2)
        samples = gaps.sample_frames(at, start, end, bins)
        if axis == 'time' and not _ascend(samples.times):
            return self.timeline('index', None, None, bins)
        places = samples.places if axis != 'number' else self.order.indices_at(samples.places)
        found = gaps.find_gaps(at, samples, self.navigator.period)
        return {
            'axis': axis,
            'frames': size,
            'index': places.tolist(),
            'number': samples.numbers.tolist(),
            'time': as_json(samples.times),
            'missing': samples.missing.tolist(),
            'gaps': [self._gap(axis, gap) for gap in found],
            **self._borders(axis, places),
        }

    def _frames_on(self, axis: str) -> tuple[gaps.FrameAt, int]:
        if axis != 'number':
            return self.navigator.frame, self.count
        order = self.order
        return lambda place: self.navigator.frame(order.index_at(place)), len(order)

    def _place(self, axis: str, value: float) -> int:
        """Return the position of a value on an axis."""
        if axis == 'number':
            return self.order.place(value)
        return self.find(axis, value) or 0

    def _gap(self, axis: str, gap: gaps.Gap) -> Row:
        index = self.order.index_at(gap.place) if axis == 'number' else gap.place
        return {
            'index': index,
            'missing': gap.missing,
            'seconds': as_json(gap.seconds),
            'before': {'number': gap.before[0], 'time': as_json(gap.before[1]), 'index': index - 1},
            'after': {'number': gap.after[0], 'time': as_json(gap.after[1]), 'index': index},
        }

    def _borders(self, axis: str, indices: npt.NDArray[np.int64]) -> Row:
        """Return the chunk starts among these frames, or none if they are too many."""
        if not len(indices):
            return {'borders': [], 'chunks': 0}
        starts = self.navigator.chunk_starts(int(indices.min()), int(indices.max()))
        few = starts if len(starts) <= _MOST_BORDERS else []
        return {'borders': [{'chunk': chunk, **self.row(start)} for chunk, start in few], 'chunks': len(starts) + 1}

    # --- extra data

    def extra(self, low: int, high: int, bins: int) -> Row:
        """Return extra data for plots, see `ExtraData.between`, and units."""
        return {**self._extra.between(low, high, bins), 'units': _units(self.store.user_metadata)}

    def extra_at(self, index: int) -> Row:
        """Return the record at a frame; see `ExtraData.at`."""
        return self._extra.at(index)

    # --- images

    def image(self, index: int) -> Image:
        """Read a frame unchanged."""
        if self.has_independent_frames and index < self.count:
            image: Image = self.store[index]  # several threads at once
            return image
        return self.store.get_image(None, frame_index=index)[0]

    @property
    def has_independent_frames(self) -> bool:
        """Whether no frame is decoded from others."""
        return isinstance(self.store, DirectoryImgStore)

    def shown(
        self, image: Image, width: int | None, quality: int, stretch: bool, tone: pictures.Tone | None = None
    ) -> bytes:
        """Encode a frame as JPEG."""
        return pictures.encode_preview(image, self._shades, width, quality, stretch, tone)

    def histogram(self, index: int) -> Row:
        """Count a frame's values in equal parts of the range of the recording."""
        image = pictures.shown_channels(self.image(index))
        low, high = self._shades.range_with(image)
        return {'low': low, 'high': high, 'counts': pictures.histogram(image, low, high)}

    def pixel(self, index: int, x: int, y: int) -> Row:
        """Return a pixel's values as recorded.

        One value, or red, green and blue, with alpha if there is one.
        """
        values = np.atleast_1d(self.image(index)[y, x])
        order = [2, 1, 0, *range(3, len(values))] if len(values) in (3, 4) else list(range(len(values)))
        return {'x': x, 'y': y, 'values': as_json(values[order])}

    def thumbnail(self, index: int, width: int) -> bytes:
        """Encode a thumbnail as JPEG, by a reader separate from playback."""
        with self._lock:
            store = self._thumbnail_store()
        try:
            image = store.get_image(None, frame_index=index)[0]
        except FrameReadError:  # reported when the frame itself is shown
            image = np.zeros(store.image_shape[:2], np.uint8)
        return pictures.encode_preview(image, self._shades, width, 75, stretch=False)

    def _thumbnail_store(self) -> ImgStore:
        """Open a second reader with the index of the first."""
        if self._thumbnails is None:
            self._thumbnails = new_for_filename(
                self.store.filename, index=self.store.index, cache_bytes=_THUMBNAIL_CACHE
            )
            self._was_refreshed = not self._was_live
        if not self._was_refreshed or self._thumbnails.frame_count < self.count:
            self._thumbnails.refresh()
            self._was_refreshed = True
        return self._thumbnails


def _units(metadata: Any) -> dict[str, str]:
    """Return the units of columns, a mapping ``units`` in the metadata."""
    units = metadata.get('units') if isinstance(metadata, dict) else None
    if not isinstance(units, dict):
        return {}
    return {str(name): str(unit)[:_LONGEST_UNIT] for name, unit in units.items() if isinstance(unit, (str, int, float))}


def _ascend(times: npt.NDArray[np.float64]) -> bool:
    return bool(np.isfinite(times).all() and np.all(times[1:] >= times[:-1]))
