"""Lists of files, checked by sha256sum."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from imgstore.errors import InvalidArgumentError
from imgstore.maintenance.manifest import write_manifest

from ..helpers.raised import raises
from ..helpers.small_stores import store_of

pytestmark = pytest.mark.process


def checked(manifest: Path) -> subprocess.CompletedProcess[str]:
    command = ['sha256sum', '--check', '--strict', manifest.name]
    return subprocess.run(command, cwd=manifest.parent, capture_output=True, text=True, check=False)


@pytest.mark.parametrize('place', ['bag/data/s/manifest-sha256.txt', 'bag/data/m', 'bag/manifest-sha256.txt'])
def test_sha256sum_checks_every_file(place: str, tmp_path: Path) -> None:
    path = store_of(tmp_path / 'bag' / 'data' / 's', [0, 1, 2])
    (path / 'a\\b').write_text('c')
    (path / 'a\nb').write_text('c')
    files = sum(file.is_file() for file in path.rglob('*'))
    for _ in range(2):  # the list itself is not in it
        assert write_manifest(path, tmp_path / place) == files
    done = checked(tmp_path / place)
    assert (done.returncode, done.stdout.count(': OK')) == (0, files), done.stderr
    (path / '000000' / '000001.npy').write_bytes(b'')
    done = checked(tmp_path / place)
    assert done.returncode == 1
    assert '000000/000001.npy: FAILED' in done.stdout


def test_the_list_stands_where_its_names_lead_to_the_files(tmp_path: Path) -> None:
    path = store_of(tmp_path / 'a' / 's', [0])
    (tmp_path / 'b').mkdir()
    with raises(InvalidArgumentError, argument='manifest'):
        write_manifest(path, tmp_path / 'b' / 'list')
    assert not (tmp_path / 'b' / 'list').exists()
