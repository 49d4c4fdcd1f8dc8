"""What a request asks for: each value checked before anything is looked up by it."""

from __future__ import annotations

import math
import re

from starlette.exceptions import HTTPException
from starlette.requests import Request

from ...errors import InvalidArgumentError
from ...timestamps import DECIMAL, parse_time
from .recording import Recording

LARGEST_NUMBER = 2**63 - 2  # so that the next number is one, too
_WHOLE = re.compile(r'[+-]?[0-9]{1,19}')
_LONGEST = 100  # characters


class BadRequest(HTTPException):
    """A request that names something that is not there, or a value that is not allowed."""

    def __init__(self, why: str, status: int = 400) -> None:
        super().__init__(status, why)


def text(request: Request, name: str, default: str | None = None) -> str:
    """A value as it was given."""
    value = request.query_params.get(name, default)
    if value is None:
        raise BadRequest(f'{name} is missing')
    if len(value) > _LONGEST:
        raise BadRequest(f'{name} has {len(value)} characters; {_LONGEST} are allowed')
    return value


def choice(request: Request, name: str, allowed: tuple[str, ...], default: str | None = None) -> str:
    """One of the words that are allowed."""
    value = text(request, name, default)
    if value not in allowed:
        raise BadRequest(f'{name} is {value!r}; it must be one of {", ".join(allowed)}')
    return value


def whole(request: Request, name: str, least: int, largest: int, default: int | None = None) -> int:
    """A whole number within limits."""
    value = text(request, name, None if default is None else str(default))
    number = int(value) if _WHOLE.fullmatch(value) else None
    if number is None or not least <= number <= largest:
        raise BadRequest(f'{name} is {value!r}; it must be a whole number from {least} to {largest}')
    return number


def decimal(request: Request, name: str) -> float | None:
    """A finite number; None if it is not given. Whole ones come as int, which is exact."""
    if name not in request.query_params:
        return None
    value = text(request, name)
    if _WHOLE.fullmatch(value):
        return max(-LARGEST_NUMBER, min(int(value), LARGEST_NUMBER))
    number = float(value) if DECIMAL.fullmatch(value) else math.nan
    if not math.isfinite(number):
        raise BadRequest(f'{name} is {value!r}; it must be a number')
    return number


def moment(value: str, recording: Recording) -> float:
    """Seconds of what a person wrote, as `parse_time` understands it."""
    try:
        return parse_time(recording.store, value)
    except InvalidArgumentError as error:
        raise BadRequest(str(error)) from error
