"""News of growing recordings, pushed to pages as server-sent events.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse

from ...errors import ImgStoreError
from .answers import json_bytes
from .limits import is_ending
from .recording import Recording
from .request_params import BadRequest

MOST_PAGES = 40
"""Most pages that get news at a time. Others ask now and then."""

_LIVE_SECONDS, _SECONDS = 0.04, 0.5  # between looks at recordings, live ones and others
_REST = 2  # at least so many times as long as a look takes: the machine also records
_QUIET_SECONDS = 15.0  # after which a page gets a sign of life
_SIGN_OF_LIFE = b': here\n\n'


class Events:
    """News for all pages of some recordings.

    Parameters
    ----------
    recordings : sequence of Recording
    """

    def __init__(self, recordings: Sequence[Recording]) -> None:
        self._recordings = recordings
        self._pages, self._turn = 0, asyncio.Lock()
        self._news: dict[str, Any] = {}
        self._due, self._wait = 0.0, _SECONDS

    async def answer(self, request: Request) -> StreamingResponse:
        """Answer with a stream: the recordings' summaries, now and after each change."""
        if self._pages >= MOST_PAGES:
            raise BadRequest('too many pages get news; ask for the stores now and then', 503)
        headers = {'X-Accel-Buffering': 'no'}  # proxies would keep it until it ends
        return StreamingResponse(self._stream(request), media_type='text/event-stream', headers=headers)

    async def _stream(self, request: Request) -> AsyncIterator[bytes]:
        self._pages += 1
        try:
            told, told_at = None, 0.0
            while not is_ending(request.scope):
                news, now = await self._latest(), time.monotonic()
                if news != told:
                    told, told_at = news, now
                    yield b'data: ' + json_bytes(news) + b'\n\n'
                elif now - told_at > _QUIET_SECONDS:
                    told_at = now
                    yield _SIGN_OF_LIFE
                await asyncio.sleep(self._wait)
        finally:
            self._pages -= 1

    async def _latest(self) -> dict[str, Any]:
        """Return the state of the recordings, looked at once for all pages."""
        async with self._turn:
            if time.monotonic() >= self._due:
                await run_in_threadpool(self._look)
        return self._news

    def _look(self) -> None:
        began = time.monotonic()
        try:
            for recording in self._recordings:
                recording.refresh(_LIVE_SECONDS)
            summaries = [recording.summary() for recording in self._recordings]
            self._news = {'stores': summaries, 'error': None}
        except ImgStoreError as error:
            self._news = {'stores': [], 'error': str(error)}
        is_live = any(summary['live'] for summary in self._news['stores'])
        self._wait = max(_LIVE_SECONDS if is_live else _SECONDS, _REST * (time.monotonic() - began))
        self._due = time.monotonic() + self._wait / 2
