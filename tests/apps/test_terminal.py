"""No control character of a store, of a name or of an argument reaches the terminal."""

import io
import json
import re
import sys
import warnings

import numpy as np
import pytest

from imgstore import new_for_filename, new_for_format
from imgstore.apps import _terminal, export, info, save, timecodes, view
from imgstore.apps.commands import COMMANDS
from imgstore.apps.index import main as index_main

from ..helpers.checked import not_none

BAD = '\x1b]0;OWNED\x07\x1b[2J\x9b31m\r\x08\x7f\u202e'
NAME = f'x{BAD}y'
OBEYED = re.compile('[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]')


def make(path):
    with new_for_format('npy', path, imgshape=(4, 4), chunksize=2, metadata={BAD: BAD}) as store:
        for index in range(4):
            store.add_image(np.zeros((4, 4), np.uint8), index, index / 25)
        store.add_extra_data(**{BAD: BAD, 'number': 1})
    metadata = path / 'metadata.yaml'
    metadata.write_text(re.sub(r'uuid: \w+', lambda _: f'uuid: {json.dumps(BAD)}', metadata.read_text()))
    return path


@pytest.fixture
def store(tmp_path):
    return make(tmp_path / NAME)


def run(capfd, main, *args):
    """What a command prints on both streams, and its exit code."""
    try:
        code = main([str(arg) for arg in args])
    except SystemExit as end:
        code = end.code
    out, err = capfd.readouterr()
    assert not OBEYED.search(out + err), f'{out!r} {err!r}'
    return code, out, err


COMMAND = {command.name: command.main() for command in COMMANDS}


@pytest.mark.parametrize(
    'args',
    [
        ['info'],
        ['info', '--json'],
        ['info', '--drops', '3'],
        ['repair'],
        ['repair', '--dry-run'],
        ['index'],
        ['reindex'],
    ],
    ids=' '.join,
)
def test_store_commands_print_no_control_character(store, capfd, args):
    """A command that describes a store prints no control character."""
    code, out, _ = run(capfd, COMMAND[args[0]], *args[1:], store)
    assert code == 0
    assert out


def test_what_is_told_as_json_can_be_read_and_is_the_same(store, capfd):
    told = json.loads(run(capfd, info.main, '--json', store)[1])
    assert told['metadata'] == {BAD: BAD}
    assert BAD in told['extra_data_columns']
    assert told['uuid'] == BAD


def test_a_name_stays_on_its_line(tmp_path, capfd):
    make(tmp_path / 'a\nhealth good')
    out = run(capfd, info.main, tmp_path / 'a\nhealth good')[1]
    assert not any(line.startswith('health good') for line in out.splitlines())
    out = run(capfd, COMMAND['repair'], tmp_path / 'a\nhealth good')[1]
    assert len(out.splitlines()) == 1


@pytest.mark.parametrize('command', ['info', 'repair', 'index', 'reindex', 'view', 'export', 'convert', 'save'])
@pytest.mark.parametrize('verbose', [True, False])
def test_an_error_prints_no_control_character(tmp_path, capfd, command, verbose):
    missing = tmp_path / NAME
    args = {
        'export': [missing, tmp_path / 'x.csv'],
        'convert': [missing, tmp_path / 'x', '--format', 'png'],
        'save': ['--source', missing, tmp_path / 'x'],
    }.get(command, [missing])
    code, _, err = run(capfd, COMMAND[command], *args, *['--verbose'] * verbose)
    assert code == 1
    assert 'OWNED' in err


@pytest.mark.parametrize('command', list(COMMAND))
def test_an_argument_is_repeated_without_control_characters(capfd, command):
    if command != 'test':  # which hands on what it does not know
        code, _, err = run(capfd, COMMAND[command], 'x', 'y', f'--{BAD}')
        assert code == 2
        assert err


@pytest.mark.parametrize(
    'options',
    [
        ['--subtitles', f'no{BAD}'],
        ['--sound', f'no{BAD}'],
        ['--sound', BAD],
        ['--audio', f'no{BAD}'],
        ['--from-number', '9'],
        [],
    ],
)
def test_an_export_prints_no_control_character(store, tmp_path, capfd, options):
    code, out, err = run(capfd, export.main, *options, store, tmp_path / f'{NAME}.mkv')
    assert code == bool(options)
    assert 'OWNED' in out + err


def test_a_warning_prints_no_control_character(store, tmp_path, capfd):
    (store / '000001' / 'index.npz').write_bytes(b'')
    with warnings.catch_warnings():
        warnings.simplefilter('always')
        _, _, err = run(capfd, index_main, store)
        assert 'OWNED' in err
        _, _, err = run(capfd, COMMAND['convert'], store, tmp_path / f'{NAME}2', '--format', 'png')
        assert 'OWNED' in err


def test_times_are_printed_as_before(store, capfd):
    assert run(capfd, timecodes.main, store)[1].startswith('# timecode format v2\n0.000\n40.000\n')


def test_what_is_saved_is_told_without_control_characters(tmp_path, capfd):
    import cv2

    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((16, 16), np.uint8))
    code, out, err = run(capfd, save.main, '--source', tmp_path / 'a.png', '--format', 'png', tmp_path / NAME)
    assert code == 0, err
    assert 'OWNED' in out


def test_a_window_has_no_control_character_in_its_title(store, monkeypatch):
    titles = []

    class NoWindowError(Exception):
        pass

    def new_window(title, **_):
        titles.append(title)
        raise NoWindowError

    monkeypatch.setattr(view, 'new_window', new_window)
    monkeypatch.setattr(view, 'check_screen', lambda: None)
    with pytest.raises(NoWindowError):
        view.main([str(store)])
    assert 'OWNED' in titles[0]
    assert not OBEYED.search(titles[0])


def test_the_library_gives_names_as_they_are(store):
    with new_for_filename(store) as reader:
        assert reader.filename == str(store)
        assert reader.user_metadata == {BAD: BAD}
        assert BAD in not_none(reader.get_extra_data())


def test_standard_streams_are_filtered_for_a_command_alone(monkeypatch):
    before = io.StringIO()
    monkeypatch.setattr(sys, 'stdout', before)
    monkeypatch.setattr(sys, 'stderr', None)
    with _terminal.filtered_output():
        print('a\x1b\tb')
        sys.stdout.writelines(['c\x07\n', 'é\n'])
        assert sys.stderr is None
        assert _terminal.unfiltered(sys.stdout) is before
    assert sys.stdout is before
    assert before.getvalue() == 'a\\x1b\tb\nc\\x07\né\n'
