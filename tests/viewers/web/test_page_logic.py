"""The page's logic without a browser, in node."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from importlib import resources
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

HERE = Path(__file__).parent / 'page'
LONGEST_MODULE = 400  # lines


def static() -> Path:
    return Path(str(resources.files('imgstore.viewers.web'))) / 'static'


def test_logic(tmp_path: Path) -> None:
    """The unit tests in the folder page pass."""
    shutil.copytree(static(), tmp_path / 'static')
    shutil.copytree(HERE, tmp_path / 'page')
    (tmp_path / 'package.json').write_text('{"type": "module"}')
    node = shutil.which('node')
    assert node, 'install nodejs'
    tests = sorted(str(path) for path in (tmp_path / 'page').glob('*.test.js'))
    assert tests
    ended = subprocess.run(
        [node, '--test', *tests], cwd=tmp_path, env=dict(os.environ) | {'TZ': 'UTC'}, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize('path', sorted(static().iterdir()), ids=lambda path: path.name)
def test_a_file_of_the_page_stays_short(path: Path) -> None:
    assert len(path.read_text(encoding='utf-8').splitlines()) < LONGEST_MODULE


def test_every_module_is_fetched_at_once() -> None:
    """The page names all modules that its first one imports, so that they are not found one after the other."""
    found: set[str] = set()
    waiting = ['viewer.js']
    while waiting:
        text = (static() / waiting.pop()).read_text(encoding='utf-8')
        new = set(re.findall(r"from '\./([\w-]+\.js)'", text)) - found
        found |= new
        waiting += new
    page = (static() / 'index.html').read_text(encoding='utf-8')
    assert set(re.findall(r'modulepreload" href="static/([\w-]+\.js)"', page)) == found
