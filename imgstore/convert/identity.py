"""Identity of a conversion: its options and the state of the original.

Finished parts count only for the same one.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from typing import Any

from .._version import __version__
from ..constants import STORE_MD_FILENAME
from ..encoder_options import OPTION_NAMES
from ..errors import InvalidArgumentError, StoreLockedError
from ..ondisk.chunk_files import find_chunk_files
from ..sensor_area import KEYS
from ..stores.base import ImgStore
from .frames import Recipe
from .request import Request
from .work_folder import WorkFolder

SOURCE, _VERSION = 'source', 'imgstore'


def identity_of(request: Request, recipe: Recipe, old: ImgStore) -> dict[str, Any]:
    """Return the options and the state of the original, in types of JSON."""
    return {
        SOURCE: source_state(old),
        'format': request.wanted.name,
        'chunksize': recipe.chunksize,
        'encoding': recipe.encoding,
        **{name: request.encoder.get(name) for name in OPTION_NAMES},
        'fps': request.fps,
        **(recipe.area.as_metadata() if recipe.area else dict.fromkeys(KEYS)),
        'verify': request.verify,
        _VERSION: __version__,
    }


def source_state(old: ImgStore) -> str:
    """Return a digest of the frame table and of the files' sizes and times."""
    digest = hashlib.sha256(old.frame_numbers.tobytes() + old.frame_times.tobytes())
    for path in _files(old.filename):
        found = os.stat(path)
        digest.update(f'{os.path.relpath(path, old.filename)} {found.st_size} {found.st_mtime_ns}\n'.encode())
    return digest.hexdigest()


def _files(folder: str) -> Iterator[str]:
    yield os.path.join(folder, STORE_MD_FILENAME)
    for path in find_chunk_files(folder):
        if os.path.isdir(path):  # a link to a chunk
            yield from (os.path.join(path, name) for name in sorted(os.listdir(path)))
        else:
            yield path


def refuse_open(old: ImgStore) -> None:
    """Raise StoreLockedError if a writer has the original open."""
    if old.is_live:
        raise StoreLockedError(
            f'{old.filename!r} is open in a writer; close it first, or convert it without a scheduler',
            path=old.filename,
            store=old.filename,
        )


def check_same(work: WorkFolder, identity: dict[str, Any], source: str) -> None:
    """Raise InvalidArgumentError if finished parts are of another conversion."""
    differences = work.differences(identity)
    if not differences:
        return
    if SOURCE in differences:
        raise source_changed(source, work)
    name, value = next(iter(differences.items()))
    kept, use = (f'without {name}', f'leave out {name}') if value is None else (f'with {name} {value!r}', 'use that')
    raise InvalidArgumentError(
        f'{name} is {identity[name]!r}, but {work.path!r} has finished parts of a conversion {kept}: '
        f'{use} to continue, or overwrite, or remove this folder, to begin again',
        argument=name,
        path=work.path,
    )


def source_changed(source: str, work: WorkFolder) -> InvalidArgumentError:
    """Return the error for an original that changed."""
    return InvalidArgumentError(
        f'{source!r} is another store, or changed, since the parts in {work.path!r} were finished: '
        'overwrite, or remove that folder, to begin again',
        argument=SOURCE,
        path=work.path,
        store=source,
    )
