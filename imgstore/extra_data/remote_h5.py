"""HDF5 files at a URL, read from copies on this machine.

HDF5 is read by another process, which knows no URLs.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace

from .._support.regular_files import open_regular
from ..errors import CorruptFileError, ImgStoreError
from ..remote.urls import is_url
from .hdf5_client import Result, read_files

_BLOCK = 2**20


def read_anywhere(
    paths: Sequence[str],
    listed: str,
    load: Sequence[str] | None = None,
    keys: Sequence[str] | None = None,
    seconds: float | None = None,
) -> Iterator[Result]:
    """Read HDF5 files as `read_files`, also at URLs."""
    if not any(map(is_url, paths)):
        yield from read_files(paths, listed, load, keys, seconds)
        return
    with tempfile.TemporaryDirectory(prefix='imgstore-') as folder:
        copies = [_copied(url, os.path.join(folder, f'{rank}.h5')) for rank, url in enumerate(paths)]
        results = list(read_files(copies, listed, load, keys, seconds))
    for url, copy, result in zip(paths, copies, results, strict=False):  # fewer, if the time was up
        yield _renamed(result, copy, url)


def _copied(url: str, path: str) -> str:
    with open_regular(url) as source, open(path, 'wb') as target:
        shutil.copyfileobj(source, target, _BLOCK)
    return path


def _renamed(result: Result, path: str, url: str) -> Result:
    """Return a result that names the URL."""
    if not isinstance(result, ImgStoreError):
        return replace(result, path=url)
    return CorruptFileError(str(result).replace(path, url), path=url, reason=result.reason)
