"""Every Python example of the documentation runs, in a folder of its own, in the order of its page."""

import re
from pathlib import Path

import pytest

from imgstore import get_supported_formats
from imgstore.apps.commands import COMMANDS

from . import REPOSITORY

README = REPOSITORY / 'README.md'
PAGES = [README, *sorted((REPOSITORY / 'docs').glob('*.md'))]
EXAMPLE = re.compile(r'^```python\n(.*?)^```$', re.MULTILINE | re.DOTALL)


def examples(page: Path) -> list[tuple[int, str]]:
    """The page's Python blocks, each with the line that it begins on."""
    text = page.read_text(encoding='utf-8')
    return [(text.count('\n', 0, found.start(1)), found[1]) for found in EXAMPLE.finditer(text)]


@pytest.mark.parametrize('page', [page for page in PAGES if examples(page)], ids=lambda page: page.name)
def test_the_examples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {'__name__': '__main__'}
    for line, source in examples(page):
        exec(compile('\n' * line + source, str(page), 'exec'), names)


def test_the_readme_has_examples() -> None:
    assert examples(README)


def test_the_readme_has_the_two_commands_that_ci_pastes() -> None:
    commands = re.findall(r'^python3 -m venv .*$', README.read_text(encoding='utf-8'), re.MULTILINE)
    assert [command.split('&&')[-1].strip() for command in commands] == [
        '.venv/bin/python examples/quickstart.py', '.venv/bin/imgstore-test']


def test_the_readme_names_every_format_and_command_line() -> None:
    text = README.read_text(encoding='utf-8')
    formats = [f'`{name}`' for name in get_supported_formats()]
    assert [name for name in (*formats, *(command.script for command in COMMANDS)) if name not in text] == []


def test_the_links_within_the_repository_lead_somewhere() -> None:
    for page in PAGES:
        targets = re.findall(r'\]\((?!https?:|#)([^)#]+)', page.read_text(encoding='utf-8'))
        assert [target for target in targets if not (page.parent / target).exists()] == []
