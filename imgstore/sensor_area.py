"""Area of a sensor in a store's images: region of interest, then binning.

The terms are GenICam's. A ROI is (OffsetX, OffsetY, Width, Height), and binning (BinningVertical, BinningHorizontal).
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from ._support.validation import as_int, as_int_min, not_allowed
from .color import Image, crop_rules
from .errors import ImageRejectedError, InvalidArgumentError

_FLOATS = ('float16', 'float32', 'float64')
_MOST_BYTES = 4
"""Limit for binned integers, so that sums fit 64 bits."""

_CV2_DTYPES, _CV2_CHANNELS = ('uint8', 'uint16'), (1, 3, 4)
"""OpenCV averages blocks of 2 x 2 of these exactly, and half a step upward."""


KEYS = ('roi', 'binning', 'sensor_shape')
"""Keys of the area in metadata.yaml."""


@dataclass(frozen=True)
class SensorArea:
    """Area of a sensor, and its binning.

    Attributes
    ----------
    sensor_shape : tuple of int
        (h, w) of the sensor in pixels.
    roi : tuple of int
        (x, y, width, height) in pixels of the sensor.
    binning : tuple of int
        (vertical, horizontal): the sensor's pixels in a pixel.
    """

    sensor_shape: tuple[int, int]
    roi: tuple[int, int, int, int]
    binning: tuple[int, int] = (1, 1)

    def shape_of(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the area for images of this shape."""
        return (self.roi[3] // self.binning[0], self.roi[2] // self.binning[1], *shape[2:])

    def crop(self, image: Image) -> Image:
        """Return a view of the ROI."""
        x, y, width, height = self.roi
        return image[y : y + height, x : x + width]

    def bin(self, image: Image) -> Image:
        """Average the blocks of a cropped image. See `bin_image`."""
        return bin_image(image, *self.binning)

    def of(self, image: Image) -> Image:
        """Crop and bin an image of the sensor.

        Raises
        ------
        ImageRejectedError
            The image has another size.
        """
        if image.shape[:2] != self.sensor_shape:
            raise ImageRejectedError(
                f'the image has shape {image.shape}, and the sensor {self.sensor_shape}', argument='img'
            )
        return self.bin(self.crop(image))

    def trimmed(self, shape: tuple[int, ...]) -> SensorArea:
        """Return the area of images without their last rows or columns."""
        vertical, horizontal = self.binning
        return replace(self, roi=(*self.roi[:2], shape[1] * horizontal, shape[0] * vertical))

    def within(self, outer: SensorArea | None) -> SensorArea:
        """Return this area of another area's images as one of its sensor."""
        if outer is None:
            return self
        (x, y, width, height), (vertical, horizontal) = self.roi, outer.binning
        left, top = outer.roi[:2]
        return SensorArea(
            outer.sensor_shape,
            (left + x * horizontal, top + y * vertical, width * horizontal, height * vertical),
            (self.binning[0] * vertical, self.binning[1] * horizontal),
        )

    def as_metadata(self) -> dict[str, list[int]]:
        """Return the keys of metadata.yaml."""
        return {name: list(getattr(self, name)) for name in KEYS}


def area_in(store: Mapping[str, Any]) -> SensorArea | None:
    """Return the area in the store's part of metadata.yaml; None if not valid."""
    with contextlib.suppress(InvalidArgumentError):
        sensor = _integers(store.get('sensor_shape'), 'sensor_shape', 2)
        roi, binning = _integers(store.get('roi'), 'roi', 4), _integers(store.get('binning'), 'binning', 2)
        if sensor and roi and binning:
            return _area(sensor, roi, roi, binning)
    return None


def area_for(
    roi: object, binning: object, shape: tuple[int, ...], dtype: np.dtype[Any], encoding: str = ''
) -> SensorArea | None:
    """Check a ROI and binning for images of a sensor.

    Parameters
    ----------
    roi : sequence of int, shape (4,), or None
        (x, y, width, height). None: all of the sensor.
    binning : int, sequence of int, shape (2,), or None
        One number, or (vertical, horizontal). None: 1.
    shape : tuple of int
        (h, w, …) of the images.
    dtype : numpy.dtype
        dtype of the images.
    encoding : str
        Encoding of the images; '' if they are gray or BGR.

    Returns
    -------
    SensorArea or None
        None if neither was given.

    Raises
    ------
    InvalidArgumentError
        One of them is not allowed.
    """
    if roi is None and binning is None:
        return None
    if len(shape) < 2:
        what, value = ('binning', binning) if roi is None else ('roi', roi)
        raise not_allowed(what, value, f'it is for images of shape (h, w, …), and these are {shape}; leave it out')
    area = _area(shape[:2], roi, _checked_roi(roi, shape), _checked_binning(binning))
    _check_values(area, dtype)
    if encoding:
        _check_raw(area, encoding)
    return area


def _checked_roi(roi: object, shape: tuple[int, ...]) -> tuple[int, ...]:
    if roi is None:
        return 0, 0, shape[1], shape[0]
    found = _integers(roi, 'roi', 4)
    if found is None:
        raise not_allowed('roi', roi, 'it must be four integers in pixels, (x, y, width, height)')
    return found


def _checked_binning(binning: object) -> tuple[int, ...]:
    if binning is None:
        return 1, 1
    found = _integers(binning, 'binning', 2)
    if found is None and isinstance(binning, (Sequence, np.ndarray)):
        raise not_allowed('binning', binning, 'it must be an integer, or two: (vertical, horizontal)')
    both = (as_int_min(binning, 'binning', 1),) * 2 if found is None else found
    if min(both) < 1:
        raise not_allowed('binning', binning, 'it must be 1 or more')
    return both


def _integers(value: object, what: str, count: int) -> tuple[int, ...] | None:
    """Return so many integers; None for all but a sequence of that length."""
    if isinstance(value, np.ndarray):
        value = list(value) if value.ndim == 1 else None
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)) or len(value) != count:
        return None
    return tuple(as_int(each, f'{what}[{at}]') for at, each in enumerate(value))


def _area(sensor: tuple[int, ...], given: object, roi: tuple[int, ...], binning: tuple[int, ...]) -> SensorArea:
    """Make the area, or raise InvalidArgumentError if the numbers do not fit."""
    (rows, columns), (x, y, width, height), (vertical, horizontal) = sensor, roi, binning
    wide, high = columns - x, rows - y
    if not (0 <= x < columns and 0 <= y < rows and 0 < width <= wide and 0 < height <= high):
        most = f'; from ({x}, {y}) it has {wide} x {high}' if 0 <= x < columns and 0 <= y < rows else ''
        raise not_allowed(
            'roi',
            given,
            f"it must be (x, y, width, height), a part of the sensor's {columns} x {rows} pixels (width x height)"
            f'{most}',
        )
    if not (0 < vertical <= high and 0 < horizontal <= wide):
        raise not_allowed('binning', binning, f'it must be from 1 x 1 to {high} x {wide} (vertical x horizontal)')
    if width % horizontal or height % vertical:
        raise not_allowed(
            'binning' if given is None else 'roi',
            binning if given is None else given,
            f'binning of {vertical} x {horizontal} (vertical x horizontal) does not divide {width} x {height} pixels; '
            f'choose a ROI with a width of {_nearest(width, horizontal, wide)} and a height of '
            f'{_nearest(height, vertical, high)}',
        )
    return SensorArea((rows, columns), (x, y, width, height), (vertical, horizontal))


def _nearest(size: int, step: int, limit: int) -> str:
    """Return the allowed sizes next to this one, as text."""
    below = size // step * step
    allowed = [below] if below == size else [each for each in (below, below + step) if 0 < each <= limit]
    return ' or '.join(map(str, allowed))


def _check_values(area: SensorArea, dtype: np.dtype[Any]) -> None:
    is_integer = dtype.kind in 'iu' and dtype.itemsize <= _MOST_BYTES
    if area.binning != (1, 1) and not is_integer and dtype.name not in _FLOATS:
        raise not_allowed(
            'binning',
            area.binning,
            f'it is for integers of at most {8 * _MOST_BYTES} bits and for {", ".join(_FLOATS)}, and these images are '
            f'{dtype}; leave it out',
        )


def _check_raw(area: SensorArea, encoding: str) -> None:
    """Raise InvalidArgumentError if raw images lose their encoding."""
    instead = 'leave it out, or choose a format that stores colours, such as png+color'
    (rows, columns), averages = crop_rules(encoding)
    if area.binning != (1, 1) and not averages:
        raise not_allowed(
            'binning', area.binning, f'the mean of raw pixels of {encoding} would mix their colours; {instead}'
        )
    x, y, width, height = area.roi
    if (x, y, height, width) == (0, 0, *area.sensor_shape):
        return
    if not rows:
        raise not_allowed('roi', area.roi, f'raw images of {encoding} consist of planes, not of pixels; {instead}')
    if x % columns or y % rows:
        near = (x // columns * columns, y // rows * rows, width, height)
        raise not_allowed(
            'roi',
            area.roi,
            f'raw images of {encoding} keep their pattern only if x is a multiple of {columns} and y of {rows}, such '
            f'as roi={near}',
        )


def bin_image(image: Image, vertical: int, horizontal: int) -> Image:
    """Average blocks of pixels.

    Parameters
    ----------
    image : ndarray, shape (h, w, …)
        Integers of up to 32 bits, or floats.
    vertical, horizontal : int
        Rows and columns of a block. They divide h and w.

    Returns
    -------
    ndarray, shape (h / vertical, w / horizontal, …)
        Same dtype. Means of integers are exact and rounded, .5 upward. Those of floats are computed in float64. The
        image itself for 1 x 1.
    """
    if (vertical, horizontal) == (1, 1):
        return image
    rest = image.shape[2:]
    is_simple = image.dtype.name in _CV2_DTYPES and (not rest or (len(rest) == 1 and rest[0] in _CV2_CHANNELS))
    if (vertical, horizontal) == (2, 2) and is_simple:
        height, width = image.shape[0] // 2, image.shape[1] // 2
        return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA).reshape(height, width, *rest)
    return _means(image, vertical, horizontal)


def _means(image: Image, vertical: int, horizontal: int) -> Image:
    count = vertical * horizontal
    with np.errstate(all='ignore'):  # floats may be any numbers
        sums = _block_sums(image, vertical, horizontal, _sum_dtype(image.dtype, count))
        if image.dtype.kind == 'f':
            sums /= count
            is_over = np.isinf(sums)  # the sum may exceed float64 where the mean does not
            if is_over.any():
                sums[is_over] = _block_sums(image / count, vertical, horizontal, sums.dtype)[is_over]
        else:
            sums += count // 2
            sums //= count
        return sums.astype(image.dtype)


def _sum_dtype(dtype: np.dtype[Any], count: int) -> np.dtype[Any]:
    """Return a dtype for the sum of so many values, and a half of their number."""
    if dtype.kind == 'u':
        return np.min_scalar_type(int(np.iinfo(dtype).max) * count + count // 2)
    return np.dtype(np.int64 if dtype.kind == 'i' else np.float64)


def _block_sums(image: Image, vertical: int, horizontal: int, dtype: np.dtype[Any]) -> Image:
    rows = image[::vertical].astype(dtype)
    for at in range(1, vertical):
        rows += image[at::vertical]
    sums = rows[:, ::horizontal].copy()
    for at in range(1, horizontal):
        sums += rows[:, at::horizontal]
    return sums
