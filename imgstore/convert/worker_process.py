"""Setup of a worker process that a conversion starts on this machine."""

from __future__ import annotations

import signal


def dask_setup(worker: object) -> None:
    """Leave Ctrl-C to the program that started the worker; Dask calls this."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
