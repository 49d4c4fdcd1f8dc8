"""Frames as one video with the frame times of the recording."""

from __future__ import annotations

import contextlib
import datetime
import heapq
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from .._support.text import without_surrogates
from .._support.warn import renamed_keyword
from ..chunks.video.container_checks import open_output
from ..chunks.video.h264 import with_changeable_rates
from ..chunks.video.matroska import BT601
from ..encoder_options import CRF
from ..errors import InvalidArgumentError, StoreIOError
from ..ondisk.files import StrPath, name_of
from ..stores.base import ImgStore
from ..timestamps import is_date
from .atomic_output import Progress, new_file, no_progress
from .mosaic import Look, check_common_times
from .pictures import pad_to_even
from .selection import Frames
from .sound import Sound, sound_packets
from .speed import FASTEST_SHOWN, checked_speed, refuse_sound, thin_out
from .stream_copy import CopySegment, copied_packets, plan_stream_copy
from .subtitles import caption_packets
from .ticks import EXTENSIONS, Ticks

if TYPE_CHECKING:
    from av.container import OutputContainer

_MAX_HOURS_OF_SOUND = 1000

_PRESET = 'veryfast'

Packets = Iterator[tuple[float, Any]]
"""Packets, each with its time in seconds."""


@dataclass(frozen=True)
class VideoReport:
    """Result of `export_video`.

    Attributes
    ----------
    copied : bool
        Whether the encoded frames of the store were copied instead of re-encoded.
    reason : str
        Reason for re-encoding.
    frames : int
        Number of frames in the video.
    left_out : int
        Number of frames that were left out, because screens do not show so many.
    """

    copied: bool
    reason: str = ''
    frames: int = 0
    left_out: int = 0


@renamed_keyword('step', 'progress')
def export_video(
    frames: Frames,
    path: StrPath,
    *,
    codec: Literal['auto', 'h264', 'copy'] = 'auto',
    crf: int = 18,
    status_bar: bool = False,
    sounds: Sequence[Sound] = (),
    captions: Sequence[str] = (),
    speed: float = 1.0,
    width: int | None = None,
    others: Sequence[ImgStore] = (),
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> VideoReport:
    """Write frames as one video, each shown until the next one's time.

    Parameters
    ----------
    frames : Frames
        The frames, from `select`.
    path : str or PathLike
        Path with the extension .mp4 (times exact to 1/90000 s) or .mkv (1/1000 s). An interval over 6.6 hours reduces
        .mp4 to 1/1000 s. An interval in .mp4 has at most 596 hours.
    codec : {'auto', 'h264', 'copy'}
        'copy': the encoded frames of the store. 'h264': re-encode. 'auto': copy if most players play the result, as
        they do not with Motion JPEG in .mp4.
    crf : int
        Quality of re-encoded video, from 0 (best) to 51.
    status_bar : bool
        Draw frame number and time into each frame. This needs re-encoding.
    sounds : sequence of Sound
        Audio tracks.
    captions : sequence of str
        Columns of the extra data for a subtitle track.
    speed : float
        How many times as fast as recorded the video plays. A fast one keeps every n-th frame, so that there are at most
        60 per second. Sound and captions need the recorded speed.
    width : int, optional
        Scale the pictures to this width, of one store with `others`. This needs re-encoding.
    others : sequence of store
        Other stores, open for reading, shown in a grid with the first at the same times. This needs re-encoding.
    overwrite : bool
        Replace an existing file.
    progress : callable
        Called after each frame.

    Raises
    ------
    InvalidArgumentError
        An argument is not allowed, the frames cannot be copied, the container cannot hold their times, or another
        store has no frame at these times.
    StoreExistsError
        The path exists already.

    Examples
    --------
    >>> from imgstore.export import export_video, select
    >>> report = export_video(select(store), 'part.mp4', captions=['temperature'])
    >>> report.copied
    False
    """
    extension = _checked_extension(path)
    crf = CRF.checked(crf, 'a video')
    speed = checked_speed(speed)
    refuse_sound(speed, sounds=sounds, captions=captions)
    shown = thin_out(frames, speed) if speed > 1 else frames
    look = Look(status_bar, width, tuple(others))
    check_common_times(shown, look.others)
    pieces = _pieces(shown, extension, codec, look)
    ticks = Ticks(extension, shown, speed)
    if sounds and ticks.seconds > _MAX_HOURS_OF_SOUND * 3600:
        raise InvalidArgumentError(
            f'a video with sound has at most {_MAX_HOURS_OF_SOUND} hours; choose a range of frames'
        )
    with new_file(path, overwrite) as place:
        _write(place, shown, ticks, pieces, crf, look, sounds, captions, progress)
    reason = pieces if isinstance(pieces, str) else ''
    if reason and len(shown) < len(frames) and codec == 'auto':
        reason = f'of faster videos, only {FASTEST_SHOWN} frames a second are shown'
    return VideoReport(not reason, reason, len(shown), len(frames) - len(shown))


def _checked_extension(path: StrPath) -> str:
    extension = os.path.splitext(os.fspath(path))[1].lower()
    if extension not in EXTENSIONS:
        raise InvalidArgumentError(
            f'{os.fspath(path)!r} cannot be written as a video: its name must end in '
            f'{" or ".join(EXTENSIONS)}; other programs convert these',
            argument='path',
        )
    return extension


def _pieces(frames: Frames, extension: str, codec: str, look: Look) -> list[CopySegment] | str:
    """Plan a copy, or return the reason for encoding."""
    if codec not in ('auto', 'h264', 'copy'):
        raise InvalidArgumentError(f'codec is {codec!r}; it must be auto, h264 or copy', argument='codec')
    if codec == 'h264':
        return 'codec is h264'
    found = look.reason_to_encode or plan_stream_copy(frames, extension, codec == 'copy')
    if codec == 'copy' and isinstance(found, str):
        raise InvalidArgumentError(f'the frames cannot be copied as they are: {found}', argument='codec')
    return found


def _write(
    path: str,
    frames: Frames,
    ticks: Ticks,
    pieces: list[CopySegment] | str,
    crf: int,
    look: Look,
    sounds: Sequence[Sound],
    captions: Sequence[str],
    progress: Progress,
) -> None:
    import av

    try:
        with open_output(path, options=ticks.options) as container:
            _describe(container, frames)
            sources: list[Packets]
            if isinstance(pieces, str):
                sources = [_encoded(container, frames, ticks, crf, look, progress)]
            else:
                sources = [copied_packets(container, pieces, ticks, progress)]
            since_first = float(frames.times[0]) - frames.store.index.frame(0)[1]  # type: ignore[index]
            sources += [sound_packets(container, sound, since_first, ticks.seconds) for sound in sounds]
            if captions:
                sources.append(caption_packets(container, frames, captions, ticks.seconds))
            for _, packet in heapq.merge(*sources, key=lambda due: due[0]):
                container.mux(packet)
    except (av.FFmpegError, ValueError) as error:
        if isinstance(error, (InvalidArgumentError, OSError)):
            raise
        raise StoreIOError(f'{path!r} cannot be written: {error}', path=path) from error


def _describe(container: OutputContainer, frames: Frames) -> None:
    container.metadata['title'] = without_surrogates(name_of(frames.store.filename))
    container.metadata['comment'] = f'frames {frames.numbers[0]} to {frames.numbers[-1]} of {frames.store.uuid}'
    if is_date(float(frames.times[0])):
        with contextlib.suppress(ValueError, OverflowError, OSError):  # the times may be in ms or ns
            first = datetime.datetime.fromtimestamp(float(frames.times[0]), datetime.timezone.utc)
            container.metadata['creation_time'] = first.isoformat().replace('+00:00', 'Z')


def _encoded(
    container: OutputContainer, frames: Frames, ticks: Ticks, crf: int, look: Look, progress: Progress
) -> Packets:
    pictures = (pad_to_even(picture) for picture in look.render(frames))
    first = next(pictures)
    options = {'crf': str(crf), 'preset': _PRESET, **({} if ticks.can_reorder else {'bf': '0'})}
    stream: Any = container.add_stream('libx264', rate=ticks.rate, options=options)
    stream.height, stream.width = first.shape[:2]
    stream.pix_fmt = 'yuv420p'
    context = stream.codec_context
    stream.time_base = context.time_base = ticks.unit
    context.colorspace, context.color_primaries, context.color_trc, context.color_range = BT601
    context.open()
    context.extradata = with_changeable_rates(context.extradata, ticks.rate)
    return _encoding(stream, _all(first, pictures), ticks, progress)


def _all(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from rest


def _encoding(stream: Any, pictures: Iterator[Any], ticks: Ticks, progress: Progress) -> Packets:
    import av

    durations = dict(zip(ticks.starts.tolist(), ticks.durations.tolist(), strict=True))
    for picture, start in zip(pictures, ticks.starts.tolist(), strict=True):
        frame = av.VideoFrame.from_ndarray(picture, format='bgr24').reformat(format='yuv420p', threads=1)
        frame.pts, frame.time_base = start, ticks.unit
        frame.pict_type = 0
        yield from _due(stream.encode(frame), durations)
        progress()
    yield from _due(stream.encode(None), durations)


def _due(packets: Sequence[Any], durations: dict[int, int]) -> Packets:
    for packet in packets:
        packet.duration = durations.get(packet.pts, 1)
        yield float(packet.dts * packet.time_base), packet
