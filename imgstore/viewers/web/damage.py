"""Damage of a recording, as the list of recordings has it."""

from __future__ import annotations

import threading

from ...overview.listing import each_store
from ...remote.urls import is_url

READING = threading.Lock()
"""Held while warnings are caught: only one thread may."""


def damage_of(path: str) -> str:
    """Return what is damaged in a store, or ''; it is unknown at a URL."""
    if is_url(path):
        return ''
    with READING:
        row = next(each_store(path), None)
    return row.problem or '' if row and row.state == 'damaged' else ''
