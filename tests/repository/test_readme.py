"""Every Python example of the documentation runs and prints what the page says, in the order of its page."""

import contextlib
import io
import re
import runpy
from pathlib import Path

import pytest

from imgstore import get_supported_formats
from imgstore.apps.commands import COMMANDS

from . import REPOSITORY

README = REPOSITORY / 'README.md'
DOCS = REPOSITORY / 'docs'
GETTING_STARTED = DOCS / 'getting-started.md'
HOW_TO = sorted((DOCS / 'how-to').glob('*.md'))
PAGES = [README, *sorted(DOCS.rglob('*.md'))]
EXAMPLE = re.compile(r'^```python\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?', re.MULTILINE | re.DOTALL)

SESSION = re.compile(r'^```text\n\$ (imgstore [^\n]*)\n(.*?^```)$', re.MULTILINE | re.DOTALL)
MAKER = runpy.run_path(str(REPOSITORY / 'tools' / 'make_transcripts.py'))


def run_examples(page: Path) -> None:
    """Run the page's Python blocks; each must print what the text block after it says, if there is one."""
    text, names = page.read_text(encoding='utf-8'), {'__name__': '__main__'}
    for found in EXAMPLE.finditer(text):
        source = '\n' * text.count('\n', 0, found.start(1)) + found[1]
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(source, str(page), 'exec'), names)
        assert found[2] in (None, printed.getvalue())


@pytest.mark.parametrize(
    'page', [page for page in PAGES if EXAMPLE.search(page.read_text(encoding='utf-8'))], ids=lambda page: page.stem
)
def test_the_examples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if page in HOW_TO:  # their examples read that page's recording
        run_examples(GETTING_STARTED)
    run_examples(page)


@pytest.mark.parametrize(
    'page', [page for page in HOW_TO if SESSION.search(page.read_text(encoding='utf-8'))], ids=lambda page: page.stem
)
def test_the_commands_print_what_the_page_says(
    page: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run_examples(GETTING_STARTED)
    environment = MAKER['new_environment'](tmp_path_factory.mktemp('scripts'))
    for found in SESSION.finditer(page.read_text(encoding='utf-8')):
        assert MAKER['transcribe']([found[1]], tmp_path, environment).strip() == found[0]


def test_the_readme_has_examples() -> None:
    assert EXAMPLE.search(README.read_text(encoding='utf-8'))


def test_the_readme_has_the_two_commands_that_ci_pastes() -> None:
    commands = re.findall(r'^python3 -m venv .*$', README.read_text(encoding='utf-8'), re.MULTILINE)
    assert [command.split('&&')[-1].strip() for command in commands] == [
        '.venv/bin/python examples/quickstart.py',
        '.venv/bin/imgstore-test',
    ]


def test_docs_name_every_command_and_format() -> None:
    """The README names every command, and the page of formats names every format."""
    readme, formats = README.read_text(encoding='utf-8'), (DOCS / 'formats.md').read_text(encoding='utf-8')
    assert [command.script for command in COMMANDS if command.script not in readme] == []
    assert [name for name in get_supported_formats() if f'`{name}`' not in formats] == []


def test_the_site_leads_to_every_page() -> None:
    site = (REPOSITORY / 'mkdocs.yml').read_text(encoding='utf-8')
    assert [page for page in DOCS.rglob('*.md') if f': {page.relative_to(DOCS).as_posix()}\n' not in site] == []


def test_how_to_pages_name_their_recording() -> None:
    pages = {page.stem: page.read_text(encoding='utf-8') for page in HOW_TO}
    assert [
        name for name, text in pages.items() if "'recording'" in text and '(../getting-started.md)' not in text
    ] == []


def test_the_links_within_the_repository_lead_somewhere() -> None:
    for page in PAGES:
        targets = re.findall(r'\]\((?!https?:|#)([^)#]+)', page.read_text(encoding='utf-8'))
        assert [target for target in targets if not (page.parent / target).exists()] == []
