"""The lock of a store: a file that is there while a writer is, and held so that a dead writer's can be told."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import time

from .._support.forking import fork_lock, register_fork_handler
from .._support.regular_files import open_regular
from ..errors import StoreIOError, StoreLockedError

_ATTEMPTS, _BETWEEN_ATTEMPTS = 5, 0.02  # seconds


def _hold(descriptor: int, shared: bool = False) -> bool:
    """Take the operating system's lock on an open file, which ends with the process that holds it."""
    try:
        if sys.platform == 'win32':
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # a file system without locks, where one writer cannot tell of another
        return True
    return True


def is_held(path: str) -> bool:
    """Whether a living writer holds a lock file; of one on a file system without locks that is not known: False."""
    with fork_lock:  # or the child would hold it too
        try:
            file = open_regular(path, buffering=0)
        except OSError:
            return False
        with file:
            return not _hold(file.fileno(), shared=True)


def lock_state(path: str) -> str:
    """Look at a lock file without disturbing its writer.

    Returns
    -------
    str
        'none': there is no such file; 'held': a writer holds it; 'left': its writer is gone.
    """
    if not os.path.exists(path):
        return 'none'
    return 'held' if is_held(path) else 'left'


def _is_there(path: str) -> bool:
    """Whether there is a lock file; StoreIOError where it is something else, which may never let go who opens it."""
    try:
        mode = os.stat(path).st_mode
    except OSError:  # there is none, or another writer has just removed it
        return False
    if not stat.S_ISREG(mode):
        raise StoreIOError(f'{path} is not a regular file, so it cannot be the lock of a store; remove it', path=path)
    return True


class StoreLock:
    """Makes this process the one writer of a store, until `release`.

    Parameters
    ----------
    path : str
        Of the lock file.

    Attributes
    ----------
    was_left : bool
        The file was there already and nobody held it: its writer is gone.

    Raises
    ------
    StoreLockedError
        Another writer holds it.
    StoreIOError
        Something else than a file has its name.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self.was_left = _is_there(path)
        with fork_lock:
            self._descriptor: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            register_fork_handler(self, StoreLock.leave_to_parent)
        if not self._hold_patiently() or not self._is_ours():
            self.leave_to_parent()
            raise StoreLockedError(f'{os.path.dirname(path)!r} is open in another writer, which holds {path}',
                                   path=path, store=os.path.dirname(path))

    def _hold_patiently(self) -> bool:
        """Take the lock, past readers that look whether it is held."""
        assert self._descriptor is not None
        for _ in range(_ATTEMPTS):
            if _hold(self._descriptor):
                return True
            time.sleep(_BETWEEN_ATTEMPTS)
        return False

    def _is_ours(self) -> bool:
        """False where another writer removed the file between our opening and our locking it."""
        assert self._descriptor is not None
        try:
            return os.path.samestat(os.fstat(self._descriptor), os.stat(self._path))
        except OSError:
            return False

    def __del__(self) -> None:
        """Let go: an interrupt may come before anyone owns the lock."""
        if getattr(self, '_descriptor', None) is not None:
            self.leave_to_parent()

    def leave_to_parent(self) -> None:
        """In a forked child, which would hold the lock for its parent as long as it has the file open."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def release(self) -> None:
        """Remove the file and let go."""
        if self._descriptor is None:
            return
        another = not self._is_ours()  # whoever removed the folder may have made a new store there
        descriptor, self._descriptor = self._descriptor, None
        removed = another or (sys.platform != 'win32' and self._is_removed())
        os.close(descriptor)
        if not removed:
            self._is_removed()

    def _is_removed(self) -> bool:
        with contextlib.suppress(OSError):
            os.unlink(self._path)
            return True
        return False
