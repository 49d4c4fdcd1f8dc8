"""What is shared among threads."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

_Arguments = ParamSpec('_Arguments')
_Result = TypeVar('_Result')


class _Locked(Protocol):
    @property
    def lock(self) -> Any: ...


_Owner = TypeVar('_Owner', bound=_Locked)


def one_at_a_time(method: Callable[Concatenate[_Owner, _Arguments], _Result]
                  ) -> Callable[Concatenate[_Owner, _Arguments], _Result]:
    """Hold the object's ``lock`` while the method runs."""
    @functools.wraps(method)
    def locked(self: _Owner, /, *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        with self.lock:
            return method(self, *args, **kwargs)
    return locked
