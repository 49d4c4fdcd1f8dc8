"""Advice for a store that lost its metadata.yaml."""

from __future__ import annotations

import os

from ..constants import STORE_MD_FILENAME
from ..errors import CorruptFileError

HOW_TO_RESTORE = (
    f'restore {STORE_MD_FILENAME} from a backup, or copy it from a recording of the same camera, image size and format'
)


def has_lost_metadata(error: Exception) -> bool:
    """Return whether an error says that all of a metadata.yaml is unreadable."""
    if not isinstance(error, CorruptFileError) or error.argument is not None:
        return False
    return os.path.basename(error.path or '') == STORE_MD_FILENAME
