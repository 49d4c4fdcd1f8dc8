"""Metadata of a converted store: its history, and the original's creation."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

from .._support.text import without_surrogates
from .._version import __version__
from ..ondisk.metadata import load_metadata, save_metadata
from ..stores.base import ImgStore

HISTORY = 'imgstore_history'
"""Key in the user's metadata for the history of a converted store."""


def metadata_with_history(old: ImgStore) -> dict[Any, Any]:
    """Return the user's metadata with one more entry of its history."""
    user = without_surrogates(old.user_metadata)
    earlier = user.get(HISTORY)
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    entry = {
        'uuid': old.uuid,
        'format': old.format,
        **_creation(old),
        'converted_utc': now.isoformat(),
        'converted_by': f'imgstore {__version__}',
    }
    return {**user, HISTORY: [*(earlier if isinstance(earlier, list) else []), entry]}


def carry_creation(old: ImgStore, folder: str) -> None:
    """Write the original's time of creation and time zone into the new metadata."""
    metadata = load_metadata(folder)
    save_metadata(folder, dataclasses.replace(metadata, store={**metadata.store, **_creation(old)}))


def _creation(old: ImgStore) -> dict[str, str]:
    created, zone = old.created
    return {'created_utc': created.replace(tzinfo=None).isoformat(), 'timezone_local': str(zone)}
