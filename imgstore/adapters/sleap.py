"""Stores in labels of SLEAP, by sleap-io.

Importing this module lets sleap-io open stores and save labels of them. sleap-io 0.9 has no way to add a kind of
video, so some of its functions are wrapped. They treat all other videos as before.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from ..color import Image
from ..constants import STORE_MD_FILENAME
from ..errors import ImgStoreError, MissingDependencyError
from ..ondisk.files import StrPath, join
from ..ondisk.layout import existing_store_folder
from ..remote.urls import is_url
from ..stores.factories import ImgStore, new_for_filename
from .frames import frame_rate, in_rgb

try:
    from sleap_io import Video
    from sleap_io.io import slp
    from sleap_io.io.video_reading import CropVideoBackend, VideoBackend
    from sleap_io.model import matching
except ImportError as error:
    raise MissingDependencyError.for_extra('this adapter needs sleap-io', 'sleap_io', 'sleap') from error


class StoreBackend(VideoBackend):  # type: ignore[misc]
    """Frames of a store for sleap-io. Their numbers are frame indexes.

    Images are of shape (h, w, 3) in RGB or (h, w, 1).

    Parameters
    ----------
    filename : str or PathLike
        The store's folder or its ``metadata.yaml``.
    grayscale : bool, optional
        Whether colour images are reduced to their first channel. Default: as the store is.
    keep_open : bool
        Whether the store stays open between reads.

    Raises
    ------
    StoreNotFoundError
        There is no store.
    """

    EXTS = (STORE_MD_FILENAME,)

    def __init__(self, filename: StrPath, grayscale: bool | None = None, keep_open: bool = True) -> None:
        path = join(existing_store_folder(filename), STORE_MD_FILENAME).replace(os.sep, '/')
        super().__init__(path, grayscale, keep_open)
        self._open_reader: Any = None
        if grayscale is None:
            self.grayscale = self._read(lambda store: store.image_shape[2:] in ((), (1,)))
        self._fps = self._read(frame_rate) or None

    @property
    def num_frames(self) -> int:
        """Number of frames."""
        return int(self._read(len))

    def read_test_frame(self) -> Any:
        """Return a black image of the store's shape, without reading one."""
        return self._read(lambda store: _with_channels(np.zeros(store.image_shape, store.dtype)))

    def _read_frame(self, frame_idx: int) -> Any:
        return self._read(lambda store: _with_channels(in_rgb(store[int(frame_idx)], store)))

    def _read_frames(self, frame_inds: list[int]) -> Any:
        return self._read(lambda store: _with_channels(in_rgb(store[np.asarray(frame_inds, np.int64)], store), 1))

    def _read(self, read: Callable[[ImgStore], Any]) -> Any:
        """Call a function with the open store."""
        if not self.keep_open:
            with new_for_filename(self.filename) as store:
                return read(store)
        if self._open_reader is None:
            self._open_reader = new_for_filename(self.filename)
        return read(self._open_reader)


def make_video(path: StrPath, **options: Any) -> Video:
    """Open a store as a ``Video`` of sleap-io.

    It can be saved in an ``.slp`` file, and is opened again with it wherever this module is imported. A frame's
    number is its index in the store.

    Parameters
    ----------
    path : str or PathLike
        The store's folder or its ``metadata.yaml``.
    **options
        ``grayscale`` and ``keep_open`` of `StoreBackend`.

    Returns
    -------
    sleap_io.Video

    Raises
    ------
    StoreNotFoundError
        There is no store.
    """
    backend = StoreBackend(path, **options)
    return Video(filename=backend.filename, backend=backend)


def _with_channels(images: Image, more_axes: int = 0) -> Image:
    """Return images with an axis for channels, in addition to that of frames."""
    return images if images.ndim == 3 + more_axes else images[..., np.newaxis]


def _is_store(filename: object) -> bool:
    """Return whether a path is that of a store, for sleap-io."""
    if not isinstance(filename, (str, os.PathLike)):  # a list of images
        return False
    path = os.fspath(filename)
    return os.path.basename(path) == STORE_MD_FILENAME or os.path.isfile(os.path.join(path, STORE_MD_FILENAME))


def _to_dict(video: Video) -> dict[str, Any]:
    """Return what an ``.slp`` file has of a store. SLEAP 1.4 reads it, too."""
    backend = video.backend.inner if isinstance(video.backend, CropVideoBackend) else video.backend
    about = {'type': 'ImgStoreVideo', 'filename': backend.filename, 'index_by_original': False}
    return about | {'shape': backend.shape, 'grayscale': backend.grayscale, 'fps': backend.fps}


def _moved(labels_path: str, about: dict[str, Any]) -> dict[str, Any] | None:
    """Return what labels have of a video, with the path of its store now.

    None without such a store. It is looked for where it was, and by its name in the labels' folder. sleap-io would take
    any store there, as the files of all have the same name.
    """
    path = str(about['backend'].get('filename', ''))
    folder, name = os.path.split(path)
    if name != STORE_MD_FILENAME or is_url(path) or os.path.isfile(path):
        return about
    moved = os.path.join(os.path.dirname(labels_path), os.path.basename(folder), name)
    if not os.path.isfile(moved) or not _fits(moved, about['backend'].get('shape')):
        return None
    return {**about, 'backend': {**about['backend'], 'filename': moved}}


def _fits(path: str, shape: Any) -> bool:
    """Return whether a store has at least the images of a shape in labels."""
    if not isinstance(shape, (list, tuple)) or len(shape) < 3:
        return True
    try:
        with new_for_filename(path) as store:
            return len(store) >= shape[0] and [*store.image_shape[:2]] == [*shape[1:3]]
    except ImgStoreError:
        return False


def _are_two_stores(video: Video, other: Video) -> bool:
    """Return whether two videos are stores with folders of different names."""
    paths = [str(each.filename) for each in (video, other)]
    folders = {os.path.basename(os.path.dirname(path)) for path in paths}
    return all(os.path.basename(path) == STORE_MD_FILENAME for path in paths) and len(folders) > 1


def _add_to_sleap_io() -> None:
    _read_and_save()
    _find_and_match()


def _find_and_match() -> None:
    make, conflict, matches = slp.make_video, matching.original_videos_conflict, Video.matches_path

    @functools.wraps(make)
    def make_video_or_store(
        labels_path: str, video_json: dict[str, Any], open_backend: bool = True, *args: Any, **options: Any
    ) -> Video:
        found = _moved(labels_path, video_json)
        is_open = found is not None and open_backend
        return make(labels_path, found or video_json, is_open, *args, **options)

    @functools.wraps(conflict)
    def videos_conflict(video: Video, other: Video) -> bool:
        return _are_two_stores(video, other) or bool(conflict(video, other))

    @functools.wraps(matches)
    def matches_path(video: Video, other: Video, *args: Any, **options: Any) -> bool:
        return not _are_two_stores(video, other) and bool(matches(video, other, *args, **options))

    slp.make_video, matching.original_videos_conflict = make_video_or_store, videos_conflict
    Video.matches_path = matches_path


def _read_and_save() -> None:
    from_filename = VideoBackend.from_filename.__func__
    video_to_dict = slp.video_to_dict

    @functools.wraps(from_filename)
    def from_filename_or_store(cls: Any, filename: Any, *args: Any, **options: Any) -> Any:
        if not _is_store(filename):
            return from_filename(cls, filename, *args, **options)
        known = {name: options[name] for name in ('grayscale', 'keep_open') if name in options}
        return StoreBackend(os.fspath(filename), **known)

    @functools.wraps(video_to_dict)
    def video_or_store_to_dict(video: Video, *args: Any, **options: Any) -> dict[str, Any]:
        about: dict[str, Any] = video_to_dict(video, *args, **options)
        inner = getattr(video.backend, 'inner', video.backend)
        return {**about, 'backend': _to_dict(video)} if isinstance(inner, StoreBackend) else about

    VideoBackend.from_filename = classmethod(from_filename_or_store)
    slp.video_to_dict = video_or_store_to_dict


_add_to_sleap_io()
