"""The live page in Chromium: every camera with a picture, and its commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import imgstore
from imgstore.marks import read_marks
from imgstore.recording import Recording
from imgstore.recording.control import RecordingControl
from imgstore.viewers.live import LiveServer

from ...helpers.axe import violations
from ...helpers.browser import Browser, browser
from ...helpers.recorded import check_recording, content

pytestmark = [pytest.mark.slow, pytest.mark.browser]

SOURCES = {
    'left': 'test:640x480,fps=50,buffers=9999',
    'right': 'test:320x240,fps=50,buffers=9999,drop=3-5',
    'gone': 'test:320x240,fps=50,buffers=9999,unplug=20',
}
PICTURES = 'return [...document.images].filter(image => image.complete && image.naturalWidth).map(image => image.alt)'
STATES = "return [...document.querySelectorAll('figure')].map(figure => figure.className.split(' ').pop())"


@pytest.fixture(scope='module')
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp('browser')) as it:
        yield it


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Recording]:
    made = imgstore.record(SOURCES, tmp_path / 'r', 'npy')
    yield made
    made.stop()


@pytest.mark.parametrize('size', [(1280, 720), (390, 844)])
def test_the_page_starts_shows_marks_and_stops(
    chromium: Browser, recording: Recording, size: tuple[int, int], tmp_path: Path
) -> None:
    with LiveServer(RecordingControl(recording, 'two words;'), 0) as server:
        chromium.size(*size, touch=size[0] < 500)
        chromium.load(server.link)
        chromium.wait_for(lambda: chromium.run(STATES) == ['ready'] * 3)
        assert 'token' not in chromium.driver.current_url
        assert violations(chromium) == []

        chromium.click('start')
        chromium.wait_for(lambda: chromium.text('answer') == 'started')
        chromium.wait_for(lambda: chromium.run(STATES) == ['recording', 'recording', 'ended'])
        chromium.wait_for(lambda: chromium.run(PICTURES) == list(SOURCES))
        chromium.wait_for(lambda: 'frames/s' in chromium.text('cameras'))
        assert 'right: ' in chromium.text('cameras')
        assert ' 3 missing' in chromium.text('cameras')
        assert 'ended: the camera was unplugged' in chromium.text('cameras')
        assert chromium.run('return document.documentElement.scrollWidth <= innerWidth')
        assert violations(chromium) == []

        chromium.run("document.getElementById('name').value = 'lick'")
        chromium.click('add')
        chromium.wait_for(lambda: chromium.text('answer') == 'marked: lick')
        chromium.click('stop')
        chromium.wait_for(lambda: chromium.text('answer') == 'stopped')
        chromium.wait_for(lambda: chromium.run(STATES) == ['ended'] * 3)
        assert not chromium.run("return document.querySelector('#start:enabled, #stop:enabled')")
        assert chromium.errors() == []
        assert violations(chromium) == []
    chromium.wait_for(lambda: chromium.text('answer') == 'the recording has ended')
    assert check_recording(tmp_path / 'r')
    reasons = {name: each['reason'] for name, each in content(tmp_path / 'r')['cameras'].items()}
    assert reasons == {'left': 'stopped by HTTP', 'right': 'stopped by HTTP', 'gone': 'the camera was unplugged'}
    assert [mark.label for mark in read_marks(tmp_path / 'r' / 'left' / 'marks.csv')] == ['lick']


def test_the_page_says_that_the_recorder_is_gone(chromium: Browser, recording: Recording) -> None:
    with LiveServer(RecordingControl(recording, 'secret'), 0) as server:
        chromium.load(server.link)
        chromium.wait_for(lambda: chromium.run(STATES) == ['ready'] * 3)
    chromium.wait_for(lambda: chromium.text('answer') == 'the recorder does not answer')
    chromium.run("document.getElementById('answer').textContent = ''")
    chromium.click('start')
    chromium.wait_for(lambda: chromium.text('answer') == 'the recorder does not answer')
