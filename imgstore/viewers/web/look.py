"""The page's requests for a close look.

Damage, a place as a person writes it, a frame's histogram, a pixel's value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ...errors import InvalidArgumentError
from . import request_params as params
from .answers import json_answer
from .recording import Recording
from .request_params import LARGEST_NUMBER, BadRequest

FindRecording = Callable[[Request], Recording]


def look_routes(recording_of: FindRecording) -> list[Route]:
    """Return the routes.

    Parameters
    ----------
    recording_of : callable
        Returns the recording that a request names.
    """

    def route(path: str, answer: Callable[[Recording, Request], dict[str, Any]]) -> Route:
        async def endpoint(request: Request) -> Response:
            found = await run_in_threadpool(answer, recording_of(request), request)
            return json_answer(found)

        return Route(f'/api/stores/{{store}}/{path}', endpoint, methods=['GET'])

    return [
        route('damage', lambda recording, _: {'damage': recording.damage}),
        route('place', _place),
        route('histogram/{index:int}', _histogram),
        route('pixel/{index:int}', _pixel),
    ]


def _place(recording: Recording, request: Request) -> dict[str, Any]:
    if not recording.count:
        raise BadRequest('the store has no frames', 404)
    try:
        return recording.place(params.text(request, 'text'))
    except InvalidArgumentError as error:
        raise BadRequest(str(error)) from error


def _histogram(recording: Recording, request: Request) -> dict[str, Any]:
    return recording.histogram(_index(request))


def _pixel(recording: Recording, request: Request) -> dict[str, Any]:
    height, width = recording.store.image_shape[:2]
    x, y = params.whole(request, 'x', 0, width - 1), params.whole(request, 'y', 0, height - 1)
    return recording.pixel(_index(request), x, y)


def _index(request: Request) -> int:
    index: int = request.path_params['index']
    if index > LARGEST_NUMBER:
        raise BadRequest('there is no such frame', 404)
    return index
