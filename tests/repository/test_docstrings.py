"""Docstrings list the parameters that exist."""

import ast
import re
from collections.abc import Iterator

from . import REPOSITORY

SECTION = re.compile(r'^(Parameters|Attributes)\n-+\n(.*?)(?=\n\n\S|\Z)', re.MULTILINE | re.DOTALL)
ENTRY = re.compile(r'(\*{0,2}\w+(?:, \*{0,2}\w+)*)(?: : .+)?')


def documented() -> Iterator[tuple[str, ast.FunctionDef | ast.ClassDef, str, str]]:
    """Yield each entry of the docstrings: its place, its function or class, its section and its first line."""
    for path in sorted((REPOSITORY / 'imgstore').rglob('*.py')):
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                for section, entries in SECTION.findall(ast.get_docstring(node) or ''):
                    for line in re.findall(r'^\S.*', entries, re.MULTILINE):
                        yield f'{path.name}: {node.name}', node, section, line


def names(node: ast.AST) -> set[str]:
    """The parameters of a function or of a class's methods, and the fields of a class."""
    inner = list(ast.walk(node))
    fields = [each.target for each in inner if isinstance(each, ast.AnnAssign)]
    return {each.arg for each in inner if isinstance(each, ast.arg)} | {
        field.id for field in fields if isinstance(field, ast.Name)
    }


def entry_names(line: str) -> list[str]:
    found = ENTRY.fullmatch(line)
    return found[1].replace('*', '').split(', ') if found else []


def test_entries_of_docstrings_begin_with_names() -> None:
    assert [f'{where}: {line}' for where, _, _, line in documented() if not entry_names(line)] == []


def test_docstrings_list_only_parameters_that_exist() -> None:
    assert [
        f'{where}: {name}'
        for where, node, section, line in documented()
        for name in entry_names(line)
        if section == 'Parameters' and name not in names(node)
    ] == []
