"""The player's requests to a store: frames as JPEG, places and gaps."""

from __future__ import annotations

import math
import pickle
from typing import Any

from .._support.json import as_json
from .._support.text import printable
from ..color import Image
from ..contrast import IntensityScaler, measure_range
from ..errors import ImgStoreError
from ..ondisk.files import name_of
from ..stores.base import ImgStore
from ..timestamps import format_time
from ..viewers import gaps
from ..viewers.goto import find_place
from ..viewers.navigation import Navigator
from ..viewers.web.pictures import encode_preview

_QUALITY = 85
_SAMPLES = 600  # of the timeline
_WIDEST = 4096  # pixels

Answer = tuple[dict[str, Any], list[bytes]]
"""A message to the page, and its binary part."""


class Requests:
    """What a player asks of a store.

    It reads with a store of its own, so that the position of yours stays.

    Parameters
    ----------
    store : store
        Open for reading.
    """

    def __init__(self, store: ImgStore) -> None:
        self._store: ImgStore = pickle.loads(pickle.dumps(store))  # noqa: S301 -- our own bytes
        self._navigator = Navigator(self._store)
        self._shades = IntensityScaler(lambda: measure_range(self._image, self._store.frame_count))

    def close(self) -> None:
        """Close the own store."""
        self._store.close()

    def facts(self) -> dict[str, Any]:
        """Return what the player shows besides the frames."""
        store, count = self._store, self._store.frame_count
        period = self._navigator.period
        return {
            'name': printable(name_of(store.filename)),
            'frames': count,
            'shape': list(store.image_shape[:2]),
            'period': period if math.isfinite(period) and period > 0 else 0.04,
            'live': store.is_live,
            'gaps': self._gaps(count),
        }

    def _gaps(self, count: int) -> list[int]:
        if count < 2:
            return []
        samples = gaps.sample_frames(self._navigator.frame, 0, count, _SAMPLES)
        found = gaps.find_gaps(self._navigator.frame, samples, self._navigator.period)
        return [int(gap.place) for gap in found]

    def answer(self, asked: dict[str, Any]) -> Answer | None:
        """Answer a message of the page; None for an unknown one."""
        known = {'frame': self._frame, 'find': self._find, 'gap': self._gap, 'refresh': self._refresh}
        answer = known.get(str(asked.get('kind')))
        try:
            return answer(asked) if answer else None
        except (ImgStoreError, OSError) as error:
            return {'kind': asked['kind'], 'request': asked.get('request'), 'error': printable(str(error))}, []

    def _frame(self, asked: dict[str, Any]) -> Answer:
        """Return a frame with its number and time.

        If it cannot be read, there is an error in place of the image.
        """
        index = min(max(_integer(asked.get('index')), 0), max(0, self._store.frame_count - 1))
        width = min(max(_integer(asked.get('width')), 16), _WIDEST)
        number, seconds = self._navigator.frame(index)
        told = {
            'kind': 'frame',
            'request': asked.get('request'),
            'index': index,
            'number': number,
            'time': as_json(seconds),
            'text': format_time(self._store.created[1], seconds),
        }
        try:
            data = encode_preview(self._image(index), self._shades, width, _QUALITY, bool(asked.get('stretch')))
        except (ImgStoreError, OSError) as error:
            return {**told, 'error': printable(str(error))}, []
        return told, [data]

    def _image(self, index: int) -> Image:
        image: Image = self._store.get_image(None, frame_index=index)[0]
        return image

    def _find(self, asked: dict[str, Any]) -> Answer:
        index, note = find_place(self._store, str(asked.get('text')))
        return {'kind': 'place', 'index': index, 'note': note}, []

    def _gap(self, asked: dict[str, Any]) -> Answer:
        direction = 1 if _integer(asked.get('direction')) > 0 else -1
        found, searched = self._navigator.next_gap(_integer(asked.get('index')), direction)
        while found is None and searched is not None:
            found, searched = self._navigator.next_gap(searched, direction)
        return {'kind': 'place', 'index': found, 'note': '' if found is not None else 'there are no more gaps'}, []

    def _refresh(self, asked: dict[str, Any]) -> Answer:
        self._store.refresh()
        return {'kind': 'facts', 'facts': self.facts()}, []


def _integer(value: Any) -> int:
    """Return a number of the page as int, 0 for anything else."""
    return int(value) if isinstance(value, (int, float)) and math.isfinite(value) else 0
