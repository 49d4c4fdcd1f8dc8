"""Options of `new_for_filename` and `new_for_format`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from .errors import InvalidOptionError
from .index.store_index import ImgStoreIndex

DEFAULT_DTYPE = np.uint8

_IN_BOTH_MODES = frozenset(
    {'imgshape', 'imgdtype', 'chunksize', 'metadata', 'encoding', 'format', 'index', 'seek', 'gpu_id', 'videosize'}
)
"""Arguments accepted by imgstore 0.4 in either mode, used or not."""


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """Options for reading: keyword arguments of `new_for_filename`.

    And of `new_for_format` with mode 'r'.

    Parameters
    ----------
    index : ImgStoreIndex, optional
        Use this index instead of the chunks' indexes.
    seek : bool
        False: read videos sequentially, without seeking.
    backend : {'auto', 'pyav', 'opencv'}, optional
        Library for reading videos.
    cache_bytes : int
        Memory limit in bytes for cached and prefetched frames. 0 disables both.
    verify : bool
        Compare each frame with its checksum before it is decoded. False: also read frames that were damaged or
        replaced. Frames without a checksum are read either way. OpenCV's backend for videos verifies none.
    """

    index: ImgStoreIndex | None = None
    seek: bool = True
    backend: str | None = None
    cache_bytes: int = 256 * 2**20
    verify: bool = True


@dataclass(frozen=True, kw_only=True)
class WriteOptions:
    """Options for writing: keyword arguments of `new_for_format`.

    Parameters
    ----------
    imgshape : tuple of int
        Shape of the added images in pixels, (h, w) or (h, w, 3). npy and bpk take any shape.
    imgdtype : dtype
        dtype of the images.
    chunksize : int, optional
        Frames per chunk. Default: 200 for image folders, 10000 for videos.
    metadata : dict, optional
        Your own metadata, stored in metadata.yaml.
    encoding : str, optional
        OpenCV's conversion of raw images to BGR, such as 'cv_bayerrg'.
    format : str
        One of `get_supported_formats()`. `new_for_format` calls it ``fmt``.
    overwrite : bool
        Replace an existing store.
    backend : {'auto', 'pyav', 'opencv'}, optional
        Library for writing videos.
    workers : int, optional
        Encoder threads. One more thread writes to disk. A later call, `close` at the latest, raises the error of a
        frame that could not be written. With 0, `add_image` writes before it returns and raises its own errors.
        Default: one per core, at most 4, and 0 for uncompressed formats (npy, bmp, ppm, pgm), since writing those is
        faster than queueing.
    buffer_bytes : int
        Memory limit in bytes of the write queue. `add_image` blocks when it is full.
    durability : {'frame', 'chunk', 'fsync'}
        What survives the end of the process. 'frame': each frame half a second after `add_image`, at once with
        ``workers=0``. 'chunk': complete chunks only. 'fsync': each frame, even after a power cut. This makes writing
        far slower.
    quality : int, optional
        Quality of jpg, webp and mjpeg/avi, from 1 to 100 (best). Without it, webp is lossless.
    compression : int or str, optional
        Compression level of png and bpk, from 0 to 9 (smallest files), or 'none', 'lzw' or 'deflate' for tif. All stay
        lossless.
    bits : int, optional
        Bits of a value of uint16 images in ffv1/mkv: 10, 12 or 16. Fewer make smaller files. A larger value is refused.
    crf : int, optional
        Constant rate factor of H.264, from 0 (best) to 51. Colour is never lossless.
    bitrate : int or str, optional
        Mean number of bits of a second of video, such as 2_500_000 or '2.5M', instead of ``crf``. A second is as long
        as by ``fps`` or the metadata, else 25 frames.
    gop : int, optional
        Maximum number of frames from one keyframe to the next.
    preset : str, optional
        Speed of the encoder, from 'ultrafast' to 'placebo'.
    tune : str, optional
        Kind of the images, or what to optimise, such as 'animation' or 'grain'.
    pixel_format : {'yuv420p', 'yuv444p', 'gray'}, optional
        Sampling of colour in lossy video: half the height and width, all, or none.
    threads : int, optional
        Threads of a video's encoder, from 1 to 64. ``workers`` convert images for it.
    codec_options : dict, optional
        Other options of FFmpeg's encoder, such as {'aq-mode': 2}. One that it does not take, or that would delay
        frames or change colours, is refused.
    encoder : str, optional
        FFmpeg's name of an encoder of H.264 or HEVC, such as 'h264_nvenc'. 'auto': the first of hardware that works,
        else that of software. Encoders of hardware have no ``crf``, ``preset``, ``tune``, ``pixel_format`` and
        ``threads``.
    fps : float, optional
        Frames per second in the header of the video files, for other programs. Default: ``hwframerate``,
        ``motifptpframerate`` or ``acquisitionframerate`` of the metadata, else the rate of the frame times, else 25.
    roi : tuple of int, optional
        Region of interest, (x, y, width, height) in pixels of the added images. Only this part is stored.
    binning : int or tuple of int, optional
        Store the mean of blocks of this many pixels, or of (vertical, horizontal) many, after ``roi``. They must divide
        its height and width. Means of integers are rounded, .5 upward.
    """

    imgshape: Any = None
    imgdtype: Any = DEFAULT_DTYPE
    chunksize: Any = None
    metadata: Any = None
    encoding: str | None = None
    format: str | None = None
    overwrite: bool = False
    backend: str | None = None
    workers: int | None = None
    buffer_bytes: int = 64 * 2**20
    durability: str = 'frame'
    quality: int | None = None
    compression: int | str | None = None
    bits: int | None = None
    crf: int | None = None
    bitrate: int | str | None = None
    gop: int | None = None
    preset: str | None = None
    tune: str | None = None
    pixel_format: str | None = None
    threads: int | None = None
    codec_options: Mapping[str, Any] | None = None
    encoder: str | None = None
    fps: float | None = None
    roi: Any = None
    binning: Any = None


_OF_MODE: dict[str, type[Any]] = {'r': ReadOptions, 'w': WriteOptions}


def options_for(mode: str, given: Mapping[str, Any]) -> Any:
    """Make the options of a mode, 'r' or 'w', from keyword arguments.

    Raises
    ------
    InvalidOptionError
        The mode has no such option, and imgstore 0.4 does not accept it either.
    """
    names = _names(_OF_MODE[mode])
    for name in given:
        if name not in names and name not in _IN_BOTH_MODES:
            raise InvalidOptionError(_why_not(name, mode), argument=name)
    return _OF_MODE[mode](**{name: value for name, value in given.items() if name in names})


def _names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _why_not(name: str, mode: str) -> str:
    for other, kind in _OF_MODE.items():
        if name in _names(kind):
            return f'{name!r} is an option of mode {other!r}, but this store is opened in mode {mode!r}; leave it out'
    return f'{name!r} is not an option of mode {mode!r}; its options are {", ".join(_names(_OF_MODE[mode]))}'
