"""Lock of a store: a file held by its writer while it lives."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import time
from collections.abc import Iterator

from .._support.forking import fork_lock, register_fork_handler
from .._support.regular_files import open_regular
from ..constants import STORE_LOCK_FILENAME
from ..errors import StoreIOError, StoreLockedError

_ATTEMPTS, _BETWEEN_ATTEMPTS = 5, 0.02  # seconds


def _hold(descriptor: int, shared: bool = False) -> bool:
    """Take the operating system's lock on an open file; it ends with the process."""
    try:
        if sys.platform == 'win32':
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # a file system without locks: other writers are not noticed
        return True
    return True


def is_held(path: str) -> bool:
    """Return whether a living writer holds a lock file.

    On a file system without locks that is unknown: False.
    """
    with fork_lock:  # a child must not hold it, too
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
        'none': no lock file; 'held': held by a writer; 'left': left by a dead writer.
    """
    if not os.path.exists(path):
        return 'none'
    return 'held' if is_held(path) else 'left'


def _is_there(path: str) -> bool:
    """Return whether there is a lock file.

    Raise StoreIOError if it is no regular file.

    Opening another kind of file may block.
    """
    try:
        mode = os.stat(path).st_mode
    except OSError:  # missing, or just removed by another writer
        return False
    if not stat.S_ISREG(mode):
        raise StoreIOError(f'{path} is not a regular file, so it cannot be the lock of a store: remove it', path=path)
    return True


class StoreLock:
    """Makes this process the only writer of a store, until `release`.

    Parameters
    ----------
    path : str
        Path of the lock file.

    Attributes
    ----------
    was_left : bool
        Whether the file existed without a holder: its writer is dead.

    Raises
    ------
    StoreLockedError
        Another writer holds it.
    StoreIOError
        Something other than a file has its name.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self.was_left = _is_there(path)
        with fork_lock:
            self._descriptor: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            register_fork_handler(self, StoreLock.leave_to_parent)
        if not self._hold_patiently() or not self._is_ours():
            self.leave_to_parent()
            raise StoreLockedError(
                f'{os.path.dirname(path)!r} is open in another writer, which holds {path}',
                path=path,
                store=os.path.dirname(path),
            )

    def _hold_patiently(self) -> bool:
        """Take the lock, with retries while readers test it."""
        assert self._descriptor is not None
        for _ in range(_ATTEMPTS):
            if _hold(self._descriptor):
                return True
            time.sleep(_BETWEEN_ATTEMPTS)
        return False

    def _is_ours(self) -> bool:
        """Return whether the locked file still exists, not removed by another writer."""
        assert self._descriptor is not None
        try:
            return os.path.samestat(os.fstat(self._descriptor), os.stat(self._path))
        except OSError:
            return False

    def __del__(self) -> None:
        """Release the lock: an interrupt may come before anyone owns it."""
        if getattr(self, '_descriptor', None) is not None:
            self.leave_to_parent()

    def leave_to_parent(self) -> None:
        """Close the file in a forked child, which would hold the lock for its parent."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def release(self) -> None:
        """Remove the file and release the lock."""
        if self._descriptor is None:
            return
        another = not self._is_ours()  # after a removal there may be a new store
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


@contextlib.contextmanager
def locked(basedir: str) -> Iterator[None]:
    """Hold the lock of a store in a ``with`` block; StoreLockedError."""
    lock = StoreLock(os.path.join(basedir, STORE_LOCK_FILENAME))
    try:
        yield
    finally:
        lock.release()
