"""A new user's way through the page, from a video file to two clips with sound and a link to share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from imgstore.apps import main_saver
from imgstore.marks import Mark, read_marks

from ...helpers.browser import SHAPE, Browser, Keys, browser
from ...helpers.frames import index_in, numbered
from ...helpers.serving import served

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.process]

SIZE = (720, 480)  # as large as videos often are
COUNT, DROPPED = 250, range(120, 131)  # frames, and those that the camera lost
BOUTS = [(30, 54, 'grooming'), (180, 199, 'rearing')]


def film(path: Path) -> Path:
    """A video with sound, and a gap in its times."""
    with av.open(path, 'w') as file:
        video, sound = file.add_stream('libx264', rate=25), file.add_stream('aac', rate=48000, layout='mono')
        video.width, video.height = SIZE
        for number in (number for number in range(COUNT) if number not in DROPPED):
            image = cv2.resize(numbered(number, SHAPE), SIZE, interpolation=cv2.INTER_NEAREST)
            frame = av.VideoFrame.from_ndarray(image, 'gray')
            frame.pts = number
            file.mux(video.encode(frame))
        wave = (8000 * np.sin(np.arange(48000 * COUNT // 25) / 9)).astype(np.float32)[None] / 32768
        samples = av.AudioFrame.from_ndarray(wave, 'fltp', 'mono')
        samples.sample_rate = 48000
        file.mux(sound.encode(samples))
        for stream in (video, sound):
            file.mux(stream.encode(None))
    return path


@pytest.fixture(scope='module')
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp('browser')) as it:
        yield it


def go(page: Browser, index: int) -> None:
    page.click('jump-value')
    page.run("document.getElementById('jump-value').value = ''")
    page.press(f'#{index}', Keys.ENTER)
    page.wait_for(lambda: page.text('index') == str(index))


def mark(page: Browser, first: int, last: int, note: str) -> None:
    go(page, first)
    page.click('mark-in')
    go(page, last)
    page.click('mark-out')
    page.click('mark-add')
    page.press(note, Keys.ENTER)


@pytest.mark.parametrize(('width', 'height'), [(1280, 720), (1440, 900), (390, 844)])
def test_from_a_video_to_clips_and_a_link(chromium: Browser, tmp_path: Path, width: int, height: int) -> None:
    """Record, find the dropped frames, mark two bouts, export both with sound, share a link."""
    path = tmp_path / 'recording'
    assert main_saver(['--quiet', '--format', 'avc1/mp4', str(film(tmp_path / 'video.mp4')), str(path)]) == 0

    def look(name: str) -> None:
        chromium.driver.save_screenshot(str(tmp_path / f'{name}.png'))

    with served(str(path)) as page:
        chromium.size(width, height, touch=width < 500)
        chromium.open(page.url)
        look('1-opened')
        timeline = chromium.box('#timeline')
        chromium.click('gap-behind')
        chromium.wait_for_frame(DROPPED.start, DROPPED.stop)
        chromium.wait_for(lambda: 'An interval of 480 ms before frame 120' in chromium.text('status'))
        look('2-dropped')
        assert chromium.box('#timeline') == timeline  # nothing moves under a finger
        for bout in BOUTS:
            mark(chromium, *bout)
        expected = [Mark(first, last, note) for first, last, note in BOUTS]
        chromium.wait_for(lambda: (path / 'marks.csv').exists() and read_marks(path / 'marks.csv') == expected)
        look('3-marked')
        chromium.click('marks-export')
        chromium.wait_for(lambda: 'video.mp4' in chromium.text('export-sound'))
        chromium.choose('export-sound', 'video.mp4')
        chromium.click('export-beside')
        look('4-export')
        assert is_in_view(chromium, 'export-dialog')
        chromium.click('export-start')
        chromium.wait_for(lambda: '45 frames saved next to the recording' in chromium.text('export-note'))
        look('5-exported')
        chromium.click('export-close')
        chromium.driver.find_element('css selector', '#marks-list .jump').click()
        chromium.wait_for_frame(BOUTS[0][0], BOUTS[0][0])
        chromium.wait_for(lambda: f'index={BOUTS[0][0]}' in chromium.driver.current_url)
        chromium.click('link')
        chromium.wait_for(lambda: chromium.value('link-address').startswith(page.url))
        link = chromium.value('link-address')
        look('6-link')
        assert is_in_view(chromium, 'link-dialog')
        assert chromium.errors() == []
        chromium.open(link)
        chromium.wait_for_frame(BOUTS[0][0], BOUTS[0][0])
        look('7-shared')
        assert chromium.errors() == []
    for first, last, _ in BOUTS:
        with av.open(tmp_path / f'recording_{first}-{last}.mp4') as clip:
            assert len(clip.streams.audio) == 1
            assert [index_of(frame) for frame in clip.decode(video=0)] == [
                number if number < DROPPED.start else number + len(DROPPED) for number in range(first, last + 1)
            ]


def is_in_view(page: Browser, dialog: str) -> bool:
    """Whether all of a dialog can be seen, and nothing in it is cut off."""
    box = """const dialog = document.getElementById(arguments[0]), box = dialog.getBoundingClientRect();
        return [box.left, box.top, innerWidth - box.right, innerHeight - box.bottom,
                dialog.clientWidth - dialog.scrollWidth, dialog.clientHeight - dialog.scrollHeight]"""
    return bool(min(page.run(box, dialog)) >= 0)


def index_of(frame: av.VideoFrame) -> int:
    image = cv2.resize(frame.to_ndarray(format='gray'), SHAPE[::-1], interpolation=cv2.INTER_AREA)
    return int(index_in(image))
