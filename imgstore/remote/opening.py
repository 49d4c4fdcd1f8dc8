"""Opening of the file system that a URL names."""

from __future__ import annotations

from typing import Any

from ..errors import InvalidArgumentError, MissingDependencyError, RemoteAccessError
from .http import HttpSource
from .retrying import retry
from .sources import Source, lacks, refusals, refused
from .urls import split_url

_SMALL_READS = {'http': {'block_size': 2**18}, 's3': {'default_block_size': 2**18}}
"""Options of what an archive is read from, which else would fetch 5 MiB at a time."""


def open_source(folder: str) -> Source:
    """Return the source of a folder by its URL.

    Raises
    ------
    MissingDependencyError
        A package is missing.
    InvalidArgumentError
        The kind of URL is unknown.
    """
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise MissingDependencyError.for_extra(f'{folder} needs fsspec', 'fsspec', 'remote') from error
    try:
        fs, root = retry(folder, lambda: url_to_fs(folder, **_options(folder)))
    except ImportError as error:
        raise lacks(folder, error) from error
    except (FileNotFoundError, RemoteAccessError):
        raise
    except ValueError as error:
        raise InvalidArgumentError(
            f'{folder!r} is no URL that fsspec knows: {error}; use s3://, https://, zip://, memory:// or file://',
            argument='path',
        ) from error
    except Exception as error:
        if isinstance(error, (PermissionError, *refusals())):
            raise refused(folder, error) from error
        raise RemoteAccessError(f'{folder} cannot be opened: {error}; check the address', path=folder) from error
    return _of_kind(fs, root, folder)


def _options(folder: str) -> dict[str, Any]:
    """Return options of fsspec for archives, by the protocols that lead to them."""
    tail = split_url(folder)[1]
    return {name: dict(options) for name, options in _SMALL_READS.items() if f'::{name}' in tail}


def _of_kind(fs: Any, root: str, folder: str) -> Source:
    if folder.startswith(('http://', 'https://')):
        return HttpSource(fs, root, folder)
    return Source(fs, root, folder)
