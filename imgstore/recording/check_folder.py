"""The temporary folder of a check, on the disk of a set-up."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator

from ..errors import CorruptFileError, InvalidArgumentError, StoreIOError
from ..ondisk.lock import StoreLock, is_held

_PREFIX, _LOCK = '.imgstore-check-', '.lock'
_NEW = 60.0  # seconds in which another check may not have its lock yet


@contextlib.contextmanager
def check_folder_in(disk: str) -> Iterator[str]:
    """Make a temporary folder for a check; remove those of killed checks.

    Raises
    ------
    StoreIOError
        The folder cannot be written to, such as on a full disk.
    """
    _remove_left_over(disk)
    try:
        with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=disk, ignore_cleanup_errors=True) as place:
            lock = StoreLock(os.path.join(place, _LOCK))
            try:
                yield place
            finally:
                lock.release()
    except (CorruptFileError, InvalidArgumentError):
        raise
    except OSError as error:
        why = getattr(error.__cause__ or error, 'strerror', None) or error
        raise StoreIOError(
            f'{disk!r} cannot be written to: {why}; free some room there, or give another folder', path=disk
        ) from error


def _remove_left_over(disk: str) -> None:
    """Remove the folders of checks whose process has ended."""
    with contextlib.suppress(OSError), os.scandir(disk) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX) and entry.is_dir(follow_symlinks=False) and _is_left_over(entry.path):
                shutil.rmtree(entry.path, ignore_errors=True)


def _is_left_over(folder: str) -> bool:
    lock = os.path.join(folder, _LOCK)
    if os.path.exists(lock):
        return not is_held(lock)
    with contextlib.suppress(OSError):
        return time.time() - os.stat(folder).st_mtime > _NEW
    return False
