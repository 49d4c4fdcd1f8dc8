"""A store in place of ``cv2.VideoCapture``."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np

from .._support.warn import warn
from ..color import Image, ensure_color
from ..errors import EndOfStoreError, ImgStoreError, ImgStoreWarning, InvalidArgumentError, StoreClosedError
from ..ondisk.files import StrPath
from ..stores.factories import ImgStore, new_for_filename
from .frames import frame_rate


class VideoCapture:
    """Read a store with the methods of ``cv2.VideoCapture``.

    Positions are frame indexes. Images are in BGR, those of gray stores too, as OpenCV gives them for videos. After
    ``set(cv2.CAP_PROP_CONVERT_RGB, 0)`` they are as stored.

    Differences: an unreadable frame raises FrameReadError, where OpenCV ends the video. If a store cannot be opened,
    an ImgStoreWarning says why.

    Parameters
    ----------
    filename : str or PathLike, optional
        The store's folder or its ``metadata.yaml``. Without one, call `open`.
    apiPreference : int, optional
        Taken and not used.
    params : sequence of int
        Taken and not used.
    **options
        `ReadOptions`, such as ``cache_bytes``.

    Examples
    --------
    >>> import cv2
    >>> from imgstore.adapters import VideoCapture
    >>> video = VideoCapture('recording')
    >>> video.isOpened(), video.get(cv2.CAP_PROP_FRAME_COUNT)
    (True, 5.0)
    >>> video.set(cv2.CAP_PROP_POS_FRAMES, 3)
    True
    >>> is_read, image = video.read()
    >>> is_read, image.shape
    (True, (48, 64, 3))
    >>> video.release()
    """

    def __init__(
        self,
        filename: StrPath | None = None,
        apiPreference: int = cv2.CAP_ANY,  # noqa: N803 -- OpenCV's name
        params: Sequence[int] = (),
        **options: Any,
    ) -> None:
        self._store: ImgStore | None = None
        self._raises, self._options = False, options
        self._next, self._grabbed, self._in_color = 0, -1, True
        if filename is not None:
            self.open(filename, apiPreference, params)

    def __enter__(self) -> VideoCapture:
        return self

    def __exit__(self, *error: object) -> None:
        self.release()

    def open(
        self,
        filename: StrPath,
        apiPreference: int = cv2.CAP_ANY,  # noqa: N803
        params: Sequence[int] = (),
    ) -> bool:
        """Open a store, after closing the one before.

        Returns
        -------
        bool
            False, with a warning, if there is no store.

        Raises
        ------
        ImgStoreError
            It could not be opened, and ``setExceptionMode(True)`` was called.
        InvalidArgumentError
            An option is unknown or has no allowed value.
        """
        self.release()
        try:
            self._store = new_for_filename(filename, **self._options)
        except ImgStoreError as error:
            if self._raises or getattr(error, 'argument', None) not in (None, 'path'):
                raise
            warn(ImgStoreWarning(str(error)))
        return self.isOpened()

    def isOpened(self) -> bool:  # noqa: N802
        """Return whether a store is open."""
        return self._store is not None

    def release(self) -> None:
        """Close the store."""
        if self._store is not None:
            self._store.close()
        self._store = None
        self._next, self._grabbed, self._in_color = 0, -1, True

    def grab(self) -> bool:
        """Go to the next frame without reading it; False at the end.

        EndOfStoreError after ``setExceptionMode(True)``.
        """
        self._grabbed = -1
        if self._store is not None and self._next < len(self._store):
            self._grabbed, self._next = self._next, self._next + 1
        elif self._raises:
            raise EndOfStoreError('there is no next frame; set(cv2.CAP_PROP_POS_FRAMES, 0) goes to the first one')
        return self._grabbed >= 0

    def retrieve(self, image: Image | None = None, flag: int = 0) -> tuple[bool, Image | None]:
        """Read the frame of the last `grab`.

        Parameters
        ----------
        image : ndarray, optional
            Gets the frame if its shape and dtype fit.
        flag : int
            Taken and not used.

        Returns
        -------
        tuple of (bool, ndarray or None)
            Whether there is a frame, and its image, of shape (h, w, 3) in BGR unless the conversion is off.

        Raises
        ------
        FrameReadError
            The frame cannot be read.
        """
        store, index = self._store, self._grabbed  # another thread may release it meanwhile
        if store is None or index < 0:
            return False, None
        try:
            frame = _in_bgr(store[index], store) if self._in_color else store[index]
        except StoreClosedError:  # by another thread
            return False, None
        if image is not None and (image.shape, image.dtype) == (frame.shape, frame.dtype):
            np.copyto(image, frame)
            frame = image
        return True, frame

    def read(self, image: Image | None = None) -> tuple[bool, Image | None]:
        """Go to the next frame and read it, as by `grab` and `retrieve`."""
        return self.retrieve(image) if self.grab() else (False, None)

    def get(self, propId: int) -> float:  # noqa: N803
        """Return a property, one of ``cv2.CAP_PROP_…``.

        A property that a store does not have is 0. ``POS_MSEC`` is the time of the last frame since the first one, in
        milliseconds. ``FPS`` is the rate of the recording, from its metadata or its times, or 0.
        """
        if self._store is None:
            return 0.0
        known = _GETTERS.get(propId)
        return float(known(self, self._store)) if known else 0.0

    def set(self, propId: int, value: float) -> bool:  # noqa: N803
        """Set ``POS_FRAMES``, ``POS_MSEC``, ``POS_AVI_RATIO`` or ``CONVERT_RGB``.

        A position outside the store is that of its first frame or its end. A time is that of the nearest frame, or of
        the end if it is more than half a frame's duration after the last frame.

        Returns
        -------
        bool
            False if the property cannot be set, or no store is open.
        """
        if self._store is None or not math.isfinite(value):
            return False
        if propId == cv2.CAP_PROP_CONVERT_RGB:
            self._in_color = bool(value)
        elif propId in _INDEX_OF:
            index = _INDEX_OF[propId](self._store, float(value)) if len(self._store) else 0
            self._next, self._grabbed = min(max(index, 0), len(self._store)), -1
        return propId == cv2.CAP_PROP_CONVERT_RGB or propId in _INDEX_OF

    def _seconds(self, store: ImgStore) -> float:
        """Return the time of the last frame since the first one."""
        return float(store.frame_times[max(self._next - 1, 0)] - store.frame_times[0]) if len(store) else 0.0

    def getBackendName(self) -> str:  # noqa: N802
        """Return 'IMGSTORE' for an open store, else ''."""
        return '' if self._store is None else 'IMGSTORE'

    def setExceptionMode(self, enable: bool) -> None:  # noqa: N802
        """Let `open`, and `grab` and `read` at the end, raise an error or not."""
        self._raises = bool(enable)

    def getExceptionMode(self) -> bool:  # noqa: N802
        """Return whether `open`, `grab` and `read` raise an error."""
        return self._raises


def _in_bgr(image: Image, store: ImgStore) -> Image:
    if image.ndim == 3 and image.shape[2] not in (1, 3):
        raise InvalidArgumentError(
            f'images of {store.filename!r} have shape {image.shape}, which is not gray or BGR; '
            f'read them as stored after set(cv2.CAP_PROP_CONVERT_RGB, 0)',
            argument='CAP_PROP_CONVERT_RGB',
        )
    return ensure_color(image)


def _index_at(store: ImgStore, seconds: float) -> int:
    """Return the index of the frame nearest to a time, or of the end."""
    times, rate = store.frame_times, frame_rate(store)
    if rate and seconds > times[-1] - times[0] + 0.5 / rate:
        return len(store)
    return store.find(time=float(times[0]) + seconds, nearest=True)


_GETTERS: dict[int, Callable[[VideoCapture, ImgStore], float]] = {
    cv2.CAP_PROP_FRAME_COUNT: lambda video, store: len(store),
    cv2.CAP_PROP_FRAME_HEIGHT: lambda video, store: store.image_shape[0],
    cv2.CAP_PROP_FRAME_WIDTH: lambda video, store: store.image_shape[1],
    cv2.CAP_PROP_FPS: lambda video, store: frame_rate(store),
    cv2.CAP_PROP_POS_FRAMES: lambda video, store: video._next,
    cv2.CAP_PROP_POS_MSEC: lambda video, store: video._seconds(store) * 1000,
    cv2.CAP_PROP_POS_AVI_RATIO: lambda video, store: video._next / max(len(store), 1),
    cv2.CAP_PROP_CONVERT_RGB: lambda video, store: video._in_color,
}
_INDEX_OF: dict[int, Callable[[ImgStore, float], int]] = {
    cv2.CAP_PROP_POS_FRAMES: lambda store, value: int(value),
    cv2.CAP_PROP_POS_AVI_RATIO: lambda store, value: round(value * len(store)),
    cv2.CAP_PROP_POS_MSEC: lambda store, value: _index_at(store, value / 1000),
}
