"""Extra data as a subtitle track."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from ..constants import FRAME_TIME
from ..errors import InvalidArgumentError
from .selection import Frames
from .tables import records_of

if TYPE_CHECKING:
    from av.container import OutputContainer

_MILLISECOND = Fraction(1, 1000)
_CODECS = {'matroska': 'subrip', 'mp4': 'mov_text'}
_HEADER = b"""[Script Info]
ScriptType: v4.00+
[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1
[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""

Cue = tuple[int, int, str]
"""Start and end in ms, and the text."""


def cues(frames: Frames, columns: Sequence[str], seconds: float) -> list[Cue]:
    """Make the cues: each frame's latest record, shown until the next frame's.

    Parameters
    ----------
    frames : Frames
    columns : sequence of str
        Columns of the extra data.
    seconds : float
        Duration of the video.

    Raises
    ------
    InvalidArgumentError
        A column does not exist.
    """
    records = records_of(frames)
    unknown = [name for name in columns if name not in records]
    if unknown:
        there = ', '.join(str(name) for name in records.columns)
        raise InvalidArgumentError(
            f'there is no column {unknown[0]!r} in the extra data; there are: {there}', argument='columns'
        )
    if FRAME_TIME not in records:
        raise InvalidArgumentError(f'the extra data has no {FRAME_TIME}, so the time to show it is unknown')
    records = records.dropna(subset=[FRAME_TIME]).drop_duplicates(FRAME_TIME, keep='last').sort_values(FRAME_TIME)
    starts = np.rint((records[FRAME_TIME].to_numpy(np.float64) - frames.times[0]) * 1000).astype(np.int64)
    ends = np.append(starts[1:], round(seconds * 1000))
    rows = records[list(columns)].itertuples(index=False, name=None)
    return [
        (start, end, _text(columns, row))
        for start, end, row in zip(starts.tolist(), ends.tolist(), rows, strict=True)
        if start < end
    ]


def _text(columns: Sequence[str], values: Sequence[Any]) -> str:
    return '   '.join(f'{name}: {_value(value)}' for name, value in zip(columns, values, strict=True))


def _value(value: Any) -> str:
    return f'{value:.6g}' if isinstance(value, (float, np.floating)) else ' '.join(str(value).split())


def caption_packets(
    container: OutputContainer, frames: Frames, columns: Sequence[str], seconds: float
) -> Iterator[tuple[float, Any]]:
    """Write columns of the extra data into a container as subtitles.

    Parameters
    ----------
    container : of PyAV
        Gets a new stream at once.
    frames, columns, seconds
        As for `cues`.

    Returns
    -------
    iterator of (float, packet)
        Packets, each with its time in seconds.
    """
    found = cues(frames, columns, seconds)
    stream: Any = container.add_stream(_CODECS[container.format.name])
    stream.metadata['title'] = ', '.join(columns)
    stream.time_base = stream.codec_context.time_base = _MILLISECOND
    stream.codec_context.subtitle_header = _HEADER
    return _encoding(stream, found)


def _encoding(stream: Any, found: Sequence[Cue]) -> Iterator[tuple[float, Any]]:
    from av.subtitles.subtitle import SubtitleSet

    for number, (start, end, text) in enumerate(found):
        line = f'{number},0,Default,,0,0,0,,{text}'.replace('{', '(').replace('}', ')')
        shown = SubtitleSet.create(line.encode(), 0, end - start, start)
        packet = stream.codec_context.encode_subtitle(shown)
        packet.stream, packet.time_base = stream, _MILLISECOND
        packet.pts = packet.dts = start
        packet.duration = end - start
        yield start / 1000, packet
