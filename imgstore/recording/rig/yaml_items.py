"""Values of a YAML file with their lines, for errors that say where they are."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import yaml

from ..._support.regular_files import read_regular
from ..._support.similar_names import close_names, suggestion
from ..._support.text import one_line
from ..._support.yaml import compose_yaml, pairs_of_node, plain_of_node
from ...errors import CorruptFileError, InvalidArgumentError, StoreIOError

_MAX_BYTES = 2**20


@dataclass(frozen=True)
class Item:
    """A value of a YAML file.

    Attributes
    ----------
    path : str
        The file.
    key : str
        Keys that lead to it, with dots between them. '' is the whole content.
    line : int
        Its line, from 1.
    node : yaml.Node
        The value.
    """

    path: str
    key: str
    line: int
    node: yaml.Node

    @property
    def value(self) -> Any:
        """The value as plain data."""
        return plain_of_node(self.node)

    @property
    def text(self) -> str | None:
        """The value as written, such as 007; None for a list or a mapping."""
        return str(self.node.value) if isinstance(self.node, yaml.ScalarNode) else None

    def wrong(self, allowed: str) -> InvalidArgumentError:
        """Return the error for this value, which says what is allowed."""
        shown = repr(self.value) if self.text is None else repr(self.text)
        return self.error(f'{shown} is not allowed; allowed: {allowed}')

    def error(self, what: object) -> InvalidArgumentError:
        """Return an error with file, line and key."""
        place = f', {self.key}' if self.key else ''
        return InvalidArgumentError(
            f'{self.path}, line {self.line}{place}: {one_line(what)}',
            argument=self.key.rpartition('.')[2] or None,
            path=self.path,
            reason=one_line(what),
        )

    def items(self, known: Collection[str] | None = None) -> dict[str, Item]:
        """Return the values of a mapping by their keys.

        Parameters
        ----------
        known
            The allowed keys. None: any.

        Raises
        ------
        InvalidArgumentError
            It is no mapping, has an unknown key, or a key twice.
        """
        if not isinstance(self.node, yaml.MappingNode):
            raise self.wrong('keys with values, such as fps: 100')
        self._check_unique()
        return dict(self._item(key, value, known) for key, value in pairs_of_node(self.node))

    def _check_unique(self) -> None:
        seen: dict[Any, int] = {}
        for key, _ in self.node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in seen and name != '<<':
                raise self.error(f'key {name!r} is in lines {seen[name]} and {line}; remove one')
            seen[name] = line

    def _item(self, key: yaml.Node, value: yaml.Node, known: Collection[str] | None) -> tuple[str, Item]:
        name = str(key.value)
        item = Item(self.path, f'{self.key}.{name}'.lstrip('.'), key.start_mark.line + 1, value)
        if not isinstance(key, yaml.ScalarNode):
            raise item.error('a key must be text')
        if known is not None and name not in known:
            raise item.error(f'unknown key{suggestion(close_names(name, known), "allowed", known)}')
        return name, item

    def read(self, convert: Callable[[Item], Any]) -> Any:
        """Convert the value, with its place in errors of the arguments."""
        try:
            return convert(self)
        except InvalidArgumentError as error:
            raise error if error.path == self.path else self.error(error) from error


def load_items(path: str) -> Item:
    """Load a YAML file.

    Raises
    ------
    StoreIOError
        It cannot be read.
    CorruptFileError
        It is no YAML. The error has the line.
    """
    try:
        node = compose_yaml(read_regular(path, _MAX_BYTES))
    except OSError as error:
        raise StoreIOError(f'{path!r} cannot be read: {error.strerror or error}', path=path) from error
    except Exception as error:  # yaml raises its own errors, and those of the limits
        mark = getattr(error, 'problem_mark', None)
        place = '' if mark is None else f', line {mark.line + 1}'
        what = one_line(getattr(error, 'problem', None) or error)
        raise CorruptFileError(f'{path}{place}: this is no YAML: {what}', path=path, reason=what) from error
    if node is None:
        raise InvalidArgumentError(f'{path} is empty; it must have folder and cameras', path=path)
    return Item(os.fspath(path), '', node.start_mark.line + 1, node)
