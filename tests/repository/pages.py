"""The examples of the documentation, run in the order of their page."""

from __future__ import annotations

import contextlib
import io
import os
import re
from pathlib import Path

from . import REPOSITORY

DOCS = REPOSITORY / 'docs'
GETTING_STARTED = DOCS / 'getting-started.md'
HOW_TO = sorted((DOCS / 'how-to').glob('*.md'))
EXAMPLE = re.compile(r'^```python\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?', re.MULTILINE | re.DOTALL)

PROGRAMS = {path.stem.removeprefix('test_') for path in (REPOSITORY / 'tests' / 'programs').glob('test_*.py')}
"""Adapters of programs that only the step `programs` of .ci/full installs."""

_ADAPTER = re.compile(r'^(?:import|from) imgstore\.adapters\.(\w+)', re.MULTILINE)


def needs_programs(source: str) -> bool:
    """Whether an example uses such an adapter. tests/programs runs every example of its page."""
    return not PROGRAMS.isdisjoint(_ADAPTER.findall(source))


def run_examples(page: Path) -> None:
    """Run the page's Python blocks; each must print what the text block after it says, if there is one."""
    text, names = page.read_text(encoding='utf-8'), {'__name__': '__main__'}
    for found in EXAMPLE.finditer(text):
        if needs_programs(found[1]) and not os.environ.get('IMGSTORE_PROGRAMS'):
            continue
        source = '\n' * text.count('\n', 0, found.start(1)) + found[1]
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(source, str(page), 'exec'), names)
        assert found[2] in (None, printed.getvalue())
