"""Report of a finished part: its files, and how its frames compare."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from typing import Any

from .._support.regular_files import read_regular
from ..ondisk.chunk_files import find_chunk_files
from ..ondisk.files import write_atomic

PLAN, REPORT = 'plan.json', 'report.json'
PLAN_ID = 'uuid'


@dataclass(frozen=True)
class Report:
    """What is known of a finished part.

    Attributes
    ----------
    plan : str
        Identifier of the plan that the part is of.
    start, stop : int
        Range of its frames.
    files : dict of str to int
        Sizes of the chunks' files, by path in the part's folder.
    psnrs : list of float or None
        PSNR of each frame in dB, inf for an exact one; None if they were not compared.
    without_colors : int
        Number of frames that lost their colours.
    """

    plan: str
    start: int
    stop: int
    files: dict[str, int]
    psnrs: list[float] | None
    without_colors: int

    @property
    def entries(self) -> list[str]:
        """Names of the chunks' files and folders in the part's folder."""
        return list(dict.fromkeys(path.split(os.sep)[0] for path in self.files))


def sizes_of_chunk_files(folder: str) -> dict[str, int]:
    """Return the sizes of the chunks' files in a store, by relative path."""
    return {os.path.relpath(path, folder): os.path.getsize(path) for path in find_chunk_files(folder)}


def write_report(folder: str, report: Report) -> None:
    """Write the report of a part, and wait until it is on the disk."""
    write_atomic(os.path.join(folder, REPORT), json.dumps(asdict(report)).encode(), sync_it=True)


def read_plan(work: str) -> dict[str, Any] | None:
    """Read the plan of a folder for finished parts; None if it has none."""
    with contextlib.suppress(OSError, ValueError):
        plan = json.loads(read_regular(os.path.join(work, PLAN)))
        return plan if isinstance(plan, dict) else None
    return None


def read_report(folder: str) -> Report | None:
    """Read the report of a part; None if it has none."""
    try:
        return Report(**json.loads(read_regular(os.path.join(folder, REPORT))))
    except (OSError, ValueError, TypeError):
        return None
