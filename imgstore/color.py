"""Gray and colour images, and the encodings of raw images.

An encoding names one of OpenCV's conversions to BGR: ``cv_bayerrg``, ``cv_yuv_i420``, ``cv_rgb``. A store with an
encoding holds raw images, and its readers return the converted images.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import DTypeLike, NDArray

from .errors import InvalidArgumentError

Image = NDArray[Any]

_BITS_8 = (np.dtype(np.uint8),)
_INTEGERS = (np.dtype(np.uint8), np.dtype(np.uint16))
_BITS_8_AND_FLOAT = (np.dtype(np.uint8), np.dtype(np.float32))
_ALL = (np.dtype(np.uint8), np.dtype(np.uint16), np.dtype(np.float32))


class _Raw(NamedTuple):
    """Shapes and dtypes of one kind of raw image in OpenCV.

    An (h, w) image has one channel. A crop starts at these multiples of rows and columns, 0 for no crop. With
    ``averages``, the mean of pixels is a pixel.
    """

    channels: tuple[int, ...]
    dtypes: tuple[np.dtype[Any], ...]
    rows_multiple_of: int = 1
    columns_multiple_of: int = 1
    crop_step: tuple[int, int] = (1, 1)
    averages: bool = False


class _Conversion(NamedTuple):
    """One conversion to BGR. The first of its codes is the main name of its enum."""

    enum: int
    raw: _Raw
    codes: tuple[str, ...]


_BAYER = _Raw((1,), _INTEGERS, crop_step=(2, 2))
_GRAY = _Raw((1,), _ALL, averages=True)
_SWAPPED = _Raw((1, 3, 4), _ALL, averages=True)
_LINEAR = _Raw((3,), _ALL, averages=True)
_CURVED = _Raw((3,), _BITS_8_AND_FLOAT)
_PACKED_RGB = _Raw((2,), _BITS_8)
_PACKED_YUV = _Raw((2,), _BITS_8, columns_multiple_of=2, crop_step=(1, 2))
# h rows of luma above h/2 rows with both planes of colour
_PLANAR_YUV = _Raw((1,), _BITS_8, rows_multiple_of=3, columns_multiple_of=2, crop_step=(0, 0))

_CONVERSIONS = (
    _Conversion(cv2.COLOR_BAYER_BG2BGR, _BAYER, ('cv_bayerbg', 'cv_bayerrggb')),
    _Conversion(cv2.COLOR_BAYER_GB2BGR, _BAYER, ('cv_bayergb', 'cv_bayergrbg')),
    _Conversion(cv2.COLOR_BAYER_RG2BGR, _BAYER, ('cv_bayerrg', 'cv_bayerbggr')),
    _Conversion(cv2.COLOR_BAYER_GR2BGR, _BAYER, ('cv_bayergr', 'cv_bayergbrg')),
    _Conversion(cv2.COLOR_GRAY2BGR, _GRAY, ('cv_gray',)),
    _Conversion(cv2.COLOR_RGB2BGR, _SWAPPED, ('cv_rgb',)),
    _Conversion(cv2.COLOR_RGBA2BGR, _SWAPPED, ('cv_rgba',)),
    _Conversion(cv2.COLOR_BGRA2BGR, _SWAPPED, ('cv_bgra',)),
    _Conversion(cv2.COLOR_XYZ2BGR, _LINEAR, ('cv_xyz',)),
    _Conversion(cv2.COLOR_YCrCb2BGR, _LINEAR, ('cv_ycrcb',)),
    _Conversion(cv2.COLOR_YUV2BGR, _LINEAR, ('cv_yuv',)),
    _Conversion(cv2.COLOR_HLS2BGR, _CURVED, ('cv_hls',)),
    _Conversion(cv2.COLOR_HLS2BGR_FULL, _CURVED, ('cv_hls_full',)),
    _Conversion(cv2.COLOR_HSV2BGR, _CURVED, ('cv_hsv',)),
    _Conversion(cv2.COLOR_HSV2BGR_FULL, _CURVED, ('cv_hsv_full',)),
    _Conversion(cv2.COLOR_Lab2BGR, _CURVED, ('cv_lab',)),
    _Conversion(cv2.COLOR_Luv2BGR, _CURVED, ('cv_luv',)),
    _Conversion(cv2.COLOR_BGR5552BGR, _PACKED_RGB, ('cv_bgr555',)),
    _Conversion(cv2.COLOR_BGR5652BGR, _PACKED_RGB, ('cv_bgr565',)),
    _Conversion(cv2.COLOR_YUV2BGR_Y422, _PACKED_YUV, ('cv_yuv_y422', 'cv_yuv_uyvy', 'cv_yuv_uynv')),
    _Conversion(cv2.COLOR_YUV2BGR_YUYV, _PACKED_YUV, ('cv_yuv_yuyv', 'cv_yuv_yuy2', 'cv_yuv_yunv')),
    _Conversion(cv2.COLOR_YUV2BGR_YVYU, _PACKED_YUV, ('cv_yuv_yvyu',)),
    _Conversion(cv2.COLOR_YUV2BGR_NV12, _PLANAR_YUV, ('cv_yuv_nv12',)),
    _Conversion(cv2.COLOR_YUV420sp2BGR, _PLANAR_YUV, ('cv_yuv420sp', 'cv_yuv_nv21')),
    _Conversion(cv2.COLOR_YUV420p2BGR, _PLANAR_YUV, ('cv_yuv420p', 'cv_yuv_yv12')),
    _Conversion(cv2.COLOR_YUV2BGR_IYUV, _PLANAR_YUV, ('cv_yuv_iyuv', 'cv_yuv_i420')),
)
_BY_CODE = {code: conversion for conversion in _CONVERSIONS for code in conversion.codes}
_CODE_OF_PYLON_FORMAT = {
    'BayerBG': 'cv_bayerrg',
    'BayerRG': 'cv_bayerbg',
    'BayerGB': 'cv_bayergr',
    'BayerGR': 'cv_bayergb',
}


def ensure_color(img: Image, ensure_copy: bool = False) -> Image:
    """Convert an image to colour. A gray one gets three equal channels.

    Parameters
    ----------
    img : numpy.ndarray
        (h, w), (h, w, 1) or (h, w, 3), uint8, uint16 or float32. A colour image may have any dtype.
    ensure_copy : bool
        Copy a colour image, too.

    Returns
    -------
    numpy.ndarray
        (h, w, 3), same dtype. A colour image is returned as it is.

    Raises
    ------
    InvalidArgumentError
        The shape is wrong, or OpenCV cannot convert the dtype.

    Examples
    --------
    >>> imgstore.ensure_color(np.zeros((48, 64), np.uint8)).shape
    (48, 64, 3)
    """
    if _channels(img) == 3:
        return img.copy() if ensure_copy else img
    return _convert(img, cv2.COLOR_GRAY2BGR)


def ensure_grayscale(img: Image, ensure_copy: bool = False) -> Image:
    """Convert an image to gray with OpenCV's weights.

    Parameters
    ----------
    img : numpy.ndarray
        (h, w), (h, w, 1) or (h, w, 3) BGR, uint8, uint16 or float32. A gray image may have any dtype.
    ensure_copy : bool
        Copy a gray image, too.

    Returns
    -------
    numpy.ndarray
        (h, w), same dtype. A gray image is returned as it is, or as a view.

    Raises
    ------
    InvalidArgumentError
        The shape is wrong, or OpenCV cannot convert the dtype.

    Examples
    --------
    >>> imgstore.ensure_grayscale(np.zeros((48, 64, 3), np.uint8)).shape
    (48, 64)
    """
    if _channels(img) == 3:
        return _convert(img, cv2.COLOR_BGR2GRAY)
    gray = img.reshape(img.shape[:2])
    return gray.copy() if ensure_copy else gray


def is_encoding(code: object) -> bool:
    """Return whether this is the code of an encoding."""
    return isinstance(code, str) and code in _BY_CODE


def crop_rules(encoding: str) -> tuple[tuple[int, int], bool]:
    """Return the steps for a crop of raw images, and whether means are allowed."""
    raw = _conversion(encoding).raw
    return raw.crop_step, raw.averages


def check_encoding(encoding: str | None, imgshape: tuple[int, ...], dtype: DTypeLike) -> None:
    """Raise unless images of this shape and dtype are raw images of the encoding.

    Parameters
    ----------
    encoding : str or None
        A code. None or '' means no encoding, and fits all images.
    imgshape : tuple of int
        (h, w) or (h, w, channels) of the raw images.
    dtype : numpy.dtype
        dtype of the raw images.

    Raises
    ------
    InvalidArgumentError
        The encoding is unknown, or does not fit such images.
    """
    if not encoding:
        return
    raw = _conversion(encoding).raw
    if _fits(tuple(imgshape), raw) and np.dtype(dtype) in raw.dtypes:
        return
    raise InvalidArgumentError(
        f'encoding {encoding} does not fit images of shape {tuple(imgshape)} and dtype {np.dtype(dtype)}: '
        f'it takes {_describe(raw)}',
        argument='encoding',
    )


def decoded_shape(imgshape: tuple[int, ...], encoding: str | None) -> tuple[int, ...]:
    """Return the shape of converted images, for raw images of this shape.

    Returns
    -------
    tuple of int
        (h, w, 3), or `imgshape` without an encoding.

    Raises
    ------
    InvalidArgumentError
        The encoding is unknown, or the shape has the wrong number of dimensions.
    """
    if not encoding:
        return tuple(imgshape)
    raw = _conversion(encoding).raw
    if len(imgshape) not in (2, 3):
        raise InvalidArgumentError(
            f'images of shape {tuple(imgshape)} cannot have the encoding {encoding}', argument='encoding'
        )
    height, width = imgshape[:2]
    if raw is _PLANAR_YUV:
        height = height * 2 // 3
    return height, width, 3


def decode_to_bgr(img: Image, encoding: str | None) -> Image:
    """Convert a raw image to BGR. Without an encoding, return the image itself.

    Returns
    -------
    numpy.ndarray
        (h, w, 3), same dtype.

    Raises
    ------
    InvalidArgumentError
        The encoding is unknown, or does not fit this image.
    """
    if not encoding:
        return img
    _check_array(img)
    check_encoding(encoding, img.shape, img.dtype)
    converted: Image = cv2.cvtColor(img, _conversion(encoding).enum)
    return converted


class ImageCodecProcessor:
    """Converter of raw images to BGR, by a given code or the default code."""

    def __init__(self) -> None:
        self._code = ''

    @classmethod
    def from_pylon_format(cls, name: str | None) -> ImageCodecProcessor:
        """Make a converter for a pixel format of Basler cameras.

        Parameters
        ----------
        name
            BayerBG, BayerRG, BayerGB or BayerGR. None and '' mean no conversion.

        Raises
        ------
        InvalidArgumentError
            The name is unknown.
        """
        if name and name not in _CODE_OF_PYLON_FORMAT:
            raise InvalidArgumentError(
                f'unknown Pylon format {name!r}; known formats: {", ".join(_CODE_OF_PYLON_FORMAT)}',
                argument='name',
            )
        processor = cls()
        processor.set_default_code(_CODE_OF_PYLON_FORMAT[name] if name else None)
        return processor

    @classmethod
    def from_cv2_enum(cls, enum: int) -> ImageCodecProcessor:
        """Make a converter for OpenCV's number of a conversion.

        Such as ``cv2.COLOR_BAYER_RG2BGR``.

        Raises
        ------
        InvalidArgumentError
            No encoding has that number.
        """
        processor = cls()
        processor.set_default_code(processor.cv2_enum_to_code(enum))
        return processor

    @property
    def encoding(self) -> str:
        """The default code, or ''."""
        return self._code

    def set_default_code(self, code: str | None) -> None:
        """Set the default code. None and '' remove it.

        Raises
        ------
        InvalidArgumentError
            The code is unknown.
        """
        if code:
            _conversion(code)
        self._code = code or ''

    def check_code(self, code: object) -> bool:
        """Return whether this is the code of an encoding."""
        return is_encoding(code)

    def cv2_enum_to_code(self, enum: int) -> str:
        """Return the code for OpenCV's number of a conversion.

        Raises
        ------
        InvalidArgumentError
            No encoding has that number.
        """
        for conversion in _CONVERSIONS:
            if conversion.enum == enum:
                return conversion.codes[0]
        known = ', '.join(f'{conversion.enum} ({conversion.codes[0]})' for conversion in _CONVERSIONS)
        raise InvalidArgumentError(
            f'no encoding for the OpenCV conversion {enum!r}; known conversions: {known}', argument='enum'
        )

    def convert_to_bgr(self, img: Image, code: str | None = None) -> Image:
        """Convert a raw image to BGR by the given code, or else by the default code.

        Returns
        -------
        numpy.ndarray
            (h, w, 3), same dtype.

        Raises
        ------
        InvalidArgumentError
            There is no code, it is unknown, or it does not fit this image.
        """
        if not (code or self._code):
            raise InvalidArgumentError('there is no encoding: pass a code or set a default code', argument='code')
        return decode_to_bgr(img, code or self._code)

    def autoconvert(self, img: Image) -> Image:
        """Convert a raw image to BGR by the default code.

        Without one, return the image.
        """
        return decode_to_bgr(img, self._code)


def _conversion(code: str) -> _Conversion:
    if not is_encoding(code):
        raise InvalidArgumentError(
            f'unknown encoding {code!r}; known encodings: {", ".join(sorted(_BY_CODE))}', argument='encoding'
        )
    return _BY_CODE[code]


def _fits(imgshape: tuple[int, ...], raw: _Raw) -> bool:
    if len(imgshape) not in (2, 3) or 0 in imgshape:
        return False
    height, width, channels = (*imgshape, 1)[:3]
    return channels in raw.channels and height % raw.rows_multiple_of == 0 and width % raw.columns_multiple_of == 0


def _describe(raw: _Raw) -> str:
    shapes = ' or '.join('(h, w)' if count == 1 else f'(h, w, {count})' for count in raw.channels)
    text = f'{shapes} of {", ".join(str(dtype) for dtype in raw.dtypes)}'
    if raw.rows_multiple_of > 1:
        text += f', h a multiple of {raw.rows_multiple_of}'
    if raw.columns_multiple_of > 1:
        text += f', w a multiple of {raw.columns_multiple_of}'
    return text


def _check_array(img: object) -> None:
    if not isinstance(img, np.ndarray):
        raise InvalidArgumentError(f'an image must be a numpy array, not {type(img).__name__}', argument='img')


def _channels(img: Image) -> int:
    _check_array(img)
    if img.ndim == 2:
        return 1
    if img.ndim == 3 and img.shape[2] in (1, 3):
        return int(img.shape[2])
    raise InvalidArgumentError(f'an image must be (h, w), (h, w, 1) or (h, w, 3), not {img.shape}', argument='img')


def _convert(img: Image, enum: int) -> Image:
    if img.dtype not in _ALL or img.size == 0:
        raise InvalidArgumentError(
            f'cannot convert an image of shape {img.shape} and dtype {img.dtype} between gray and colour: '
            f'it must be uint8, uint16 or float32, and not empty',
            argument='img',
        )
    converted: Image = cv2.cvtColor(img, enum)
    return converted
