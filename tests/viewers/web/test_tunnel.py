"""The page over an SSH tunnel: played, exported and followed as on the machine that serves it."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

import imgstore

from ...helpers.browser import SHAPE, browser
from ...helpers.frames import index_in, numbered
from ...helpers.serving import served
from ...helpers.tunnel import tunnel
from .test_web_play import kinds, played

pytestmark = [pytest.mark.slow, pytest.mark.browser]

COUNT = 65


def add(store: imgstore.ImgStore, until: int) -> None:
    for index in range(store.frame_count, until):
        store.add_image(numbered(index, SHAPE), index, index / 25)


def test_a_page_behind_a_tunnel_plays_exports_and_follows(tmp_path: Path) -> None:
    """Chromium itself decodes H.264 there, since the tunnel begins on its own machine."""
    with (
        imgstore.new_for_format('avc1/mp4', tmp_path / 's', imgshape=SHAPE, chunksize=20) as store,
        served(str(tmp_path / 's')) as page,
        tunnel(tmp_path / 'ssh', page.port) as port,
        browser(tmp_path) as chromium,
    ):
        add(store, COUNT)
        chromium.open(f'http://localhost:{port}/')
        assert chromium.run('return isSecureContext')
        assert played(chromium, 30, '2')[:30] == [(index, index) for index in range(1, 31)]
        assert 'packets' in kinds(chromium)
        chromium.press('e')
        chromium.choose('export-from', '10')
        chromium.choose('export-to', '29')
        chromium.click('export-start')
        chromium.wait_for(lambda: list(tmp_path.glob('*.mp4')))
        chromium.click('export-close')
        chromium.press('f')
        for until in (COUNT, 72, 95):
            add(store, until)
            chromium.wait_for_frame(until - 1, until - 1)
        assert chromium.errors() == []
    with av.open(next(tmp_path.glob('*.mp4'))) as video:
        assert [index_in(frame.to_ndarray(format='gray')) for frame in video.decode(video=0)] == list(range(10, 30))
