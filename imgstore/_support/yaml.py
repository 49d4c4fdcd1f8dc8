"""Reading and writing YAML, as plain data only."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Hashable, Iterator
from itertools import chain
from typing import Any

import numpy as np
import yaml

from ..errors import CorruptFileError, RemoteAccessError
from .regular_files import read_regular
from .text import decode_text

_DEEPEST = 100
"""Maximum levels of lists and mappings, since each takes a level of the stack in Python or C."""

_MOST_VALUES = 100_000
"""Maximum number of values in a file with fewer bytes: aliases of three bytes can stand for long lists."""

_LONGEST_NUMBER = 1000
"""Maximum characters. PyYAML reads base 60 (1:59:59) in quadratic time: 0.9 MB take a minute. Long hexadecimal numbers
become integers of more than 4300 digits, and Python cannot print them."""

_MAX_BYTES = 2**26
"""Maximum size of a file: the index of two million frames, read in minutes."""

_STANDARD = 'tag:yaml.org,2002:'
_NOT_ALLOWED = re.compile('[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]')
_ESCAPED_SURROGATE = re.compile(r'\\u[dD][89a-fA-F]')


_StrictLoader = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)


class _Lenient:
    """Loader of invalid values as text; the values around them stay readable."""

    def construct_mapping(self, node: yaml.Node, deep: bool = False) -> dict[Any, Any]:
        pairs = list(node.value)  # merging changes them
        with contextlib.suppress(yaml.YAMLError, TypeError, ValueError):
            mapping: dict[Any, Any] = super().construct_mapping(node, deep)  # type: ignore[misc]
            return mapping
        construct: Callable[..., Any] = self.construct_object  # type: ignore[attr-defined]
        return {_as_key(construct(key, deep=True)): construct(value, deep=True) for key, value in pairs}


class _Loader(_Lenient, _StrictLoader):  # type: ignore[misc, valid-type]
    """Safe loader, with plain data for unknown tags.

    So it reads the python/… tags of old recordings.
    """


class _SlowLoader(_Lenient, yaml.SafeLoader):
    """The same loader in Python; unlike libyaml, it accepts escaped surrogates."""

    def construct_scalar(self, node: Any) -> Any:
        """Join pairs of surrogates, as written by JSON."""
        text = super().construct_scalar(node)
        return text.encode('utf-16-le', 'surrogatepass').decode('utf-16-le', 'surrogatepass')


def _as_key(value: Any) -> Hashable:
    try:
        hash(value)
    except TypeError:
        return str(value)
    return value  # type: ignore[no-any-return]


def _plain_node(loader: Any, tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return _scalar(loader, tag, node)
    if isinstance(node, yaml.MappingNode):
        mapping = loader.construct_mapping(node, deep=True)
        return set(mapping) if tag == 'set' else mapping
    values = loader.construct_sequence(node, deep=True)
    if tag.endswith('.multiarray.scalar'):
        with contextlib.suppress(Exception):  # numpy raises many kinds of errors for an invalid dtype
            return _numpy_scalar(*values)
    return tuple(values) if tag == 'tuple' else values


_SCALARS: dict[str, Callable[[Any, Any], Any]] = {
    'int': yaml.SafeLoader.construct_yaml_int,
    'long': yaml.SafeLoader.construct_yaml_int,
    'float': yaml.SafeLoader.construct_yaml_float,
    'bool': yaml.SafeLoader.construct_yaml_bool,
    'none': lambda loader, node: None,
    'null': lambda loader, node: None,
    'binary': yaml.SafeLoader.construct_yaml_binary,
    'timestamp': yaml.SafeLoader.construct_yaml_timestamp,
    'bytes': yaml.SafeLoader.construct_yaml_binary,
}
"""Constructors by tag, also for PyYAML's tags of Python types; other tags become text."""


def _scalar(loader: Any, tag: str, node: yaml.ScalarNode) -> Any:
    if tag in _SCALARS:
        with contextlib.suppress(Exception):  # datetime, int and base64 raise many kinds of errors
            return _SCALARS[tag](loader, node)
    return loader.construct_scalar(node)


def _numpy_scalar(dtype: dict[str, Any], content: bytes) -> Any:
    """Return a number pickled by numpy as dtype and bytes."""
    return np.frombuffer(content, np.dtype(dtype['args'][0]).newbyteorder(dtype['state'][1]))[0].item()


def _constructor(tag: str) -> Callable[[Any, yaml.Node], Any]:
    return lambda loader, node: _plain_node(loader, tag, node)


for _loader in (_Loader, _SlowLoader):
    for _tag in ('int', 'float', 'bool', 'null', 'binary', 'timestamp', 'str', 'set', 'seq', 'map', 'omap', 'pairs'):
        _loader.add_constructor(_STANDARD + _tag, _constructor(_tag))
    _loader.add_multi_constructor(f'{_STANDARD}python/', _plain_node)
    _loader.add_multi_constructor('', _plain_node)


def load_yaml(path: str) -> Any:
    """Load a YAML file as plain data.

    CorruptFileError names the line of an error.
    """
    try:
        return parse_yaml(read_regular(path, _MAX_BYTES))
    except RemoteAccessError:
        raise
    except Exception as error:  # yaml raises its own errors, and those of int(), regexes and dicts
        told = str(error).replace('"<unicode string>"', 'it').replace('"<byte string>"', 'it')
        raise CorruptFileError(f'{path} cannot be read as YAML: {" ".join(told.split())}', path=path) from error


def parse_yaml(data: bytes) -> Any:
    """Parse YAML into plain data; raises many kinds of errors."""
    with _nodes_of(data) as (loader, node):
        return None if node is None else loader.construct_document(node)


def compose_yaml(data: bytes) -> yaml.Node | None:
    """Parse YAML into nodes, which know their lines; raises many kinds of errors."""
    with _nodes_of(data) as (_, node):
        return node


def plain_of_node(node: yaml.Node) -> Any:
    """Return the plain data of a node of `compose_yaml`."""
    return _SlowLoader('').construct_document(node)


def pairs_of_node(node: yaml.MappingNode) -> list[tuple[yaml.Node, yaml.Node]]:
    """Return keys and values of a mapping, those merged by << first."""
    _SlowLoader('').flatten_mapping(node)
    pairs: list[tuple[yaml.Node, yaml.Node]] = node.value
    return pairs


@contextlib.contextmanager
def _nodes_of(data: bytes) -> Iterator[tuple[Any, yaml.Node | None]]:
    """Compose bounded nodes, with the loader that constructs them."""
    text = _NOT_ALLOWED.sub('\ufffd', decode_text(data))
    if '\0' in text:
        raise ValueError(f'there is a zero byte in line {text.count(chr(10), 0, text.index(chr(0))) + 1}')
    kind = _SlowLoader if _ESCAPED_SURROGATE.search(text) else _Loader
    _check_depth(text, kind)
    loader = kind(text)
    try:
        node = loader.get_single_node()
        if node is not None and _count_values(node, {}) > max(_MOST_VALUES, len(text)):
            raise ValueError('its aliases stand for too many values')
        yield loader, node
    finally:
        loader.dispose()


def check_yaml(data: bytes) -> None:
    """Raise an error of any kind for invalid YAML.

    Also where `parse_yaml` would replace invalid values.
    """
    parse_yaml(data)
    yaml.load(data, Loader=_StrictLoader)


def _check_depth(text: str, kind: Any) -> None:
    """Reject deep nesting, since yaml's recursion in C would overflow the stack."""
    longest_line = max(map(len, text.splitlines()), default=0)
    if text.count('[') + text.count('{') + longest_line <= 10 * _DEEPEST:
        return  # each level takes a bracket or a column
    depth = 0
    for event in yaml.parse(text, Loader=kind):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise ValueError(f'it is nested too deeply in line {_line(event)}')


def _line(where: Any) -> int:
    return int(where.start_mark.line) + 1


def _count_values(node: yaml.Node, known: dict[yaml.Node, int | None], depth: int = 0) -> int:
    """Count the values after expanding all aliases."""
    if isinstance(node, yaml.ScalarNode):
        if len(node.value) > _LONGEST_NUMBER and node.tag.endswith((':int', ':float')):
            raise ValueError(f'it has a number that is too long in line {_line(node)}')
        return 1
    if depth > _DEEPEST or (node in known and known[node] is None):
        raise ValueError(f'it is nested too deeply in line {_line(node)}')
    count = known.get(node)
    if count is None:
        known[node] = None
        children = chain.from_iterable(node.value) if isinstance(node, yaml.MappingNode) else node.value
        count = known[node] = 1 + sum(_count_values(child, known, depth + 1) for child in children)
    return count


def dump_yaml(content: Any) -> bytes:
    """Return plain data as YAML, in order and in ASCII.

    Raises yaml.YAMLError for other data.
    """
    text: str = yaml.safe_dump(content, default_flow_style=False, sort_keys=False)
    return text.encode()
