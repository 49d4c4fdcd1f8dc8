"""Playing in Chromium, which decodes videos itself: each frame shown is the one whose number is told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import imgstore
from imgstore.ondisk.files import StrPath

from ...helpers.browser import SHAPE, Browser, Keys, browser
from ...helpers.checked import not_none
from ...helpers.frames import BITS, BLOCK, numbered
from ...helpers.serving import served
from ...helpers.video_kinds import of_av1
from ...helpers.videos import RECIPES, make_video
from .test_web_packets import damage

pytestmark = [pytest.mark.slow, pytest.mark.browser]

COUNT, CHUNK, RATE = 150, 40, 25

WATCH = f"""
window.seen = []; window.others = []; performance.clearResourceTimings();
const number = document.getElementById('number');
window.watcher?.disconnect();
window.watcher = new MutationObserver(() => {{
    document.querySelectorAll('.view canvas').forEach((canvas, pane) => {{
        const pixels = canvas.getContext('2d').getImageData(0, 0, {6 * BLOCK}, {2 * BLOCK}).data;
        let index = 0;
        for (let bit = 0; bit < {BITS}; bit += 1) {{
            const x = {BLOCK} * (bit % 6) + {BLOCK // 2}, y = {BLOCK} * Math.floor(bit / 6) + {BLOCK // 2};
            if (pixels[4 * (y * {6 * BLOCK} + x)] > 125) index += 2 ** bit;
        }}
        (pane ? window.others : window.seen).push([Number(number.textContent), index]);
    }});
}});
window.watcher.observe(number, {{childList: true, characterData: true, subtree: true}});
"""
ASKED = """return performance.getEntriesByType('resource').map(entry => entry.name)
    .filter(name => /\\/(packets|image)/.test(name)).map(name => name.includes('packets') ? 'packets' : 'image')"""


@pytest.fixture(scope='module')
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    hosts = '--host-resolver-rules=MAP lab.example 127.0.0.1'
    with browser(tmp_path_factory.mktemp('browser'), hosts) as it:
        yield it


def recorded(path: Path, fmt: str, count: int = COUNT, step: int = 1, **options: Any) -> Path:
    with imgstore.new_for_format(fmt, path, imgshape=SHAPE, chunksize=CHUNK, **options) as store:
        for index in range(count):
            store.add_image(numbered(index, SHAPE), step * index, step * index / RATE)
    return path


def played(chromium: Browser, until: int, speed: str = '1', every: bool = True) -> list[tuple[int, int]]:
    """Number and index of each frame shown, up to one."""
    chromium.run(WATCH)
    if every:
        chromium.switch('every')
    chromium.choose('speed', speed)
    chromium.click('play')
    chromium.wait_for(lambda: int(chromium.text('number')) >= until)
    if chromium.run("return document.getElementById('play').getAttribute('aria-label')") == 'Pause':
        chromium.click('play')
    return [(number, index) for number, index in chromium.run('return window.seen')]


def kinds(chromium: Browser) -> set[str]:
    """How frames were asked for while playing."""
    return set(chromium.run(ASKED))


@pytest.mark.parametrize('fmt', ['avc1/mp4', 'h264/mkv', 'mjpeg/avi'])
def test_videos_are_decoded_here_frame_by_frame(chromium: Browser, tmp_path: Path, fmt: str) -> None:
    """Each frame of several chunks is shown once, and no image comes from the server."""
    with served(str(recorded(tmp_path / 's', fmt))) as page:
        chromium.open(page.url)
        seen = played(chromium, COUNT - 1, '2')
        assert seen == [(index, index) for index in range(1, COUNT)]
        assert kinds(chromium) == {'packets'}
        assert chromium.errors() == []


def test_av1_is_decoded_here_too(chromium: Browser, tmp_path: Path) -> None:
    with served(str(of_av1(tmp_path / 's', SHAPE, COUNT, CHUNK))) as page:
        chromium.open(page.url)
        assert played(chromium, COUNT - 1, '2') == [(index, index) for index in range(1, COUNT)]
        assert kinds(chromium) == {'packets'}
        assert chromium.errors() == []


@pytest.mark.parametrize('fmt', ['avc1/mp4', 'mjpeg/avi'])
def test_playing_begins_at_any_frame(chromium: Browser, tmp_path: Path, fmt: str) -> None:
    with served(str(recorded(tmp_path / 's', fmt))) as page:
        chromium.open(page.url)
        for start in (37, 40, 93, 8):
            chromium.jump('index', str(start))
            chromium.wait_for_frame(start, start)
            seen = played(chromium, start + 12)
            chromium.switch('every')
            assert seen == [(index, index) for index in range(start + 1, start + 1 + len(seen))]
        assert chromium.errors() == []


@pytest.mark.parametrize('name', ['b_frames_mp4', 'b_frames_mkv', 'long_gop_mp4', 'open_gops_mp4', 'intra_refresh_mkv'])
def test_other_videos_show_the_right_frames_too(chromium: Browser, tmp_path: Path, name: str) -> None:
    recipe = RECIPES[name]
    video = tmp_path / f'video{recipe.extension}'
    make_video(video, recipe)
    count = len(recipe.times)
    fmt = 'avc1/mp4' if recipe.extension == '.mp4' else 'h264/mkv'
    with imgstore.new_for_format(fmt, tmp_path / 's', imgshape=recipe.shape) as store:
        store.insert_chunk(video, range(count), [index / RATE for index in range(count)])
    with served(str(tmp_path / 's')) as page:
        chromium.open(page.url)
        chromium.jump('index', '13')
        chromium.wait_for_frame(13)
        seen = played(chromium, 35)
        assert seen == [(index, index) for index in range(14, 14 + len(seen))]
        assert chromium.errors() == []


def test_pixels_are_those_that_the_server_decodes(chromium: Browser, tmp_path: Path) -> None:
    """Colours and gray values are the server's, but for rounding."""
    shape = (*SHAPE, 3)
    with imgstore.new_for_format('avc1/mp4', tmp_path / 's', imgshape=shape, crf=10) as store:
        for index in range(60):
            image = numbered(index, shape)
            image[64:, :64], image[64:, 64:128], image[64:, 128:] = (200, 60, 30), (30, 190, 60), (40, 50, 220)
            store.add_image(image, index, index / RATE)
    with served(str(tmp_path / 's')) as page:
        chromium.open(page.url)
        played(chromium, 20)
        time.sleep(0.3)
        number = int(chromium.text('number'))
        here = chromium.picture().astype(int)
        assert kinds(chromium) == {'packets'}
        answer = page.ask(f'/api/stores/0/image/{number}.png').body
        there = not_none(cv2.imdecode(np.frombuffer(answer, np.uint8), cv2.IMREAD_COLOR)).astype(int)
        assert chromium.errors() == []
    assert here.shape == there.shape
    assert np.abs(here - there)[8:-8, 8:-8].mean() < 2


@pytest.mark.parametrize(('fmt', 'file'), [('avc1/mp4', '000001.mp4'), ('mjpeg/avi', '000001.avi')])
def test_a_damaged_frame_is_told_and_playing_goes_on(chromium: Browser, tmp_path: Path, fmt: str, file: str) -> None:
    damage(recorded(tmp_path / 's', fmt) / file, fmt, 10)
    with served(str(tmp_path / 's')) as page:
        chromium.open(page.url)
        chromium.run("""window.told = []; const number = document.getElementById('number');
            new MutationObserver(() => { const e = document.querySelector('.trouble');
            if (!e.hidden) window.told.push(e.textContent); }).observe(number, {childList: true})""")
        seen = dict(played(chromium, 110))
        damaged = range(50, 56) if fmt == 'avc1/mp4' else range(50, 51)
        wrong = {number: index for number, index in seen.items() if index != number and number not in damaged}
        assert wrong == {}
        assert set(range(1, 110)) <= seen.keys()
        assert all('checksum' in told for told in chromium.run('return window.told'))
        assert len(chromium.run('return window.told')) == len(damaged)
        chromium.errors()


def test_fast_playing_skips_frames_evenly_and_shows_the_right_ones(chromium: Browser, tmp_path: Path) -> None:
    with served(str(recorded(tmp_path / 's', 'avc1/mp4'))) as page:
        chromium.open(page.url)
        for speed in ('4', '16'):
            chromium.press(Keys.HOME)
            chromium.wait_for_frame(0, 0)
            seen = played(chromium, COUNT - 20, speed, every=False)
            assert [number for number, _ in seen] == [index for _, index in seen]
        assert chromium.errors() == []


def test_without_a_secure_context_images_come_from_the_server(chromium: Browser, tmp_path: Path) -> None:
    """WebCodecs needs HTTPS or this machine."""
    with served('--allow-host', 'lab.example', str(recorded(tmp_path / 's', 'avc1/mp4'))) as page:
        chromium.open(f'http://lab.example:{page.port}/')
        seen = played(chromium, 20)
        assert seen == [(index, index) for index in range(1, len(seen) + 1)]
        assert kinds(chromium) == {'image'}
        assert [told for told in chromium.errors() if 'Cross-Origin-Opener-Policy header' not in told] == []


@pytest.mark.parametrize(('setting', 'value'), [('quality', 'exact'), ('stretch', '')])
def test_lossless_images_and_contrast_come_from_the_server(
    chromium: Browser, tmp_path: Path, setting: str, value: str
) -> None:
    with served(str(recorded(tmp_path / 's', 'avc1/mp4'))) as page:
        chromium.open(page.url)
        if value:
            chromium.choose(setting, value)
        else:
            chromium.switch(setting)
        played(chromium, 20)
        assert kinds(chromium) == {'image'}
        assert chromium.errors() == []


@pytest.mark.parametrize('policy', ['zoh', 'black', 'drop'])
def test_two_videos_play_side_by_side(chromium: Browser, tmp_path: Path, policy: str) -> None:
    """Of a store with every second frame number, a frame is held meanwhile."""
    paths: list[StrPath] = [recorded(tmp_path / 'a', 'avc1/mp4'), recorded(tmp_path / 'b', 'mjpeg/avi', 70, step=2)]
    with served(*map(str, paths)) as page:
        chromium.open(page.url)
        chromium.choose('policy', policy)
        seen = played(chromium, 100)
        others = chromium.run('return window.others')
        assert chromium.errors() == []
    numbers = [number for number, _ in seen]
    assert numbers == list(range(numbers[0], numbers[-1] + 1, 2 if policy == 'drop' else 1))
    assert numbers == [index for _, index in seen]
    assert len(numbers) > 40
    for number, index in others:
        assert index == number // 2 if policy != 'black' or number % 2 == 0 else True


def test_a_pause_and_a_step_show_the_next_frame(chromium: Browser, tmp_path: Path) -> None:
    with served(str(recorded(tmp_path / 's', 'avc1/mp4'))) as page:
        chromium.open(page.url)
        played(chromium, 15)
        time.sleep(0.3)
        number = int(chromium.text('number'))
        assert chromium.shown() == number
        chromium.press(Keys.ARROW_RIGHT)
        chromium.wait_for_frame(number + 1, number + 1)
        chromium.press(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
        chromium.wait_for_frame(number - 1, number - 1)
        chromium.size(1100, 800)  # redraws what is shown
        chromium.size(1360, 900)
        chromium.wait_for_frame(number - 1, number - 1)
        assert chromium.errors() == []
