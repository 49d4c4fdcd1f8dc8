"""Running tasks with Dask."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor, wait
from queue import Empty, SimpleQueue
from typing import Any

from ..errors import StoreIOError
from . import worker_watch
from .connection import connected, import_distributed
from .part_report import Report
from .part_task import convert_part
from .parts import PartTask
from .task_progress import part_and_count, topic_of

Tell = Callable[[int, int], object]


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
    with connected(scheduler, len(tasks)) as client, ThreadPoolExecutor(1) as waiting:
        events: SimpleQueue[Any] = SimpleQueue()
        client.subscribe_topic(topic_of(tasks[0]), events.put)
        run = uuid.uuid4().hex
        keys = [f'imgstore-convert-{run}-{task.part.name}' for task in tasks]
        futures = client.map(convert_part, tasks, key=keys, pure=False)
        try:
            for future in futures:
                future.add_done_callback(events.put)
            running = dict(zip(futures, tasks, strict=True))
            yield from _results(client, waiting, running, events, tell)
        finally:
            client.cancel(futures)


def _results(
    client: Any, waiting: Executor, running: dict[Any, PartTask], events: SimpleQueue[Any], tell: Tell
) -> Iterator[tuple[PartTask, Report]]:
    """Wait for events: a finished task, or the progress of one."""
    watch = worker_watch.WorkerWatch(client)
    while running:
        try:
            event = events.get(timeout=worker_watch.LOOK_EVERY)
        except Empty:
            watch.check(next(iter(running.values())))
            continue
        if isinstance(event, tuple):
            tell(*part_and_count(event))
        else:
            task = running.pop(event)
            yield task, _result(client, waiting.submit(event.result), task, watch)


def _result(client: Any, future: Future[Report], task: PartTask, watch: worker_watch.WorkerWatch) -> Report:
    try:
        report = _report(future, task, watch)
    except import_distributed().KilledWorker as error:
        raise StoreIOError(
            f'{task.source!r}: the workers that converted {task.part} died, the last was '
            f'{error.last_worker.address}; is there enough memory? Convert again to continue',
            store=task.source,
            path=task.source,
        ) from error
    except CancelledError as error:
        raise StoreIOError(f'the scheduler {client.scheduler.address!r} lost the tasks; is it running?') from error
    return report


def _report(future: Future[Report], task: PartTask, watch: worker_watch.WorkerWatch) -> Report:
    """Wait for the report of a finished task.

    Dask runs the task again if its worker dies before giving the report.
    """
    while not wait([future], worker_watch.LOOK_EVERY).done:
        watch.check(task)
    return future.result()
