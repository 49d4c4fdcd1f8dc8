from __future__ import annotations

import re
from typing import Any

import cv2
import numpy as np
import pytest

from imgstore.color import (
    ImageCodecProcessor,
    check_encoding,
    decode_to_bgr,
    decoded_shape,
    ensure_color,
    ensure_grayscale,
    is_encoding,
)
from imgstore.errors import InvalidArgumentError

from .helpers.raised import raises

CODE_OF_ENUM = {
    1: 'cv_bgra',
    3: 'cv_rgba',
    4: 'cv_rgb',
    8: 'cv_gray',
    14: 'cv_bgr565',
    24: 'cv_bgr555',
    34: 'cv_xyz',
    38: 'cv_ycrcb',
    46: 'cv_bayerbg',
    47: 'cv_bayergb',
    48: 'cv_bayerrg',
    49: 'cv_bayergr',
    54: 'cv_hsv',
    56: 'cv_lab',
    58: 'cv_luv',
    60: 'cv_hls',
    70: 'cv_hsv_full',
    72: 'cv_hls_full',
    84: 'cv_yuv',
    91: 'cv_yuv_nv12',
    93: 'cv_yuv420sp',
    99: 'cv_yuv420p',
    101: 'cv_yuv_iyuv',
    108: 'cv_yuv_y422',
    116: 'cv_yuv_yuyv',
    118: 'cv_yuv_yvyu',
}
CONVERTIBLE = ['uint8', 'uint16', 'float32']
ANY_DTYPE = [*CONVERTIBLE, 'float64', 'int16', 'int64', 'bool']
RAW_SHAPES = [(12, 8), (12, 8, 1), (12, 8, 2), (12, 8, 3), (12, 8, 4), (11, 8), (12, 7), (11, 7, 2), (3, 2)]


def codes_of_opencv() -> dict[str, int]:
    """Every code, by the rule that its name follows, with its number."""
    codes = {}
    for name in dir(cv2):
        match = re.fullmatch(r'COLOR_(\w+?)2BGR(_\w+)?', name)
        if match and match[1] not in ('BGR', 'RGB565') and not (match[1].upper().startswith('BAYER') and match[2]):
            code = f'cv_{match[1].replace("_", "")}{match[2] or ""}'.lower()
            codes[code] = getattr(cv2, name)
    return codes


def random_image(shape: tuple[int, ...], dtype: Any = np.uint8) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).integers(0, 255, shape).astype(dtype)


@pytest.mark.parametrize('dtype', CONVERTIBLE)
@pytest.mark.parametrize('shape', [(6, 4), (6, 4, 1)])
def test_a_gray_image_becomes_three_equal_channels(shape: tuple[int, ...], dtype: str) -> None:
    gray = random_image(shape, dtype)
    colour = ensure_color(gray)
    assert colour.shape == (6, 4, 3)
    assert colour.dtype == gray.dtype
    for channel in range(3):
        np.testing.assert_array_equal(colour[:, :, channel], gray.reshape(6, 4))


@pytest.mark.parametrize('dtype', CONVERTIBLE)
def test_a_colour_image_becomes_the_gray_of_opencv(dtype: str) -> None:
    colour = random_image((6, 4, 3), dtype)
    gray = ensure_grayscale(colour)
    assert gray.dtype == colour.dtype
    np.testing.assert_array_equal(gray, cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY))


@pytest.mark.parametrize('dtype', ANY_DTYPE)
@pytest.mark.parametrize(('convert', 'shape'), [(ensure_color, (6, 4, 3)), (ensure_grayscale, (6, 4))])
def test_an_image_that_is_right_already_is_given_back_or_copied(convert: Any, shape: Any, dtype: str) -> None:
    img = random_image(shape, dtype)
    assert convert(img) is img or np.shares_memory(convert(img), img)
    copy = convert(img, ensure_copy=True)
    assert not np.shares_memory(copy, img)
    np.testing.assert_array_equal(copy, img)


def test_gray_with_a_channel_is_gray_without() -> None:
    assert ensure_grayscale(random_image((6, 4, 1))).shape == (6, 4)


def test_views_of_images_are_converted_too() -> None:
    gray, colour = random_image((6, 4)), random_image((6, 4, 3))
    np.testing.assert_array_equal(ensure_color(gray[::-1, ::2]), ensure_color(gray)[::-1, ::2])
    np.testing.assert_array_equal(ensure_grayscale(colour[::-1, ::2]), ensure_grayscale(colour)[::-1, ::2])


@pytest.mark.parametrize('convert', [ensure_color, ensure_grayscale])
@pytest.mark.parametrize(
    'img', [np.zeros(4), np.zeros((6, 4, 2)), np.zeros((6, 4, 4)), np.zeros((6, 4, 3, 1)), [[1]], None], ids=str
)
def test_what_is_no_image_is_refused(convert: Any, img: Any) -> None:
    with raises(InvalidArgumentError, argument='img'):
        convert(img)


@pytest.mark.parametrize('dtype', ['float64', 'int16', 'int64', 'bool', '>u2'])
def test_a_dtype_that_opencv_cannot_convert_is_refused(dtype: str) -> None:
    for convert, shape in ((ensure_color, (6, 4)), (ensure_grayscale, (6, 4, 3))):
        with pytest.raises(InvalidArgumentError, match=f'dtype {np.dtype(dtype)} .* uint8, uint16 or float32'):
            convert(np.zeros(shape, dtype))


def test_an_empty_image_is_not_converted() -> None:
    with pytest.raises(InvalidArgumentError, match='not empty'):
        ensure_color(np.zeros((0, 4), np.uint8))


def test_the_code_of_every_number_is_the_same_with_every_opencv() -> None:
    processor = ImageCodecProcessor()
    assert {enum: processor.cv2_enum_to_code(enum) for enum in CODE_OF_ENUM} == CODE_OF_ENUM
    assert set(codes_of_opencv().values()) == set(CODE_OF_ENUM)


@pytest.mark.parametrize(('code', 'enum'), codes_of_opencv().items())
def test_every_name_opencv_has_for_a_conversion_is_understood(code: str, enum: int) -> None:
    assert is_encoding(code)
    raw = next(shape for shape in RAW_SHAPES if converts(shape, 'uint8', enum))
    img = random_image(raw)
    np.testing.assert_array_equal(decode_to_bgr(img, code), cv2.cvtColor(img, enum))


def converts(shape: tuple[int, ...], dtype: str, enum: int) -> bool:
    try:
        cv2.cvtColor(np.zeros(shape, dtype), enum)
    except cv2.error:
        return False
    return True


@pytest.mark.parametrize('enum', CODE_OF_ENUM)
@pytest.mark.parametrize('dtype', ANY_DTYPE)
def test_just_the_images_that_opencv_converts_pass_the_check(dtype: str, enum: int) -> None:
    for shape in RAW_SHAPES:
        img = np.zeros(shape, dtype)
        if converts(shape, dtype, enum):
            check_encoding(CODE_OF_ENUM[enum], shape, dtype)
            assert decode_to_bgr(img, CODE_OF_ENUM[enum]).shape == decoded_shape(shape, CODE_OF_ENUM[enum])
        else:
            with raises(InvalidArgumentError, argument='encoding'):
                check_encoding(CODE_OF_ENUM[enum], shape, dtype)
            with raises(InvalidArgumentError, argument='encoding'):
                decode_to_bgr(img, CODE_OF_ENUM[enum])


def test_the_check_says_what_the_encoding_takes() -> None:
    with pytest.raises(
        InvalidArgumentError, match=r'\(11, 8\) and dtype uint8: .*\(h, w\) of uint8, h a multiple of 3'
    ):
        check_encoding('cv_yuv_i420', (11, 8), np.uint8)


def test_planar_images_decode_to_two_thirds_of_their_rows() -> None:
    assert decoded_shape((12, 8), 'cv_yuv_i420') == (8, 8, 3)
    assert decoded_shape((12, 8), 'cv_bayerrg') == (12, 8, 3)
    assert decoded_shape((12, 8, 2), 'cv_yuv_yuyv') == (12, 8, 3)


@pytest.mark.parametrize('shape', [(), (5,), (5, 4, 3, 2)])
def test_what_has_no_rows_and_columns_has_no_decoded_shape(shape: tuple[int, ...]) -> None:
    with raises(InvalidArgumentError, argument='encoding'):
        decoded_shape(shape, 'cv_rgb')


@pytest.mark.parametrize('none', [None, ''])
def test_no_encoding_leaves_images_as_they_are(none: str | None) -> None:
    img = random_image((6, 4, 4), np.float64)
    assert decode_to_bgr(img, none) is img
    assert decoded_shape((6, 4, 4), none) == (6, 4, 4)
    check_encoding(none, img.shape, img.dtype)


@pytest.mark.parametrize('code', ['cv_nope', 'bayerrg', 'CV_RGB', 'cv_bayerrg_vng', 'cv_bgr', 7])
def test_a_wrong_code_is_named_beside_the_right_ones(code: Any) -> None:
    img = random_image((6, 4))
    processor = ImageCodecProcessor()
    assert not processor.check_code(code)
    for call in (
        lambda: decode_to_bgr(img, code),
        lambda: decoded_shape((6, 4), code),
        lambda: check_encoding(code, (6, 4), np.uint8),
        lambda: processor.set_default_code(code),
        lambda: processor.convert_to_bgr(img, code),
    ):
        with raises(InvalidArgumentError, argument='encoding'):
            call()
    assert processor.encoding == ''


@pytest.mark.parametrize(
    ('name', 'code'),
    [
        ('BayerBG', 'cv_bayerrg'),
        ('BayerRG', 'cv_bayerbg'),
        ('BayerGB', 'cv_bayergr'),
        ('BayerGR', 'cv_bayergb'),
        ('', ''),
        (None, ''),
    ],
)
def test_pylon_names_differ_from_those_of_opencv(name: str | None, code: str) -> None:
    assert ImageCodecProcessor.from_pylon_format(name).encoding == code


def test_an_unknown_pylon_name_or_number_is_an_error() -> None:
    with raises(InvalidArgumentError, argument='name'):
        ImageCodecProcessor.from_pylon_format('Mono8')
    for enum in (-1, None, cv2.COLOR_BGR2GRAY):
        with raises(InvalidArgumentError, argument='enum'):
            ImageCodecProcessor.from_cv2_enum(enum)  # type: ignore[arg-type]


def test_a_processor_converts_by_the_code_given_or_else_set() -> None:
    img = random_image((6, 4))
    processor = ImageCodecProcessor()
    assert processor.encoding == ''
    assert processor.autoconvert(img) is img
    with raises(InvalidArgumentError, argument='code'):
        processor.convert_to_bgr(img)

    processor.set_default_code('cv_bayerrg')
    assert processor.encoding == 'cv_bayerrg'
    by_default = cv2.cvtColor(img, cv2.COLOR_BAYER_RG2BGR)
    np.testing.assert_array_equal(processor.convert_to_bgr(img), by_default)
    np.testing.assert_array_equal(processor.autoconvert(img), by_default)
    np.testing.assert_array_equal(processor.convert_to_bgr(img, 'cv_gray'), ensure_color(img))

    processor.set_default_code(None)
    assert processor.autoconvert(img) is img


def test_a_processor_of_a_number_converts_by_it() -> None:
    processor = ImageCodecProcessor.from_cv2_enum(cv2.COLOR_BAYER_RG2BGR)
    assert processor.encoding == 'cv_bayerrg'
    assert processor.autoconvert(random_image((6, 4))).shape == (6, 4, 3)
