"""Ours and other readers of videos, each as its documentation says, with all cores, behind the same few methods.

A frame is an array as the reader gives it by itself: gray of ours and of PyAV where the video is gray, else BGR of
ours, PyAV and OpenCV, and RGB of the others.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from videos import FRAMES_PER_SECOND, Video, file_of

JUMPING = ('random', 'batch', 'backwards', 'steps')
FORWARD = 32  # frames that PyAV decodes on rather than seek, as PIMS does


class Reader(ABC):
    """An open video.

    Parameters
    ----------
    path : str
        Of a store of one video.
    video : Video
    work : str
        What it is opened for: 'sequence', 'first' (frame), or one of JUMPING.
    """

    opens_late = False
    """Whether the first frame read opens the video, not the reader itself."""

    @abstractmethod
    def __init__(self, path: str, video: Video, work: str) -> None: ...

    @abstractmethod
    def one(self, index: int) -> Any:
        """Read a frame."""

    @abstractmethod
    def __iter__(self) -> Iterator[Any]:
        """Read all frames in sequence, just opened."""

    def many(self, indices: Sequence[int]) -> Iterable[Any]:
        """Read frames, in one call if the reader has one."""
        return [self.one(index) for index in indices]

    def slice(self, indices: range) -> Iterable[Any]:
        """Read frames at equal distances."""
        return self.many(indices)

    def close(self) -> None:
        """Close it; some have nothing to close."""
        return


class Ours(Reader):
    """imgstore."""

    opens_late = True

    def __init__(self, path: str, video: Video, work: str) -> None:
        import imgstore

        self._store: Any = imgstore.new_for_filename(path)

    def one(self, index: int) -> Any:
        """Read a frame."""
        return self._store.get_image(None, frame_index=index)[0]

    def __iter__(self) -> Iterator[Any]:
        for _ in range(self._store.frame_count):
            yield self._store.get_next_image()[0]

    def many(self, indices: Sequence[int]) -> Iterable[Any]:
        """Read frames in one call."""
        images: Iterable[Any] = self._store.get_images(frame_indices=list(indices))[0]
        return images

    def slice(self, indices: range) -> Iterable[Any]:
        """Read frames by a slice of the array."""
        images: Iterable[Any] = self._store[indices.start : indices.stop : indices.step]
        return images

    def close(self) -> None:
        """Close it."""
        self._store.close()


class PyAV(Reader):
    """PyAV, going to the keyframe before a frame.

    Frame threads help where many frames are decoded. Slice threads are better where there are slices, or few frames.
    """

    def __init__(self, path: str, video: Video, work: str) -> None:
        import av

        self._gray = video.gray
        self._container: Any = av.open(file_of(path))
        self._stream: Any = self._container.streams.video[0]
        if work == 'sequence' or (work in JUMPING and video.slices == 1 and video.group > FORWARD):
            self._stream.thread_type = 'AUTO'
        self._frames: Iterator[Any] | None = None
        self._next = 0

    def one(self, index: int) -> Any:
        """Read a frame."""
        frames = self._frames_near(index)
        self._next = index + 1
        return self._array(next(frame for frame in frames if frame.pts >= self._pts(index)))

    def _frames_near(self, index: int) -> Iterator[Any]:
        """Go on decoding, or begin at the keyframe before a frame."""
        if self._frames is not None and 0 <= index - self._next < FORWARD:
            return self._frames
        self._container.seek(self._pts(index), stream=self._stream)
        self._frames = self._container.decode(self._stream)
        return self._frames

    def __iter__(self) -> Iterator[Any]:
        return map(self._array, self._container.decode(self._stream))

    def close(self) -> None:
        """Close it."""
        self._container.close()

    def _array(self, frame: Any) -> Any:
        return frame.to_ndarray(format='gray' if self._gray else 'bgr24')

    def _pts(self, index: int) -> int:
        """Display time of a frame, in the stream's units; the rate is constant."""
        shown: int = round(index / FRAMES_PER_SECOND / self._stream.time_base)
        return shown + int(self._stream.start_time or 0)


class OpenCV(Reader):
    """OpenCV's VideoCapture, on FFmpeg."""

    def __init__(self, path: str, video: Video, work: str) -> None:
        import cv2

        self._seek, self._next = cv2.CAP_PROP_POS_FRAMES, 0
        self._capture = cv2.VideoCapture(file_of(path), cv2.CAP_FFMPEG)

    def one(self, index: int) -> Any:
        """Read a frame."""
        if index != self._next:
            self._capture.set(self._seek, index)
        self._next = index + 1
        found, image = self._capture.read()
        if not found:
            raise IndexError(f'no frame {index}')
        return image

    def __iter__(self) -> Iterator[Any]:
        found, image = self._capture.read()
        while found:
            yield image
            found, image = self._capture.read()

    def close(self) -> None:
        """Close it."""
        self._capture.release()


class Decord(Reader):
    """decord2."""

    def __init__(self, path: str, video: Video, work: str) -> None:
        import decord

        self._video: Any = decord.VideoReader(file_of(path))

    def one(self, index: int) -> Any:
        """Read a frame."""
        return self._video[index].asnumpy()

    def __iter__(self) -> Iterator[Any]:
        return map(self.one, range(len(self._video)))

    def many(self, indices: Sequence[int]) -> Iterable[Any]:
        """Read frames in one call."""
        images: Iterable[Any] = self._video.get_batch(list(indices)).asnumpy()
        return images


class TorchCodec(Reader):
    """torchcodec; 0 threads are as many as FFmpeg likes, which is faster than its single one."""

    def __init__(self, path: str, video: Video, work: str) -> None:
        from torchcodec.decoders import VideoDecoder

        self._video: Any = VideoDecoder(file_of(path), dimension_order='NHWC', num_ffmpeg_threads=0)

    def one(self, index: int) -> Any:
        """Read a frame."""
        return self._video[index].numpy()

    def __iter__(self) -> Iterator[Any]:
        return map(self.one, range(len(self._video)))

    def many(self, indices: Sequence[int]) -> Iterable[Any]:
        """Read frames in one call."""
        images: Iterable[Any] = self._video.get_frames_at(list(indices)).data.numpy()
        return images

    def slice(self, indices: range) -> Iterable[Any]:
        """Read frames by a range."""
        found = self._video.get_frames_in_range(indices.start, indices.stop, indices.step)
        images: Iterable[Any] = found.data.numpy()
        return images


class PIMS(Reader):
    """PIMS: its usual reader of videos, and for jumps the one that makes an index, which is many times as fast."""

    def __init__(self, path: str, video: Video, work: str) -> None:
        import pims

        reader = pims.PyAVReaderIndexed if work in JUMPING else pims.Video
        self._video: Any = reader(file_of(path))

    def one(self, index: int) -> Any:
        """Read a frame."""
        return np.asarray(self._video[index])

    def __iter__(self) -> Iterator[Any]:
        return map(self.one, range(len(self._video)))

    def close(self) -> None:
        """Close it."""
        self._video.close()


CLASSES: dict[str, type[Reader]] = {
    'ours': Ours,
    'decord2': Decord,
    'torchcodec': TorchCodec,
    'PIMS': PIMS,
    'PyAV': PyAV,
    'OpenCV': OpenCV,
}
