"""A store as a dask array. Its tasks open the store for themselves."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from .._support.forking import register_fork_handler
from ..errors import MissingDependencyError

if TYPE_CHECKING:
    import dask.array as da

_MOST_OPEN = 4


@dataclass(frozen=True)
class StoreSource:
    """What a task needs to open a store.

    Attributes
    ----------
    open : callable
        Opens it.
    path : str
        The store's folder.
    uuid : str or None
        Identifier of the store.
    options : tuple of (str, object)
        Options for reading.
    is_decoding : bool
        Whether raw images are converted to BGR.
    """

    open: Callable[..., Any]
    path: str
    uuid: str | None
    options: tuple[tuple[str, Any], ...]
    is_decoding: bool


def dask_array(source: StoreSource, edges: list[int], shape: tuple[int, ...], dtype: npt.DTypeLike) -> da.Array:
    """Make a dask array whose blocks begin at these frame indexes.

    Parameters
    ----------
    source : StoreSource
        The store.
    edges : list of int
        Indexes at which blocks begin, and the end of the last one.
    shape : tuple of int
        Shape of an image.
    dtype : dtype
        dtype of the images.
    """
    import dask.array as da
    from dask.base import tokenize

    name = f'imgstore-{tokenize(source, edges, shape)}'
    rest = (0,) * len(shape)
    blocks = list(pairwise(edges)) or [(0, 0)]
    tasks: dict[Any, Any] = {(name, number, *rest): (read_block, source, *block) for number, block in enumerate(blocks)}
    sizes = tuple(end - begin for begin, end in blocks)
    chunks = (sizes, *((length,) for length in shape))
    return da.Array(tasks, name, chunks, dtype)  # type: ignore[no-untyped-call]


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


def read_block(source: StoreSource, begin: int, end: int) -> npt.NDArray[Any]:
    """Read some frames, in any process."""
    store = _open.get(source)
    if end > len(store):  # it was opened while there were fewer
        store.refresh()
    images: npt.NDArray[Any] = store[begin:end]
    return images


class _OpenStores:
    """The stores opened by tasks of this process. Thread-safe."""

    def __init__(self) -> None:
        register_fork_handler(self, _OpenStores.reset)
        self.reset()

    def reset(self) -> None:
        """Forget all stores."""
        self._lock = threading.Lock()
        self._stores: OrderedDict[StoreSource, Any] = OrderedDict()

    def get(self, source: StoreSource) -> Any:
        """Return an open store; close the oldest of too many after its last task."""
        with self._lock:
            store = self._stores.pop(source, None) or _opened(source)
            self._stores[source] = store
            while len(self._stores) > _MOST_OPEN:
                self._stores.popitem(last=False)
            return store


def _opened(source: StoreSource) -> Any:
    store = source.open(source.path, **dict(source.options))
    if not source.is_decoding and store.encoding:
        store.disable_decoding()
    return store


_open = _OpenStores()
