"""Conversion in this process, frame after frame."""

from __future__ import annotations

import dataclasses
import shutil

from ..ondisk.replacing import replace_folder, room_beside
from ..stores.base import ImgStore
from ..stores.factories import new_for_filename
from .extra import BEFORE_FRAMES, add_records, copy_sensors, records_by_frame
from .frames import Progress, Recipe, compare_frames, write_frames
from .history import carry_origin
from .request import Request, new_store
from .result import Conversion, judge
from .work_folder import warn_of_parts


def convert_here(request: Request, progress: Progress) -> Conversion:
    """Write and compare all frames, then put the new store in place."""
    request.check_target()
    warn_of_parts(request.target)
    temporary = room_beside(request.target)
    try:
        with new_for_filename(request.source) as old:
            recipe = request.recipe(old)
            without_colors = _write(request, old, recipe, temporary, progress)
            done = _compared(request, old, recipe, temporary, progress) if request.verify else Conversion(len(old))
        replace_folder(temporary, request.target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return dataclasses.replace(done, without_colors=without_colors)


def _write(request: Request, old: ImgStore, recipe: Recipe, folder: str, progress: Progress) -> int:
    """Write the new store and return how many frames lost their colours."""
    records = records_by_frame(old)
    with new_store(request, old, recipe, folder) as new:

        def after(index: int) -> None:
            add_records(new, records[index])
            progress()

        add_records(new, records[BEFORE_FRAMES])
        without_colors = write_frames(old, new, recipe, range(len(old.frame_numbers)), after)
    copy_sensors(old, folder)
    carry_origin(old, folder, recipe.area)
    return without_colors


def _compared(request: Request, old: ImgStore, recipe: Recipe, folder: str, progress: Progress) -> Conversion:
    with new_for_filename(folder) as new:
        psnrs = compare_frames(old, new, recipe, range(len(old)), request.target, progress)
    return judge(psnrs, request.target, request.min_psnr)
