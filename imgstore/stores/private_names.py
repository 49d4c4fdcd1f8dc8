"""Private names of a store, used by existing programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..index.store_index import ImgStoreIndex
from .properties import StoreProperties


class PrivateNames(StoreProperties):
    """Names that imgstore 0.4 has, too."""

    @property
    def _basedir(self) -> str:
        return self.filename

    @property
    def _metadata(self) -> dict[str, Any]:
        return self._impl.metadata.store

    @property
    def _format(self) -> str:
        return self._impl.metadata.format

    @property
    def _ext(self) -> str:
        return self._impl.layout.extension

    @property
    def _index(self) -> ImgStoreIndex:
        return self._require_impl().complete_index

    @property
    def _chunk_n(self) -> int:
        return self._require_impl().chunk_position[0]

    @property
    def _chunk_current_frame_idx(self) -> int:
        return self._require_impl().chunk_position[1]

    @property
    def _chunk_n_and_chunk_paths(self) -> list[tuple[int, str]] | None:
        return self._require_impl().listed_chunks

    @property
    def _chunk_paths(self) -> list[str] | None:
        listed = self._chunk_n_and_chunk_paths
        return None if listed is None else [self._impl.layout.chunk(number) for number, _ in listed]

    def _iter_chunk_n_and_chunk_paths(self) -> Iterator[tuple[int, str]]:
        return iter(self._require_impl().list_chunks())

    def _get_chunk_metadata(self, chunk_n: int) -> dict[str, list[Any]]:
        return self._index.get_chunk_metadata(chunk_n)
