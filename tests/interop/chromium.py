"""Chromium's <video>, which plays what a local server gives it in ranges."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

from ..helpers.browser import browser
from .players import seen

_RANGE = re.compile(r'bytes=(\d+)-(\d*)')
_PLAY = """
const [url, rate, frames, done] = arguments;
const video = document.createElement('video');
const told = {}, images = [];
const draw = () => {
    const canvas = document.createElement('canvas'), scale = video.videoWidth > 640 ? 4 : 1;
    canvas.width = video.videoWidth / scale; canvas.height = video.videoHeight / scale;
    const context = canvas.getContext('2d');
    context.imageSmoothingEnabled = false;
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
    let text = ''; for (const value of data) text += String.fromCharCode(value);
    images.push([canvas.height, canvas.width, btoa(text)]);
};
let waits = true;
const end = () => {
    if (!waits) return;
    waits = false;
    draw();
    told.images = images; video.remove(); video.removeAttribute('src'); video.load(); done(told);
};
video.muted = true; video.preload = 'auto'; document.body.append(video);
video.onerror = () => done({error: video.error.message});
let began = false;
const begin = () => {  // once the first frame is shown: before, there is nothing to draw
    if (began) return;
    began = true;
    told.duration = video.duration; told.seekable = video.seekable.length ? video.seekable.end(0) : 0;
    draw();
    if (frames === 1) { end(); return; }
    video.onseeked = () => setTimeout(end, 4000);  // if no frame is told of
    video.requestVideoFrameCallback((now, shown) => {
        if (shown.mediaTime * rate > 0.5) end(); else video.requestVideoFrameCallback(end);
    });
    video.currentTime = (frames - 0.5) / rate;
};
video.requestVideoFrameCallback(begin);
video.onloadeddata = () => setTimeout(begin, 4000);  // if no frame is told of
video.src = url;
"""


class _Files(BaseHTTPRequestHandler):
    folder: Path

    def do_GET(self) -> None:
        path = self.folder / self.path.lstrip('/')
        if path.suffix not in ('.mp4', '.mkv'):
            self._answer(200, b'<!doctype html><title>players</title>', 'text/html')
            return
        size, wanted = path.stat().st_size, _RANGE.match(self.headers.get('Range', ''))
        first = int(wanted[1]) if wanted else 0
        last = min(size - 1, int(wanted[2]) if wanted and wanted[2] else size - 1)
        with path.open('rb') as file:
            file.seek(first)
            data = file.read(last - first + 1)
        kind = 'video/mp4' if path.suffix == '.mp4' else 'video/x-matroska'
        self._answer(206 if wanted else 200, data, kind, f'bytes {first}-{last}/{size}')

    def _answer(self, status: int, data: bytes, kind: str, part: str = '') -> None:
        self.send_response(status)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(data)))
        self.send_header('Accept-Ranges', 'bytes')
        if part:
            self.send_header('Content-Range', part)
        self.end_headers()
        try:
            self.wfile.write(data)
        except ConnectionError:  # it has seen enough
            self.close_connection = True

    def log_message(self, *_: Any) -> None: ...


@contextmanager
def player(folder: Path) -> Iterator[Any]:
    """A function that plays a video of the folder: of its path, rate and number of frames."""
    handler = type('Files', (_Files,), {'folder': folder})
    server = ThreadingHTTPServer(('127.0.0.1', 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    home = f'http://127.0.0.1:{server.server_address[1]}'
    try:
        with browser(folder / 'chromium') as chromium:
            chromium.driver.get(home)
            chromium.driver.set_script_timeout(20)

            def play(path: Path, rate: float, frames: int) -> dict[str, Any]:
                url = f'{home}/{path.relative_to(folder).as_posix()}'
                return _told(chromium.driver.execute_async_script(_PLAY, url, rate, frames), rate)

            yield play
    finally:
        server.shutdown()
        server.server_close()


def _told(found: dict[str, Any], rate: float) -> dict[str, Any]:
    import base64

    if 'error' in found:
        return found
    images = [
        np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)[..., 2::-1]
        for height, width, data in found['images']
    ]
    return {
        'duration': found['duration'],
        'seekable': found['seekable'],
        'frames': round(found['duration'] * rate),
        'first': seen(images[0]),
        'last': seen(images[1]),
    }
