"""What an error or a warning is: its class and its attributes, and not its text."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


@contextmanager
def raises(kind: type[BaseException] | tuple[type[BaseException], ...], **fields: Any) -> Iterator[Any]:
    """An error of that class with those attributes; ``file`` is the name of the file in its ``path``."""
    __tracebackhide__ = True
    with pytest.raises(kind) as caught:
        yield caught
    check(caught.value, fields)


@contextmanager
def warns(kind: type[Warning], **fields: Any) -> Iterator[Any]:
    """Warnings of that class, each with those attributes."""
    __tracebackhide__ = True
    with pytest.warns(kind) as caught:
        yield caught
    for warning in caught:
        if isinstance(warning.message, kind):
            check(warning.message, fields)


def check(told: Any, fields: dict[str, Any]) -> None:
    """Compare attributes."""
    __tracebackhide__ = True
    found = {name: os.path.basename(told.path or '') if name == 'file' else getattr(told, name) for name in fields}
    assert found == fields, str(told)
