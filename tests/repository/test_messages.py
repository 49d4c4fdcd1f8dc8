"""Messages are not logic: warnings go through one helper, and no code reads the text of an error or a warning."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / 'imgstore'
MODULES = sorted(PACKAGE.rglob('*.py'))
HELPER = PACKAGE / '_support' / 'warn.py'

READS_TEXT = (
    'removeprefix',
    'removesuffix',
    'startswith',
    'endswith',
    'find',
    'index',
    'partition',
    'split',
    'count',
    'match',
    'search',
    'fullmatch',
    'replace',
)
"""Methods of strings and functions of `re` by which a program learns something from a text."""

ALLOWED = {'_support/yaml.py': 1, 'ondisk/metadata.py': 1}
"""How often a module reads one: that of PyYAML's errors, to put it on one line."""


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def name_of(call: ast.Call) -> str:
    return ast.unparse(call.func)


@pytest.mark.parametrize('path', MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_warning_counts_frames_or_goes_past_the_helper(path: Path) -> None:
    found = list(calls(ast.parse(path.read_text(encoding='utf-8'))))
    assert not [call for call in found for keyword in call.keywords if keyword.arg == 'stacklevel']
    given = [name_of(call) for call in found if name_of(call) in ('warnings.warn', 'warnings.warn_explicit')]
    assert given == (['warnings.warn_explicit'] if path == HELPER else [])


@pytest.mark.parametrize('path', MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_code_reads_the_text_of_an_error(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding='utf-8'))
    caught = {node.name for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) and node.name}
    read = [ast.unparse(node) for node in ast.walk(tree) if reads_text(node, caught)]
    assert len(read) == ALLOWED.get(path.relative_to(PACKAGE).as_posix(), 0), read


def reads_text(node: ast.AST, caught: set[str]) -> bool:
    """``str(error).startswith(...)``, ``'x' in str(error)``, ``re.search('x', str(error))``, ``error.args``."""
    if isinstance(node, ast.Compare):
        return any(is_text(part, caught) for part in (node.left, *node.comparators))
    if isinstance(node, ast.Attribute) and node.attr == 'args':
        return isinstance(node.value, ast.Name) and node.value.id in caught
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr not in READS_TEXT:
        return False
    return any(is_text(part, caught) for part in (node.func.value, *node.args))


def is_text(node: ast.AST, caught: set[str]) -> bool:
    """``str(error)``, ``repr(error)``, ``str(warning.message)``."""
    if not isinstance(node, ast.Call) or name_of(node) not in ('str', 'repr') or not node.args:
        return False
    argument = node.args[0]
    return (isinstance(argument, ast.Name) and argument.id in caught) or (
        isinstance(argument, ast.Attribute) and argument.attr == 'message'
    )


@pytest.mark.parametrize(
    'code',
    [
        'str(error).removeprefix("x")',
        '"x" in str(error)',
        're.search("x", str(error))',
        'error.args[0]',
        '"x" in str(each.message)',
        'repr(error) == "x"',
    ],
)
def test_reading_a_text_is_noticed(code: str) -> None:
    assert any(reads_text(node, {'error'}) for node in ast.walk(ast.parse(code)))
