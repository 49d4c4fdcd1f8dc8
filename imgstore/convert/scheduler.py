"""Running tasks with Dask."""

from __future__ import annotations

import contextlib
import logging
import uuid
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import CancelledError
from typing import Any

from .._support.cpu import CORES
from ..errors import InvalidArgumentError, MissingDependencyError, StoreIOError
from .part_report import Report
from .part_task import convert_part
from .parts import PartTask

LOCAL = 'local'


def check_scheduler(scheduler: object) -> None:
    """Raise an error if there is no Dask, or if this is no address."""
    _distributed()
    if not isinstance(scheduler, str) or not scheduler:
        raise InvalidArgumentError(
            f"scheduler is {scheduler!r}; it must be 'local' or an address such as 'tcp://10.0.0.1:8786'",
            argument='scheduler',
        )


def _distributed() -> Any:
    """Import Dask's scheduler, most of whose functions have no type hints."""
    try:
        import distributed
    except ImportError as error:
        raise MissingDependencyError.for_extra('a conversion on a cluster needs dask', 'distributed', 'dask') from error
    return distributed


def run_tasks(scheduler: str, tasks: Sequence[PartTask]) -> Generator[tuple[PartTask, Report], None, None]:
    """Run tasks on a cluster and yield their reports as they finish.

    Dask runs a task again if its worker dies.

    Raises
    ------
    ImgStoreError
        The error of a task. The others are cancelled.
    """
    if not tasks:
        return
    with _client(scheduler, len(tasks)) as client:
        run = uuid.uuid4().hex
        keys = [f'imgstore-convert-{run}-{task.part.name}' for task in tasks]
        futures = client.map(convert_part, tasks, key=keys, pure=False)
        try:
            yield from _results(client, dict(zip(futures, tasks, strict=True)))
        finally:
            client.cancel(futures)


def _results(client: Any, tasks: dict[Any, PartTask]) -> Iterator[tuple[PartTask, Report]]:
    distributed = _distributed()
    for future in distributed.as_completed(tasks, loop=client.loop):
        task = tasks[future]
        try:
            yield task, future.result()
        except distributed.KilledWorker as error:
            raise StoreIOError(
                f'{task.source!r}: the workers that converted {task.part} died, the last was '
                f'{error.last_worker.address}; is there enough memory?',
                store=task.source,
                path=task.source,
            ) from error
        except CancelledError as error:
            raise StoreIOError(f'the scheduler {client.scheduler.address!r} lost the tasks; is it running?') from error


@contextlib.contextmanager
def _client(scheduler: str, most: int) -> Iterator[Any]:
    """Connect to a scheduler, or start one for at most so many tasks."""
    distributed = _distributed()
    if scheduler == LOCAL:
        with (
            distributed.LocalCluster(
                n_workers=min(CORES, most),
                threads_per_worker=1,
                dashboard_address=':0',  # any free port
                memory_limit=0,
                silence_logs=logging.CRITICAL,  # errors reach the caller
            ) as cluster,
            distributed.Client(cluster, set_as_default=False) as client,
        ):
            yield client
    else:
        with _connected(lambda: distributed.Client(scheduler, set_as_default=False), scheduler) as client:
            yield client


def _connected(connect: Callable[[], Any], scheduler: str) -> Any:
    try:
        return connect()
    except (OSError, ValueError) as error:
        raise InvalidArgumentError(
            f'scheduler is {scheduler!r}, and no scheduler answers there: {error}', argument='scheduler'
        ) from error
