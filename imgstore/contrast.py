"""Values of any dtype as shades of 8 bits, for people to look at."""

from __future__ import annotations

import threading

import numpy as np

from .color import Image

_DARKEST, _BRIGHTEST = 0.5, 99.5  # percentiles


def scale_to_8_bit(image: Image, black: float, white: float) -> Image:
    """Scale values of any dtype so that two of them become black and white; values beyond, inf and nan are clipped."""
    scaled = (image.astype(np.float32) - black) * (255 / (white - black) if white > black else 0)
    levels: Image = np.nan_to_num(np.clip(scaled, 0, 255)).astype(np.uint8)
    return levels


class IntensityScaler:
    """Brings values of any dtype to 8 bits, the least and largest seen so far becoming black and white."""

    def __init__(self) -> None:
        self._least, self._largest = np.inf, -np.inf
        self._lock = threading.Lock()

    def to_8_bit(self, image: Image, stretch: bool) -> Image:
        """Give uint8 as it is and any other dtype scaled; with `stretch` by what this image holds alone."""
        if image.dtype == np.uint8 and not stretch:
            return image
        finite = image[np.isfinite(image)].astype(np.float32)
        if stretch:
            low, high = np.percentile(finite[:: max(1, finite.size // 100_000)], (_DARKEST, _BRIGHTEST)) \
                if finite.size else (0.0, 0.0)
        else:
            low, high = self._widen(finite)
        return scale_to_8_bit(image, low, high)

    def _widen(self, finite: Image) -> tuple[float, float]:
        with self._lock:
            if finite.size:
                self._least = min(self._least, float(finite.min()))
                self._largest = max(self._largest, float(finite.max()))
            return (self._least, self._largest) if self._least <= self._largest else (0.0, 0.0)
