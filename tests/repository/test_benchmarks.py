"""The benchmarks run, on next to no work and with ours alone: every case gives its numbers, the command its table."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from . import REPOSITORY

FOLDER = REPOSITORY / 'benchmarks'


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A bench for tiny work, which it does in this process."""
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setattr('time.sleep', lambda seconds: None)
    module, model, work = (import_module(name) for name in ('bench', 'model', 'work'))

    def in_this_process(self: Any, environment: str, request: dict[str, Any]) -> dict[str, Any]:
        return {'import': 1.0, **work.answer(request['task'], request['arguments'])}

    monkeypatch.setattr(module.Bench, 'process', in_this_process)
    return module.Bench(tmp_path, tmp_path, model.TINY, ours_only=True)


def test_every_case_gives_its_numbers(bench: Any) -> None:
    cases = import_module('cases').cases(import_module('model').TINY)
    for case in cases:
        bench.run(case, 0)
    rows = import_module('report').rows(cases, bench.results)
    assert {note for row in rows for note in row.notes if 'left out' not in note} == set()
    assert [row.name for row in rows if row.ours is None and not row.notes] == []
    limited = [row for row in rows if row.case.limit and row.case.limit.metric == row.metric.key]
    assert [row.name for row in limited if row.limit is None and not row.notes] == []


@pytest.mark.process
def test_the_command_tells_a_table_json_and_markdown(tmp_path: Path) -> None:
    page = tmp_path / 'page.md'
    page.write_text((REPOSITORY / 'docs' / 'performance.md').read_text(encoding='utf-8'), encoding='utf-8')
    command: list[str | Path] = [
        sys.executable,
        FOLDER / 'run.py',
        '--quick',
        '--ours-only',
        '--only',
        'open 20 chunks of 10,000$',
        '--folder',
        tmp_path,
        '--environments',
        tmp_path,
        '--json',
        tmp_path / 'all.json',
        '--markdown',
        page,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    numbers = json.loads((tmp_path / 'all.json').read_text(encoding='utf-8'))
    assert [row['unit'] for row in numbers['rows']] == ['ms', 'MB']
    assert numbers['rows'][0]['ours'] > 0
    assert 'open 20 chunks of 10,000' in done.stdout
    assert '| open 20 chunks of 10,000 | ms |' in page.read_text(encoding='utf-8')


@pytest.mark.process
def test_the_kills_tell_a_table_and_json(tmp_path: Path) -> None:
    page = tmp_path / 'page.md'
    page.write_text((REPOSITORY / 'docs' / 'reliability.md').read_text(encoding='utf-8'), encoding='utf-8')
    command: list[str | Path] = [
        sys.executable,
        FOLDER / 'faults.py',
        '--kills',
        '2',
        '--ours-only',
        '--folder',
        tmp_path,
        '--json',
        tmp_path / 'all.json',
        '--markdown',
        page,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads((tmp_path / 'all.json').read_text(encoding='utf-8'))
    assert [kill['wrong'] for kill in found['kills']] == [[], []]
    assert '`tif`' in done.stdout
    assert '| `tif` | ' in page.read_text(encoding='utf-8')


@pytest.mark.parametrize(('name', 'work'), [('power_cut', 'try_one'), ('faults', '_run'), ('run', '_run')])
@pytest.mark.parametrize('content', [None, 'no marks', '<!-- what power_cut.py found -->', b'\xff'])
def test_page_without_table_place_is_refused_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, work: str, content: str | bytes | None
) -> None:
    """A page without a place for the table is refused before the work begins."""
    monkeypatch.syspath_prepend(str(FOLDER))
    module, page = import_module(name), tmp_path / 'page.md'
    if content is not None:
        page.write_bytes(content.encode() if isinstance(content, str) else content)
    begun: list[Any] = []
    monkeypatch.setattr(module, work, lambda *given: begun.append(given))
    folder = [str(tmp_path)] if name == 'power_cut' else ['--folder', str(tmp_path), '--environments', str(tmp_path)]
    with pytest.raises(SystemExit, match=r'page\.md'):
        module.main([*folder, '--markdown', str(page)])
    assert not begun


@pytest.mark.parametrize(
    ('memory', 'descriptors', 'grown'),
    [
        (lambda second: 200.0, lambda second: 7, 0),
        (lambda second: 90.0 + min(second, 110), lambda second: 5 + (second > 60), 0),  # while it gets warm
        (lambda second: 200.0 + second / 10, lambda second: 7, 1),
        (lambda second: 200.0, lambda second: 7 + second // 100, 1),
    ],
)
def test_the_soak_fails_if_memory_or_open_files_grow(
    monkeypatch: pytest.MonkeyPatch, memory: Any, descriptors: Any, grown: int
) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    soak = import_module('soak')
    samples = [soak.Sample(second, '', memory(second), descriptors(second)) for second in range(1200)]
    assert len(soak.growth(samples)) == grown


@pytest.mark.process
def test_the_soak_writes_and_reads_every_format(tmp_path: Path) -> None:
    command: list[str | Path] = [
        sys.executable,
        FOLDER / 'soak.py',
        '--minutes',
        '0.1',
        '--folder',
        tmp_path,
        '--json',
        tmp_path / 'all.json',
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads((tmp_path / 'all.json').read_text(encoding='utf-8'))
    assert {'png', 'npy', 'jpg', 'mjpeg/avi', 'h264/mkv', 'avc1/mp4'} == set(found['formats'])
    assert found['written'] > 0 < found['read']
    assert '0.1 minutes: ' in done.stdout


class CountingCamera:
    """A camera that gives numbered images, and shows another at the place asked for."""

    def __init__(self, module: Any, wrong: int | None = None) -> None:
        self.name, self._wrong, self._module = 'counting', wrong, module
        self.RECORDINGS = [module.Recording('Mono8', 'npy'), module.Recording('Mono8', 'avc1/mp4')]

    def grab(self, pixels: str, seconds: float) -> Any:
        for number in range(5):
            yield self._module.numbered(number, (64, 96)), number, number / 100

    def shows(self, recording: Any, number: int, image: Any) -> bool:
        return bool(self._module.index_in(image) == number != self._wrong)


@pytest.mark.parametrize(('wrong', 'recordings'), [(None, 0), (3, 2)])
def test_every_frame_of_a_camera_is_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: int | None, recordings: int
) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    module = import_module('emulated_cameras')
    found = module.try_all(lambda place, folder: CountingCamera(module, wrong), 0, tmp_path, 1)
    assert found == (20, recordings)
