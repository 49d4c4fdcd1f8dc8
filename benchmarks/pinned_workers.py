"""A cluster of dask on this machine, with one core for each worker."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def pinned_workers(count: int) -> Iterator[Any]:
    """Start so many processes with one thread each, and yield their client."""
    from distributed import Client, LocalCluster

    options: dict[str, Any] = {'threads_per_worker': 1, 'dashboard_address': ':0', 'memory_limit': 0}
    with LocalCluster(n_workers=count, **options) as cluster, Client(cluster) as client:
        cores = sorted(os.sched_getaffinity(0))
        for core, worker in zip(cores, client.scheduler_info()['workers'], strict=False):
            client.run(os.sched_setaffinity, 0, {core}, workers=[worker])  # before it imports imgstore
        yield client
