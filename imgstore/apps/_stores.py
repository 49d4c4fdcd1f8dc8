"""Stores for a path: a store, or all in a folder of stores."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

from ..errors import ImgStoreError
from ..overview.listing import store_folders
from ..remote.urls import is_url
from ._cli import EXIT_FAILURE, log_error
from ._hints import is_store


def each_path(paths: Sequence[str]) -> list[str]:
    """Return the paths of stores.

    A folder of stores, such as a recording, gives all in it and below.
    """
    return [store for path in paths for store in _stores_of(path)]


def _stores_of(path: str) -> Iterator[str]:
    if is_url(path) or is_store(path) or not os.path.isdir(path):
        yield path
        return
    yield from store_folders(path) or [path]


def run_each(prog: str, paths: Sequence[str], command: Callable[[str], int]) -> int:
    """Run a command on each store, and go on after an error if there are several.

    Returns
    -------
    int
        The highest exit code.
    """
    stores, code = each_path(paths), 0
    for store in stores:
        try:
            code = max(code, command(store))
        except (ImgStoreError, OSError) as error:
            if len(stores) == 1:
                raise
            log_error(prog, error)
            code = EXIT_FAILURE
    return code
