"""Where remote files come from: a file system of fsspec."""

from __future__ import annotations

import datetime
import ssl
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from ..errors import MissingDependencyError, RemoteAccessError
from .retrying import retry
from .status import RemoteStatus
from .urls import join_url

_Answer = TypeVar('_Answer')

_KEEPS_TIMES = ('file', 'local', 'sftp', 'ssh')
"""Protocols whose modification time is that of the original file. Elsewhere it is the time of the upload."""

_TAGS = ('ETag', 'etag', 'mtime', 'LastModified', 'date_time', 'created')
_IN_EXTRA = ('http://', 'https://', 's3://', 'zip://', 'memory://', 'file://')
_REFUSALS = {'botocore.exceptions': ('NoCredentialsError', 'PartialCredentialsError', 'ClientError')}

Listed = list[tuple[str, RemoteStatus | None]]


class Source:
    """A folder in a file system of fsspec.

    Parameters
    ----------
    fs : fsspec.AbstractFileSystem
        The file system.
    root : str
        The folder in it.
    folder : str
        The folder's URL.
    """

    can_list = True

    def __init__(self, fs: Any, root: str, folder: str) -> None:
        self._fs, self._root, self._folder = fs, root.rstrip('/'), folder
        protocol = fs.protocol if isinstance(fs.protocol, str) else fs.protocol[0]
        self._keeps_times = protocol in _KEEPS_TIMES

    def url(self, name: str) -> str:
        """Return the URL of a file."""
        return join_url(self._folder, name) if name else self._folder

    def _path(self, name: str) -> str:
        return f'{self._root}/{name}' if name and self._root else name or self._root

    def forget(self) -> None:
        """Forget listings."""
        self._fs.invalidate_cache()

    def status(self, name: str, block: int) -> tuple[RemoteStatus, bytes]:
        """Return the status of a file, and its first bytes if these came with it."""
        found = self._ask(name, lambda: self._fs.info(self._path(name)))
        if found.get('type') == 'directory':
            raise FileNotFoundError(self.url(name))
        return self._status(found), b''

    def read(self, name: str, limit: int) -> bytes:
        """Read a file at once, or the bytes up to one more than the limit."""
        data: bytes = self._ask(name, lambda: self._fs.cat_file(self._path(name)))
        return data

    def read_range(self, name: str, status: RemoteStatus, start: int, end: int) -> bytes:
        """Read a part of a file."""
        data: bytes = self._ask(name, lambda: self._fs.cat_file(self._path(name), start=start, end=end))
        is_other = self._keeps_times and self.status(name, 0)[0] != status  # cheap there
        if len(data) != end - start or is_other:
            raise self.replaced(name)
        return data

    def replaced(self, name: str) -> RemoteAccessError:
        """Create the error for a file that changed after its status was asked for."""
        return RemoteAccessError(
            f'{self.url(name)} was replaced while it was read; open the store again', path=self.url(name)
        )

    def list_folder(self, name: str) -> Listed:
        """List a folder; None as the status of a folder in it."""
        found = self._ask(name, lambda: self._fs.ls(self._path(name), detail=True))
        return [
            (entry, None if each.get('type') == 'directory' else self._status(each))
            for each in found
            if (entry := each['name'].rstrip('/').rpartition('/')[2])
        ]

    def size_below(self, name: str) -> tuple[int, int]:
        """Return size and number of the files below a folder."""
        found = self._ask(name, lambda: self._fs.find(self._path(name), detail=True))
        sizes = [int(each.get('size') or 0) for each in found.values()]
        return sum(sizes), len(sizes)

    def _status(self, found: dict[str, Any]) -> RemoteStatus:
        kept = found.get('mtime') if self._keeps_times else None
        mtime = round(kept * 1e9) if isinstance(kept, (int, float)) else None
        tag = next((str(found[key]) for key in _TAGS if found.get(key) is not None), '')
        changed = found.get('mtime', found.get('LastModified'))
        seconds = changed.timestamp() if isinstance(changed, datetime.datetime) else changed
        return RemoteStatus(int(found.get('size') or 0), mtime, tag, seconds if isinstance(seconds, float) else None)

    def _ask(self, name: str, ask: Callable[[], _Answer]) -> _Answer:
        """Call the file system, with errors of our own."""
        url = self.url(name)
        try:
            return retry(url, ask)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError, KeyError) as error:
            raise FileNotFoundError(2, 'there is no such file', url) from error
        except RemoteAccessError:
            raise
        except ImportError as error:
            raise lacks(url, error) from error
        except ssl.SSLCertVerificationError as error:
            raise _untrusted(url, error) from error
        except Exception as error:
            if isinstance(error, (PermissionError, *refusals())):
                raise refused(url, error) from error
            raise RemoteAccessError(
                f'{url} cannot be read: {type(error).__name__}: {error}; check the address', path=url, reason=str(error)
            ) from error


def _untrusted(url: str, error: Exception) -> RemoteAccessError:
    return RemoteAccessError(
        f"{url} cannot be read: the server's certificate is not trusted: {error}; if you trust it, name the file of "
        'the certificate in the variable SSL_CERT_FILE before Python starts',
        path=url,
        reason='the certificate of the server is not trusted',
    )


_CREDENTIALS = {
    'http': 'in the URL, as in https://user:password@host/recording',
    's3': 'in the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
}


def refused(url: str, error: object) -> RemoteAccessError:
    """Create the error for a server that refuses access."""
    ways = [way for kind, way in _CREDENTIALS.items() if kind in url.partition('://')[0]]
    return RemoteAccessError(
        f'{url} cannot be read: access is refused: {error}; give credentials '
        f'{ways[0] if ways else "as the file system of fsspec expects them"}',
        path=url,
        reason=str(error),
    )


def refusals() -> tuple[type[Exception], ...]:
    """Return the errors of libraries for refused access."""
    return tuple(
        getattr(sys.modules[module], name)
        for module, names in _REFUSALS.items()
        if module in sys.modules
        for name in names
    )


def lacks(url: str, error: ImportError) -> MissingDependencyError:
    """Create the error for a file system whose package is missing."""
    name = error.name or 'fsspec'
    if not any(kind in url for kind in _IN_EXTRA):
        return MissingDependencyError(f'{url} needs a package that imgstore does not install: {error}', name=name)
    return MissingDependencyError.for_extra(f'{url} needs a package: {error}', name, 'remote')
