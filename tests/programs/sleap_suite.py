"""Runs SLEAP's own tests of imgstore, of SLEAP 1.4, with this imgstore.

    git clone --branch v1.4.1 --depth 1 https://github.com/talmolab/sleap
    .venv/bin/pip install cattrs python-rapidjson psutil h5py
    .venv/bin/python tests/programs/sleap_suite.py sleap

SLEAP 1.4 needs Python 3.7 and TensorFlow. Its reader of videos needs neither, so only that module is taken, with the
fixtures and videos of its tests. `sleap.io.dataset`, which needs Qt, is empty here, as the tests of imgstore do not
use it. `numpy.alltrue`, which they use, is no more in numpy 2.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TAKEN = [
    'sleap/version.py',
    'sleap/util.py',
    'sleap/io/video.py',
    'sleap/io/format/filehandle.py',
    'tests/fixtures/videos.py',
    'tests/io/test_video.py',
    *(f'tests/data/videos/{name}' for name in ('small_robot.mp4', 'centered_pair_small.mp4')),
    *(f'tests/data/videos/robot{number}.jpg' for number in range(3)),
]
MADE = {
    **dict.fromkeys(f'{name}/__init__.py' for name in ('sleap', 'sleap/io', 'sleap/io/format', 'tests', 'tests/io')),
    'tests/fixtures/__init__.py': '',
    'sleap/io/dataset.py': 'Labels = None\n',
    'tests/conftest.py': 'import numpy\nnumpy.alltrue = numpy.all\nfrom tests.fixtures.videos import *\n',
}


def main() -> int:
    """Return pytest's exit code for the tests of a checkout of SLEAP."""
    if len(sys.argv) != 2 or not Path(sys.argv[1], TAKEN[0]).is_file():
        raise SystemExit(f'usage: {sys.argv[0]} CHECKOUT, the folder of a checkout of SLEAP 1.4')
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in TAKEN:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(Path(sys.argv[1], path), folder / path)
        for path, text in MADE.items():
            (folder / path).write_text(text or '')
        command = [sys.executable, '-m', 'pytest', '-v', '-k', 'imgstore', '--rootdir', name, 'tests/io/test_video.py']
        return subprocess.run(command, cwd=folder, env={**os.environ, 'PYTHONPATH': name}).returncode


if __name__ == '__main__':
    sys.exit(main())
