"""How many cores this process may use, and how many threads of one kind it starts."""

from __future__ import annotations

import os

CORES = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
THREADS = min(CORES, 4)
