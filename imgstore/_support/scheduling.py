"""How the system schedules the threads of this process."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

_THREADS = '/proc/self/task'


@contextlib.contextmanager
def same_scheduling() -> Iterator[None]:
    """Undo real-time scheduling of threads by a library.

    It may set that for the caller's thread and for those it starts. Such threads could take all the time of a machine
    from the other cameras and from the disk.
    """
    if sys.platform != 'linux':
        yield
        return
    before = _policies()
    try:
        yield
    finally:
        for thread, policy in _policies().items():
            old = before.get(thread, os.SCHED_OTHER)
            if _is_real_time(policy) and not _is_real_time(old):
                with contextlib.suppress(ProcessLookupError):  # it has ended
                    os.sched_setscheduler(thread, old, os.sched_param(0))


def _policies() -> dict[int, int]:
    """Return the scheduling policy of each thread, by its number."""
    found = {}
    for thread in map(int, os.listdir(_THREADS)):
        with contextlib.suppress(ProcessLookupError):
            found[thread] = os.sched_getscheduler(thread)
    return found


def _is_real_time(policy: int) -> bool:
    return policy & ~os.SCHED_RESET_ON_FORK in (os.SCHED_FIFO, os.SCHED_RR)
