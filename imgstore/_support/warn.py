"""Warnings at the line of the user's program."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import warnings
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, ParamSpec, TypeVar

_Arguments = ParamSpec('_Arguments')
_Result = TypeVar('_Result')

_PACKAGE = os.path.join(os.path.dirname(os.path.dirname(__file__)), '')
_TESTS = os.path.join(_PACKAGE, 'tests', '')  # in an installed package
_IMPORTING = '<frozen importlib._bootstrap>'
"""File name of the import system's frames, which look up a name again for ``from … import``."""

_BETWEEN = (contextlib.__file__, functools.__file__)
"""Modules between two functions of the package."""


def warn(warning: Warning) -> None:
    """Issue a warning at the first stack frame outside the package.

    A fixed ``stacklevel`` would break when a function is split, or with another Python.
    """
    frame = sys._getframe(1)
    while _is_ours(frame) and frame.f_back is not None:
        frame = frame.f_back
    seen = frame.f_globals.setdefault('__warningregistry__', {})
    warnings.warn_explicit(
        warning, type(warning), frame.f_code.co_filename, frame.f_lineno, frame.f_globals.get('__name__'), seen
    )


def _is_ours(frame: FrameType) -> bool:
    path = frame.f_code.co_filename
    return path in _BETWEEN or (path.startswith(_PACKAGE) and not path.startswith(_TESTS))


def renamed_keyword(old: str, new: str) -> Callable[[Callable[_Arguments, _Result]], Callable[_Arguments, _Result]]:
    """Decorate a function to accept a keyword's old name, with a warning."""

    def renamed(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
        @functools.wraps(function)
        def called(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
            if old in kwargs:
                if new in kwargs:
                    raise TypeError(
                        f'{function.__name__}() got both {new!r} and its old name {old!r}; use only {new!r}'
                    )
                warn(DeprecationWarning(f'{function.__name__}({old}=) is deprecated; use {new}='))
                kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return called

    return renamed


def renamed_names(module: str, names: Mapping[str, str]) -> Callable[[str], object]:
    """Create a module's ``__getattr__`` for old names, with a DeprecationWarning.

    Parameters
    ----------
    module : str
        The module's ``__name__``.
    names : mapping of str to str
        New names by old names.
    """

    def by_old_name(name: str) -> object:
        if name not in names:
            raise AttributeError(f'module {module!r} has no attribute {name!r}')
        if sys._getframe(1).f_code.co_filename != _IMPORTING:
            warn(DeprecationWarning(f'{module}.{name} is deprecated; use {names[name]}'))
        return getattr(sys.modules[module], names[name])

    return by_old_name


class OldName:
    """Old name of a class's method or property; using it warns.

    Parameters
    ----------
    new : str
        The new name.
    """

    def __init__(self, new: str) -> None:
        self._new = new

    def __set_name__(self, owner: type, name: str) -> None:
        self._old = f'{owner.__name__}.{name}'

    def __get__(self, instance: object, owner: type) -> Any:
        warn(DeprecationWarning(f'{self._old} is deprecated; write {self._new}'))
        return getattr(owner if instance is None else instance, self._new)
