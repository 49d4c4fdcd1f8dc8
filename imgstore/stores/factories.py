"""The public stores, and functions to create and open them."""

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
    'EXTRA_DATA_FILE_EXTENSIONS',
    'STORE_INDEX_FILENAME',
    'STORE_LOCK_FILENAME',
    'STORE_MD_FILENAME',
    'STORE_MD_KEY',
    'DirectoryImgStore',
    'ImageCodecProcessor',
    'ImgStore',
    'ImgStoreIndex',
    'ReadOptions',
    'VideoImgStore',
    'WriteOptions',
    '_ImgStore',
    'ensure_color',
    'ensure_grayscale',
    'extract_only_frame',
    'get_supported_formats',
    'new_for_filename',
    'new_for_format',
]


class VideoImgStore(ImgStore):
    """A store whose chunks are video files.

    See `new_for_format` and `new_for_filename`.
    """

    _class_name = VIDEO

    def insert_chunk(
        self, video_path: StrPath, frame_numbers: Iterable[Any], frame_times: Iterable[Any], move: bool = True
    ) -> None:
        """Add a finished video file as the next chunk.

        The video is decoded once to check that every frame is intact and can be found exactly.

        Parameters
        ----------
        video_path : str or PathLike
            An 8-bit video with the store's extension and image size, neither rotated nor mirrored.
        frame_numbers : sequence of int
            Number of each displayed frame. Hidden frames do not count.
        frame_times : sequence of float
            Time of each displayed frame in seconds, finite.
        move : bool
            True: move the file into the store. False: copy it.

        Raises
        ------
        InvalidArgumentError
            The file is no such video, damaged or cut off. Or its frames cannot be found exactly. Or the numbers and
            times do not match the frames. The store is unchanged.
        FrameWriteError
            The file could not be moved or copied.

        Examples
        --------
        >>> from imgstore.export import export_video, select
        >>> report = export_video(select(store), 'camera.mp4')
        >>> with imgstore.new_for_format('avc1/mp4', 'videos', imgshape=(48, 64)) as videos:
        ...     videos.insert_chunk('camera.mp4', store.frame_numbers, store.frame_times)
        ...     len(videos)
        5
        """
        super().insert_chunk(video_path, frame_numbers, frame_times, move)


class DirectoryImgStore(ImgStore):
    """A store whose chunks are folders of images.

    See `new_for_format` and `new_for_filename`.
    """

    _class_name = DIRECTORY

    def insert_chunk(
        self, video_path: StrPath, frame_numbers: Iterable[Any], frame_times: Iterable[Any], move: bool = True
    ) -> NoReturn:
        """Reject a video: chunks of this store are folders of images.

        Raises
        ------
        InvalidArgumentError
            Always. The message lists the formats of video stores.
        """
        raise InvalidArgumentError(
            f'{text_path(video_path, "video_path")!r} cannot be a chunk of {self.filename!r}, a store of images in '
            f'format {self._require_writer().fmt.name}; create a store of {_of_videos()} for it, or pass its frames '
            f'to add_image',
            store=self.filename,
            argument='video_path',
        )


def _of_videos() -> str:
    return ' or '.join(map(repr, format_names(VIDEO)))


_CLASSES: dict[str, type[ImgStore]] = {VIDEO: VideoImgStore, DIRECTORY: DirectoryImgStore}


def new_for_filename(
    path: StrPath | None = None,
    mode: str = 'r',
    basedir: StrPath | None = None,
    index: ImgStoreIndex | None = None,
    seek: bool = True,
    **kwargs: Any,
) -> ImgStore:
    """Open a store for reading.

    Parameters
    ----------
    path : str or PathLike
        The store's folder, or the metadata.yaml in it.
    mode : {'r'}
        Only 'r'. `new_for_format` creates stores.
    basedir : str or PathLike
        The store's folder, instead of ``path``.
    index : ImgStoreIndex, optional
        Use this index instead of the chunks' indexes.
    seek : bool
        False: read videos sequentially, without seeking.
    **kwargs
        The other `ReadOptions`. Other arguments of imgstore 0.4, such as ``imgshape``, are accepted and ignored.

    Returns
    -------
    VideoImgStore or DirectoryImgStore

    Raises
    ------
    StoreNotFoundError
        There is no store.
    CorruptFileError
        The store's metadata is damaged.
    InvalidArgumentError
        An argument is not allowed.
    InvalidOptionError
        An option is unknown, or only for writing.

    Examples
    --------
    >>> with imgstore.new_for_filename('recording') as store:
    ...     for _ in range(len(store)):
    ...         img, (frame_number, frame_time) = store.get_next_image()
    >>> frame_number, frame_time
    (106, 26.5)
    """
    if mode != 'r':
        raise InvalidArgumentError(
            f"mode is {mode!r}; open a store with mode 'r', or create one with new_for_format", argument='mode'
        )
    folder = existing_store_folder(path, basedir)
    store = _CLASSES[format_of(load_metadata(folder), folder).class_name]
    return store(basedir=folder, mode='r', index=index, seek=seek, **kwargs)


def new_for_format(
    fmt: str | None = None,
    path: StrPath | None = None,
    mode: str = 'w',
    basedir: StrPath | None = None,
    imgshape: Any = None,
    imgdtype: Any = DEFAULT_DTYPE,
    chunksize: Any = None,
    metadata: dict[Any, Any] | None = None,
    encoding: str | None = None,
    **kwargs: Any,
) -> ImgStore:
    """Create a store.

    Parameters
    ----------
    fmt : str
        One of `get_supported_formats()`.
    path : str or PathLike
        The store's folder. It may exist, but must not hold a store.
    mode : {'w', 'r'}
        'w': create a store. 'r': do the same as `new_for_filename` and ignore ``fmt``.
    basedir : str or PathLike
        The store's folder, instead of ``path``.
    imgshape : tuple of int
        Shape of the images in pixels, (h, w) or (h, w, 3). npy and bpk take any shape.
    imgdtype : dtype
        dtype of the images.
    chunksize : int, optional
        Frames per chunk. Default: 200 for image folders, 10000 for videos.
    metadata : dict, optional
        Your own metadata, stored in metadata.yaml.
    encoding : str, optional
        OpenCV's conversion of raw images to BGR, such as 'cv_bayerrg'. Images are stored raw and converted on
        reading. The formats '…+color' convert before storing.
    **kwargs
        The other `WriteOptions`.

    Returns
    -------
    VideoImgStore or DirectoryImgStore

    Raises
    ------
    InvalidArgumentError
        An argument is not allowed. Nothing was written.
    InvalidOptionError
        An option is unknown, or only for reading.
    StoreExistsError
        The folder holds a store already. It is unchanged.
    StoreLockedError
        Another writer has the store open.

    Examples
    --------
    >>> with imgstore.new_for_format('mjpeg/avi', 'color', imgshape=(48, 64, 3), metadata={'mouse': 7}) as color:
    ...     for number in range(20):
    ...         color.add_image(np.zeros((48, 64, 3), np.uint8), number, number / 25)
    >>> imgstore.new_for_filename('color').user_metadata
    {'mouse': 7}
    """
    if mode == 'r':
        return new_for_filename(path, mode, basedir, **kwargs)
    other_name = kwargs.pop('format', None)
    fmt = other_name if fmt is None else fmt
    store = _CLASSES[resolve_format(fmt).class_name]
    return store(
        basedir=store_folder(path, basedir),
        mode=mode,
        imgshape=imgshape,
        imgdtype=imgdtype,
        chunksize=chunksize,
        metadata=metadata,
        encoding=encoding,
        format=fmt,
        **kwargs,
    )


def extract_only_frame(path: StrPath, frame_index: int) -> Any:
    """Read one frame of a store as cheaply as possible.

    Parameters
    ----------
    path : str or PathLike
        As for `new_for_filename`.
    frame_index : int
        Index of the frame, from 0 in the order of writing. Negative indexes count from the end.

    Returns
    -------
    ndarray
        The image, of the store's `image_shape` and `dtype`.

    Raises
    ------
    FrameNotFoundError
        There is no such frame.

    Examples
    --------
    >>> imgstore.extract_only_frame('recording', 2).shape
    (48, 64)
    """
    with new_for_filename(path) as store:
        return store._require_reader().at(frame_index)[0]


def get_supported_formats() -> list[str]:
    """Return the names of all formats this installation can write.

    Examples
    --------
    >>> 'mjpeg/avi' in imgstore.get_supported_formats()
    True
    """
    return format_names()


def _extract_store_metadata(full_path: StrPath) -> dict[str, Any]:
    """Return the store's own section of a metadata.yaml."""
    return load_metadata(existing_store_folder(full_path)).store
