"""Opening of the file system that a URL names."""

from __future__ import annotations

import os

from ..errors import InvalidArgumentError, MissingDependencyError, RemoteAccessError
from .http import HttpSource
from .retrying import retry
from .sources import Source, lacks, refusals, refused
from .urls import LINK, is_url, links_of, parent_url, split_url

_ZIP, _HTTP, _IN_ARCHIVE = 'zip://', ('http://', 'https://'), 2


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
        import fsspec
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise MissingDependencyError.for_extra(f'{folder} needs fsspec', 'fsspec', 'remote') from error
    if folder.startswith(_ZIP) and len(links_of(folder)) == _IN_ARCHIVE:
        return _open_archive(folder)
    try:
        if folder.startswith(_HTTP):  # fsspec takes the :: of an IPv6 address for a chain
            return HttpSource(fsspec.filesystem('http'), folder, folder)
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
    return Source(fs, root, folder)


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
