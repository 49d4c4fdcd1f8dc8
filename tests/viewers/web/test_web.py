from __future__ import annotations

import io
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import imgstore
from imgstore.align import StoreAligner
from imgstore.apps import main_viewer

from ...helpers.checked import not_none
from ...helpers.frames import index_in, numbered
from ...helpers.serving import Served, served

pytestmark = pytest.mark.process

SHAPE = (64, 96)
START = 1717142400.0  # 2024-05-31 08:00 UTC
NUMBERS = [*range(10, 40), *range(45, 90), *range(3, 8)]  # five are missing, then the counter starts anew
TIMES = [START + rank / 10 + (60 if rank >= 50 else 0) for rank in range(len(NUMBERS))]  # and a pause of a minute


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('stores')
    with imgstore.new_for_format(
        'png',
        folder / 'cam_1',
        imgshape=SHAPE,
        chunksize=20,
        metadata={'subject': 'A7', 'odd': [1, {'deep': float('nan')}]},
    ) as store:
        for rank, (number, time) in enumerate(zip(NUMBERS, TIMES, strict=True)):
            store.add_image(numbered(rank, SHAPE), number, time)
            if rank % 3 == 0:
                store.add_extra_data(rank=rank, lever=rank % 2 == 0, note=f'n{rank}')
    with imgstore.new_for_format('npy', folder / 'deep', imgshape=SHAPE, imgdtype='uint16') as store:
        for number in range(12, 50, 2):
            store.add_image(numbered(number, SHAPE).astype(np.uint16) * 200, number, number / 10)
    with imgstore.new_for_format('npy', folder / 'float', imgshape=SHAPE, imgdtype='float32') as store:
        store.add_image(numbered(0, SHAPE).astype(np.float32) / 7, 0, 0.0)
    imgstore.new_for_format('png', folder / 'empty', imgshape=SHAPE).close()
    (folder / 'secret.txt').write_text('secret')
    return folder


@pytest.fixture(scope='module')
def page(folder: Path) -> Iterator[Served]:
    with served(*(str(folder / name) for name in ('cam_1', 'deep', 'float', 'empty'))) as it:
        yield it


# --- what there is


def test_the_stores_are_told_with_their_first_and_last_frame(page: Served) -> None:
    first, deep, floating, empty = page.get('/api/stores')
    assert (first['name'], first['frames'], first['shape'], first['dtype']) == ('cam_1', 80, [*SHAPE], 'uint8')
    assert first['first'] == {'index': 0, 'number': 10, 'time': START}
    assert first['last'] == {'index': 79, 'number': 7, 'time': TIMES[-1]}
    assert first['period'] == pytest.approx(0.1)
    assert (deep['exact'], floating['exact']) == ('png', 'npy')
    assert (empty['frames'], empty['first'], empty['period']) == (0, None, None)


def test_metadata_is_what_the_store_has(page: Served) -> None:
    about = page.get('/api/stores/0')
    assert about['user'] == {'subject': 'A7', 'odd': [1, {'deep': 'nan'}]}
    assert (about['store']['format'], about['store']['chunks']) == ('png', 4)


def test_rows_are_index_number_and_time(page: Served) -> None:
    rows = page.get('/api/stores/0/rows?start=29&count=3')
    assert rows == [{'index': rank, 'number': NUMBERS[rank], 'time': TIMES[rank]} for rank in (29, 30, 31)]
    assert len(page.get('/api/stores/0/rows?start=78&count=100')) == 2
    assert page.get('/api/stores/0/rows?start=80&count=1') == []


@pytest.mark.once
def test_names_and_metadata_of_any_characters_are_told(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path / 'a') + b'\xff\x1b[31m\r\n"<b>\xe2\x80\xae')
    odd = '\x00\x1b]0;x\x07\u202e\r\nSet-Cookie: a=b</script>'
    with imgstore.new_for_format('png', path, imgshape=SHAPE, metadata={odd: odd}) as store:
        store.add_image(numbered(0, SHAPE), 0, 0.0)
        store.add_extra_data(**{odd: 1.5})
    with served(path) as page:
        assert page.get('/api/stores')[0]['name'] == os.path.basename(path)
        assert page.get('/api/stores/0')['user'] == {odd: odd}
        assert page.get('/api/stores/0/extra/0') == {odd: 1.5}
        answer = page.ask('/api/stores/0/image/0.png?download=1')
        assert re.fullmatch(r'attachment; filename="[A-Za-z0-9._-]+"', answer.headers['Content-Disposition'])
        assert 'set-cookie' not in answer.headers
        assert page.ask('/api/stores/0/find?axis=%0d%0aA:b%1b&value=1').status == 400


# --- images


def test_a_png_has_every_bit(page: Served, folder: Path) -> None:
    answer = page.ask('/api/stores/1/image/3.png')
    image = not_none(cv2.imdecode(np.frombuffer(answer.body, np.uint8), cv2.IMREAD_UNCHANGED))
    with imgstore.new_for_filename(folder / 'deep') as store:
        np.testing.assert_array_equal(image, store.get_image(None, frame_index=3)[0])
    assert image.dtype == np.uint16
    assert answer.headers['Content-Type'] == 'image/png'


def test_what_no_png_can_hold_is_given_as_npy(page: Served) -> None:
    image = np.load(io.BytesIO(page.ask('/api/stores/2/image/0.npy').body))
    np.testing.assert_array_equal(image, numbered(0, SHAPE).astype(np.float32) / 7)
    refused = page.ask('/api/stores/2/image/0.png')
    assert refused.status == 500
    assert 'float32' in refused.json['error']


@pytest.mark.parametrize('store', [0, 1, 2])
def test_any_dtype_is_served_as_jpeg_within_width(page: Served, store: int) -> None:
    """The server gives images of any dtype as JPEG, no wider than requested."""
    for width, wide in ((48, 48), (500, 96)):
        answer = page.ask(f'/api/stores/{store}/image/0.jpg?width={width}&quality=90&stretch=1')
        image = not_none(cv2.imdecode(np.frombuffer(answer.body, np.uint8), cv2.IMREAD_GRAYSCALE))
        assert image.shape == (wide * 2 // 3, wide)
        assert np.ptp(image) > 200


def test_the_frame_is_the_one_with_that_index(page: Served) -> None:
    for index in (0, 79, 31, 30, 55):
        for kind in ('image', 'thumbnail'):
            data = page.ask(f'/api/stores/0/{kind}/{index}.jpg').body
            assert index_in(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)) == index


def test_quality_makes_files_larger(page: Served) -> None:
    sizes = [len(page.ask(f'/api/stores/0/image/0.jpg?quality={quality}').body) for quality in (1, 50, 100)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2] / 2


def test_a_download_is_named_by_store_and_number(page: Served) -> None:
    answer = page.ask('/api/stores/0/image/30.png?download=1')
    assert answer.headers['Content-Disposition'] == 'attachment; filename="cam_1_45.png"'


@pytest.mark.once
def test_a_broken_frame_is_an_error_that_says_so(folder: Path, tmp_path: Path) -> None:
    with imgstore.new_for_format('png', tmp_path / 'broken', imgshape=SHAPE) as store:
        for number in range(3):
            store.add_image(numbered(number, SHAPE), number, float(number))
    (tmp_path / 'broken' / '000000' / '000001.png').write_bytes(b'')
    with served(str(tmp_path / 'broken')) as page:
        answer = page.ask('/api/stores/0/image/1.jpg')
        assert answer.status == 500
        assert 'frame #1' in answer.json['error']
        assert page.ask('/api/stores/0/image/2.jpg').status == 200


# --- finding


@pytest.mark.parametrize(
    ('query', 'index', 'exact'),
    [
        ('axis=number&value=45', 30, True),
        ('axis=number&value=42', 29, False),
        ('axis=number&value=-9', 75, False),
        ('axis=index&value=79', 79, True),
        ('axis=index&value=1000', 79, False),
        (f'axis=time&value={START}', 0, True),
        ('axis=time&value=%2B1.04', 10, False),
        ('axis=time&value=2024-05-31T08:00:02Z', 20, True),
        ('axis=time&value=2024-05-31+10:00:02%2B02:00', 20, True),
        ('axis=time&value=1e300', 79, False),
    ],
)
def test_frames_are_found_by_number_index_and_time(page: Served, query: str, index: int, exact: bool) -> None:
    found = page.get(f'/api/stores/0/find?{query}')
    assert (found['index'], found['exact']) == (index, exact)


def test_clock_time_means_the_day_and_zone_of_recording(page: Served, folder: Path) -> None:
    """A clock time refers to the day of the recording in its time zone."""
    with imgstore.new_for_filename(folder / 'cam_1') as store:
        clock = store.convert_frame_time_to_datetime(START + 2).strftime('%H:%M:%S')
    assert page.get(f'/api/stores/0/find?axis=time&value={clock}')['index'] == 20


def test_gaps_are_found_one_after_the_other_both_ways(page: Served) -> None:
    on, back = [], []
    index: Any = 0
    while (index := page.get(f'/api/stores/0/gap?index={index}&direction=1')['found']) is not None:
        on.append(index)
    index = 79
    while (index := page.get(f'/api/stores/0/gap?index={index}&direction=-1')['found']) is not None:
        back.append(index)
    assert on == back[::-1] == [30, 50, 75]


# --- the timeline


def test_the_timeline_tells_what_is_missing_and_where(page: Served) -> None:
    seen = page.get('/api/stores/0/timeline?axis=index&bins=10')
    assert (seen['index'][0], seen['index'][-1], len(seen['index'])) == (0, 79, 10)
    assert [(gap['index'], gap['missing']) for gap in seen['gaps']] == [(30, 5), (50, 0), (75, -87)]
    assert seen['gaps'][1]['seconds'] == pytest.approx(60.1)
    assert [border['index'] for border in seen['borders']] == [20, 40, 60]
    assert sum(seen['missing']) == 5 - 87


def test_a_part_of_the_timeline_is_seen_in_more_detail(page: Served) -> None:
    seen = page.get(f'/api/stores/0/timeline?axis=time&low={START + 2.5}&high={START + 3.5}&bins=50')
    assert seen['index'] == list(range(24, 37))
    assert [gap['index'] for gap in seen['gaps']] == [30]


def test_timeline_by_number_ascends_after_counter_reset(page: Served) -> None:
    """The timeline by frame number ascends even if the camera's counter started again."""
    seen = page.get('/api/stores/0/timeline?axis=number&bins=100')
    assert seen['number'] == sorted(NUMBERS)
    assert seen['index'][0] == NUMBERS.index(3)


@pytest.mark.once
def test_where_the_clock_went_back_the_timeline_is_by_index(tmp_path: Path) -> None:
    with imgstore.new_for_format('npy', tmp_path / 's', imgshape=(4, 4)) as store:
        for number, time in enumerate([0.0, 1.0, 2.0, 0.5, float('nan'), 3.0]):
            store.add_image(np.zeros((4, 4), np.uint8), number, time)
    with served(str(tmp_path / 's')) as page:
        seen = page.get('/api/stores/0/timeline?axis=time')
        assert (seen['axis'], seen['index']) == ('index', [0, 1, 2, 3, 4, 5])
        assert seen['time'][4] is None


def test_an_empty_store_has_an_empty_timeline(page: Served) -> None:
    for axis in ('index', 'time', 'number'):
        seen = page.get(f'/api/stores/3/timeline?axis={axis}')
        assert (seen['index'], seen['gaps'], seen['borders']) == ([], [], [])
    assert page.ask('/api/stores/3/find?axis=number&value=1').status == 404
    assert page.ask('/api/stores/3/image/0.jpg').status == 404


# --- several stores


@pytest.mark.once
@pytest.mark.parametrize('policy', ['drop', 'zoh', 'black'])
def test_several_stores_are_aligned_as_store_aligner_does(folder: Path, policy: str) -> None:
    paths = [str(folder / name) for name in ('cam_1', 'deep')]
    stores = [imgstore.new_for_filename(path) for path in paths]
    numbers = StoreAligner(*stores).extract_common_frames(policy).tolist()
    with served(*paths) as page:
        rows = page.get(f'/api/aligned?number=-100&count=500&policy={policy}')
        back = page.get(f'/api/aligned?number=1000&count=500&direction=-1&policy={policy}')
    assert [row['number'] for row in rows] == [row['number'] for row in back][::-1] == numbers
    for row in rows:
        for store, index, held in zip(stores, row['index'], row['held'], strict=True):
            known = [n for n in store.get_frame_metadata()['frame_number'] if n <= row['number']]
            latest = max(known, default=None)
            expected = latest if latest == row['number'] or policy == 'zoh' else None
            shown = None if index is None else not_none(store.index.frame(index))[0]
            assert shown == expected
            assert held == (expected is not None and expected != row['number'])
    for store in stores:
        store.close()


# --- extra data


def all_extra(page: Served, query: str) -> Any:
    """What is told once all files have been read."""
    while not (seen := page.get(f'/api/stores/0/extra?{query}'))['complete']:
        assert 0 < seen['read'] < 1
    return seen


def test_extra_data_is_binned_as_requested(page: Served) -> None:
    """The server summarises extra data in as many bins as the request asks for."""
    seen = all_extra(page, 'bins=100')
    assert set(seen['columns']) == {'rank', 'lever'}
    assert seen['columns']['rank'] == [[rank, rank, rank] for rank in range(0, 80, 3)]
    assert (seen['complete'], seen['problems']) == (True, [])
    coarse = all_extra(page, 'bins=4')['columns']['rank']
    assert coarse == [[0, 0, 18], [21, 21, 39], [42, 42, 57], [60, 60, 78]]
    part = all_extra(page, 'low=30&high=40&bins=10')['columns']['rank']
    assert part == [[rank, rank, rank] for rank in (30, 33, 36, 39)]


def test_the_record_at_a_frame_is_the_latest_one(page: Served) -> None:
    assert page.get('/api/stores/0/extra/33') == {'rank': 33, 'lever': False, 'note': 'n33'}
    assert page.get('/api/stores/0/extra/41')['rank'] == 39  # in the chunk before
    assert page.get('/api/stores/1/extra/3') == {}
    assert page.get('/api/stores/1/extra')['columns'] == {}


@pytest.mark.once
def test_damaged_extra_data_is_told_and_the_rest_is_there(folder: Path, tmp_path: Path) -> None:
    with imgstore.new_for_format('npy', tmp_path / 's', imgshape=(4, 4), chunksize=2) as store:
        for number in range(4):
            store.add_image(np.zeros((4, 4), np.uint8), number, float(number))
            store.add_extra_data(value=number)
    (tmp_path / 's' / '000000' / 'index.extra.json').write_text('[{')
    with served(str(tmp_path / 's')) as page:
        seen = all_extra(page, '')
        assert seen['columns']['value'] == [[2, 2, 2], [3, 3, 3]]
        assert 'index.extra.json' in seen['problems'][0]


# --- who may ask, and for what


@pytest.mark.parametrize(
    'target',
    [
        '/../secret.txt',
        '/static/../../secret.txt',
        '/static/..%2f..%2fsecret.txt',
        '/static/%2e%2e/server.py',
        '/static/..%5c..%5csecret.txt',
        '/static//etc/passwd',
        '/static/%2fetc%2fpasswd',
        '/static/',
        '/static',
        '/static/index.html%00.js',
        '/etc/passwd',
        '//etc/passwd',
        '/api/stores/../../secret.txt',
        '/api/stores/0/../1',
        '/api/stores/%2e%2e%2fsecret.txt',
        '/api/stores/0/image/..%2f..%2fsecret.txt',
        '/api/stores/',
        '/docs',
        '/api/stores/4',
        '/api/stores/-1',
        '/api/stores/0x0',
        '/api/stores/99999999999999999999',
        '/api/stores/nan',
        '/api/stores/%D9%A3',
        '/api/stores/0/image/80.jpg',
        '/api/stores/0/image/-1.jpg',
        '/api/stores/0/image/1e1.jpg',
        '/api/stores/0/image/99999999999999999999999.jpg',
        '/api/stores/0/image/0.bmp',
        '/api/stores/0/image/0.py',
        '/api/stores/0/thumbnail/9223372036854775807.jpg',
        '/api/stores/0/extra/x',
        '/api/stores/0/nothing',
        '/openapi',
    ],
)
def test_what_is_not_there_is_not_found(page: Served, target: str) -> None:
    answer = page.ask(target)
    assert answer.status == 404
    assert b'secret' not in answer.body
    assert b'root:' not in answer.body


@pytest.mark.parametrize(
    'query',
    [
        'image/0.jpg?quality=0',
        'image/0.jpg?quality=101',
        'image/0.jpg?quality=nan',
        'image/0.jpg?width=0',
        'image/0.jpg?width=-5',
        'image/0.jpg?width=999999999',
        'image/0.jpg?width=1.5',
        'image/0.jpg?stretch=yes',
        'rows',
        'rows?start=0',
        'rows?start=-1&count=1',
        'rows?start=0&count=100000000',
        'rows?start=inf&count=1',
        'rows?start=99999999999999999999&count=1',
        'find',
        'find?axis=number',
        'find?axis=color&value=1',
        'find?axis=number&value=nan',
        'find?axis=number&value=1e400',
        'find?axis=number&value=',
        'find?axis=index&value=1.5',
        'find?axis=time&value=nan',
        'find?axis=time&value=yesterday',
        'find?axis=time&value=99999-01-01',
        'find?axis=time&value=25:00:00',
        'find?axis=time&value=' + '9' * 3000,
        'gap?index=0&direction=2',
        'gap?index=nan&direction=1',
        'timeline',
        'timeline?axis=../x',
        'timeline?axis=time&low=nan',
        'timeline?axis=time&high=inf',
        'timeline?axis=time&bins=1',
        'timeline?axis=time&bins=99999999',
        'extra?low=-1',
        'extra?bins=1000000',
        'thumbnail/0.jpg?width=100000',
    ],
)
def test_a_value_that_is_not_allowed_is_refused_in_one_sentence(page: Served, query: str) -> None:
    answer = page.ask(f'/api/stores/0/{query}')
    assert answer.status == 400
    assert answer.json['error']


@pytest.mark.parametrize('query', ['low=-1e300&high=1e300', 'low=9223372036854775808', 'low=5&high=-5', 'low=1e-300'])
@pytest.mark.parametrize('axis', ['index', 'time', 'number'])
def test_a_place_far_off_the_timeline_is_no_error(page: Served, axis: str, query: str) -> None:
    assert page.ask(f'/api/stores/0/timeline?axis={axis}&{query}').status == 200


@pytest.mark.parametrize('number', ['9223372036854775806', '-9223372036854775806'])
@pytest.mark.parametrize('direction', ['1', '-1'])
@pytest.mark.parametrize('policy', ['drop', 'zoh', 'black'])
def test_any_number_may_be_aligned(page: Served, number: str, direction: str, policy: str) -> None:
    assert page.ask(f'/api/aligned?number={number}&direction={direction}&policy={policy}&count=5').status == 200


@pytest.mark.parametrize(
    'query',
    [
        '',
        'number=x&policy=zoh&count=1',
        'number=1&policy=all&count=1',
        'number=1&policy=zoh&count=0',
        f'number={2**70}&policy=zoh&count=1',
    ],
)
def test_aligning_wants_a_number_a_policy_and_a_count(page: Served, query: str) -> None:
    assert page.ask(f'/api/aligned?{query}').status == 400


@pytest.mark.parametrize('method', ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'CONNECT', 'FOO'])
@pytest.mark.parametrize('target', ['/', '/api/stores', '/api/stores/0/image/0.jpg'])
def test_only_get_is_answered(page: Served, method: str, target: str) -> None:
    assert page.ask(target, method=method).status == 405


def test_head_is_get_without_the_body(page: Served) -> None:
    answer = page.ask('/', method='HEAD')
    assert (answer.status, answer.body) == (200, b'')


@pytest.mark.parametrize('host', ['localhost', '127.0.0.1', 'localhost:9000', '127.0.0.1:1', '[::1]:80', 'LOCALHOST:1'])
def test_this_machines_own_names_are_answered_at_any_port(page: Served, host: str) -> None:
    assert page.ask('/', host).status == 200


@pytest.mark.parametrize(
    'host',
    [
        'evil.example',
        'evil.example:80',
        'localhost.evil.example',
        '127.0.0.1.evil.example',
        'localhost:80@evil.example',
        'evil.example#localhost',
        '0.0.0.0',
        '10.0.0.1',
        '[::2]',
        'localhost:x',
        ':80',
        '::1::',
        '127.1',
        ' ',
        '[',
        ']:1',
    ],
)
def test_any_other_host_is_refused(page: Served, host: str) -> None:
    for target in ('/', '/api/stores', '/api/stores/0/image/0.jpg', '/static/viewer.js'):
        answer = page.ask(target, host)
        assert answer.status in (400, 421)
        assert len(answer.body) < 200


def test_two_hosts_or_none_are_refused(page: Served) -> None:
    for lines in (b'GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n', b'GET / HTTP/1.0\r\n\r\n'):
        with socket.create_connection(('127.0.0.1', page.port), timeout=20) as connection:
            connection.sendall(lines)
            assert connection.recv(100).split()[1] in (b'400', b'421')


def test_other_sites_may_not_ask_nor_read(page: Served) -> None:
    answer = page.ask('/api/stores', Origin='http://evil.example')
    assert not [name for name in answer.headers if name.lower().startswith('access-control')]
    assert answer.headers['Cross-Origin-Resource-Policy'] == 'same-origin'
    assert page.ask('/api/stores', Sec_Fetch_Site='cross-site', Sec_Fetch_Mode='no-cors').status == 403
    assert page.ask('/', Sec_Fetch_Site='cross-site', Sec_Fetch_Mode='navigate').status == 200


@pytest.mark.parametrize('target', ['/', '/api/stores', '/static/viewer.js', '/nothing', '/api/stores/0/image/0.jpg'])
def test_every_answer_has_the_headers_that_keep_others_out(page: Served, target: str) -> None:
    headers = page.ask(target).headers
    policy = headers['Content-Security-Policy']
    assert "default-src 'none'" in policy
    assert 'unsafe' not in policy
    assert 'http' not in policy
    assert headers['X-Content-Type-Options'] == 'nosniff'
    assert headers['X-Frame-Options'] == 'DENY'
    assert headers['Referrer-Policy'] == 'no-referrer'
    assert headers['Cache-Control'] == 'no-store'
    assert 'server' not in headers


def test_the_page_names_nothing_outside(page: Served) -> None:
    folder = Path(imgstore.__file__).parent / 'viewers' / 'web' / 'static'
    for path in folder.iterdir():
        text = path.read_text(encoding='utf-8').replace('http://www.w3.org/2000/svg', '')
        assert '://' not in text
        assert page.ask(f'/static/{path.name}').body == path.read_bytes()


# --- the command line


def test_this_machine_alone_is_served_without_a_link(page: Served) -> None:
    assert page.url == f'http://127.0.0.1:{page.port}/'
    assert page.token is None


@pytest.mark.once
@pytest.mark.parametrize(('number', 'code'), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_ctrl_c_ends_it_cleanly(folder: Path, number: signal.Signals, code: int) -> None:
    with served(str(folder / 'cam_1')) as page:
        page.get('/api/stores')
        page.process.send_signal(number)
        assert page.process.wait(20) == code


def test_taken_port_or_foreign_address_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A port that is taken or an address of another machine gives a one-line error."""
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main_viewer(['--web', '--no-browser', '--port', port, str(folder / 'cam_1')]) == 1
    assert f'port {port}' in (line := capsys.readouterr().err)
    assert line.count('\n') == 1
    assert main_viewer(['--web', '--no-browser', '--host', '192.0.2.1', str(folder / 'cam_1')]) == 1
    assert '192.0.2.1' in (line := capsys.readouterr().err)
    assert line.count('\n') == 1


def test_a_store_that_is_none_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main_viewer(['--web', '--no-browser', str(tmp_path / 'none')]) == 1
    assert 'none' in (line := capsys.readouterr().err)
    assert line.count('\n') == 1


@pytest.mark.once
def test_a_browser_is_opened_where_there_is_a_screen(folder: Path, tmp_path: Path) -> None:
    browser, opened = tmp_path / 'browser', tmp_path / 'opened'
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}.new && mv {opened}.new {opened}\n')
    browser.chmod(0o755)
    with served(str(folder / 'cam_1'), environment={'BROWSER': str(browser), 'DISPLAY': ':1'}) as page:
        end = time.monotonic() + 20
        while not opened.exists() and time.monotonic() < end:
            time.sleep(0.05)
        assert opened.read_text().strip() == page.url


@pytest.mark.once
def test_over_ssh_the_tunnel_is_told_and_no_browser_is_opened(folder: Path, tmp_path: Path) -> None:
    environment = {'BROWSER': 'false', 'DISPLAY': ':1', 'SSH_CONNECTION': '10.0.0.2 50000 10.0.0.1 22'}
    with served(str(folder / 'cam_1'), environment=environment) as page:
        assert f'ssh -N -L {page.port}:127.0.0.1:{page.port} ' in page.lines.readline()


def test_without_the_packages_of_the_extra_it_is_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, 'uvicorn', None)
    assert main_viewer(['--web', str(folder / 'cam_1')]) == 1
    assert "pip install 'imgstore[web]'" in (line := capsys.readouterr().err)
    assert line.count('\n') == 1


@pytest.mark.parametrize('args', [['--port', '-1'], ['--port', '65536'], ['--port', 'x'], ['--port', '²']])
def test_a_port_that_is_none_is_wrong_usage(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main_viewer(['--web', *args, 'store'])
    assert end.value.code == 2
    assert 'port' in capsys.readouterr().err


@pytest.mark.once
def test_where_there_is_no_screen_the_browser_is_offered(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv('DISPLAY', raising=False)
    monkeypatch.setattr('sys.platform', 'linux')
    assert main_viewer(['--window', str(folder / 'cam_1')]) == 1
    assert f'imgstore-view --web {folder / "cam_1"}' in capsys.readouterr().err
