"""What tasks need: cores, memory, and a way to say that something cannot be measured here."""

from __future__ import annotations

import os
from pathlib import Path

CORES = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1

_STATUS = Path('/proc/self/status')


class UnavailableError(Exception):
    """This environment cannot do the work; the message says what it lacks."""


def warm_cache(folder: str) -> None:
    """Read all files once, since they may have been dropped from the system's cache after they were written."""
    files = {path.stat().st_ino: path for path in Path(folder).iterdir()}  # one of those that are linked
    for path in files.values():
        with path.open('rb', buffering=0) as file:
            while file.read(2**20):
                pass


def warm_memory(folder: str, size: int) -> None:
    """Write so many bytes and remove them: a virtual machine is slow to give its system memory that it did not have."""
    path, block = Path(folder, 'warming-up'), bytes(2**22)
    with path.open('wb') as file:
        for _ in range(size // len(block) + 1):
            file.write(block)
    path.unlink()


def peak_memory() -> float:
    """Return the peak resident memory in MB; nan except on Linux."""
    return _field('VmHWM')


def memory() -> float:
    """MB that are resident now."""
    return _field('VmRSS')


def _field(name: str) -> float:
    if not _STATUS.exists():
        return float('nan')
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024
