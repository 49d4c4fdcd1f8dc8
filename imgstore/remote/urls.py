"""URLs as paths: also chained ones, such as ``zip://s::file:///a.zip``."""

from __future__ import annotations

import re

LINK, _MARK = '::', '://'
_LINKS = re.compile(r'::(?![\w:.%]*\])')  # not those in an IPv6 address, such as http://[::1]:8000
_SCHEMES = re.compile(r'(?:^|::)[A-Za-z][\w+.-]*://')
_LOST_SLASH = re.compile(r'(?:^|/)(?:https?|s3|zip|memory|file):/(?!/)')
_WITH_QUERY = ('http://', 'https://')


def is_url(path: object) -> bool:
    """Return whether a path is a URL. A path in a folder named ``a:`` is none."""
    return isinstance(path, str) and _MARK in path and not path.startswith('/')


def was_url(path: str) -> bool:
    """Return whether a path is a URL from which `pathlib` dropped a slash."""
    return bool(_LOST_SLASH.search(path))


def links_of(url: str) -> list[str]:
    """Return the links of a chained URL."""
    return _LINKS.split(url)


def split_url(url: str) -> tuple[str, str]:
    """Return a URL up to the end of its path, and the rest.

    The rest is a query, and the places that a chained URL leads through.
    """
    links = links_of(url)
    rank = next(rank for rank, link in enumerate(links) if _MARK in link)
    head, tail = LINK.join(links[: rank + 1]), ''.join(LINK + link for link in links[rank + 1 :])
    if head.startswith(_WITH_QUERY):
        head, mark, query = head.partition('?')
        tail = mark + query + tail
    return head, tail


def folder_url(url: str) -> str:
    """Return the URL of a folder, without slashes at its end.

    Its schemes are in lower case.
    """
    head, tail = split_url(_SCHEMES.sub(lambda scheme: scheme[0].lower(), url))
    start = head.index(_MARK) + len(_MARK)
    return head[:start] + head[start:].rstrip('/') + tail


def join_url(folder: str, *names: str) -> str:
    """Return the URL of a file in a folder."""
    head, tail = split_url(folder)
    return '/'.join([head.rstrip('/') if not head.endswith(_MARK) else head[:-1], *names]) + tail


def add_to_url(url: str, extension: str) -> str:
    """Return the URL with an extension after its path."""
    head, tail = split_url(url)
    return head + extension + tail


def parent_url(url: str) -> str:
    """Return the URL of the folder of a file."""
    head, tail = split_url(url)
    start = head.index(_MARK) + len(_MARK)
    return head[:start] + head[start:].rpartition('/')[0] + tail


def name_in_url(url: str) -> str:
    """Return the last name of a URL; of an archive's top, that of the archive."""
    head, tail = split_url(url)
    name = head[head.index(_MARK) + len(_MARK) :].rpartition('/')[2]
    return name or (tail.rpartition('/')[2] if tail else '')
