"""The list of recordings below a folder."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import imgstore
from imgstore.apps import main_viewer
from imgstore.marks import Mark, read_marks

from ...helpers.browser import SHAPE, Browser, Keys, browser
from ...helpers.checked import not_none
from ...helpers.frames import index_in, numbered
from ...helpers.serving import Served, served

pytestmark = pytest.mark.process

START = 1717142400.0  # 2024-05-31 08:00 UTC


def record(path: Path, count: int, fmt: str = 'png', start: float = START, missing: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with imgstore.new_for_format(fmt, path, imgshape=SHAPE, chunksize=20) as store:
        for index in range(count):
            number = index + (missing if index > count // 2 else 0)
            store.add_image(numbered(index, SHAPE), number, start + number / 10)


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('lab')
    record(folder / 'mouse 2' / 'trial', 40, start=START + 3600)
    record(folder / 'mouse 10' / 'trial', 30, 'avc1/mp4', missing=7)
    record(folder / 'mouse 10' / 'other camera', 30, 'mjpeg/avi')
    record(folder / 'empty', 0)
    record(folder / 'torn', 45)
    (folder / 'torn' / '000001' / 'index.npz').write_bytes(b'')
    record(folder / 'broken', 5)
    (folder / 'broken' / 'metadata.yaml').write_text('__store: [')
    (folder / 'notes').mkdir()
    (folder / 'notes' / 'secret.txt').write_text('secret')
    return folder


@pytest.fixture(scope='module')
def site(folder: Path) -> Iterator[Served]:
    with served(str(folder)) as page:
        yield page


def listed(site: Served, seconds: float = 20) -> dict[str, Any]:
    """The recordings by their names, once all are found."""
    end = time.monotonic() + seconds
    while not (told := site.get('/api/recordings'))['complete'] and time.monotonic() < end:
        time.sleep(0.05)
    return {row['name']: row for row in told['recordings']}


def test_all_stores_below_a_folder_are_listed(site: Served) -> None:
    rows = listed(site)
    assert set(rows) == {'mouse 2/trial', 'mouse 10/trial', 'mouse 10/other camera', 'empty', 'torn', 'broken'}
    first = rows['mouse 10/trial']
    assert (first['frames'], first['missing_numbers'], first['state']) == (30, 7, 'good')
    assert (first['first_time'], first['duration']) == (START, pytest.approx(3.6))
    assert first['bytes_on_disk'] > 1000
    assert rows['torn']['state'] == 'damaged'
    assert rows['torn']['problem']
    assert rows['broken']['state'] == 'unreadable'
    assert (rows['empty']['frames'], rows['empty']['first_time']) == (0, None)


def test_a_thumbnail_is_the_frame_in_the_middle(site: Served) -> None:
    for name, row in listed(site).items():
        answer = site.ask(f'/api/recordings/{row["key"]}/thumbnail.jpg?width=192')
        if name in ('empty', 'broken'):
            assert answer.status in (404, 500)
            assert answer.json['error']
            continue
        image = not_none(cv2.imdecode(np.frombuffer(answer.body, np.uint8), cv2.IMREAD_GRAYSCALE))
        assert index_in(image) == row['frames'] // 2


def test_any_recording_is_a_page_of_its_own(site: Served) -> None:
    rows = listed(site)
    home = f'/open/{rows["mouse 2/trial"]["key"]}/'
    assert b'id="stage"' in site.ask(home).body
    assert site.get(f'{home}api/stores')[0]['frames'] == 40
    image = not_none(cv2.imdecode(np.frombuffer(site.ask(f'{home}api/stores/0/image/17.png').body, np.uint8), 0))
    np.testing.assert_array_equal(image, numbered(17, SHAPE))
    assert site.ask(f'{home}static/viewer.js').status == 200
    assert site.ask(home[:-1]).headers['Location'] == f'{rows["mouse 2/trial"]["key"]}/'


def test_several_recordings_are_a_page_in_the_order_given(site: Served) -> None:
    rows = listed(site)
    numbers = [rows[name]['key'] for name in ('mouse 10/trial', 'mouse 2/trial')]
    stores = site.get(f'/open/{numbers[0]},{numbers[1]}/api/stores')
    assert [store['frames'] for store in stores] == [30, 40]
    assert site.get(f'/open/{numbers[0]},{numbers[1]}/api/aligned?number=0&policy=drop&count=3')[0]['number'] == 0


def test_pages_of_the_list_save_marks_and_export(tmp_path: Path) -> None:
    record(tmp_path / 'lab' / 'a', 30)
    record(tmp_path / 'lab' / 'b', 30)
    with served(str(tmp_path / 'lab')) as site:
        rows = listed(site)
        home, both = (f'/open/{keys}' for keys in (rows['a']['key'], f'{rows["a"]["key"]},{rows["b"]["key"]}'))
        assert site.get(f'{home}/api/stores/0/marks')['writable']
        marks = [{'start': '3', 'end': '9', 'label': 'grooming'}]
        saved = site.post(f'{home}/api/stores/0/marks', {'marks': marks, 'version': ''})
        assert saved.status == 200
        assert read_marks(tmp_path / 'lab' / 'a' / 'marks.csv') == [Mark(3, 9, 'grooming')]
        assert site.get(f'{both}/api/stores/0/marks')['version'] == saved.json['version']
        assert site.post(f'{both}/api/stores/0/marks', {'marks': [], 'version': ''}).status == 409
        job = site.post(f'{both}/api/stores/1/exports', {'start': 3, 'end': 9, 'kind': 'npz'}).json
        while (job := site.get(f'{both}/api/exports/{job["key"]}'))['state'] not in ('done', 'failed'):
            time.sleep(0.05)
        with np.load(io.BytesIO(site.ask(f'{both}/api/exports/{job["key"]}/file').body)) as arrays:
            assert [index_in(image) for image in arrays['images']] == list(range(3, 10))
        assert site.post(f'{home}/api/stores/0/marks', {'marks': []}, Sec_Fetch_Site='cross-site').status == 403


def test_pages_of_a_list_for_reading_change_nothing(tmp_path: Path) -> None:
    record(tmp_path / 'lab' / 'a', 5)
    with served('--read-only', str(tmp_path / 'lab')) as site:
        home = f'/open/{listed(site)["a"]["key"]}'
        assert not site.get(f'{home}/api/stores/0/marks')['writable']
        assert site.post(f'{home}/api/stores/0/marks', {'marks': [], 'version': ''}).status == 405
        assert site.post(f'{home}/api/stores/0/exports', {'start': 0, 'end': 1, 'kind': 'npz'}).status == 405
        assert not (tmp_path / 'lab' / 'a' / 'marks.csv').exists()


@pytest.mark.parametrize(
    'target',
    [
        '/open/99/',
        '/open/x/',
        '/open/0,x/',
        '/open/-1/',
        '/open/../notes/secret.txt',
        '/open/0/../../notes/secret.txt',
        '/open/0%2f../',
        '/open/' + ','.join('0' * 40) + '/',
        '/api/recordings/99/thumbnail.jpg',
        '/api/recordings/x/thumbnail.jpg',
        '/api/stores',
        '/static/../catalog.py',
        '/notes/secret.txt',
    ],
)
def test_what_is_not_listed_is_not_found(site: Served, target: str) -> None:
    listed(site)
    answer = site.ask(target)
    assert answer.status == 404
    assert b'secret' not in answer.body


def test_a_recording_that_cannot_be_read_says_why(site: Served) -> None:
    answer = site.ask(f'/open/{listed(site)["broken"]["key"]}/')
    assert answer.status == 404
    assert b'metadata.yaml' in answer.body


@pytest.mark.once
def test_an_address_stays_that_of_its_recording(tmp_path: Path) -> None:
    """A bookmark opens the same recording after a restart, and before the folder has been searched."""
    for name in ('b', 'c'):
        record(tmp_path / 'lab' / name, 5 if name == 'b' else 6)
    with served(str(tmp_path / 'lab')) as site:
        target = f'/open/{listed(site)["c"]["key"]}/api/stores'
    record(tmp_path / 'lab' / 'a', 7)
    with served(str(tmp_path / 'lab')) as site:
        assert site.get(target)[0]['frames'] == 6


@pytest.mark.once
def test_new_recordings_appear_and_removed_ones_go(tmp_path: Path) -> None:
    record(tmp_path / 'lab' / 'a', 5)
    with served(str(tmp_path / 'lab')) as site:
        before = listed(site)['a']['key']
        record(tmp_path / 'lab' / 'b', 5)
        (tmp_path / 'lab' / 'a').rename(tmp_path / 'gone')
        end = time.monotonic() + 30
        while set(rows := listed(site)) != {'b'} and time.monotonic() < end:
            time.sleep(0.3)
        assert set(rows) == {'b'}
        assert rows['b']['key'] != before


@pytest.mark.once
def test_many_pages_open_one_after_the_other(tmp_path: Path) -> None:
    """Only the latest stay open; the first can be opened again."""
    for number in range(12):
        record(tmp_path / 'lab' / f's{number}', number + 1)
    with served(str(tmp_path / 'lab')) as site:
        rows = listed(site)
        for _ in range(2):
            for name, row in rows.items():
                assert site.get(f'/open/{row["key"]}/api/stores')[0]['frames'] == int(name[1:]) + 1


@pytest.mark.once
def test_a_session_covers_the_list_and_its_pages(tmp_path: Path) -> None:
    record(tmp_path / 'lab' / 'a', 5)
    with served('--token', str(tmp_path / 'lab')) as site:
        answer, cookie = site.open(site.line)
        home = answer.headers['Location']
        assert site.ask(f'{home}api/recordings').status == 403
        assert site.ask(f'{home}api/recordings', Cookie=cookie).status == 200
        while not (told := site.ask(f'{home}api/recordings', Cookie=cookie).json)['complete']:
            time.sleep(0.05)
        target = f'{home}open/{told["recordings"][0]["key"]}/api/stores'
        assert site.ask(target).status == 403
        assert site.ask(target, Cookie=cookie).json[0]['frames'] == 5
        by_the_page = {'Cookie': cookie, 'X_Imgstore': 'page', 'Sec_Fetch_Site': 'same-origin'}
        assert 'token' in site.ask(f'{home}api/links', method='POST', **by_the_page).json


def test_a_folder_without_stores_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / 'notes').mkdir()
    assert main_viewer(['--web', '--no-browser', str(tmp_path)]) == 1
    assert 'no store' in (line := capsys.readouterr().err)
    assert str(tmp_path) in line
    assert line.count('\n') == 1


# --- in the browser


@pytest.fixture(scope='module')
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp('browser')) as it:
        yield it


@pytest.fixture
def page(chromium: Browser, site: Served) -> Iterator[Browser]:
    chromium.load(site.url)
    chromium.wait_for(lambda: len(names(chromium)) == 6 and 'searching' not in chromium.text('facts'))
    yield chromium
    assert chromium.errors() == []


def names(page: Browser) -> list[str]:
    return list(page.run("return [...document.querySelectorAll('#rows .name :first-child')].map(e => e.textContent)"))


def cells(page: Browser, name: str) -> list[str]:
    return list(
        page.run(
            """const row = [...document.querySelectorAll('#rows tr')]
            .find(row => row.querySelector('.name').firstChild.textContent === arguments[0]);
            return [...row.cells].slice(2).map(cell => cell.textContent)""",
            name,
        )
    )


@pytest.mark.slow
@pytest.mark.browser
def test_the_list_shows_what_there_is_of_each(page: Browser) -> None:
    assert names(page) == ['broken', 'empty', 'mouse 2/trial', 'mouse 10/other camera', 'mouse 10/trial', 'torn']
    shown = cells(page, 'mouse 10/trial')
    assert shown[0] == 'mouse 10/trialavc1/mp4, 192 \N{MULTIPLICATION SIGN} 128'
    assert shown[2:5] == ['3.6 s', '30', '7']
    assert shown[5].endswith(' kB')
    assert shown[6] == 'good'
    assert cells(page, 'broken')[6].startswith('unreadable')
    pictures = "return [...document.querySelectorAll('#rows img')].filter(image => image.naturalWidth).length"
    page.wait_for(lambda: page.run(pictures) == 4)


def search(page: Browser, words: str) -> None:
    page.run(
        """const field = document.getElementById('search'); field.value = arguments[0];
        field.dispatchEvent(new Event('input'))""",
        words,
    )


@pytest.mark.slow
@pytest.mark.browser
def test_the_list_is_searched_and_sorted(page: Browser) -> None:
    page.press('/', 'mouse avc1')
    page.wait_for(lambda: names(page) == ['mouse 10/trial'])
    search(page, 'nothing')
    assert names(page) == []
    assert 'nothing' in page.text('empty')
    search(page, '')
    page.run("document.querySelector('[data-key=frames] button').click()")
    assert names(page)[0] == 'empty'
    page.run("document.querySelector('[data-key=frames] button').click()")
    assert names(page)[0] == 'mouse 2/trial'
    assert page.run("return document.querySelector('[data-key=frames]').getAttribute('aria-sort')") == 'descending'
    page.run("document.querySelector('[data-key=health] button').click()")
    assert names(page)[:2] == ['broken', 'torn']


def logic(page: Browser, call: str) -> Any:
    """Result of an expression about the list's own module."""
    script = "const done = arguments[0]; import('./static/catalog.js').then(list => done({value: " + call + '}))'
    return page.driver.execute_async_script(script)['value']


@pytest.mark.slow
@pytest.mark.browser
def test_sizes_are_short(page: Browser) -> None:
    sizes = '[0, 999, 1000, 99949, 99950, 1234567, 5e9, 7e12, 3e16].map(list.size)'
    assert logic(page, sizes) == [
        '0 B',
        '999 B',
        '1.0 kB',
        '99.9 kB',
        '100 kB',
        '1.2 MB',
        '5.0 GB',
        '7.0 TB',
        '30000 TB',
    ]


@pytest.mark.slow
@pytest.mark.browser
def test_unknown_values_are_last_in_either_order(page: Browser) -> None:
    rows = "['a 10', 'a 9', 'b'].map((name, rank) => ({name, frames: [5, null, 7][rank]}))"
    for key, descending, order in (
        ('name', 'false', ['a 9', 'a 10', 'b']),
        ('name', 'true', ['b', 'a 10', 'a 9']),
        ('frames', 'false', ['a 10', 'b', 'a 9']),
        ('frames', 'true', ['b', 'a 10', 'a 9']),
    ):
        assert logic(page, f"list.sorted({rows}, '{key}', {descending}).map(row => row.name)") == order


@pytest.mark.slow
@pytest.mark.browser
def test_one_is_opened_by_its_name_and_several_by_their_marks(page: Browser) -> None:
    page.run("[...document.querySelectorAll('#rows a')].find(a => a.textContent === 'mouse 2/trial').click()")
    page.wait_for_frame(0, 0)
    assert page.text('title') == 'trial'
    page.click('home')
    page.wait_for(lambda: len(names(page)) == 6)
    for name in ('mouse 10/trial', 'mouse 10/other camera'):
        page.run("document.querySelector(`[aria-label='Mark ${arguments[0]}']`).click()", name)
    assert page.text('open') == 'Open 2 side by side'
    page.click('open')
    page.wait_for_frame(0, 0)
    page.wait_for(lambda: page.shown(1) == 0)
    page.jump('number', '12')
    page.wait_for_frame(12, 12)
    page.wait_for(lambda: page.shown(1) == 12)


@pytest.mark.slow
@pytest.mark.browser
def test_links_lead_to_the_list_and_to_what_was_opened_from_it(chromium: Browser, tmp_path: Path) -> None:
    """Without the session of the browser that made them."""
    for name in 'ab':
        record(tmp_path / 'lab' / name, 30)
    with served('--token', str(tmp_path / 'lab')) as site:
        chromium.driver.get(site.url)
        chromium.wait_for(lambda: len(names(chromium)) == 2)
        of_list = made_link(chromium)
        chromium.run("[...document.querySelectorAll('#rows a')].find(a => a.textContent === 'b').click()")
        chromium.wait_for_frame(0, 0)
        chromium.jump('index', '12')
        chromium.wait_for_frame(12, 12)
        of_page = made_link(chromium)
        for link in (of_list, of_page):
            assert link.startswith(f'http://127.0.0.1:{site.port}/?token=')
            assert 'session' not in link
            chromium.command('Network.clearBrowserCookies')
            chromium.driver.get('about:blank')
            chromium.driver.get(link)
            if link == of_list:
                chromium.wait_for(lambda: len(names(chromium)) == 2)
            else:
                chromium.wait_for_frame(12, 12)
                assert chromium.text('title') == 'b'
        chromium.errors()


def made_link(page: Browser) -> str:
    page.click('link')
    page.wait_for(lambda: 'token=' in page.value('link-address'))
    link = page.value('link-address')
    page.press(Keys.ESCAPE)
    return link


@pytest.mark.slow
@pytest.mark.browser
def test_the_list_fits_a_phone(page: Browser, site: Served) -> None:
    page.size(390, 844, touch=True)
    assert page.run('return document.scrollingElement.scrollWidth') <= 390
    for name in ('#search', '#order', '#open'):
        assert page.box(name)['left'] >= 0
        assert page.box(name)['right'] <= 390
        assert page.box(name)['width'] > 100
    page.size(1360, 900)


@pytest.mark.slow
@pytest.mark.browser
def test_a_picture_that_cannot_be_read_says_so(chromium: Browser, tmp_path: Path) -> None:
    record(tmp_path / 'lab' / 'torn', 9)
    record(tmp_path / 'lab' / 'empty', 0)
    (tmp_path / 'lab' / 'torn' / '000000' / '000004.png').write_bytes(b'')
    with served(str(tmp_path / 'lab')) as site:
        chromium.load(site.url)
        pictures = "return [...document.querySelectorAll('#rows .picture')].map(e => e.textContent)"
        chromium.wait_for(lambda: chromium.run(pictures) == ['no frames', 'not readable'])
        assert chromium.run("return document.querySelectorAll('#rows img').length") == 0
        chromium.errors()


@pytest.mark.slow
@pytest.mark.browser
def test_everything_in_the_list_has_a_name(page: Browser) -> None:
    nodes = page.command('Accessibility.getFullAXTree')['nodes']
    used = [
        node
        for node in nodes
        if not node['ignored'] and node.get('role', {}).get('value') in ('button', 'link', 'checkbox', 'searchbox')
    ]
    assert len(used) > 15
    assert [node['role']['value'] for node in used if not node.get('name', {}).get('value')] == []
