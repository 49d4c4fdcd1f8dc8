"""Images read from chunks, on request and by prefetching."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence

from .._support.cpu import THREADS
from .._support.forking import leak
from ..chunks import ChunkIO, ChunkReader, Image
from ..chunks.opened import OpenChunks
from ..color import decode_to_bgr
from ..errors import CorruptFileError, FrameReadError, InvalidArgumentError
from .known_frames import KnownFrames
from .position import FrameLocation, Place
from .prefetch import Prefetcher

_OPEN_CHUNKS = 2  # one to read, and the next to prefetch
_UNREADABLE = (FrameReadError, CorruptFileError, InvalidArgumentError)


class ImageReader:
    """Reader of the images of one store.

    Parameters
    ----------
    store : str
        The store's folder, for error messages.
    known : KnownFrames
        Frames of the store.
    chunks : ChunkIO
        Opens the chunks.
    encoding : str or None
        Encoding of the raw images. They are converted to BGR until `disable_decoding`.
    turn : Lock
        Held while reading from a chunk.
    """

    def __init__(
        self, store: str, known: KnownFrames, chunks: ChunkIO, encoding: str | None, turn: threading.Lock
    ) -> None:
        self._store, self._known, self._chunks, self._encoding = store, known, chunks, encoding
        self.is_decoding = bool(encoding)
        self._get_ready(turn)

    def _get_ready(self, turn: threading.Lock) -> None:
        self._turn, self._open = turn, OpenChunks(_OPEN_CHUNKS)
        self._prefetcher = Prefetcher(self._begin, turn, THREADS)

    def reset_after_fork(self, turn: threading.Lock) -> None:
        """Start threads and open files anew in a forked child."""
        leak((self._prefetcher, self._open))
        self._get_ready(turn)

    def disable_decoding(self) -> None:
        """Return raw images from now on."""
        self.prefetch(())
        self.is_decoding = False

    def prefetch(self, places: Iterable[Place]) -> None:
        """Start to read these frames; cancel all others."""
        self._prefetcher.schedule(places)

    def read(self, frame: FrameLocation) -> Image:
        """Read one image; FrameReadError names the frame."""
        prefetched: Image | None = self._prefetcher.result(frame.place)
        if prefetched is not None:
            return prefetched
        chunk, index = frame.place
        try:
            with self._turn:
                return self._decoded(self._chunk(chunk).read(index))
        except _UNREADABLE as error:
            raise self._named(error, frame) from error

    def read_chunk(self, frames: Sequence[FrameLocation]) -> list[tuple[Place, Image]]:
        """Read images of one chunk with a separate chunk reader; thread-safe."""
        images, frame = [], frames[0]
        try:
            chunk = frame.place[0]
            with self._chunks.reader(chunk, self._known.chunk_length(chunk), keep=False) as reader:
                for frame in frames:
                    images.append((frame.place, self._decoded(reader.read(frame.place[1]))))
        except _UNREADABLE as error:
            raise self._named(error, frame) from error
        return images

    def _named(
        self, error: FrameReadError | CorruptFileError | InvalidArgumentError, frame: FrameLocation
    ) -> FrameReadError:
        """Return an error for the frame."""
        (chunk, at), (number, _) = frame.place, frame.number_and_time
        what = f'frame #{number}, at index {at} of chunk {chunk}'
        return FrameReadError(
            f'{self._store}: {what}, cannot be read: {error}',
            store=self._store,
            chunk=chunk,
            index_in_chunk=at,
            frame_index=frame.frame_index,
            frame_number=number,
            path=error.path,
            reason=error.reason or str(error),
        )

    def _begin(self, place: Place) -> Callable[[], Image]:
        """Start to read a frame in advance."""
        end = self._chunk(place[0]).read_deferred(place[1])
        return lambda: self._decoded(end())

    def _chunk(self, number: int) -> ChunkReader:
        """Return the reader of a chunk; only the latest ones stay open."""
        return self._open.reader(number, lambda: self._chunks.reader(number, self._known.chunk_length(number)))

    def _decoded(self, image: Image) -> Image:
        return decode_to_bgr(image, self._encoding) if self.is_decoding else image

    def close_chunks(self, numbers: Iterable[int]) -> None:
        """Close the readers of changed chunks."""
        with self._turn:
            for number in numbers:
                self._open.close_one(number)

    @property
    def is_own_thread(self) -> bool:
        """Whether the current thread is a prefetching one."""
        return self._prefetcher.is_own_thread

    def stop_prefetching(self) -> None:
        """End the prefetching threads."""
        self._prefetcher.close()

    def close(self) -> None:
        """Close all chunks."""
        self._open.close()
