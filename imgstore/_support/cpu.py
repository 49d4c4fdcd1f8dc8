"""Number of usable cores, and number of threads of one kind."""

from __future__ import annotations

import os

CORES = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
THREADS = min(CORES, 4)
