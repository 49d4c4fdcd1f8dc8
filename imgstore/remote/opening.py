"""Opening of the file system that a URL names."""

from __future__ import annotations

import os
from collections.abc import Callable

from ..errors import InvalidArgumentError, MissingDependencyError, RemoteAccessError
from .http import HttpSource
from .random_access import BlockPlace
from .retrying import retry
from .sources import Source, lacks, refusals, refused
from .urls import LINK, is_url, links_of, parent_url, split_url

_ZIP, _HTTP, _IN_ARCHIVE = 'zip://', ('http://', 'https://'), 2
_AS_OTHER_PROGRAMS = {'trust_env': True}
"""Use the proxies of ``http_proxy``, ``https_proxy`` and ``no_proxy``, and the passwords of ``.netrc``."""


def open_source(folder: str, make_place: Callable[[str], BlockPlace]) -> Source:
    """Return the source of a folder by its URL.

    Parameters
    ----------
    folder : str
        The URL.
    make_place : callable
        Makes the place of a folder with an archive.

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
        return _open_archive(folder, make_place)
    try:
        if folder.startswith(_HTTP):  # fsspec takes the :: of an IPv6 address for a chain
            return HttpSource(fsspec.filesystem('http', client_kwargs=_AS_OTHER_PROGRAMS), folder, folder)
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


def _open_archive(folder: str, make_place: Callable[[str], BlockPlace]) -> Source:
    """Return the source of a folder in a zip archive."""
    from .archive import ArchiveSource

    head, tail = split_url(folder)
    archive = tail[len(LINK) :]
    if not is_url(archive):
        archive = 'file://' + os.path.abspath(archive)
    name = split_url(archive)[0].rpartition('/')[2]
    return ArchiveSource(folder, head[len(_ZIP) :], make_place(parent_url(archive)), name, archive)
