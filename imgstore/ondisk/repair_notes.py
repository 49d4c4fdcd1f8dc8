"""Notes of repairs in metadata.yaml, so that a crash stays known."""

from __future__ import annotations

import contextlib
import datetime
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .._support.regular_files import read_regular
from .._support.yaml import dump_yaml
from ..constants import STORE_MD_FILENAME, STORE_MD_KEY
from .files import write_atomic
from .metadata import StoreMetadata, load_metadata, metadata_bytes, with_store_keys

_KEY = 'repairs'
_OUR_PART = re.compile(rb'(?m)^' + STORE_MD_KEY.encode() + rb':\n(?:[ -].*\n|\n)*\Z')


@dataclass(frozen=True)
class RepairNote:
    """A repair of a store.

    Attributes
    ----------
    utc : str
        When, in ISO 8601 format without offset.
    found : str
        What was wrong, for people.
    chunks : tuple of int
        Numbers of the completed chunks.
    frames : int
        Number of frames in them.
    lost : int
        Number of added frames that could not be read.
    """

    utc: str
    found: str
    chunks: tuple[int, ...] = ()
    frames: int = 0
    lost: int = 0

    def __str__(self) -> str:
        lost = f', {self.lost} lost' if self.lost else ''
        return f'repaired at {self.utc[:19].replace("T", " ")} UTC: {self.found}; {self.frames} frames completed{lost}'


def new_note(found: str, chunks: tuple[int, ...], frames: int, lost: int) -> RepairNote:
    """Return a note of a repair that is made now."""
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None, microsecond=0)
    return RepairNote(now.isoformat(), found, chunks, frames, lost)


def repair_notes(metadata: StoreMetadata) -> tuple[RepairNote, ...]:
    """Return the repairs of a store, in order."""
    kept = metadata.store.get(_KEY)
    found = (_as_note(each) for each in (kept if isinstance(kept, list) else []))
    return tuple(note for note in found if note is not None)


def _as_note(entry: object) -> RepairNote | None:
    with contextlib.suppress(TypeError, ValueError, KeyError):
        if isinstance(entry, Mapping):
            chunks = tuple(int(number) for number in entry['chunks'])
            return RepairNote(str(entry['utc']), str(entry['found']), chunks, int(entry['frames']), int(entry['lost']))
    return None


def add_repair_note(basedir: str, note: RepairNote) -> None:
    """Write a note into metadata.yaml.

    Its other lines stay as they are where that is possible.
    """
    path, metadata = os.path.join(basedir, STORE_MD_FILENAME), load_metadata(basedir)
    entry: dict[str, Any] = {**asdict(note), 'chunks': list(note.chunks)}
    kept = metadata.store.get(_KEY)
    changed = with_store_keys(metadata, {_KEY: [*(kept if isinstance(kept, list) else []), entry]})
    if not os.path.islink(path):
        write_atomic(path, _content(read_regular(path), changed), sync_it=True)


def _content(before: bytes, changed: StoreMetadata) -> bytes:
    """Return the new content, with the user's lines and comments as they were."""
    part = _OUR_PART.search(before)
    if part is None:
        return metadata_bytes(changed)
    return before[: part.start()] + dump_yaml({STORE_MD_KEY: changed.store})
