"""Files of a web server, by requests of ranges; it lists no folders."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, cast

from ..errors import RemoteAccessError
from .retrying import TransientError
from .sources import Listed, Source, refused
from .status import RemoteStatus

_RANGE = re.compile(r'bytes (?:\d+-\d+|\*)/(\d+)')
_CONNECTING, _ANSWERING = 10, 10  # seconds
_OVERLOADED = 429
_GONE, _REFUSING = (404, 410), (401, 403, 407)


class _Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def size(self) -> int | None:
        """Size of the file, if it is known."""
        found = _RANGE.match(self.headers.get('Content-Range', ''))
        length = self.headers.get('Content-Length', '') if self.status == 200 else ''
        return int(found[1]) if found else int(length) if length.isdigit() else None


class HttpSource(Source):
    """A folder of a web server."""

    can_list = False

    def _path(self, name: str) -> str:
        return self.url(name)

    def list_folder(self, name: str) -> Listed:
        """Raise: HTTP has no folders."""
        raise RemoteAccessError(f'{self.url(name)} cannot be listed: HTTP has no folders', path=self.url(name))

    def size_below(self, name: str) -> tuple[int, int]:
        """Return zeros: HTTP has no folders."""
        return 0, 0

    def status(self, name: str, block: int) -> tuple[RemoteStatus, bytes]:
        """Ask for the first bytes; the answer has the size, too."""
        answer = self._get(name, 0, block, needs_range=False)
        size = len(answer.body) if answer.size is None else answer.size
        return RemoteStatus(size, None, _tag(answer), _changed(answer)), answer.body

    def read(self, name: str, limit: int) -> bytes:
        """Read a file at once."""
        return self._get(name, 0, 0, limit).body

    def read_range(self, name: str, status: RemoteStatus, start: int, end: int) -> bytes:
        """Read a part of the file as it was at first."""
        answer = self._get(name, start, end)
        if _tag(answer) != status.tag or answer.size not in (None, status.size) or len(answer.body) != end - start:
            raise self.replaced(name)
        return answer.body

    def _get(self, name: str, start: int, end: int, limit: int = 0, needs_range: bool = True) -> _Answer:
        from fsspec.asyn import sync

        def ask() -> _Answer:
            return cast(_Answer, sync(self._fs.loop, self._request, self.url(name), start, end, limit, needs_range))

        return self._ask(name, ask)

    async def _request(self, url: str, start: int, end: int, limit: int, needs_range: bool) -> _Answer:
        """Ask for a range, or with ``end`` 0 for all up to the limit.

        An answer with all of a file has no body here if no range is needed.
        """
        import aiohttp

        session = await self._fs.set_session()
        headers = {**self._fs.kwargs.get('headers', {}), 'Accept-Encoding': 'identity'}
        if end:
            headers['Range'] = f'bytes={start}-{end - 1}'
        waiting = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECTING, sock_read=_ANSWERING)
        arguments = {**self._fs.kwargs, 'headers': headers, 'timeout': waiting}
        async with session.get(self._fs.encode_url(url), **arguments) as answer:
            _check(url, answer)
            is_long = end > 0 and answer.status == 200 and not _is_short(answer, start, end)
            if is_long and needs_range:
                raise _without_ranges(url)
            empty = is_long or answer.status == 416
            body = b'' if empty else await _body(answer, end - start if end else limit + 1)
            found = _Answer(answer.status, dict(answer.headers), body)
            _check_length(found, start, end)
            return found


async def _body(answer: Any, most: int) -> bytes:
    """Read an answer's body, not more than so many bytes."""
    parts, size = [], 0
    async for part in answer.content.iter_chunked(2**16):
        parts.append(part[: most - size])
        size += len(parts[-1])
        if size >= most:
            break
    return b''.join(parts)


def _check(url: str, answer: Any) -> None:
    if answer.status in (200, 206, 416):
        return
    if answer.status in _GONE:
        raise FileNotFoundError(2, 'there is no such file', url)
    why = f'{answer.status} {answer.reason}'
    if answer.status in _REFUSING:
        raise refused(url, why)
    if answer.status == _OVERLOADED or answer.status >= 500:
        raise TransientError(f'the server answers {why}')
    raise RemoteAccessError(f'{url} cannot be read: the server answers {why}; check the address', path=url, reason=why)


def _check_length(answer: _Answer, start: int, end: int) -> None:
    """Raise TransientError for a part that is shorter than the range in the file."""
    expected = min(end, answer.size or 0) - start
    if answer.status == 206 and answer.size is not None and len(answer.body) < expected:
        raise TransientError(f'the server sent {len(answer.body)} of the {expected} bytes that were asked for')


def _is_short(answer: Any, start: int, end: int) -> bool:
    """Return whether a complete file is as small as the range that was asked for."""
    size = answer.content_length
    return start == 0 and size is not None and size <= end


def _without_ranges(url: str) -> RemoteAccessError:
    return RemoteAccessError(
        f'{url} cannot be read in parts: the server ignores byte ranges (it answers 200, not 206), so each frame '
        'would cost the complete file; use a server with ranges, such as nginx or Apache, or copy the store',
        path=url,
        reason='the server ignores byte ranges',
    )


def _changed(answer: _Answer) -> float | None:
    try:
        return parsedate_to_datetime(answer.headers.get('Last-Modified', '')).timestamp()
    except ValueError:  # missing, or not as HTTP writes it
        return None


def _tag(answer: _Answer) -> str:
    return answer.headers.get('ETag') or answer.headers.get('Last-Modified') or ''
