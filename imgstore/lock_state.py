"""Whether a writer has a store open, found out without disturbing it."""

from __future__ import annotations

import os
import sys


def lock_state(path: str) -> str:
    """Look at a lock file.

    Returns
    -------
    str
        'none': there is no such file; 'held': a writer holds it; 'left': its writer is gone.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return 'none'
    except PermissionError:
        return 'held'
    try:
        return 'held' if _is_held(descriptor) else 'left'
    finally:
        os.close(descriptor)


def _is_held(descriptor: int) -> bool:
    try:
        if sys.platform == 'win32':
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)  # given back when the file is closed
    except (BlockingIOError, PermissionError):
        return True
    except OSError:  # a file system without locks, where the file alone tells
        return True
    return False
