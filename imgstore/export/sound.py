"""Sound for a video: from an audio file, or from samples in the extra data."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .._support.regular_files import check_regular
from ..chunks.video.container_checks import open_input
from ..chunks.video.filter_graphs import free_filters
from ..constants import FRAME_TIME
from ..errors import InvalidArgumentError
from ..ondisk.files import StrPath, text_path
from ..stores.base import ImgStore

if TYPE_CHECKING:
    from av.container import OutputContainer

Samples = npt.NDArray[np.float32]
"""Array (channels, n) of values from -1 to 1."""

_BLOCK = 65536  # samples
_BYTES_OF_A_SAMPLE = 2  # wider integers, such as those from JSON, are no raw samples
_AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_DEMUXERS = (
    'wav,w64,aiff,au,caf,flac,mp3,ogg,aac,ac3,eac3,dts,amr,wv,ape,tta,tak,asf,voc,gsm,mpc,mpc8,dsf,iff,truehd,'
    'mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,mpeg,mpegts,mxf,nut'
)
_LAYOUTS = {1: 'mono', 2: 'stereo'}


class Sound(ABC):
    """Sound of a video.

    Attributes
    ----------
    rate : int
        Samples per second.
    channels : int
        1 or 2.
    start : float
        Seconds from the store's first frame to the first sample.
    title : str
        Title of the track.
    """

    rate: int
    channels: int
    start: float
    title: str

    @abstractmethod
    def blocks(self) -> Iterator[Samples]:
        """Yield all samples, from the first one on."""


class FileSound(Sound):
    """Sound from a file.

    Parameters
    ----------
    path : str or PathLike
        Any file with sound readable by FFmpeg.
    offset : float
        Seconds from the store's first frame to the start of the sound. Negative if the sound starts earlier.

    Raises
    ------
    InvalidArgumentError
        The file has no sound.

    Examples
    --------
    One second of silence, from half a second after the first frame:

    >>> import wave
    >>> with wave.open('sound.wav', 'wb') as file:
    ...     file.setparams((1, 2, 8000, 0, 'NONE', ''))
    ...     file.writeframes(bytes(2 * 8000))
    >>> from imgstore.export import FileSound, export_video, select
    >>> sound = FileSound('sound.wav', offset=0.5)
    >>> report = export_video(select(store), 'part.mp4', sounds=[sound])
    """

    def __init__(self, path: StrPath, offset: float = 0.0) -> None:
        import av

        self._path, self.start = text_path(path, 'audio'), offset
        self.title = os.path.basename(self._path)
        try:
            with _opened(self._path) as file:
                if not file.streams.audio:
                    raise InvalidArgumentError(f'{self._path!r} has no sound', path=self._path)
                self.rate = file.streams.audio[0].rate
                self.channels = min(2, file.streams.audio[0].channels)
        except av.FFmpegError as error:
            raise InvalidArgumentError(
                f'{self._path!r} cannot be read as sound: {error.strerror}', path=self._path
            ) from error

    def blocks(self) -> Iterator[Samples]:
        """Decode the sound."""
        import av

        resampler = av.AudioResampler(format='fltp', layout=_LAYOUTS[self.channels], rate=self.rate)
        try:
            with _opened(self._path) as file:
                for frame in file.decode(audio=0):
                    frame.pts = None
                    yield from (_samples(part) for part in resampler.resample(frame))
                yield from (_samples(part) for part in resampler.resample(None))
        finally:
            free_filters(resampler)


def _opened(path: str) -> Any:
    """Open the file as sound or video, but never as a list of other files."""
    try:
        check_regular(path)
    except OSError as error:
        raise InvalidArgumentError(f'{path!r} cannot be read as sound: {error.strerror}', path=path) from error
    return open_input(path, options={'format_whitelist': _DEMUXERS, 'protocol_whitelist': 'file'})


def _samples(frame: Any) -> Samples:
    samples: Samples = frame.to_ndarray()
    return samples


class ColumnSound(Sound):
    """Sound from a column of extra data, such as Motif's microphone.

    Integers of 8 and 16 bits are divided by the largest value of their type. Other numbers are divided by their largest
    value if it is above 1.

    Parameters
    ----------
    store : store
        The store. Its extra data must have a known sample rate.
    column : str

    Raises
    ------
    InvalidArgumentError
        The column does not exist or holds no numbers, or its rate is unknown.
    """

    channels = 1

    def __init__(self, store: ImgStore, column: str) -> None:
        rate, data = store.get_extra_data_samplerate(), store.get_extra_data()
        if data is None or column not in data:
            there = 'none' if data is None else ', '.join(map(str, data.columns))
            raise InvalidArgumentError(
                f'there is no column {column!r} in the extra data; there are: {there}', argument='column'
            )
        if not rate:
            raise InvalidArgumentError(
                f'the extra data has no known sample rate, so {column!r} cannot be a sound', argument='column'
            )
        if FRAME_TIME not in data:
            raise InvalidArgumentError(
                f'the extra data has no {FRAME_TIME}, so the start of {column!r} is unknown', argument='column'
            )
        times = data[FRAME_TIME].to_numpy(np.float64)
        self.title, self.rate = column, round(rate)
        self._values = _scaled(data[column].to_numpy(), column)
        self.start = _first_sample(times, rate) - store.index.frame(0)[1]  # type: ignore[index]

    def blocks(self) -> Iterator[Samples]:
        """Yield the column in blocks."""
        for start in range(0, len(self._values), _BLOCK):
            yield self._values[None, start : start + _BLOCK]


def _scaled(values: npt.NDArray[Any], column: str) -> npt.NDArray[np.float32]:
    if values.dtype.kind not in 'iuf':
        raise InvalidArgumentError(
            f'column {column!r} of the extra data holds no numbers, so it cannot be a sound', argument='column'
        )
    if values.dtype.kind in 'iu' and values.dtype.itemsize <= _BYTES_OF_A_SAMPLE:
        middle, half = ((limits := np.iinfo(values.dtype)).max + limits.min + 1) / 2, 2.0 ** (limits.bits - 1)
        return ((values - middle) / half).astype(np.float32)
    known = np.nan_to_num(values.astype(np.float64), posinf=0, neginf=0)
    scaled: npt.NDArray[np.float32] = (known / max(1.0, float(np.abs(known).max(initial=0)))).astype(np.float32)
    return scaled


def _first_sample(times: npt.NDArray[np.float64], rate: float) -> float:
    """Estimate the time of the first sample.

    All samples of a frame have its time: that of the first sample after the start of the frame.
    """
    begins = np.flatnonzero(np.diff(times, prepend=np.nan) != 0)
    begins = begins[1:] if len(begins) > 1 else begins
    return float(np.median(times[begins] - begins / rate))


def sound_packets(
    container: OutputContainer, sound: Sound, begin: float, seconds: float
) -> Iterator[tuple[float, Any]]:
    """Encode the part of a sound next to a video into the video's container.

    Parameters
    ----------
    container : of PyAV
        Gets a new stream at once.
    sound : Sound
    begin : float
        Seconds from the first frame of the store to that of the video.
    seconds : float
        Duration of the video.

    Returns
    -------
    iterator of (float, packet)
        Packets, each with its time in seconds.
    """
    in_matroska = container.format.name == 'matroska'
    rate = sound.rate if in_matroska or sound.rate in _AAC_RATES else 48000
    stream: Any = container.add_stream('flac' if in_matroska else 'aac', rate=rate, layout=_LAYOUTS[sound.channels])
    if not in_matroska:
        stream.codec_context.bit_rate = 96_000 * sound.channels
    stream.metadata['title'] = sound.title
    first = round((begin - sound.start) * sound.rate)
    return _encoding_freed(stream, _part(sound, first, round(seconds * sound.rate)), sound)


def _part(sound: Sound, first: int, count: int) -> Iterator[Samples]:
    """Yield `count` samples from `first` on, with silence beyond the sound."""
    place = min(first, 0)
    end = first + count
    for block in _with_silence(sound, place, end):
        yield block[:, max(0, first - place) : max(0, end - place)]
        place += block.shape[1]
        if place >= end:
            return


def _with_silence(sound: Sound, begin: int, end: int) -> Iterator[Samples]:
    for start in range(begin, 0, _BLOCK):
        yield np.zeros((sound.channels, min(_BLOCK, -start)), np.float32)
    place = 0
    for block in sound.blocks():
        yield block.astype(np.float32, copy=False)
        place += block.shape[1]
    for start in range(place, end, _BLOCK):
        yield np.zeros((sound.channels, min(_BLOCK, end - start)), np.float32)


def _encoding_freed(stream: Any, blocks: Iterator[Samples], sound: Sound) -> Iterator[tuple[float, Any]]:
    encoder = stream.codec_context
    try:
        yield from _encoding(stream, blocks, sound)
    finally:
        free_filters(encoder)


def _encoding(stream: Any, blocks: Iterator[Samples], sound: Sound) -> Iterator[tuple[float, Any]]:
    import av

    place = 0
    for block in blocks:
        for start in range(0, block.shape[1], _BLOCK):
            part = np.ascontiguousarray(block[:, start : start + _BLOCK])
            frame = av.AudioFrame.from_ndarray(part, format='fltp', layout=_LAYOUTS[sound.channels])
            frame.sample_rate, frame.pts = sound.rate, place
            place += part.shape[1]
            yield from _due(stream.encode(frame))
    yield from _due(stream.encode(None))


def _due(packets: Sequence[Any]) -> Iterator[tuple[float, Any]]:
    for packet in packets:
        yield float((packet.pts or 0) * packet.time_base), packet
