"""Reading several stores that follow each other as one."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np

from .._support.forking import register_fork_handler, synchronized
from .._support.validation import as_int
from ..constants import FRAME_NUMBER, FRAME_TIME
from ..errors import EndOfStoreError, InvalidArgumentError, StoreClosedError
from ..index.joined_index import JoinedIndex
from ..index.store_index import ImgStoreIndex
from ..ondisk.metadata import StoreMetadata
from .array_batch import ImageKind
from .batch_stream import BatchStream
from .finding import asked_indexes, find_frame, index_not_found
from .following import follow
from .frame_stream import FrameStream, Make, as_found
from .indexing import Indexes, select
from .joined_stream import JoinedStream, stretches
from .reader import Frames, NumberedImage, StoreReader

_Item = TypeVar('_Item')
_MOST = 2**63 - 1


class JoinedReader:
    """Reader of the frames of several stores, used like `StoreReader`.

    Parameters
    ----------
    readers : sequence of StoreReader
        Readers of the parts, with images of one kind.
    renumber : bool
        Let the frame numbers of each part continue those of the part before.
    """

    mode = 'r'

    def __init__(self, readers: Sequence[StoreReader], renumber: bool) -> None:
        self.readers, self._renumbers = list(readers), renumber
        self.folder = readers[0].layout.basedir
        self._name = self.folder if len(readers) == 1 else f'the MultiStore that begins with {self.folder}'
        self.index = self._joined([reader.index for reader in readers])
        self._latest, self._closed = -1, False
        self.lock = threading.RLock()
        register_fork_handler(self, JoinedReader.reset_after_fork, lambda reader: reader.lock)

    def reset_after_fork(self) -> None:
        """Replace the lock in a forked child."""
        self.lock = threading.RLock()

    def _joined(self, indexes: Sequence[ImgStoreIndex]) -> JoinedIndex:
        names = [reader.layout.basedir for reader in self.readers]
        shifts = _shifts(indexes, names) if self._renumbers else [0] * len(indexes)
        return JoinedIndex(indexes, shifts, names)

    @synchronized
    def refresh(self) -> int:
        """Look for new frames of the last part, and return how many there are."""
        self.check_open()
        before = self.index
        self.readers[-1].refresh()
        self.index = self._joined([*before.parts[:-1], self.readers[-1].index])
        return self.index.frame_count - before.frame_count

    def follow(self) -> Iterator[NumberedImage]:
        """Read each frame after the position, until the writer closes the last part."""
        return follow(self)

    # --- what the stores have in common

    @property
    def metadata(self) -> StoreMetadata:
        """Metadata of the first part."""
        return self.readers[0].metadata

    @property
    def is_live(self) -> bool:
        """Whether a writer has the last part open."""
        return self.readers[-1].is_live

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of the images returned by reading."""
        return self.readers[0].image_shape

    @property
    def is_decoding(self) -> bool:
        """Whether raw images are converted to BGR."""
        return self.readers[0].is_decoding

    def disable_decoding(self) -> None:
        """Return raw images from now on."""
        for reader in self.readers:
            reader.disable_decoding()

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        return self.index.frame_count

    @property
    def numbers_range(self) -> tuple[int | float, int | float]:
        """Smallest and largest frame number; nan without frames."""
        return self.index.ranges('frame') or (math.nan, math.nan)

    @property
    def times_range(self) -> tuple[float, float]:
        """Earliest and latest frame time in seconds; 0.0 without frames."""
        return self.index.ranges('frame_time') or (0.0, 0.0)

    @property
    def latest(self) -> tuple[int | float, float]:
        """Number and time of the latest frame read; nan before the first."""
        return self.index.frame(self._latest) or (math.nan, math.nan)

    @property
    def position(self) -> int:
        """Index of the latest frame read; -1 before the first."""
        return self._latest

    @position.setter
    def position(self, index: int) -> None:
        self._latest = index

    # --- frames with the position

    @synchronized
    def next_frame_number(self) -> int:
        """Return the number of the next frame; EndOfStoreError after the last."""
        return self._next()[0]

    def _next(self) -> tuple[int, float]:
        frame = self.index.frame(self._latest + 1)
        if frame is None:
            what = 'the store is empty' if not self.frame_count else f'there is no frame after index {self._latest}'
            raise EndOfStoreError(f'{self._name}: {what}', store=self.folder, frame_index=max(self._latest, 0))
        return frame

    @synchronized
    def next(self) -> NumberedImage:
        """Read the frame after the position; EndOfStoreError after the last."""
        self.check_open()
        self._next()
        return self.at(self._latest + 1)

    @synchronized
    def at(self, frame_index: object) -> NumberedImage:
        """Read the frame with an index.

        Raises FrameNotFoundError, FrameReadError.
        """
        index = self._checked(frame_index)
        image, frame = self.get(index), self.index.frame(index)
        assert frame is not None
        self._latest = index
        return image, frame

    def _checked(self, frame_index: object) -> int:
        """Return an index from 0; FrameNotFoundError if there is no such frame."""
        self.check_open()
        index, count = as_int(frame_index, 'frame_index'), self.frame_count
        if not -count <= index < count:
            raise index_not_found(self._name, self.folder, index, count)
        return index % count

    def by_number(self, frame_number: object, exact_only: bool) -> NumberedImage:
        """Read the frame with a number, or with the nearest one."""
        self.check_open()
        return self.at(self.find(FRAME_NUMBER, frame_number, not exact_only))

    def nearest_in_time(self, frame_time: object) -> NumberedImage:
        """Read the frame nearest in time."""
        self.check_open()
        return self.at(self.find(FRAME_TIME, frame_time, nearest=True))

    def find(self, what: str, value: object, nearest: bool = False, argument: str = '') -> int:
        """Return the first frame with a number or time, or the nearest.

        FrameNotFoundError if there is none. InvalidArgumentError for a number that frames of several parts have.
        """
        return find_frame(self, self._name, self.folder, what, value, nearest, argument)

    @synchronized
    def many(self, frame_numbers: Iterable[object] | None, frame_indices: Iterable[object] | None) -> Frames:
        """Read frames by numbers or by indexes, in that order.

        Raises FrameNotFoundError before reading any.
        """
        indexes = asked_indexes(frame_numbers, frame_indices, partial(self.find, FRAME_NUMBER), self._checked)
        images = self.get(indexes)
        frames = [frame for index in indexes if (frame := self.index.frame(index)) is not None]
        self._latest = indexes[-1] if indexes else self._latest
        return images, [number for number, _ in frames], [time for _, time in frames]

    # --- without the position

    def get(self, key: Any) -> Any:
        """Read the images that a key such as ``3`` or ``slice(0, 9)`` selects."""
        self.check_open()
        known, shape = self.index, self.image_shape
        frames, crop, new_axes = select(key, known.frame_count, len(shape))
        if isinstance(frames, int):
            place = known.locate(frames)
            assert place is not None
            part, own = place
            images = self.readers[part].get((own, *crop) if isinstance(key, tuple) else own)
        else:
            images = self._many(known, frames, ImageKind(shape, self.metadata.imgdtype, crop))
        return images[(None,) * new_axes] if new_axes else images

    def _many(self, known: JoinedIndex, frames: Indexes, kind: ImageKind) -> Any:
        """Read images of several parts into one array."""
        images = kind.empty(len(frames))
        rows: dict[int, tuple[list[int], list[int]]] = {}
        for part, first, own in stretches(frames, known.starts):
            wanted, at = rows.setdefault(part, ([], []))
            wanted.extend(own if isinstance(own, range) else own.tolist())
            at.extend(range(first, first + len(own)))
        for part, (wanted, at) in rows.items():
            self.readers[part].get_into(images, at, np.array(wanted, np.intp), kind)
        return images

    def stream(self, known: JoinedIndex, indexes: Indexes, make: Make[_Item]) -> JoinedStream[_Item]:
        """Iterate over frames of an index, with readers of its own."""
        self.check_open()

        def open_part(part: int, own: Indexes, make_joined: Make[Any]) -> FrameStream[Any]:
            return self.readers[part].stream(known.parts[part], own, make_joined)

        return JoinedStream(known, indexes, open_part, self.check_open, make)

    def batches(self, known: JoinedIndex, indexes: range, size: int) -> BatchStream:
        """Iterate over batches of frames of an index."""
        kind = ImageKind(self.image_shape, self.metadata.imgdtype)
        return BatchStream(self.stream(known, indexes, as_found), size, kind, self.folder)

    # --- the end

    def check_open(self) -> None:
        """Raise StoreClosedError after `close`, or if a part was closed."""
        if self._closed:
            raise StoreClosedError(f'{self._name} is closed; open it again to read', store=self.folder)
        for reader in self.readers:
            reader.check_open()

    def close(self) -> None:
        """Refuse further reading. The readers of the parts stay open."""
        self._closed = True


def _shifts(indexes: Sequence[ImgStoreIndex], names: Sequence[str]) -> list[int]:
    """Return what to add to the numbers of each part.

    The first frame of a part gets the number after the largest one before. So the numbers stay if the last part grows.
    """
    shifts, latest = list[int](), None
    for known, name in zip(indexes, names, strict=True):
        first = known.frame(0)
        shift = 0 if latest is None or first is None else latest + 1 - first[0]
        if first is not None:
            latest = int(known.frame_max) + shift
            if latest > _MOST:
                raise InvalidArgumentError(
                    f'renumber=True: the frame numbers of {name} would be larger than {_MOST}', argument='renumber'
                )
        shifts.append(shift)
    return shifts
