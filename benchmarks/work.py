"""A measured process: does one piece of work in the environment that it is started in, and prints one line of JSON.

Usage: python work.py '{"task": "open_store", "arguments": {"path": "recording"}}'. The tasks do not know whether they
measure ours or the original: they have plain imports and the public API.
"""

from __future__ import annotations

import collections
import collections.abc
import importlib
import inspect
import json
import sys
import time
from collections.abc import Callable
from typing import Any

MODULES = (
    'beside',
    'loading',
    'bounds',
    'videos',
    'recordings',
    'writing',
    'cameras',
    'reading',
    'arrays',
    'finding',
    'limits',
    'growing',
)
"""In this order: the first four need no imgstore to import."""


def main() -> None:
    """Import what is measured, before all else and with a watch on it; then do the work."""
    request = json.loads(sys.argv[1])
    # the original writes bpk by bloscpack, which looks here for a name that Python 3.10 dropped
    collections.MutableMapping = collections.abc.MutableMapping  # type: ignore[attr-defined]
    start = time.perf_counter()
    importlib.import_module(request.get('imports', 'imgstore'))
    milliseconds = 1000 * (time.perf_counter() - start)
    json.dump({'import': milliseconds, **answer(request['task'], request['arguments'])}, sys.stdout)


def answer(task: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Run a task; return its metrics, or why it cannot run here."""
    from measuring import UnavailableError

    function = task_named(task)
    taken = inspect.signature(function).parameters
    try:
        return function(**{name: value for name, value in arguments.items() if name in taken})
    except UnavailableError as error:
        return {'unavailable': str(error)}


def task_named(name: str) -> Callable[..., dict[str, Any]]:
    """Find the function of a task."""
    modules = (importlib.import_module(module) for module in MODULES)
    function: Callable[..., dict[str, Any]] = next(getattr(module, name) for module in modules if hasattr(module, name))
    return function


if __name__ == '__main__':
    main()
