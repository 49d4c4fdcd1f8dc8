"""The page by the rules of axe: names, roles, contrast, landmarks, keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import imgstore
from imgstore.marks import Mark, write_marks

from ...helpers.axe import violations
from ...helpers.browser import Browser, Keys, browser
from ...helpers.frames import numbered
from ...helpers.serving import Served, served

pytestmark = [pytest.mark.slow, pytest.mark.browser]

SHAPE = (128, 192)


@pytest.fixture(scope='module')
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    path = tmp_path_factory.mktemp('stores') / 'recording'
    with imgstore.new_for_format('png', path, imgshape=SHAPE, metadata={'subject': 'A7'}) as store:
        for number in range(60):
            store.add_image(numbered(number, SHAPE), number + (9 if number > 30 else 0), number / 25)
            store.add_extra_data(speed=float(np.sin(number)), lever=number > 9, count=number, state='run')
    write_marks(path / 'marks.csv', [Mark(3, 9, 'bout'), Mark(20)])
    with served(str(path)) as page:
        yield page


@pytest.fixture(scope='module')
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp('browser')) as it:
        yield it


def press(*keys: str) -> Callable[[Browser], None]:
    return lambda page: page.press(*keys)


STATES: dict[str, Callable[[Browser], None]] = {
    'start': press(Keys.ARROW_RIGHT),
    'metadata': press('m'),
    'marks': press('p'),
    'image': press('v'),
    'keys': press('h'),
    'export': press('e'),
    'link': lambda page: page.click('link'),
    'error': press('g', 'nowhere', Keys.ENTER),
    'range and plots': press('i', Keys.ARROW_RIGHT, 'o', 'l', '+'),
}


@pytest.mark.parametrize('scheme', ['light', 'dark'])
@pytest.mark.parametrize('state', STATES)
def test_no_rule_is_violated(chromium: Browser, one: Served, state: str, scheme: str) -> None:
    chromium.size(1280, 720)
    chromium.media(prefers_color_scheme=scheme, prefers_reduced_motion='reduce')
    chromium.open(one.url)
    chromium.wait_for(lambda: chromium.run("return document.querySelectorAll('.plot').length") == 4)
    chromium.wait_for(lambda: chromium.run("return document.querySelectorAll('#marks-list li').length") == 2)
    STATES[state](chromium)
    if state == 'range and plots':
        chromium.click('more-plots')
    if state == 'metadata':
        chromium.wait_for(lambda: 'subject' in chromium.text('panel'))
    if state == 'error':
        chromium.wait_for(lambda: 'is no frame number' in chromium.text('jump-error'))
    assert violations(chromium) == []
    chromium.media()
    chromium.errors()


@pytest.mark.parametrize('state', ['start', 'marks'])
def test_no_rule_is_violated_on_a_phone(chromium: Browser, one: Served, state: str) -> None:
    chromium.size(390, 844, touch=True)
    chromium.open(one.url)
    chromium.wait_for(lambda: chromium.run("return document.querySelectorAll('#marks-list li').length") == 2)
    STATES[state](chromium)
    found = violations(chromium)
    chromium.size(1280, 720)
    assert found == []


def test_states_without_a_frame_violate_no_rule(chromium: Browser, tmp_path: Path) -> None:
    imgstore.new_for_format('png', tmp_path / 's', imgshape=SHAPE).close()
    with served(str(tmp_path / 's')) as page:
        chromium.size(1280, 720)
        chromium.load(page.url)
        chromium.wait_for(lambda: 'No frames yet' in chromium.text('state'))
        assert violations(chromium) == []
    chromium.wait_for(lambda: not chromium.run("return document.getElementById('lost').hidden"))
    assert violations(chromium) == []
    chromium.errors()
