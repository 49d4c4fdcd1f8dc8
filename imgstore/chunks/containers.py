"""Video files, looked at before FFmpeg does: it reads whatever a file begins like, lists of other files among them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .._files import check_is_file
from ..errors import FrameReadError

if TYPE_CHECKING:
    from av.container import InputContainer

_QUICKTIME = frozenset((b'ftyp', b'moov', b'mdat', b'free', b'skip', b'wide', b'pnot', b'styp', b'sidx', b'moof'))
_DEMUXERS = 'avi,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2'

MOST_PIXELS = 'max_pixels'
"""FFmpeg's name of the option."""

ANY_PIXELS = 2**31 - 1
_UNQUESTIONED_PIXELS, _MOST_TIMES = 2**24, 4


def most_pixels(shape: tuple[int, ...]) -> int:
    """What a video's frames may have, where those of the store are of that shape; others may be in there too."""
    return min(max(_UNQUESTIONED_PIXELS, _MOST_TIMES * math.prod(shape[:2])), ANY_PIXELS)


def check_container(path: str) -> None:
    """Raise FrameReadError for a file that does not begin like AVI, Matroska, MP4 or QuickTime."""
    try:
        check_is_file(path)
        with open(path, 'rb') as file:
            begin = file.read(12)
    except OSError as error:
        raise FrameReadError(f'{path} cannot be read as video: {error.strerror or error}') from error
    is_avi = begin[:4] == b'RIFF' and begin[8:11] == b'AVI'
    if not (is_avi or begin[:4] == b'\x1aE\xdf\xa3' or begin[4:8] in _QUICKTIME):
        raise FrameReadError(f'{path} cannot be read as video: it does not begin like one')


def open_container(path: str, pixels: int = ANY_PIXELS) -> InputContainer:
    """A video opened by PyAV, which never opens another file; FrameReadError, and FFmpeg's own errors.

    Parameters
    ----------
    path : str
    pixels : int
        That a frame has at most, of those that are decoded to see what the video is.
    """
    import av

    check_container(path)
    options = {'format_whitelist': _DEMUXERS, 'protocol_whitelist': 'file', MOST_PIXELS: str(pixels)}
    return av.open(path, options=options, metadata_errors='replace')
