"""Stores for napari, which finds the reader by ``imgstore/napari.yaml``."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from .._support.regular_files import read_regular
from ..color import Image
from ..constants import STORE_MD_FILENAME, STORE_MD_KEY
from ..contrast import measure_range
from ..errors import FrameNotFoundError, InvalidArgumentError, MissingDependencyError, StoreNotFoundError
from ..frame_rate import as_fraction, median_interval
from ..ondisk.files import name_of
from ..ondisk.layout import chunk_name, chunk_number, existing_store_folder, store_folder
from ..remote.urls import is_url
from ..stores.factories import ImgStore, new_for_filename
from .frames import in_rgb, is_color

LayerData = tuple['FrameArray', dict[str, Any], str]
"""An array, the keywords of ``Viewer.add_image`` and the type of the layer."""

_MOST_BYTES = 4 * 2**30
_MOST_METADATA = 2**24  # bytes


class FrameArray:
    """Frames of a store as an array that reads only what is indexed.

    It has shape (n, h, w), or (n, h, w, 3) in RGB. n stays the same while a recording goes on.

    Parameters
    ----------
    store : ImgStore
        A store open for reading.
    chunk : int, optional
        Number of the only chunk to show.

    Raises
    ------
    FrameNotFoundError
        There are no frames yet.
    """

    def __init__(self, store: ImgStore, chunk: int | None = None) -> None:
        ranges = {number: (first, stop) for number, first, stop in store.chunk_ranges()}
        first, stop = (0, len(store)) if chunk is None else ranges.get(chunk, (0, 0))
        if first == stop:
            place = repr(store.filename) if chunk is None else f'chunk {chunk} of {store.filename!r}'
            raise FrameNotFoundError(
                f'{place} has no frames; open it when there are some', store=store.filename, chunk=chunk
            )
        self.store, self.chunk = store, chunk
        self._first, self._count = first, stop - first

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of all frames."""
        return (self._count, *self.store.image_shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Dtype of the images."""
        return np.dtype(self.store.dtype)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape, dtype=object))

    @property
    def nbytes(self) -> int:
        """Size of all images in bytes."""
        return self.size * self.dtype.itemsize

    @property
    def frame_numbers(self) -> npt.NDArray[np.int64]:
        """Number of each frame."""
        return self.store.frame_numbers[self._first : self._first + self._count]

    @property
    def frame_times(self) -> npt.NDArray[np.float64]:
        """Time of each frame in seconds."""
        return self.store.frame_times[self._first : self._first + self._count]

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, key: Any) -> Image:
        """Read frames, or parts of them, by a key as numpy takes it."""
        self._check_size(key)
        first, *rest = (key or (...,)) if isinstance(key, tuple) else (key,)
        if first is None or first is Ellipsis:
            images: Image = np.asarray(self)[key]
            return images
        index = self._index(first)
        if any(isinstance(part, (list, np.ndarray)) for part in rest):  # values at points
            return np.asarray(in_rgb(self.store[np.atleast_1d(index)], self.store)[(np.arange(np.size(index)), *rest)])
        if len(rest) < 3 and not any(part is None or part is Ellipsis for part in rest):
            return in_rgb(self.store[(index, *rest)], self.store)  # which reads no other rows and columns
        images = in_rgb(self.store[index], self.store)
        return images[tuple(rest)] if isinstance(index, int) else images[(slice(None), *rest)]

    def _index(self, key: Any) -> Any:
        """Return the store's index for one of this array."""
        indexes = range(self._first, self._first + self._count)
        if isinstance(key, slice):
            return np.arange(self._first, self._first + self._count)[key]
        if np.ndim(key) == 0 and not -self._count <= key < self._count:
            raise IndexError(f'{self.store.filename}: index {key} is outside the {self._count} frames of this array')
        return indexes[key] if np.ndim(key) == 0 else np.asarray(indexes)[key]

    def _check_size(self, key: Any) -> None:
        """Raise if napari wants too much at once, as for a view in 3D."""
        if not all(part is Ellipsis or isinstance(part, slice) for part in (key if isinstance(key, tuple) else (key,))):
            return
        size = np.broadcast_to(np.empty((), self.dtype), self.shape)[key].nbytes
        if size > _MOST_BYTES:
            raise InvalidArgumentError(
                f'{self.store.filename}: these frames take {size / 2**30:.1f} GiB, and napari gets at most '
                f'{_MOST_BYTES // 2**30}; look at one frame at a time (2D), or open a slice of the array',
                store=self.store.filename,
            )

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Image:
        if copy is False:
            raise InvalidArgumentError('an array of a store is always a copy; leave out copy=False', argument='copy')
        return np.asarray(self[:], dtype)


def get_reader(path: str | list[str]) -> Callable[[str], list[LayerData]] | None:
    """Return `read` for a store, and None for anything else.

    Parameters
    ----------
    path : str or list of str
        A store's folder, its ``metadata.yaml``, or the folder of one of its chunks of images.
    """
    return read if isinstance(path, str) and _is_store(_store_and_chunk(path)[0]) else None


def read(path: str) -> list[LayerData]:
    """Open a store as an image layer.

    Axis 0 of the layer is time: a step is the median interval between frames, in seconds. Metadata of the layer are the
    user's metadata, and arrays ``frame_numbers`` and ``frame_times``.

    Parameters
    ----------
    path : str
        A store's folder, its ``metadata.yaml``, or the folder of one of its chunks of images.

    Returns
    -------
    list of tuple
        One layer: its data, the keywords of ``Viewer.add_image`` and 'image'.

    Raises
    ------
    FrameNotFoundError
        There are no frames yet.
    """
    folder, chunk = _store_and_chunk(path)
    store = new_for_filename(folder)
    try:
        data = FrameArray(store, chunk)
        about = {'name': _name(folder, chunk), 'rgb': is_color(store), 'metadata': _metadata(data), **_axes(data)}
        about['contrast_limits'] = _contrast_limits(data)  # without them napari takes those of the first frame
    except BaseException:
        store.close()
        raise
    return [(data, about, 'image')]


def _store_and_chunk(path: str) -> tuple[str, int | None]:
    """Return the folder of a store, and the chunk if the path is that of one."""
    path = path if is_url(path) else os.path.abspath(path)
    if is_url(path) or name_of(path) == STORE_MD_FILENAME or not os.path.isdir(path):
        return path, None
    chunk = chunk_number(name_of(path))
    is_chunk = chunk is not None and not os.path.exists(os.path.join(path, STORE_MD_FILENAME))
    return (os.path.dirname(path), chunk) if is_chunk else (path, None)


def _is_store(path: str) -> bool:
    """Return whether a path is that of a store, even a damaged one."""
    try:
        folder = existing_store_folder(path)
        metadata = os.path.join(folder, STORE_MD_FILENAME)
        return is_url(folder) or STORE_MD_KEY.encode() in read_regular(metadata, _MOST_METADATA)
    except (StoreNotFoundError, OSError):
        return False


def _name(folder: str, chunk: int | None) -> str:
    """Return the name of the layer: that of the folder."""
    name = name_of(store_folder(folder).rstrip('/'))
    return name if chunk is None else f'{name} {chunk_name(chunk)}'


def _axes(data: FrameArray) -> dict[str, Any]:
    """Return scale, units and names of the axes of a layer."""
    interval, space = _interval(data.frame_times), data.ndim - 1 - is_color(data.store)
    names = ('y', 'x') if space == 2 else tuple(f'axis {axis}' for axis in range(1, space + 1))
    return {
        'scale': (interval or 1.0, *[1.0] * space),
        'units': ('second' if interval else 'pixel', *['pixel'] * space),
        'axis_labels': ('time', *names),
    }


def _interval(times: npt.NDArray[np.float64]) -> float | None:
    """Return the median interval in seconds, corrected for rounding, or None.

    Its multiples are exact, or napari's slider would not reach the last frame.
    """
    interval = median_interval(times)
    if interval is None:
        return None
    rounding = float(np.spacing(np.abs(times[np.isfinite(times)]).max()))
    return float(np.float32(1 / as_fraction(1 / interval, rounding / interval)))


def _metadata(data: FrameArray) -> dict[Any, Any]:
    """Return the metadata of a layer."""
    return {**data.store.user_metadata, 'frame_numbers': data.frame_numbers, 'frame_times': data.frame_times}


def _contrast_limits(data: FrameArray) -> tuple[float, float]:
    """Return all of 8 bits, or the range of some frames as our viewers do."""
    if data.dtype == np.uint8:
        return 0.0, 255.0
    if data.dtype == np.bool_:
        return 0.0, 1.0
    least, largest = measure_range(data.__getitem__, len(data))
    if least > largest:  # no frame is readable, or no value is a number
        return 0.0, 1.0
    return least, largest if least < largest else least + 1


def read_new_frames(viewer: Any = None) -> int:
    """Add the new frames of recordings that go on.

    Parameters
    ----------
    viewer : napari.Viewer, optional
        The current one by default. All its layers of stores are updated.

    Returns
    -------
    int
        Number of new frames.
    """
    viewer, count = viewer or _current_viewer(), 0
    for layer in _layers(viewer):
        before = layer.data
        before.store.refresh()
        after = FrameArray(before.store, before.chunk)
        if len(after) > len(before):
            count += len(after) - len(before)
            axes = _axes(after)
            layer.data, layer.scale, layer.units = after, axes['scale'], axes['units']
            layer.metadata = {**layer.metadata, **_metadata(after)}
    viewer.status = f'{count} new frames'
    return count


def show_frame_numbers(viewer: Any = None) -> None:
    """Show number and time of the frame on the canvas, or hide them again.

    They are those of the uppermost visible layer of a store. The time is that since its first frame.

    Parameters
    ----------
    viewer : napari.Viewer, optional
        The current one by default.
    """
    viewer = viewer or _current_viewer()
    overlay = viewer.canvas.overlays.text

    def update(event: Any = None) -> None:
        if overlay.visible:
            overlay.text = _frame_text(viewer)

    overlay.visible, overlay.position = not overlay.visible, 'top_left'
    update()
    if overlay.visible:
        for emitter in (viewer.dims.events.current_step, viewer.layers.events.inserted, viewer.layers.events.removed):
            emitter.connect(update)


def _frame_text(viewer: Any) -> str:
    """Return what to show of the frame in view."""
    for layer in reversed([*_layers(viewer)]):
        if layer.visible:
            index = round(float(layer.world_to_data(viewer.dims.point)[0]))
            if 0 <= index < len(layer.data):
                number, time = layer.data.frame_numbers[index], layer.data.frame_times[index]
                return f'frame {number}, {time - layer.data.frame_times[0]:.3f} s'
    return ''


def _layers(viewer: Any) -> Iterator[Any]:
    """Yield the layers of a viewer that show a store."""
    return (layer for layer in viewer.layers if isinstance(layer.data, FrameArray))


def _current_viewer() -> Any:
    """Return napari's current viewer, which calls commands without one."""
    try:
        import napari
    except ImportError as error:
        raise MissingDependencyError.for_extra('this adapter needs napari', 'napari', 'napari') from error
    return napari.current_viewer()
