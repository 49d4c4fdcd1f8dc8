from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from imgstore.errors import InvalidArgumentError
from imgstore.font import (
    FONT_POS_BOTTOM,
    FONT_POS_TOP,
    FONT_POS_TOP_LEFT,
    FontRenderer,
    FontRendererStatusBar,
    fit_text,
    measure_string,
)

from ..helpers.raised import raises

WHITE = (255, 255, 255)
SHAPES = [(480, 640, 3), (480, 640), (480, 640, 1), (480, 640, 4), (60, 50, 3)]
TINY = [(1, 1), (8, 8, 3), (3, 200), (200, 3, 3), (30, 30)]
OTHER_TEXTS = ['', 'a\nb\tc', 'héllo µs', '日本', '\ud800', 'x\0y', 'x' * 2000]


def black(shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    return np.zeros(shape, np.uint8)


def extent(img: np.ndarray[Any, Any]) -> tuple[int, int, int, int]:
    """First and last row, first and last column, that are drawn in."""
    rows, columns = np.nonzero(img.reshape(*img.shape[:2], -1).max(axis=2))
    return rows.min(), rows.max(), columns.min(), columns.max()


def test_measured_is_width_and_height_in_pixels() -> None:
    (width, height), _ = cv2.getTextSize('hello', cv2.FONT_HERSHEY_SIMPLEX, 1, 1)
    assert measure_string('hello', cv2.FONT_HERSHEY_SIMPLEX, 1, 1) == (width, height + 1)
    assert FontRenderer(cv2.FONT_HERSHEY_SIMPLEX, 1, 1).measure_string('hello') == (width, height + 1)


def test_a_line_is_as_high_whatever_its_letters() -> None:
    assert len({measure_string(text, 0, 1, 1)[1] for text in ('', 'a', 'gjpqy', 'ÅÉ|')}) == 1


def test_positions_have_the_numbers_they_always_had() -> None:
    assert (FONT_POS_TOP, FONT_POS_BOTTOM, FONT_POS_TOP_LEFT) == (0, 1, 2)
    bar = FontRendererStatusBar
    assert (bar.POS_TOP, bar.POS_BOTTOM, bar.POS_TOP_LEFT) == (0, 1, 2)


@pytest.mark.parametrize('shape', SHAPES)
def test_fitted_text_fills_the_width_and_stays_inside(shape: tuple[int, ...]) -> None:
    img = black(shape)
    scale, thickness = fit_text('frame 123', img, FONT_POS_BOTTOM)
    assert measure_string('frame 123', 0, scale, thickness)[0] <= shape[1]
    _, _, left, right = extent(img)
    assert right - left > 0.8 * shape[1]


def test_fitted_text_fits_the_height_too() -> None:
    img = black((20, 2000))
    scale, thickness = fit_text('gj', img, FONT_POS_TOP)
    assert measure_string('gj', 0, scale, thickness)[1] <= 20
    assert extent(img)[1] < 20


def test_fitted_text_is_at_the_edge_asked_for() -> None:
    top, bottom = black((400, 100)), black((400, 100))
    fit_text('hello', top, FONT_POS_TOP)
    fit_text('hello', bottom, FONT_POS_BOTTOM)
    assert extent(top)[1] < 100
    assert extent(bottom)[0] > 300


def test_only_measuring_draws_nothing_and_needs_no_image() -> None:
    img = black((100, 200, 3))
    assert fit_text('hello', img, only_measure=True) == fit_text('hello', None, only_measure=True, img_shape=(100, 200))
    assert not img.any()


def test_a_line_without_an_image_makes_one_that_just_holds_it() -> None:
    renderer = FontRenderer(0, 1, 1)
    img = renderer.write_string('gjpqy', (0, 0), WHITE)
    assert img.dtype == np.uint8
    assert img.shape[2] == 3
    first, last, left, right = extent(img)
    # all of it is seen, what hangs below the line too
    assert first >= 0
    assert last < img.shape[0] - 1 or not img[-1].any()
    assert right - left <= renderer.measure_string('gjpqy')[0]
    assert last >= renderer.measure_string('gjpqy')[1]


@pytest.mark.parametrize('shape', SHAPES)
def test_a_line_is_drawn_in_place_above_its_position(shape: tuple[int, ...]) -> None:
    img = black(shape)
    assert FontRenderer(0, 0.5, 1).write_string('ab', (10, 40), WHITE, img) is img
    first, last, left, _ = extent(img)
    assert last <= 41
    assert first >= 20
    assert left >= 10


def test_a_line_has_a_box_behind_it_if_asked() -> None:
    img = black((100, 200, 3))
    FontRenderer(0, 1, 1).write_string('hello', (10, 50), WHITE, img, bgcolor=(10, 20, 30))
    width, height = measure_string('hello', 0, 1, 1)
    first, last, left, right = extent(img)
    assert (first, left, right) == (50 - height, 10, 10 + width - 1)
    assert last > 50
    assert tuple(img[50 - height, 10]) == (10, 20, 30)


def test_the_color_is_bgr_or_one_gray() -> None:
    renderer = FontRenderer(0, 1, 2)
    assert tuple(renderer.write_string('|||', (0, 0), (10, 20, 30)).max(axis=(0, 1))) == (10, 20, 30)
    assert tuple(renderer.write_string('|||', (0, 0), 40).max(axis=(0, 1))) == (40, 40, 40)


@pytest.mark.parametrize('pos', [(5, 7), FONT_POS_TOP, FONT_POS_BOTTOM, FONT_POS_TOP_LEFT])
def test_a_paragraph_has_its_lines_below_each_other(pos: Any) -> None:
    renderer = FontRenderer(0, 0.5, 1)
    img = black((200, 300))
    assert renderer.write_paragraph('one\ntwo\nthree', pos, WHITE, img) is img
    first, last, _, _ = extent(img)
    assert 2 * renderer.measure_string('o')[1] < last - first < 200
    if pos == FONT_POS_BOTTOM:
        assert last >= 185
    else:
        assert first < 20


def test_paragraph_without_image_makes_one_that_fits() -> None:
    """A paragraph without an image makes an image that fits it exactly."""
    img = FontRenderer(0, 1, 1).write_paragraph('one\nthree', (0, 0), WHITE)
    first, last, _, right = extent(img)
    assert img.shape[0] > last - first > img.shape[0] / 2
    assert right > 0.8 * img.shape[1]


@pytest.mark.parametrize('text', OTHER_TEXTS)
def test_any_text_is_drawn(text: str) -> None:
    img = black((100, 200, 3))
    fit_text(text, img)
    renderer = FontRenderer(0, 1, 1)
    renderer.write_string(text, (0, 50), WHITE, img)
    renderer.write_paragraph(text, (0, 0), WHITE, img)
    renderer.write_string(text, (0, 0), WHITE)
    bar = FontRendererStatusBar.new_for_image(img, ltext=text, rtext=text)
    bar.render(img, ltext=text, rtext=text)


def test_accented_letters_are_measured_as_letters() -> None:
    """Letters with accents are drawn as letters, never as separate bytes."""
    assert measure_string('é', 0, 1, 1)[0] < 1.3 * measure_string('e', 0, 1, 1)[0]


@pytest.mark.parametrize('pos', [FONT_POS_TOP, FONT_POS_BOTTOM, FONT_POS_TOP_LEFT])
@pytest.mark.parametrize('shape', SHAPES)
def test_the_bar_keeps_to_its_edge_and_extract_gives_its_texts(shape: tuple[int, ...], pos: int) -> None:
    img = np.full(shape, 7, np.uint8)
    texts: dict[str, Any] = {'ltext': 'frame 12', 'rtext': '2020-01-01'}
    bar = FontRendererStatusBar.new_for_image(img, pos=pos, **texts)
    left, right = bar.extract(img)
    assert left is not None
    assert right is not None
    bar.render(img, **texts)
    assert min(left.max(), right.max()) > 100
    assert np.shares_memory(left, img)
    elsewhere = img[: shape[0] // 2] if pos == FONT_POS_BOTTOM else img[shape[0] // 2 :]
    assert (elsewhere == 7).all()


def test_the_bar_is_made_for_a_size_of_width_and_height() -> None:
    bar = FontRendererStatusBar.new_for_image_size((640, 480), ltext='frame 1', rtext='now')
    img = black((480, 640))
    bar.render(img, ltext='frame 1', rtext='now', bgcolor=9)
    first, last, left, right = extent(img)
    assert (last, left, right) == (479, 0, 639)
    assert first > 400


def test_texts_of_the_bar_are_drawn_apart() -> None:
    img = black((480, 640))
    bar = FontRendererStatusBar.new_for_image(img, ltext='left', rtext='right')
    left, right = bar.extract(img)
    assert left is not None
    assert right is not None
    bar.render(img, ltext='left')
    assert left.any()
    assert not right.any()


def test_an_end_of_the_bar_that_was_laid_out_empty_stays_empty() -> None:
    img = black((480, 640))
    bar = FontRendererStatusBar.new_for_image(img, ltext='left')
    bar.render(img, rtext='right')
    assert not img.any()
    assert bar.extract(img)[1] is None


def test_texts_longer_than_laid_out_shrink_into_their_room() -> None:
    img = black((480, 640))
    bar = FontRendererStatusBar.new_for_image(img, ltext='frame 1', rtext='now')
    left, _ = bar.extract(img)
    assert left is not None
    bar.render(img, ltext='frame 1 and a good deal more than that')
    outside = img.copy()
    bar.extract(outside)[0][:] = 0  # type: ignore[index]
    assert left.any()
    assert not outside.any()


def test_long_status_texts_shrink_to_fit() -> None:
    """Texts that are too long for the image shrink until both fit next to each other."""
    img = black((100, 300))
    texts: dict[str, Any] = {'ltext': 'a text that is rather long', 'rtext': 'and another one of that kind'}
    bar = FontRendererStatusBar.new_for_image(img, **texts)
    left, right = bar.extract(img)
    assert left is not None
    assert right is not None
    assert left.shape[1] + right.shape[1] < 300
    assert not np.shares_memory(left, right)


def test_laying_out_again_takes_the_largest_text_again() -> None:
    bar = FontRendererStatusBar(0)
    bar.layout(FontRendererStatusBar.POS_BOTTOM, (30, 30), 'frame 1', 'now')
    small = bar.extract(black((30, 30)))[0]
    bar.layout(FontRendererStatusBar.POS_BOTTOM, (640, 480), 'frame 1', 'now')
    large = bar.extract(black((480, 640)))[0]
    assert small is not None
    assert large is not None
    assert large.shape[0] > small.shape[0]


@pytest.mark.parametrize('shape', TINY)
def test_images_of_a_few_pixels_are_no_error(shape: tuple[int, ...]) -> None:
    for pos in (FONT_POS_TOP, FONT_POS_BOTTOM, FONT_POS_TOP_LEFT):
        img = black(shape)
        fit_text('hello', img, pos)
        bar = FontRendererStatusBar.new_for_image(img, pos=pos, ltext='frame 1', rtext='now')
        bar.render(img, ltext='frame 1', rtext='now', bgcolor=1)
        assert img.any()


def read_only() -> np.ndarray[Any, Any]:
    img = black((50, 50))
    img.flags.writeable = False
    return img


@pytest.mark.parametrize(
    'img',
    [
        read_only(),
        black((50, 100))[:, ::2],
        black((50, 50))[::-1],
        black((3, 50, 50)).transpose(1, 2, 0),
        black((50, 50)).astype(np.uint16),
        black((50, 50, 2)),
        black((0, 50)),
        black((50,)),
        [[0, 0], [0, 0]],
    ],
    ids=['read-only', 'every other pixel', 'upside down', 'planes', 'uint16', '2 channels', 'empty', '1-D', 'list'],
)
def test_an_image_that_cannot_be_drawn_into_is_said_to_be_one(img: Any) -> None:
    for draw in (
        lambda: fit_text('a', img),
        lambda: FontRenderer(0, 1, 1).write_string('a', (0, 20), WHITE, img),
        lambda: FontRenderer(0, 1, 1).write_paragraph('a', (0, 20), WHITE, img),
        lambda: FontRendererStatusBar.new_for_image_size((50, 50), ltext='a').render(img, ltext='a'),
    ):
        with raises(InvalidArgumentError, argument='img'):
            draw()


def test_part_of_a_larger_image_can_be_drawn_into() -> None:
    img = black((100, 100, 3))
    FontRenderer(0, 1, 1).write_string('a', (0, 25), WHITE, img[40:80, 30:70])
    first, last, left, right = extent(img)
    assert first >= 40
    assert last < 80
    assert left >= 30
    assert right < 70


@pytest.mark.parametrize(
    ('name', 'scale', 'thickness', 'argument'),
    [(99, 1, 1, 'font'), (-1, 1, 1, 'font'), (0, 0, 1, 'scale'), (0, float('nan'), 1, 'scale'), (0, 1, 0, 'thickness')],
)
def test_a_font_that_is_none_is_refused(name: int, scale: float, thickness: int, argument: str) -> None:
    with raises(InvalidArgumentError, argument=argument):
        FontRenderer(name, scale, thickness)
    with raises(InvalidArgumentError, argument=argument):
        measure_string('a', name, scale, thickness)


@pytest.mark.parametrize('pos', [3, None, 'top', (1,), (1, float('nan'))])
def test_a_position_that_is_none_is_refused(pos: Any) -> None:
    with pytest.raises(InvalidArgumentError, match=r'position|pair'):
        FontRenderer(0, 1, 1).write_string('a', pos, WHITE, black((50, 50)))


@pytest.mark.parametrize('color', [None, 'red', (1, 2), (1, 2, 3, 4, 5)])
def test_a_color_that_is_none_is_refused(color: Any) -> None:
    with raises(InvalidArgumentError, argument='color'):
        FontRenderer(0, 1, 1).write_string('a', (0, 20), color, black((50, 50)))


def test_a_bar_without_a_layout_says_so() -> None:
    with pytest.raises(InvalidArgumentError, match='layout'):
        FontRendererStatusBar(0).render(black((50, 50)), ltext='a')
    with pytest.raises(InvalidArgumentError, match='layout'):
        FontRendererStatusBar(0).extract(black((50, 50)))


def test_fit_text_wants_an_image_or_a_shape() -> None:
    with raises(InvalidArgumentError, argument='img'):
        fit_text('a', None)
    with raises(InvalidArgumentError, argument='img'):
        fit_text('a', None, only_measure=True)
