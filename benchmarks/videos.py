"""The eight videos that are read beside other readers: what they are, and making them."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import frames as scenes
import numbered
import numpy as np
from measuring import CORES
from model import Sizes

FRAMES_PER_SECOND = 25
LARGE, SMALL, UHD = (1024, 1280), (240, 320), (2160, 3840)


@dataclass(frozen=True)
class Video:
    """One video, of H.264 in mp4."""

    name: str
    size: tuple[int, int]
    gray: bool
    group: int
    """Frames from one keyframe to the next."""
    b_frames: int
    count: int
    settings: dict[str, str] | None
    """Of libx264; None: imgstore makes it."""
    slices: int = 1
    jumps: int = 60
    """Frames read at random, and backwards."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a frame as ours gives it."""
        return self.size if self.gray else (*self.size, 3)

    def described(self) -> list[str]:
        """Return what it is, for a table."""
        settings = (
            'ours' if self.settings is None else ' '.join(f'{key}={value}' for key, value in self.settings.items())
        )
        return [
            self.name,
            f'{self.size[1]} x {self.size[0]}',
            'gray' if self.gray else 'color',
            str(self.group),
            str(self.b_frames),
            str(self.slices),
            str(self.count),
            settings or "x264's defaults",
        ]


HEADINGS = ('video', 'size', 'pixels', 'frames a group', 'B-frames', 'slices', 'frames', 'settings')


def _fast(group: int, b_frames: int, **others: str) -> dict[str, str]:
    return {'preset': 'veryfast', 'g': str(group), 'bf': str(b_frames), 'sc_threshold': '0', **others}


VIDEOS = (
    Video('own chunk', LARGE, True, 16, 0, 640, None, slices=CORES),  # as many as PyAV has threads
    Video('x264 defaults', LARGE, False, 250, 3, 320, {}, jumps=15),
    Video('long groups', LARGE, True, 250, 0, 320, _fast(250, 0), jumps=15),
    Video('all keyframes', LARGE, False, 1, 0, 320, _fast(1, 0)),
    Video('small, all keyframes', SMALL, True, 1, 0, 3000, _fast(1, 0)),
    Video('small, B-frames', SMALL, False, 50, 2, 3000, _fast(50, 2)),
    Video('4K, B-frames', UHD, False, 16, 2, 128, _fast(16, 2), jumps=8),
    Video('4K, slices', UHD, True, 50, 0, 128, _fast(50, 0, slices='4'), slices=4, jumps=8),
)


def scaled(video: Video, sizes: Sizes) -> Video:
    """Return a video of that share of its frames and pixels."""
    height, width = (
        max(least, 2 * round(side * sizes.scale / 2)) for side, least in zip(video.size, (96, 128), strict=True)
    )
    return replace(video, size=(height, width), count=sizes.frames(video.count), jumps=sizes.frames(video.jumps))


def as_arguments(video: Video) -> dict[str, Any]:
    """Return the video as JSON can carry it."""
    return {'video': asdict(video)}


def from_arguments(video: dict[str, Any]) -> Video:
    """Return the video of `as_arguments`."""
    return Video(**{**video, 'size': tuple(video['size'])})


def file_of(path: str) -> str:
    """Return the only video of a store."""
    return str(next(file for file in Path(path).iterdir() if file.suffix == '.mp4'))


def record_video(path: str, video: dict[str, Any], distinct: int) -> dict[str, Any]:
    """Make a store of one chunk, by imgstore or of a video made by PyAV and libx264; its frames show their numbers."""
    import imgstore

    made = from_arguments(video)
    images = scenes.render(distinct, *made.size, made.gray)
    store: Any = imgstore.new_for_format('avc1/mp4', path, imgshape=made.shape, imgdtype='uint8')
    if made.settings is None:
        for index in range(made.count):
            store.add_image(_frame(images, index), index, index / FRAMES_PER_SECOND)
    else:
        with tempfile.TemporaryDirectory(dir=Path(path).parent) as folder:
            _encode(f'{folder}/video.mp4', images, made)
            numbers = np.arange(made.count)
            store.insert_chunk(f'{folder}/video.mp4', numbers.tolist(), (numbers / FRAMES_PER_SECOND).tolist())
    store.close()
    return {}


def _frame(images: scenes.Frames, index: int) -> numbered.Image:
    image: numbered.Image = images[index % len(images)].copy()
    numbered.draw(image, index)
    return image


def _encode(path: str, images: scenes.Frames, video: Video) -> None:
    import av

    with av.open(path, 'w') as container:
        stream: Any = container.add_stream('libx264', FRAMES_PER_SECOND, options=video.settings)
        stream.height, stream.width = video.size
        stream.pix_fmt = 'yuv420p'
        stream.thread_type = 'FRAME'  # as x264 does by itself; PyAV's default makes a slice for each thread
        for index in range(video.count):
            frame = av.VideoFrame.from_ndarray(_frame(images, index), 'gray' if video.gray else 'bgr24')
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
