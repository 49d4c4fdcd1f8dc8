"""Values of any dtype as shades of 8 bits, for people to look at."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from .color import Image
from .errors import ImgStoreError

_DARKEST, _BRIGHTEST = 0.5, 99.5  # percentiles
_SAMPLES = 16


def scale_to_8_bit(image: Image, black: float, white: float) -> Image:
    """Scale values of any dtype so that two of them become black and white.

    Values beyond, inf and nan are clipped.
    """
    scaled = (image.astype(np.float32) - black) * (255 / (white - black) if white > black else 0)
    levels: Image = np.nan_to_num(np.clip(scaled, 0, 255)).astype(np.uint8)
    return levels


def measure_range(read: Callable[[int], Image], count: int) -> tuple[float, float]:
    """Return the smallest and largest finite value of some spread frames.

    Viewers and exports start from it, so that a frame has the same shades in both.

    Parameters
    ----------
    read : callable
        Returns the image at an index. Frames with an `ImgStoreError` are left out.
    count : int
        Number of frames.

    Returns
    -------
    least : float
        Smallest value; inf without a finite value.
    largest : float
        Largest value; -inf without a finite value.
    """
    least, largest = np.inf, -np.inf
    for index in np.unique(np.linspace(0, count - 1, _SAMPLES).astype(np.intp)).tolist() if count else ():
        try:
            image = read(index)
        except ImgStoreError:  # reported when the frame itself is shown
            continue
        image = image[..., :3] if image.shape[2:] == (4,) else image
        finite = image[np.isfinite(image)] if image.dtype.kind == 'f' else image
        if finite.size:
            least, largest = min(least, float(finite.min())), max(largest, float(finite.max()))
    return least, largest


class IntensityScaler:
    """Converter of any dtype to 8 bits.

    The smallest and the largest value so far become black and white.
    """

    def __init__(self, measure: Callable[[], tuple[float, float]] | None = None) -> None:
        self._least, self._largest = np.inf, -np.inf
        self._measure = measure
        self._lock = threading.Lock()

    def to_8_bit(self, image: Image, stretch: bool) -> Image:
        """Return uint8 as it is, any other dtype scaled.

        With `stretch`, only this image's values set the scale.
        """
        if image.dtype == np.uint8 and not stretch:
            return image
        finite = image[np.isfinite(image)].astype(np.float32)
        if stretch:
            low, high = (
                np.percentile(finite[:: max(1, finite.size // 100_000)], (_DARKEST, _BRIGHTEST))
                if finite.size
                else (0.0, 0.0)
            )
        else:
            low, high = self._widen(finite)
        return scale_to_8_bit(image, low, high)

    def range_with(self, image: Image) -> tuple[float, float]:
        """Return the values shown as black and white, with this image in view.

        For uint8 these are 0 and 255.
        """
        if image.dtype == np.uint8:
            return 0.0, 255.0
        return self._widen(image[np.isfinite(image)].astype(np.float32))

    def _widen(self, finite: Image) -> tuple[float, float]:
        with self._lock:
            if self._measure is not None:
                (self._least, self._largest), self._measure = self._measure(), None
            if finite.size:
                self._least = min(self._least, float(finite.min()))
                self._largest = max(self._largest, float(finite.max()))
            return (self._least, self._largest) if self._least <= self._largest else (0.0, 0.0)
