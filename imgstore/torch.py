"""Frames of a store as a dataset for PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self, SupportsIndex

from ._support.validation import as_int, as_int_min, not_allowed
from .errors import FrameIndexError
from .ondisk.files import StrPath, text_path
from .stores.factories import ImgStore, new_for_filename
from .stores.identity import StoreIdentity, folder_stamp
from .stores.multi import MultiStore

Item = Any


class FrameDataset:
    """Frames or clips of a store, for ``torch.utils.data.DataLoader``.

    This module does not import torch: a DataLoader takes any object with a length and items. Each process opens the
    store for itself, with any start method. Batches are read in one call, and each group of pictures is decoded once.
    If the store was replaced or lost frames since the dataset was made, reading an item raises FrameReadError.

    Parameters
    ----------
    path : str, PathLike or MultiStore
        The store's folder. Or several stores as one, which stay open; other processes open their parts again.
    clip : int, optional
        Frames of an item. Default: an item is one image, without an axis for frames.
    stride : int
        Distance between the frames of a clip.
    step : int
        Distance between the first frames of items.
    start, stop : int, optional
        First frame index, and the index after the last frame. Negative indexes count from the end.
    with_times : bool
        Items are tuples of images, frame numbers and frame times.
    transform : callable, optional
        Applied to the images of each item, an array of shape (h, w[, 3]) or (clip, h, w[, 3]).
    **options
        `ReadOptions` for a folder, such as ``cache_bytes``.

    Raises
    ------
    StoreNotFoundError
        There is no store.
    InvalidArgumentError
        An argument is not allowed.

    Examples
    --------
    >>> from imgstore.torch import FrameDataset
    >>> frames = FrameDataset('recording', step=2)
    >>> len(frames), frames[0].shape
    (3, (48, 64))
    >>> clips = FrameDataset('recording', clip=2, stride=2)
    >>> len(clips), clips[-1].shape, clips[-1][:, 0, 0].tolist()
    (3, (2, 48, 64), [102, 106])

    Batches of 8 clips, with two processes that decode:

    ``torch.utils.data.DataLoader(clips, batch_size=8, num_workers=2)``
    """

    def __init__(
        self,
        path: StrPath | MultiStore,
        *,
        clip: int | None = None,
        stride: int = 1,
        step: int = 1,
        start: int | None = None,
        stop: int | None = None,
        with_times: bool = False,
        transform: Callable[[Any], Any] | None = None,
        **options: Any,
    ) -> None:
        self._joined = path if isinstance(path, MultiStore) else None
        self._path, self._options = '' if isinstance(path, MultiStore) else text_path(path, 'path'), options
        if self._joined is not None and options:
            raise not_allowed('options', options, 'they are for a folder; pass them to the MultiStore')
        self._clip = None if clip is None else as_int_min(clip, 'clip', 1)
        stride, step = as_int_min(stride, 'stride', 1), as_int_min(step, 'step', 1)
        self._with_times, self._transform = with_times, transform
        self._offsets = range(0, stride * (self._clip or 1), stride)
        frames = range(len(self._store))[slice(_index(start, 'start'), _index(stop, 'stop'))]
        self._firsts = frames[: max(0, len(frames) - self._offsets[-1]) : step]

    _opened: ImgStore | None = None
    _stamp: object = None
    _identity: StoreIdentity | None = None

    @property
    def _store(self) -> ImgStore | MultiStore:
        """The open store; opened again if its folder has changed."""
        if self._joined is not None:
            return self._joined
        opened = self._opened
        stamp = folder_stamp(self._path) if opened is None else folder_stamp(opened.filename)
        if opened is None or stamp != self._stamp:
            self._opened = None  # another thread may still read from the old one
            opened = self._checked()
            self._opened, self._stamp = opened, folder_stamp(opened.filename) if stamp is None else stamp
        return opened

    def _checked(self) -> ImgStore:
        opened = new_for_filename(self._path, **self._options)
        try:
            if self._identity is None:
                self._identity = StoreIdentity.of(opened)
            self._identity.check(opened)
        except BaseException:
            opened.close()
            raise
        return opened

    def __len__(self) -> int:
        return len(self._firsts)

    def __getitem__(self, index: SupportsIndex) -> Item:
        """Read an item; FrameIndexError outside."""
        return self.__getitems__([index])[0]

    def __getitems__(self, indexes: Sequence[SupportsIndex]) -> list[Item]:
        """Read several items in one call, as a DataLoader does for a batch."""
        firsts = [self._first(as_int(index, 'index')) for index in indexes]
        frames = [first + offset for first in firsts for offset in self._offsets]
        store = self._store
        images, numbers, times = store[frames], store.frame_numbers[frames], store.frame_times[frames]
        items = [self._item_at(rank) for rank in range(len(firsts))]
        if not self._with_times:
            return [self._transformed(images[item]) for item in items]
        return [(self._transformed(images[item]), numbers[item], times[item]) for item in items]

    def _first(self, index: int) -> int:
        try:
            return self._firsts[index]
        except IndexError:
            raise FrameIndexError(f'item {index} is outside the dataset of {len(self)} items') from None

    def _item_at(self, rank: int) -> int | slice:
        """Return the rows of an item in a batch."""
        return rank if self._clip is None else slice(rank * self._clip, (rank + 1) * self._clip)

    def _transformed(self, images: Any) -> Any:
        return images if self._transform is None else self._transform(images)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, '_opened': None}

    def close(self) -> None:
        """Close the store in this process; the next read opens it again.

        A MultiStore that you passed stays open.
        """
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def _index(value: int | None, what: str) -> int | None:
    return None if value is None else as_int(value, what)
