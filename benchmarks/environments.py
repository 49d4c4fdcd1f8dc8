"""The environments that work is done in: virtual ones, made when they are first needed and kept in a folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from model import ORIGINAL, ORIGINAL_BPK, ORIGINAL_H264, OURS, READERS, TORCH

REPOSITORY = Path(__file__).resolve().parents[1]
APT_PYTHON = '/usr/bin/python3'
RELEASE = 'imgstore==0.4.0'
TORCHCODEC = ['torchcodec<0.14', 'torch<2.14']  # later wheels on PyPI need libraries for GPUs

CACHE = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'imgstore-benchmarks'
"""Where environments are kept unless another folder is given."""

LONGEST = 900  # seconds that any piece of work may take

Pip = Sequence[str]


class MissingError(Exception):
    """An environment is not to be had here; the message says why."""


@dataclass(frozen=True)
class Environment:
    """A Python that imports one imgstore."""

    python: str
    path: str | None = None
    """PYTHONPATH."""

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python, with what it prints in the result."""
        variables = {
            key: value for key, value in os.environ.items() if key not in ('PYTHONPATH', 'PYTHONDONTWRITEBYTECODE')
        }  # compiling is not part of importing
        if self.path is not None:
            variables['PYTHONPATH'] = self.path
        return subprocess.run(
            [self.python, *arguments], env=variables, capture_output=True, text=True, check=False, timeout=LONGEST
        )


def make(name: str, home: Path) -> Environment:
    """Make the environment of that name; MissingError if a part is missing."""
    return _MAKERS[name](home)


def _ours(home: Path) -> Environment:
    """Use this Python if it can import the checkout, else make one for it."""
    here = Environment(sys.executable, str(REPOSITORY))
    if here.run('-c', 'import imgstore, av, h5py, pandas').returncode == 0:
        return here
    made = _virtual(home / 'ours', sys.executable, [], [['-e', f'{REPOSITORY}[bloscpack]']])
    return Environment(made.python, str(REPOSITORY))


def _original(home: Path) -> Environment:
    return _virtual(home / 'original', sys.executable, [], [[RELEASE, 'opencv-python<5']])


def _original_with_bloscpack(home: Path) -> Environment:
    """Apart from the other, which does not import where bloscpack is installed; see work.py."""
    return _virtual(home / 'original-bloscpack', sys.executable, [], [[RELEASE, 'opencv-python<5', 'bloscpack']])


def _original_with_h264(home: Path) -> Environment:
    """On the OpenCV of Debian and Ubuntu, which has an H.264 encoder, and on the numpy beside it."""
    if subprocess.run([APT_PYTHON, '-c', 'import cv2'], capture_output=True, check=False).returncode:
        raise MissingError('needs python3-opencv from apt, whose OpenCV writes H.264')
    return _virtual(
        home / 'original-apt',
        APT_PYTHON,
        ['--system-site-packages'],
        [['--no-deps', RELEASE], ['tzlocal', 'pyyaml', 'python-dateutil', 'pandas<2.2', 'numpy<2']],
    )


def _readers(home: Path) -> Environment:
    return _virtual(home / 'readers', sys.executable, [], [['decord2', 'pims==0.7', 'av', 'opencv-python-headless']])


def _torchcodec(home: Path) -> Environment:
    """On FFmpeg's shared libraries, and on a torch for the CPU: one for a GPU brings gigabytes of libraries."""
    if not (home / 'torchcodec' / 'made-of.txt').exists() and any(map(_is_for_gpus, _to_install(TORCHCODEC))):
        raise MissingError('left out: pip finds no torch for the CPU, only one for GPUs, of gigabytes')
    others = ['decord2', 'pims==0.7', '-e', str(REPOSITORY)]  # which feed a DataLoader, too
    made = _virtual(home / 'torchcodec', sys.executable, [], [['numpy', *TORCHCODEC], others])
    tried = made.run('-c', 'import torchcodec.decoders')
    if tried.returncode:
        raise MissingError(f'left out: torchcodec does not import: {tried.stderr.strip().splitlines()[-1]}')
    return made


def _is_for_gpus(package: str) -> bool:
    return package.startswith(('nvidia-', 'cuda-'))


def _to_install(packages: Pip) -> list[str]:
    """Names of all that pip would install; MissingError."""
    options = ['--dry-run', '--ignore-installed', '--quiet', '--report', '-']
    report = json.loads(_run([sys.executable, '-m', 'pip', 'install', *options, *packages]))
    return [found['metadata']['name'].lower() for found in report['install']]


_MAKERS: dict[str, Callable[[Path], Environment]] = {
    OURS: _ours,
    ORIGINAL: _original,
    ORIGINAL_BPK: _original_with_bloscpack,
    ORIGINAL_H264: _original_with_h264,
    READERS: _readers,
    TORCH: _torchcodec,
}


def _virtual(folder: Path, python: str, options: list[str], installs: list[Pip]) -> Environment:
    """Make a virtual environment in a folder, unless it is there.

    It is complete once its file lists its parts.
    """
    recipe, made_of = repr((python, options, installs)), folder / 'made-of.txt'
    if not made_of.exists() or made_of.read_text() != recipe:
        shutil.rmtree(folder, ignore_errors=True)
        _run([python, '-m', 'venv', *options, str(folder)])
        for packages in installs:
            _run([str(folder / 'bin' / 'pip'), 'install', '--quiet', *packages])
        made_of.write_text(recipe)
    return Environment(str(folder / 'bin' / 'python'))


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MissingError(f'{" ".join(command)} failed: {(done.stdout + done.stderr).strip()[-300:]}')
    return done.stdout
