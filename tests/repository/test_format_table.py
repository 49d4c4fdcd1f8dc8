"""The tables of docs/formats.md are those of `benchmarks/format_table.py`, which measures every format."""

import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from imgstore.measuring import SCENES

from . import REPOSITORY

PAGE = REPOSITORY / 'docs' / 'formats.md'


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(REPOSITORY / 'benchmarks'))
    return import_module('format_table')


def between(text: str, begin: str) -> str:
    return text.partition(f'{begin}\n')[2].partition('<!-- end -->')[0]


def test_the_facts_of_the_page_are_those_of_the_formats(script: Any) -> None:
    assert between(PAGE.read_text(encoding='utf-8'), script.FACTS_BEGIN) == script.facts_table()


def test_the_page_has_a_table_for_each_recording_and_size(script: Any) -> None:
    measured = between(PAGE.read_text(encoding='utf-8'), script.BEGIN)
    assert re.findall('^### (.*)$', measured, re.MULTILINE) == [
        script._title(script.Place(size, scene)) for size in script.SIZES for scene in SCENES
    ]


def test_the_page_describes_each_recording() -> None:
    text = ' '.join(PAGE.read_text(encoding='utf-8').split())
    assert [scene.name for scene in SCENES if f'**{scene.name.capitalize()}**: {scene.description}' not in text] == []


def test_the_page_begins_with_five_lines_to_decide_by() -> None:
    before = PAGE.read_text(encoding='utf-8').partition('<!--')[0]
    assert len(re.findall('^- ', before, re.MULTILINE)) == 5


def test_the_script_puts_gray_and_colour_into_the_page(
    script: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(script, 'SIZES', ((96, 64),))
    monkeypatch.setattr(script.measure, '__defaults__', (script.SIZES,))
    page, numbers = tmp_path / 'page.md', tmp_path / 'all.json'
    page.write_text(PAGE.read_text(encoding='utf-8'), encoding='utf-8')
    script.main(['npy', 'pgm', '--quick', '--json', str(numbers), '--markdown', str(page)])
    rows = re.findall(r'^\| `(\w+)` \| (.*) \|$', between(page.read_text(encoding='utf-8'), script.BEGIN), re.MULTILINE)
    assert [name for name, _ in rows] == ['npy', 'pgm'] * len(SCENES)
    assert rows[0][1].endswith('exact')
    assert rows[1][1].endswith('exact / -')
    assert 'no measurements' in page.read_text(encoding='utf-8')
    assert [each['color'] for each in json.loads(numbers.read_text(encoding='utf-8'))] == [False, True] * 6
    assert 'Camera noise, 96 x 64, gray / colour' in capsys.readouterr().out


def test_a_page_without_a_place_is_refused_early(script: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, 'measure', lambda *_: pytest.fail('it measured first'))
    page = tmp_path / 'page.md'
    page.write_text(f'{script.FACTS_BEGIN}\n<!-- end -->\n', encoding='utf-8')
    with pytest.raises(SystemExit, match=r'page\.md'):
        script.main(['--markdown', str(page)])
