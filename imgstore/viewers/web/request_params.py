"""Parameters of a request, each checked before any lookup."""

from __future__ import annotations

import math
import re

from starlette.exceptions import HTTPException
from starlette.requests import Request

from ...errors import InvalidArgumentError
from ...timestamps import DECIMAL, parse_time
from .pictures import Tone
from .recording import Recording

LARGEST_NUMBER = 2**63 - 2  # so that the next number is valid, too
_WHOLE = re.compile(r'[+-]?[0-9]{1,19}')
_LONGEST = 100  # characters
_GAMMAS = 0.1, 10.0


class BadRequest(HTTPException):
    """A request with an unknown name or a value that is not allowed."""

    def __init__(self, why: str, status: int = 400) -> None:
        super().__init__(status, why)


def text(request: Request, name: str, default: str | None = None) -> str:
    """Return a value as given."""
    value = request.query_params.get(name, default)
    if value is None:
        raise BadRequest(f'{name} is missing')
    if len(value) > _LONGEST:
        raise BadRequest(f'{name} has {len(value)} characters; at most {_LONGEST} are allowed')
    return value


def from_path(request: Request, name: str) -> int:
    """Return an integer in the path."""
    value: str = request.path_params[name]
    if not re.fullmatch('[0-9]{1,19}', value):
        raise BadRequest(f'{name} must be an integer', 404)
    return int(value)


def choice(request: Request, name: str, allowed: tuple[str, ...], default: str | None = None) -> str:
    """Return one of the allowed words."""
    value = text(request, name, default)
    if value not in allowed:
        raise BadRequest(f'{name} is {value!r}; it must be one of {", ".join(allowed)}')
    return value


def whole(request: Request, name: str, least: int, largest: int, default: int | None = None) -> int:
    """Return an integer within limits."""
    value = text(request, name, None if default is None else str(default))
    number = int(value) if _WHOLE.fullmatch(value) else None
    if number is None or not least <= number <= largest:
        raise BadRequest(f'{name} is {value!r}; it must be an integer from {least} to {largest}')
    return number


def decimal(request: Request, name: str) -> float | None:
    """Return a finite number, or None if missing; integers as int, exactly."""
    if name not in request.query_params:
        return None
    value = text(request, name)
    if _WHOLE.fullmatch(value):
        return max(-LARGEST_NUMBER, min(int(value), LARGEST_NUMBER))
    number = float(value) if DECIMAL.fullmatch(value) else math.nan
    if not math.isfinite(number):
        raise BadRequest(f'{name} is {value!r}; it must be a number')
    return number


def tone(request: Request) -> Tone | None:
    """Return the chosen black, white and gamma; None without black or white."""
    black, white, gamma = (decimal(request, name) for name in ('black', 'white', 'gamma'))
    if black is None or white is None:
        return None
    if gamma is not None and not _GAMMAS[0] <= gamma <= _GAMMAS[1]:
        raise BadRequest(f'gamma is {gamma}; it must be from {_GAMMAS[0]} to {_GAMMAS[1]}')
    return Tone(float(black), float(white), 1.0 if gamma is None else float(gamma))


def moment(value: str, recording: Recording) -> float:
    """Parse seconds as `parse_time` does."""
    try:
        return parse_time(recording.store, value)
    except InvalidArgumentError as error:
        raise BadRequest(str(error)) from error
