"""Measurement of one format on given frames: speed, size and quality."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from ..color import Image
from ..ondisk.chunk_files import frame_file_sizes
from ..stores.base import ImgStore
from ..stores.factories import new_for_filename, new_for_format
from .psnr import frame_psnr, mean_psnr

FRAMES_PER_SECOND = 30
"""Rate of the measured stores, and of recordings of which a size per hour is given."""

_SECONDS_PER_HOUR = 3600
_MOST_ROUNDS = 5
_WARM_UP = 2  # frames: the first use of an encoder takes longer
_SEED = 20


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """Speed, size and quality of a format on some frames.

    Attributes
    ----------
    format : str
        Name of the format.
    frames : int
        Number of frames.
    sizes : tuple of int
        Size in bytes of each file with frames: an image each, or the video of each chunk.
    psnr : float
        PSNR over all pixels in dB, inf if all frames are identical bit for bit.
    writes : float or None
        Frames written per second, until the store is closed. None if not measured, as below.
    reads : float or None
        Frames read per second in sequence, with opening.
    random_ms : float or None
        Milliseconds to read a frame anywhere in the open store, without a cache.
    """

    format: str
    frames: int
    sizes: tuple[int, ...]
    psnr: float
    writes: float | None = None
    reads: float | None = None
    random_ms: float | None = None

    @property
    def bytes_per_frame(self) -> float:
        """Mean size of a frame in its file."""
        return sum(self.sizes) / self.frames

    @property
    def mb_per_hour(self) -> float:
        """Size of an hour at `FRAMES_PER_SECOND` in MB, of 10^6 bytes."""
        return self.bytes_per_frame * FRAMES_PER_SECOND * _SECONDS_PER_HOUR / 1e6


def measure_format(
    fmt: str,
    images: Sequence[Image],
    *,
    random_reads: int = 0,
    least_seconds: float | None = None,
    chunksize: int | None = None,
    encoding: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Measurement:
    """Write frames in a format, read them again, and measure.

    The store is in a temporary folder, and removed.

    Parameters
    ----------
    fmt : str
        Name of the format.
    images : sequence of ndarray
        At least one frame, all of one shape and dtype. Read several times.
    random_reads : int
        Number of frames to read anywhere; 0 measures none.
    least_seconds : float, optional
        Repeat writing and reading for so long, at most five times, and take medians. Default: measure no speed.
    chunksize : int, optional
        Frames per chunk. Default: all frames in one.
    encoding : str, optional
        Encoding of raw images, such as 'cv_bayerrg'. They are compared raw.
    options : mapping, optional
        Options of the encoder, such as ``quality``.

    Returns
    -------
    Measurement
        The result.

    Raises
    ------
    InvalidArgumentError
        The format cannot hold such images, or has no such option.
    """
    with tempfile.TemporaryDirectory(prefix='imgstore-') as folder:
        trial = _Trial(
            fmt, images, folder, {'chunksize': chunksize or len(images), 'encoding': encoding, **(options or {})}
        )
        trial.write(_WARM_UP if least_seconds else None)
        speeds: dict[str, float] = {} if least_seconds is None else trial.speeds(least_seconds)
        if random_reads:
            speeds['random_ms'] = 1000 * trial.random_seconds(random_reads)
        return Measurement(format=fmt, frames=len(images), sizes=trial.sizes(), psnr=trial.psnr(), **speeds)


def _timed(work: Callable[[], object], least_seconds: float, before: Callable[[], object] = lambda: None) -> float:
    """Return the median seconds of some rounds; ``before`` is not timed."""
    rounds: list[float] = []
    while not rounds or (len(rounds) < _MOST_ROUNDS and sum(rounds) < least_seconds):
        before()
        start = time.perf_counter()
        work()
        rounds.append(time.perf_counter() - start)
    return median(rounds)


class _Trial:
    """A store of the frames, written again and again in a folder."""

    def __init__(self, fmt: str, images: Sequence[Image], folder: str, options: dict[str, Any]) -> None:
        self._fmt, self._images, self._options = fmt, images, options
        self._path = os.path.join(folder, 'store')

    def write(self, count: int | None = None) -> None:
        """Write the store of all frames, or of the first ones."""
        with new_for_format(
            self._fmt,
            self._path,
            imgshape=self._images[0].shape,
            imgdtype=self._images[0].dtype,
            **self._options,
        ) as store:
            for index, image in enumerate(self._images[:count] if count else self._images):
                store.add_image(image, index, index / FRAMES_PER_SECOND)

    def remove(self) -> None:
        """Remove the store."""
        shutil.rmtree(self._path)

    def speeds(self, least_seconds: float) -> dict[str, float]:
        """Replace the store, and measure frames per second."""
        count = len(self._images)
        writing = _timed(self.write, least_seconds, before=self.remove)
        return {'writes': count / writing, 'reads': count / _timed(self.read, least_seconds)}

    def read(self) -> None:
        """Read all frames in sequence."""
        with self._opened() as store:
            for _ in self._images:
                store.get_next_image()

    def psnr(self) -> float:
        """Compare all frames with the given ones."""
        with self._opened() as store:
            if self._options['encoding']:
                store.disable_decoding()
            return mean_psnr([frame_psnr(image, store.get_next_image()[0]) for image in self._images])

    def random_seconds(self, count: int) -> float:
        """Return the mean seconds to read a frame anywhere."""
        chosen = np.random.default_rng(_SEED).integers(0, len(self._images), count + 1).tolist()
        with self._opened(cache_bytes=0) as store:
            store.get_image(frame_index=chosen[0])  # opens the chunk
            start = time.perf_counter()
            for index in chosen[1:]:
                store.get_image(frame_index=index)
            return (time.perf_counter() - start) / count

    def _opened(self, **options: Any) -> ImgStore:
        return new_for_filename(self._path, **options)

    def sizes(self) -> tuple[int, ...]:
        """Return the sizes of the files with frames."""
        with self._opened() as store:
            return tuple(size for path in store.chunk_paths().values() for size in frame_file_sizes(path))
