"""Table of keys, for actions, the list in the window and documentation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .controls import Controls


@dataclass(frozen=True)
class Binding:
    """Action of one or several keys.

    Attributes
    ----------
    keys : tuple of str
        Key names from `key_name`. A key that writes no letter has another one beside it, since its codes differ between
        systems. Both are as on the page in the browser, if it has them.
    shown : str
        The keys, as listed.
    what : str
        What they do, as listed.
    act : callable
        Performs the action.
    """

    keys: tuple[str, ...]
    shown: str
    what: str
    act: Callable[[Controls], None]


BINDINGS = (
    Binding((' ', 'k'), 'Space, K', 'play and pause', Controls.toggle),
    Binding(('Right', '.'), 'Right or .', 'one frame forward', lambda on: on.step(1)),
    Binding(('Left', ','), 'Left or ,', 'one frame back', lambda on: on.step(-1)),
    Binding(('l', '>', 'Shift+Right'), 'L or >', '10 frames forward', lambda on: on.step(10)),
    Binding(('j', '<', 'Shift+Left'), 'J or <', '10 frames back', lambda on: on.step(-10)),
    Binding(('PageDown',), 'Page down', '100 frames forward', lambda on: on.step(100)),
    Binding(('PageUp',), 'Page up', '100 frames back', lambda on: on.step(-100)),
    Binding(('Home',), 'Home', 'the first frame', Controls.first),
    Binding(('End',), 'End', 'the last frame', Controls.last),
    Binding(('n',), 'N', 'the next gap, where frames are missing', lambda on: on.gap(1)),
    Binding(('b',), 'B', 'the previous gap', lambda on: on.gap(-1)),
    Binding(('g',), 'G', 'go to a number, #index or time', Controls.ask),
    Binding(('Up', ']'), 'Up or ]', 'twice as fast', lambda on: on.change_speed(2)),
    Binding(('Down', '['), 'Down or [', 'half as fast', lambda on: on.change_speed(0.5)),
    Binding(('r',), 'R', 'repeat, or stop at the end', Controls.toggle_loop),
    Binding(('f',), 'F', 'follow a growing recording', Controls.follow),
    Binding(('+', '='), '+', 'larger', lambda on: on.zoom_by(1)),
    Binding(('-', '_'), '-', 'smaller', lambda on: on.zoom_by(-1)),
    Binding(('z',), 'Z', 'zoom 1 : 1, 4 : 1, fit the window', Controls.cycle_zoom),
    Binding(('1',), '1', 'zoom 1 : 1', lambda on: on.zoom_to(1)),
    Binding(('0',), '0', 'fit the window', lambda on: on.zoom_to(None)),
    Binding(('w',), 'W', 'see more above', lambda on: on.pan(0, -1)),
    Binding(('x',), 'X', 'see more below', lambda on: on.pan(0, 1)),
    Binding(('a',), 'A', 'see more to the left', lambda on: on.pan(-1, 0)),
    Binding(('d',), 'D', 'see more to the right', lambda on: on.pan(1, 0)),
    Binding(('c',), 'C', 'contrast', Controls.toggle_contrast),
    Binding(('s',), 'S', 'save this frame losslessly', Controls.save),
    Binding(('h', '?'), 'H or ?', 'this list', Controls.list_keys),
    Binding(('q',), 'Q', 'quit', Controls.leave),
    Binding(('Escape',), 'Esc', 'close the prompt, this list, or the window', Controls.leave_list_or_window),
)

_BY_KEY = {key: binding for binding in BINDINGS for key in binding.keys}


def binding_of(key: str) -> Binding | None:
    """Return the action of a key; with Shift, as without if it has no own action."""
    return _BY_KEY.get(key) or _BY_KEY.get(key.removeprefix('Shift+'))
