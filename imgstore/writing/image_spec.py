"""Which images a store takes, and their conversion on the way to disk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .._support.validation import not_allowed
from .._support.warn import warn
from ..color import check_encoding, decode_to_bgr, decoded_shape
from ..errors import ColorLostWarning, ImageRejectedError, InvalidArgumentError
from ..formats import Format, formats_holding
from ..sensor_area import SensorArea, area_for

Image = npt.NDArray[Any]

_NUMBERS = 'biufc'
_WITH_BITS = 'uint16'
_MAX_PIXELS = 2**29
"""Limit for an image file or video: OpenCV and FFmpeg count an image's bytes in 32 bits."""


@dataclass(frozen=True)
class ImageSpec:
    """Checks images of one shape and dtype, and converts them to the stored form.

    Attributes
    ----------
    shape : tuple of int
        Shape of the given images.
    dtype : np.dtype
        dtype of the given and the stored images.
    stored_shape : tuple of int
        Shape of the images on disk.
    convert_from : str
        Encoding for the conversion before storing; '' for none.
    bits : int or None
        Number of bits of a value, if they are fewer than those of the dtype.
    area : SensorArea or None
        ROI and binning of the images.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    stored_shape: tuple[int, ...]
    convert_from: str
    bits: int | None = None
    area: SensorArea | None = None

    @property
    def video_sizes(self) -> set[tuple[int, ...]]:
        """Heights and widths of videos with such images."""
        return {self.stored_shape[:2], *([] if self.area else [self.shape[:2]])}

    def __call__(self, image: object) -> Image:
        """Convert an image to its stored form.

        Values change only by an encoding or binning.

        Raises
        ------
        ImageRejectedError
            The shape differs, or some values do not fit the store's dtype.
        """
        array = self._shaped(_as_array(image))
        if self.convert_from:
            array = decode_to_bgr(self._cast(array), self.convert_from)
        array = self._cast(array if self.area is None else self.area.crop(array))
        self._check_bits(array)
        if self.area is not None:
            array = self.area.bin(array)
        if array.shape != self.stored_shape:
            array = array[: self.stored_shape[0], : self.stored_shape[1]].reshape(self.stored_shape)
        return array

    def _check_bits(self, array: Image) -> None:
        if self.bits is not None and int(array.max()) >> self.bits:
            raise ImageRejectedError(
                f'the image has a value of {array.max()}, and this store of {self.bits} bits takes up to '
                f'{2**self.bits - 1}; make it with more bits',
                argument='img',
            )

    def _shaped(self, image: Image) -> Image:
        if image.shape == self.shape:
            return image
        if _without_channel_of_one(image.shape) == _without_channel_of_one(self.shape):
            return image.reshape(self.shape)
        of_sensor = ' of the sensor, and applies ROI and binning itself' if self.area else ''
        raise ImageRejectedError(
            f'the image has shape {image.shape}; this store takes {self.shape}{of_sensor}', argument='img'
        )

    def _cast(self, image: Image) -> Image:
        if image.dtype == self.dtype:
            return image
        if not is_lossless_cast(image, self.dtype):
            raise ImageRejectedError(
                f'the image is {image.dtype} and its values do not all fit {self.dtype}, the dtype of this store',
                argument='img',
            )
        return image.astype(self.dtype)


def _as_array(image: object) -> Image:
    try:
        return np.asarray(image)
    except ValueError as error:
        raise ImageRejectedError(
            f'the image is a {type(image).__name__} and cannot become an array: {error}', argument='img'
        ) from error


def is_lossless_cast(image: Image, dtype: np.dtype[Any]) -> bool:
    """Return whether every value of the image is the same in the other dtype."""
    if image.dtype.kind not in _NUMBERS or dtype.kind not in _NUMBERS:
        return image.dtype.kind == dtype.kind and np.can_cast(image.dtype, dtype, 'safe')
    if not _within(image, dtype) or image.dtype.kind == 'c' != dtype.kind:
        return False
    with np.errstate(all='ignore'):
        cast = image.astype(dtype)
        back = cast if image.dtype.kind == 'c' else cast.real
        return _within(cast, image.dtype) and np.array_equal(back.astype(image.dtype), image, equal_nan=True)


def _within(image: Image, dtype: np.dtype[Any]) -> bool:
    """Return whether all values fit a dtype's integers.

    Others a cast maps arbitrarily.
    """
    if dtype.kind not in 'iu':
        return True
    limits = np.iinfo(dtype)
    return bool(limits.min <= image.real.min().item() and image.real.max().item() <= limits.max)


def _without_channel_of_one(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape[:-1] if len(shape) == 3 and shape[2] == 1 else shape


def image_spec_for(
    fmt: Format,
    imgshape: object,
    imgdtype: object,
    encoding: str,
    store: str | None = None,
    bits: int | None = None,
    roi: object = None,
    binning: object = None,
) -> ImageSpec:
    """Make the spec of a new store.

    Raises
    ------
    InvalidArgumentError
        The format cannot hold such images, or ROI or binning do not fit them.
    """
    shape, dtype = validate_shape(imgshape), validate_dtype(imgdtype)
    if not fmt.holds(dtype.name, is_color := shape[2:] == (3,)):
        raise _not_held(fmt, dtype.name, is_color)
    if bits is not None and dtype.name != _WITH_BITS:
        raise not_allowed('bits', bits, f'it is for images of {_WITH_BITS}, and these are {dtype.name}; leave it out')
    check_encoding(encoding, shape, dtype)
    convert_from = encoding if fmt.converts_to_bgr else ''
    taken = decoded_shape(shape, convert_from)
    area = area_for(roi, binning, taken, dtype, '' if convert_from else encoding)
    stored = _stored_shape(fmt, area.shape_of(taken) if area else taken, store)
    if not convert_from:
        check_encoding(encoding, stored, dtype)
    return ImageSpec(shape, dtype, stored, convert_from, bits, area and area.trimmed(stored))


def _not_held(fmt: Format, dtype: str, is_color: bool) -> InvalidArgumentError:
    others = ', '.join(formats_holding(dtype, is_color)) or 'none'
    if fmt.holds(dtype, False):
        return InvalidArgumentError(
            f'format {fmt.name} holds {dtype} images in gray, (h, w), not in colour; formats for these: {others}',
            argument='imgshape',
        )
    return InvalidArgumentError(
        f'format {fmt.name} holds {" or ".join(fmt.dtypes or ())}, not imgdtype {dtype}; formats for {dtype}: {others}',
        argument='imgdtype',
    )


def _stored_shape(fmt: Format, shape: tuple[int, ...], store: str | None) -> tuple[int, ...]:
    if fmt.color_model == 'any':
        return shape
    shape = _without_channel_of_one(shape)
    if len(shape) not in (2, 3) or shape[2:] not in ((), (3,)):
        raise InvalidArgumentError(
            f'format {fmt.name} holds images of shape (h, w){"" if fmt.is_gray else " or (h, w, 3)"}, not {shape}',
            argument='imgshape',
        )
    if max(shape) > fmt.max_side or math.prod(shape[:2]) > _MAX_PIXELS:
        raise InvalidArgumentError(
            f'format {fmt.name} holds images of at most {fmt.max_side} pixels a side and '
            f'{_MAX_PIXELS} in all, not {shape[0]} x {shape[1]}',
            argument='imgshape',
        )
    if min(shape[:2]) < fmt.min_side:
        raise _too_small(fmt, shape)
    if fmt.color_model == 'gray' and len(shape) == 3:
        warn(ColorLostWarning(fmt.name, store))
    return _even(shape) if fmt.crops_odd_sides else shape


def _too_small(fmt: Format, shape: tuple[int, ...]) -> InvalidArgumentError:
    return InvalidArgumentError(
        f'format {fmt.name} holds images of at least {fmt.min_side} pixels a side, not {shape[0]} x {shape[1]}; '
        'formats of images hold any',
        argument='imgshape',
    )


def _even(shape: tuple[int, ...]) -> tuple[int, ...]:
    height, width = shape[0] // 2 * 2, shape[1] // 2 * 2
    if not (height and width):
        raise InvalidArgumentError(
            f'video needs images of at least 2 x 2 pixels, not {shape[0]} x {shape[1]}', argument='imgshape'
        )
    return (height, width, *shape[2:])


def validate_shape(imgshape: object) -> tuple[int, ...]:
    """Return a shape as a tuple of int, or raise InvalidArgumentError."""
    if isinstance(imgshape, (Sequence, np.ndarray)) and not isinstance(imgshape, (str, bytes)):
        sizes = list(imgshape)
        if sizes and all(_is_size(size) for size in sizes):
            return tuple(int(size) for size in sizes)
    raise InvalidArgumentError(
        f'imgshape is {imgshape!r}; it must be sizes in pixels, (h, w) or (h, w, 3)', argument='imgshape'
    )


def _is_size(size: object) -> bool:
    whole = isinstance(size, (int, np.integer)) or (isinstance(size, (float, np.floating)) and size == size // 1)
    return whole and not isinstance(size, (bool, np.bool_)) and 0 < size < 2**31  # type: ignore[operator]


def validate_dtype(imgdtype: object) -> np.dtype[Any]:
    """Return a dtype in native byte order, or raise InvalidArgumentError.

    It must be given completely by its name.
    """
    try:
        if imgdtype is None:
            raise TypeError('None')
        dtype: np.dtype[Any] = np.dtype(imgdtype)  # type: ignore[call-overload]
        named: np.dtype[Any] = np.dtype(dtype.name)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(
            f'imgdtype {imgdtype!r} is not a supported numpy dtype', argument='imgdtype'
        ) from error
    if named.kind != dtype.kind or named.itemsize != dtype.itemsize or named.hasobject:
        raise InvalidArgumentError(f'imgdtype {imgdtype!r} is not a supported numpy dtype', argument='imgdtype')
    return named
