"""Windows on the screen through OpenCV, and the size of the screen."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence

import cv2

from .color import Image
from .errors import ImgStoreError, InvalidArgumentError, MissingDependencyError

_USUAL_RESOLUTION = 1024, 768

# OpenCV 4.11 never enlarges an image in a larger window and reports only the image's size; 4.12 does better
_STAYS_SMALL = cv2.__version__.startswith('4.11.')


class Window:
    """A window on the screen. It opens with the first image.

    Parameters
    ----------
    name
        Title, also OpenCV's name of the window.
    size
        (w, h) in pixels. None: the size of the image.
    expanded_ui
        Show OpenCV's tool bar and status bar, if its build has them.
    keep_ratio
        Keep the image's proportions when the user resizes the window. False: images fill the window, for callers that
        draw images as large as `area`.
    """

    def __init__(
        self, name: str, size: tuple[int, int] | None = None, expanded_ui: bool = True, keep_ratio: bool = True
    ) -> None:
        self.name = name
        self.size = size
        self._expanded_ui = expanded_ui
        self._keep_ratio = keep_ratio
        self._is_open = False

    def imshow(self, name: str | Image | None = None, mat: Image | None = None) -> None:
        """Show an image: ``imshow(image)``, or ``imshow(name, image)`` as in OpenCV.

        Parameters
        ----------
        name
            The image, or the name of the window for `mat`. Default: this window.
        mat
            Image (h, w) or (h, w, 3), as OpenCV shows it.

        Raises
        ------
        ImgStoreError
            There is no screen, or OpenCV cannot show the image.
        MissingDependencyError
            OpenCV's build has no windows.
        """
        title, image = (name, mat) if isinstance(name, str) else (self.name, name if mat is None else mat)
        if image is None:
            raise InvalidArgumentError('imshow needs an image', argument='image')
        try:
            self._open()
            cv2.imshow(title, image)
        except cv2.error as error:
            raise ImgStoreError(f'cannot show an image of shape {image.shape}, {image.dtype}: {error}') from error

    def waitKey(self, delay: int = 0) -> int:  # noqa: N802  the name is OpenCV's
        """Return the code of a key pressed within `delay` ms, or -1.

        0 waits for ever.
        """
        return cv2.waitKey(delay)

    def waitKeyEx(self, delay: int = 0) -> int:  # noqa: N802  the name is OpenCV's
        """Wait as `waitKey`, but return the full code. Arrow codes differ by system."""
        return cv2.waitKeyEx(delay)

    def on_mouse(self, call: Callable[[int, int, int, int, object], None]) -> None:
        """Set a function to call for mouse events while waiting for keys.

        It gets event, x, y and flags as in OpenCV. The window must be open. x and y are image coordinates, even if the
        image is drawn larger or smaller.
        """
        cv2.setMouseCallback(self.name, call)

    @property
    def area(self) -> tuple[int, int]:
        """Width and height for images in pixels.

        The user may have resized the window.
        """
        if self._is_open and not _STAYS_SMALL and not self.closed:
            with contextlib.suppress(cv2.error):
                _, _, width, height = cv2.getWindowImageRect(self.name)
                if width > 0 and height > 0:
                    return width, height
        return self.size or _USUAL_RESOLUTION

    @property
    def closed(self) -> bool:
        """Whether the user has closed the window."""
        try:
            return self._is_open and cv2.getWindowProperty(self.name, cv2.WND_PROP_VISIBLE) < 1
        except cv2.error:  # OpenCV 5 raises after its last window is closed
            return True

    def close(self) -> None:
        """Close the window if it is open."""
        if self._is_open and not self.closed:
            cv2.destroyWindow(self.name)
            cv2.waitKey(1)  # the window disappears with the next event loop
        self._is_open = False

    def _open(self) -> None:
        if self._is_open:
            return
        check_screen()
        # for each widget, Qt complains on standard error that the wheel brings no fonts
        os.environ.setdefault('QT_LOGGING_RULES', 'default.warning=false')
        look = cv2.WINDOW_GUI_EXPANDED if self._expanded_ui else cv2.WINDOW_GUI_NORMAL
        look |= cv2.WINDOW_KEEPRATIO if self._keep_ratio else cv2.WINDOW_FREERATIO
        cv2.namedWindow(self.name, look | (cv2.WINDOW_NORMAL if self.size else cv2.WINDOW_AUTOSIZE))
        if self.size:
            cv2.resizeWindow(self.name, *self.size)
        self._is_open = True


def new_window(
    name: str,
    size: tuple[int, int] | None = None,
    expanded_ui: bool = True,
    shape: tuple[int, ...] | None = None,
    screen_relative_size: float = 0.75,
    keep_ratio: bool = True,
) -> Window:
    """Make a window. It opens with the first image.

    Parameters
    ----------
    name
        Title of the window.
    size
        (w, h) in pixels.
    expanded_ui
        Show OpenCV's tool bar and status bar, if its build has them.
    shape
        (h, w, …) of the images. The window gets that size (`size` is ignored), scaled down to fit the screen.
    screen_relative_size
        Largest fraction of the screen's width and height, above 0.
    keep_ratio
        As for `Window`.

    Returns
    -------
    Window
        Has ``imshow``, ``waitKey`` and ``size``. ``size`` is None without a size and a shape.

    Raises
    ------
    InvalidArgumentError
        size or shape is not allowed, or screen_relative_size is not above 0.
    """
    if screen_relative_size <= 0:
        raise InvalidArgumentError(
            f'screen_relative_size is {screen_relative_size!r}; it must be above 0', argument='screen_relative_size'
        )
    if shape is not None:
        size = _fit(shape, screen_relative_size)
    if size is not None and not _is_size(size):
        raise InvalidArgumentError(f'size is {size!r}; it must be (w, h) in pixels', argument='size')
    return Window(name, size, expanded_ui, keep_ratio)


def get_screen_resolution() -> str:
    """Return the screen size as ``'1920x1080'``, or '' if unknown."""
    try:
        size = _SCREEN_SIZE.get(sys.platform, _x11_size)()
    except (OSError, subprocess.SubprocessError):
        size = None
    return f'{size[0]}x{size[1]}' if size else ''


def get_and_parse_screen_resolution() -> tuple[int, int]:
    """Return (w, h) of the screen in pixels, or (1024, 768) if unknown."""
    width, _, height = get_screen_resolution().partition('x')
    return (int(width), int(height)) if height else _USUAL_RESOLUTION


def check_screen() -> None:
    """Raise unless a window can be opened.

    Without a screen, the Qt of OpenCV's Linux wheels ends the process. So this check comes first.

    Raises
    ------
    ImgStoreError
        There is no screen.
    MissingDependencyError
        OpenCV's build has no windows.
    """
    if not cv2.currentUIFramework():
        raise MissingDependencyError(
            'this build of OpenCV (opencv-python-headless?) cannot open windows: pip install opencv-python', name='cv2'
        )
    if sys.platform.startswith('linux') and not _x11_size():
        raise ImgStoreError('there is no screen to show a window on (DISPLAY is not set, or cannot be reached)')


def _is_size(size: Sequence[int]) -> bool:
    return len(size) == 2 and min(size) >= 1


def _fit(shape: tuple[int, ...], screen_relative_size: float) -> tuple[int, int]:
    if len(shape) < 2 or min(shape) < 1:
        raise InvalidArgumentError(
            f'shape is {shape!r}; it must be that of an image, (h, w) or (h, w, channels)', argument='shape'
        )
    height, width = shape[:2]
    screen = get_and_parse_screen_resolution()
    scale = min(1, screen[0] * screen_relative_size / width, screen[1] * screen_relative_size / height)
    return max(1, int(width * scale)), max(1, int(height * scale))


def _windows_size() -> tuple[int, int]:
    metric = getattr(ctypes, 'windll').user32.GetSystemMetrics  # noqa: B009  ctypes has it on Windows only
    return metric(0), metric(1)


def _macos_size() -> tuple[int, int] | None:
    command = ['system_profiler', 'SPDisplaysDataType']
    report = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    found = re.search(r'Resolution: (\d+) x (\d+)', report)
    return (int(found[1]), int(found[2])) if found else None


def _x11_size() -> tuple[int, int] | None:
    try:
        x11, display = _x11_display(os.environ.get('DISPLAY', '').encode())
    except OSError:
        return None
    screen = x11.XDefaultScreen(display)
    return x11.XDisplayWidth(display, screen), x11.XDisplayHeight(display, screen)


@functools.cache
def _x11_display(name: bytes) -> tuple[ctypes.CDLL, ctypes.c_void_p]:
    """Open Xlib's connection to a display and keep it open.

    A server may restart after its last client has left.
    """
    x11 = ctypes.CDLL('libX11.so.6')
    x11.XOpenDisplay.restype = ctypes.c_void_p
    display = x11.XOpenDisplay(name)
    if display is None:
        raise OSError(f'display {name!r} cannot be reached')
    return x11, ctypes.c_void_p(display)


_SCREEN_SIZE: dict[str, Callable[[], tuple[int, int] | None]] = {'win32': _windows_size, 'darwin': _macos_size}
