"""The formats of a store: one row each. What a row cannot say is a class in `imgstore.chunks`."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import cv2

from ._support.validation import as_int_between
from .constants import STORE_MD_FILENAME
from .errors import CorruptFileError, InvalidArgumentError, MissingDependencyError
from .frame_rate import checked_rate
from .ondisk.layout import VIDEO_EXTENSIONS
from .ondisk.metadata import StoreMetadata

DIRECTORY = 'DirectoryImgStore'
VIDEO = 'VideoImgStore'
_MOTIF_VIDEO = 'VideoImgStoreFFMPEG'

VIDEO_FRAMES_PER_SECOND = 25


@dataclass(frozen=True)
class Option:
    """A whole number by which the user of some formats says how hard, or how well, images are encoded.

    Attributes
    ----------
    name : str
        Of the argument.
    min, max : int
        What it may be.
    meaning : str
        Of its values, for `--help`.
    """

    name: str
    min: int
    max: int
    meaning: str

    def checked(self, value: object, whom: str) -> int:
        """The value as Python's own int; InvalidArgumentError says ``whom`` it was for."""
        return as_int_between(value, self.name, self.min, self.max, whom)

    def __str__(self) -> str:
        return f'{self.name} ({self.min} to {self.max})'


QUALITY = Option('quality', 1, 100, 'quality as JPEG counts it, 100 is best')
CRF = Option('crf', 0, 51, 'constant rate factor of x264, 0 is best')
COMPRESSION = Option('compression', 0, 9, 'how hard files are compressed, without loss, 9 is hardest')
OPTIONS = (QUALITY, CRF, COMPRESSION)


@dataclass(frozen=True)
class Format:
    """What a format can hold, and as what.

    Attributes
    ----------
    name : str
        As `metadata.yaml` has it.
    class_name : str
        `DIRECTORY` or `VIDEO`.
    extension : str
        Of an image, or of a chunk's video.
    codec : str
        Which class of `imgstore.chunks` does the work.
    lossless : bool
        Images come back bit for bit, unless the user asks for a ``quality``.
    dtypes : tuple of str, or None
        numpy names of the dtypes it holds; None: any.
    color_model : str
        'any' shape; 'image': (h, w) or (h, w, 3), as are those that hold 'gray' or 'color' alone on disk.
    max_side : int
        Pixels that an image may be high or wide at most, if it may not be of 'any' shape.
    aliases : tuple of str
        Other names that a store may be made under.
    converts_to_bgr : bool
        An `encoding` is converted to BGR while writing.
    options : tuple of Option
        What its codec can be told; where the user does not, it does what it always did.
    signature : bytes
        Regular expression of the first bytes of an image that OpenCV reads.
    imwrite_flag : int, optional
        OpenCV's name for the one option of the format.
    imwrite_default : int, optional
        Value of ``imwrite_flag`` where the user gives none; None: OpenCV's own.
    """

    name: str
    class_name: str
    extension: str
    codec: str
    lossless: bool
    dtypes: tuple[str, ...] | None = ('uint8',)
    color_model: Literal['any', 'image', 'gray', 'color'] = 'image'
    max_side: int = 2**20
    aliases: tuple[str, ...] = ()
    converts_to_bgr: bool = False
    options: tuple[Option, ...] = ()
    signature: bytes = b''
    imwrite_flag: int | None = None
    imwrite_default: int | None = None

    @property
    def is_image_folder(self) -> bool:
        """Whether a chunk is a folder of images."""
        return self.class_name == DIRECTORY

    @property
    def is_exportable(self) -> bool:
        """Whether frames are exported as such images: other programs open them, gray ones and those in colour."""
        return self.is_image_folder and self.color_model == 'image'

    @property
    def chunksize(self) -> int:
        """Frames a chunk where the user does not say."""
        return 200 if self.is_image_folder else 10000


_8_AND_16_BIT = ('uint8', 'uint16')
_PNM = rb'P[1-6]'
_IMAGES = (
    Format('tif', DIRECTORY, '.tif', 'cv2', True, (*_8_AND_16_BIT, 'float32'), signature=rb'II[*+]\0|MM\0[*+]'),
    Format('png', DIRECTORY, '.png', 'cv2', True, _8_AND_16_BIT, max_side=1_000_000, options=(COMPRESSION,),
           signature=rb'\x89PNG\r\n\x1a\n', imwrite_flag=cv2.IMWRITE_PNG_COMPRESSION),
    Format('jpg', DIRECTORY, '.jpg', 'cv2', False, max_side=65500, options=(QUALITY,), signature=rb'\xff\xd8',
           imwrite_flag=cv2.IMWRITE_JPEG_QUALITY),
    Format('webp', DIRECTORY, '.webp', 'cv2', True, max_side=16383, options=(QUALITY,), signature=rb'RIFF.{4}WEBP',
           imwrite_flag=cv2.IMWRITE_WEBP_QUALITY, imwrite_default=101),  # which is lossless
    Format('ppm', DIRECTORY, '.ppm', 'pnm', True, _8_AND_16_BIT, 'color', signature=_PNM),
    Format('pgm', DIRECTORY, '.pgm', 'pnm', True, _8_AND_16_BIT, 'gray', signature=_PNM),
    Format('bmp', DIRECTORY, '.bmp', 'bmp', True, signature=rb'BM'),
    Format('npy', DIRECTORY, '.npy', 'npy', True, None, 'any'),
    Format('bpk', DIRECTORY, '.bpk', 'bpk', True, None, 'any', options=(COMPRESSION,)),
)
_VIDEOS = (
    Format('mjpeg/avi', VIDEO, '.avi', 'mjpeg', False, max_side=65500, aliases=('mjpeg',), options=(QUALITY,)),
    Format('h264/mkv', VIDEO, '.mkv', 'h264', False, max_side=16384, options=(CRF,)),
    Format('avc1/mp4', VIDEO, '.mp4', 'h264', False, max_side=16384, aliases=('avc1',), options=(CRF,)),
)
_CONVERTING = {f'{row.name}+color': replace(row, converts_to_bgr=True)
               for row in _IMAGES if row.name in ('tif', 'png', 'jpg', 'bmp')}
_BY_NAME = {row.name: row for row in (*_IMAGES, *_VIDEOS)} | _CONVERTING
_BY_ALIAS = {alias: row for row in _VIDEOS for alias in row.aliases} | _BY_NAME


def format_names(class_name: str | None = None) -> list[str]:
    """Names of the formats that this installation can write, of one class or of all."""
    return [name for name, row in _BY_NAME.items() if class_name in (None, row.class_name) and _installed(row)]


def accepted_format_names() -> list[str]:
    """Every name under which a new store's format may be given, also where it needs another package."""
    return [*_BY_NAME, *(alias for alias in _BY_ALIAS if alias not in _BY_NAME)]


def missing_formats() -> list[str]:
    """Names of the formats that need a package that is not installed."""
    return [name for name, row in _BY_NAME.items() if not _installed(row)]


def exportable_formats() -> list[str]:
    """Names of the formats in which frames are exported as images, the usual one first."""
    return sorted((row.name for row in _IMAGES if row.is_exportable), key=lambda name: name != 'png')


def image_extensions() -> tuple[str, ...]:
    """Extensions of the images that OpenCV reads."""
    return tuple(sorted(row.extension for row in _IMAGES if row.signature))


def format_of_file_name(name: str) -> str | None:
    """Name of the format whose files have the extension that a name has; None if there is none."""
    extension = os.path.splitext(name)[1].lower()
    return next((row.name for row in (*_IMAGES, *_VIDEOS) if row.extension == extension and _installed(row)), None)


def _installed(row: Format) -> bool:
    return row.codec != 'bpk' or importlib.util.find_spec('numcodecs') is not None


def resolve_format(name: object, class_name: str | None = None) -> Format:
    """The format of a new store; InvalidArgumentError names those that there are, MissingDependencyError an extra."""
    found = _BY_ALIAS.get(name) if isinstance(name, str) else None
    if found is None or class_name not in (None, found.class_name):
        allowed = ', '.join(format_names(class_name))
        raise InvalidArgumentError(f'format {name!r} is not supported; supported formats: {allowed}', argument='format')
    if not _installed(found):
        raise MissingDependencyError(f'format {found.name} needs numcodecs: pip install "imgstore[bloscpack]"',
                                     name='numcodecs')
    return found


def validate_options(fmt: Format, given: Mapping[str, object]) -> dict[str, int]:
    """What the user says of how images are encoded, None being nothing; InvalidArgumentError tells what is allowed."""
    known = {option.name: option for option in fmt.options}
    said = {name: value for name, value in given.items() if value is not None}
    for name, value in said.items():
        if name not in known:
            allowed = ', '.join(map(str, fmt.options)) or 'no such option'
            raise InvalidArgumentError(f'{name} is {value!r}, and format {fmt.name} has no {name}; it has {allowed}',
                                       argument=name)
    return {name: known[name].checked(value, f'format {fmt.name}') for name, value in said.items()}


def encoded_with(fmt: Format, options: Mapping[str, int]) -> Format:
    """The format as it is with those options: whoever asks for a quality loses some."""
    return replace(fmt, lossless=fmt.lossless and QUALITY.name not in options)


def validate_fps(fmt: Format, given: object) -> float | None:
    """What the user says of the frame rate, None being nothing; InvalidArgumentError for images, which have none."""
    if given is not None and fmt.is_image_folder:
        raise InvalidArgumentError(f'fps is {given!r}, and format {fmt.name} has no fps; videos have one',
                                   argument='fps')
    return checked_rate(given)


def formats_with(option: Option) -> list[str]:
    """Names of the formats that have an option, those that convert left out."""
    return [row.name for row in (*_IMAGES, *_VIDEOS) if option in row.options]


def parse_format(name: str, class_name: str, extension: str, path: str, lossless: bool = True) -> Format:
    """The format of a store that is there, Motif's among them; CorruptFileError names ``path``.

    ``lossless`` is False if the store was written with an option that loses something.
    """
    class_name = VIDEO if class_name == _MOTIF_VIDEO else class_name
    known = _BY_ALIAS.get(name)
    if class_name == DIRECTORY and known and known.is_image_folder:
        return replace(known, lossless=known.lossless and lossless)
    if class_name != VIDEO or (known and known.is_image_folder):
        raise CorruptFileError(f'{path}: this imgstore reads no {name!r} of class {class_name!r}', path=path)
    extension = extension or ('.avi' if name == 'mjpeg' else '.mp4')
    if extension not in VIDEO_EXTENSIONS:
        raise CorruptFileError(f'{path}: extension {extension!r} is none of {", ".join(VIDEO_EXTENSIONS)}', path=path,
                               argument='extension')
    return Format(name, VIDEO, extension, known.codec if known else name, False)


def format_of(metadata: StoreMetadata, basedir: str) -> Format:
    """The format of the store in a folder; CorruptFileError if it is none that can be read."""
    path = os.path.join(basedir, STORE_MD_FILENAME)
    return parse_format(metadata.format, metadata.class_name, metadata.extension, path, metadata.lossless)
