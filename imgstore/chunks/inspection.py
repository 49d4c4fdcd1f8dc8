"""Whether every frame of a video can be found exactly: the decoder tells, before the video becomes a chunk."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from ..errors import FrameReadError, InvalidArgumentError
from .containers import ANY_PIXELS, MOST_PIXELS, open_container
from .decoding import decoded
from .packets import FrameTable, packets_of, table_from_packets
from .tail import Tail
from .tracks import is_turned, video_streams

Size = tuple[int, ...]

_SAVE = 'imgstore-save takes such a video, as does ffmpeg to re-encode it'
_NOT_NEEDED = {'skip_loop_filter': 'all', 'skip_idct': 'all'}
"""Costs a decoder time, and changes neither number nor order of the frames."""


@dataclass
class _Given:
    """What a decoder gives for a video: times of frames in its order, their (height, width), and what it says."""

    times: list[int | None] = field(default_factory=list)
    sizes: set[Size] = field(default_factory=set)
    turned: bool = False
    damaged: bool = False

    def add(self, frame: Any) -> None:
        self.times.append(frame.pts)
        self.sizes.add((frame.height, frame.width))
        self.turned |= is_turned(frame)
        self.damaged |= frame.is_corrupt


def check_exact(path: str, sizes: Collection[Size], pixels: int = ANY_PIXELS) -> None:
    """Check that a video's frames have a size that fits and are shown in the order of their times.

    Parameters
    ----------
    path : str
    sizes : collection of (int, int)
        Heights and widths that fit.
    pixels : int
        Most that a frame may have.

    Raises
    ------
    InvalidArgumentError
        They are not, or a player would turn them.
    FrameReadError
        The file cannot be read as a video.
    """
    import av

    try:
        table, given = _inspected(path, pixels)
    except (av.FFmpegError, IndexError) as error:
        raise FrameReadError(f'{path} cannot be read as video: {error}') from error
    why = _why_of_another_size(given, sizes) or _why_turned(given) or _why_not_in_order(given, table)
    if why:
        raise InvalidArgumentError(f'{path!r} {why}')


def _inspected(path: str, pixels: int) -> tuple[FrameTable | None, _Given]:
    with open_container(path, pixels) as container:
        streams = video_streams(container)
        if len(streams) > 1:
            raise InvalidArgumentError(f'{path!r} has {len(streams)} video tracks; it must have one: '
                                       f"'ffmpeg -i … -map 0:v:N -c copy …' keeps track N")
        table = table_from_packets(container, streams[0], Tail(path))
        alone = table is not None and streams[0].codec_context.codec.intra_only
    return table, _first_of(path, pixels) if alone else _all_of(path, pixels)


def _first_of(path: str, pixels: int) -> _Given:
    """For codecs whose every packet is a frame, which the times of the packets tell all of but the rest."""
    given = _Given(damaged=True)
    with open_container(path, pixels) as container:
        stream = _prepared(video_streams(container)[0], pixels)
        for packet in packets_of(container, stream, Tail(path)):
            frames, _ = decoded(packet)
            if frames:
                given.add(frames[0])
                break
        given.sizes.add((stream.codec_context.height, stream.codec_context.width))
    return given


def _all_of(path: str, pixels: int) -> _Given:
    given = _Given()
    with open_container(path, pixels) as container:
        stream = _prepared(video_streams(container)[0], pixels)
        for packet in packets_of(container, stream, Tail(path)):
            frames, sound = decoded(packet)
            for frame in frames:
                given.add(frame)
            if not sound:
                given.damaged = True
                stream.codec_context.flush_buffers()
    return given


def _prepared(stream: Any, pixels: int) -> Any:
    if stream.codec_context is None:
        raise IndexError('it is of an unknown codec')
    stream.thread_type = 'AUTO'
    stream.codec_context.options = {**_NOT_NEEDED, MOST_PIXELS: str(pixels)}
    return stream


def _why_of_another_size(given: _Given, sizes: Collection[Size]) -> str:
    wrong = sorted(given.sizes - set(sizes))
    if not wrong:
        return ''
    fitting = ' or '.join(f'{height} x {width}' for height, width in sorted(sizes))
    return f'has frames of {wrong[0][0]} x {wrong[0][1]} pixels (height x width); this store takes {fitting}'


def _why_turned(given: _Given) -> str:
    if not given.turned:
        return ''
    return f'asks players to turn or mirror its frames, which a chunk cannot; {_SAVE}'


def _why_not_in_order(given: _Given, table: FrameTable | None) -> str:
    """A damaged frame is not given; it is refused when it is read, and no other is taken for it."""
    if table is None:
        return ''
    times = [time for time in given.times if time is not None]
    ascend = len(times) == len(given.times) and all(earlier < later for earlier, later in pairwise(times))
    if not ascend or not set(times) <= set(table.pts.tolist()):
        return f'does not show its frames in the order of their times; {_SAVE}'
    if len(times) < len(table) and not given.damaged:
        return f'has {len(table)} packets but shows {len(times)} frames, so which is which is not clear; {_SAVE}'
    return ''
