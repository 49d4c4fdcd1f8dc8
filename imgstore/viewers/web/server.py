"""Routes of the page, its files, and its requests to the stores."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from ...color import Image
from ...errors import ImgStoreError
from ...lossless_file import encode_lossless
from ..gaps import MOST_SAMPLES
from . import request_params as params
from .access import Access
from .access_control import LINKS, AccessControl
from .alignment import POLICIES, aligned
from .answers import StaticFiles, failed, in_thread, json_answer, link_answer, refused
from .events import Events
from .exports import Exports
from .limits import Bounded, Cost
from .look import look_routes
from .packets import MOST_BYTES
from .pictures import MEDIA_TYPES
from .recording import AXES, Recording
from .request_params import LARGEST_NUMBER, BadRequest
from .work import Work

_MOST_ROWS = 1000
_WIDEST = 8192  # pixels
_IMAGE = re.compile('/api/stores/[0-9]+/(image|thumbnail|histogram|pixel)/.*')
_PACKETS = re.compile('/api/stores/[0-9]+/packets')
_MOST_PACKETS = 200
_COPIES = 2  # of a frame: as read, and encoded


def new_app(
    recordings: Sequence[Recording],
    host: str = '127.0.0.1',
    access: Access | None = None,
    root_path: str = '',
    names: Collection[str] = (),
    exports: Exports | None = None,
) -> ASGIApp:
    """Make the application that shows recordings.

    Parameters
    ----------
    recordings : sequence of Recording
        The recordings on the page, side by side.
    host : str
        The served address; requests for another host are refused.
    access : Access, optional
        Require a session.
    root_path : str
        Path under which a proxy serves the page.
    names : collection of str
        Further host names allowed in requests.
    exports : Exports, optional
        None: visitors can change no file.
    """
    app, cost = new_page(recordings, access, exports)
    return AccessControl(Bounded(app, cost), host, access, root_path, names, exports is None)


def new_page(
    recordings: Sequence[Recording], access: Access | None, exports: Exports | None = None
) -> tuple[Starlette, Cost]:
    """Make the application without limits and access control.

    Return its cost, too.

    The parameters are those of `new_app`.
    """
    pages = _Pages(recordings, access)
    routes = {
        '/': pages.start,
        '/static/{name}': pages.static,
        '/api/stores': pages.stores,
        '/api/aligned': pages.aligned,
        '/api/stores/{store}': pages.about,
        '/api/stores/{store}/rows': pages.rows,
        '/api/stores/{store}/find': pages.find,
        '/api/stores/{store}/gap': pages.gap,
        '/api/stores/{store}/timeline': pages.timeline,
        '/api/stores/{store}/extra': pages.extra,
        '/api/stores/{store}/extra/{index}': pages.extra_at,
        '/api/stores/{store}/thumbnail/{index}.jpg': pages.thumbnail,
        '/api/stores/{store}/packets': pages.packets,
    }
    handlers: Any = {HTTPException: refused, ImgStoreError: failed}
    endpoints: dict[str, Any] = {path: in_thread(answer) for path, answer in routes.items()}
    endpoints['/api/stores/{store}/image/{index}.{kind}'] = pages.image
    endpoints['/api/events'] = Events(recordings).answer
    found = [Route(path, endpoint, methods=['GET']) for path, endpoint in endpoints.items()]
    found += [*look_routes(pages.recording), *Work(pages.recording, exports).routes()]
    app = Starlette(routes=[*found, Route(LINKS, pages.new_link, methods=['POST'])], exception_handlers=handlers)
    app.router.redirect_slashes = False
    return app, pages.cost


class _Pages:
    def __init__(self, recordings: Sequence[Recording], access: Access | None) -> None:
        self._recordings, self._access = recordings, access
        self._image_cost = _COPIES * max((recording.image_bytes for recording in recordings), default=0)
        self._turns = {recording: asyncio.Lock() for recording in recordings}
        self._files = StaticFiles()

    def cost(self, path: str) -> int:
        """Return the bytes needed for an answer."""
        if _PACKETS.fullmatch(path):
            return _COPIES * MOST_BYTES
        return self._image_cost if _IMAGE.fullmatch(path) else 0

    # --- the page

    def start(self, request: Request) -> Response:
        return self._files.page('index.html')

    def static(self, request: Request) -> Response:
        return self._files.answer(request)

    async def new_link(self, request: Request) -> Response:
        return link_answer(self._access)

    # --- the stores

    def stores(self, request: Request) -> Response:
        for recording in self._recordings:
            recording.refresh()
        return json_answer([recording.summary() for recording in self._recordings])

    def about(self, request: Request) -> Response:
        return json_answer(self._recording(request).about())

    def rows(self, request: Request) -> Response:
        start = params.whole(request, 'start', 0, LARGEST_NUMBER)
        return json_answer(self._recording(request).rows(start, params.whole(request, 'count', 1, _MOST_ROWS)))

    def find(self, request: Request) -> Response:
        recording, axis = self._recording(request), params.choice(request, 'axis', AXES)
        if axis == 'time':
            wanted: float = params.moment(params.text(request, 'value'), recording)
        else:
            wanted = params.whole(request, 'value', -LARGEST_NUMBER, LARGEST_NUMBER)
        index = recording.find(axis, wanted)
        if index is None:
            raise BadRequest('the store has no frames', 404)
        row = recording.row(index)
        return json_answer({**row, 'exact': row[axis] == wanted})

    def gap(self, request: Request) -> Response:
        index = params.whole(request, 'index', 0, LARGEST_NUMBER)
        return json_answer(self._recording(request).next_gap(index, params.whole(request, 'direction', -1, 1) or 1))

    def timeline(self, request: Request) -> Response:
        axis, bins = params.choice(request, 'axis', AXES), params.whole(request, 'bins', 2, MOST_SAMPLES, 1000)
        low, high = params.decimal(request, 'low'), params.decimal(request, 'high')
        return json_answer(self._recording(request).timeline(axis, low, high, bins))

    def aligned(self, request: Request) -> Response:
        number = params.whole(request, 'number', -LARGEST_NUMBER, LARGEST_NUMBER)
        direction = params.whole(request, 'direction', -1, 1, 1) or 1
        policy, count = params.choice(request, 'policy', POLICIES), params.whole(request, 'count', 1, _MOST_ROWS)
        rows = aligned([recording.order for recording in self._recordings], number, direction, count, policy)
        return json_answer([{**row, 'time': self._time(row)} for row in rows])

    def _time(self, row: dict[str, Any]) -> float | None:
        """Return the time of a frame of several stores, by the first store with it."""
        there = zip(self._recordings, row['index'], row['held'], strict=True)
        times = (recording.row(index)['time'] for recording, index, held in there if index is not None and not held)
        return next(times, None)

    # --- extra data

    def extra(self, request: Request) -> Response:
        recording = self._recording(request)
        low = params.whole(request, 'low', 0, LARGEST_NUMBER, 0)
        high = params.whole(request, 'high', 0, LARGEST_NUMBER, max(0, recording.count - 1))
        return json_answer(recording.extra(low, max(low, high), params.whole(request, 'bins', 2, MOST_SAMPLES, 500)))

    def extra_at(self, request: Request) -> Response:
        return json_answer(self._recording(request).extra_at(_index(request)))

    # --- images

    async def image(self, request: Request) -> Response:
        recording, kind, index = self._recording(request), request.path_params['kind'], _index(request)
        if kind not in MEDIA_TYPES:
            raise BadRequest(f'images are available as {", ".join(MEDIA_TYPES)}', 404)
        encode = _encoder(request, recording, kind)
        async with self._turn(recording):
            image = await run_in_threadpool(recording.image, index)
        headers = (
            {'Content-Disposition': _file_name(recording, index, kind)} if 'download' in request.query_params else None
        )
        return Response(await run_in_threadpool(encode, image), media_type=MEDIA_TYPES[kind], headers=headers)

    def _turn(self, recording: Recording) -> AbstractAsyncContextManager[object]:
        """Read videos in the order of requests, so that the reader can prefetch."""
        return nullcontext() if recording.has_independent_frames else self._turns[recording]

    def thumbnail(self, request: Request) -> Response:
        width = params.whole(request, 'width', 1, 400, 160)
        return Response(self._recording(request).thumbnail(_index(request), width), media_type=MEDIA_TYPES['jpg'])

    def recording(self, request: Request) -> Recording:
        """Return the recording that a request names."""
        return self._recording(request)

    def packets(self, request: Request) -> Response:
        recording, after = self._recording(request), 'after' in request.query_params
        index = params.whole(request, 'after' if after else 'index', 0, LARGEST_NUMBER)
        count = params.whole(request, 'count', 1, _MOST_PACKETS)
        return Response(recording.packets.run(index, after, count), media_type='application/octet-stream')

    def _recording(self, request: Request) -> Recording:
        number = params.from_path(request, 'store')
        if number >= len(self._recordings):
            raise BadRequest(f'there is no store {number}', 404)
        return self._recordings[number]


def _index(request: Request) -> int:
    return params.from_path(request, 'index')


def _encoder(request: Request, recording: Recording, kind: str) -> Callable[[Image], bytes]:
    """Return the encoder for the requested file type."""
    quality = params.whole(request, 'quality', 1, 100, 85)
    width = params.whole(request, 'width', 1, _WIDEST, _WIDEST)
    stretch = bool(params.whole(request, 'stretch', 0, 1, 0))
    tone = params.tone(request)
    if kind == 'jpg':
        return lambda image: recording.shown(image, width, quality, stretch, tone)
    return lambda image: encode_lossless(image, kind)


def _file_name(recording: Recording, index: int, kind: str) -> str:
    name = re.sub(r'[^A-Za-z0-9._-]+', '_', recording.name).strip('._') or 'frame'
    return f'attachment; filename="{name}_{recording.navigator.frame(index)[0]}.{kind}"'
