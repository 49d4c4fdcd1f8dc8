"""Check whether a video can become a chunk.

All frames must be intact and found exactly.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from typing import Any

from ...errors import InvalidArgumentError
from .container_checks import MAX_PIXELS, NO_PIXEL_LIMIT, open_container, unreadable_video
from .cut_off import is_cut_off
from .decoder import decode
from .decoder_log import Log, lacks_reference, logged_errors
from .frame_table import FrameTable, packets_of, table_from_packets
from .h264_references import ReferenceCheck
from .mp4_tail import LastPacket
from .tracks import is_turned, video_streams

Size = tuple[int, ...]

_SAVE = 'save it with imgstore-save, or re-encode it with ffmpeg'
_SAVE_THE_REST = 'imgstore-save keeps the readable frames'
_NOT_NEEDED = {'skip_loop_filter': 'all', 'skip_idct': 'all'}
"""Decoding steps with no effect on the number and order of frames."""

_STRICT = ('hevc',)
"""Decoders reporting a missing reference if strict; for codecs without references, all report damage if strict."""

_BITS = 8
"""Maximum bits of a sample in a chunk."""


def check_exact(path: str, sizes: Collection[Size], pixels: int = NO_PIXEL_LIMIT) -> None:
    """Check that a video is complete, of an allowed size and in order of time.

    Parameters
    ----------
    path : str
        Path of the video.
    sizes : collection of (int, int)
        Allowed heights and widths in pixels.
    pixels : int
        Maximum pixels of a frame.

    Raises
    ------
    InvalidArgumentError
        It is cut off, a frame is damaged or has more than 8 bits, or players would rotate the frames.
    FrameReadError
        The file cannot be read as video.
    """
    import av

    try:
        why = _why_not(path, _Look(sizes), pixels)
    except (av.FFmpegError, IndexError) as error:
        told = getattr(error, 'strerror', None) or error
        raise unreadable_video(path, told) from error
    if why:
        raise InvalidArgumentError(f'{path!r} {why}', path=path)


def check_lossless(path: str, codec: str, color: bool, pixels: int = NO_PIXEL_LIMIT) -> None:
    """Check that a video is coded as by the encoder of a lossless format.

    Parameters
    ----------
    path : str
        Path of the video.
    codec : str
        Name of the codec in `imgstore.formats`.
    color : bool
        Whether the store has colour.
    pixels : int
        Maximum pixels of a frame.

    Raises
    ------
    InvalidArgumentError
        It has another codec, profile or pixel format.
    FrameReadError
        The file cannot be read as video.
    """
    wanted = _OF_LOSSLESS[codec, color]
    with open_container(path, pixels) as container:
        context = video_streams(container)[0].codec_context
        found = (context.name, context.pix_fmt, context.profile) if context else ('an unknown codec', '', None)
    if any(have not in allowed for have, allowed in zip(found, wanted, strict=True) if allowed):
        needed = ' '.join(each[0] for each in wanted if each)
        raise InvalidArgumentError(
            f'{path!r} is {" ".join(filter(None, found))}, and chunks of this lossless store are {needed}; {_SAVE}',
            path=path,
        )


_OF_LOSSLESS: dict[tuple[str, bool], tuple[tuple[str, ...], ...]] = {
    ('ffv1', False): (('ffv1',), ('gray',), ()),
    ('ffv1', True): (('ffv1',), ('bgr0',), ()),
    ('h264-lossless', False): (('h264',), ('yuvj420p', 'gray'), ('High 4:4:4 Predictive', 'High 4:4:4 Intra')),
}
"""Decoder, pixel formats and profiles, of each codec in gray or colour; () for any."""


class _Look:
    """Faults of decoded frames, and their times in decoding order."""

    def __init__(self, sizes: Collection[Size]) -> None:
        self._sizes = sizes
        self.times: list[int | None] = []

    def why_not(self, frame: Any) -> str:
        """Return why a frame cannot be in a chunk; '' if it can."""
        self.times.append(frame.pts)
        if (frame.height, frame.width) not in self._sizes:
            fitting = ' or '.join(f'{height} x {width}' for height, width in sorted(self._sizes))
            return f'has frames of {frame.height} x {frame.width} pixels (height x width); this store takes {fitting}'
        if frame.is_corrupt:
            return self.why_damaged()
        if is_turned(frame):
            return f'has a rotation or mirroring for players, not possible in a chunk; {_SAVE}'
        return _why_too_deep(frame.format)

    def why_damaged(self) -> str:
        """Return the message for damage at the latest frame."""
        return f'has a damaged or missing frame near index {max(0, len(self.times) - 1)}; {_SAVE_THE_REST}'


def _why_not(path: str, look: _Look, pixels: int) -> str:
    with open_container(path, pixels) as container:
        streams = video_streams(container)
        if len(streams) > 1:
            return (
                f"has {len(streams)} video tracks; it must have one: 'ffmpeg -i … -map 0:v:N -c copy …' keeps track N"
            )
        if is_cut_off(path):
            return f'is cut off: the file ends before its container says; {_SAVE_THE_REST}'
        table = table_from_packets(container, streams[0], LastPacket(path))
    return _why_not_by_frames(path, look, pixels) or _why_not_in_order(look.times, table)


def _why_not_by_frames(path: str, look: _Look, pixels: int) -> str:
    with open_container(path, pixels) as container:
        stream = _prepared(video_streams(container)[0], pixels)
        context = stream.codec_context
        why = _why_too_deep(context.format)
        references = ReferenceCheck(bytes(context.extradata or b'')) if context.name == 'h264' else None
        with _log(context.name) as log:
            for packet in packets_of(container, stream, LastPacket(path)):
                frames, sound = decode(packet)
                sound = sound and not (references and packet.size and references.lacks_one(bytes(packet)))
                sound = sound and not lacks_reference(log)
                why = why or next(filter(None, map(look.why_not, frames)), '') or ('' if sound else look.why_damaged())
                if why:
                    return why
    return ''


def _log(decoder: str) -> AbstractContextManager[Log]:
    return logged_errors() if decoder in _STRICT else nullcontext([])


def _prepared(stream: Any, pixels: int) -> Any:
    context = stream.codec_context
    if context is None:
        raise IndexError('it is of an unknown codec')
    context.thread_count = 1  # several threads do not report all damage
    strict = context.codec.intra_only or context.name in _STRICT
    context.options = {
        'err_detect': 'crccheck+explode' if strict else 'crccheck+bitstream+buffer',
        **_NOT_NEEDED,
        MAX_PIXELS: str(pixels),
    }
    return stream


def _why_too_deep(pixel_format: Any) -> str:
    bits = max((component.bits for component in pixel_format.components), default=_BITS) if pixel_format else _BITS
    if bits <= _BITS:
        return ''
    return (
        f'has {bits} bits per sample; video stores have {_BITS}; imgstore-save keeps all with --format png, '
        'or converts them with --to-8-bit'
    )


def _why_not_in_order(given: list[int | None], table: FrameTable | None) -> str:
    if table is None:
        return ''
    times = [time for time in given if time is not None]
    ascend = len(times) == len(given) and all(earlier < later for earlier, later in pairwise(times))
    if not ascend or not set(times) <= set(table.pts.tolist()):
        return f'does not show its frames in the order of their times; {_SAVE}'
    if len(times) < len(table):
        return f'has {len(table)} packets but shows {len(times)} frames, so frames are ambiguous; {_SAVE}'
    return ''
