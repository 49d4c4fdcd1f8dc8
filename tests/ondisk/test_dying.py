"""Killed at any rename, unlink or sync, what changes a store leaves the old one or the new one, never neither."""

import json
import os
import subprocess
import sys

import pytest

from ..helpers import HELPERS
from ..helpers.kills import environment

pytestmark = [pytest.mark.exhaustive, pytest.mark.process]

SCRIPT = str(HELPERS / 'dying.py')
NUMBERS = [*range(900, 905), 0, 1, 2]
REINDEXED = [*range(-5, 0), 0, 1, 2]


def stored(which, numbers):
    count = len(numbers)
    return {
        'which': which,
        'numbers': numbers,
        'times': [index / 8 for index in range(count)],
        'shades': list(range(count)),
        'records': [[index, number] for index, number in enumerate(numbers)],
    }


OLD = stored('old', NUMBERS)
AFTER = {
    'repair': OLD,
    'save_index': OLD,
    'verify': OLD,
    'reindex': stored('old', REINDEXED),
    'overwrite': stored('new', []),
    'empty': stored('old', []),
    'convert': stored('new', list(range(5))),
}


CASES = [
    *((operation, 'npy') for operation in AFTER),
    ('repair', 'avc1/mp4'),
    ('repair', 'h264/mkv'),
    ('repair', 'mjpeg/avi'),
    ('empty', 'avc1/mp4'),
    ('overwrite', 'avc1/mp4'),
    ('reindex', 'mjpeg/avi'),
]


@pytest.mark.parametrize(('operation', 'fmt'), CASES)
def test_killed_at_any_call_it_leaves_the_old_or_the_new(tmp_path, operation, fmt):
    done = subprocess.run(
        [sys.executable, SCRIPT, operation, fmt, str(tmp_path)],
        env=environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)['results']
    new = AFTER[operation]
    for place, (found, repaired, hidden) in enumerate(results, 1):
        assert found in (OLD, new), place
        assert repaired == found, place
        assert hidden == [], place
    assert results[-1][0] == new
    assert len(results) > (2 if operation == 'save_index' else 4)
    assert os.listdir(tmp_path) == ['ready']
