"""test: a synthetic camera, whose faults can be chosen."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from ..._support.validation import not_allowed
from ...color import Image
from ...errors import FrameReadError, InvalidArgumentError
from ..line_events import check_events
from ..pixel_formats import pixel_layout
from ..protocol import Camera, CameraSettings, Counter, FailedGrab, GrabbedFrame, ImageLayout, SourceEndedError
from .address import flag, number, number_and_seconds, numbers, parse_address, positive, width_and_height
from .buffers import buffer_count

_BLOCK, _ACROSS, _BITS = 16, 6, 12
"""The number is drawn as blocks of pixels: their side, how many are in a row, and how many there are."""

_DARK, _BRIGHT = 40, 210
_BACKGROUNDS = 8
_NANOSECONDS = 1_000_000_000
_MOST_PIXELS = 2**26
_TEMPERATURE = 'DeviceTemperature'
_TRIGGER_AFTER = 300_000_000  # nanoseconds


@dataclass(frozen=True)
class Faults:
    """What the synthetic camera does, by the options of its address.

    Numbers are those of frames, from 0.

    Attributes
    ----------
    fps : float
        Frames per second.
    pixel : str
        Pixel format.
    frames : int or None
        Number of frames after which it ends.
    drop : set of int
        Frames that the camera takes, counts and loses.
    fail : set of int
        Frames that arrive damaged.
    jitter : float
        Seconds of random delay that a frame may have, on average.
    drift : float
        Parts per million by which the camera's clock is fast.
    jump : (int, float) or None
        From this frame on, the camera's clock is ahead by these seconds.
    bits : int
        Bits of the counter. One of 16 bits has no 0, as in GigE Vision.
    start : int
        First number of the counter.
    reset : int or None
        At this frame, the counter starts again.
    unplug : int or None
        At this frame, the camera is gone.
    buffers : int or None
        Frames that the camera keeps while nobody takes them. Later ones are lost. None: as many as of a real one.
    no_clock : bool
        It has no clock of its own.
    line : set of int
        Frames at whose exposure its Line1 is high.
    """

    fps: float = 30.0
    pixel: str = 'Mono8'
    frames: int | None = None
    drop: frozenset[int] = frozenset()
    fail: frozenset[int] = frozenset()
    jitter: float = 0.0
    drift: float = 0.0
    jump: tuple[int, float] | None = None
    bits: int = 64
    start: int = 0
    reset: int | None = None
    unplug: int | None = None
    buffers: int | None = None
    no_clock: bool = False
    line: frozenset[int] = frozenset()


_KINDS: dict[str, Callable[[str], Any]] = {
    'fps': number,
    'pixel': str,
    'frames': int,
    'drop': numbers,
    'fail': numbers,
    'jitter': number,
    'drift': number,
    'jump': number_and_seconds,
    'bits': int,
    'start': int,
    'reset': int,
    'unplug': int,
    'buffers': positive,
    'no_clock': flag,
    'line': numbers,
}


class SyntheticCamera(Camera):
    """A camera that needs none. Its frame number is in its pixels.

    Parameters
    ----------
    address
        Size and options, such as ``640x480,fps=100,drop=5-7+20,jitter=0.002``. See `Faults`.
    """

    takes = ('fps', 'size', 'pixel_format', 'trigger', 'extra_data', 'events')
    line_names = ('Line1',)
    loses: Literal['camera', 'transport'] = 'camera'

    def __init__(self, address: str) -> None:
        super().__init__(address)
        size, options = parse_address(address, _KINDS)
        try:
            self._size = width_and_height(size or '640x480')
        except ValueError as error:
            raise InvalidArgumentError(
                f'{size!r} is not a width and height such as 640x480', argument='sources'
            ) from error
        self._is = Faults(**options)
        self._next = 0
        self._begin_ns = 0
        self._trigger: str | None = None
        self._has_temperature = False
        self._delays = random.Random(address)

    def open(self) -> None:
        """Draw the backgrounds of the frames."""
        self._check()
        self.counter = Counter(self._is.bits, first=1 if self._is.bits == 16 else 0)
        self._draw = TestPattern(self._size, self._is.pixel)
        self._buffers = self._is.buffers or buffer_count(self._draw(0).nbytes)

    def _check(self) -> None:
        if not 0 < self._is.fps <= 1e6:
            raise InvalidArgumentError(f'fps is {self._is.fps}; it must be more than 0, at most 1,000,000')
        if self._is.bits not in range(8, 65) or self._is.start < 0 or self._is.jitter < 0:
            raise InvalidArgumentError(f'{self.address!r}: bits must be 8 to 64, start and jitter 0 or more')
        if self._size[0] * self._size[1] > _MOST_PIXELS:
            raise InvalidArgumentError(
                f'a synthetic camera of {self._size[0]} x {self._size[1]} pixels is too large; it may have '
                f'{_MOST_PIXELS:,} pixels',
                argument='sources',
            )
        pixel_layout(self._is.pixel)

    def configure(self, settings: CameraSettings) -> None:
        """Apply the settings; a trigger comes to all cameras at once."""
        super().configure(settings)
        check_events(settings.events, self.line_names)
        for name in settings.extra_data:
            if name != _TEMPERATURE:
                raise not_allowed('extra_data', name, f'this source has the feature {_TEMPERATURE}')
        self._trigger, self._has_temperature = settings.trigger, bool(settings.extra_data)
        self._is = replace(self._is, fps=settings.fps or self._is.fps, pixel=settings.pixel_format or self._is.pixel)
        self._size = settings.size or self._size
        self.open()

    def start(self) -> None:
        """Begin to count time and frames."""
        self._next = 0
        self._begin_ns = time.monotonic_ns() if self._trigger is None else _begin_of_trigger(self._trigger)

    def next_frame(self, timeout: float) -> GrabbedFrame | FailedGrab | None:
        """Return the next frame at its time."""
        self._skip_lost()
        number = self._next
        if self._is.frames is not None and number >= self._is.frames:
            raise SourceEndedError
        if not self._wait_until(self._due(number), timeout):
            return None
        if self._is.unplug is not None and number >= self._is.unplug:
            raise FrameReadError('the camera was unplugged')
        self._next += 1
        return self._grab(number)

    def _skip_lost(self) -> None:
        """Pass over frames that are dropped, or found no buffer."""
        in_time = (time.monotonic_ns() - self._begin_ns) * self._is.fps / _NANOSECONDS - self._buffers
        self._next = max(self._next, int(in_time))
        while self._next in self._is.drop:
            self._next += 1

    def _due(self, number: int) -> int:
        return self._begin_ns + round(number / self._is.fps * _NANOSECONDS)

    @staticmethod
    def _wait_until(due_ns: int, timeout: float) -> bool:
        left = (due_ns - time.monotonic_ns()) / _NANOSECONDS
        if left > 0:
            time.sleep(min(left, timeout))
        return left <= timeout

    def _grab(self, number: int) -> GrabbedFrame | FailedGrab:
        if self._is.jitter:
            time.sleep(self._delays.expovariate(1 / self._is.jitter))
        if number in self._is.fail:
            return FailedGrab('the buffer is incomplete', time.monotonic_ns(), self._counter_at(number))
        image = self._draw(number)
        now, counter, at = time.monotonic_ns(), self._counter_at(number), self._device_time(number)
        lines = int(number in self._is.line) if self._is.line else None
        extra = {_TEMPERATURE: 40 + number % 100 / 10} if self._has_temperature else None
        return GrabbedFrame(image, self._is.pixel, now, counter, at, lines, extra)

    def _counter_at(self, number: int) -> int:
        if self._is.reset is not None and number >= self._is.reset:
            return self.counter.first + number - self._is.reset
        start = max(self._is.start, self.counter.first) - self.counter.first
        return self.counter.first + (start + number) % self.counter.period

    def _device_time(self, number: int) -> int | None:
        if self._is.no_clock:
            return None
        since = number / self._is.fps * (1 + self._is.drift / 1e6)
        if self._is.jump is not None and number >= self._is.jump[0]:
            since += self._is.jump[1]
        return 1000 * _NANOSECONDS + round(since * _NANOSECONDS)

    def describe(self) -> dict[str, Any]:
        """Return that it is synthetic."""
        return {'model': 'synthetic', 'size': list(self._size), 'fps': self._is.fps}

    def settings_in_force(self, names: Iterable[str] = ()) -> dict[str, Any]:
        """Return size, rate and pixel format."""
        return {'fps': self._is.fps, 'size': list(self._size), 'pixel_format': self._is.pixel, 'trigger': self._trigger}

    def image_layout(self) -> ImageLayout | None:
        """Return the images that it draws."""
        return ImageLayout(*self._size, self._is.pixel)


_triggers: dict[str, int] = {}
_lock = threading.Lock()


def _begin_of_trigger(line: str) -> int:
    """Return when the trigger of a line begins, after all cameras have started."""
    with _lock:
        now = time.monotonic_ns()
        if _triggers.get(line, 0) < now:
            _triggers[line] = now + _TRIGGER_AFTER
        return _triggers[line]


class TestPattern:
    """Draws frames with their number, modulo 4096, as 12 blocks of pixels.

    A block has 16 x 16 pixels, and there are 6 in a row. The first one is the lowest bit.

    Parameters
    ----------
    size
        Width and height in pixels. Smaller than 96 x 32 pixels, all pixels are the number modulo 256.
    pixel_format
        A pixel format of GenICam.
    """

    __test__ = False  # it is no test of pytest

    def __init__(self, size: tuple[int, int], pixel_format: str) -> None:
        layout = pixel_layout(pixel_format)
        self._shape = (size[1], size[0], layout.channels)[: 2 if layout.channels == 1 else 3]
        self._dtype = np.dtype(layout.dtype)
        self._scale = 1 << (layout.bits - 8)
        self._is_small = size[0] < _BLOCK * _ACROSS or size[1] < _BLOCK * _BITS // _ACROSS
        self._grounds = [self._background(index) for index in range(1 if self._is_small else _BACKGROUNDS)]
        weights = np.arange(_BITS).reshape(-1, _ACROSS)
        self._bit_of = np.kron(weights, np.ones((_BLOCK, _BLOCK), int))

    def _background(self, index: int) -> Image:
        y, x = np.mgrid[: self._shape[0], : self._shape[1]]
        noise = np.random.default_rng(index).integers(0, 8, self._shape[:2])
        gray = ((2 * x + y + 20 * index) % 150 + 50 + noise) * self._scale
        ground: Image = gray.astype(self._dtype)
        return np.repeat(ground[..., None], self._shape[2], axis=2) if len(self._shape) == 3 else ground

    def __call__(self, number: int) -> Image:
        """Draw a frame."""
        if self._is_small:
            return np.full(self._shape, number % 256 * self._scale, self._dtype)
        image = self._grounds[number % len(self._grounds)].copy()
        blocks = np.where(number >> self._bit_of & 1, _BRIGHT, _DARK) * self._scale
        corner = image[: blocks.shape[0], : blocks.shape[1]]
        corner[...] = blocks if image.ndim == 2 else blocks[..., None]
        return image
