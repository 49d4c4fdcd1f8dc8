"""Answers of the server: JSON, files of the page, and errors."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Callable
from importlib import resources
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ...errors import FrameNotFoundError, ImgStoreError
from .access import LINK_SECONDS, Access
from .request_params import BadRequest

Answer = Callable[[Request], Response]


def in_thread(answer: Answer) -> Callable[[Request], Any]:
    """Run an answer in a thread, since it waits for the disk and others must not."""

    async def answer_in_thread(request: Request) -> Response:
        return await run_in_threadpool(answer, request)

    return answer_in_thread


class StaticFiles:
    """The files of the page."""

    def __init__(self) -> None:
        folder = resources.files(__package__) / 'static'
        self._files = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}

    def page(self, name: str) -> Response:
        """Answer with a page."""
        return Response(self._files[name], media_type='text/html')

    def answer(self, request: Request) -> Response:
        """Answer with the file named by the path."""
        name = request.path_params['name']
        if name not in self._files:
            raise BadRequest('there is no such file', 404)
        kind = 'text/javascript' if name.endswith('.js') else mimetypes.guess_type(name)[0]
        return Response(self._files[name], media_type=kind)


class _Json(JSONResponse):
    def render(self, content: Any) -> bytes:
        """Encode the content."""
        return json_bytes(content)


def json_bytes(content: Any) -> bytes:
    """Encode values as JSON in ASCII, since file names need not be UTF-8.

    Integers beyond JavaScript's exact range become text.
    """
    return json.dumps(_safe(content), allow_nan=False, separators=(',', ':')).encode('ascii')


def json_answer(content: Any) -> Response:
    """Answer with values as JSON."""
    return _Json(content)


def link_answer(access: Access | None) -> Response:
    """Answer with another link."""
    if access is None:
        raise BadRequest('no link is needed', 404)
    return json_answer({'token': access.new_link(), 'seconds': LINK_SECONDS})


def _safe(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _safe(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_safe(value) for value in content]
    return str(content) if isinstance(content, int) and abs(content) > 2**53 else content


def refused(request: Request, error: HTTPException) -> Response:
    """Answer a request that is not allowed."""
    return _Json({'error': error.detail}, error.status_code, error.headers)


def failed(request: Request, error: ImgStoreError) -> Response:
    """Answer a request for something that cannot be read."""
    return _Json({'error': str(error)}, 404 if isinstance(error, FrameNotFoundError) else 500)
