"""The page of the command lines says what they do: its tables are made of them, its transcripts by them."""

import re
import runpy
import subprocess
from pathlib import Path

import pytest

from imgstore.apps.commands import COMMANDS

from . import REPOSITORY

PAGE = (REPOSITORY / 'docs' / 'command-lines.md').read_text(encoding='utf-8')
MAKER = runpy.run_path(str(REPOSITORY / 'tools' / 'make_transcripts.py'))
BLOCKS = {(block['kind'], block['name']): block[0] for block in MAKER['BLOCK'].finditer(PAGE)}
SECTIONS = dict(re.findall(r'^## (imgstore-\w+)\n(.*?)(?=^## |\Z)', PAGE, re.MULTILINE | re.DOTALL))


def test_every_command_has_its_section() -> None:
    assert list(SECTIONS) == [
        'imgstore-save',
        'imgstore-record',
        'imgstore-view',
        'imgstore-info',
        'imgstore-export',
        'imgstore-convert',
        'imgstore-index',
        'imgstore-verify',
        'imgstore-reindex',
        'imgstore-repair',
        'imgstore-test',
        'imgstore-completion',
    ]
    assert set(SECTIONS) == {command.script for command in COMMANDS}


@pytest.mark.parametrize('name', [command.name for command in COMMANDS])
def test_the_table_of_a_commands_options_is_that_of_its_help(name: str) -> None:
    assert MAKER['options_table'](name) in BLOCKS['options', name]
    assert BLOCKS['options', name] in SECTIONS[f'imgstore-{name}']


def test_the_table_of_keys_is_that_of_the_window() -> None:
    assert MAKER['keys_table']() in BLOCKS['keys', 'view']
    assert BLOCKS['keys', 'view'] in SECTIONS['imgstore-view']


@pytest.mark.parametrize('command', COMMANDS, ids=lambda command: command.name)
def test_section_names_only_options_of_its_command(command) -> None:
    """A section names no option that its command does not have."""
    known = {option for action in command.parser()._actions for option in action.option_strings}
    named = set(re.findall(r'(?<![\w-])--[a-z][a-z0-9-]+', SECTIONS[command.script]))
    assert named <= known | {'--verbose'}


def test_every_transcript_is_of_the_commands_that_make_it() -> None:
    made = {
        name: re.findall(r'^\$ (.*)$', block, re.MULTILINE)
        for (kind, name), block in BLOCKS.items()
        if kind == 'transcript'
    }
    assert made == MAKER['SESSION']


@pytest.mark.process
def test_the_commands_of_the_transcripts_run(tmp_path: Path) -> None:
    (tmp_path / 'scripts').mkdir()
    environment = MAKER['new_environment'](tmp_path / 'scripts')
    MAKER['prepare'](tmp_path)
    for command in [
        *MAKER['SESSION']['save'],
        *MAKER['SESSION']['info'],
        *MAKER['SESSION']['export'][:1],
        *MAKER['SESSION']['verify'],
        *MAKER['SESSION']['reindex'],
        *MAKER['SESSION']['repair'],
    ]:
        subprocess.run(['bash', '-c', command], cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert (tmp_path / 'part.mp4').exists()


def test_the_table_of_exit_codes_is_that_of_the_commands() -> None:
    """Tests of the commands compare each of them with what a process returns."""
    assert MAKER['exit_codes_table']() in BLOCKS['exit', 'codes']
    assert [int(code) for code in re.findall(r'^\| (\d+) \|', BLOCKS['exit', 'codes'], re.MULTILINE)] == [
        0,
        1,
        2,
        3,
        130,
        141,
        143,
    ]
