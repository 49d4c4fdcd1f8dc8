"""A store as a dask array. Its tasks open the store for themselves."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from .._support.forking import leak, register_fork_handler
from ..errors import MissingDependencyError
from .identity import StoreIdentity, folder_stamp

if TYPE_CHECKING:
    import dask.array as da


_MOST_OPEN = 4


@dataclass(frozen=True)
class StoreSource:
    """The array that a task reads; it opens the store in the task's process.

    Attributes
    ----------
    open : callable
        Opens the store.
    path : str
        The store's folder.
    identity : StoreIdentity
        Its frames.
    options : tuple of (str, object)
        Options for reading.
    is_decoding : bool
        Whether raw images are converted to BGR.
    shape : tuple of int
        Shape of the array.
    dtype : dtype
        dtype of the images.
    """

    open: Callable[..., Any]
    path: str
    identity: StoreIdentity
    options: tuple[tuple[str, Any], ...]
    is_decoding: bool
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def ndim(self) -> int:
        """Number of axes of the array."""
        return len(self.shape)

    def __getitem__(self, key: Any) -> Any:
        """Read frames, or parts of them. dask passes ints and slices."""
        return _open.get(self)[key]


def dask_array(source: StoreSource, edges: list[int]) -> da.Array:
    """Make a dask array.

    Parameters
    ----------
    source : StoreSource
        The store.
    edges : list of int
        Frame indexes at which blocks begin, and the end of the last one.
    """
    import dask.array as da
    from dask.base import tokenize

    sizes = tuple(end - begin for begin, end in pairwise(edges)) or (0,)
    array: da.Array = da.from_array(  # type: ignore[no-untyped-call]
        source,
        chunks=(sizes, *((length,) for length in source.shape[1:])),
        name=f'imgstore-{tokenize(source, edges)}',
        inline_array=True,
        meta=np.empty((0,) * source.ndim, source.dtype),
    )
    return array


def frames_of_a_block(image_bytes: int) -> int:
    """Return how many images fit into the block size of dask's configuration.

    Raises
    ------
    MissingDependencyError
        dask is not installed.
    """
    try:
        import dask.array  # noqa: F401 -- which sets the configuration
        from dask import config
        from dask.utils import parse_bytes
    except ImportError as error:
        raise MissingDependencyError.for_extra('a dask array needs dask', 'dask', 'dask') from error
    return max(1, int(parse_bytes(config.get('array.chunk-size'))) // max(1, image_bytes))


class _OpenStores:
    """The stores opened by tasks of this process. Thread-safe."""

    def __init__(self) -> None:
        self._forget()
        register_fork_handler(self, _OpenStores.reset_after_fork)

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._stores: OrderedDict[StoreSource, tuple[object, Any]] = OrderedDict()

    def reset_after_fork(self) -> None:
        """Leave all stores to the parent in a forked child."""
        leak(self._stores)
        self._forget()

    def get(self, source: StoreSource) -> Any:
        """Return an open store; close the oldest of too many after its last task."""
        stamp = folder_stamp(source.path)
        with self._lock:
            known, store = self._stores.pop(source, (None, None))
            if store is None or known != stamp:
                store = _opened(source)
            self._stores[source] = stamp, store
            while len(self._stores) > _MOST_OPEN:
                self._stores.popitem(last=False)
            return store

    def close(self) -> None:
        """Close all stores."""
        with self._lock:
            for _, store in self._stores.values():
                store.close()
            self._stores.clear()


def _opened(source: StoreSource) -> Any:
    store = source.open(source.path, **dict(source.options))
    if not source.is_decoding and store.encoding:
        store.disable_decoding()
    source.identity.check(store)
    return store


_open = _OpenStores()
