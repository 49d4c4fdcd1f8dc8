"""The page's layout, its states, close looks and work with ranges, in a Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
from selenium.webdriver.common.by import By

import imgstore
from imgstore.marks import Mark, read_marks
from imgstore.overview import list_stores

from ...helpers.browser import Browser, Keys, browser
from ...helpers.checked import not_none
from ...helpers.frames import index_in, numbered
from ...helpers.serving import Served, served

pytestmark = [pytest.mark.slow, pytest.mark.browser]

SHAPE = (480, 640)
COUNT = 120
START = 1717142400.0  # 2024-05-31 08:00 UTC
SIZES = [(1280, 720), (1440, 900), (1920, 1080)]
ARROWS = Keys.ARROW_LEFT, Keys.ARROW_RIGHT, Keys.ARROW_UP, Keys.ARROW_DOWN

WATCH_LEGEND = """window.told = []; const legend = document.getElementById('legend');
    new MutationObserver(() => told.push(legend.textContent)).observe(legend, {childList: true})"""
TYPE = """const field = document.getElementById(arguments[0]); field.value = arguments[1];
    field.dispatchEvent(new Event('input', {bubbles: true}))"""


def record(path: Path, shape: tuple[int, int] = SHAPE, count: int = COUNT, fmt: str = 'jpg') -> str:
    metadata = {'subject': 'A7', 'units': {'temperature': '°C'}}
    with imgstore.new_for_format(fmt, path, imgshape=shape, chunksize=40, metadata=metadata) as store:
        for rank in range(count):
            number = 1000 + rank + (20 if rank >= 60 else 0)
            store.add_image(numbered(rank, shape), number, START + number / 25)
            records = {'temperature': 20 + rank / 100, 'speed': float(np.sin(rank / 9)), 'lever': rank % 40 < 20}
            store.add_extra_data(**records, count=rank // 10, state='rest' if rank < 50 else 'run')
    return str(path)


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('stores')
    record(folder / 'left')
    record(folder / 'right')
    return folder


@pytest.fixture(scope='module')
def one(folder: Path) -> Iterator[Served]:
    with served(str(folder / 'left')) as page:
        yield page


@pytest.fixture(scope='module')
def two(folder: Path) -> Iterator[Served]:
    with served(str(folder / 'left'), str(folder / 'right')) as page:
        yield page


@pytest.fixture(scope='module')
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp('browser')) as it:
        yield it


@pytest.fixture
def page(chromium: Browser, one: Served) -> Iterator[Browser]:
    """The page of one store; at the end, nothing is wrong in its console."""
    chromium.size(1280, 720)
    chromium.open(one.url)
    yield chromium
    assert chromium.errors() == []


def visible(page: Browser, name: str) -> bool:
    return bool(
        page.run('const e = document.getElementById(arguments[0]); return !e.hidden && e.offsetHeight > 0', name)
    )


def is_seen(page: Browser, name: str) -> bool:
    """Whether an element is in the window, with nothing on top of its middle."""
    return bool(
        page.run(
            """const box = document.getElementById(arguments[0]).getBoundingClientRect();
            const at = document.elementFromPoint((box.left + box.right) / 2, (box.top + box.bottom) / 2);
            return box.height > 0 && at?.closest(`#${arguments[0]}`) !== null""",
            name,
        )
    )


def disabled(page: Browser) -> set[str]:
    return set(page.run("return [...document.querySelectorAll('button:disabled')].map(e => e.id)"))


# --- room for the frame


@pytest.mark.parametrize(('width', 'height'), SIZES)
def test_the_frames_have_most_of_the_height(chromium: Browser, one: Served, width: int, height: int) -> None:
    chromium.size(width, height)
    chromium.open(one.url)
    chromium.wait_for(lambda: chromium.run("return document.querySelectorAll('.plot').length") == 5)
    assert chromium.box('.view')['height'] >= 0.6 * height
    assert chromium.box('.view canvas')['height'] >= 0.59 * height
    assert chromium.run('return document.scrollingElement.scrollHeight') <= height
    assert chromium.box('.transport')['height'] < 50  # one row
    assert chromium.box('#timeline')['bottom'] <= height
    shown = "return [...document.querySelectorAll('.plot')].filter(e => e.offsetHeight).length"
    assert chromium.run(shown) == 2
    assert chromium.text('more-plots') == '3 more plots'
    chromium.click('more-plots')
    assert chromium.run(shown) == 5
    assert chromium.box('.view')['height'] >= 0.6 * height
    assert not visible(chromium, 'panel')
    assert chromium.errors() == []


@pytest.mark.parametrize(('width', 'height'), SIZES)
def test_frames_side_by_side_are_large(chromium: Browser, two: Served, width: int, height: int) -> None:
    chromium.size(width, height)
    chromium.open(two.url)
    for pane in chromium.driver.find_elements(By.CSS_SELECTOR, '.view'):
        assert pane.size['width'] >= 0.45 * width
        assert pane.size['height'] >= 0.6 * height
    assert chromium.box('.view canvas')['width'] >= 0.45 * width * min(1, 0.6 * height * 4 / 3 / (0.45 * width))
    assert chromium.errors() == []


@pytest.fixture(scope='module')
def three(folder: Path) -> Iterator[Served]:
    record(folder / 'top')
    with served(*(str(folder / name) for name in ('left', 'right', 'top'))) as page:
        yield page


@pytest.mark.parametrize(('width', 'height'), SIZES)
def test_three_recordings_leave_room_for_two_plots(chromium: Browser, three: Served, width: int, height: int) -> None:
    chromium.size(width, height)
    chromium.open(three.url)
    chromium.wait_for(lambda: chromium.run("return document.querySelectorAll('.plot').length") == 15)
    assert chromium.box('.plot:nth-child(2)')['bottom'] <= height
    assert chromium.run("const e = document.querySelector('.time'); return e.scrollHeight - e.clientHeight") <= 0
    assert chromium.box('.view')['height'] >= 0.6 * height
    assert chromium.errors() == []


@pytest.mark.parametrize('stores', ['two', 'three'])
def test_recordings_side_by_side_fit_a_phone(chromium: Browser, stores: str, request: pytest.FixtureRequest) -> None:
    chromium.size(390, 844, touch=True)
    chromium.open(request.getfixturevalue(stores).url)
    chromium.wait_for(lambda: min(widths(chromium)) >= 0.45 * 390)
    assert chromium.run('return document.scrollingElement.scrollWidth') <= 390
    for name in ('policy', 'follow', 'marks', 'export', 'metadata', 'link', 'help'):
        assert is_seen(chromium, name), name
    if stores == 'two':
        assert chromium.box('#timeline')['bottom'] <= 844
    chromium.size(1280, 720)
    assert chromium.errors() == []


def widths(page: Browser) -> list[float]:
    shown = "return [...document.querySelectorAll('.view canvas')].map(e => e.getBoundingClientRect().width)"
    return list(page.run(shown))


def test_the_frames_are_resized_by_pointer_and_keys_for_the_next_visit(page: Browser, one: Served) -> None:
    before = page.box('#body')['height']
    handle = page.driver.find_element(By.ID, 'splitter')
    ActionChains(page.driver).drag_and_drop_by_offset(handle, 0, -150).perform()
    smaller = page.box('#body')['height']
    assert smaller == pytest.approx(before - 150, abs=3)
    handle.send_keys(Keys.ARROW_DOWN)
    assert page.box('#body')['height'] == pytest.approx(smaller + 36, abs=3)
    assert page.value('speed') == '1'  # these keys are the splitter's
    page.open(one.url)
    assert page.box('#body')['height'] == pytest.approx(smaller + 36, abs=3)
    page.driver.find_element(By.ID, 'splitter').send_keys(Keys.ENTER)
    assert page.box('#body')['height'] == pytest.approx(before, abs=2)


def test_full_screen_leaves_the_frames_and_the_controls(page: Browser) -> None:
    before = page.box('.view')['height']
    page.press_with_shift('f')
    page.wait_for(lambda: page.run('return document.fullscreenElement?.id') == 'main')
    page.wait_for(lambda: page.box('.view')['height'] > before)
    assert page.box('#play')['height'] > 0
    page.click('full')
    page.wait_for(lambda: page.run('return document.fullscreenElement') is None)


def test_on_a_phone_the_image_stays_above_the_timeline(chromium: Browser, one: Served) -> None:
    chromium.size(390, 844, touch=True)
    chromium.open(one.url)
    assert chromium.run('return document.scrollingElement.scrollWidth') <= 390
    assert chromium.box('.view canvas')['width'] >= 0.95 * 390
    assert chromium.box('#timeline')['bottom'] <= 844
    chromium.run("document.getElementById('main').scrollTop = 10000")
    view, timeline = chromium.box('.view canvas'), chromium.box('#timeline')
    assert view['top'] >= 0
    assert view['bottom'] <= timeline['top'] or timeline['bottom'] < view['bottom']
    chromium.click('metadata')
    chromium.wait_for(lambda: 'subject' in chromium.text('panel'))
    assert chromium.box('#panel')['bottom'] == pytest.approx(844, abs=1)
    assert chromium.box('#panel')['top'] > 844 * 0.4
    chromium.driver.find_element(By.CSS_SELECTOR, '#panel .close').click()
    assert not visible(chromium, 'panel')
    chromium.size(1280, 720)
    assert chromium.errors() == []


# --- states


def test_buttons_that_would_do_nothing_are_disabled(page: Browser) -> None:
    first, last = {'first', 'back', 'gap-before'}, {'last', 'forth', 'gap-behind', 'play'}
    everywhere = {'follow', 'zoom-out', 'zoom-all', 'marks-export'}
    page.wait_for(lambda: disabled(page) == first | everywhere)
    page.press(Keys.END)
    page.wait_for(lambda: disabled(page) == last | everywhere)
    page.press(Keys.ARROW_LEFT, '+')
    page.wait_for(lambda: disabled(page) == {'follow', 'marks-export'})


def test_an_error_stands_beside_the_box_it_concerns(chromium: Browser, one: Served) -> None:
    chromium.open(one.url)
    chromium.press('g', 'nowhere', Keys.ENTER)
    chromium.wait_for(lambda: visible(chromium, 'jump-error'))
    box, error, stage = (chromium.box(name) for name in ('#jump-value', '#jump-error', '#stage'))
    assert error['top'] >= box['bottom']
    assert error['top'] >= stage['bottom']  # not on the picture
    assert chromium.run("return document.getElementById('jump-value').getAttribute('aria-invalid')") == 'true'
    chromium.press('1')
    chromium.wait_for(lambda: not visible(chromium, 'jump-error'))
    chromium.errors()


def test_a_frame_that_cannot_be_read_says_so_above_its_place(chromium: Browser, tmp_path: Path) -> None:
    path = Path(record(tmp_path / 's', (128, 192), 3, 'png'))
    (path / '000000' / '000001.png').write_bytes(b'')
    with served(str(path)) as page:
        chromium.open(page.url)
        chromium.press(Keys.ARROW_RIGHT)
        chromium.wait_for(lambda: not chromium.run("return document.querySelector('.trouble').hidden"))
        assert chromium.box('.trouble')['bottom'] <= chromium.box('.view')['top'] + 1
        chromium.errors()


def test_a_recording_without_frames_has_a_state_of_its_own(chromium: Browser, tmp_path: Path) -> None:
    imgstore.new_for_format('png', tmp_path / 's', imgshape=(128, 192)).close()
    with served(str(tmp_path / 's')) as page:
        chromium.load(page.url)
        chromium.wait_for(lambda: 'No frames yet' in chromium.text('state'))
        useless = {'play', 'first', 'last', 'save', 'export', 'zoom-in', 'mark-in', 'mark-add', 'marks-add', 'jump-go'}
        assert useless <= disabled(chromium)
        for panel, key in (('panel', 'm'), ('marks-panel', 'p'), ('image-panel', 'v')):
            chromium.press(key)
            chromium.wait_for(lambda name=panel: is_seen(chromium, name))
            assert chromium.box('#state')['right'] <= chromium.box(f'#{panel}')['left']
        assert chromium.errors() == []


EVERY_KEY = (*' kn,.bgiolaezvrcsfmph+-0[]', Keys.HOME, Keys.END, Keys.PAGE_UP, Keys.PAGE_DOWN, *ARROWS)


@pytest.mark.parametrize('stores', [1, 2])
def test_no_key_fails_without_frames(chromium: Browser, tmp_path: Path, stores: int) -> None:
    paths = [str(tmp_path / f's{rank}') for rank in range(stores)]
    for path in paths:
        imgstore.new_for_format('png', path, imgshape=(128, 192)).close()
    with served(*paths) as page:
        chromium.load(page.url)
        chromium.wait_for(lambda: 'No frames yet' in chromium.text('state'))
        for key in EVERY_KEY:
            chromium.press(key, Keys.ESCAPE)
        chromium.click_at('#timeline', 0.5)
        chromium.wait_for(lambda: chromium.text('number') == '\N{EN DASH}')
        assert chromium.errors() == []


def test_a_lost_server_is_told_until_it_is_back(chromium: Browser, folder: Path) -> None:
    with served(str(folder / 'left')) as page:
        chromium.open(page.url)
        chromium.wait_for_frame(1000)
        assert not visible(chromium, 'lost')
        port, seen = page.port, chromium.picture()
    chromium.wait_for(lambda: visible(chromium, 'lost'))
    assert 'has imgstore-view ended' in chromium.text('lost')
    assert chromium.box('#lost')['bottom'] <= chromium.box('#stage')['top'] + 1
    np.testing.assert_array_equal(chromium.picture(), seen)  # the frame stays
    chromium.click('last')
    chromium.wait_for(lambda: 'has imgstore-view ended' in chromium.text('status'))
    with served(str(folder / 'left'), '--port', str(port)):
        chromium.wait_for(lambda: not visible(chromium, 'lost'))
        chromium.wait_for(lambda: not chromium.text('status'))
    chromium.errors()


def test_damage_is_shown_above_the_frames(chromium: Browser, tmp_path: Path) -> None:
    path = record(tmp_path / 's', (128, 192), 3)
    next(Path(path).glob('000000/*.jpg')).unlink()
    [row] = list_stores(path)
    assert row.state == 'damaged'
    with served(path) as page:
        chromium.open(page.url)
        chromium.wait_for(lambda: visible(chromium, 'damage'))
        assert chromium.text('damage') == f'Damaged: {row.problem}.'
        chromium.errors()


def test_a_recording_that_cannot_be_shown_says_why(chromium: Browser, tmp_path: Path) -> None:
    path = record(tmp_path / 's', (128, 192), 3)
    with served(path) as page:
        chromium.driver.get(f'{page.url}static/icon.svg')
        chromium.command('Network.enable')
        chromium.command('Network.setBlockedURLs', urls=['*api/stores'])
        chromium.driver.get(page.url)
        chromium.wait_for(lambda: 'cannot be shown' in chromium.text('state'))
        chromium.command('Network.setBlockedURLs', urls=[])
        chromium.driver.find_element(By.CSS_SELECTOR, '#state button').click()
        chromium.wait_for(lambda: chromium.text('number') == '1000')
        chromium.errors()


def test_playing_says_which_frames_could_not_be_read(chromium: Browser, tmp_path: Path) -> None:
    path = Path(record(tmp_path / 's', (128, 192), 12, 'png'))
    for index in (5, 7):
        (path / '000000' / f'{index:06d}.png').write_bytes(b'')
    with served(str(path)) as page:
        chromium.open(page.url)
        chromium.run(WATCH_LEGEND)
        chromium.press(' ')
        chromium.wait_for(lambda: chromium.text('status') == '2 frames cannot be read: 1005, 1007.')
        told = chromium.run('return told')
        assert any('every frame but 2 that cannot be read' in line for line in told)
        assert not any(line.endswith('every frame') for line in told[-2:])
        chromium.errors()


# --- a close look


def scroll(page: Browser, view: Any) -> None:
    """Zoom in a little to the right of the middle."""
    ActionChains(page.driver).scroll_from_origin(ScrollOrigin.from_element(view, 100, 50), 0, -400).perform()


def test_the_wheel_zooms_at_the_pointer_and_dragging_moves(page: Browser) -> None:
    view = page.driver.find_element(By.CSS_SELECTOR, '.view')
    fit = page.box('.view canvas')
    scroll(page, view)
    page.wait_for(lambda: page.box('.view canvas')['width'] > 2 * fit['width'])
    before = page.box('.view canvas')
    scroll(page, view)
    page.wait_for(lambda: page.box('.view canvas')['width'] > 2 * before['width'])
    zoomed = page.box('.view canvas')
    point = page.box('.view')['left'] + page.box('.view')['width'] / 2 + 100
    assert (point - zoomed['left']) / zoomed['width'] == pytest.approx(
        (point - before['left']) / before['width'], abs=0.01
    )
    ActionChains(page.driver).move_to_element(view).click_and_hold().move_by_offset(60, 40).release().perform()
    moved = page.box('.view canvas')
    assert (moved['left'] - zoomed['left'], moved['top'] - zoomed['top']) == pytest.approx((60, 40), abs=2)
    assert page.run("return document.getElementById('play').getAttribute('aria-label')") == 'Play'
    page.wait_for(lambda: 'zoom=' in page.driver.current_url)


def test_the_value_under_the_pointer_is_the_recorded_one(chromium: Browser, tmp_path: Path) -> None:
    image = np.arange(128 * 192, dtype=np.uint16).reshape(128, 192) * 2
    with imgstore.new_for_format('npy', tmp_path / 's', imgshape=image.shape, imgdtype='uint16') as store:
        store.add_image(image, 0, 0.0)
        store.add_image(image + 1, 1, 0.04)
    with served(str(tmp_path / 's')) as page:
        chromium.size(1280, 720)
        chromium.open(page.url)
        canvas = chromium.driver.find_element(By.CSS_SELECTOR, '.view canvas')
        ActionChains(chromium.driver).move_to_element_with_offset(canvas, 31, 17).perform()
        chromium.wait_for(lambda: under_pointer(chromium))
        x, y, value = not_none(under_pointer(chromium))
        assert value == image[y, x]
        chromium.press('r')  # the pointer rests, with other pixels under it from now on
        chromium.wait_for(lambda: under_pointer(chromium) not in (None, (x, y, value)))
        x_turned, y_turned, value_turned = not_none(under_pointer(chromium))
        assert value_turned == image[y_turned, x_turned]
        chromium.press('r', 'r', 'r')
        chromium.wait_for(lambda: under_pointer(chromium) == (x, y, value))
        chromium.press(Keys.ARROW_RIGHT)
        chromium.wait_for(lambda: under_pointer(chromium) == (x, y, value + 1))
        ActionChains(chromium.driver).move_to_element(chromium.driver.find_element(By.ID, 'title')).perform()
        chromium.wait_for(lambda: not under_pointer(chromium))
        assert chromium.errors() == []


def under_pointer(page: Browser) -> tuple[int, int, int] | None:
    """X, y and value of the pixel under the pointer, as the page shows them."""
    told = page.run("const value = document.querySelector('.pixel'); return value.hidden ? '' : value.textContent")
    if not told:
        return None
    x, y, value = str(told).removeprefix('x ').replace(', y ', ':').split(':')
    return int(x), int(y), int(''.join(value.split()))


def test_images_turn_by_a_quarter(page: Browser) -> None:
    page.wait_for_frame(1000)
    before = page.picture()
    page.press('r')
    page.wait_for(lambda: page.picture().shape[0] > page.picture().shape[1])
    turned, expected = (cv2.resize(image, (60, 80)) for image in (page.picture(), np.rot90(before, -1)))
    assert np.abs(turned.astype(int) - expected).mean() < 4
    page.wait_for(lambda: page.driver.current_url.endswith('turn=1'))
    page.press('r', 'r', 'r')


def test_sliders_set_black_and_white(page: Browser) -> None:
    page.press('v')
    page.wait_for(lambda: page.text('white-value') == '255')
    drawn = """const c = document.getElementById('histogram');
               return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(v => v)"""
    assert page.run(drawn)
    set_to = """const field = document.getElementById(arguments[0]); field.value = arguments[1];
                field.dispatchEvent(new Event('input', {bubbles: true}))"""
    page.run(set_to, 'white', 100)
    assert page.text('white-value') == '26'
    page.wait_for(lambda: page.picture().mean() > 200)
    page.click('tone-reset')
    page.wait_for(lambda: page.picture().mean() < 200)
    assert page.text('white-value') == '255'


# --- the timeline


def test_hovering_shows_frame_time_and_values(page: Browser) -> None:
    page.wait_for(lambda: page.run("return document.querySelectorAll('.plot').length") == 5)
    line = page.driver.find_element(By.ID, 'timeline')
    ActionChains(page.driver).move_to_element_with_offset(line, 2 - line.size['width'] // 2, 0).perform()
    page.wait_for(lambda: 'frame 1000' in page.text('hover') and 'temperature' in page.text('hover'))
    assert '20 °C' in page.text('hover')
    page.wait_for(lambda: page.run("return document.querySelector('#hover img').naturalWidth") > 0)
    box = page.box('#hover')
    assert box['bottom'] <= page.box('#thumbnails')['top']
    page.press(Keys.ARROW_RIGHT)
    page.wait_for_frame(1001)
    assert not visible(page, 'hover')  # it is of another frame now
    ActionChains(page.driver).move_to_element_with_offset(line, 4 - line.size['width'] // 2, 0).perform()
    page.wait_for(lambda: visible(page, 'hover'))
    ActionChains(page.driver).move_to_element_with_offset(line, 2 - line.size['width'] // 2, -300).perform()
    page.wait_for(lambda: not visible(page, 'hover'))


def test_values_have_units_and_text_is_shown_at_its_frames(page: Browser) -> None:
    page.wait_for(lambda: page.run("return document.querySelectorAll('.plot').length") == 5)
    values = "return [...document.querySelectorAll('.plot')].map(e => e.querySelector('p').textContent)"
    page.jump('index', '55')
    page.wait_for(lambda: 'staterun' in page.run(values))
    assert {'temperature20.55 °C', 'levertrue', 'count5'} <= set(page.run(values))


# --- work with ranges


def test_a_range_is_played_in_a_loop(page: Browser) -> None:
    page.jump('index', '20')
    page.wait_for_frame(1020)
    page.press('i')
    page.jump('index', '26')
    page.wait_for_frame(1026)
    page.press('o', 'l')
    page.run("""window.seen = []; const number = document.getElementById('number');
                new MutationObserver(() => seen.push(Number(number.textContent))).observe(number, {childList: true})""")
    page.press(' ')
    page.wait_for(lambda: page.run('return seen.filter(n => n === 1020).length') >= 2)
    page.press(' ', 'l')
    seen = page.run('return seen')
    assert set(seen) <= set(range(1020, 1028))
    page.press('i')  # clears nothing else
    page.wait_for(lambda: 'out=26' in page.driver.current_url)


@pytest.fixture
def own(chromium: Browser, tmp_path: Path) -> Iterator[tuple[Browser, Path]]:
    """A recording whose marks may change, with a sound next to it."""
    path = Path(record(tmp_path / 'rec', (128, 192), 120, 'png'))
    with av.open(tmp_path / 'voice.wav', 'w') as file:
        stream = file.add_stream('pcm_s16le', rate=8000, layout='mono')
        frame = av.AudioFrame.from_ndarray((8000 * np.sin(np.arange(64000) / 5)).astype(np.int16)[None], 's16', 'mono')
        frame.sample_rate = 8000
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    with served(str(path)) as page:
        chromium.size(1280, 720)
        chromium.open(page.url)
        yield chromium, path
    chromium.errors()


def go(page: Browser, index: int) -> None:
    page.jump('index', str(index))
    page.wait_for(lambda: page.text('index') == str(index))


def mark(page: Browser, first: int, last: int, note: str) -> None:
    go(page, first)
    page.press('i')
    go(page, last)
    page.press('o', 'a')
    page.press(note, Keys.ENTER)


def test_bouts_are_marked_saved_and_jumped_to(own: tuple[Browser, Path]) -> None:
    page, path = own
    mark(page, 10, 20, 'grooming')
    mark(page, 40, 45, 'rearing, "left"')
    go(page, 5)
    page.press('a')
    page.press(Keys.ESCAPE)
    page.wait_for(lambda: 'Saved in marks.csv' in page.text('marks-note'))
    marks = [Mark(1005), Mark(1010, 1020, 'grooming'), Mark(1040, 1045, 'rearing, "left"')]
    page.wait_for(lambda: read_marks(path / 'marks.csv') == marks)
    page.press(']')
    page.wait_for_frame(1010)
    page.press(']')
    page.wait_for_frame(1040)
    page.press('[')
    page.wait_for_frame(1010)
    page.driver.find_element(By.CSS_SELECTOR, '#marks-list li:first-child [aria-label^=Delete]').click()
    page.wait_for(lambda: read_marks(path / 'marks.csv') == marks[1:])
    page.open(page.driver.current_url)
    page.press('p')
    page.wait_for(lambda: page.run("return document.querySelectorAll('#marks-list li').length") == 2)


def test_marks_that_cannot_be_saved_say_so(own: tuple[Browser, Path]) -> None:
    page, path = own
    (path / 'marks.csv').write_text('start,end,label\n1003,,from elsewhere\n')
    go(page, 5)
    page.press('a')
    page.press(Keys.ESCAPE)
    page.wait_for(lambda: page.text('marks-note').startswith('Not saved:'))
    assert 'reload' in page.text('marks-note')
    assert read_marks(path / 'marks.csv') == [Mark(1003, label='from elsewhere')]


def test_two_bouts_are_exported_with_sound(own: tuple[Browser, Path]) -> None:
    page, path = own
    mark(page, 10, 20, 'one')
    mark(page, 40, 45, 'two')
    page.click('marks-export')
    page.wait_for(lambda: page.text('export-sound') == 'nonevoice.wav')
    page.wait_for(lambda: 'together 17 frames' in page.text('export-what'))
    page.choose('export-sound', 'voice.wav')
    page.click('export-beside')
    page.click('export-start')
    page.wait_for(lambda: '17 frames saved next to the recording' in page.text('export-note'))
    for name, indexes in (('rec_1010-1020.mp4', range(10, 21)), ('rec_1040-1045.mp4', range(40, 46))):
        with av.open(path.parent / name) as video:
            assert len(video.streams.audio) == 1
            assert [index_in(frame.to_ndarray(format='gray')) for frame in video.decode(video=0)] == list(indexes)


def test_a_range_is_downloaded(own: tuple[Browser, Path]) -> None:
    page, _ = own
    go(page, 30)
    page.press('i')
    go(page, 39)
    page.press('o', 'e')
    assert (page.value('export-from'), page.value('export-to')) == ('1030', '1039')
    page.choose('export-kind', 'npz')
    page.click('export-start')
    file = page.downloads / 'rec_1030-1039.npz'
    page.wait_for(file.exists)
    with np.load(file) as arrays:
        assert [index_in(image) for image in arrays['images']] == list(range(30, 40))
    page.run("document.getElementById('export-from').value = '99999'")
    page.click('export-start')
    page.wait_for(lambda: 'its start' in page.text('export-note'))
    page.press(Keys.ESCAPE)
    assert not page.run("return document.getElementById('export-dialog').open")


def test_all_of_a_recording_is_exported_only_if_that_is_confirmed(own: tuple[Browser, Path]) -> None:
    """Marking a range removes it, so an export after it is of all frames."""
    page, path = own
    mark(page, 10, 20, 'one')
    page.wait_for(lambda: page.text('status') == 'Marked 1010 \N{EN DASH} 1020. In and Out are removed.')
    page.press('e')
    page.wait_for(lambda: page.text('export-what') == 'The complete recording: 120 frames, from 1000 to 1139.')
    page.choose('export-kind', 'csv')
    page.click('export-beside')
    page.click('export-start')
    page.wait_for(lambda: page.text('export-start') == 'Export all of it, 120 frames')
    assert not list(path.parent.glob('*.csv'))
    page.run(TYPE, 'export-from', '1110')
    page.wait_for(lambda: page.text('export-what') == '30 frames, from 1110 to 1139.')
    assert page.text('export-start') == 'Export'
    page.run(TYPE, 'export-from', '1000')
    page.click('export-start')
    page.wait_for(lambda: page.text('export-start') == 'Export all of it, 120 frames')
    page.run("document.getElementById('export-from').value = ''")
    page.click('export-start')
    page.wait_for(lambda: page.text('export-note') == "From frame is ''; it must be a frame number")
    assert page.text('export-start') == 'Export'
    page.run(TYPE, 'export-from', '1000')
    page.click('export-start')
    page.wait_for(lambda: page.text('export-start') == 'Export all of it, 120 frames')
    page.click('export-start')
    page.wait_for(lambda: '120 frames saved next to the recording' in page.text('export-note'))
    page.press(Keys.ESCAPE)


def test_a_link_carries_position_zoom_and_marks(page: Browser, one: Served) -> None:
    place = '#index=42&in=10&out=50&view=1717142441,1717142442.5&zoom=4,320,240&turn=1'
    page.open(f'{one.url}{place}')
    page.wait_for_frame(1042)
    page.wait_for(lambda: page.box('.view canvas')['width'] == 4 * SHAPE[0])
    page.wait_for(lambda: page.run("return document.getElementById('mark-out').getAttribute('aria-pressed')") == 'true')
    page.click('link')
    page.wait_for(lambda: page.value('link-address').startswith(one.url))
    address = page.value('link-address')
    assert all(part in address for part in place[1:].split('&')), address
