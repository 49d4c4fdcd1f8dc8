"""How fast a video can be read at best: by PyAV alone, one thread's time shared out over the cores."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
from beside import OPENINGS, backward_indices, batch_indices, random_indices
from measuring import CORES
from videos import Video, file_of, from_arguments

CONVERTED = 32  # frames that the conversion is measured on


@dataclass(frozen=True)
class Costs:
    """Seconds of one thread: to decode each frame, in decoding order, and to convert one."""

    decoding: npt.NDArray[np.float64]
    group: npt.NDArray[np.int64]
    """Place of the keyframe that each frame needs."""
    place: npt.NDArray[np.int64]
    """Place of each shown frame in decoding order."""
    conversion: float

    def from_keyframe(self, index: int) -> float:
        """Seconds to decode a shown frame, and all before it from its keyframe on."""
        place = self.place[index]
        return float(self.decoding[self.group[place] : place + 1].sum())

    def once_each(self, indices: Iterable[int]) -> float:
        """Seconds to decode frames, and what they need, each group up to its last one."""
        needed = np.zeros(len(self.decoding), bool)
        for place in self.place[list(indices)]:
            needed[self.group[place] : place + 1] = True
        return float(self.decoding[needed].sum())


def bound(path: str, video: dict[str, Any]) -> dict[str, float]:
    """Frames a second: (what must be decoded x one thread's time ÷ cores) + conversion; ms to the first frame.

    A single frame is decoded by all cores only if it has slices.
    """
    about, file = from_arguments(video), file_of(path)
    costs = _measure(file, about)
    alone = CORES if about.slices > 1 else 1
    random = random_indices(about)
    return {
        'sequence': _fps(costs, about.count, _open(file) + float(costs.decoding.sum()) / CORES),
        'random': _fps(costs, len(random), sum(map(costs.from_keyframe, random)) / alone),
        'batch': _fps(costs, len(batch_indices(about)), costs.once_each(batch_indices(about)) / CORES),
        'backwards': _fps(costs, len(backward_indices(about)), costs.once_each(backward_indices(about)) / CORES),
        'first': median(_open_and_decode(file) for _ in range(OPENINGS)),
    }


def _fps(costs: Costs, count: int, before: float) -> float:
    """Frames a second, if it takes so many seconds before the conversion."""
    return count / (before + count * costs.conversion)


def _open(file: str) -> float:
    """Seconds to open a video by PyAV."""
    import av

    start = time.perf_counter()
    with av.open(file):
        return time.perf_counter() - start


def _open_and_decode(file: str) -> float:
    """Milliseconds to open a video and decode its first frame, as PyAV does by itself."""
    import av

    start = time.perf_counter()
    with av.open(file) as container:
        next(container.decode(video=0))
        return 1000 * (time.perf_counter() - start)


def _measure(file: str, about: Video) -> Costs:
    import av

    shown, keys, seconds = [], [], []
    conversions: list[float] = []
    with av.open(file) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        for packet in container.demux(stream):
            start = time.perf_counter()
            frames: list[Any] = packet.decode()
            seconds.append(time.perf_counter() - start)
            if packet.pts is not None:
                shown.append(packet.pts)
                keys.append(packet.is_keyframe)
            conversions += [_convert(frame, about.gray) for frame in frames if len(conversions) < CONVERTED]
    places = np.arange(len(shown))
    group = np.maximum.accumulate(np.where(keys, places, 0))
    return Costs(np.array(seconds[: len(shown)]), group, np.argsort(shown), median(conversions))


def _convert(frame: Any, gray: bool) -> float:
    """Seconds to make an image of a frame by OpenCV: gray of its luma, or BGR."""
    import cv2

    start = time.perf_counter()
    if gray:
        plane = frame.planes[0]
        luma = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
        cv2.LUT(luma, _LEVELS)
    else:
        cv2.cvtColor(frame.to_ndarray(), cv2.COLOR_YUV2BGR_I420)
    return time.perf_counter() - start


_LEVELS = np.clip(np.rint((np.arange(256) - 16) * 255 / 219), 0, 255).astype(np.uint8)
