"""Names that a user may have meant by a wrong one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

_FORMATS = {
    **dict.fromkeys(('h264', 'x264', 'libx264', 'avc', 'mp4', 'm4v', 'mov'), 'avc1/mp4'),
    **dict.fromkeys(('hevc', 'h265', 'x265', 'libx265'), 'hevc/mp4'),
    **dict.fromkeys(('mjpg', 'avi'), 'mjpeg/avi'),
    **dict.fromkeys(('mkv', 'matroska'), 'h264/mkv'),
    'ffv1': 'ffv1/mkv',
    'tiff': 'tif',
    'jpeg': 'jpg',
    'numpy': 'npy',
    'bloscpack': 'bpk',
}
"""What people call a format, and the format they mean."""


def similar_formats(name: object, allowed: Sequence[str]) -> list[str]:
    """Return the formats that a user may mean by another name, the best first.

    Parameters
    ----------
    name : object
        A wrong name, such as 'mp4', 'h264' or 'Tiff'.
    allowed : sequence of str
        Names of formats.
    """
    if not isinstance(name, str):
        return []
    word = name.strip().lower().lstrip('.')
    meant = [_FORMATS[part] for part in (word, *word.split('/')) if part in _FORMATS]
    return [each for each in (word, *meant[:1]) if each in allowed][:1] or close_names(word, allowed)


def unknown_format(name: object, allowed: Sequence[str]) -> str:
    """Describe a wrong name of a format."""
    return f'format {name!r} is not supported{suggestion(similar_formats(name, allowed), "supported formats", allowed)}'


def close_names(name: str, allowed: Iterable[str]) -> list[str]:
    """Return the allowed names most similar to a wrong one."""
    return difflib.get_close_matches(name, allowed, 2)


def suggestion(similar: Sequence[str], label: str, allowed: Iterable[str]) -> str:
    """Return the end of an error: similar names first, then all allowed ones.

    Parameters
    ----------
    similar : sequence of str
        What the user may have meant.
    label : str
        What the allowed names are.
    allowed : iterable of str
        All allowed names.
    """
    listed = ', '.join(allowed)
    meant = did_you_mean(similar)
    return f'{meant} {label.capitalize()}: {listed}' if meant else f'; {label}: {listed}'


def did_you_mean(names: Sequence[str]) -> str:
    """Return the end of an error that suggests names, or '' without any."""
    return f'; did you mean {" or ".join(names)}?' if names else ''
