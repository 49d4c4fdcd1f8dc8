"""Routes of the list of recordings, and of the pages opened from it."""

from __future__ import annotations

import contextlib
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ...errors import ImgStoreError
from . import request_params as params
from .access import Access
from .access_control import LINKS, AccessControl
from .answers import StaticFiles, failed, in_thread, json_answer, link_answer, refused
from .catalog import Catalog
from .exports import Exports
from .limits import Bounded
from .pictures import MEDIA_TYPES
from .recording import Recording
from .request_params import BadRequest
from .server import new_page

_MOST_TOGETHER, _MOST_OPEN = 16, 8  # recordings on a page; pages whose recordings stay open
_OPENED = re.compile('/open/([0-9a-f,]+)(/.*)')


class _Opened:
    """Recordings on one page, side by side."""

    def __init__(self, paths: Sequence[str], access: Access | None, exports: Exports | None) -> None:
        self.in_use, self._exports = 0, exports
        self._recordings: list[Recording] = []
        with contextlib.ExitStack() as stack:
            stack.callback(self.close)
            self._recordings.extend(map(Recording, paths))
            stack.pop_all()
        self.app, self.cost = new_page(self._recordings, access, exports)

    @property
    def is_idle(self) -> bool:
        """Whether nothing reads the recordings."""
        exports = self._exports
        return not self.in_use and not (exports and any(map(exports.is_exporting, self._recordings)))

    def close(self) -> None:
        for recording in self._recordings:
            recording.close()


class _OpenedPages:
    """The pages opened from the list; the latest ones stay open."""

    def __init__(self, catalog: Catalog, access: Access | None, exports: Exports | None) -> None:
        self._catalog, self._access, self._exports = catalog, access, exports
        self._opened: OrderedDict[str, _Opened] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request of one page."""
        try:
            async with self._use(scope['path_params']['keys']) as opened:
                await opened.app(scope, receive, send)
        except (HTTPException, ImgStoreError) as error:
            status = error.status_code if isinstance(error, HTTPException) else 404
            text = error.detail if isinstance(error, HTTPException) else str(error)
            await PlainTextResponse(text, status)(scope, receive, send)

    def cost(self, path: str) -> int:
        """Return the bytes needed for an answer."""
        found = _OPENED.fullmatch(path)
        opened = self._opened.get(found[1]) if found else None
        return opened.cost(found[2]) if found and opened else 0

    @asynccontextmanager
    async def _use(self, keys: str) -> AsyncIterator[_Opened]:
        opened = self._opened.get(keys) or await self._open(keys)
        self._opened.move_to_end(keys)
        opened.in_use += 1
        try:
            yield opened
        finally:
            opened.in_use -= 1
            await self._close_oldest()

    async def _open(self, keys: str) -> _Opened:
        opened = await run_in_threadpool(self._newly_opened, keys.split(','))
        other = self._opened.setdefault(keys, opened)
        if other is not opened:  # opened by another request meanwhile
            opened.close()
        return other

    def _newly_opened(self, keys: list[str]) -> _Opened:
        if len(keys) > _MOST_TOGETHER:
            raise BadRequest(f'at most {_MOST_TOGETHER} recordings are shown together', 404)
        return _Opened([self._catalog.row(key).path for key in keys], self._access, self._exports)

    async def _close_oldest(self) -> None:
        idle = [keys for keys, opened in self._opened.items() if opened.is_idle]
        for keys in idle[: max(0, len(self._opened) - _MOST_OPEN)]:
            await run_in_threadpool(self._opened.pop(keys).close)

    def close(self) -> None:
        """Close all recordings."""
        for opened in self._opened.values():
            opened.close()


class CatalogSite:
    """The list of recordings below folders.

    Parameters
    ----------
    folders : sequence of str
        Paths of the folders.
    access : Access, optional
        Require a session.
    exports : Exports, optional
        None: visitors can change no file.
    """

    def __init__(self, folders: Sequence[str], access: Access | None, exports: Exports | None = None) -> None:
        self._catalog, self._files = Catalog(folders), StaticFiles()
        self._access, self._is_read_only = access, exports is None
        self._opened = _OpenedPages(self._catalog, access, exports)

    def app(self, host: str, root_path: str, names: Collection[str]) -> ASGIApp:
        """Make the application; the parameters are those of `new_app`."""
        answers = {
            '/': self._start,
            '/static/{name}': self._files.answer,
            '/api/recordings': self._listing,
            '/api/recordings/{key}/thumbnail.jpg': self._thumbnail,
            '/open/{keys}': self._redirect,
        }
        handlers: Any = {HTTPException: refused, ImgStoreError: failed}
        routes: list[Any] = [Route(path, in_thread(answer), methods=['GET']) for path, answer in answers.items()]
        routes.append(Route(LINKS, self._new_link, methods=['POST']))
        routes.append(Mount('/open/{keys}', self._opened))
        app = Starlette(routes=routes, exception_handlers=handlers)
        app.router.redirect_slashes = False
        bounded = Bounded(app, self._opened.cost)
        return AccessControl(bounded, host, self._access, root_path, names, self._is_read_only)

    def close(self) -> None:
        """Close all recordings."""
        self._opened.close()

    def _start(self, request: Request) -> Response:
        return self._files.page('recordings.html')

    async def _new_link(self, request: Request) -> Response:
        return link_answer(self._access)

    def _listing(self, request: Request) -> Response:
        return json_answer(self._catalog.listing())

    def _thumbnail(self, request: Request) -> Response:
        width = params.whole(request, 'width', 1, 400, 160)
        return Response(self._catalog.thumbnail(request.path_params['key'], width), media_type=MEDIA_TYPES['jpg'])

    def _redirect(self, request: Request) -> Response:
        """Lead to the path of the page with its final '/'.

        Its own addresses are relative to that.
        """
        return RedirectResponse(f'{request.path_params["keys"]}/', 308)
