"""Changes from the page: marks of a store, and exports of ranges of frames."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import imgstore
from imgstore.marks import Mark, read_marks, write_marks
from imgstore.viewers.web.work import MOST_MARKS

from ...helpers.frames import index_in, numbered
from ...helpers.serving import Served, served

pytestmark = pytest.mark.process

SHAPE = (64, 96)
COUNT = 40


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    with imgstore.new_for_format('png', tmp_path / 'cam 1', imgshape=SHAPE, chunksize=20) as store:
        for number in range(COUNT):
            store.add_image(numbered(number, SHAPE), 100 + number, number / 10)
            store.add_extra_data(rank=number)
    return tmp_path / 'cam 1'


@pytest.fixture
def page(recording: Path) -> Iterator[Served]:
    with served(str(recording)) as it:
        yield it


def marks_of(page: Served) -> Any:
    return page.get('/api/stores/0/marks')


# --- marks


def test_marks_are_saved_in_the_folder_of_the_recording(page: Served, recording: Path) -> None:
    assert marks_of(page) == {'marks': [], 'version': '', 'writable': True}
    marks = [{'start': 110, 'end': '120', 'label': 'bout, "left"'}, {'start': '131', 'end': None, 'label': ''}]
    answer = page.post('/api/stores/0/marks', {'marks': marks, 'version': ''})
    assert answer.status == 200, answer.body
    assert read_marks(recording / 'marks.csv') == [Mark(110, 120, 'bout, "left"'), Mark(131)]
    seen = marks_of(page)
    assert seen['version'] == answer.json['version']
    first, second = seen['marks']
    assert (first['start'], first['end'], first['label']) == ('110', '120', 'bout, "left"')
    assert (first['first'], first['last']['index']) == ({'index': 10, 'number': '110', 'time': 1.0}, 20)
    assert second['last'] == second['first']


def test_marks_that_were_changed_elsewhere_are_not_overwritten(page: Served, recording: Path) -> None:
    version = page.post('/api/stores/0/marks', {'marks': [{'start': 101}], 'version': ''}).json['version']
    write_marks(recording / 'marks.csv', [Mark(105, label='by hand')])
    answer = page.post('/api/stores/0/marks', {'marks': [], 'version': version})
    assert answer.status == 409
    assert 'reload' in answer.json['error']
    assert read_marks(recording / 'marks.csv') == [Mark(105, label='by hand')]


def test_a_file_that_holds_no_marks_is_told_and_stays(page: Served, recording: Path) -> None:
    (recording / 'marks.csv').write_text('mine')
    answer = page.ask('/api/stores/0/marks')
    assert answer.status == 500
    assert 'marks.csv' in answer.json['error']
    assert page.post('/api/stores/0/marks', {'marks': [], 'version': ''}).status == 500
    assert (recording / 'marks.csv').read_text() == 'mine'


@pytest.mark.parametrize(
    'content',
    [
        [],
        {},
        {'marks': 3},
        {'marks': [3]},
        {'marks': [{'start': 1.5}]},
        {'marks': [{'start': True}]},
        {'marks': [{'start': '9' * 30}]},
        {'marks': [{'start': 5, 'end': 4}]},
        {'marks': [{'start': 5, 'label': 7}]},
        {'marks': [{'start': 5, 'label': 'x' * 501}]},
        {'marks': [{'start': 5, 'label': '\ud800'}]},
        {'marks': [{'start': 5}] * (MOST_MARKS + 1)},
        b'{',
        b'[' * 100_000,
        b'x' * (2**20 + 1),
    ],
    ids=lambda content: str(content)[:30],
)
def test_what_is_no_mark_is_refused(page: Served, recording: Path, content: Any) -> None:
    answer = page.post('/api/stores/0/marks', {'version': '', **content} if isinstance(content, dict) else content)
    assert answer.status in (400, 413), answer.body
    assert answer.json['error']
    assert not (recording / 'marks.csv').exists()


# --- exports


def ended(page: Served, order: dict[str, Any]) -> Any:
    """What is told of an export at its end."""
    answer = page.post('/api/stores/0/exports', {'start': 105, 'end': 114, **order})
    assert answer.status == 200, answer.body
    end = time.monotonic() + 60
    while (job := page.get(f'/api/exports/{answer.json["key"]}'))['state'] in ('waiting', 'running'):
        assert time.monotonic() < end
        time.sleep(0.02)
    return job


def frames_of(path: Path) -> list[int]:
    with av.open(path) as video:
        return [index_in(frame.to_ndarray(format='gray')) for frame in video.decode(video=0)]


@pytest.mark.parametrize('kind', ['mp4', 'mkv'])
def test_a_range_is_exported_as_a_video_with_both_its_ends(page: Served, tmp_path: Path, kind: str) -> None:
    job = ended(page, {'kind': kind})
    assert (job['state'], job['done'], job['total'], job['name']) == ('done', 10, 10, f'cam_1_105-114.{kind}')
    answer = page.ask(f'/api/exports/{job["key"]}/file')
    assert f'filename="{job["name"]}"' in answer.headers['Content-Disposition']
    (tmp_path / job['name']).write_bytes(answer.body)
    assert frames_of(tmp_path / job['name']) == list(range(5, 15))


def test_an_export_next_to_the_recording_replaces_nothing(page: Served, tmp_path: Path) -> None:
    names = [ended(page, {'kind': 'npz', 'beside': True})['name'] for _ in range(2)]
    assert names == ['cam_1_105-114.npz', 'cam_1_105-114_2.npz']
    for name in names:
        with np.load(tmp_path / name) as arrays:
            assert [index_in(image) for image in arrays['images']] == list(range(5, 15))


@pytest.mark.parametrize('kind', ['tif', 'csv'])
def test_stacks_and_tables_are_exported_too(page: Served, kind: str) -> None:
    job = ended(page, {'kind': kind, 'status_bar': kind == 'tif'})
    assert job['state'] == 'done', job
    body = page.ask(f'/api/exports/{job["key"]}/file').body
    assert body[:2] in (b'II', b'MM') if kind == 'tif' else body.count(b'\n') == 11


def test_a_sound_next_to_the_recording_can_be_added(recording: Path, tmp_path: Path) -> None:
    with av.open(tmp_path / 'voice.wav', 'w') as file:
        stream = file.add_stream('pcm_s16le', rate=8000, layout='mono')
        samples = (8000 * np.sin(np.arange(32000) / 5)).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(samples, 's16', 'mono')
        frame.sample_rate = 8000
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    with av.open(tmp_path / 'silent.mp4', 'w') as file:
        video = file.add_stream('libx264', rate=25)
        video.width, video.height = SHAPE[1], SHAPE[0]
        file.mux(video.encode(av.VideoFrame.from_ndarray(numbered(0, SHAPE), 'gray')))
        file.mux(video.encode(None))
    (tmp_path / 'notes.mp3').write_text('no sound')
    with served(str(recording)) as page:
        assert page.get('/api/stores/0/sounds') == ['voice.wav']
        job = ended(page, {'kind': 'mp4', 'sound': 'voice.wav', 'beside': True})
        assert job['state'] == 'done', job
        with av.open(tmp_path / job['name']) as video:
            assert len(video.streams.audio) == 1
        for name in ('../voice.wav', '/etc/passwd', 'cam 1'):
            assert (
                page.post('/api/stores/0/exports', {'start': 105, 'end': 106, 'kind': 'mp4', 'sound': name}).status
                == 400
            )


@pytest.mark.parametrize(
    ('start', 'end', 'expected'),
    [
        (105, 114, {'frames': 10, 'first': '105', 'last': '114', 'all': False}),
        (0, 102, {'frames': 3, 'first': '100', 'last': '102', 'all': False}),
        (0, 2**60, {'frames': COUNT, 'first': '100', 'last': '139', 'all': True}),
    ],
)
def test_what_would_be_exported_is_known_before(page: Served, start: int, end: int, expected: dict[str, Any]) -> None:
    assert page.get(f'/api/stores/0/selection?start={start}&end={end}') == expected


@pytest.mark.parametrize('query', ['', 'start=5', 'start=a&end=b', 'start=9&end=4', 'start=900&end=905'])
def test_a_range_without_frames_is_refused(page: Served, query: str) -> None:
    answer = page.ask(f'/api/stores/0/selection?{query}')
    assert answer.status == 400
    assert answer.json['error']


def test_an_export_that_fails_says_why(page: Served) -> None:
    job = ended(page, {'kind': 'mp4', 'start': 900, 'end': 905})
    assert job['state'] == 'failed'
    assert 'numbered from 100 to 139' in job['note']
    assert page.ask(f'/api/exports/{job["key"]}/file').status == 404


def test_an_export_can_be_cancelled(tmp_path: Path) -> None:
    with imgstore.new_for_format('png', tmp_path / 's', imgshape=(512, 512)) as store:
        for number in range(400):
            store.add_image(np.random.default_rng(number).integers(0, 255, (512, 512), np.uint8), number, number / 10)
    with served(str(tmp_path / 's')) as page:
        key = page.post('/api/stores/0/exports', {'start': 0, 'end': 399, 'kind': 'mp4', 'beside': True}).json['key']
        while not page.get(f'/api/exports/{key}')['done']:
            time.sleep(0.02)
        assert page.post(f'/api/exports/{key}/cancel').status == 200
        while (job := page.get(f'/api/exports/{key}'))['state'] == 'running':
            time.sleep(0.02)
        assert job['state'] == 'cancelled'
        assert [path.name for path in tmp_path.iterdir()] == ['s']


@pytest.mark.parametrize(
    'order',
    [
        {'kind': 'exe'},
        {'kind': 'mp4', 'end': 100},
        {'kind': 'mp4', 'start': 'x'},
        {'kind': 'mp4', 'sound': 3},
        {'kind': 'mp4', 'offset': 'x'},
        {'kind': 'mp4', 'offset': True},
    ],
    ids=str,
)
def test_an_order_that_is_wrong_is_refused(page: Served, order: dict[str, Any]) -> None:
    answer = page.post('/api/stores/0/exports', {'start': 105, 'end': 114, **order})
    assert answer.status == 400
    assert answer.json['error']


def test_an_unknown_export_is_not_found(page: Served) -> None:
    assert page.ask('/api/exports/unknown').status == 404
    assert page.ask('/api/exports/unknown/file').status == 404
    assert page.post('/api/exports/unknown/cancel').status == 404


# --- who may change files


def test_other_sites_can_change_nothing(page: Served, recording: Path) -> None:
    content = {'marks': [{'start': 101}], 'version': ''}
    for headers in (
        {'Sec_Fetch_Site': 'cross-site'},
        {'Sec_Fetch_Site': 'same-site'},
        {'Host': 'evil.example'},
    ):
        assert page.post('/api/stores/0/marks', content, **headers).status in (403, 421)
    plain = page.ask('/api/stores/0/marks', method='POST', Sec_Fetch_Site='same-origin')
    assert plain.status == 403  # without the page's own header
    assert (
        page.ask('/api/stores/0/exports', method='POST', Sec_Fetch_Site='cross-site', X_Imgstore='page').status == 403
    )
    assert not (recording / 'marks.csv').exists()


def test_a_change_needs_a_session_where_the_page_does(recording: Path) -> None:
    with served(str(recording), '--token') as page:
        assert page.post('/api/stores/0/marks', {'marks': [], 'version': ''}).status == 403
        _, cookie = page.open(page.url)
        assert page.post('/api/stores/0/marks', {'marks': [{'start': 101}], 'version': ''}, Cookie=cookie).status == 200


def test_read_only_changes_nothing(recording: Path) -> None:
    write_marks(recording / 'marks.csv', [Mark(101)])
    with served(str(recording), '--read-only') as page:
        seen = marks_of(page)
        assert (len(seen['marks']), seen['writable']) == (1, False)
        assert page.post('/api/stores/0/marks', {'marks': [], 'version': seen['version']}).status == 405
        assert page.post('/api/stores/0/exports', {'start': 105, 'end': 106, 'kind': 'mp4'}).status == 405
    assert read_marks(recording / 'marks.csv') == [Mark(101)]


def test_downloads_are_removed_with_the_server(recording: Path, tmp_path: Path) -> None:
    (tmp_path / 'temporary').mkdir()
    with served(str(recording), '--no-browser', environment={'TMPDIR': str(tmp_path / 'temporary')}) as page:
        ended(page, {'kind': 'mp4'})
        assert list((tmp_path / 'temporary').glob('imgstore-export-*/*/*.mp4'))
    assert not list((tmp_path / 'temporary').glob('imgstore-export-*'))
