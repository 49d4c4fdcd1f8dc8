"""Conversion on a cluster, part by part."""

from __future__ import annotations

import contextlib
import dataclasses
from functools import partial

import numpy as np

from .._version import __version__
from ..frame_rate import FrameRate
from ..index.store_index import save_cache_if_large
from ..ondisk.layout import Layout
from ..stores.base import ImgStore
from ..stores.factories import new_for_filename
from .connection import check_scheduler
from .extra import copy_sensors, records_by_frame, write_records
from .frames import Progress, Recipe, check_numbers
from .history import carry_origin
from .identity import SOURCE, check_same, identity_of, refuse_open, source_changed, source_state
from .part_report import Report
from .parts import Part, PartTask, plan_image_parts, plan_video_parts
from .request import Request, given_rate, new_store, shape_and_dtype
from .result import Conversion, check_psnr, judge
from .scheduler import run_tasks
from .serial import convert_here
from .work_folder import WorkFolder


def convert_on_cluster(request: Request, scheduler: str, progress: Progress) -> Conversion:
    """Convert the parts on the cluster, then put the new store together here.

    Finished parts of an interrupted conversion are kept.
    """
    check_scheduler(scheduler)
    with new_for_filename(request.source, cache_bytes=0) as old:
        refuse_open(old)
        if not len(old):
            return convert_here(request, progress)
        with WorkFolder(request.target) as work:
            return _ClusterConversion(request, old, work).run(scheduler, progress)


class _ClusterConversion:
    """A conversion with its work folder."""

    def __init__(self, request: Request, old: ImgStore, work: WorkFolder) -> None:
        self._request, self._old, self._work = request, old, work
        self._recipe = request.recipe(old)
        self._identity = identity_of(request, self._recipe, old)
        self._records = records_by_frame(old)  # first, since damaged ones are an error
        self._parts = _plan_parts(request, old, self._recipe)
        self._told = dict.fromkeys(range(len(self._parts)), 0)

    def run(self, scheduler: str, progress: Progress) -> Conversion:
        """Convert, or continue after an interruption."""
        self._begin()
        reports = self._convert_parts(scheduler, progress)
        done = self._result(reports)
        if not self._work.is_in_place:
            if not self._work.is_assembled:
                self._assemble(reports)
            self._check_end()
            self._work.put_in_place()
        self._work.remove()
        return done

    def _begin(self) -> None:
        work = self._work
        if work.is_in_place and work.differences(self._identity):
            work.forget()
        if work.is_in_place:
            return
        self._request.check_target()
        if not work.has_parts or (self._request.overwrite and work.differences(self._identity)):
            work.begin(self._identity, self._make_template)
        else:
            check_same(work, self._identity, self._request.source)
            work.resume()

    def _make_template(self, folder: str) -> None:
        """Make an empty new store; an argument that is not allowed is an error here."""
        new_store(self._request, self._old, self._recipe, folder).close()
        carry_origin(self._old, folder, self._recipe.area)

    # --- the parts

    def _convert_parts(self, scheduler: str, progress: Progress) -> dict[Part, Report]:
        """Convert the unfinished parts, and return the reports of all."""
        reports = {part: report for part in self._parts if (report := self._work.finished(part))}
        for part, report in reports.items():
            self._accept(part, report, progress)
        rest = [part for part in self._parts if part not in reports]
        tell = partial(self._tell, progress)
        with contextlib.closing(run_tasks(scheduler, self._tasks(rest), tell)) as results:
            for task, report in results:
                self._accept(task.part, report, progress)
                reports[task.part] = report
        return reports

    def _tasks(self, parts: list[Part]) -> list[PartTask]:
        shape, dtype = shape_and_dtype(self._old, self._recipe)
        workers = 0 if self._request.workers is None else self._request.workers
        task = partial(
            PartTask,
            source=self._request.source,
            target=self._request.target,
            work=self._work.path,
            plan=self._work.plan_id,
            frame_count=len(self._old),
            recipe=self._recipe,
            shape=shape,
            dtype=np.dtype(dtype).name,
            options={**self._request.encoder, 'workers': workers},
            verify=self._request.verify,
            version=__version__,
        )
        return [task(part=part) for part in parts]

    def _accept(self, part: Part, report: Report, progress: Progress) -> None:
        """Count a finished part; FrameWriteError if a frame is too bad."""
        if report.psnrs is not None:
            worst = int(np.argmin(report.psnrs))
            check_psnr(report.psnrs[worst], part.frames[worst], self._request.target, self._request.min_psnr)
        self._tell(progress, part.number, len(part.frames) * (2 if self._request.verify else 1))

    def _tell(self, progress: Progress, part: int, count: int) -> None:
        """Call ``progress`` for the frames of a part not told before.

        After a kill, a task counts from 0 again.
        """
        while self._told[part] < count:
            self._told[part] += 1
            progress()

    def _result(self, reports: dict[Part, Report]) -> Conversion:
        ordered = [reports[part] for part in self._parts]
        done = Conversion(len(self._old))
        if self._request.verify:
            psnrs = [psnr for report in ordered for psnr in report.psnrs or ()]
            done = judge(psnrs, self._request.target, self._request.min_psnr)
        return dataclasses.replace(done, without_colors=sum(report.without_colors for report in ordered))

    # --- the new store

    def _assemble(self, reports: dict[Part, Report]) -> None:
        """Make the new store of the finished parts."""
        work, wanted = self._work, self._request.wanted
        for part in self._parts:
            work.move_chunks(part, reports[part])
        layout = Layout(work.assembly, wanted.extension, wanted.is_image_folder)
        write_records(self._old, self._records, layout, self._recipe.chunksize)
        copy_sensors(self._old, work.assembly)
        work.add_metadata()
        chunks = layout.index_stems(range(-(-len(self._old) // self._recipe.chunksize)))
        save_cache_if_large(work.assembly, chunks)
        with new_for_filename(work.assembly, cache_bytes=0) as new:
            check_numbers(self._old, new, range(len(self._old)), self._request.target)

    def _check_end(self) -> None:
        """Raise an error if original or target changed meanwhile."""
        if source_state(self._old) != self._identity[SOURCE]:
            raise source_changed(self._request.source, self._work)
        self._request.check_target()


def _plan_parts(request: Request, old: ImgStore, recipe: Recipe) -> list[Part]:
    """Plan parts of the chunks that a serial conversion would make."""
    if request.wanted.is_image_folder:
        return plan_image_parts(len(old), recipe.chunksize)
    rate = FrameRate(given_rate(request, old), old.user_metadata)
    return plan_video_parts(old.frame_times, recipe.chunksize, rate)
