"""Folder beside a new store for the finished parts of its conversion.

=====================  ===================================================================
``plan.json``          options and state of the original, and the uuid of the new store
``000000`` …           finished parts, each with its report
``.000000.…``          parts in progress
``template``           an empty store with the new store's metadata
``store``              the new store, while finished parts are moved into it
=====================  ===================================================================

Its parts count only for the same options and an unchanged original. After a kill at any moment, the next run of the
conversion finds here, or at the target, all that was finished.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from .._support.regular_files import read_regular
from .._support.warn import warn
from ..constants import STORE_LOCK_FILENAME, STORE_MD_FILENAME
from ..errors import CorruptFileError, ImgStoreWarning, StoreIOError, StoreLockedError
from ..ondisk.chunk_files import remove_tree
from ..ondisk.files import make_folder, partial_path, remove_folder_if_empty, remove_if_there, write_atomic
from ..ondisk.layout import INDEX_EXTENSIONS, chunk_name
from ..ondisk.lock import StoreLock, is_held
from ..ondisk.metadata import load_metadata
from ..ondisk.replacing import replace_folder, room_beside
from .part_report import PLAN, PLAN_ID, REPORT, Report, read_plan, read_report
from .parts import Part

_TEMPLATE, _ASSEMBLY = 'template', 'store'
_ATTEMPTS, _BETWEEN_ATTEMPTS = 20, 0.05  # seconds


class WorkFolder:
    """The folder. Use it in a ``with`` block.

    At the end of the block it is removed, unless it has finished parts and the new store is not in place.

    Parameters
    ----------
    target : str
        Folder of the new store.

    Attributes
    ----------
    path : str
        Path of the folder.
    plan : dict or None
        Options and state of the original that the parts are for; None if there are no parts.
    assembly : str
        Where to build the new store.

    Raises
    ------
    StoreLockedError
        Another process converts to the same target.
    """

    def __init__(self, target: str) -> None:
        self.path = _path_for(target)
        self.assembly = self._inner(_ASSEMBLY)
        self._target, self._template, self._room = target, self._inner(_TEMPLATE), partial_path(target)
        self._lock = self._locked()
        self._remove_unfinished()
        self.plan, self._is_used = read_plan(self.path), False
        if self.plan is None:
            self._clear()
        self._final = [
            self.assembly,
            *([self._room] if self.is_assembled else []),
            *([target] if self.is_in_place else []),
        ]

    def _inner(self, name: str) -> str:
        return os.path.join(self.path, name)

    def _locked(self) -> StoreLock:
        path = self._inner(STORE_LOCK_FILENAME)
        if is_held(path):
            raise StoreLockedError(
                f'{self._target!r}: another process converts to it, in {self.path!r}',
                path=self._target,
                store=self._target,
            )
        try:
            os.makedirs(self.path, exist_ok=True)
            return StoreLock(path)
        except StoreIOError:
            raise
        except OSError as error:
            raise StoreIOError(f'{self.path!r} cannot be made: {error}', path=self.path) from error

    def _remove_unfinished(self) -> None:
        """Remove parts in progress.

        A task still running on the cluster fails then. Until it notices, it may add a file to a removed folder.
        """
        for _ in range(_ATTEMPTS):
            paths = [self._inner(name) for name in os.listdir(self.path) if _is_unfinished(name)]
            if not paths:
                return
            for path in paths:
                with contextlib.suppress(OSError):
                    remove_tree(path)
            time.sleep(_BETWEEN_ATTEMPTS)

    def _clear(self) -> None:
        """Remove the plan first, since without it nothing counts, then all parts."""
        self.plan = None
        remove_if_there(self._inner(PLAN))
        for name in os.listdir(self.path):
            if name != STORE_LOCK_FILENAME and not _is_unfinished(name):
                remove_tree(self._inner(name))

    # --- the plan

    def begin(self, identity: Mapping[str, Any], make_template: Callable[[str], None]) -> None:
        """Begin another conversion; ``make_template`` makes an empty new store."""
        self._clear()
        make_template(self._template)
        plan = {**identity, PLAN_ID: load_metadata(self._template).uuid}
        write_atomic(self._inner(PLAN), json.dumps(plan).encode(), sync_it=True)
        self.plan, self._is_used = plan, True

    @property
    def plan_id(self) -> str:
        """Identifier of the plan: the new store's uuid."""
        return str((self.plan or {}).get(PLAN_ID))

    def resume(self) -> None:
        """Use the finished parts."""
        self._is_used = True

    def differences(self, identity: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of the plan that are others than these, by name."""
        plan = self.plan or {}
        return {name: plan.get(name) for name, value in identity.items() if plan.get(name) != value}

    def forget(self) -> None:
        """Remove all parts: they are in a store at the target."""
        self._clear()

    # --- parts

    def finished(self, part: Part) -> Report | None:
        """Return the report of a finished part with all its files, else None."""
        report = read_report(self._inner(part.name))
        wanted = (self.plan_id, part.frames.start, part.frames.stop)
        if (
            report is not None
            and (report.plan, report.start, report.stop) == wanted
            and all(self._has(part, path, size) for path, size in report.files.items())
        ):
            return report
        remove_tree(self._inner(part.name))
        return None

    def _has(self, part: Part, path: str, size: int) -> bool:
        """Return whether a part's file is in its folder or in the new store."""
        final = [os.path.join(folder, _final_name(path, part)) for folder in self._final]
        places = [os.path.join(self._inner(part.name), path), *final]
        sizes = [os.path.getsize(place) for place in places if os.path.isfile(place)]
        grows = path.endswith(INDEX_EXTENSIONS[0])  # in the new store, by the checksum of extra data
        return any(found == size or (grows and found > size) for found in sizes)

    def move_chunks(self, part: Part, report: Report) -> None:
        """Move the chunks of a finished part into the new store.

        Those already moved stay.
        """
        make_folder(self.assembly)
        for name in report.entries:
            source = os.path.join(self._inner(part.name), name)
            if os.path.lexists(source):
                target = os.path.join(self.assembly, _final_name(name, part))
                remove_tree(target)
                os.rename(source, target)

    def add_metadata(self) -> None:
        """Make a store of the moved chunks."""
        content = read_regular(os.path.join(self._template, STORE_MD_FILENAME))
        write_atomic(os.path.join(self.assembly, STORE_MD_FILENAME), content)

    @property
    def has_parts(self) -> bool:
        """Whether there is something to continue with."""
        if self.plan is None:
            return False
        names = os.listdir(self.path)
        return self.is_assembled or any(os.path.isfile(os.path.join(self._inner(name), REPORT)) for name in names)

    # --- the new store

    @property
    def is_assembled(self) -> bool:
        """Whether the complete new store waits for its place beside the target."""
        return self._is_ours(self._room)

    @property
    def is_in_place(self) -> bool:
        """Whether the new store is at the target."""
        return self._is_ours(self._target)

    def _is_ours(self, folder: str) -> bool:
        with contextlib.suppress(CorruptFileError, OSError):
            return self.plan is not None and load_metadata(folder).uuid == self.plan_id
        return False

    def put_in_place(self) -> None:
        """Put the complete new store at the target, and sync it to the disk."""
        if not self.is_assembled:
            room_beside(self._target)
            os.rename(self.assembly, self._room)
        replace_folder(self._room, self._target)

    def remove(self) -> None:
        """Remove the folder, and what is left of a replaced store."""
        room_beside(self._target)
        self._clear()

    # --- the end of the block

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._remove_unfinished()
        stays = self.has_parts
        if not stays:
            shutil.rmtree(self.path, ignore_errors=True)
        elif error is not None and self._is_used:
            stopped = 'interrupted; ' if isinstance(error, KeyboardInterrupt) else ''
            error.add_note(f'{stopped}finished parts are in {self.path!r}; run again to continue')
        self._lock.release()
        if not stays:
            remove_folder_if_empty(self.path)


def warn_of_parts(target: str) -> None:
    """Warn of finished parts that a conversion in one process does not use."""
    path = _path_for(target)
    if os.path.isfile(os.path.join(path, PLAN)):
        warn(
            ImgStoreWarning(
                f'{path!r} has finished parts of a conversion with a scheduler, which are not used: '
                'convert with a scheduler to continue that, or remove this folder'
            )
        )


def _path_for(target: str) -> str:
    folder, name = os.path.split(target)
    return os.path.join(folder, f'.{name}.converting')


def _is_unfinished(name: str) -> bool:
    return name.startswith('.') and name != STORE_LOCK_FILENAME


def _final_name(path: str, part: Part) -> str:
    """Return the path in the new store of a file or folder of a part."""
    name, separator, rest = path.partition(os.sep)
    stem, dot, extension = name.partition('.')
    return chunk_name(int(stem) + part.first_chunk) + dot + extension + separator + rest
