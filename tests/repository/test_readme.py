"""Every Python example of the documentation runs and prints what the page says, in the order of its page."""

import inspect
import re
import runpy
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from imgstore import get_supported_formats
from imgstore.apps.commands import COMMANDS

from ..helpers import by_chunk
from . import REPOSITORY
from .pages import DOCS, EXAMPLE, GETTING_STARTED, HOW_TO, needs_programs, run_examples

README = REPOSITORY / 'README.md'
PAGES = [README, *sorted(DOCS.rglob('*.md'))]
SESSION = re.compile(r'^```text\n\$ .*?^```$', re.MULTILINE | re.DOTALL)
MAKER = runpy.run_path(str(REPOSITORY / 'tools' / 'make_transcripts.py'))


def check_sessions(page: Path, folder: Path, environment: dict[str, str]) -> None:
    """Run what is typed in each session of the page; it must print what the page says."""
    sessions = SESSION.findall(page.read_text(encoding='utf-8'))
    assert sessions
    for session in sessions:
        typed = re.findall(r'^\$ (.*)$', session, re.MULTILINE)
        assert MAKER['transcribe'](typed, folder, environment).strip() == session


def make_small_video(path: Path) -> None:
    """Make a small video with the frame times of the one of docs/command-lines.md."""
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('libx264', rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, 'yuv420p'
        stream.codec_context.time_base = Fraction(1, 25)
        for number in [number for number in range(500) if number not in range(299, 304)]:
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number % 256, np.uint8), format='bgr24')
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.parametrize(
    'page', [page for page in PAGES if EXAMPLE.search(page.read_text(encoding='utf-8'))], ids=lambda page: page.stem
)
def test_the_examples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if page in HOW_TO:  # their examples read that page's recording
        run_examples(GETTING_STARTED)
    run_examples(page)


def test_only_the_page_of_programs_has_examples_left_out() -> None:
    """`tests/programs` runs that page in full."""
    left_out = [page.stem for page in PAGES for found in EXAMPLE.findall(page.read_text()) if needs_programs(found[0])]
    assert set(left_out) <= {'other-programs'}


@pytest.mark.process
@pytest.mark.parametrize(
    'page', [page for page in HOW_TO if SESSION.search(page.read_text(encoding='utf-8'))], ids=lambda page: page.stem
)
def test_the_commands_print_what_the_page_says(
    page: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run_examples(GETTING_STARTED)
    environment = MAKER['new_environment'](tmp_path_factory.mktemp('scripts'))
    check_sessions(page, tmp_path, environment)


@pytest.mark.process
def test_the_readme_session_prints_what_it_says(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The commands of the README print what it says, for a video of 20 s that lacks 5 frames."""
    make_small_video(tmp_path / 'video.mp4')
    check_sessions(README, tmp_path, MAKER['new_environment'](tmp_path_factory.mktemp('scripts')))


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


def test_the_pages_state_one_bound_of_loss() -> None:
    """Whatever page says that at most half a second is lost names the exception next to it."""
    texts = [' '.join(page.read_text(encoding='utf-8').split()) for page in PAGES]
    bounds = [
        text[found.start() :][:75] for text in texts for found in re.finditer('at most the last half second', text)
    ]
    assert len(bounds) >= 4
    assert [bound for bound in bounds if 'unless the disk stalls for longer.' not in bound] == []


def test_how_to_pages_name_their_recording() -> None:
    pages = {page.stem: page.read_text(encoding='utf-8') for page in HOW_TO}
    assert [
        name for name, text in pages.items() if "'recording'" in text and '(../getting-started.md)' not in text
    ] == []


def test_the_functions_of_a_page_are_those_tested() -> None:
    """Another test runs those of the page on clusters on a cluster of processes."""
    tested = inspect.getsource(by_chunk).partition('\n\n')[2]
    page = (DOCS / 'how-to' / 'compute-on-a-cluster.md').read_text(encoding='utf-8')
    assert EXAMPLE.findall(page)[0][0] == tested


def test_the_links_within_the_repository_lead_somewhere() -> None:
    for page in PAGES:
        targets = re.findall(r'\]\((?!https?:|#)([^)#]+)', page.read_text(encoding='utf-8'))
        assert [target for target in targets if not (page.parent / target).exists()] == []
