"""The index: numbers and times of all frames of a store."""

from .store_index import (
    ImgStoreIndex,
    save_cache_if_large,
)

__all__ = [
    'ImgStoreIndex',
    'save_cache_if_large',
]
