"""The file that notes which chunks are verified.

With it an interrupted verification goes on.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from .._support.regular_files import read_regular
from ..errors import CorruptFileError, InvalidArgumentError, StoreIOError
from ..ondisk.files import StrPath
from ..ondisk.index_stamps import stamp
from .verify_report import VerifiedChunk

_STORE = 'imgstore verify'
"""Key of the first line, with the store's uuid."""


class VerifyLog:
    """Chunks without damage, one line of JSON each.

    Damaged ones are compared again: you may have restored them meanwhile.

    Parameters
    ----------
    path : str or PathLike
        The file. It is made if it is missing.
    uuid : str or None
        The store's.
    """

    def __init__(self, path: StrPath, uuid: str | None) -> None:
        self._path = os.fspath(path)
        text = _text_of(self._path)
        first, *lines = list(_parsed(text)) or [{}]
        if text and first.get(_STORE, '') != uuid:
            raise InvalidArgumentError(
                f'{self._path!r} does not note a verification of this store; give the name of another file',
                argument='resume',
                path=self._path,
            )
        self._known = dict(_entries(lines))
        if not text:
            self._append({_STORE: uuid})
        elif not text.endswith('\n'):  # after a kill
            self._write('\n')

    def find(self, number: int, stem: str) -> VerifiedChunk | None:
        """Return what was found of a chunk, unless its index has changed since."""
        with contextlib.suppress(CorruptFileError):
            return self._known.get((number, *stamp(stem)))
        return None

    def note(self, stem: str, chunk: VerifiedChunk) -> None:
        """Note a chunk without damage."""
        if chunk and self.find(chunk.number, stem) is None:
            self._append({'stamp': stamp(stem), 'chunk': asdict(chunk)})

    def _append(self, record: dict[str, Any]) -> None:
        self._write(json.dumps(record) + '\n')

    def _write(self, text: str) -> None:
        try:
            with open(self._path, 'a', encoding='utf-8') as file:
                file.write(text)
        except OSError as error:
            raise StoreIOError(f'{self._path} could not be written: {error.strerror}', path=self._path) from error


def _text_of(path: str) -> str:
    try:
        return read_regular(path).decode(errors='replace')
    except FileNotFoundError:
        return ''
    except OSError as error:
        raise StoreIOError(f'{path} could not be read: {error.strerror}', path=path) from error


def _parsed(text: str) -> Iterator[dict[str, Any]]:
    """Parse the lines; one that a kill tore is left out."""
    for line in text.splitlines():
        with contextlib.suppress(ValueError):
            record = json.loads(line)
            yield record if isinstance(record, dict) else {}


def _entries(lines: Iterable[dict[str, Any]]) -> Iterator[tuple[tuple[int, ...], VerifiedChunk]]:
    for line in lines:
        with contextlib.suppress(KeyError, TypeError):  # written by something else
            chunk = VerifiedChunk(**{**line['chunk'], 'damaged': (), 'changed': (), 'changed_extra_data': False})
            yield (chunk.number, *line['stamp']), chunk
