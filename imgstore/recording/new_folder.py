"""The folder of a recording, and its disk."""

from __future__ import annotations

import contextlib
import os
import shutil

from ..align.recorded import RECORDING_FILENAME
from ..errors import InvalidArgumentError, StoreExistsError
from ..ondisk.files import StrPath, text_path
from ..ondisk.layout import local_folder


def new_folder(path: StrPath) -> str:
    """Return the absolute path of a new or empty folder."""
    folder = local_folder(text_path(path, 'folder'), 'record')
    if os.path.exists(os.path.join(folder, RECORDING_FILENAME)):
        raise StoreExistsError(f'{folder!r} already holds a recording; give the name of a new folder', path=folder)
    if os.path.lexists(folder) and (not os.path.isdir(folder) or os.listdir(folder)):
        what = 'is a folder with other files' if os.path.isdir(folder) else 'is a file'
        raise InvalidArgumentError(f'{folder!r} {what}; give the name of a new folder', argument='folder', path=folder)
    return folder


def closest_folder(path: str) -> str:
    """Return the closest folder above a path that exists."""
    while not os.path.isdir(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    return path


def free_bytes(path: str) -> int:
    """Return the free bytes on the disk of a path; 0 if it does not say."""
    with contextlib.suppress(OSError):
        return shutil.disk_usage(closest_folder(path)).free
    return 0
