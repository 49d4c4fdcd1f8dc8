"""A scaled week of two cameras, with a kill, a full disk and an unplugged camera in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..helpers.recorded_week import SEGMENTS, Week, imgstore_of
from ..helpers.small_disks import can_mount

pytestmark = pytest.mark.once

if can_mount():

    @pytest.mark.slow
    @pytest.mark.process
    def test_a_week_with_a_kill_a_full_disk_and_an_unplugged_camera(tmp_path: Path) -> None:
        with Week(tmp_path / 'week', 0.6, 100, 'npy', '96x32', '320x240', 2500) as week:
            week.record()
            check(week)


def check(week: Week) -> None:
    """Compare what the tools say with what went wrong, and all frames."""
    rows = {Path(row['path']).relative_to(week.folder).as_posix(): row for row in week.listing()}
    assert len(rows) == 2 * SEGMENTS + 2 * (SEGMENTS + 4)
    failures = {path: row['failure'] for path, row in rows.items() if row['failure']}
    assert set(failures) == {'unplugged/segment-0004/right', 'full/segment-0004/right'}
    assert failures['unplugged/segment-0004/right'] == week.reasons('unplugged')['right'] == 'the camera was unplugged'
    assert failures['full/segment-0004/right'] == week.reasons('full')['right']
    assert 'No space left on device' in failures['full/segment-0004/right']
    not_closed = {path for path, row in rows.items() if row['state'] == 'not closed'}
    assert {'killed/segment-0008/left', 'killed/segment-0008/right'} <= not_closed
    assert not_closed <= {'killed/segment-0008/left', 'killed/segment-0008/right', 'full/segment-0004/right'}
    assert week.reasons('full')['left'] == week.reasons('unplugged')['left'] == 'stopped'

    table = imgstore_of('info', '--recursive', week.folder)
    assert 'unplugged: camera right ended early: the camera was unplugged' in table
    week.repair()
    counts = week.check()
    assert 420 < counts['killed']['left'] < 500
    assert 420 < counts['unplugged']['left'] <= 460
    assert counts['unplugged']['right'] == 210
    assert 420 < counts['full']['left'] <= 460
    assert 180 <= counts['full']['right'] < 270
