"""Conversion of one part, in a process of the cluster."""

from __future__ import annotations

import contextlib
import os
import socket
import uuid

from .._support.syncing import sync
from .._version import __version__
from ..errors import StoreIOError
from ..ondisk.chunk_files import remove_tree
from ..ondisk.files import remove_folder_if_empty
from ..stores.base import ImgStore
from ..stores.factories import new_for_filename, new_for_format
from .frames import compare_frames, write_frames
from .part_report import PLAN_ID, Report, read_plan, read_report, sizes_of_chunk_files, write_report
from .parts import PartTask
from .task_progress import TaskProgress


def convert_part(task: PartTask) -> Report:
    """Write a part, compare its frames, and put it with the finished ones.

    A task may run twice at the same time, if its worker is lost for a while. So each run has a folder of its own.

    Raises
    ------
    FrameReadError
        A frame of the original cannot be read.
    FrameWriteError
        A frame cannot be written, or differs from its original.
    StoreIOError
        This worker has other files, or another imgstore.
    """
    attempt = os.path.join(task.work, f'.{task.part.name}.{uuid.uuid4().hex}')
    _check_version(task)
    _make_folder(task, attempt)
    try:
        report = _converted(task, attempt)
        write_report(attempt, report)
        return _finish(attempt, os.path.join(task.work, task.part.name), report)
    finally:
        with contextlib.suppress(OSError):
            remove_tree(attempt)
        remove_folder_if_empty(task.work)  # the conversion may have ended meanwhile


def _converted(task: PartTask, folder: str) -> Report:
    """Write the store of a part, compare it, and report."""
    frames, progress = task.part.frames, TaskProgress(task)
    with new_for_filename(task.source, cache_bytes=0) as old:  # no prefetching: each core has its own task
        _check_source(task, old)
        task.recipe.set_decoding(old)
        with _new_store(task, folder) as new:
            without_colors = write_frames(old, new, task.recipe, frames, lambda index: progress.step())
        psnrs = _compared(task, old, folder, progress) if task.verify else None
    return Report(task.plan, frames.start, frames.stop, sizes_of_chunk_files(folder), psnrs, without_colors)


def _new_store(task: PartTask, folder: str) -> ImgStore:
    recipe = task.recipe
    return new_for_format(
        recipe.fmt,
        folder,
        imgshape=task.shape,
        imgdtype=task.dtype,
        chunksize=recipe.chunksize,
        encoding=recipe.encoding,
        durability='chunk',  # an unfinished part is of no use
        fps=task.part.fps,
        **task.options,
    )


def _compared(task: PartTask, old: ImgStore, folder: str, progress: TaskProgress) -> list[float]:
    with new_for_filename(folder, cache_bytes=0) as new:
        return compare_frames(old, new, task.recipe, task.part.frames, task.target, progress.step)


def _finish(attempt: str, finished: str, report: Report) -> Report:
    """Give a part its final name, unless another run of its task was faster."""
    _check_plan(finished, report)
    try:
        os.rename(attempt, finished)
    except OSError:
        faster = read_report(finished)
        if faster is None:
            raise
        if faster.plan == report.plan:
            return faster
        remove_tree(finished)  # of an earlier conversion
        os.rename(attempt, finished)
    sync(os.path.dirname(finished))
    return report


def _check_plan(finished: str, report: Report) -> None:
    """Raise StoreIOError if the conversion has ended.

    A cluster may run its tasks on.
    """
    work = os.path.dirname(finished)
    plan = read_plan(work)
    if plan is None or plan.get(PLAN_ID) != report.plan:
        raise StoreIOError(f'{work!r} is no longer of the conversion that this task is of', path=work)


# --- is this worker the right one?


def _check_version(task: PartTask) -> None:
    if task.version != __version__:
        raise StoreIOError(
            f'the worker on {socket.gethostname()} has imgstore {__version__}, and this program {task.version}: '
            'install the same version everywhere'
        )


def _make_folder(task: PartTask, folder: str) -> None:
    try:
        os.mkdir(folder)
    except OSError as error:
        raise StoreIOError(
            f'the worker on {socket.gethostname()} cannot write in {task.work!r}: {error}; all workers need the '
            "store's folder and the new one under the same path",
            path=task.work,
        ) from error


def _check_source(task: PartTask, old: ImgStore) -> None:
    if len(old) != task.frame_count:
        raise StoreIOError(
            f'{task.source!r} has {len(old)} frames for the worker on {socket.gethostname()}, and '
            f'{task.frame_count} for this program: all workers need the same folder',
            path=task.source,
            store=task.source,
        )
