"""The recording that a saved index belongs to, wherever it is copied to.

Sizes and times of files cannot show it at a URL: two recordings with chunks of the same length have the same sizes.
"""

from __future__ import annotations

import contextlib

import numpy as np
import numpy.typing as npt

from ..errors import ImgStoreError
from ..ondisk.metadata import load_metadata

_MAGIC, _DIGEST = b'of store', 16

OWNER_BYTES = len(_MAGIC) + _DIGEST
"""Size of the mark at the end of a saved index."""


def owner_mark(basedir: str) -> bytes:
    """Return the mark of a store by its uuid and creation, or b'' without."""
    import hashlib

    with contextlib.suppress(ImgStoreError, OSError):
        metadata = load_metadata(basedir)
        if metadata.uuid is not None:
            text = f'{metadata.uuid} {metadata.store.get("created_utc")}'
            return _MAGIC + hashlib.blake2b(text.encode(), digest_size=_DIGEST).digest()
    return b''


def is_of_other_store(data: npt.NDArray[np.uint8], basedir: str) -> bool:
    """Return whether a saved index has the mark of another store.

    Older ones have none.
    """
    mark = data[-OWNER_BYTES:].tobytes()
    return mark.startswith(_MAGIC) and mark != (owner_mark(basedir) or mark)
