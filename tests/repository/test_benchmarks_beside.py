"""The benchmark beside other readers checks every frame, and its table compares with the best of them."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from . import REPOSITORY

WORKS = {'sequence', 'random', 'batch', 'slice', 'batches', 'backwards', 'steps', 'first'}


@pytest.fixture(autouse=True)
def _path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(REPOSITORY / 'benchmarks'))


@pytest.fixture
def video(tmp_path: Path) -> tuple[str, dict[str, Any]]:
    """A tiny video with B-frames in a store."""
    videos, model = import_module('videos'), import_module('model')
    about = videos.as_arguments(videos.scaled(videos.VIDEOS[5], model.TINY))
    path = str(tmp_path / 'store')
    videos.record_video(path, about['video'], 4)
    return path, about['video']


@pytest.mark.parametrize('reader', ['ours', 'PyAV', 'OpenCV'])
def test_a_reader_gives_every_frame_of_all_work(video: tuple[str, Any], reader: str) -> None:
    found = import_module('beside').read_beside(video[0], reader, video[1])
    assert found.pop('remarks') == {}
    assert set(found) == WORKS
    assert min(found.values()) > 0


def test_a_wrong_frame_gets_a_remark_and_no_number(video: tuple[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    readers = import_module('readers')
    right = readers.PyAV.one
    monkeypatch.setattr(readers.PyAV, 'one', lambda self, index: right(self, index - (index == 149)))
    found = import_module('beside').read_beside(video[0], 'PyAV', video[1])
    assert '148 for 149' in found['remarks']['backwards']
    assert not set(found['remarks']) & set(found)
    assert {'sequence', 'first'} <= set(found)


def test_a_wrong_frame_of_ours_ends_the_work(video: tuple[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    readers = import_module('readers')
    right = readers.Ours.one
    monkeypatch.setattr(readers.Ours, 'one', lambda self, index: right(self, max(index - 1, 0)))
    with pytest.raises(import_module('numbered').WrongFrameError, match='wrong frame'):
        import_module('beside').read_beside(video[0], 'ours', video[1])


def slices(path: str) -> set[int]:
    """Numbers of slices in the frames of a video in mp4."""
    found = set()
    with import_module('av').open(path) as container:
        for data in (bytes(packet) for packet in container.demux(video=0) if packet.size):
            place, count = 0, 0
            while place < len(data):
                count += data[place + 4] & 31 in (1, 5)  # types of its units that are slices
                place += 4 + int.from_bytes(data[place : place + 4], 'big')
            found.add(count)
    return found


def test_videos_have_the_slices_that_are_told(video: tuple[str, Any], tmp_path: Path) -> None:
    videos, model = import_module('videos'), import_module('model')
    about = videos.as_arguments(videos.scaled(videos.VIDEOS[7], model.TINY))['video']
    videos.record_video(str(tmp_path / 'slices'), about, 4)
    assert about['slices'] == 4
    assert slices(videos.file_of(str(tmp_path / 'slices'))) == {4}
    assert slices(videos.file_of(video[0])) == {1}


def test_the_videos_have_each_property_twice() -> None:
    videos = import_module('videos').VIDEOS
    for of in (lambda one: one.size, lambda one: one.gray, lambda one: one.b_frames > 0, lambda one: one.group):
        values = [of(one) for one in videos]
        assert min(values.count(value) for value in values) >= 2
    assert {one.group for one in videos} == {1, 16, 50, 250}
    assert [one.name for one in videos if one.settings is None] == ['own chunk']


def test_the_table_compares_with_the_best_reader() -> None:
    """A reader with a wrong frame has no figure, and is not the best; two goals have a mark each."""
    model, bench, report = (import_module(name) for name in ('model', 'bench', 'report'))
    results, case = bench.Results(), next(iter(import_module('cases_beside').beside(model.FULL)))
    for side, fps in (('ours', 100.0), ('PyAV', 80.0), ('PIMS', 90.0), ('OpenCV', 200.0), ('limit', 125.0)):
        results.values[case.name, side, 'sequence'].append(fps)
    results.remarks[case.name, 'OpenCV', 'sequence'] = 'gave a wrong frame'
    rows = report.rows([case], results)
    line = import_module('report_beside').lines(rows)[0]
    headings = import_module('report_beside').HEADINGS
    cells = dict(zip(headings, line, strict=True))
    assert (cells['PIMS'], cells['OpenCV'], cells['ratio to the best']) == ('90', '-', '1.11')
    assert (cells['goal'], cells['of the limit']) == ('≥ 1 ✓, ≥ 88% of limit ✗', '80%')
    assert import_module('report_beside').notes(rows) == ['own chunk, in sequence: OpenCV gave a wrong frame']


def test_numbers_survive_in_gray_and_colour() -> None:
    np, numbered = import_module('numpy'), import_module('numbered')
    for shape in ((96, 128), (240, 320, 3)):
        image = np.full(shape, 128, np.uint8)
        numbered.draw(image, 2049)
        numbered.check([numbered.cut(image)], [2049], shape[:2])
        with pytest.raises(numbered.WrongFrameError, match='2049 for 7'):
            numbered.check([numbered.cut(image)], [7], shape[:2])
        image[-20:] = 128
        with pytest.raises(numbered.WrongFrameError, match='2049 above 0'):
            numbered.check([numbered.cut(image)], [2049], shape[:2])
