"""Frames as an animated GIF or WebP, for slides and web pages."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from .._support.validation import as_int_between
from ..chunks.video.container_checks import open_output
from ..chunks.video.filter_graphs import free_filters
from ..color import Image
from ..errors import InvalidArgumentError, StoreIOError
from ..ondisk.files import StrPath
from ..stores.base import ImgStore
from .atomic_output import Progress, new_file, no_progress
from .mosaic import Look, check_common_times
from .selection import Frames
from .speed import checked_speed, thin_out
from .ticks import ANIMATIONS, Ticks
from .video import VideoReport

_MOST_FRAMES_PER_SECOND = 25  # more make files large, and browsers slow down GIFs with more than 50
_SAMPLE = 32  # frames that choose the colours of a GIF
_MOST_SIDE = {'.gif': 65535, '.webp': 16383}
_USUAL_QUALITY = 80
_HEADER, _DURATION = 12, 12  # bytes of RIFF before the chunks, and in a chunk ANMF before its duration
_ANY_UNIT = Fraction(1, 100)  # of time, which the filters of colours ignore

Render = Callable[[Frames], Iterator[Image]]
"""Makes pictures of frames."""


def export_animation(
    frames: Frames,
    path: StrPath,
    *,
    quality: int | None = None,
    speed: float = 1.0,
    width: int | None = None,
    status_bar: bool = False,
    others: Sequence[ImgStore] = (),
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> VideoReport:
    """Write frames as an animated image that repeats for ever.

    Every n-th frame is kept, so that there are at most 25 per second. Other parameters are those of `export_video`.

    Parameters
    ----------
    frames : Frames
        The frames, from `select`.
    path : str or PathLike
        Path with the extension .gif (256 colours, times exact to 1/100 s) or .webp (1/1000 s).
    quality : int, optional
        Quality of WebP, from 1 to 100 (best). Default: 80.
    speed : float
        How many times as fast as recorded it plays.
    width : int, optional
        Scale the pictures to this width.
    status_bar : bool
        Draw frame number and time into each frame.
    others : sequence of store
        Other stores, shown in a grid with the first at the same times.
    overwrite : bool
        Replace an existing file.
    progress : callable
        Called after each frame.

    Returns
    -------
    VideoReport
        The number of frames.

    Raises
    ------
    InvalidArgumentError
        An argument is not allowed, the image cannot hold the frames, or another store has none at their times.
    StoreExistsError
        The path exists already.

    Examples
    --------
    >>> from imgstore.export import export_animation, select
    >>> export_animation(select(store), 'part.gif', width=32).frames
    5
    """
    extension = _checked_extension(path)
    speed = checked_speed(speed)
    shown = thin_out(frames, speed, _MOST_FRAMES_PER_SECOND)
    look, ticks = Look(status_bar, width, tuple(others)), Ticks(extension, shown, speed)
    options = _options(extension, quality)
    check_common_times(shown, look.others)

    def render(chosen: Frames) -> Iterator[Image]:
        return _checked(look.render(chosen), extension)

    with new_file(path, overwrite) as place:
        _write(place, extension, render, shown, ticks, options, progress)
    return VideoReport(False, 'an animation has its own encoding', len(shown), len(frames) - len(shown))


def _checked_extension(path: StrPath) -> str:
    extension = os.path.splitext(os.fspath(path))[1].lower()
    if extension not in ANIMATIONS:
        raise InvalidArgumentError(
            f'{os.fspath(path)!r} cannot be written as an animation: its name must end in {" or ".join(ANIMATIONS)}',
            argument='path',
        )
    return extension


def _options(extension: str, quality: int | None) -> dict[str, str]:
    if extension == '.gif':
        if quality is not None:
            raise InvalidArgumentError(
                f'quality is {quality!r}, but a GIF has none; export to .webp', argument='quality'
            )
        return {}
    checked = _USUAL_QUALITY if quality is None else as_int_between(quality, 'quality', 1, 100, 'WebP')
    return {'quality': str(checked)}


def _checked(pictures: Iterator[Image], extension: str) -> Iterator[Image]:
    most = _MOST_SIDE[extension]
    for picture in pictures:
        if max(picture.shape[:2]) > most:
            raise InvalidArgumentError(
                f'pictures have {picture.shape[1]} x {picture.shape[0]} pixels; {extension} can hold at most {most} '
                'per side; choose a smaller width',
                argument='width',
            )
        yield picture


def _write(
    path: str,
    extension: str,
    render: Render,
    frames: Frames,
    ticks: Ticks,
    options: dict[str, str],
    progress: Progress,
) -> None:
    import av

    try:
        with contextlib.ExitStack() as stack:
            colors = stack.enter_context(_Palette(render(_sample(frames)))) if extension == '.gif' else None
            container = stack.enter_context(open_output(path, options={'loop': '0', **_final_delay(extension, ticks)}))
            _encode(container, render(frames), colors, ticks, options, progress)
        if extension == '.webp':
            _set_end(path, int(ticks.starts[-1] + ticks.durations[-1]))
    except (av.FFmpegError, ValueError) as error:
        if isinstance(error, (InvalidArgumentError, OSError)):
            raise
        raise StoreIOError(f'{path!r} cannot be written: {error}', path=path) from error


def _set_end(path: str, milliseconds: int) -> None:
    """Let the last frame of a WebP end then; libwebp gives it the mean duration."""
    with open(path, 'r+b') as file:
        data = file.read()
        place, before, last = _HEADER, 0, -1
        while place + 8 <= len(data):
            size = int.from_bytes(data[place + 4 : place + 8], 'little')
            if data[place : place + 4] == b'ANMF':
                before += int.from_bytes(data[last : last + 3], 'little') if last >= 0 else 0
                last = place + 8 + _DURATION
            place += 8 + size + size % 2
        if last >= 0:
            file.seek(last)
            file.write(max(1, milliseconds - before).to_bytes(3, 'little'))


def _final_delay(extension: str, ticks: Ticks) -> dict[str, str]:
    return {'final_delay': str(ticks.durations[-1])} if extension == '.gif' else {}


def _sample(frames: Frames) -> Frames:
    places = np.unique(np.linspace(0, len(frames) - 1, _SAMPLE).astype(np.intp))
    return Frames(frames.store, frames.indices[places], frames.numbers[places], frames.times[places])


def _encode(
    container: Any,
    pictures: Iterator[Image],
    colors: _Palette | None,
    ticks: Ticks,
    options: dict[str, str],
    progress: Progress,
) -> None:
    first = next(pictures)
    stream: Any = container.add_stream('gif' if colors else 'libwebp_anim', rate=ticks.rate, options=options)
    stream.height, stream.width = first.shape[:2]
    stream.pix_fmt = 'pal8' if colors else 'yuv420p'
    stream.time_base = stream.codec_context.time_base = ticks.unit
    for picture, start in zip(_all(first, pictures), ticks.starts.tolist(), strict=True):
        frame = _frame(picture, start, ticks.unit)
        frame = colors.applied(frame) if colors else frame.reformat(format='yuv420p', threads=1)
        container.mux(stream.encode(frame))
        progress()
    container.mux(stream.encode(None))


def _all(first: Image, rest: Iterator[Image]) -> Iterator[Image]:
    yield first
    yield from rest


def _frame(picture: Image, start: int, unit: Fraction) -> Any:
    import av

    frame = av.VideoFrame.from_ndarray(picture, format='bgr24')
    frame.pts, frame.time_base = start, unit
    return frame


class _Palette:
    """256 colours for all pictures. Use it in a ``with`` block."""

    def __init__(self, sample: Iterator[Image]) -> None:
        first = next(sample)
        self._size = first.shape[1], first.shape[0], 'bgr24'
        graph, [source] = _new_graph('palettegen', '', self._size)
        try:
            for number, picture in enumerate(_all(first, sample)):
                source.push(_frame(picture, number, _ANY_UNIT))
            source.push(None)
            self._colors = graph.pull()
        finally:
            free_filters([graph])

    def __enter__(self) -> _Palette:
        colors = self._colors
        colors.pts, colors.time_base = 0, _ANY_UNIT
        given = colors.width, colors.height, colors.format.name
        self._graph, [self._source, source] = _new_graph('paletteuse', 'dither=bayer:bayer_scale=4', self._size, given)
        source.push(colors)
        source.push(None)
        return self

    def __exit__(self, *error: object) -> None:
        free_filters([self._graph])

    def applied(self, frame: Any) -> Any:
        """Return a frame in these colours."""
        self._source.push(frame)
        return self._graph.pull()


def _new_graph(name: str, options: str, *sources: tuple[int, int, str]) -> tuple[Any, list[Any]]:
    """Make a graph of one of FFmpeg's filters, and its sources."""
    from av.filter import Graph

    graph: Any = Graph()
    graph.threads = 1
    given = [
        graph.add_buffer(width=width, height=height, format=pixels, time_base=_ANY_UNIT, name=f'source{place}')
        for place, (width, height, pixels) in enumerate(sources)
    ]
    found, sink = graph.add(name, options), graph.add('buffersink')
    for place, source in enumerate(given):
        source.link_to(found, 0, place)
    found.link_to(sink)
    graph.configure()
    return graph, given
