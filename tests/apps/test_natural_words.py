"""What people type before they read the documentation: it works, or the error says what to type."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

import imgstore
from imgstore.apps.commands import COMMANDS
from imgstore.apps.dispatch import main
from imgstore.errors import InvalidArgumentError
from imgstore.formats import resolve_format

from ..helpers.fake_camera import FakeCamera
from ..helpers.films import make_film, read
from ..helpers.frames import index_in, numbered
from ..helpers.small_stores import store_of

SHAPE = (64, 96, 3)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a video, images and a store, in which one types."""
    monkeypatch.chdir(tmp_path)
    make_film(tmp_path / 'film.mkv', [numbered(n, SHAPE) for n in range(3)], 'bgr0')
    (tmp_path / 'images').mkdir()
    cv2.imwrite(str(tmp_path / 'images' / '0.png'), numbered(7, SHAPE))
    store_of(tmp_path / 'store', [0, 1, 2])
    return tmp_path


def indexes(path: str) -> list[int]:
    return [index_in(image) for image in read(Path(path))[0]]


def wrong(arguments: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The error of wrong usage: one line of usage, one of the error."""
    with pytest.raises(SystemExit) as end:
        main(arguments.split())
    usage, told = capsys.readouterr().err.splitlines()
    assert (end.value.code, usage.startswith('usage: imgstore')) == (2, True)
    return told


@pytest.mark.parametrize(
    'arguments',
    [
        'save film.mkv new',
        'save film.mkv --format npy new',
        'save --format npy film.mkv new',
        'save film.mkv new --format npy',
        'save --source film.mkv new',
        'save new --source film.mkv',
        'save --format avc1 film.mkv new',
    ],
)
def test_source_and_destination_are_two_words_in_any_place(arguments: str, folder: Path) -> None:
    assert main(arguments.split()) == 0
    assert indexes('new') == [0, 1, 2]


def test_one_word_is_the_destination(camera: type[FakeCamera], folder: Path) -> None:
    camera.gives = 3
    assert main(['save', '--frames', '2', 'new']) == 0
    assert len(read(folder / 'new')[1]) == 2


def test_the_number_of_a_camera_is_a_source(camera: type[FakeCamera], folder: Path) -> None:
    assert main(['save', '--frames', '2', '0', 'new']) == 0
    assert len(read(folder / 'new')[1]) == 2


def test_without_a_camera_the_error_says_how_to_save_a_video(
    camera: type[FakeCamera], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    camera.works = False
    assert main(['save', 'new']) == 1
    assert capsys.readouterr().err.endswith('to save a video, run: imgstore save VIDEO new\n')


def test_a_folder_of_images_is_a_source(folder: Path) -> None:
    assert main(['save', '--format', 'png', 'images', 'new']) == 0
    assert indexes('new') == [7]


@pytest.mark.parametrize(
    ('arguments', 'told'),
    [
        ('film.mkv', 'run: imgstore save film.mkv film'),
        ('images', 'run: imgstore save images images-store'),
        ('store', 'run: imgstore view store'),
        ('.', 'run: imgstore info --recursive .'),
        ('..', 'run: imgstore info --recursive ..'),
        ('other.mp4', 'run: imgstore save VIDEO STORE'),
        ('./-dash.mp4', 'run: imgstore save ./-dash.mp4 ./-dash'),
        ('exprt film.mkv', "'exprt' is not allowed; did you mean export? Allowed: save, "),
        ('save film.mkv', 'run: imgstore save film.mkv film'),
        ('save new film.mkv', 'the source comes first: imgstore save film.mkv new'),
        ('save --source film.mkv store film', 'there are two sources'),
        ('save --format mp4 film.mkv new', "'mp4' is not allowed; did you mean avc1/mp4? Allowed: "),
        ('save --format h264 film.mkv new', 'did you mean avc1/mp4?'),
        ('convert --format H265 store new', 'did you mean hevc/mp4?'),
        ('save --qualty 5 film.mkv new', 'did you mean --quality?'),
        ('info --recursiv store', 'did you mean --recursive?'),
        ('export --as vidio store new', 'did you mean video?'),
        ('export --frames 3 store new', 'unrecognized arguments: --frames; did you mean --to-index?'),
        ('export --colour 3 store new', 'unrecognized arguments: --colour; imgstore-export --help'),
        ('index', 'imgstore-index --help lists all options'),
    ],
)
def test_wrong_words_are_told_the_right_ones(
    arguments: str, told: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if arguments == './-dash.mp4':
        (folder / '-dash.mp4').touch()
    assert told in wrong(arguments, capsys)
    (folder / '-dash.mp4').unlink(missing_ok=True)
    assert sorted(path.name for path in folder.iterdir()) == ['film.mkv', 'images', 'store']


@pytest.mark.parametrize(
    ('path', 'told'),
    [
        ('film.mkv', 'to make a store of this file, run: imgstore save'),
        ('images', 'to make a store of its images, run: imgstore save'),
        ('.', 'to list the stores in it, run: imgstore info --recursive'),
        ('stor', 'did you mean store?'),
    ],
)
def test_a_path_that_is_no_store_is_told_what_to_run(
    path: str, told: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['info', path]) == 1
    err = capsys.readouterr().err
    assert err.count('\n') == 1
    assert told in err


@pytest.mark.parametrize('arguments', [['info', ''], ['export', '', 'new.csv'], ['save', 'film.mkv', '']])
def test_an_empty_path_is_told(arguments: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 1
    assert capsys.readouterr().err.endswith("path is ''; give a path, not empty and without zero bytes\n")


def test_an_empty_value_is_not_as_if_it_was_not_given(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['export', '--clip', '', 'store', 'new.csv']) == 1
    with pytest.raises(SystemExit) as end:
        main(['info', '--plot', '', 'store'])
    assert end.value.code == 2
    assert sorted(path.name for path in folder.iterdir()) == ['film.mkv', 'images', 'store']


@pytest.mark.parametrize(
    ('source', 'told'),
    [
        ('flim.mkv', "'flim.mkv' does not exist; did you mean film.mkv?\n"),
        ('image', "'image' does not exist; did you mean images?\n"),
        ('nofile.mp4', "'nofile.mp4' does not exist; give a video, an image or a folder of images\n"),
    ],
)
def test_a_missing_source_is_told_what_to_give(
    source: str, told: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['save', source, 'new']) == 1
    assert capsys.readouterr().err == f'imgstore-save: {told}'
    assert not (folder / 'new').exists()


@pytest.mark.parametrize('command', COMMANDS, ids=lambda command: command.name)
def test_usage_is_one_line(command, capsys: pytest.CaptureFixture[str]) -> None:
    usage, after = command.parser().format_help().split('\n', 2)[:2]
    assert (usage.startswith(f'usage: {command.script} ['), after) == (True, '')
    assert len(usage) < 120


@pytest.mark.parametrize(
    ('name', 'meant'),
    [
        ('mp4', 'avc1/mp4'),
        ('h264', 'avc1/mp4'),
        ('H264/MP4', 'avc1/mp4'),
        ('.avi', 'mjpeg/avi'),
        ('tiff', 'tif'),
        ('jpeg', 'jpg'),
        ('PNG', 'png'),
    ],
)
def test_a_format_is_suggested_in_python_too(name: str, meant: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        resolve_format(name)
    assert f'is not supported; did you mean {meant}? Supported formats: tif, ' in str(caught.value)


# --- what is printed


@pytest.mark.parametrize(
    'arguments',
    [
        'save film.mkv new',
        'export store new.npz',
        'convert --format npy store new',
        'index store',
        'verify store',
        'repair store',
    ],
)
def test_quiet_prints_nothing(arguments: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*arguments.split(), '--quiet']) == 0
    assert capsys.readouterr() == ('', '')


def test_quiet_keeps_errors_and_damage(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['index', '--quiet', 'none']) == 1
    assert 'does not exist' in capsys.readouterr().err
    image = next((folder / 'store').glob('*/*.npy'))
    image.write_bytes(image.read_bytes()[:-1] + b'x')
    assert main(['verify', '--quiet', 'store']) == 1
    assert 'damaged' in capsys.readouterr().out


def test_quiet_shows_no_bar_on_a_terminal(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr('sys.stderr.isatty', lambda: True)
    assert main(['export', '--quiet', 'store', 'new.npz']) == 0
    assert capsys.readouterr() == ('', '')


def test_a_store_of_one_frame_is_quiet_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with imgstore.new_for_format('npy', 'one', imgshape=(4, 5)) as store:
        store.add_image(np.zeros((4, 5), np.uint8), 0, 0.0)
    assert main(['info', '--quiet', 'one']) == 0
    assert '1, numbered from 0 to 0' in capsys.readouterr().out
