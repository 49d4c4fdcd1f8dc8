from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import imgstore
from imgstore.ondisk.chunk_index import write_chunk_index

from ...helpers.browser import SHAPE, Browser, Keys, browser
from ...helpers.frames import numbered
from ...helpers.serving import Served, served
from ...helpers.unverified import forget_checksums

pytestmark = [pytest.mark.slow, pytest.mark.browser]

START = 1717142400.0  # 2024-05-31 08:00 UTC
COUNT = 300
NUMBERS = [rank + (20 if rank >= 120 else 0) for rank in range(COUNT)]
TIMES = [START + number / 25 + (5 if number >= 220 else 0) for number in NUMBERS]
HOSTILE = '<img src=x onerror=alert(1)>'

ACCESSIBLE = ('button', 'link', 'textbox', 'combobox', 'checkbox', 'slider', 'image', 'img')


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('stores')
    with imgstore.new_for_format(
        'png',
        folder / 'left',
        imgshape=SHAPE,
        chunksize=50,
        metadata={'subject': 'A7', 'note': HOSTILE, HOSTILE: {'deep': [1, 2]}},
    ) as store:
        for rank, (number, frame_time) in enumerate(zip(NUMBERS, TIMES, strict=True)):
            store.add_image(numbered(rank, SHAPE), number, frame_time)
            store.add_extra_data(**{'rank': rank, HOSTILE: float(np.sin(rank / 30)), 'text': 'x'})
    with imgstore.new_for_format('png', folder / 'right', imgshape=SHAPE) as store:
        for rank, number in enumerate(range(100, 200, 2)):
            store.add_image(numbered(rank, SHAPE), number, START + number / 25)
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
    with browser(tmp_path_factory.mktemp('browser'), '--host-resolver-rules=MAP evil.example 127.0.0.1') as it:
        yield it


@pytest.fixture
def page(chromium: Browser, one: Served) -> Iterator[Browser]:
    """The page of one store; at the end, nothing is wrong in its console."""
    chromium.open(one.url)
    yield chromium
    assert chromium.errors() == []


@pytest.fixture
def pair(chromium: Browser, two: Served) -> Iterator[Browser]:
    """The page of two stores."""
    chromium.open(two.url)
    yield chromium
    assert chromium.errors() == []


# --- what is seen first


def test_first_frame_shows_number_index_and_time(page: Browser) -> None:
    """The page shows the first frame with its number, index and time."""
    page.wait_for_frame(0, 0)
    assert page.text('index') == '0'
    assert page.text('time').endswith('.000')
    assert page.text('title') == 'left'
    assert page.text('facts').startswith('300 frames')


def test_the_legend_tells_chunks_gaps_and_what_is_missing(page: Browser) -> None:
    assert '6 chunks, 2 gaps, 20 frames missing' in page.text('legend')


def test_thumbnails_are_in_the_order_of_the_recording(page: Browser) -> None:
    sources = "return [...document.querySelectorAll('#thumbnails img')].map(i => i.naturalWidth ? i.src : '/-1.')"

    def indices() -> list[int]:
        return [int(source.split('/')[-1].split('.')[0]) for source in page.run(sources)]

    page.wait_for(lambda: len(indices()) > 5 and indices()[0] > 0 and indices() == sorted(indices()))


def test_metadata_and_names_are_text_and_never_markup(page: Browser) -> None:
    page.press('m')
    page.wait_for(lambda: 'subject' in page.text('panel'))
    page.wait_for(lambda: HOSTILE in page.text('plots'))
    assert HOSTILE in page.text('panel')
    assert page.run("return document.querySelectorAll('[onerror]').length") == 0


# --- keys


@pytest.mark.parametrize(
    ('keys', 'index'),
    [
        ([Keys.ARROW_RIGHT], 101),
        ([Keys.ARROW_LEFT], 99),
        (['.'], 101),
        ([','], 99),
        ([Keys.PAGE_DOWN], 200),
        ([Keys.PAGE_UP], 0),
        ([Keys.HOME], 0),
        ([Keys.END], 299),
        ([Keys.ARROW_RIGHT] * 7, 107),
        (['n'], 120),
        (['n', 'n'], 200),
        (['n', 'n', 'b'], 120),
        (['N'], 120),
    ],
    ids=str,
)
def test_keys_go_to_frames(page: Browser, keys: list[str], index: int) -> None:
    page.jump('index', '100')
    page.wait_for_frame(100, 100)
    for key in keys:
        before = page.text('number')
        page.press(key)
        if len(set(keys)) < len(keys) or (len(keys) > 1 and key in 'nb'):
            page.wait_for(lambda before=before: page.text('number') != before)
        if key in 'nb':  # until it is told, the page takes no other search for a gap
            page.wait_for(lambda: f'before frame {page.text("number")}' in page.text('status'))
    page.wait_for_frame(NUMBERS[index], index)


def test_shift_makes_ten_steps_of_one(page: Browser) -> None:
    page.press_with_shift(Keys.ARROW_RIGHT)
    page.wait_for_frame(10, 10)
    page.press_with_shift(Keys.ARROW_LEFT)
    page.wait_for_frame(0, 0)


def test_many_quick_steps_are_all_taken(page: Browser) -> None:
    page.press(*[Keys.ARROW_RIGHT] * 40)
    page.wait_for_frame(40, 40)


def test_space_plays_and_pauses(page: Browser) -> None:
    page.press(' ')
    page.wait_for(lambda: int(page.text('number')) > 5)
    assert page.run("return document.getElementById('play').getAttribute('aria-label')") == 'Pause'
    page.press(' ')
    page.wait_for(lambda: page.run("return document.getElementById('play').getAttribute('aria-label')") == 'Play')
    time.sleep(0.3)
    stopped = page.text('number')
    time.sleep(0.3)
    assert page.text('number') == stopped
    assert page.shown() == int(stopped)


def test_up_and_down_change_the_speed(page: Browser) -> None:
    page.press(Keys.ARROW_UP)
    assert page.value('speed') == '2'
    page.press(Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    assert page.value('speed') == '0.5'
    page.press(Keys.ARROW_UP)


def test_keys_are_listed_and_the_list_is_left_by_escape(page: Browser) -> None:
    page.press('h')
    assert page.run("return document.getElementById('keys').open")
    assert 'play and pause' in page.text('key-list')
    page.press(Keys.ARROW_RIGHT)  # meant for the list
    page.press(Keys.ESCAPE)
    assert not page.run("return document.getElementById('keys').open")
    assert page.text('number') == '0'


def test_what_is_written_into_a_field_is_no_key(page: Browser) -> None:
    page.press('g', 'nmhf')
    assert page.value('jump-value') == 'nmhf'
    assert not page.run("return document.getElementById('keys').open")


def test_all_of_the_page_can_be_reached_by_tab(page: Browser) -> None:
    page.jump('index', '100')  # where no button is disabled
    page.wait_for_frame(100, 100)
    page.press('+')
    page.press('v')
    reached = set()
    for _ in range(50):
        page.press(Keys.TAB)
        reached.add(page.run('return document.activeElement.id'))
    wanted = {
        'play',
        'first',
        'back',
        'forth',
        'last',
        'gap-before',
        'gap-behind',
        'jump-value',
        'speed',
        'quality',
        'every',
        'stretch',
        'zoom-in',
        'zoom-out',
        'zoom-all',
        'timeline',
        'metadata',
        'marks',
        'export',
        'image',
        'link',
        'help',
        'splitter',
        'mark-in',
        'mark-out',
        'mark-add',
        'loop',
        'black',
        'white',
        'gamma',
        'turn',
        'tone-reset',
        'save',
        'full',
        'more-plots',
    }
    assert wanted <= reached


# --- clicks


@pytest.mark.parametrize(
    ('button', 'index'),
    [('first', 0), ('last', 299), ('back', 149), ('forth', 151), ('gap-before', 120), ('gap-behind', 200)],
)
def test_buttons_go_to_frames(page: Browser, button: str, index: int) -> None:
    page.jump('index', '150')
    page.wait_for_frame(NUMBERS[150], 150)
    page.click(button)
    page.wait_for_frame(NUMBERS[index], index)


def test_playing_shows_frames_at_the_pace_of_the_recording(page: Browser) -> None:
    page.click('play')
    page.wait_for(lambda: int(page.text('number')) > 2)
    first, began = int(page.text('number')), time.monotonic()
    time.sleep(2)
    shown, seconds = int(page.text('number')) - first, time.monotonic() - began
    page.click('play')
    assert shown / seconds == pytest.approx(25, rel=0.4)


def test_playing_ends_at_the_last_frame(page: Browser) -> None:
    page.jump('index', '280')
    page.wait_for_frame(NUMBERS[280])
    page.click('play')
    page.wait_for_frame(NUMBERS[-1], COUNT - 1)
    page.wait_for(lambda: page.run("return document.getElementById('play').getAttribute('aria-label')") == 'Play')


def test_every_frame_is_shown_if_it_is_asked_for(page: Browser) -> None:
    page.run("""window.seen = []; const number = document.getElementById('number');
                new MutationObserver(() => seen.push(Number(number.textContent))).observe(number, {childList: true})""")
    page.press('v')
    page.click('every')
    page.choose('speed', '8')
    page.click('play')
    page.wait_for(lambda: int(page.text('number')) > 60)
    page.click('play')
    seen = [number for number in page.run('return seen') if number > 0]
    assert seen == NUMBERS[1 : len(seen) + 1]


def test_a_click_on_the_timeline_goes_there(page: Browser) -> None:
    page.click_at('#timeline', 0.5)
    middle = START + (TIMES[-1] - START) / 2
    nearest = int(np.argmin(np.abs(np.array(TIMES) - middle)))
    page.wait_for(lambda: abs(int(page.text('index')) - nearest) <= 2)
    page.wait_for(lambda: page.shown() == int(page.text('index')))


@pytest.mark.parametrize('what', ['#timeline', '#thumbnails', '.plot canvas'])
def test_dragging_goes_to_where_the_pointer_is_let_go(page: Browser, what: str) -> None:
    page.wait_for(lambda: page.run("return document.querySelectorAll('.plot').length") == 3)
    page.drag(what, 0.1, 0.99)
    page.wait_for(lambda: int(page.text('index')) > 280)
    page.wait_for(lambda: page.shown() == int(page.text('index')))


def seconds_in_view(page: Browser) -> float:
    """Length of the timeline's part that was asked for last."""
    names = page.run("return performance.getEntriesByType('resource').map(e => e.name).filter(n => /timeline/.test(n))")
    query = dict(part.split('=') for part in names[-1].split('?')[1].split('&'))
    return float(query['high']) - float(query['low']) if 'low' in query else TIMES[-1] - START


def test_the_timeline_shows_less_and_more(page: Browser) -> None:
    whole = seconds_in_view(page)
    page.click('zoom-in')
    page.wait_for(lambda: seconds_in_view(page) == pytest.approx(whole / 2))
    page.press('+')
    page.wait_for(lambda: seconds_in_view(page) == pytest.approx(whole / 4))
    page.press('-')
    page.wait_for(lambda: seconds_in_view(page) == pytest.approx(whole / 2))
    page.press(Keys.END)  # and goes with the frame
    page.wait_for_frame(NUMBERS[-1])
    page.click('zoom-all')
    page.wait_for(lambda: seconds_in_view(page) == whole)


def test_metadata_is_shown_when_it_is_asked_for(page: Browser) -> None:
    hidden = "return document.getElementById('panel').hidden"
    assert page.run(hidden)
    page.press('m')
    page.wait_for(lambda: 'subject' in page.text('panel'))
    assert not page.run(hidden)
    page.click('metadata')
    assert page.run(hidden)


# --- jumping


@pytest.mark.parametrize(
    ('axis', 'value', 'index', 'told'),
    [
        ('number', '140', 120, 'At frame 140.'),
        ('number', '125', 119, 'nearest'),
        ('index', '33', 33, 'At frame 33.'),
        ('time', '+2', 50, 'At frame 50.'),
        ('time', str(START + 1), 25, 'At frame 25.'),
        ('time', '2024-05-31T08:00:03Z', 75, 'At frame 75.'),
    ],
)
def test_jumping_goes_to_a_number_an_index_or_a_time(
    page: Browser, axis: str, value: str, index: int, told: str
) -> None:
    page.jump(axis, value)
    page.wait_for_frame(NUMBERS[index], index)
    page.wait_for(lambda: told in page.text('status'))


def test_what_is_no_place_is_told(chromium: Browser, one: Served) -> None:
    chromium.open(one.url)
    chromium.jump('time', 'yesterday')
    chromium.wait_for(lambda: 'is no frame number, index or time' in chromium.text('jump-error'))
    assert chromium.run('return document.activeElement.id') == 'jump-value'
    assert all('400' in error for error in chromium.errors())


def test_the_address_keeps_the_place(page: Browser, one: Served) -> None:
    page.jump('index', '77')
    page.wait_for(lambda: page.driver.current_url.endswith('#index=77'))
    page.open(f'{one.url}#index=42')
    page.wait_for_frame(42, 42)


# --- images


def test_lossless_is_every_bit(page: Browser) -> None:
    page.choose('quality', 'exact')
    page.jump('index', '5')
    expected = cv2.cvtColor(numbered(5, SHAPE), cv2.COLOR_GRAY2BGR)
    page.wait_for(lambda: np.array_equal(page.picture(), expected))


def test_images_are_shown_pixel_by_pixel(page: Browser) -> None:
    page.press('z')
    page.wait_for(lambda: page.box('.view canvas')['width'] == SHAPE[1])
    page.press('z')
    page.wait_for(lambda: page.box('.view canvas')['width'] == 4 * SHAPE[1])
    page.press('z')
    page.wait_for(lambda: page.box('.view canvas')['width'] not in (SHAPE[1], 4 * SHAPE[1]))


def test_contrast_stretches_to_full_range(page: Browser) -> None:
    """Contrast maps the darkest value to black and the brightest to white."""
    page.wait_for_frame(0, 0)
    assert page.picture().min() > 20
    page.press('c')
    page.wait_for(lambda: page.picture().min() == 0 and page.picture().max() == 255)


def test_a_frame_is_saved_with_every_bit(page: Browser) -> None:
    page.jump('index', '130')
    page.wait_for_frame(150, 130)
    page.press('s')
    path = page.downloads / 'left_150.png'
    page.wait_for(path.exists)
    np.testing.assert_array_equal(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), numbered(130, SHAPE))


def test_a_broken_frame_is_told_and_the_next_is_shown(chromium: Browser, tmp_path: Path) -> None:
    with imgstore.new_for_format('png', tmp_path / 's', imgshape=SHAPE) as store:
        for number in range(3):
            store.add_image(numbered(number, SHAPE), number, float(number))
    (tmp_path / 's' / '000000' / '000001.png').write_bytes(b'')
    with served(str(tmp_path / 's')) as page:
        chromium.open(page.url)
        chromium.press(Keys.ARROW_RIGHT)
        trouble = "const e = document.querySelector('.trouble'); return e.hidden ? '' : e.textContent"
        chromium.wait_for(lambda: 'frame #1' in chromium.run(trouble))
        chromium.press(Keys.ARROW_RIGHT)
        chromium.wait_for_frame(2, 2)
        assert chromium.run(trouble) == ''
        chromium.errors()


# --- extra data


def test_extra_data_is_plotted_with_the_value_at_the_frame(page: Browser) -> None:
    page.wait_for(lambda: page.run("return document.querySelectorAll('.plot').length") == 3)
    page.jump('index', '123')
    page.wait_for(lambda: page.run("return document.querySelector('.plot b').textContent") == '123')
    drawn = """const c = document.querySelector('.plot canvas');
               return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(v => v > 0)"""
    assert page.run(drawn)


# --- several stores


def test_stores_are_side_by_side_by_frame_number(pair: Browser) -> None:
    pair.jump('number', '150')
    pair.wait_for_frame(150, 130)
    pair.wait_for(lambda: pair.shown(1) == 25)
    left, right = (pair.box(f'.pane:nth-child({rank})') for rank in (1, 2))
    assert left['right'] <= right['left']
    assert left['width'] == pytest.approx(right['width'], abs=1)


def test_what_one_lacks_is_held_black_or_left_out(pair: Browser) -> None:
    held = "return [...document.querySelectorAll('.pane')].map(p => p.classList.contains('held'))"
    pair.jump('number', '151')
    pair.wait_for_frame(151, 131)
    pair.wait_for(lambda: pair.shown(1) == 25)
    assert pair.run(held) == [False, True]
    pair.choose('policy', 'black')
    pair.wait_for(lambda: 'no frame 151' in pair.run("return document.querySelectorAll('.now')[1].textContent"))
    pair.wait_for(lambda: pair.picture(1).max() == 0)
    pair.choose('policy', 'drop')
    pair.wait_for_frame(150, 130)
    pair.press(Keys.ARROW_RIGHT)
    pair.wait_for_frame(152, 132)
    pair.press(Keys.HOME)
    pair.wait_for_frame(100, 100)
    pair.press(Keys.END)
    pair.wait_for_frame(198, 178)


def test_the_next_gap_is_that_of_any_store(pair: Browser) -> None:
    pair.jump('number', '90')
    pair.wait_for_frame(90)
    pair.press('n')
    pair.wait_for_frame(102)  # of the right one, which has each second number
    pair.wait_for(lambda: pair.text('status').startswith('right: 1 frame is missing before frame 102'))
    pair.jump('number', '139')
    pair.wait_for_frame(138, 119)
    pair.press('n')
    pair.wait_for_frame(140, 120)
    pair.wait_for(lambda: 'before frame 140' in pair.text('status'))
    pair.press('b')
    pair.wait_for_frame(138)


def test_several_stores_play_together(pair: Browser) -> None:
    pair.jump('number', '140')
    pair.wait_for_frame(140, 120)
    pair.choose('speed', '0.5')
    pair.click('play')
    pair.wait_for(lambda: int(pair.text('number')) > 150)
    pair.click('play')

    def both_stand_still() -> bool:  # on a busy machine frames come after the click, also beyond the last of the right
        number = int(pair.text('number'))
        return (pair.shown(0), pair.shown(1)) == (number - 20, min((number - 100) // 2, 49))

    pair.wait_for(both_stand_still)


# --- fingers, narrow and dark


@pytest.fixture
def phone(chromium: Browser, one: Served) -> Iterator[Browser]:
    chromium.size(400, 860, touch=True)
    chromium.open(one.url)
    yield chromium
    chromium.size(1360, 900)
    assert chromium.errors() == []


def middle(page: Browser, selector: str) -> tuple[float, float]:
    box = page.box(selector)
    return box['left'] + box['width'] / 2, box['top'] + box['height'] / 2


def test_a_phone_needs_no_scrolling_sideways(phone: Browser) -> None:
    assert phone.run('return document.scrollingElement.scrollWidth') <= 400
    small = """return [...document.querySelectorAll('button, select, input:not([type=checkbox])')]
               .filter(e => e.offsetParent && e.offsetHeight < 44).map(e => e.id)"""
    assert phone.run(small) == []


def test_swiping_steps_and_a_tap_plays(phone: Browser) -> None:
    x, y = middle(phone, '.view')
    phone.touch([(x + 60, y)], [(x, y)], [(x - 60, y)])
    phone.wait_for_frame(1, 1)
    phone.touch([(x - 60, y)], [(x, y)], [(x + 60, y)])
    phone.wait_for_frame(0, 0)
    phone.touch([(x, y)])
    phone.wait_for(lambda: int(phone.text('number')) > 3)
    phone.touch([(x, y)])
    phone.wait_for(lambda: phone.run("return document.getElementById('play').getAttribute('aria-label')") == 'Play')


def test_a_finger_on_the_timeline_goes_there_and_two_show_less(phone: Browser) -> None:
    phone.run("document.getElementById('timeline').scrollIntoView({block: 'center'})")
    x, y = middle(phone, '#timeline')
    phone.touch([(x, y)], [(x + 150, y)])
    phone.wait_for(lambda: int(phone.text('index')) > 240)
    whole = seconds_in_view(phone)
    phone.touch([(x - 20, y), (x + 20, y)], [(x - 40, y), (x + 40, y)], [(x - 80, y), (x + 80, y)])
    phone.wait_for(lambda: seconds_in_view(phone) < whole / 3)


def luminance(color: str) -> float:
    channels = [int(color.strip('#')[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_text_is_read_easily_on_light_and_on_dark(page: Browser, scheme: str) -> None:
    page.media(prefers_color_scheme=scheme)
    colors: Any = page.run("""const style = getComputedStyle(document.documentElement);
        return Object.fromEntries(['paper', 'card', 'ink', 'soft', 'accent', 'on-accent', 'gap', 'cursor', 'plot',
            'mark', 'present', 'edge', 'bad', 'bad-ground', 'border'].map(
            n => [n, style.getPropertyValue('--' + n).trim()]))""")
    page.media()
    light = {name: luminance(color) for name, color in colors.items()}

    def contrast(one: str, other: str) -> float:
        high, low = sorted((light[one], light[other]), reverse=True)
        return (high + 0.05) / (low + 0.05)

    assert (light['paper'] > 0.5) == (scheme == 'light')
    texts = [('ink', 'paper'), ('ink', 'card'), ('soft', 'paper'), ('soft', 'card'), ('on-accent', 'accent')]
    texts += [('bad', 'bad-ground'), ('bad', 'card'), ('bad', 'paper')]
    assert [pair for pair in texts if contrast(*pair) < 4.5] == []
    marks = ('gap', 'cursor', 'plot', 'accent', 'mark', 'present', 'edge')
    assert [name for name in marks if contrast(name, 'card') < 3] == []
    assert contrast('edge', 'paper') >= 3
    assert contrast('border', 'present') >= 3


def test_nothing_moves_by_itself_where_that_is_wished(page: Browser) -> None:
    transition = "return getComputedStyle(document.getElementById('status')).transitionProperty"
    assert page.run(transition) == 'opacity'
    page.media(prefers_reduced_motion='reduce')
    assert page.run(transition) == 'none'
    page.media()


def test_everything_that_can_be_used_has_a_name(page: Browser) -> None:
    nodes = page.command('Accessibility.getFullAXTree')['nodes']
    there = [node for node in nodes if not node['ignored']]
    used = [node for node in there if node.get('role', {}).get('value', '').lower() in ACCESSIBLE]
    assert len(used) > 20
    assert [node['role']['value'] for node in used if not node.get('name', {}).get('value')] == []
    slider = next(node for node in used if node['role']['value'] == 'slider')
    assert slider['name']['value'] == 'Position in the recording'


# --- long, and hostile


@pytest.mark.exhaustive  # for the time, which a busy machine does not keep
@pytest.mark.parametrize('saved', [True, False], ids=['with a saved index', 'without'])
def test_first_of_two_million_frames_within_a_second(chromium: Browser, tmp_path: Path, saved: bool) -> None:
    """The page shows the first of two million frames within one second."""
    path = long_store(tmp_path / 'long', 200, 10_000)
    if saved:
        with imgstore.new_for_filename(path) as store:
            store.save_index(sqlite=False)
    assert min(milliseconds_to_first_frame(chromium, path) for _ in range(3)) < 1000


def milliseconds_to_first_frame(chromium: Browser, path: str) -> float:
    """Of a server that has just been started; then a frame far away is found."""
    with served(path) as page:
        chromium.load(page.url)
        took: float = chromium.driver.execute_async_script("""const done = arguments[0]; (function look() {
            if (document.querySelector('.view canvas')?.width > 1) done(performance.now());
            else setTimeout(look, 2)})()""")
        chromium.wait_for(lambda: '200 chunks' in chromium.text('legend'))
        chromium.jump('number', '1500000')
        chromium.wait_for_frame(1_500_000, 0)
        assert chromium.errors() == []
    return took


def long_store(path: Path, chunks: int, size: int) -> str:
    """A store of that many frames, of which all are the first one on the disk."""
    with imgstore.new_for_format('png', path, imgshape=SHAPE, chunksize=size) as store:
        store.add_image(numbered(0, SHAPE), 0, START)
    forget_checksums(path)
    image = path / '000000' / '000000.png'
    for chunk in range(chunks):
        (path / f'{chunk:06d}').mkdir(exist_ok=True)
        numbers = np.arange(chunk * size, (chunk + 1) * size)
        write_chunk_index(str(path / f'{chunk:06d}' / 'index'), numbers, START + numbers / 30)
        if chunk:
            os.link(image, path / f'{chunk:06d}' / '000000.png')
    return str(path)


def test_a_recording_that_goes_on_is_followed(chromium: Browser, tmp_path: Path) -> None:
    with imgstore.new_for_format('png', tmp_path / 's', imgshape=SHAPE, chunksize=20) as store:

        def record(until: int) -> None:
            for number in range(store.frame_count, until):
                store.add_image(numbered(number, SHAPE), number, START + number / 25)
                store.add_extra_data(value=number)

        record(5)
        value = "return document.querySelector('.plot b')?.textContent"
        with served(str(tmp_path / 's')) as page:
            chromium.open(page.url)
            chromium.wait_for_frame(0, 0)
            chromium.wait_for(lambda: chromium.run("return document.getElementById('follow').className") == 'live')
            chromium.press('f')
            for until in (12, 30, 55):
                record(until)
                chromium.wait_for_frame(until - 1, until - 1)
                chromium.wait_for(lambda until=until: chromium.text('facts').startswith(f'{until} frames'))
                chromium.wait_for(lambda until=until: chromium.run(value) == str(until - 1))
            store.close()
            chromium.wait_for(lambda: chromium.run("return document.getElementById('follow').className") == '')
            chromium.press(Keys.HOME)
            chromium.press('f')
            assert chromium.errors() == []


def test_a_recording_without_a_frame_yet_shows_its_first(chromium: Browser, tmp_path: Path) -> None:
    with imgstore.new_for_format('png', tmp_path / 's', imgshape=SHAPE) as store, served(str(tmp_path / 's')) as page:
        chromium.load(page.url)
        chromium.wait_for(lambda: 'No frames yet' in chromium.text('state'))
        store.add_image(numbered(7, SHAPE), 3, START)
        chromium.wait_for_frame(3, 7)
        chromium.wait_for(lambda: 'no number missing' in chromium.text('legend'))
        assert chromium.errors() == []


def test_the_page_is_not_shown_under_the_name_of_another_host(chromium: Browser, one: Served) -> None:
    chromium.driver.get(f'http://evil.example:{one.port}/')
    text = chromium.run('return document.body.textContent')
    assert 'host name is not allowed' in text
    ask = """const done = arguments[1]; fetch(arguments[0]).then(r => r.text()).then(t => done('read: ' + t),
             e => done('refused'))"""
    assert chromium.driver.execute_async_script(ask, f'{one.url}api/stores') == 'refused'
    chromium.errors()


def test_scripts_that_are_not_of_the_page_do_not_run(chromium: Browser, one: Served) -> None:
    chromium.open(one.url)
    chromium.run("""const script = document.createElement('script'); script.textContent = 'window.ran = true';
                    document.body.append(script);
                    const image = document.createElement('img'); image.src = 'http://evil.example/x.png';
                    document.body.append(image);""")
    assert chromium.run('return window.ran') is None
    chromium.wait_for(lambda: any('Content Security Policy' in error for error in chromium.errors()))
