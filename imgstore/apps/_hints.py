"""What to run instead, for a path that is no store."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable

from .._support.similar_names import close_names
from ..align.recorded import RECORDING_FILENAME
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
    return f'imgstore save {as_word(path)} {as_word(name)}'


def as_word(path: str) -> str:
    """Return a path as a word for a shell, which is no option."""
    return shlex.quote(os.path.join(os.curdir, path) if path.startswith('-') else path)


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
    similar = similar_path(path, is_store)
    return f'did you mean {as_word(os.path.basename(similar))}?' if similar else ''


def similar_path(path: str, fits: Callable[[str], bool]) -> str:
    """Return the path most similar to a missing one, in its folder, or ''."""
    folder, name = os.path.split(path)
    names = [each for each in _names_in(folder or os.curdir) if fits(os.path.join(folder, each))]
    return next((os.path.join(folder, each) for each in close_names(name, names)), '')


def _next_step_with_folder(path: str) -> str:
    names = _names_in(path)
    if RECORDING_FILENAME in names or any(is_store(os.path.join(path, name)) for name in names):
        return f'to list the stores in it, run: imgstore info --recursive {as_word(path)}'
    if any(name.lower().endswith(image_extensions()) for name in names):
        return f'to make a store of its images, run: {save_command(path)}'
    return ''


def _names_in(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry, _ in zip(entries, range(_MOST_LISTED), strict=False))
    except OSError:
        return []
