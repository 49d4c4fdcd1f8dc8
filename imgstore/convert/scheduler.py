"""Running tasks with Dask."""

from __future__ import annotations

import contextlib
import logging
import signal
import uuid
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import CancelledError
from multiprocessing import resource_tracker
from queue import SimpleQueue
from typing import Any

from .._support.cpu import CORES
from ..errors import InvalidArgumentError, MissingDependencyError, StoreIOError
from .part_report import Report
from .part_task import convert_part
from .parts import PartTask
from .task_progress import part_and_count, topic_of

LOCAL = 'local'

Tell = Callable[[int, int], object]


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


def run_tasks(scheduler: str, tasks: Sequence[PartTask], tell: Tell) -> Generator[tuple[PartTask, Report], None, None]:
    """Run tasks on a cluster and yield their reports as they finish.

    Dask runs a task again if its worker dies. Meanwhile, ``tell`` gets the number of a part and the frames counted.

    Raises
    ------
    ImgStoreError
        The error of a task. The others are cancelled.
    """
    if not tasks:
        return
    with _client(scheduler, len(tasks)) as client:
        events: SimpleQueue[Any] = SimpleQueue()
        client.subscribe_topic(topic_of(tasks[0]), events.put)
        run = uuid.uuid4().hex
        keys = [f'imgstore-convert-{run}-{task.part.name}' for task in tasks]
        futures = client.map(convert_part, tasks, key=keys, pure=False)
        try:
            for future in futures:
                future.add_done_callback(events.put)
            yield from _results(client, dict(zip(futures, tasks, strict=True)), events, tell)
        finally:
            client.cancel(futures)


def _results(
    client: Any, running: dict[Any, PartTask], events: SimpleQueue[Any], tell: Tell
) -> Iterator[tuple[PartTask, Report]]:
    """Wait for events: a finished task, or the progress of one."""
    while running:
        event = events.get()
        if isinstance(event, tuple):
            tell(*part_and_count(event))
        else:
            task = running.pop(event)
            yield task, _result(client, event, task)


def _result(client: Any, future: Any, task: PartTask) -> Report:
    try:
        report: Report = future.result()
    except _distributed().KilledWorker as error:
        raise StoreIOError(
            f'{task.source!r}: the workers that converted {task.part} died, the last was '
            f'{error.last_worker.address}; is there enough memory?',
            store=task.source,
            path=task.source,
        ) from error
    except CancelledError as error:
        raise StoreIOError(f'the scheduler {client.scheduler.address!r} lost the tasks; is it running?') from error
    return report


@contextlib.contextmanager
def _client(scheduler: str, most: int) -> Iterator[Any]:
    """Connect to a scheduler, or start one for at most so many tasks."""
    distributed = _distributed()
    with contextlib.ExitStack() as closing:
        address: Any = closing.enter_context(_started(min(CORES, most))) if scheduler == LOCAL else scheduler
        try:
            client = distributed.Client(address, set_as_default=False)
        except (OSError, ValueError) as error:
            raise InvalidArgumentError(
                f'scheduler is {scheduler!r}, and no scheduler answers there: {error}', argument='scheduler'
            ) from error
        yield closing.enter_context(client)


def _started(count: int) -> Any:
    """Start a scheduler and so many processes with one thread each."""
    distributed = _distributed()
    try:
        with _without_interrupts():
            return distributed.LocalCluster(
                n_workers=count,
                threads_per_worker=1,
                dashboard_address=':0',  # any free port
                memory_limit=0,
                silence_logs=logging.CRITICAL,  # errors reach the caller
            )
    except (OSError, RuntimeError) as error:
        raise StoreIOError(f'{count} worker processes could not be started: {error.__cause__ or error}') from error


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Let Ctrl-C wait.

    Threads and processes that are started meanwhile never get it, so they end when this program ends them.
    """
    if not hasattr(signal, 'pthread_sigmask'):
        yield
        return
    resource_tracker.ensure_running()  # its start would let interrupts through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
