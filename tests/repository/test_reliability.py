"""docs/reliability.md promises what tests hold: every test that it names is there, and every promise names one."""

import ast
import re

import pytest

from . import REPOSITORY

PAGE = (REPOSITORY / 'docs' / 'reliability.md').read_text(encoding='utf-8')
NAMED = re.findall(r'`(tests/\S+\.py)::(\w+)`', PAGE)
PROMISES = ('Killed', 'Without power', 'Full', 'Damaged', 'Live', 'Shared', 'Soak')


@pytest.mark.parametrize(('path', 'name'), NAMED)
def test_every_test_that_is_named_exists(path: str, name: str) -> None:
    module = ast.parse((REPOSITORY / path).read_text(encoding='utf-8'))
    assert name in [node.name for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]


def test_every_promise_has_a_section_and_tests() -> None:
    """Every promise has a section in the documentation, and every row of it names a test."""
    assert tuple(re.findall(r'^## (.*)$', PAGE, re.MULTILINE)) == PROMISES
    counted = '<!-- what (?:faults|power_cut).py found -->.*?<!-- end -->'
    said = re.sub(counted, '', PAGE, flags=re.DOTALL).replace('|---|---|', '')
    rows = re.findall(r'^\| (?!promise)(.*) \| (.*) \|$', said, re.MULTILINE)
    assert [promise for promise, held_by in rows if '::' not in held_by and '---' not in held_by] == []
