"""Window or page: what imgstore-view shows a store in."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib.util import find_spec

from .._support.text import count_of
from ..errors import ImgStoreError
from ..viewers.web.serving import USUAL_HOST
from ._hints import as_word

_OF_PAGE = ('host', 'port', 'token', 'root_path', 'allow_host', 'no_browser')
_OF_WINDOW = ('fps', 'loop', 'at', 'hide_statusbar')


def reason_for_page(args: argparse.Namespace, check_screen: Callable[[], None]) -> str | None:
    """Return why stores are shown on a page, or None for a window.

    Parameters
    ----------
    args : argparse.Namespace
    check_screen : callable
        Raises an ImgStoreError if there can be no window.

    Raises
    ------
    ImgStoreError
        Neither is possible.
    """
    if args.web or args.link:
        return '--web'
    if args.window:
        return None
    if given := _given(args, _OF_PAGE):
        return f'{given[0]} is for a page'
    from ..viewers.web.catalog import holds_stores  # takes a moment

    if any(map(holds_stores, args.paths)):
        return 'it lists the stores below a folder'
    if len(args.paths) > 1:
        return f'a page shows {count_of(len(args.paths), "store")} side by side'
    try:
        check_screen()
    except ImgStoreError as error:
        if find_spec('uvicorn') is None or find_spec('starlette') is None:
            raise ImgStoreError(
                f"{error}; for a page in a browser, run: pip install 'imgstore[web]'; "
                f'imgstore-view --web {as_word(args.paths[0])}'
            ) from error
        return str(error)
    return None


def told_page(args: argparse.Namespace, reason: str) -> str:
    """Return the line that says why there is a page.

    It names options without an effect there.
    """
    unused = _given(args, _OF_WINDOW)
    return f'on a page: {reason}' + (f'; without {" and ".join(unused)}, which a window has' if unused else '')


def _given(args: argparse.Namespace, names: tuple[str, ...]) -> list[str]:
    """Return the options that were given, as they are typed."""
    return [f'--{name.replace("_", "-")}' for name in names if not _is_usual(getattr(args, name))]


def _is_usual(value: object) -> bool:
    return value is None or value is False or value in ('', [], USUAL_HOST)
