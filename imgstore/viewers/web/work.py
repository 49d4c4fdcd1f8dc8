"""The page's requests that change files: marks of frames, and exports."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import threading
from collections.abc import Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from ...errors import InvalidArgumentError, StoreIOError
from ...marks import Mark, marks_path, read_marks, write_marks
from .answers import json_answer
from .exports import KINDS, Exports, Job, Order, selection, sound_files
from .look import FindRecording
from .recording import Recording
from .request_params import LARGEST_NUMBER, BadRequest

MOST_MARKS = 5000
"""Largest number of marks of a store on the page."""

_MOST_BYTES = 2**20  # of a request
_BODY_SECONDS = 10.0
_LONGEST_LABEL = 500  # characters
_LONGEST_OFFSET = 10_000_000  # seconds
_saving = threading.Lock()  # for all pages: several may show the same recording


class Work:
    """Marks and exports of the recordings on the page.

    Parameters
    ----------
    recording_of : callable
        Returns the recording that a request names.
    exports : Exports, optional
        None: nothing may be changed or exported.
    """

    def __init__(self, recording_of: FindRecording, exports: Exports | None) -> None:
        self._recording_of, self._exports = recording_of, exports

    def routes(self) -> list[Route]:
        """Return the routes."""
        found = [Route('/api/stores/{store}/marks', self.marks, methods=['GET'])]
        if self._exports:
            found += [
                Route('/api/stores/{store}/sounds', self.sounds, methods=['GET']),
                Route('/api/stores/{store}/selection', self.selection, methods=['GET']),
                Route('/api/stores/{store}/marks', self.save_marks, methods=['POST']),
                Route('/api/stores/{store}/exports', self.start, methods=['POST']),
                Route('/api/exports/{key}', self.progress, methods=['GET']),
                Route('/api/exports/{key}/file', self.file, methods=['GET']),
                Route('/api/exports/{key}/cancel', self.cancel, methods=['POST']),
            ]
        return found

    # --- marks

    async def marks(self, request: Request) -> Response:
        """Answer with the marks of a store, and the version of their file."""
        recording = self._recording_of(request)
        found, version = await run_in_threadpool(_read, recording)
        rows = await run_in_threadpool(lambda: [_mark_row(recording, mark) for mark in found])
        return json_answer({'marks': rows, 'version': version, 'writable': bool(self._exports)})

    async def save_marks(self, request: Request) -> Response:
        """Replace the marks of a store, if its file is the one that the page knows."""
        recording, content = self._recording_of(request), await _content(request)
        marks = [_mark(each) for each in _list(content, 'marks')]
        version = await run_in_threadpool(_replace, recording, marks, content.get('version'))
        return json_answer({'version': version})

    # --- exports

    async def sounds(self, request: Request) -> Response:
        """Answer with the files with sound next to a store."""
        return json_answer(await run_in_threadpool(sound_files, self._recording_of(request)))

    async def selection(self, request: Request) -> Response:
        """Answer with what an export of a range would have."""
        recording, ends = self._recording_of(request), _range(dict(request.query_params))
        try:
            return json_answer(await run_in_threadpool(selection, recording, *ends))
        except InvalidArgumentError as error:
            raise BadRequest(str(error)) from error

    async def start(self, request: Request) -> Response:
        """Start an export."""
        assert self._exports is not None
        recording, order = self._recording_of(request), _order(await _content(request))
        try:
            job = await run_in_threadpool(self._exports.start, recording, order)
        except InvalidArgumentError as error:
            raise BadRequest(str(error)) from error
        return json_answer(job.told())

    async def progress(self, request: Request) -> Response:
        """Answer with the state of an export."""
        return json_answer(self._job(request).told())

    async def cancel(self, request: Request) -> Response:
        """Cancel an export."""
        job = self._job(request)
        job.is_stopped.set()
        return json_answer(job.told())

    async def file(self, request: Request) -> Response:
        """Send a finished export."""
        job = self._job(request)
        if job.state != 'done' or job.order.beside:
            raise BadRequest('this export has no file to send', 404)
        return FileResponse(job.path, filename=os.path.basename(job.path))

    def _job(self, request: Request) -> Job:
        job = self._exports.job(request.path_params['key']) if self._exports else None
        if job is None:
            raise BadRequest('there is no such export', 404)
        return job


async def _content(request: Request) -> dict[str, Any]:
    """Return the JSON object that a request brings."""
    data = b''
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for piece in request.stream():
                data += piece
                if len(data) > _MOST_BYTES:
                    raise BadRequest(f'a request has at most {_MOST_BYTES} bytes', 413)
        content = json.loads(data)
    except (TimeoutError, ValueError, RecursionError) as error:
        raise BadRequest('the request is no JSON') from error
    if not isinstance(content, dict):
        raise BadRequest('the request is no JSON object')
    return content


def _list(content: dict[str, Any], name: str) -> Sequence[Any]:
    found = content.get(name)
    if not isinstance(found, list) or len(found) > MOST_MARKS:
        raise BadRequest(f'{name} must be a list of at most {MOST_MARKS}')
    return found


def _mark(given: Any) -> Mark:
    if not isinstance(given, dict):
        raise BadRequest('a mark must be an object with start, end and label')
    label = given.get('label', '')
    if not isinstance(label, str) or len(label) > _LONGEST_LABEL:
        raise BadRequest(f'a label must be text of at most {_LONGEST_LABEL} characters')
    try:
        end = given.get('end')
        return Mark(_number(given, 'start'), None if end is None else _number(given, 'end'), label)
    except InvalidArgumentError as error:
        raise BadRequest(str(error)) from error


def _number(content: dict[str, Any], name: str, label: str = '') -> int:
    """Return an integer; as text if JavaScript cannot hold it."""
    value = content.get(name)
    if isinstance(value, str) and len(value) <= 20 and value.removeprefix('-').isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > LARGEST_NUMBER:
        raise BadRequest(f'{label or name} is {value!r}; it must be a frame number')
    return value


def _order(content: dict[str, Any]) -> Order:
    kind, sound, offset = content.get('kind'), content.get('sound', ''), content.get('offset', 0)
    if kind not in KINDS:
        raise BadRequest(f'kind is {kind!r}; it must be one of {", ".join(KINDS)}')
    if not isinstance(sound, str):
        raise BadRequest('sound must be the name of a file')
    if isinstance(offset, bool) or not isinstance(offset, (int, float)) or not abs(offset) < _LONGEST_OFFSET:
        raise BadRequest(f'offset is {offset!r}; it must be a number of seconds')
    flags = [bool(content.get(name)) for name in ('status_bar', 'beside')]
    return Order(*_range(content), kind, flags[0], sound, float(offset), flags[1])


def _range(content: dict[str, Any]) -> tuple[int, int]:
    start, end = _number(content, 'start', 'From frame'), _number(content, 'end', 'to')
    if end < start:
        raise BadRequest(f'the range ends at {end}, before its start {start}')
    return start, end


# --- the file of marks


def _read(recording: Recording) -> tuple[list[Mark], str]:
    """Return the marks of a store, and the version of their file; '' without one."""
    path = marks_path(recording.store.filename)
    if '://' not in path and not os.path.lexists(path):
        return [], ''
    try:
        found = read_marks(path)
    except StoreIOError:
        if '://' in path:  # most have none
            return [], ''
        raise
    return found, _version(found)


def _version(marks: Sequence[Mark]) -> str:
    return hashlib.sha256(repr(list(marks)).encode()).hexdigest()[:16]


def _replace(recording: Recording, marks: list[Mark], version: Any) -> str:
    """Write the marks of a store and return their version."""
    with _saving:
        if _read(recording)[1] != version:
            raise BadRequest('the marks were changed elsewhere in the meantime; reload the page to see them', 409)
        write_marks(marks_path(recording.store.filename), marks)
    return _version(marks)


def _mark_row(recording: Recording, mark: Mark) -> dict[str, Any]:
    """Return a mark, with the frames nearest to its ends."""
    ends = [_frame(recording, number) for number in (mark.start, mark.last)]
    end = None if mark.end is None else str(mark.end)
    return {'start': str(mark.start), 'end': end, 'label': mark.label, 'first': ends[0], 'last': ends[1]}


def _frame(recording: Recording, number: int) -> dict[str, Any] | None:
    index = recording.find('number', number)
    return None if index is None else {**(row := recording.row(index)), 'number': str(row['number'])}
