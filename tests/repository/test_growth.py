"""The benchmark of growth measures every line, names how it grows, and draws the same plot of the same numbers."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from . import REPOSITORY


@pytest.fixture
def growth(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(REPOSITORY / 'benchmarks'))
    monkeypatch.setattr('time.sleep', lambda seconds: None)
    return import_module('growth')


def test_every_line_is_measured(growth: Any, tmp_path: Path) -> None:
    work = import_module('work')
    plan = growth.Plan((1, 3), 20, 5, (10_000,), 80_000, (1, 2), 3, 1)
    lines = growth.measure(lambda task, **given: work.answer(task, given), str(tmp_path), plan)
    assert {(line.panel, tuple(line.points)) for line in lines} == {
        ('frames', (20, 60)),
        ('pixels', (10_000,)),
        ('cameras', (1, 2)),
    }
    assert len(lines) == 4 + 2 * len(growth.FORMATS) + 2
    assert min(value for line in lines for value in line.points.values()) > 0


@pytest.mark.parametrize(
    ('name', 'time'),
    [
        ('flat', lambda x: 3.0),
        ('logarithmic', lambda x: x**0.2),
        ('linear', lambda x: 5 + x / 100),
        ('more than linear', lambda x: x**1.5),
    ],
)
def test_growth_is_judged_by_the_exponent(growth: Any, name: str, time: Any) -> None:
    line = growth.Line('frames', 'open', {10**power: time(10**power) for power in range(2, 9)})
    assert line.growth == name


def test_the_plot_is_the_same_of_the_same_numbers(growth: Any, tmp_path: Path) -> None:
    lines = [growth.Line(panel, 'a line', {1: 1.0, 8: 2.0}) for panel in ('frames', 'cameras')]
    for name in ('one.svg', 'two.svg'):
        import_module('growth_plot').draw(tmp_path / name, lines)
    text = (tmp_path / 'one.svg').read_text(encoding='utf-8')
    assert text == (tmp_path / 'two.svg').read_text(encoding='utf-8')
    assert 'a line: linear' in text


def test_the_page_gets_the_plot_and_a_table_for_each_panel(growth: Any, tmp_path: Path) -> None:
    page, plot = tmp_path / 'page.md', tmp_path / 'images' / 'growth.svg'
    plot.parent.mkdir()
    page.write_text(f'Before.\n{growth.BEGIN}\nold\n<!-- end -->\nAfter.\n', encoding='utf-8')
    lines = [growth.Line('frames', 'open', {10: 1.0, 1000: 1.0}), growth.Line('cameras', 'add_image', {1: 1.0, 2: 2.0})]
    growth._tell(growth._parse(['--markdown', str(page), '--plot', str(plot)]), lines)
    text = page.read_text(encoding='utf-8')
    assert '](images/growth.svg)' in text
    assert '| open | 1 | 1 | -0.00 | flat |' in text.replace(' 0.00', ' -0.00')
    assert '| add_image | 1 | 2 | 1.00 | linear |' in text
    assert 'old' not in text
    assert plot.exists()


def test_a_page_without_a_place_is_refused_early(growth: Any, tmp_path: Path) -> None:
    page = tmp_path / 'page.md'
    page.write_text('no marks', encoding='utf-8')
    with pytest.raises(SystemExit, match=r'page\.md'):
        growth.main(['--markdown', str(page)])
