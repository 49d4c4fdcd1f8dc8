"""Formats and options of recordings, checked before any camera is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..encoder_options import OPTION_NAMES
from ..errors import InvalidArgumentError, InvalidOptionError
from ..formats import resolve_format, validate_options
from ..options import options_for

DEFAULT_FORMAT = 'avc1/mp4'
LEAST_SEGMENT = 0.1
"""Seconds of the shortest segment, which has a folder and a store of each camera."""

LEAST_BUFFER = 1_000_000
"""Bytes of the smallest queue."""

CAMERA_KEY = 'camera'
"""Key of the metadata of a store under which the recorder keeps model, serial number and settings."""

CAMERA_KEY_TAKEN = (
    f'the metadata of a store has {CAMERA_KEY!r} from the recorder: model, serial number and settings; choose another '
    f'name, such as camera_note'
)

_OF_CAMERAS = ('imgshape', 'imgdtype', 'encoding', 'overwrite', 'index', 'seek', 'gpu_id', 'videosize')
"""Arguments of `new_for_format` that `record` does not take."""


@dataclass(frozen=True)
class Plan:
    """What all cameras of a recording share.

    Attributes
    ----------
    format : str
        Format of the stores.
    options : mapping
        Other options of `new_for_format`.
    metadata : mapping
        The user's metadata.
    buffer_bytes : int
        Memory for frames of one camera that wait for its store.
    frames : int or None
        Frames after which a camera ends.
    is_triggered : bool
        Number the frames from 0, the first trigger.
    segment : float or None
        Seconds after which a new segment begins.
    """

    format: str
    options: Mapping[str, Any]
    metadata: Mapping[Any, Any]
    buffer_bytes: int
    frames: int | None
    is_triggered: bool
    segment: float | None = None


def check_metadata(metadata: Mapping[Any, Any]) -> None:
    """Raise InvalidArgumentError for a key that the recorder sets itself."""
    if CAMERA_KEY in metadata:
        raise InvalidArgumentError(f'metadata has the key {CAMERA_KEY!r}; {CAMERA_KEY_TAKEN}', argument='metadata')


def check_format(name: str, options: Mapping[str, Any]) -> str:
    """Return the full name of a format, after checking the options of its stores.

    Raises
    ------
    InvalidArgumentError
        The format or the value of an option is not allowed.
    InvalidOptionError
        There is no such option.
    """
    fmt = resolve_format(name)
    for option in options:
        if option in _OF_CAMERAS:
            raise InvalidOptionError(
                f'{option!r} is no option of record, which takes it from the camera or has none', argument=option
            )
    options_for('w', options)
    validate_options(fmt, {option: value for option, value in options.items() if option in OPTION_NAMES})
    return fmt.name
