"""YAML in and out, as plain data only."""

from __future__ import annotations

from typing import Any

import numpy as np
import yaml

from .errors import CorruptFileError


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
        with open(path, 'rb') as file:
            return parse_yaml(file.read())
    except Exception as error:  # beside its own errors, yaml lets through what int(), a regex or a dict raise
        raise CorruptFileError(f'{path} is not readable as YAML: {" ".join(str(error).split())}') from error


def parse_yaml(text: bytes) -> Any:
    """What YAML says, as plain data; errors of many kinds if it is none."""
    return yaml.load(text, Loader=_Loader)


def dump_yaml(content: Any) -> bytes:
    """YAML of plain data, in its order and in ASCII; yaml.YAMLError where there is no plain form."""
    text: str = yaml.safe_dump(content, default_flow_style=False, sort_keys=False)
    return text.encode()
