"""The recordings below folders, found in the background."""

from __future__ import annotations

import hashlib
import os
import threading
import time
import warnings
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from ..._support.json import as_json
from ...contrast import IntensityScaler
from ...errors import FrameNotFoundError, ImgStoreError, StoreNotFoundError
from ...ondisk.layout import existing_store_folder
from ...overview.listing import StoreRow, each_store
from ...remote.urls import is_url
from ...stores.factories import new_for_filename
from .damage import READING
from .pictures import encode_preview

_AGAIN_SECONDS, _AGAIN_FACTOR = 5.0, 10  # least time between two searches: in seconds, and in times of the search's
_MOST_THUMBNAILS = 1000
_QUALITY = 75


def is_catalog(path: str) -> bool:
    """Return whether a path is a folder, and no store itself."""
    if is_url(path) or not os.path.isdir(path):
        return False
    try:
        existing_store_folder(path)
    except ImgStoreError:
        return True
    return False


def holds_stores(path: str) -> bool:
    """Return whether a folder is no store, but has stores below it."""
    return is_catalog(path) and next(each_store(path), None) is not None


def check_catalog(folders: Sequence[str]) -> None:
    """Raise StoreNotFoundError unless there is a store below the folders."""
    if next(each_store(*folders), None) is None:
        named = ', '.join(map(repr, folders))
        raise StoreNotFoundError(
            f'there is no store in {named} or below; give the folder of a store, or one with stores below it',
            path=folders[0],
        )


class Catalog:
    """The recordings below folders. Thread-safe.

    Parameters
    ----------
    folders : sequence of str
        Paths of the folders.
    """

    def __init__(self, folders: Sequence[str]) -> None:
        self._folders = list(folders)
        self._lock = threading.Lock()
        self._rows: dict[str, StoreRow] = {}
        self._thumbnails: OrderedDict[tuple[str, int | None, int], bytes] = OrderedDict()
        self._search: threading.Thread | None = None
        self._is_complete, self._error, self._next = False, '', 0.0

    def listing(self) -> dict[str, Any]:
        """Return what is found so far; search again now and then."""
        self._start_search()
        with self._lock:
            return {
                'folders': self._folders,
                'complete': self._is_complete,
                'error': self._error,
                'recordings': [self._as_row(key, row) for key, row in self._rows.items()],
            }

    def row(self, key: str) -> StoreRow:
        """Return what is known of a recording; wait for the first search if needed.

        Raises
        ------
        FrameNotFoundError
            There is none with this key.
        """
        found = self._rows.get(key)
        if found is None and not self._is_complete:
            self._start_search().join()
            found = self._rows.get(key)
        if found is None:
            raise FrameNotFoundError(f'there is no recording {key!r} in {", ".join(self._folders)}')
        return found

    def _start_search(self) -> threading.Thread:
        """Start a search if the latest one is some time ago."""
        with self._lock:
            if self._search is None or (not self._search.is_alive() and time.monotonic() >= self._next):
                self._search = threading.Thread(target=self._find, name='imgstore-catalog', daemon=True)
                self._search.start()
            return self._search

    def thumbnail(self, key: str, width: int) -> bytes:
        """Encode the frame in the middle of a recording as JPEG.

        Raises
        ------
        ImgStoreError
            It has no frames, or cannot be read.
        """
        row = self.row(key)
        picture = row.path, row.frames, width
        with READING:  # one at a time, so that a page's own requests come first
            if picture not in self._thumbnails:
                self._thumbnails[picture] = _thumbnail(row.path, width)
                while len(self._thumbnails) > _MOST_THUMBNAILS:
                    self._thumbnails.popitem(last=False)
            return self._thumbnails[picture]

    def _as_row(self, key: str, row: StoreRow) -> Any:
        name = os.path.relpath(row.path, self._folders[0]) if len(self._folders) == 1 else row.path
        return as_json({'key': key, 'name': name, **asdict(row)})

    def _find(self) -> None:
        began, found, error = time.monotonic(), set[str](), ''
        try:
            for row in self._each_in_turn():
                key = _key(row.path)
                found.add(key)
                with self._lock:
                    self._rows[key] = row
        except (ImgStoreError, OSError) as caught:
            error = str(caught)
        now = time.monotonic()
        with self._lock:
            self._rows = {key: row for key, row in self._rows.items() if key in found}
            self._next = now + max(_AGAIN_SECONDS, _AGAIN_FACTOR * (now - began))
            self._is_complete, self._error = True, error

    def _each_in_turn(self) -> Iterator[StoreRow]:
        """Search while no thumbnail is read.

        Both catch warnings, and only one thread may.
        """
        rows = each_store(*self._folders)
        while True:
            with READING:
                row = next(rows, None)
            if row is None:
                return
            yield row


def _key(path: str) -> str:
    """Return a key for addresses, the same in each run of the server."""
    return hashlib.blake2s(os.fsencode(path), digest_size=6).hexdigest()


def _thumbnail(path: str, width: int) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # the list shows what is wrong
        with new_for_filename(path, cache_bytes=0) as store:
            if not store.frame_count:
                raise FrameNotFoundError(f'{path} has no frames')
            image = store.get_image(None, frame_index=store.frame_count // 2)[0]
    return encode_preview(image, IntensityScaler(), width, _QUALITY, stretch=image.dtype != np.uint8)
