"""Options of encoders, one row each.

Formats may have different rows of the same name: ``compression`` is a level for png, and the name of a method for tif.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ._support.validation import as_int, as_int_between, not_allowed
from .errors import InvalidOptionError

_UNITS = {'': 1, 'k': 10**3, 'M': 10**6, 'G': 10**9}
_RATE = re.compile(rf'(\d+(?:\.\d+)?)([{"".join(_UNITS)}]?)')


@dataclass(frozen=True)
class Option(ABC):
    """An option of an encoder.

    Attributes
    ----------
    name : str
        Name of the argument.
    meaning : str
        Meaning of the values, for `--help`.
    """

    name: str
    meaning: str

    @abstractmethod
    def checked(self, value: object, whom: str) -> Any:
        """Return the value in a type of YAML. An error names ``whom`` it is for."""

    @property
    @abstractmethod
    def values(self) -> str:
        """The values, for messages."""

    def __str__(self) -> str:
        return f'{self.name} ({self.values})'


@dataclass(frozen=True)
class IntegerOption(Option):
    """An option with an integer as its value, such as quality.

    Attributes
    ----------
    min : int
        Smallest value.
    max : int
        Largest value.
    allowed : tuple of int
        The only values between, if not all.
    """

    min: int
    max: int
    allowed: tuple[int, ...] = ()

    def checked(self, value: object, whom: str) -> int:
        """Return the value as an int."""
        if not self.allowed:
            return as_int_between(value, self.name, self.min, self.max, whom)
        number = as_int(value, self.name)
        if number not in self.allowed:
            raise not_allowed(self.name, value, f'for {whom} it must be {self.values}')
        return number

    @property
    def values(self) -> str:
        """The values, for messages."""
        return _either(self.allowed) if self.allowed else f'{self.min} to {self.max}'


@dataclass(frozen=True)
class NameOption(Option):
    """An option with one of some names as its value, such as preset.

    Attributes
    ----------
    names : tuple of str
        The names.
    """

    names: tuple[str, ...]

    def checked(self, value: object, whom: str) -> str:
        """Return the value."""
        if not isinstance(value, str) or value not in self.names:
            raise not_allowed(self.name, value, f'for {whom} it must be {self.values}')
        return str(value)

    @property
    def values(self) -> str:
        """The values, for messages."""
        return _either(self.names)


@dataclass(frozen=True)
class BitrateOption(Option):
    """An option with a number of bits per second, or text such as '2.5M'.

    Attributes
    ----------
    min : int
        Smallest value.
    max : int
        Largest value.
    """

    min: int
    max: int

    def checked(self, value: object, whom: str) -> int:
        """Return the value as an int."""
        found = _RATE.fullmatch(value) if isinstance(value, str) else None
        number = value if found is None else round(Fraction(found[1]) * _UNITS[found[2]])
        if isinstance(number, int) and not isinstance(number, bool) and self.min <= number <= self.max:
            return number
        return self._by_number(value, whom)

    def _by_number(self, value: object, whom: str) -> int:
        try:
            return as_int_between(value, self.name, self.min, self.max, whom)
        except ValueError:
            raise not_allowed(self.name, value, f'for {whom} it must be {self.values}') from None

    @property
    def values(self) -> str:
        """The values, for messages."""
        return f'{_with_unit(self.min)} to {_with_unit(self.max)} bits per second, such as 800k or 2.5M'


@dataclass(frozen=True)
class MappingOption(Option):
    """An option with names and values that are given to FFmpeg's encoder.

    Attributes
    ----------
    taken : mapping of str to str
        Names that it must not have, each with the name of the option to use.
    """

    taken: tuple[tuple[str, str], ...] = ()

    def checked(self, value: object, whom: str) -> dict[str, str]:
        """Return the value with text as names and values."""
        if not isinstance(value, Mapping) or not all(map(_is_pair_of_text, value.items())):
            raise not_allowed(self.name, value, f'for {whom} it must be {self.values}')
        given = {str(name): str(each) for name, each in value.items()}
        names = {*given, *(name for name, _ in _parameters_in(given))}
        for name, own in self.taken:
            if name in names:
                raise not_allowed(self.name, value, f'leave out its {name!r}: {own} is an option by itself')
        return given

    @property
    def values(self) -> str:
        """The values, for messages."""
        return "a dict of FFmpeg's names and values, such as {'aq-mode': 2}"


def _parameters_in(options: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield an encoder's own parameters and their values, as in ``x264-params``."""
    for name, value in options.items():
        if name.endswith(PARAMETERS):
            for pair in value.split(':'):
                parameter, _, its_value = pair.partition('=')
                yield parameter.strip(), its_value.strip()


def has_b_frames(options: Options) -> bool:
    """Return whether FFmpeg's options ask for B-frames."""
    given = options.get(CODEC_OPTIONS.name, {})
    pairs = (*given.items(), *_parameters_in(given))
    return any(name.strip('-') in _B_FRAMES and value != '0' for name, value in pairs)


def _with_unit(number: int) -> str:
    return next(f'{number // factor}{unit}' for unit, factor in reversed(_UNITS.items()) if number >= factor)


def _is_pair_of_text(pair: tuple[object, object]) -> bool:
    name, value = pair
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(name, str) and bool(name) and (is_number or isinstance(value, str))


def _either(values: Sequence[object]) -> str:
    return ' or '.join(filter(None, (', '.join(map(str, values[:-1])), str(values[-1]))))


PARAMETERS = '-params'
"""End of the name of an option whose value has options of the encoder's own, separated by colons."""

_B_FRAMES = ('bf', 'bframes')
"""Names of the number of B-frames."""

AUTO = 'auto'
_PRESETS = ('ultrafast', 'superfast', 'veryfast', 'faster', 'fast', 'medium', 'slow', 'slower', 'veryslow', 'placebo')
_TAKEN = (
    ('crf', 'crf'),
    ('qp', 'crf'),
    ('b', 'bitrate'),
    ('bitrate', 'bitrate'),
    ('g', 'gop'),
    ('keyint', 'gop'),
    ('preset', 'preset'),
    ('tune', 'tune'),
    ('pix_fmt', 'pixel_format'),
    ('pixel_format', 'pixel_format'),
    ('threads', 'threads'),
)

QUALITY = IntegerOption('quality', 'JPEG quality, 100 is best', 1, 100)
CRF = IntegerOption('crf', 'constant rate factor, 0 is best', 0, 51)
COMPRESSION = IntegerOption('compression', 'lossless compression, 9 makes the smallest files', 0, 9)
TIFF_COMPRESSION = NameOption('compression', 'method of lossless compression', ('none', 'lzw', 'deflate'))
BITS = IntegerOption('bits', 'bits of a value of uint16 images; fewer make smaller files', 10, 16, (10, 12, 16))
BITRATE = BitrateOption('bitrate', 'mean size of a second of video, instead of crf', 1000, 10**10)
GOP = IntegerOption('gop', 'frames from one keyframe to the next, at most', 1, 1000)
PRESET = NameOption('preset', 'speed of the encoder; slower makes smaller files', _PRESETS)
X264_TUNE = NameOption(
    'tune',
    'kind of images, or what to optimise',
    ('film', 'animation', 'grain', 'stillimage', 'psnr', 'ssim', 'fastdecode', 'zerolatency'),
)
PIXEL_FORMAT = NameOption('pixel_format', 'sampling of colour', ('yuv420p', 'yuv444p', 'gray'))
X265_TUNE = NameOption(
    'tune',
    'kind of images, or what to optimise',
    ('animation', 'grain', 'psnr', 'ssim', 'fastdecode', 'zerolatency'),
)
THREADS = IntegerOption('threads', 'threads of the encoder', 1, 64)
CODEC_OPTIONS = MappingOption('codec_options', "other options of FFmpeg's encoder", _TAKEN)

HARDWARE = ('nvenc', 'qsv', 'amf', 'vaapi', 'videotoolbox')
"""Endings of FFmpeg's names of hardware encoders, in the order of 'auto'."""

H264_ENCODER, HEVC_ENCODER = (
    NameOption('encoder', "FFmpeg's encoder; auto: the first of hardware that works", (AUTO, software, *hardware))
    for software, hardware in (
        ('libx264', tuple(f'h264_{kind}' for kind in HARDWARE)),
        ('libx265', tuple(f'hevc_{kind}' for kind in HARDWARE)),
    )
)
_OF_SOFTWARE = (CRF, PRESET, X264_TUNE, PIXEL_FORMAT, THREADS)

_FRAMES_AT_ONCE = ('mjpeg', 'ffv1')
"""Codecs of videos that encode frames independently of each other."""

OF_X264 = (CRF, BITRATE, GOP, PRESET, X264_TUNE, PIXEL_FORMAT, THREADS, CODEC_OPTIONS, H264_ENCODER)
OF_LOSSLESS_X264 = (GOP, PRESET, THREADS, CODEC_OPTIONS)
OF_X265 = (CRF, BITRATE, GOP, PRESET, X265_TUNE, PIXEL_FORMAT, THREADS, CODEC_OPTIONS, HEVC_ENCODER)
OPTIONS: tuple[Option, ...] = tuple(dict.fromkeys((QUALITY, COMPRESSION, TIFF_COMPRESSION, BITS, *OF_X264, *OF_X265)))
OPTION_NAMES = tuple(dict.fromkeys(option.name for option in OPTIONS))

Options = Mapping[str, Any]
"""Checked values of options, by name."""


def check_names(names: Iterable[str]) -> None:
    """Raise InvalidOptionError for a name that is not an option's."""
    for name in names:
        if name not in OPTION_NAMES:
            raise InvalidOptionError(
                f'{name!r} is not an option of an encoder; they are {", ".join(OPTION_NAMES)}', argument=name
            )


def instead_of(name: str, codec: str, options: Sequence[Option]) -> str:
    """Return what a codec has instead of an option, for messages."""
    if name == THREADS.name and codec in _FRAMES_AT_ONCE:
        return 'it encodes several frames at once, each with one thread, and workers= sets how many'
    return f'it has {", ".join(map(str, options)) or "no such option"}'


def check_together(options: Options) -> None:
    """Raise InvalidArgumentError for options that exclude each other."""
    if CRF.name in options and BITRATE.name in options:
        raise not_allowed(BITRATE.name, options[BITRATE.name], 'with a crf there is no bitrate; leave one of them out')
    encoder = options.get(H264_ENCODER.name, '')
    if encoder != AUTO and not is_hardware(encoder):
        return
    for option in _OF_SOFTWARE:
        if option.name in options:
            rule = f'encoders of hardware have no such option; leave out it or encoder={encoder!r}'
            raise not_allowed(option.name, options[option.name], rule)


def is_hardware(encoder: str) -> bool:
    """Return whether this is FFmpeg's name of an encoder of hardware."""
    return encoder.endswith(HARDWARE)
