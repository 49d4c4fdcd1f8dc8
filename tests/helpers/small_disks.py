"""Small file systems in memory, where this user may mount some."""

import shutil
import subprocess
import tempfile
from pathlib import Path


def can_mount() -> bool:
    """Whether this user may mount small file systems."""
    with tempfile.TemporaryDirectory() as folder:
        return mount(Path(folder), 64) and unmount(Path(folder))


def mount(folder: Path, kilobytes: int) -> bool:
    """Mount a file system of this size; return whether that worked."""
    return _run('mount', '-t', 'tmpfs', '-o', f'size={kilobytes}k', 'tmpfs', folder)


def resize(folder: Path, kilobytes: int) -> None:
    """Make a mounted file system larger or smaller."""
    assert _run('mount', '-o', f'remount,size={kilobytes}k', folder)


def unmount(folder: Path) -> bool:
    """Remove a file system with its files."""
    return _run('umount', '--lazy', folder)  # a killed or slow process may have files open


def _run(*command: str | Path) -> bool:
    return bool(shutil.which(command[0])) and not subprocess.run(command, capture_output=True, check=False).returncode
