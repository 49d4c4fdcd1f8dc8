"""Opening of the file system that a URL names."""

from __future__ import annotations

import os
from typing import Any

from ..errors import InvalidArgumentError, MissingDependencyError, RemoteAccessError
from .http import HttpSource
from .retrying import retry
from .sources import Source, lacks, refusals, refused
from .urls import LINK, is_url, parent_url, split_url

_ZIP = 'zip://'


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
    if folder.startswith(_ZIP) and split_url(folder)[1].count(LINK) == 1:
        return _open_archive(folder)
    try:
        fs, root = retry(folder, lambda: url_to_fs(folder))
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


def _open_archive(folder: str) -> Source:
    """Return the source of a folder in a zip archive, of which only parts are read."""
    from .archive import ArchiveSource
    from .places import Place

    head, tail = split_url(folder)
    archive = tail[len(LINK) :]
    if not is_url(archive):
        archive = 'file://' + os.path.abspath(archive)
    name = split_url(archive)[0].rpartition('/')[2]
    return ArchiveSource(folder, head[len(_ZIP) :], Place(parent_url(archive)), name, archive)


def _of_kind(fs: Any, root: str, folder: str) -> Source:
    if folder.startswith(('http://', 'https://')):
        return HttpSource(fs, root, folder)
    return Source(fs, root, folder)
