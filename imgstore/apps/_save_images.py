"""Images of imgstore-save: converted for the store, and shown in a window."""

from __future__ import annotations

import argparse
import time

import numpy as np

from ..color import Image, ensure_grayscale
from ..errors import ImgStoreError, InvalidArgumentError
from ..formats import resolve_format
from ..ui import Window, check_screen, new_window
from ._cli import log_error

_PROG = 'imgstore-save'
_QUIT = (27, ord('q'), ord('Q'))  # 27 is Esc
_PREVIEWS = 0.1  # seconds between previews


def check_depth(image: Image, name: str) -> None:
    """Refuse images of more bits than the format holds."""
    dtypes = resolve_format(name).dtypes
    if image.dtype == np.uint16 and dtypes and 'uint16' not in dtypes:
        raise InvalidArgumentError(
            f'the images have more than 8 bits, but format {name} holds 8; use --to-8-bit, or '
            '--format png to keep every bit'
        )


class Preparation:
    """Prepares images for the store."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._crop, self._to_8_bit, self._format = args.crop, args.to_8_bit, args.format
        is_gray = resolve_format(args.format).is_gray
        self._to_gray = args.gray or is_gray
        self._warns = is_gray and not args.gray

    def of(self, image: Image) -> Image:
        """Crop and convert the image; warn when colours are lost for the first time."""
        if self._crop:
            image = self._cropped(image)
        if self._to_8_bit and image.dtype == np.uint16:
            image = (image >> 8).astype(np.uint8)
        if self._warns and image.ndim == 3 and np.any(image != image[..., :1]):
            log_error(_PROG, f'warning: format {self._format} is gray, so the colours are lost')
            self._warns = False
        return ensure_grayscale(image) if self._to_gray else image

    def _cropped(self, image: Image) -> Image:
        x, y, width, height = self._crop
        if y + height > image.shape[0] or x + width > image.shape[1]:
            raise InvalidArgumentError(
                f'{width}x{height}+{x}+{y} is not within the image of {image.shape[1]}x{image.shape[0]} pixels'
            )
        return np.ascontiguousarray(image[y : y + height, x : x + width])


class Preview:
    """A window with the latest image of the camera, updated now and then.

    It shows only the ROI.
    """

    def __init__(self, title: str, roi: tuple[int, int, int, int] | None = None) -> None:
        self._title, self._roi, self._shown = title, roi, 0.0
        self._window: Window | None = None

    @classmethod
    def of(cls, args: argparse.Namespace) -> Preview | None:
        """Make one if there is a screen and no --no-preview."""
        if args.no_preview:
            return None
        try:
            check_screen()
        except ImgStoreError:
            return None
        return cls(f'imgstore camera {int(args.source or 0)}', args.roi)

    def show(self, image: Image, number: int) -> bool:
        """Show an image if one is due; return whether the user wants to stop."""
        if time.monotonic() - self._shown < _PREVIEWS:
            return False
        self._shown = time.monotonic()
        if self._roi is not None:
            x, y, width, height = self._roi
            image = np.ascontiguousarray(image[y : y + height, x : x + width])
        if self._window is None:
            self._window = new_window(self._title, expanded_ui=False, shape=image.shape)
        self._window.imshow(image)
        return self._window.waitKey(1) in _QUIT or self._window.closed

    def close(self) -> None:
        """Close the window."""
        if self._window is not None:
            self._window.close()
