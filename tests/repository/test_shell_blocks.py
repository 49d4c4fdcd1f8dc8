"""Every command of the pages and of the issue templates is one that the parsers of imgstore accept.

Blocks of shell lines, lines after `$ ` in blocks of text, and code within a sentence: nothing is run here.
"""

import argparse
import re
import shlex
from collections.abc import Iterator
from itertools import dropwhile, groupby, takewhile
from pathlib import Path
from runpy import run_path
from unittest import mock

import pytest

from imgstore.apps import dispatch
from imgstore.apps.commands import COMMANDS

from . import REPOSITORY

PAGES = [REPOSITORY / 'README.md', *sorted((REPOSITORY / 'docs').rglob('*.md')), REPOSITORY / 'CONTRIBUTING.md']
TEMPLATES = sorted((REPOSITORY / '.github' / 'ISSUE_TEMPLATE').glob('*.yml'))
FENCE = re.compile(r'^[ ]*```(\w*)[^\n]*\n(.*?)^[ ]*```$', re.MULTILINE | re.DOTALL)
OF_IMGSTORE = re.compile(r'imgstore(-[\w-]+)?')
FIRST_LINES = {'imgstore journal 2', 'imgstore journal 1', 'imgstore index 2'}
"""Code that looks like a command: the first bytes of files."""


def shell_lines(page: str) -> list[str]:
    """Return what is typed in the blocks of a page."""
    return [
        line.strip().removeprefix('$ ')
        for language, block in FENCE.findall(page)
        for line in block.replace('\\\n', ' ').splitlines()
        if line.strip().startswith('$ ') or language in ('sh', 'console', 'bash', 'shell')
    ]


def inline_code(page: str) -> list[str]:
    """Return the code in the sentences and tables of a page."""
    return [code.replace('\\|', '|') for code in re.findall(r'`([^`]+)`', FENCE.sub('', page))]


def commands(line: str) -> Iterator[list[str]]:
    """Yield the words of each command of a shell line, without variables and redirections."""
    for inner in re.findall(r'\$\(([^()]*)\)', line):
        yield from commands(inner)
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    for is_operator, group in groupby(lexer, lambda word: re.fullmatch('[|&;()]+', word) is not None):
        called = dropwhile(re.compile(r'\w+=').match, group)
        words = list(takewhile(lambda word: not re.fullmatch('[<>]+', word), called))
        if words and not is_operator:
            yield words


def ours(words: list[str]) -> list[str]:
    """Return the words from the name of a command of imgstore on, or none if it is another program."""
    if '-m' in words and any(word.split('.')[0] == 'imgstore' for word in words[words.index('-m') + 1 :][:1]):
        return ['imgstore', '(python -m imgstore is no command)']
    words = words[1:] if words[0] == 'sudo' else words
    words = [Path(words[0]).name, *words[1:]] if words else []
    return words if words and OF_IMGSTORE.fullmatch(words[0]) else []


def split_name(words: list[str]) -> tuple[argparse.ArgumentParser, list[str]]:
    """Return the parser of a command and its arguments, as `imgstore` would."""
    if words[0] == 'imgstore':
        name, rest = dispatch.parser().parse_args(words[1:2]).command, words[2:]
    else:
        name, rest = words[0].removeprefix('imgstore-'), words[1:]
    found = [command for command in COMMANDS if command.name == name]
    if not found:
        raise ValueError(f'there is no imgstore-{name}')
    return found[0].parser(), rest


def why_wrong(words: list[str], is_sentence: bool = False) -> str:
    """Return why the parser rejects a command, or nothing.

    A sentence may name a command, or an option of it, without its arguments.
    """
    if is_sentence and (words == ['imgstore'] or re.fullmatch(r'imgstore[ -]NAME', ' '.join(words))):
        return ''
    said: list[str] = []
    try:
        with mock.patch.object(
            argparse.ArgumentParser, '_print_message', lambda self, text, file=None: said.append(text)
        ):
            parser, rest = split_name(words)
            if is_sentence and all(word.startswith('-') for word in rest):
                unknown = [word for word in rest if word not in parser._option_string_actions]
                return f'{words}: no option {unknown}' if unknown else ''
            parser.parse_args(rest)
    except ValueError as error:
        return f'{words}: {error}'
    except SystemExit as stop:
        return f'{words}: {said[-1].strip()}' if stop.code else ''
    return ''


def complaints(page: str) -> list[str]:
    """Return what is wrong with the commands of a page."""
    lines = [(line, False) for line in shell_lines(page)]
    lines += [(code, True) for code in inline_code(page) if re.search(r'(^|[\s/])imgstore(-[\w-]+)?(\s|$)', code)]
    found = [
        why_wrong(ours(words), is_sentence)
        for line, is_sentence in lines
        if line not in FIRST_LINES
        for words in commands(line)
        if ours(words)
    ]
    return [each for each in found if each]


def defined_extras() -> set[str]:
    """Return the extras of setup.py."""
    with mock.patch('setuptools.setup') as setup:
        run_path(str(REPOSITORY / 'setup.py'))
    return set(setup.call_args.kwargs['extras_require'])


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.stem)
def test_the_parsers_accept_the_commands_of_a_page(page: Path) -> None:
    assert complaints(page.read_text(encoding='utf-8')) == []


@pytest.mark.parametrize('template', TEMPLATES, ids=lambda path: path.stem)
def test_the_parsers_accept_what_a_template_asks_for(template: Path) -> None:
    asked = re.findall(r': (imgstore[ -][^"\n]*)"?$', template.read_text(encoding='utf-8'), re.MULTILINE)
    assert len(asked) >= 2
    assert [why for command in asked if (why := why_wrong(shlex.split(command)))] == []


@pytest.mark.parametrize(
    'page',
    [
        '```sh\nimgstore export --audoi a.wav STORE part.mp4\n```\n',
        '```sh\npip install . && .venv/bin/imgstore-view --wbe STORE\n```\n',
        '```text\n$ imgstore export --frm-seconds 5 STORE part.mp4\n```\n',
        '```console\n$ imgstore info STORE\nfine\n$ imgstore export STORE\n```\n',
        '```sh\nffmpeg -i a.mp4 - | \\\n    imgstore save --source - --raw\n```\n',
        '```sh\neval "$(imgstore completion fish)"\n```\n',
        '```sh\nTZ=UTC imgstore --verbose info STORE > info.txt\n```\n',
        '```sh\npython -m imgstore info STORE\n```\n',
        'Run `imgstore view --wbe STORE`.\n',
        'The option of `imgstore info --plto` draws.\n',
        'See `imgstore-timecodes`, or `imgstore play STORE`.\n',
        'Run `.venv/bin/imgstore-export STORE`.\n',
    ],
)
def test_a_wrong_command_on_a_page_is_found(page: str) -> None:
    assert complaints(page)


def test_the_search_finds_the_commands_of_a_page() -> None:
    """Every command is in a block of some page, and each kind of block is read."""
    typed = [ours(words) for page in PAGES for line in shell_lines(page.read_text()) for words in commands(line)]
    names = {' '.join(words).replace('-', ' ', 1).split()[1] for words in typed if words}
    assert names == {command.name for command in COMMANDS}
    assert [*commands('A=1 ffmpeg -i v.mp4 - | imgstore save --metadata a=7 s >o && .venv/bin/x')] == [
        ['ffmpeg', '-i', 'v.mp4', '-'],
        ['imgstore', 'save', '--metadata', 'a=7', 's'],
        ['.venv/bin/x'],
    ]


def test_the_extras_on_the_pages_are_those_of_setup() -> None:
    texts = [page.read_text(encoding='utf-8') for page in PAGES]
    named = {
        extra
        for text in texts
        for listed in re.findall(r'(?:\bimgstore|(?<![\w.])\.)\[([\w,-]+)\](?!\()', text)
        for extra in listed.split(',')
    }
    assert {'web', 'test', 'dev', 'docs'} <= named <= defined_extras()


def test_the_targets_of_make_on_the_pages_exist() -> None:
    targets = set(re.findall(r'^(\w+):', (REPOSITORY / 'Makefile').read_text(), re.MULTILINE))
    texts = [page.read_text(encoding='utf-8') for page in PAGES]
    lines = [line for text in texts for line in [*shell_lines(text), *inline_code(text)]]
    assert {'test'} <= {name for line in lines for name in re.findall(r'^make (\w+)', line)} <= targets
    listed = re.search(r'`make (\w+)`, (.*?) do these', (REPOSITORY / 'CONTRIBUTING.md').read_text())
    assert listed is not None
    assert {listed[1], *re.findall(r'`(\w+)`', listed[2])} == targets


def test_the_scripts_on_the_pages_know_their_options() -> None:
    """A script that a page runs with Python is there, and its source has the options given."""
    texts = [page.read_text(encoding='utf-8') for page in PAGES]
    lines = [line for text in texts for line in [*shell_lines(text), *inline_code(text)]]
    found = [words for line in lines for words in re.findall(r'\bpython3? ((?:benchmarks|tools|examples)/.*)', line)]
    assert len(found) >= 5
    for script, *rest in map(str.split, found):
        source = (REPOSITORY / script).read_text(encoding='utf-8')
        assert [word for word in rest if word.startswith('--') and f"'{word}'" not in source] == []
