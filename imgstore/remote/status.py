"""What a server says of a file."""

from __future__ import annotations

from typing import NamedTuple


class RemoteStatus(NamedTuple):
    """What a server says of a file.

    Attributes
    ----------
    size : int
        Size in bytes.
    mtime_ns : int or None
        Time of the last change of the content in ns, where the server keeps that of the original; else None.
    tag : str
        The server's mark of this content, such as an ETag; '' without one.
    changed : float or None
        Time of the last change or of the upload in seconds, if known.
    """

    size: int
    mtime_ns: int | None = None
    tag: str = ''
    changed: float | None = None
