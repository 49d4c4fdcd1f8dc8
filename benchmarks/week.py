"""Records a scaled week of two cameras with a kill, a full disk and an unplugged camera: python benchmarks/week.py.

24 segments of 20 s by default. Then all frames are compared. It needs root, to mount a small disk. See docs/rigs.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[1]))  # for this imgstore and the package `tests`

from tests.helpers.recorded_week import Week
from tests.helpers.small_disks import can_mount

SMALL, LARGE, FORMAT = '96x32', '1280x1024', 'jpg'
KILOBYTES_PER_FRAME = 20
"""Room for each frame of a segment on the disk that fills up: images are much larger."""


def parser() -> argparse.ArgumentParser:
    """Make the parser."""
    made = argparse.ArgumentParser(description=(__doc__ or '').partition('\n')[0])
    made.add_argument('--segment', type=float, default=20.0, help='seconds of a segment (default: %(default)g)')
    made.add_argument('--fps', type=int, default=40, help='frames per second of both cameras (default: %(default)d)')
    made.add_argument('--folder', help='existing folder for the recording (default: a temporary one)')
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Record, repair and compare, and print what there is."""
    args = parser().parse_args(argv)
    if not can_mount():
        sys.exit('this benchmark must be run as root: it mounts a small disk, which fills up')
    disk = round(KILOBYTES_PER_FRAME * args.segment * args.fps)
    with (
        tempfile.TemporaryDirectory(prefix='week-', dir=args.folder) as place,
        Week(Path(place) / 'week', args.segment, args.fps, FORMAT, SMALL, LARGE, disk) as week,
    ):
        begin = time.monotonic()
        week.record()
        print(f'recorded in {time.monotonic() - begin:.0f} s')
        check(week)


def check(week: Week) -> None:
    """Print what went wrong, repair, and compare all frames."""
    for row in week.listing():
        if row['state'] != 'good' or row['failure']:
            path = Path(row['path']).relative_to(week.folder)
            print(f'{path}: {row["state"]}, {row["failure"] or row["problem"]}')
    week.repair()
    for part, counts in week.check().items():
        print(part, *(f'{name}: {count} frames, none missing' for name, count in counts.items()), sep=', ')


if __name__ == '__main__':
    main()
