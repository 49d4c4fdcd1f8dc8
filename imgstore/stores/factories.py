"""The store as its user sees it: `VideoImgStore`, `DirectoryImgStore`, and how one is made or opened."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

from ..color import ImageCodecProcessor, ensure_color, ensure_grayscale
from ..constants import (
    EXTRA_DATA_FILE_EXTENSIONS,
    STORE_INDEX_FILENAME,
    STORE_LOCK_FILENAME,
    STORE_MD_FILENAME,
    STORE_MD_KEY,
)
from ..errors import InvalidArgumentError
from ..formats import DIRECTORY, VIDEO, format_names, format_of, resolve_format
from ..index.store_index import ImgStoreIndex
from ..ondisk.files import StrPath, text_path
from ..ondisk.layout import existing_store_folder, store_folder
from ..ondisk.metadata import load_metadata
from ..options import DEFAULT_DTYPE, ReadOptions, WriteOptions
from .base import ImgStore, _ImgStore

__all__ = [
    'EXTRA_DATA_FILE_EXTENSIONS', 'STORE_INDEX_FILENAME', 'STORE_LOCK_FILENAME', 'STORE_MD_FILENAME', 'STORE_MD_KEY',
    'DirectoryImgStore', 'ImageCodecProcessor', 'ImgStore', 'ImgStoreIndex', 'ReadOptions', 'VideoImgStore',
    'WriteOptions', '_ImgStore', 'ensure_color', 'ensure_grayscale', 'extract_only_frame', 'get_supported_formats',
    'new_for_filename', 'new_for_format']


class VideoImgStore(ImgStore):
    """A store whose chunks are video files. See `new_for_format` and `new_for_filename`."""

    _class_name = VIDEO

    def insert_chunk(self, video_path: StrPath, frame_numbers: Iterable[Any], frame_times: Iterable[Any],
                     move: bool = True) -> None:
        """Take a finished video file as the next chunk.

        The video is decoded once, to check that each frame is sound and can be found exactly.

        Parameters
        ----------
        video_path : str or PathLike
            A video of 8 bits with the extension and the image size of the store's, neither turned nor mirrored.
        frame_numbers, frame_times : sequence of int, of float (finite, seconds)
            One each a frame that the video shows, which hidden ones are not.
        move : bool
            False: copy the file, leave it where it is.

        Raises
        ------
        InvalidArgumentError
            The file is no such video, it is damaged or cut off, its frames cannot be told apart exactly, or numbers
            and times are not one each a frame; nothing was changed.
        FrameWriteError
            The file could not be moved or copied.
        """
        self._require_writer().insert_chunk(text_path(video_path, 'video_path'), frame_numbers, frame_times, move)


class DirectoryImgStore(ImgStore):
    """A store whose chunks are folders of images. See `new_for_format` and `new_for_filename`."""

    _class_name = DIRECTORY

    def insert_chunk(self, video_path: StrPath, frame_numbers: Iterable[Any], frame_times: Iterable[Any],
                     move: bool = True) -> NoReturn:
        """Refuse a video: a chunk of images cannot be one.

        Raises
        ------
        InvalidArgumentError
            Always; the message says which formats take videos.
        """
        raise InvalidArgumentError(
            f'{text_path(video_path, "video_path")!r} cannot be a chunk of {self.filename!r}, which has images of '
            f'format {self._require_writer().fmt.name}; make a store of {_VIDEO_FORMATS} for it, or give its frames to '
            f'add_image',
            store=self.filename, argument='video_path')


_VIDEO_FORMATS = ' or '.join(map(repr, format_names(VIDEO)))
_CLASSES: dict[str, type[ImgStore]] = {VIDEO: VideoImgStore, DIRECTORY: DirectoryImgStore}


def new_for_filename(path: StrPath | None = None, mode: str = 'r', basedir: StrPath | None = None,
                     index: ImgStoreIndex | None = None, seek: bool = True, **kwargs: Any) -> ImgStore:
    """Open a store to read it.

    Parameters
    ----------
    path : str or PathLike
        The store's folder, or the metadata.yaml in it.
    mode : {'r'}
    basedir : str or PathLike
        The store's folder, instead of ``path``.
    index : ImgStoreIndex, optional
        Used as it is instead of the chunks' indexes.
    seek : bool
        False: read videos sequentially.
    **kwargs
        The other `ReadOptions`. What imgstore 0.4 takes here besides, such as ``imgshape``, is accepted and ignored.

    Returns
    -------
    VideoImgStore or DirectoryImgStore

    Raises
    ------
    StoreNotFoundError
        There is no store.
    CorruptFileError
        Its metadata is damaged.
    InvalidArgumentError
        Another argument is not allowed.
    InvalidOptionError
        It is an option of stores that are written, or none.
    """
    if mode != 'r':
        raise InvalidArgumentError(f'mode is {mode!r}; a store is opened with \'r\', new_for_format makes a new one',
                                   argument='mode')
    folder = existing_store_folder(path, basedir)
    store = _CLASSES[format_of(load_metadata(folder), folder).class_name]
    return store(basedir=folder, mode='r', index=index, seek=seek, **kwargs)


def new_for_format(fmt: str | None = None, path: StrPath | None = None, mode: str = 'w',
                   basedir: StrPath | None = None, imgshape: Any = None, imgdtype: Any = DEFAULT_DTYPE,
                   chunksize: Any = None, metadata: dict[Any, Any] | None = None, encoding: str | None = None,
                   **kwargs: Any) -> ImgStore:
    """Make a new store.

    Parameters
    ----------
    fmt : str
        One of `get_supported_formats()`.
    path : str or PathLike
        Its folder, which may be there but must hold no store.
    mode : {'w', 'r'}
        'r': the same as `new_for_filename`, with ``fmt`` ignored.
    basedir : str or PathLike
        The folder, instead of ``path``.
    imgshape : tuple of int
        Shape of the images: (h, w) or (h, w, 3); npy and bpk take any.
    imgdtype : dtype
        Their dtype.
    chunksize : int
        Frames a chunk: 200 in folders, 10000 in videos if not given.
    metadata : dict
        Your own, kept in metadata.yaml.
    encoding : str
        OpenCV's conversion to BGR that the images need, such as 'cv_bayerrg'; they are stored raw and converted when
        read. The formats '…+color' convert before they store.
    **kwargs
        The other `WriteOptions`.

    Returns
    -------
    VideoImgStore or DirectoryImgStore

    Raises
    ------
    InvalidArgumentError
        An argument is not allowed; nothing on disk was touched.
    InvalidOptionError
        It is an option of stores that are read, or none.
    StoreExistsError
        A store is already there; it is untouched.
    StoreLockedError
        Another writer has it open.
    """
    if mode == 'r':
        return new_for_filename(path, mode, basedir, **kwargs)
    other_name = kwargs.pop('format', None)
    fmt = other_name if fmt is None else fmt
    store = _CLASSES[resolve_format(fmt).class_name]
    return store(basedir=store_folder(path, basedir), mode=mode, imgshape=imgshape, imgdtype=imgdtype,
                 chunksize=chunksize, metadata=metadata, encoding=encoding, format=fmt, **kwargs)


def extract_only_frame(path: StrPath, frame_index: int) -> Any:
    """Read one frame of a store, the cheapest way.

    Parameters
    ----------
    path : str or PathLike
        As for `new_for_filename`.
    frame_index : int
        From 0, in the order of writing.

    Returns
    -------
    ndarray, shape as the store's `image_shape`

    Raises
    ------
    FrameNotFoundError
        There is no such frame.
    """
    with new_for_filename(path) as store:
        return store._require_reader().at(frame_index)[0]


def get_supported_formats() -> list[str]:
    """Names of all formats that stores can be made in here."""
    return format_names()


def _extract_store_metadata(full_path: StrPath) -> dict[str, Any]:
    """The store's own part of a metadata.yaml, given by its path."""
    return load_metadata(existing_store_folder(full_path)).store
