"""Frames of a video from a file, a pipe or an address."""

from __future__ import annotations

import contextlib
import datetime
import itertools
import os
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from fractions import Fraction
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from .._support.warn import warn
from ..chunks.video.container_checks import open_input
from ..chunks.video.cut_off import is_cut_off
from ..color import Image
from ..errors import FrameReadError, InvalidArgumentError, StreamChosenWarning
from .avi import MendedFile, find_damaged_headers
from .damage import Damage
from .ebml import find_tears
from .intact import IntactFrames
from .jpeg import JpegCheck
from .piped import PipedVideo
from .shown_times import ShownTimes, Timed

if TYPE_CHECKING:
    import av

_USUAL_RATE = Fraction(25)
_FIRST_YEAR = 1980  # earlier dates come from programs without a clock
_NO_VIDEO = ('attached_pic', 'timed_thumbnails', 'still_image')
_OF_PICTURES = ('mjpeg', 'png', 'bmp', 'gif', 'tiff', 'webp')
_MOST_PACKETS = 1000  # read to tell a single picture from a video
_NOTHING_FOLLOWS = ('yuv4mpegpipe', 'ivf')  # after the last packet, even a complete one
_SEPARATE = {'fflags': 'noparse+nofillin'}
_SAMPLES = 8  # packets
_MOST_RANGES = 5


class VideoFile:
    """A video, opened once. Use it in a ``with`` block.

    Parameters
    ----------
    path : str
        Path of a file or pipe, or an address for FFmpeg.
    to_8_bit : bool
        Convert deeper images to 8 bits.
    kept_bits : int, optional
        Do not scale the values of gray images with so many bits.

    Attributes
    ----------
    length : int or None
        Approximate number of frames.
    created : float or None
        Start of the recording, in seconds since 1970.
    bits : int
        Bits per sample, by the stream's header.

    Raises
    ------
    InvalidArgumentError
        The source is not a video.
    """

    def __init__(self, path: str, to_8_bit: bool = False, kept_bits: int | None = None) -> None:
        self._path, self._to_8_bit, self._unscaled = path, to_8_bit, f'gray{kept_bits}le'
        self._pipe: PipedVideo | None = None
        self._damage = _find_damage(path) if os.path.isfile(path) else None
        headers = self._damage.headers if self._damage is not None else {}
        self._mended = MendedFile(path, headers) if headers else None
        self._container = self._open()
        try:
            self._stream = self._choose_stream()
            if self._joins_packets():
                index = self._stream.index
                self._container.close()
                self._container = self._open(_SEPARATE)
                self._stream = self._container.streams[index]
        except BaseException:
            self.close()
            raise
        stream, container = self._stream, self._container
        length = float(container.duration / _av_time_base()) if container.duration else 0.0
        self.length = stream.frames or round(length * float(stream.average_rate or 0)) or None
        self.created = _created(container.metadata.get('creation_time') or stream.metadata.get('creation_time'))
        self.bits = _bits(stream.codec_context.format)
        self._intact: IntactFrames | None = None
        self._times: ShownTimes | None = None
        self._ended = False

    def _joins_packets(self) -> bool:
        """Return whether FFmpeg would join a damaged frame with the bytes after it."""
        is_file = self._damage is not None
        return is_file and self._container.format.name == 'avi' and self._stream.codec_context.name == 'png'

    def _open(self, options: dict[str, str] | None = None) -> av.container.InputContainer:
        import av

        try:
            where: Any = self._address()
            if os.path.exists(self._path) and not os.path.isfile(self._path):
                where = self._pipe = PipedVideo(self._path)
            elif self._mended is not None:
                self._mended.seek(0)
                where = self._mended
            return open_input(where, options=options or {})
        except (av.FFmpegError, OSError) as error:
            self.close()
            raise InvalidArgumentError(
                f'{self._path!r} cannot be read as a video: {error.strerror}', path=self._path
            ) from error

    def _address(self) -> str:
        return f'file:{os.path.abspath(self._path)}' if os.path.isfile(self._path) else self._path

    def _choose_stream(self) -> Any:
        """Choose the stream of the video, not a cover or a single-image preview."""
        every: Iterable[Any] = self._container.streams.video
        streams = [stream for stream in every if stream.codec_context is not None]
        films = [stream for stream in streams if not any(name in _dispositions(stream) for name in _NO_VIDEO)]
        if not films:
            pictures = '; its only picture is a cover' if streams else ''
            raise InvalidArgumentError(f'{self._path!r} has no video{pictures}', path=self._path)
        moving = self._moving(films) if len(films) > 1 else films
        chosen = max(moving, key=lambda stream: ('default' in _dispositions(stream), stream.width * stream.height))
        if len(moving) > 1:
            warn(StreamChosenWarning(self._path, len(moving), chosen.index, (chosen.width, chosen.height)))
        return chosen

    def _moving(self, streams: list[Any]) -> list[Any]:
        """Return the streams with several images; a pipe is not read to find out."""
        found = [stream for stream in streams if stream.frames != 1]
        if all(stream.frames for stream in found):
            return found or streams
        if os.path.isfile(self._path):
            pictures = _pictures(self._address(), {stream.index for stream in found})
            return [stream for stream in found if stream.index not in pictures] or streams
        return [stream for stream in found if stream.codec_context.name not in _OF_PICTURES] or streams

    def frames(self) -> Generator[tuple[Image, int, float]]:
        """Yield the intact frames; `check` then reports others.

        Yields
        ------
        image : numpy.ndarray
            (h, w, 3) BGR, uint8 or uint16, upright. Gray of more than 8 bits is (h, w). Values of 9 to 15 bits are
            scaled to 16, so that white stays white.
        number : int
            From 0, in display order. Damaged frames count, too.
        time : float
            The file's own timestamp in seconds, by `ShownTimes`.
        """
        is_cut = self._container.format.name == 'mpegts' and self._is_cut_off(0)  # others mark an incomplete packet
        stream = self._stream
        times = self._times = ShownTimes(
            stream.time_base, stream.average_rate or _USUAL_RATE, self._container.format.name, stream.codec_context.name
        )
        with self._content_check() as check:
            self._intact = IntactFrames(self._container, stream, times.note, is_cut, self._damage, check)
            for frame, number, time in self._timed(times, self._intact):
                yield upright(self._image(frame), _matrix(frame)), number, time
        self._ended = True

    @contextlib.contextmanager
    def _content_check(self) -> Iterator[Callable[[bytes], bool]]:
        """Give a check for packet damage unnoticed by the decoder."""
        if self._stream.codec_context.name != 'mjpeg':
            yield lambda data: False
            return
        samples = _first_packets(self._address(), self._stream.index) if os.path.isfile(self._path) else ()
        with JpegCheck(samples) as check:
            yield check.is_damaged

    @staticmethod
    def _timed(times: ShownTimes, frames: Iterable[tuple[Any, int]]) -> Iterator[Timed]:
        for frame, number in frames:
            yield from times.of(frame, number)
        yield from times.rest()

    def _image(self, frame: av.VideoFrame) -> Image:
        image: Image
        if self._to_8_bit or _bits(frame.format) <= 8:
            image = frame.to_ndarray(format='bgr24', threads=1)
        elif frame.format.name.startswith(('gray', 'ya')):
            name = self._unscaled if frame.format.name == self._unscaled else 'gray16le'
            image = frame.to_ndarray(format=name, threads=1)
        else:
            image = frame.to_ndarray(format='bgr48le', threads=1)
        return image

    @property
    def following(self) -> int:
        """Number after the last frame read, or lost at that place."""
        return 0 if self._intact is None else self._intact.following

    def count_packets(self) -> int | None:
        """Count the packets of the video, mostly one per frame; None for a pipe."""
        if not os.path.isfile(self._path):
            return None
        with contextlib.suppress(OSError), open_input(self._address()) as container:
            packets: Iterable[Any] = container.demux(container.streams[self._stream.index])
            return sum(1 for packet in packets if packet.size)
        return None

    def check(self) -> None:
        """Raise FrameReadError if frames were lost or the video is cut off."""
        intact = self._intact
        if intact is None:
            return
        told = [f'{_ranges(intact.lost)} cannot be read: damaged'] if intact.lost else []
        if self._times is not None and self._times.estimated:
            told.append(f'the time of {_ranges(self._times.estimated)} is damaged, and was estimated')
        is_cut = bool(intact.error) or (self._ended and self._is_cut_off(intact.end))
        if intact.is_torn and not is_cut:
            told += self._why_torn(intact)
        if is_cut:
            told.append(f'frame {intact.following} cannot be read: {intact.error or "the file is cut off"}')
        if told:
            raise FrameReadError(f'{self._path!r}: {"; ".join(told)}', path=self._path)

    def _why_torn(self, intact: IntactFrames) -> list[str]:
        """Describe the frames lost by the container."""
        missing = (self.length or 0) - intact.following
        if intact.unsure is not None:
            why = f'numbers from frame {intact.unsure} on may be too small: the times do not show how many are lost'
        elif missing > 0 and self._ended:
            why = f'about {missing} frame{"s" * (missing > 1)} from frame {intact.following} on cannot be read'
        else:
            why = '' if intact.lost else 'frames may be missing'
        return [f'the container is damaged, and {why}'] if why else []

    def _is_cut_off(self, end: int) -> bool:
        if self._pipe:
            return self._pipe.is_cut_off()
        if self._container.format.name in _NOTHING_FOLLOWS and os.path.isfile(self._path):
            return os.path.getsize(self._path) > end
        return is_cut_off(self._path)

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(AttributeError):
            self._container.close()
        for file in (self._pipe, self._mended):
            if file is not None:
                file.close()

    def __enter__(self) -> VideoFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _pictures(address: str, indexes: set[int]) -> set[int]:
    """Return the streams with a single packet, as far as read."""
    counts: Counter[int] = Counter()
    with contextlib.suppress(OSError), open_input(address) as container:
        streams = [stream for stream in container.streams if stream.index in indexes]
        for packet in itertools.islice(container.demux(streams), _MOST_PACKETS):
            counts[packet.stream.index] += packet.size > 0
            if all(counts[index] > 1 for index in indexes):
                break
    return {index for index in indexes if counts[index] == 1}


def _find_damage(path: str) -> Damage:
    damage = find_damaged_headers(path)
    damage.tears = find_tears(path)
    return damage


def _first_packets(address: str, index: int) -> list[bytes]:
    with contextlib.suppress(OSError), open_input(address) as container:
        packets = container.demux(container.streams[index])
        return [bytes(packet) for packet in itertools.islice(packets, _SAMPLES) if packet.size]
    return []


def _av_time_base() -> int:
    import av

    return int(av.time_base)


def _dispositions(stream: Any) -> list[str]:
    return [flag.name for flag in type(stream.disposition) if flag in stream.disposition]


def _bits(pixel_format: Any) -> int:
    return max((component.bits for component in pixel_format.components), default=8) if pixel_format else 8


def _ranges(numbers: list[int]) -> str:
    """Format numbers, such as 'frames 3, 5 to 9'."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    told = ', '.join(str(a) if a == b else f'{a} to {b}' for a, b in runs[:_MOST_RANGES])
    more = f' and others, {len(numbers)} in all,' if len(runs) > _MOST_RANGES else ''
    return f'frame{"s" * (len(numbers) > 1)} {told}{more}'


# --- orientation


def _matrix(frame: av.VideoFrame) -> tuple[int, ...] | None:
    """Return a frame's display matrix of 9 numbers, if any."""
    from av.sidedata.sidedata import Type

    every: Any = frame.side_data
    found = every.get(Type.DISPLAYMATRIX)
    return None if found is None else tuple(np.frombuffer(found, np.int32)[:9].tolist())


def upright(image: Image, matrix: tuple[int, ...] | None) -> Image:
    """Rotate and mirror an image by FFmpeg's display matrix."""
    if matrix is None or len(matrix) < 9:
        return image
    a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
    if max(abs(b), abs(c)) > max(abs(a), abs(d)):
        image, flips = np.swapaxes(image, 0, 1), (b < 0, c < 0)
    else:
        flips = (d < 0, a < 0)
    return np.ascontiguousarray(image[:: -1 if flips[0] else 1, :: -1 if flips[1] else 1])


def _created(text: str | None) -> float | None:
    import dateutil.parser

    try:
        date = dateutil.parser.isoparse(text or '')
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=datetime.timezone.utc)
    return date.timestamp() if date.year >= _FIRST_YEAR else None
