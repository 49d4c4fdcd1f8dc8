"""The player in a notebook: the real widget, with its page in a Chromium.

Between them is what a notebook has: messages with a binary part, and properties that either side may set.
"""

import base64
import http.server
import json
import threading
import time
from itertools import pairwise

import cv2
import numpy as np
import pytest

import imgstore
from imgstore.errors import InvalidArgumentError

from ..helpers.browser import PATIENCE, Keys, browser
from ..helpers.checked import not_none
from ..helpers.frames import index_in, numbered

SHAPE = (128, 192)
COUNT = 60
GAP = 40

PAGE = b"""<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><style>%s</style>
<body><input id="elsewhere"><div id="cell"></div><script type="module">
import player from '/player.js';
const state = %s, calls = new Map(), sent = [];
const fire = (name, ...given) => { for (const call of calls.get(name) ?? []) call(...given); };
const model = {
  get: (name) => state[name],
  set: (name, value) => {
    const old = state[name]; state[name] = value;
    if (old !== value) { changed.push(name); fire(`change:${name}`); }
  },
  save_changes: () => { for (const name of changed.splice(0)) sent.push({ set: name, value: state[name] }); },
  send: (content) => sent.push({ content }),
  on: (name, call) => calls.set(name, [...(calls.get(name) ?? []), call]),
  off: (name, call) => calls.set(name, (calls.get(name) ?? []).filter((each) => each !== call)),
};
const changed = [];
window.take = () => sent.splice(0);
window.give = (content, buffers) => fire('msg:custom', content, buffers.map((text) => {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new DataView(bytes.buffer);
}));
window.put = (name, value) => { state[name] = value; fire(`change:${name}`); };
window.listeners = () => [...calls.values()].flat().length;
window.end = player.render({ model, el: document.getElementById('cell') });
</script>"""

PIXELS = """const canvas = document.querySelector('canvas');
const isThere = 'index' in (document.querySelector('.imgstore-player')?.dataset ?? {});
return isThere ? canvas.toDataURL('image/png').split(',')[1] : null;"""


@pytest.fixture
def store(tmp_path):
    with imgstore.new_for_format('avc1/mp4', tmp_path / 's', imgshape=SHAPE, chunksize=50) as writer:
        for index in range(COUNT):
            number = 100 + index + 5 * (index >= GAP)
            writer.add_image(numbered(index, SHAPE), number, 1.7e9 + (number - 100) / 25)
    with imgstore.new_for_filename(tmp_path / 's') as opened:
        yield opened


class Notebook:
    """A widget and its page, and the way between them."""

    def __init__(self, widget, chromium):
        self.widget, self.chromium = widget, chromium
        self.sizes = []
        widget.send = self._send
        widget.observe(self._put, ['index', 'playing', 'speed', 'loop', 'facts'])
        self._setting = None

    def _send(self, content, buffers=None):
        self.sizes += map(len, buffers or [])
        self.chromium.run('give(...arguments)', content, [base64.b64encode(each).decode() for each in buffers or []])

    def _put(self, change):
        if change['name'] != self._setting:
            self.chromium.run('put(...arguments)', change['name'], change['new'])

    def pass_on(self):
        """Give the kernel what the page sent, as the comm of a notebook would."""
        for message in self.chromium.run('return take()'):
            if 'content' in message:
                self.widget._handle_custom_msg(message['content'], [])
            else:
                self._setting = message['set']
                self.widget.set_state({message['set']: message['value']})
                self._setting = None

    def wait_for(self, seen):
        end = time.monotonic() + PATIENCE
        while not seen():
            self.pass_on()
            assert time.monotonic() < end, f'it never came: {self.text()}, {self.chromium.errors()}'

    def text(self):
        return self.chromium.run('return document.querySelector(".imgstore-player").innerText')

    @property
    def index(self):
        """Index of the frame on the screen, as its pixels tell; None before the first."""
        data = self.chromium.run(PIXELS)
        if data is None:
            return None
        picture = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_GRAYSCALE)
        return index_in(cv2.resize(not_none(picture), (SHAPE[1], SHAPE[0]), interpolation=cv2.INTER_AREA))

    def looked(self, seen):
        """Note which frame is on the screen."""
        seen.append(self.index or 0)
        return self

    def wait_for_frame(self, index):
        self.wait_for(lambda: self.index == index and self.widget.index == index)

    def press(self, *keys):
        self.chromium.run('document.querySelector(".imgstore-player").focus()')
        self.chromium.press(*keys)
        self.pass_on()

    def click(self, title):
        self.chromium.run('document.querySelector(`button[title^="${arguments[0]}"]`).click()', title)
        self.pass_on()


@pytest.fixture(scope='module')
def chromium(tmp_path_factory):
    with browser(tmp_path_factory.mktemp('browser')) as it:
        yield it


@pytest.fixture
def open_notebook(store, chromium):
    """Show a widget in the page of a server."""
    servers = []

    def opened(**options):
        widget = store.player(**options)
        state = {name: getattr(widget, name) for name in ('index', 'playing', 'speed', 'loop', 'facts', 'width')}
        page = PAGE % (str(widget._css).encode(), json.dumps(state).encode())
        files = {'/': ('text/html', page), '/player.js': ('text/javascript', str(widget._esm).encode())}
        servers.append(serve(files))
        chromium.driver.get(f'http://127.0.0.1:{servers[-1].server_port}/')
        notebook = Notebook(widget, chromium)
        notebook.wait_for(lambda: chromium.run('return !!window.end'))
        return notebook

    yield opened
    assert chromium.errors() == []
    for server in servers:
        server.shutdown()
        server.server_close()


def serve(files):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            kind, content = files[self.path]
            self.send_response(200)
            self.send_header('Content-Type', kind)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


# --- the widget alone


def test_the_widget_starts_where_it_is_told(store):
    assert store.player().index == 0
    assert store.player(at='#7').index == 7
    assert store.player(at=107).index == 7
    assert store.player(at='0.4s', speed=2, loop=True).index == 10


def test_the_index_stays_in_the_store(store):
    player = store.player()
    player.index = 10**6
    assert player.index == COUNT - 1
    player.index = -3
    assert player.index == 0


@pytest.mark.parametrize('options', [{'at': 'x'}, {'width': 3}, {'speed': 0}, {'speed': 'fast'}])
def test_a_wrong_option_is_refused(store, options):
    with pytest.raises(InvalidArgumentError):
        store.player(**options)


def test_a_closed_player_has_closed_its_store(store):
    player = store.player()
    player.close()
    player.close()
    assert len(store[:3]) == 3


# --- in a browser


def test_the_first_frame_is_shown_with_number_and_time(open_notebook):
    notebook = open_notebook()
    notebook.wait_for_frame(0)
    assert 'frame 100' in notebook.text()
    assert '2023-11-14 22:13:20.000' in notebook.text()


def test_keys_and_buttons_move(open_notebook):
    notebook = open_notebook(at='#5')
    notebook.wait_for_frame(5)
    for keys, index in [
        ([Keys.ARROW_RIGHT], 6),
        ([Keys.ARROW_LEFT], 5),
        (['l'], 15),
        (['j'], 5),
        (['n'], GAP),
        ([Keys.END], COUNT - 1),
        (['b'], GAP),
        ([Keys.HOME], 0),
        ([Keys.PAGE_DOWN], COUNT - 1),
    ]:
        notebook.press(*keys)
        notebook.wait_for_frame(index)
    for title, index in [('First', 0), ('One frame forward', 1), ('Next gap', GAP), ('Last', COUNT - 1)]:
        notebook.click(title)
        notebook.wait_for_frame(index)


def test_the_box_goes_to_a_place_and_says_what_is_wrong(open_notebook):
    notebook = open_notebook()
    for text, index in [('112', 12), ('#30', 30), ('0.8s', 20)]:
        notebook.press('g', text, Keys.ENTER)
        notebook.wait_for_frame(index)
        notebook.press(Keys.ESCAPE)
        notebook.chromium.run('document.querySelector(".go").value = ""')
    notebook.press('g', 'x', Keys.ENTER)
    notebook.wait_for(lambda: 'no frame number' in notebook.text())


def test_it_plays_at_the_recorded_speed_and_ends(open_notebook):
    notebook = open_notebook()
    notebook.wait_for_frame(0)
    began = time.monotonic()
    notebook.press(' ')
    seen = list[int]()
    notebook.wait_for(lambda: not notebook.looked(seen).widget.playing)
    assert 2.2 < time.monotonic() - began < 10  # 60 frames at 25 a second
    assert len(set(seen)) > 5
    notebook.wait_for_frame(COUNT - 1)


def test_the_program_moves_and_plays_it(open_notebook):
    notebook = open_notebook()
    notebook.widget.index = 33
    notebook.wait_for_frame(33)
    notebook.widget.speed = 4.0
    notebook.widget.loop = True
    notebook.widget.playing = True
    seen = list[int]()
    notebook.wait_for(lambda: notebook.looked(seen) and any(b < a for a, b in pairwise(seen)))
    notebook.widget.playing = False
    notebook.press(' ', ' ')
    assert not notebook.widget.playing


def test_speed_repeat_and_contrast_are_seen(open_notebook):
    notebook = open_notebook()
    notebook.press(Keys.ARROW_UP, 'r')
    notebook.wait_for(lambda: notebook.widget.speed == 2 and notebook.widget.loop)
    assert '2\u00d7' in notebook.text()
    notebook.press('c')
    pressed = 'return document.querySelector(`button[title^="Contrast"]`).getAttribute("aria-pressed")'
    assert notebook.chromium.run(pressed) == 'true'


def test_frames_are_sent_at_the_size_that_is_shown(open_notebook):
    small = open_notebook(width=64)
    small.wait_for(lambda: small.sizes)
    assert small.chromium.run('return document.querySelector("canvas").width') <= 64


def test_a_busy_kernel_is_told(open_notebook):
    notebook = open_notebook()
    notebook.chromium.wait_for(lambda: 'The kernel does not answer' in notebook.text())
    notebook.wait_for_frame(0)


def test_keys_elsewhere_in_the_notebook_do_nothing(open_notebook):
    notebook = open_notebook(at='#5')
    notebook.wait_for_frame(5)
    notebook.chromium.run('document.getElementById("elsewhere").focus()')
    notebook.chromium.press('l', Keys.ARROW_RIGHT)
    notebook.pass_on()
    assert notebook.widget.index == 5


def test_a_removed_player_listens_no_more(open_notebook):
    notebook = open_notebook()
    assert notebook.chromium.run('return listeners()') == 6
    notebook.chromium.run('end()')
    assert notebook.chromium.run('return listeners()') == 0


def test_every_control_has_a_name(open_notebook):
    notebook = open_notebook()
    nameless = """return [...document.querySelectorAll('#cell button, #cell input')]
        .filter((each) => !each.getAttribute('aria-label')).length"""
    assert notebook.chromium.run(nameless) == 0
