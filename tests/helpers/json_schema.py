"""A check of values by a JSON schema, as far as docs/json-output.schema.json goes."""

from __future__ import annotations

from typing import Any

TYPES: dict[str, type | tuple[type, ...]] = {
    'object': dict,
    'array': list,
    'string': str,
    'integer': int,
    'number': (int, float),
    'boolean': bool,
    'null': type(None),
}


def problems(value: Any, schema: dict[str, Any], place: str = '$') -> list[str]:
    """What does not fit; a key that the schema lacks, too."""
    allowed = schema.get('type', [])
    allowed = [allowed] if isinstance(allowed, str) else allowed
    if allowed and not any(is_of(value, name) for name in allowed):
        return [f'{place} is {value!r}, not {" or ".join(allowed)}']
    if isinstance(value, list) and 'items' in schema:
        return [each for at, item in enumerate(value) for each in problems(item, schema['items'], f'{place}[{at}]')]
    if not isinstance(value, dict) or 'properties' not in schema:
        return []
    properties = schema['properties']
    found = [f'{place}.{name} is not described' for name in value if name not in properties]
    found += [f'{place}.{name} is missing' for name in schema['required'] if name not in value]
    return found + [
        each
        for name, item in value.items()
        if name in properties
        for each in problems(item, properties[name], f'{place}.{name}')
    ]


def is_of(value: Any, name: str) -> bool:
    """Whether a value has a type of JSON; true and false are no numbers."""
    return isinstance(value, TYPES[name]) and (name == 'boolean' or not isinstance(value, bool))
