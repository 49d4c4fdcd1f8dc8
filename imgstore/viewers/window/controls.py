"""User actions in the window, called by the table of keys."""

from __future__ import annotations

import time

from ...errors import ImgStoreError
from ...ondisk.files import name_of
from ...stores.base import ImgStore
from ..gaps import Gap
from ..goto import find_place
from ..navigation import Navigator
from .frame import Frames, LoadedFrame
from .player import Player
from .screenshot import grab
from .zoom import Point, Size, Zoom

_LONGEST_SEARCH = 2.0  # seconds; the window does not react meanwhile
_BETWEEN_LOOKS = 0.5  # seconds between looks at a growing store
_LONGEST_TEXT = 40  # characters in the prompt


class Controls:
    """A store, its view, and all actions on them.

    Parameters
    ----------
    store : store
        Open for reading, with frames.
    player : Player
    room : (int, int)
        Width and height for images in pixels.
    """

    def __init__(self, store: ImgStore, player: Player, room: Size) -> None:
        self.store = store
        self.player = player
        self.frames = Frames(store)
        self.navigator = Navigator(store)
        self.frame: LoadedFrame | None = None
        self.zoom = Zoom((store.image_shape[1], store.image_shape[0]), room)
        self.pointer: Point | None = None
        self.stretched = False
        self.following = False
        self.lists_keys = False
        self.prompt: str | None = None
        """Text typed into the prompt "go to"; None without a prompt."""
        self.message = ''
        self.is_trouble = False
        """Whether the message reports an error."""
        self.leaving = False
        self.unread: dict[int, str] = {}
        """Why frames could not be read, by index."""
        self._looked_again = 0.0

    # --- reading

    def goto(self) -> LoadedFrame:
        """Read the current frame."""
        frame = self.frames.read(self.player.index)
        if frame.image is not None:
            self.zoom = self.zoom.of_image((frame.image.shape[1], frame.image.shape[0]))
        else:
            self.unread[frame.index] = frame.trouble
            self._count()  # fewer, if a chunk's index was damaged
        self.frame = frame
        return frame

    def refresh(self, at_once: bool = False) -> bool:
        """Load frames added by a writer, now and then; return whether there are more."""
        now = time.monotonic()
        soon = now - self._looked_again < _BETWEEN_LOOKS and not at_once
        if soon or not (self._looked_again or self.store.is_live):
            return False
        self._looked_again = now if self.store.is_live else 0.0  # once more after it is closed
        self.store.refresh()
        return self._count()

    def _count(self) -> bool:
        before, self.player.count = self.player.count, self.store.frame_count
        return self.player.count > before

    def follow_on(self) -> None:
        """Go to the latest frame when following."""
        if self.following and self.refresh():
            self.player.go(self.player.count - 1)

    def notify(self, message: str, is_trouble: bool = False) -> None:
        """Show a message until the next key."""
        self.message, self.is_trouble = message, is_trouble

    # --- navigation

    def toggle(self) -> None:
        """Pause or resume."""
        self.following = False
        self.player.toggle()

    def step(self, by: int) -> None:
        """Go `by` frames forward, or back if negative."""
        self._go(self.player.index + by)

    def first(self) -> None:
        """Go to the first frame."""
        self._go(0)

    def last(self) -> None:
        """Go to the last frame, including frames added meanwhile."""
        self.refresh(at_once=True)
        self._go(self.player.count - 1)

    def follow(self) -> None:
        """Start or stop following a store that is being written."""
        if not self.following and not self.store.is_live:
            self.notify('no writer has this store open: nothing to follow')
            return
        self.last()
        self.following = not self.following
        self.notify('following: new frames are shown as they arrive' if self.following else 'no longer following')

    def part(self, share: float) -> None:
        """Go to a fraction of the recording, from 0 to 1."""
        self._go(round(share * (self.player.count - 1)))

    def gap(self, direction: int) -> None:
        """Go to the next or previous frame after a gap."""
        index, until = self.player.index, time.monotonic() + _LONGEST_SEARCH
        while True:
            found, searched = self.navigator.next_gap(index, direction)
            if found is not None:
                self._go(found)
                self.notify(_gap_text(Gap(found, self.navigator.frame(found - 1), self.navigator.frame(found))))
                return
            if searched is None:
                self.notify(f'no gap {"after" if direction > 0 else "before"} this frame')
                return
            index = searched
            if time.monotonic() > until:
                self._go(index)
                self.notify('no gap up to here; press again to search further')
                return

    def _go(self, index: int) -> None:
        self.following = False
        self.player.go(index)

    # --- the prompt "go to"

    def ask(self) -> None:
        """Open the prompt "go to"."""
        self.prompt = ''

    def write(self, key: str) -> None:
        """Handle a key in the prompt "go to"."""
        if self.prompt is None:
            return
        if key == 'Escape':
            self.prompt = None
        elif key == 'Backspace':
            self.prompt = self.prompt[:-1]
        elif key == 'Enter':
            self._jump(self.prompt)
            self.prompt = None
        elif len(key) == 1 and len(self.prompt) < _LONGEST_TEXT:
            self.prompt += key

    def _jump(self, text: str) -> None:
        if not text.strip():
            return
        try:
            index, note = find_place(self.store, text)
        except ImgStoreError as error:
            self.notify(str(error), is_trouble=True)
            return
        self._go(index)
        self.notify(note)

    # --- view

    def change_speed(self, factor: float) -> None:
        """Play faster or slower."""
        self.player.change_speed(factor)

    def toggle_loop(self) -> None:
        """Switch repeating on or off."""
        self.player.loop = not self.player.loop

    def toggle_contrast(self) -> None:
        """Switch contrast stretching of each frame on or off."""
        self.stretched = not self.stretched

    def list_keys(self) -> None:
        """Show or hide the list of keys."""
        self.lists_keys = not self.lists_keys

    @property
    def pixel(self) -> tuple[int, int] | None:
        """X and y of the image's pixel under the pointer."""
        return self.pointer and self.zoom.pixel_at(self.pointer)

    def zoom_by(self, steps: int) -> None:
        """Zoom in or out, about the pointer if it is over the image."""
        self.zoom = self.zoom.stepped(steps, self.pointer if self.pixel else None)

    def zoom_to(self, scale: float | None) -> None:
        """Show this many screen pixels per image pixel; None: fit the window."""
        self.zoom = self.zoom.at_scale(scale, self.pointer if self.pixel else None) if scale else self.zoom.fitting()

    def cycle_zoom(self) -> None:
        """Switch between 1 : 1, 4 : 1 and fitting the window."""
        self.zoom = self.zoom.cycled(self.pointer if self.pixel else None)

    def pan(self, x: int, y: int) -> None:
        """Move the view right (x is 1) or down (y is 1) by a quarter of the window."""
        width, height = self.zoom.room
        self.zoom = self.zoom.moved(-x * width / 4, -y * height / 4)

    # --- other actions

    def save(self) -> None:
        """Save the frame losslessly as an image in the current folder."""
        if self.frame is None or self.frame.image is None:
            self.notify('this frame cannot be read, so it cannot be saved', is_trouble=True)
            return
        name = name_of(self.store.filename) or 'frame'
        try:
            self.notify(f'saved as {grab(self.frame.image, f"{name}_{self.frame.number}")}')
        except ImgStoreError as error:
            self.notify(str(error), is_trouble=True)

    def leave_list_or_window(self) -> None:
        """Close the list of keys, else the window."""
        if self.lists_keys:
            self.lists_keys = False
        else:
            self.leave()

    def leave(self) -> None:
        """End."""
        self.leaving = True


def _gap_text(gap: Gap) -> str:
    seconds = f'{gap.seconds:.3f} s between them' if gap.seconds == gap.seconds else 'at an unknown time'
    if gap.missing > 0:
        return f'{gap.missing} missing after frame {gap.before[0]}, {seconds}'
    what = {0: 'a pause', -1: 'the number is repeated'}.get(gap.missing, 'numbers go back')
    return f'{what} after frame {gap.before[0]}, {seconds}'
