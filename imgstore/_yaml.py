"""YAML in and out, as plain data only."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
import yaml

from ._regular_files import read_regular
from .errors import CorruptFileError

_DEEPEST = 100
"""Levels of lists and mappings; yaml and much that follows go a level of Python's or C's stack deep for each."""

_MOST_VALUES = 100_000
"""Of a file with fewer bytes: an alias takes three bytes, and may stand for a list of aliases."""

_LONGEST_NUMBER = 1000
"""Characters; Python makes no text of an int of more than 4300 digits, and yaml is slow to read one."""


_MAX_BYTES = 2**26
"""Of a file: the index of two million frames, which takes minutes to read."""


class _Loader(getattr(yaml, 'CSafeLoader', yaml.SafeLoader)):  # type: ignore[misc]
    """Safe loading that takes python/… tags of old recordings for the plain data under them."""


def _plain_node(loader: Any, tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    values = loader.construct_sequence(node, deep=True)
    if tag.endswith('.multiarray.scalar'):
        return _numpy_scalar(*values)
    return tuple(values) if tag == 'tuple' else values


def _numpy_scalar(dtype: dict[str, Any], content: bytes) -> Any:
    """The number that numpy pickles as its dtype and its bytes."""
    return np.frombuffer(content, np.dtype(dtype['args'][0]).newbyteorder(dtype['state'][1]))[0].item()


_Loader.add_multi_constructor('tag:yaml.org,2002:python/', _plain_node)


def load_yaml(path: str) -> Any:
    """What a YAML file holds, as plain data; CorruptFileError if it is no YAML."""
    try:
        return parse_yaml(read_regular(path, _MAX_BYTES))
    except Exception as error:  # beside its own errors, yaml lets through what int(), a regex or a dict raise
        raise CorruptFileError(f'{path} is not readable as YAML: {" ".join(str(error).split())}') from error


def parse_yaml(text: bytes) -> Any:
    """What YAML says, as plain data; errors of many kinds if it is none."""
    _check_depth(text)
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if _count_values(node, {}) > max(_MOST_VALUES, len(text)):
            raise ValueError('its aliases stand for too many values')
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _check_depth(text: bytes) -> None:
    """Refuse what is nested so deeply that yaml, which goes down in C, would run out of stack."""
    longest_line = max(map(len, text.splitlines()), default=0)
    if text.count(b'[') + text.count(b'{') + longest_line <= 10 * _DEEPEST:
        return  # a level takes a bracket, or a column
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise ValueError('it is nested too deeply')


def _count_values(node: yaml.Node, known: dict[yaml.Node, int | None], depth: int = 0) -> int:
    """How many values there are when each alias is written out."""
    if isinstance(node, yaml.ScalarNode):
        if len(node.value) > _LONGEST_NUMBER and node.tag.endswith((':int', ':float')):
            raise ValueError('it has a number that is too long')
        return 1
    if depth > _DEEPEST or (node in known and known[node] is None):
        raise ValueError('it is nested too deeply')
    count = known.get(node)
    if count is None:
        known[node] = None
        children = chain.from_iterable(node.value) if isinstance(node, yaml.MappingNode) else node.value
        count = known[node] = 1 + sum(_count_values(child, known, depth + 1) for child in children)
    return count


def dump_yaml(content: Any) -> bytes:
    """YAML of plain data, in its order and in ASCII; yaml.YAMLError where there is no plain form."""
    text: str = yaml.safe_dump(content, default_flow_style=False, sort_keys=False)
    return text.encode()
