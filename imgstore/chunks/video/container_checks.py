"""Checks of video files before FFmpeg opens them.

It would accept any known format, also lists of other files.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any, Literal, cast

from ..._support.regular_files import end_of_data, open_regular
from ...errors import FrameReadError
from ...remote import files as remote

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer

_QUICKTIME = frozenset((b'ftyp', b'moov', b'mdat', b'free', b'skip', b'wide', b'pnot', b'styp', b'sidx', b'moof'))
UNKNOWN_START = 'it does not start like AVI, Matroska, MP4 or QuickTime'
_DEMUXERS = 'avi,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2'

MAX_PIXELS = 'max_pixels'
"""FFmpeg's name of the pixel limit."""

NO_PIXEL_LIMIT = 2**31 - 1
WITHOUT_DECODING = {'probesize': '32', 'skip_frame': 'all'}
"""Options to open a container without decoding its first frames."""

_UNQUESTIONED_PIXELS, _MOST_TIMES = 2**24, 4

_TEXT_IN_PYAV_18 = {'metadata_errors': 'surrogateescape'}  # PyAV 19 always does so, and has no such argument


def max_pixels_for(shape: tuple[int, ...]) -> int:
    """Return the maximum pixels of a frame, for a store's image shape."""
    return min(max(_UNQUESTIONED_PIXELS, _MOST_TIMES * math.prod(shape[:2])), NO_PIXEL_LIMIT)


def unreadable_video(path: str, why: object) -> FrameReadError:
    """Create the error for a file that cannot be read as video."""
    return FrameReadError(f'{path} cannot be read as video: {why}', path=path, reason=str(why))


def check_container(path: str) -> None:
    """Raise FrameReadError unless a file starts like a known container.

    These are AVI, Matroska, MP4 and QuickTime.
    """
    try:
        with open_regular(path) as file:
            begin = file.read(12)
    except OSError as error:
        raise unreadable_video(path, error.strerror or error) from error
    if not has_known_start(begin):
        raise unreadable_video(path, UNKNOWN_START)


def has_known_start(begin: bytes) -> bool:
    """Return whether the first 12 bytes of a file are those of a known container."""
    is_avi = begin[:4] == b'RIFF' and begin[8:11] == b'AVI'
    return is_avi or begin[:4] == b'\x1aE\xdf\xa3' or begin[4:8] in _QUICKTIME


_SCANNED = ('.avi', '.mkv')
_MAX_HOLE = 2**25  # bytes


def container_url(path: str, end: int = 0) -> str:
    """Return a URL to read a file up to an offset, or up to a large hole.

    FFmpeg would search a hole of any size for the next packet, except in MP4.
    """
    if not end and path.endswith(_SCANNED):
        data = end_of_data(path, _MAX_HOLE)
        end = data if data < os.path.getsize(path) else 0
    return f'subfile,,start,0,end,{end},,:{path}' if end else path


def path_of_url(url: str) -> str:
    """Return the path in a result of `container_url`."""
    return url.partition(',,:')[2] if url.startswith('subfile,,') else url


def open_container(
    path: str, pixels: int = NO_PIXEL_LIMIT, end: int = 0, options: Mapping[str, str] = MappingProxyType({})
) -> InputContainer:
    """Open a video with PyAV, and no other file.

    Raises FrameReadError, and FFmpeg's own errors.

    Parameters
    ----------
    path : str
        Path of the video.
    pixels : int
        Maximum pixels of a frame, for those decoded to detect the stream's properties.
    end : int
        Read the file up to this offset; 0 for all.
    options : mapping of str to str
        Further options of FFmpeg.
    """
    check_container(path)
    return open_input(
        remote.open_file(path, end) if remote.is_url(path) else container_url(path, end),
        options={
            'format_whitelist': _DEMUXERS,
            'protocol_whitelist': 'file,subfile',
            MAX_PIXELS: str(pixels),
            **options,
        },
    )


def open_input(file: str | IO[bytes], **arguments: Any) -> InputContainer:
    """Open any file or URL for reading, with PyAV 18 or 19.

    Parameters
    ----------
    file : str or binary file
        The file.
    **arguments
        Other arguments of ``av.open``.
    """
    return cast('InputContainer', _open(file, 'r', arguments))


def open_output(file: Any, **arguments: Any) -> OutputContainer:
    """Open a path or a seekable file for writing, as `open_input` does."""
    return cast('OutputContainer', _open(file, 'w', arguments))


def _open(file: str | IO[bytes], mode: Literal['r', 'w'], arguments: dict[str, Any]) -> Any:
    """Open a container, with or without UTF-8 text."""
    import av

    text = _TEXT_IN_PYAV_18 if int(av.__version__.partition('.')[0]) < 19 else {}
    return av.open(file, mode, **{**text, **arguments})
