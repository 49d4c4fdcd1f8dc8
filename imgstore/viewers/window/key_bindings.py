"""THE table of keys: which ones do what, as it is done, as it is listed in the window and in the documentation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .controls import Controls


@dataclass(frozen=True)
class Binding:
    """What one or several keys do.

    Attributes
    ----------
    keys : tuple of str
        Their names, as `key_name` gives them. Where one writes no letter another one does, since systems differ in
        the codes of the former; both are those of the page in the browser, where it has them.
    shown : str
        The keys as they are listed.
    what : str
        What they do.
    act : callable
        Does it.
    """

    keys: tuple[str, ...]
    shown: str
    what: str
    act: Callable[[Controls], None]


BINDINGS = (
    Binding((' ', 'k'), 'Space, K', 'play and pause', Controls.toggle),
    Binding(('Right', '.'), 'Right or .', 'one frame on', lambda on: on.step(1)),
    Binding(('Left', ','), 'Left or ,', 'one frame back', lambda on: on.step(-1)),
    Binding(('l', '>', 'Shift+Right'), 'L or >', '10 frames on', lambda on: on.step(10)),
    Binding(('j', '<', 'Shift+Left'), 'J or <', '10 frames back', lambda on: on.step(-10)),
    Binding(('PageDown',), 'Page down', '100 frames on', lambda on: on.step(100)),
    Binding(('PageUp',), 'Page up', '100 frames back', lambda on: on.step(-100)),
    Binding(('Home',), 'Home', 'the first frame', Controls.first),
    Binding(('End',), 'End', 'the last frame', Controls.last),
    Binding(('n',), 'N', 'the next gap, where frames are missing', lambda on: on.gap(1)),
    Binding(('b',), 'B', 'the gap before', lambda on: on.gap(-1)),
    Binding(('g',), 'G', 'go to a number, #index or time', Controls.ask),
    Binding(('Up', ']'), 'Up or ]', 'twice as fast', lambda on: on.change_speed(2)),
    Binding(('Down', '['), 'Down or [', 'half as fast', lambda on: on.change_speed(0.5)),
    Binding(('r',), 'R', 'begin again at the end, or stop there', Controls.toggle_loop),
    Binding(('f',), 'F', 'follow a recording that goes on', Controls.follow),
    Binding(('+', '='), '+', 'larger', lambda on: on.zoom_by(1)),
    Binding(('-', '_'), '-', 'smaller', lambda on: on.zoom_by(-1)),
    Binding(('z',), 'Z', 'in pixels: 1 : 1, 4 : 1, as it fits', Controls.cycle_zoom),
    Binding(('1',), '1', 'in pixels, 1 : 1', lambda on: on.zoom_to(1)),
    Binding(('0',), '0', 'as it fits', lambda on: on.zoom_to(None)),
    Binding(('w',), 'W', 'see more above', lambda on: on.pan(0, -1)),
    Binding(('x',), 'X', 'see more below', lambda on: on.pan(0, 1)),
    Binding(('a',), 'A', 'see more to the left', lambda on: on.pan(-1, 0)),
    Binding(('d',), 'D', 'see more to the right', lambda on: on.pan(1, 0)),
    Binding(('c',), 'C', 'contrast', Controls.toggle_contrast),
    Binding(('s',), 'S', 'save this frame, every bit of it', Controls.save),
    Binding(('h', '?'), 'H or ?', 'this list', Controls.list_keys),
    Binding(('q',), 'Q', 'quit', Controls.leave),
    Binding(('Escape',), 'Esc', 'leave what is asked, this list, or the window', Controls.leave_list_or_window),
)

_BY_KEY = {key: binding for binding in BINDINGS for key in binding.keys}


def binding_of(key: str) -> Binding | None:
    """What a key does; with Shift as without, where that does nothing of its own."""
    return _BY_KEY.get(key) or _BY_KEY.get(key.removeprefix('Shift+'))
