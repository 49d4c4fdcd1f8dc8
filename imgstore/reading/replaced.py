"""Recordings that were replaced by others while they are open."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Hashable

from ..constants import STORE_MD_FILENAME
from ..errors import StoreIOError
from ..ondisk.files import join
from ..ondisk.metadata import StoreMetadata, load_metadata
from ..remote import files as remote
from ..remote.urls import is_url


class KnownMetadata:
    """What metadata.yaml said when it was last looked at.

    Parameters
    ----------
    store : str
        The store's folder.
    metadata : StoreMetadata
        Its content.
    """

    def __init__(self, store: str, metadata: StoreMetadata) -> None:
        self._store, self._path, self._metadata = store, join(store, STORE_MD_FILENAME), metadata
        self._stamp = self._look()

    def _look(self) -> Hashable:
        with contextlib.suppress(OSError):
            if is_url(self._path):
                return remote.status(self._path)
            status = os.stat(self._path)
            return status.st_ino, status.st_size, status.st_mtime_ns
        return None

    def refreshed(self) -> StoreMetadata:
        """Return the content now.

        Raises
        ------
        StoreIOError
            It is that of a recording with other images.
        CorruptFileError
            It is damaged.
        """
        stamp = self._look()
        if stamp is not None and stamp != self._stamp:
            new = load_metadata(self._store)
            if _kind(new) != _kind(self._metadata):
                raise StoreIOError(
                    f'{self._store} was replaced by a recording of other images; open it again',
                    path=self._path,
                    store=self._store,
                )
            self._metadata, self._stamp = new, stamp
        return self._metadata


def _kind(metadata: StoreMetadata) -> tuple[Hashable, ...]:
    return (
        metadata.imgshape,
        metadata.imgdtype,
        metadata.format,
        metadata.class_name,
        metadata.encoding,
        metadata.extension,
    )
