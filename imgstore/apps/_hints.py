"""What to run instead, for a path that is no store."""

from __future__ import annotations

import os
import shlex

from .._support.similar_names import close_names
from ..constants import STORE_MD_FILENAME
from ..formats import image_extensions
from ..ondisk.layout import VIDEO_EXTENSIONS
from ..remote.urls import is_url

VIDEO_FILES = (*VIDEO_EXTENSIONS, '.mov', '.m4v', '.webm', '.mpg', '.mpeg', '.wmv', '.ts', '.h264')
"""Extensions of usual video files."""

_MOST_LISTED = 1000  # entries of a folder to look at


def save_command(path: str) -> str:
    """Return the command to make a store of a file or a folder of images."""
    stem = os.path.splitext(os.path.basename(os.path.normpath(path)))[0]
    name = stem if stem and not os.path.lexists(stem) else f'{stem}-store'
    return f'imgstore save {shlex.quote(path)} {shlex.quote(name)}'


def is_store(path: str) -> bool:
    """Return whether a folder holds a store."""
    return os.path.isfile(os.path.join(path, STORE_MD_FILENAME))


def next_step(path: str) -> str:
    """Return what to run with a path that is no store, or '' if it is unclear."""
    if is_url(path):
        return ''
    if os.path.isdir(path):
        return _next_step_with_folder(path)
    if os.path.exists(path):
        return f'to make a store of this file, run: {save_command(path)}'
    folder, name = os.path.split(path)
    names = close_names(name, [each for each in _names_in(folder or os.curdir) if is_store(os.path.join(folder, each))])
    return f'did you mean {shlex.quote(names[0])}?' if names else ''


def _next_step_with_folder(path: str) -> str:
    names = _names_in(path)
    if any(is_store(os.path.join(path, name)) for name in names):
        return f'to list the stores in it, run: imgstore info --recursive {shlex.quote(path)}'
    if any(name.lower().endswith(image_extensions()) for name in names):
        return f'to make a store of its images, run: {save_command(path)}'
    return ''


def _names_in(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry, _ in zip(entries, range(_MOST_LISTED), strict=False))
    except OSError:
        return []
