"""The window of imgstore-view without a window: places, time, zoom, keys, and what is drawn."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import imgstore
from imgstore.errors import InvalidArgumentError, StoreIOError
from imgstore.timestamps import parse_time
from imgstore.viewers.goto import find_place
from imgstore.viewers.window import bar, picture
from imgstore.viewers.window.bar import BarState, fitting, fraction_along, fraction_at
from imgstore.viewers.window.controls import Controls
from imgstore.viewers.window.frame import Frames, value_text
from imgstore.viewers.window.key_bindings import BINDINGS, binding_of
from imgstore.viewers.window.key_codes import key_name
from imgstore.viewers.window.player import FASTEST, SLOWEST, Player
from imgstore.viewers.window.screenshot import grab
from imgstore.viewers.window.session import window_shape
from imgstore.viewers.window.zoom import SCALES, Zoom

from ...helpers.checked import not_none
from ...helpers.raised import raises

Image = np.ndarray[Any, Any]

START = 1772362800.0  # 2026-03-01 11:00:00 UTC
NUMBERS = [*range(100, 130), *range(140, 160)]


@pytest.fixture
def store(tmp_path: Path) -> Any:
    """50 frames, ten a second, numbered from 100, with ten missing behind 129; each of its number's value."""
    with imgstore.new_for_format('npy', tmp_path / 'run', imgshape=(24, 32), chunksize=8) as written:
        for number in NUMBERS:
            written.add_image(np.full((24, 32), number, np.uint8), number, START + (number - 100) / 10)
    with imgstore.new_for_filename(tmp_path / 'run') as opened:
        yield opened


# --- keys


@pytest.mark.parametrize(
    ('code', 'name'),
    [
        (-1, ''),
        (ord('q'), 'q'),
        (ord('Q'), 'q'),
        (ord('?'), '?'),
        (32, ' '),
        (27, 'Escape'),
        (13, 'Enter'),
        (0xFF51, 'Left'),
        (0x250000, 'Left'),
        (63234, 'Left'),  # X11, Windows, macOS
        (0xFF57, 'End'),
        (0x230000, 'End'),
        (63275, 'End'),
        (0x1FF51, 'Shift+Left'),
        (0x10FF51, 'Left'),
        (0x11FF51, 'Shift+Left'),  # GTK tells what is held, NumLock too
        (0x100071, 'q'),
        (0x40071, ''),
        (0x80071, ''),  # Control and Alt are the system's
        (0xFFE1, ''),
        (0xFFBE, ''),  # Shift by itself, F1
        (0xFFB5, '5'),
        (0xFF8D, 'Enter'),
        (0xFFAB, '+'),
        (8, 'Backspace'),
        (127, 'Backspace'),
    ],
)
def test_a_key_has_one_name_whatever_system_tells_its_code(code: int, name: str) -> None:
    assert key_name(code) == name


def test_every_key_does_one_thing_and_can_be_pressed() -> None:
    keys = [key for binding in BINDINGS for key in binding.keys]
    assert len(set(keys)) == len(keys)
    codes = (0xFF51, 0xFF53, 0x1FF51, 0x1FF53, 0xFF52, 0xFF54, 0xFF55, 0xFF56, 0xFF50, 0xFF57, 27, *range(32, 127))
    assert set(keys) <= {key_name(code) for code in codes}


def test_system_dependent_key_has_an_alternative() -> None:
    """A key that systems report differently also has a letter, a sign or a fixed code."""
    for binding in BINDINGS:
        assert any(len(key) == 1 for key in binding.keys) or binding.keys[0] in (
            'Home',
            'End',
            'PageUp',
            'PageDown',
            'Escape',
        )


def test_shift_does_not_change_keys_without_own_binding() -> None:
    """Shift makes no difference to a key that has no separate binding with Shift."""
    assert binding_of('Shift+Home') is binding_of('Home') is not None
    assert binding_of('Shift+Left') is binding_of('j')
    assert binding_of('') is None


# --- which frame, and when


def player(count: int = 10, period: float = 1.0, loop: bool = False) -> Player:
    made = Player(count, period, loop)
    made.shown(100.0, 0.01)
    return made


def test_a_frame_is_seen_for_its_time() -> None:
    on = player()
    assert not on.go_on(100.9)
    assert on.left(100.9) == pytest.approx(0.1)
    assert on.go_on(101.0)
    assert on.index == 1


def test_a_little_delay_is_made_up_for_and_a_long_one_is_not() -> None:
    on = player()
    on.go_on(101.2)
    on.shown(101.2, 0.01)
    assert on.left(101.2) == pytest.approx(0.8)
    on.go_on(109)
    on.shown(109, 0.01)
    assert on.left(109) == 0


def test_resumed_player_ignores_skipped_waiting_times() -> None:
    """After a pause and steps, the player does not wait for the time that was stepped over."""
    on = player()
    for k in range(5):
        on.step(1)
        on.shown(100.1 + k / 10, 0.01)
    assert not on.playing
    assert on.left(100.6) == math.inf
    on.toggle()
    assert on.left(100.6) <= 1


def test_a_change_of_speed_holds_for_the_frame_that_is_seen() -> None:
    on = player(period=20.0)
    on.change_speed(2)
    assert on.left(100.0) == 10
    on.change_speed(1e-9)
    assert on.speed == SLOWEST
    on.change_speed(1e9)
    assert on.speed == FASTEST


def test_playing_ends_with_the_last_frame_if_nobody_is_there() -> None:
    on = player(count=2)
    assert on.go_on(101)
    on.shown(101, 0.01)
    assert not on.go_on(101.5)
    assert not on.over
    assert not on.go_on(102)
    assert on.over


def test_attended_player_stays_at_end_then_restarts() -> None:
    """With a user present, the player stays at the last frame and play starts again at the first."""
    on = player(count=2)
    on.attended = True
    on.go(1)
    on.playing = True
    assert not on.go_on(200)
    assert (on.index, on.playing, on.over) == (1, False, False)
    on.toggle()
    assert (on.index, on.playing) == (0, True)


def test_a_loop_begins_again() -> None:
    on = player(count=2, loop=True)
    shown = []
    for k in range(1, 5):
        assert on.go_on(100 + k)
        on.shown(100 + k, 0.01)
        shown.append(on.index)
    assert shown == [1, 0, 1, 0]


def test_frames_are_skipped_only_above_recording_speed() -> None:
    """The viewer leaves out frames only when it plays faster than the recording."""
    on = player(count=100, period=0.01)
    on.shown(101, 0.1)
    assert on.stride == 1
    on.change_speed(4)
    on.shown(102, 0.1)
    assert on.stride == 40
    assert on.go_on(103)
    assert on.index == 40
    for _ in range(2):
        on.shown(104, 0.1)
        on.go_on(105)
    assert on.index == 99  # and the last is not


def test_a_step_goes_no_further_than_the_ends() -> None:
    on = player()
    on.step(-1)
    assert on.index == 0
    on.step(100)
    assert (on.index, on.at_end) == (9, True)


def test_as_fast_as_possible_is_at_once() -> None:
    on = player(period=0)
    assert on.go_on(100.0)
    on.change_speed(2)
    on.shown(100.0, 0.1)
    assert on.stride == 1


# --- where to go


@pytest.mark.parametrize(
    ('text', 'index', 'note'),
    [
        ('100', 0, ''),
        ('120', 20, ''),
        ('140', 30, ''),
        (' 159 ', 49, ''),
        ('133', 29, 'no frame 133'),
        ('-7', 0, 'no frame -7'),
        ('9999', 49, 'no frame 9999'),
        ('#0', 0, ''),
        ('#31', 31, ''),
        ('# 31', 31, ''),
        ('#99', 49, 'no index 99'),
        ('#-1', 0, 'no index -1'),
        ('1.5s', 15, ''),
        ('1.5 s', 15, ''),
        ('+1.5', 15, ''),
        ('+2', 20, ''),
        ('5s', 40, ''),
        ('900s', 49, 'no frame at 900s'),
        ('-900s', 0, 'no frame at -900s'),
        ('10:59', 0, 'no frame at 10:59'),
        (f'{START + 2:.1f}', 20, ''),
        ('11:00:02', 20, ''),
        ('11:00:01.21', 12, ''),
        ('2026-03-01 11:00:02', 20, ''),
        ('2026-03-01T12:00:01.5+01:00', 15, ''),
        ('2026-03-01 11:00:02z', 20, ''),
    ],
)
def test_place_is_number_index_or_time_of_nearest_frame(
    store: Any, text: str, index: int, note: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A place is a number, an index or a time, and the nearest frame is found."""
    monkeypatch.setattr(type(store), 'convert_frame_time_to_datetime', _in_utc)
    found, told = find_place(store, text)
    assert found == index
    assert (note in told) if note else not told


def _in_utc(store: Any, frame_time: float, tz: Any = None) -> Any:
    import datetime

    return datetime.datetime.fromtimestamp(frame_time, datetime.timezone.utc)


@pytest.mark.parametrize('text', ['x', '#', '#1.5', '#x', '2026-13-01', '11:70', '1' * 40, '12.5 m', 's', '?'])
def test_what_is_no_place_is_refused(store: Any, text: str) -> None:
    with raises(InvalidArgumentError, argument='text'):
        find_place(store, text)


def test_the_page_and_the_window_understand_the_same_moments(store: Any) -> None:
    assert parse_time(store, '12.5s') == parse_time(store, '+12.5') == START + 12.5


# --- zoom


def test_an_image_fits_in_the_middle_of_its_room() -> None:
    zoom = Zoom((100, 50), (400, 400))
    assert (zoom.scale, zoom.origin) == (4, (0, 100))
    assert zoom.pixel_at((0, 99)) is None
    assert zoom.pixel_at((0, 100)) == (0, 0)
    assert zoom.pixel_at((399, 299)) == (99, 49)
    assert zoom.pixel_at((399, 300)) is None


def test_zooming_keeps_what_is_under_the_pointer_where_it_is() -> None:
    zoom = Zoom((640, 480), (640, 480))
    at = (200, 120)
    for _ in range(4):
        zoom = zoom.stepped(1, at)
        assert zoom.pixel_at(at) == (200, 120)
    assert zoom.scale == 16
    for _ in range(3):
        zoom = zoom.stepped(-1, at)
        assert zoom.pixel_at(at) == (200, 120)
    assert zoom.scale == 2


def test_zooming_goes_in_whole_steps_and_has_ends() -> None:
    zoom = Zoom((1280, 1024), (600, 400))
    assert zoom.stepped(1).scale == 0.5
    assert zoom.stepped(-1).scale == 0.25
    for _ in range(20):
        zoom = zoom.stepped(1)
    assert zoom.scale == max(SCALES)
    for _ in range(20):
        zoom = zoom.stepped(-1)
    assert zoom.scale == min(SCALES)


def test_zoom_cycles_from_pixels_to_4x_to_fit() -> None:
    """The zoom cycles from pixel size to four times that and then to the size that fits."""
    zoom = Zoom((1280, 1024), (640, 512))
    scales = []
    for _ in range(4):
        zoom = zoom.cycled()
        scales.append(zoom.scale)
    assert scales == [1, 4, 0.5, 1]


def test_an_image_is_not_moved_out_of_its_room() -> None:
    zoom = Zoom((100, 100), (50, 50)).at_scale(1)
    assert zoom.moved(1000, 1000).origin == (0, 0)
    assert zoom.moved(-1000, -1000).origin == (-50, -50)
    # and comes back at once
    assert zoom.moved(-1000, -1000).moved(10, 10).origin == (-40, -40)
    assert Zoom((100, 100), (50, 50)).moved(10, 10).origin == (0, 0)


@pytest.mark.parametrize(
    ('image', 'with_bar', 'shape'),
    [
        ((480, 640), False, (480, 640)),
        ((480, 640, 3), True, (480 + bar.HEIGHT, 640)),
        ((240, 320, 3), False, (240, 320)),
        ((240, 320, 3), True, (480 + bar.HEIGHT, 640)),
        ((24, 32), True, (312 + bar.HEIGHT, 480)),
        ((100, 640), True, (300 + bar.HEIGHT, 640)),
        ((1, 1), False, (1, 1)),
    ],
)
def test_window_fits_the_image_and_a_status_bar(
    monkeypatch: pytest.MonkeyPatch, image: tuple[int, ...], with_bar: bool, shape: tuple[int, int]
) -> None:
    """A window is as large as the image and large enough for a status bar."""
    monkeypatch.setattr('imgstore.viewers.window.session.get_and_parse_screen_resolution', lambda: (1280, 800))
    assert window_shape(image, with_bar) == shape


def test_a_large_image_fits_the_screen_with_its_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('imgstore.viewers.window.session.get_and_parse_screen_resolution', lambda: (1280, 800))
    height, width = window_shape((1024, 1280), with_bar=True)
    assert height <= 600
    assert width / (height - bar.HEIGHT) == pytest.approx(1280 / 1024, rel=0.01)


# --- what is drawn


def drawn(image: Image, zoom: Zoom) -> Image:
    return picture.draw(image, zoom, [], None)


def test_magnified_each_pixel_is_a_square_of_its_own_colour() -> None:
    image = np.random.default_rng(1).integers(0, 256, (60, 80, 3), np.uint8)
    zoom = Zoom((80, 60), (80, 60)).at_scale(8, (40, 30))
    canvas = drawn(image, zoom)
    for y in range(60):
        for x in range(80):
            column, row = zoom.pixel_at((x, y)) or (0, 0)
            assert (canvas[y, x] == image[row, column]).all()


@pytest.mark.parametrize('scale', [0.25, 0.5, 1, 2, 64])
@pytest.mark.parametrize('move', [(0, 0), (-1e4, -1e4), (1e4, 1e4), (13, -7)])
def test_any_part_of_an_image_fills_its_room(scale: float, move: tuple[float, float]) -> None:
    image = np.full((1000, 1500, 3), 77, np.uint8)
    canvas = drawn(image, Zoom((1500, 1000), (301, 201)).at_scale(scale).moved(*move))
    assert canvas.shape == (201, 301, 3)
    assert (canvas == 77).all()


def test_a_small_image_has_dark_beside_it() -> None:
    canvas = drawn(np.full((10, 10, 3), 200, np.uint8), Zoom((10, 10), (50, 30)).at_scale(1))
    assert (canvas == 200).all(axis=2).sum() == 100
    assert canvas[0, 0].max() < 20


def look(**changes: Any) -> BarState:
    usual = {
        'index': 5,
        'count': 10,
        'borders': (),
        'gaps': (),
        'facts': ('frame 5',),
        'time': '0.500 s',
        'state': ('paused',),
        'pixel': '',
        'message': '',
        'is_trouble': False,
    }
    return BarState(**{**usual, **changes})


def bar_of(width: int, **changes: Any) -> Image:
    canvas = np.zeros((bar.HEIGHT, width, 3), np.uint8)
    bar.draw_bar(canvas, look(**changes))
    return canvas


def test_strip_marks_missing_frames_and_chunks() -> None:
    """The strip marks where frames are missing and where chunks begin."""
    plain, marked = bar_of(620), bar_of(620, gaps=(7,), borders=(2,))
    changed = np.flatnonzero((plain != marked).any(axis=(0, 2)))
    at = [np.interp(changed, (10, 609), (0, 9)).round(1).tolist()]
    assert set(at[0]) == {2.0, 7.0}


def test_the_strip_leads_to_the_frame_that_it_shows_there() -> None:
    for index in range(10):
        cursor = np.flatnonzero((bar_of(500, index=index)[4] == 255).all(axis=1))
        assert round(fraction_along(float(cursor.mean()), (500, 300)) * 9) == index
    assert fraction_along(-5, (500, 300)) == 0
    assert fraction_along(5000, (500, 300)) == 1
    assert fraction_at(250, 300 - bar.HEIGHT + 5, (500, 300)) == pytest.approx(0.5, abs=0.01)
    assert fraction_at(250, 100, (500, 300)) is None
    assert fraction_at(250, 299, (500, 300)) is None


def test_what_matters_less_is_left_out_where_there_is_no_room() -> None:
    facts = ('frame 5', 'index 5 of 10', '0.500 s')
    room = 40 + sum(bar.FONT.measure_string(text)[0] for text in ('   '.join(facts), look().time))
    for width, kept in ((room, 3), (room - 1, 2), (room // 2, 1)):
        assert np.array_equal(bar_of(width, facts=facts), bar_of(width, facts=facts[:kept]))
    assert not np.array_equal(bar_of(room, facts=facts), bar_of(room, facts=facts[:2]))
    assert bar_of(1).shape == (bar.HEIGHT, 1, 3)


def test_a_long_message_loses_its_middle() -> None:
    text = 'frame #5 cannot be read: ' + 'x' * 200 + '/000005.npy is damaged'
    short = fitting(text, 400)
    assert bar.FONT.measure_string(short)[0] <= 400
    assert short.startswith('frame #5')
    assert short.endswith('damaged')
    assert ' ... ' in short
    assert fitting('short', 400) == 'short'
    assert fitting('x', 0) == ''


@pytest.mark.parametrize('size', [(480, 300), (640, 480), (1200, 900), (40, 30), (1, 1)])
def test_the_list_of_keys_is_drawn_in_windows_of_any_size(size: tuple[int, int]) -> None:
    keys = [(binding.shown, binding.what) for binding in BINDINGS]
    image = np.full((30, 40, 3), 200, np.uint8)
    canvas = picture.draw(image, Zoom((40, 30), size), keys, look())
    assert canvas.shape == (size[1] + bar.HEIGHT, size[0], 3)
    if size[0] >= 480:  # nothing is cut off
        ink = np.asarray((canvas[: size[1]] > 150).any(axis=2))
        assert ink.any()
        assert not ink[:, -2:].any()
        assert not ink[-2:].any()


# --- values, and a frame as a file


@pytest.mark.parametrize(
    ('image', 'text'),
    [
        (np.array([[1, 1023]], np.uint16), '1023'),
        (np.array([[0, -5]], np.int32), '-5'),
        (np.array([[0, 0.123456789]], np.float32), '0.123457'),
        (np.array([[0, np.nan]]), 'nan'),
        (np.array([[[0, 0, 0], [1, 2, 3]]], np.uint8), 'B 1 G 2 R 3'),
        (np.array([[False, True]]), '1'),
    ],
)
def test_a_value_is_told_as_it_is_stored(image: Image, text: str) -> None:
    assert value_text(image, 1, 0) == text


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize('shape', [(5, 7), (5, 7, 3)])
def test_a_grabbed_frame_is_a_png_with_every_bit(tmp_path: Path, dtype: Any, shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype)
    path = grab(image, 'run_5', str(tmp_path))
    assert Path(path).name == 'run_5.png'
    back = not_none(cv2.imread(path, cv2.IMREAD_UNCHANGED))
    assert back.dtype == dtype
    assert np.array_equal(back, image)


def test_what_png_cannot_hold_is_grabbed_as_an_array(tmp_path: Path) -> None:
    image = np.array([[1.5, np.nan]], np.float32)
    path = grab(image, 'run_5', str(tmp_path))
    assert Path(path).name == 'run_5.npy'
    assert np.array_equal(np.load(path), image, equal_nan=True)


def test_a_grabbed_frame_replaces_no_file(tmp_path: Path) -> None:
    image = np.zeros((2, 2), np.uint8)
    (tmp_path / 'run_5.png').write_text('mine')
    names = [Path(grab(image, 'run_5', str(tmp_path))).name for _ in range(2)]
    assert names == ['run_5-2.png', 'run_5-3.png']
    assert (tmp_path / 'run_5.png').read_text() == 'mine'


def test_a_frame_that_cannot_be_grabbed_is_one_error(tmp_path: Path) -> None:
    with raises(StoreIOError, path=str(tmp_path / 'none' / 'run_5.png')):
        grab(np.zeros((2, 2), np.uint8), 'run_5', str(tmp_path / 'none'))


# --- what the keys do to a store


@pytest.fixture
def controls(store: Any) -> Controls:
    made = Controls(store, Player(store.frame_count, 0.1), (320, 240))
    made.goto()
    return made


def press(controls: Controls, *keys: str) -> None:
    for key in keys:
        if controls.prompt is not None:
            controls.write(key)
        else:
            binding = binding_of(key)
            assert binding is not None
            binding.act(controls)


@pytest.mark.parametrize(
    ('keys', 'index'),
    [
        ('.', 1),
        ('..,', 1),
        ('l', 10),
        ('>>j', 10),
        ('n', 30),
        ('nb', 30),
        ('llllb', 30),
        ('lb', 10),
        ('llllllb', 30),
    ],
)
def test_keys_go_from_frame_to_frame_and_gap_to_gap(controls: Controls, keys: str, index: int) -> None:
    press(controls, *keys)
    assert controls.player.index == index
    assert not controls.player.playing


def test_a_gap_tells_what_is_missing_and_where(controls: Controls) -> None:
    press(controls, 'n')
    assert controls.message == '10 missing after frame 129, 1.100 s between them'
    press(controls, 'n')
    assert controls.message == 'no gap after this frame'
    press(controls, 'Home', 'b')
    assert controls.message == 'no gap before this frame'


def test_a_place_is_written_and_mended_and_left(controls: Controls) -> None:
    press(controls, 'g', '#', '4', '5', 'Backspace', '2', 'Enter')
    assert controls.player.index == 42
    press(controls, 'g', '7', 'Escape')
    assert (controls.player.index, controls.prompt) == (42, None)
    press(controls, 'g', 'Enter')
    assert (controls.player.index, controls.message) == (42, '')
    press(controls, 'g', 'q', 'Left', 'Enter')
    assert (controls.player.index, controls.leaving, controls.is_trouble) == (42, False, True)
    press(controls, 'g', *'9' * 100, 'Enter')
    assert len(controls.message) < 200


def test_escape_leaves_one_thing_after_the_other(controls: Controls) -> None:
    press(controls, 'h', 'g', 'Escape')
    assert controls.lists_keys
    press(controls, 'Escape')
    assert (controls.lists_keys, controls.leaving) == (False, False)
    press(controls, 'Escape')
    assert controls.leaving


def test_frames_that_a_writer_adds_are_seen_at_the_end(tmp_path: Path) -> None:
    with imgstore.new_for_format('npy', tmp_path / 'live', imgshape=(4, 6), workers=0) as writer:
        writer.add_image(np.zeros((4, 6), np.uint8), 0, 0.0)
        with imgstore.new_for_filename(tmp_path / 'live') as reader:
            controls = Controls(reader, Player(reader.frame_count, 0.1), (320, 240))
            writer.add_image(np.ones((4, 6), np.uint8), 1, 1.0)
            press(controls, 'End')
            frame = controls.goto()
            assert (frame.index, frame.number) == (1, 1)
            press(controls, 'f')
            assert controls.following
            writer.add_image(np.ones((4, 6), np.uint8), 2, 2.0)
            while controls.player.index == 1:
                controls.follow_on()
            assert controls.goto().number == 2
            press(controls, ',')
            assert not controls.following


def test_there_is_nothing_to_follow_where_nobody_writes(controls: Controls) -> None:
    press(controls, 'f')
    assert not controls.following
    assert 'nothing to follow' in controls.message


def test_unreadable_frame_is_black_explained_and_not_saved(store: Any, controls: Controls) -> None:
    """A frame that cannot be read is shown black with the reason, and it is not saved."""
    Path(store.filename, '000000', '000003.npy').write_bytes(b'')
    press(controls, '.', '.', '.')
    frame = controls.goto()
    assert (frame.index, frame.number, frame.image) == (3, 103, None)
    assert '000003.npy' in frame.trouble
    assert not controls.frames.picture(frame, stretch=True).any()
    press(controls, 's')
    assert 'cannot be saved' in controls.message
    press(controls, '.')
    assert controls.goto().image is not None
    assert list(controls.unread) == [3]


def test_contrast_is_computed_per_frame(tmp_path: Path) -> None:
    """Contrast makes a dark frame visible and is computed for each frame separately."""
    image = np.random.default_rng(3).integers(100, 200, (40, 50), np.uint16)
    image[20, 20] = 65535
    with imgstore.new_for_format('png', tmp_path / 'dark', imgshape=(40, 50), imgdtype='uint16') as writer:
        writer.add_image(image, 0, 0.0)
    with imgstore.new_for_filename(tmp_path / 'dark') as reader:
        frames = Frames(reader)
        frame = frames.read(0)
        assert np.percentile(frames.picture(frame, stretch=False), 90) == 0
        stretched = frames.picture(frame, stretch=True)
        assert np.percentile(stretched, 10) < 50
        assert np.percentile(stretched, 90) > 200
        assert frame.image is not None
        assert np.array_equal(frame.image, image)


def test_a_pause_and_numbers_that_go_back_are_gaps_too(tmp_path: Path) -> None:
    frames = [(0, 0.0), (1, 0.1), (2, 0.2), (3, 5.0), (4, 5.1), (2, 5.2), (3, math.nan), (4, 5.4), (3, 5.5), (3, 5.6)]
    with imgstore.new_for_format('npy', tmp_path / 'run', imgshape=(4, 6)) as written:
        for number, seconds in frames:
            written.add_image(np.zeros((4, 6), np.uint8), number, seconds)
    with imgstore.new_for_filename(tmp_path / 'run') as opened:
        controls = Controls(opened, Player(len(frames), 0.1), (320, 240))
        press(controls, 'n')
        assert (controls.player.index, controls.message) == (3, 'a pause after frame 2, 4.800 s between them')
        press(controls, 'n')
        assert (controls.player.index, controls.message) == (5, 'numbers go back after frame 4, 0.100 s between them')
        press(controls, 'n')
        press(controls, 'n')
        assert controls.message == 'the number is repeated after frame 3, 0.100 s between them'


def test_a_long_search_for_a_gap_stops_and_can_be_continued(
    controls: Controls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search that takes too long stops at its place, and the same key goes on from there."""
    found = iter([(None, 20), (None, 40), (None, None)])
    monkeypatch.setattr(controls.navigator, 'next_gap', lambda index, direction: next(found))
    clock = iter(range(0, 1000, 100))
    monkeypatch.setattr('imgstore.viewers.window.controls.time.monotonic', lambda: next(clock))
    press(controls, 'n')
    assert (controls.player.index, controls.message) == (20, 'no gap up to here; press again to search further')
    press(controls, 'n')
    assert controls.player.index == 40
    press(controls, 'n')
    assert (controls.player.index, controls.message) == (40, 'no gap after this frame')


def test_keys_change_speed_repetition_contrast_and_view(controls: Controls) -> None:
    press(controls, 'Up', 'Up', 'Down')
    assert controls.player.speed == 2
    press(controls, 'r', 'c')
    assert (controls.player.loop, controls.stretched) == (True, True)
    press(controls, '1')
    assert controls.zoom.scale == 1
    press(controls, 'z')
    assert controls.zoom.scale == 4
    press(controls, '+', '+', '+')
    assert controls.zoom.scale == 32
    before = [controls.zoom.pixel_at((160, 120))]
    for key in 'daxw':
        press(controls, key)
        before.append(controls.zoom.pixel_at((160, 120)))
    (middle, right, back, below, above) = [at for at in before if at is not None]
    assert right[0] > middle[0]
    assert below[1] > back[1]
    assert above[1] < below[1]
    press(controls, '0')
    assert controls.zoom.scale == 10


def test_a_saved_frame_says_where_it_is_and_why_not(controls: Controls, monkeypatch: pytest.MonkeyPatch) -> None:
    """S writes the frame into the current folder, and says why where that fails."""
    folder = Path(controls.store.filename).parent
    monkeypatch.chdir(folder)
    press(controls, 's')
    assert controls.message == 'saved as run_100.png'
    saved = cv2.imread('run_100.png', cv2.IMREAD_UNCHANGED)
    assert saved is not None
    assert np.array_equal(saved, np.full((24, 32), 100, np.uint8))
    monkeypatch.setattr('builtins.open', lambda *args, **options: (_ for _ in ()).throw(OSError(28, 'disk is full')))
    press(controls, 's')
    assert controls.is_trouble
    assert 'disk is full' in controls.message


def test_a_frame_for_which_there_is_no_room_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def __init__(self, path: str, mode: str) -> None:
            self._file = open(path, mode)  # noqa: SIM115 -- `__exit__` closes it

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: object) -> None:
            self._file.close()

        def write(self, data: bytes) -> None:
            raise OSError(28, 'disk is full')

    monkeypatch.setattr('imgstore.viewers.window.screenshot.open', Full, raising=False)
    with raises(StoreIOError, path=str(tmp_path / 'run_5.png')):
        grab(np.zeros((2, 2), np.uint8), 'run_5', str(tmp_path))
    assert not list(tmp_path.iterdir())
