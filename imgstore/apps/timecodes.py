"""Frame times of a store as a timecode file for mkvmerge and players."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TextIO

import numpy as np
import numpy.typing as npt

from ..constants import FRAME_TIME
from ..export.tables import write_timecodes
from ..stores.base import ImgStore
from ..stores.factories import new_for_filename
from ._cli import run
from ._parser import CommandParser


def generate_timecodes(store: ImgStore, dest_file: TextIO) -> npt.NDArray[np.float64]:
    """Write the frame times of a store in Matroska's timecode format v2.

    Parameters
    ----------
    store
        Open for reading. The frames are in the order they were added.
    dest_file
        Open for writing text. Gets one line per frame, in milliseconds from the first frame.

    Returns
    -------
    numpy.ndarray
        Seconds from the first frame, float64, one per frame.
    """
    times = np.asarray(store.get_frame_metadata()[FRAME_TIME], np.float64)
    return write_timecodes(times, dest_file)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the timecodes of the store named on the command line."""
    parser = CommandParser('imgstore-timecodes', description='Print the times of the frames of a store.')
    parser.add_argument('path', help='the store')
    args = parser.parse_args(argv)
    return run(parser.prog, lambda: _print_timecodes(args))


def _print_timecodes(args: argparse.Namespace) -> int:
    with new_for_filename(args.path) as store:
        generate_timecodes(store, sys.stdout)
    return 0
