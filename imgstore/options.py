"""What a store is opened or made with: the keyword arguments of `new_for_filename` and `new_for_format`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from .errors import InvalidOptionError
from .index.store_index import ImgStoreIndex

DEFAULT_DTYPE = np.uint8

_IN_BOTH_MODES = frozenset({'imgshape', 'imgdtype', 'chunksize', 'metadata', 'encoding', 'format', 'index', 'seek',
                            'gpu_id', 'videosize'})
"""What imgstore 0.4 accepts in either mode, whether it has a use for it or not."""


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How a store is read: the keyword arguments of `new_for_filename`, and of `new_for_format` with mode 'r'.

    Parameters
    ----------
    index : ImgStoreIndex, optional
        Used as it is instead of the chunks' indexes.
    seek : bool
        False: read videos sequentially.
    backend : {'auto', 'pyav', 'opencv'}, optional
        Which library reads videos.
    cache_bytes : int
        Memory limit in bytes for cached and prefetched frames; 0 disables both.
    """

    index: ImgStoreIndex | None = None
    seek: bool = True
    backend: str | None = None
    cache_bytes: int = 256 * 2**20


@dataclass(frozen=True, kw_only=True)
class WriteOptions:
    """How a store is made and written: the keyword arguments of `new_for_format`.

    Parameters
    ----------
    imgshape : tuple of int
        Shape of the images, (h, w) or (h, w, 3), in pixels; npy and bpk take any.
    imgdtype : dtype
        Their dtype.
    chunksize : int, optional
        Frames a chunk. If not given, 200 in folders and 10000 in videos.
    metadata : dict, optional
        The user's own, kept in metadata.yaml.
    encoding : str, optional
        OpenCV's conversion to BGR that raw images need, such as 'cv_bayerrg'.
    format : str
        One of `get_supported_formats()`; `new_for_format` has it as ``fmt``.
    overwrite : bool
        Replace a store that is already there.
    backend : {'auto', 'pyav', 'opencv'}, optional
        Which library writes videos.
    workers : int, optional
        Threads that encode the images that are added, beside one that writes them. A later call then raises the error
        of a frame that could not be written, at the latest `close`. 0: `add_image` does all before it returns. If not
        given, as many as there are cores, 4 at most, and 0 for raw images (npy, bmp, ppm, pgm), which are written
        faster than they are handed on.
    buffer_bytes : int
        `add_image` waits while the images that are still to be written hold more than this.
    durability : {'frame', 'chunk', 'fsync'}
        What is safe from the end of this process: each frame, half a second after it was added (at once if
        ``workers=0``), or complete chunks only. 'fsync': each frame, from the end of the machine's power too, which
        makes writing far slower.
    quality : int, optional
        JPEG quality of jpg and mjpeg/avi, and that of webp, which is lossless without it: 1 to 100, the best.
    crf : int, optional
        x264's constant rate factor of h264/mkv and avc1/mp4: 0, the best, to 51. Colour is never lossless.
    compression : int, optional
        Of png and bpk, which stay lossless: 0 to 9, the smallest.
    fps : float, optional
        Frames a second that the video files say they have, for other programs. If not given, the metadata's
        ``hwframerate``, ``motifptpframerate`` or ``acquisitionframerate``, else what the frame times tell, else 25.
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
    crf: int | None = None
    compression: int | None = None
    fps: float | None = None


_OF_MODE: dict[str, type[Any]] = {'r': ReadOptions, 'w': WriteOptions}


def options_for(mode: str, given: Mapping[str, Any]) -> Any:
    """Make the options of a mode, 'r' or 'w', of keyword arguments.

    Raises
    ------
    InvalidOptionError
        The mode has no such option, and imgstore 0.4 does not take it either.
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
            return f'{name!r} is an option of mode {other!r}, and this store is opened with mode {mode!r}; leave it out'
    return f'{name!r} is not an option; those of mode {mode!r} are {", ".join(_names(_OF_MODE[mode]))}'
