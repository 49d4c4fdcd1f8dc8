"""The formats of a store, one row each.

Their codecs are classes in `imgstore.chunks`. `imgstore.format_facts` says which programs open their files.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import cv2

from ._support.similar_names import unknown_format
from .constants import STORE_MD_FILENAME
from .encoder_options import (
    BITS,
    COMPRESSION,
    OF_LOSSLESS_X264,
    OF_X264,
    OF_X265,
    QUALITY,
    TIFF_COMPRESSION,
    Option,
    Options,
    check_together,
    instead_of,
)
from .errors import CorruptFileError, InvalidArgumentError, MissingDependencyError
from .frame_rate import checked_rate
from .ondisk.files import join
from .ondisk.layout import VIDEO_EXTENSIONS
from .ondisk.metadata import StoreMetadata

DIRECTORY = 'DirectoryImgStore'
VIDEO = 'VideoImgStore'
_MOTIF_VIDEO = 'VideoImgStoreFFMPEG'

VIDEO_FRAMES_PER_SECOND = 25


@dataclass(frozen=True)
class Format:
    """A format, and the images it can hold.

    Attributes
    ----------
    name : str
        Name in `metadata.yaml`.
    class_name : str
        `DIRECTORY` or `VIDEO`.
    extension : str
        Extension of an image, or of a chunk's video.
    codec : str
        Name of the codec in `imgstore.chunks`.
    lossless : bool
        Whether reading returns the images bit for bit, if the user passes no ``quality``.
    dtypes : tuple of str, or None
        numpy names of the supported dtypes, or None for any.
    color_model : str
        'any': any shape. 'image': (h, w) or (h, w, 3). 'gray' and 'color': the same shapes, but only gray or only
        colour on disk.
    min_side : int
        Minimum height and width in pixels on disk.
    max_side : int
        Maximum height and width in pixels, unless any shape is allowed.
    crops_odd_sides : bool
        Whether an odd height or width loses its last row or column.
    color_dtypes : tuple of str, or None
        Those of images of shape (h, w, 3), or None for the same. () is for gray only.
    aliases : tuple of str
        Other accepted names.
    converts_to_bgr : bool
        Whether writing converts an `encoding` to BGR.
    options : tuple of Option
        Options of the encoder.
    encoder : str
        FFmpeg's encoder without which it cannot be written; '' if there are others.
    signature : bytes
        Regular expression for the first bytes of an image, for formats read by OpenCV.
    imwrite_flag : int, optional
        OpenCV's flag for the one option of the format.
    imwrite_default : int, optional
        Default value of ``imwrite_flag``, or None for OpenCV's own.
    """

    name: str
    class_name: str
    extension: str
    codec: str
    lossless: bool
    dtypes: tuple[str, ...] | None = ('uint8',)
    color_model: Literal['any', 'image', 'gray', 'color'] = 'image'
    min_side: int = 1
    max_side: int = 2**20
    crops_odd_sides: bool = False
    color_dtypes: tuple[str, ...] | None = None
    aliases: tuple[str, ...] = ()
    converts_to_bgr: bool = False
    options: tuple[Option, ...] = ()
    encoder: str = ''
    signature: bytes = b''
    imwrite_flag: int | None = None
    imwrite_default: int | None = None

    @property
    def is_image_folder(self) -> bool:
        """Whether a chunk is a folder of images."""
        return self.class_name == DIRECTORY

    def holds(self, dtype: str, is_color: bool) -> bool:
        """Return whether it can hold images of a dtype, in gray or in colour."""
        dtypes = self.dtypes if not is_color or self.color_dtypes is None else self.color_dtypes
        return dtypes is None or dtype in dtypes

    @property
    def is_gray(self) -> bool:
        """Whether all images on disk are gray."""
        return self.color_model == 'gray' or self.color_dtypes == ()

    @property
    def is_exportable(self) -> bool:
        """Whether frames can be exported as such images.

        Other programs must open them, in gray and in colour.
        """
        return self.is_image_folder and self.color_model == 'image'

    @property
    def chunksize(self) -> int:
        """Default number of frames per chunk."""
        return 200 if self.is_image_folder else 10000


_8_AND_16_BIT = ('uint8', 'uint16')
_PNM = rb'P[1-6]'
_IMAGES = (
    Format(
        'tif',
        DIRECTORY,
        '.tif',
        'cv2',
        True,
        (*_8_AND_16_BIT, 'float32'),
        options=(TIFF_COMPRESSION,),
        signature=rb'II[*+]\0|MM\0[*+]',
        imwrite_flag=cv2.IMWRITE_TIFF_COMPRESSION,
    ),
    Format(
        'png',
        DIRECTORY,
        '.png',
        'cv2',
        True,
        _8_AND_16_BIT,
        max_side=1_000_000,
        options=(COMPRESSION,),
        signature=rb'\x89PNG\r\n\x1a\n',
        imwrite_flag=cv2.IMWRITE_PNG_COMPRESSION,
    ),
    Format(
        'jpg',
        DIRECTORY,
        '.jpg',
        'cv2',
        False,
        max_side=65500,
        options=(QUALITY,),
        signature=rb'\xff\xd8',
        imwrite_flag=cv2.IMWRITE_JPEG_QUALITY,
    ),
    Format(
        'webp',
        DIRECTORY,
        '.webp',
        'cv2',
        True,
        max_side=16383,
        options=(QUALITY,),
        signature=rb'RIFF.{4}WEBP',
        imwrite_flag=cv2.IMWRITE_WEBP_QUALITY,
        imwrite_default=101,
    ),  # lossless
    Format('ppm', DIRECTORY, '.ppm', 'pnm', True, _8_AND_16_BIT, 'color', signature=_PNM),
    Format('pgm', DIRECTORY, '.pgm', 'pnm', True, _8_AND_16_BIT, 'gray', signature=_PNM),
    Format('bmp', DIRECTORY, '.bmp', 'bmp', True, signature=rb'BM'),
    Format('npy', DIRECTORY, '.npy', 'npy', True, None, 'any'),
    Format('bpk', DIRECTORY, '.bpk', 'bpk', True, None, 'any', options=(COMPRESSION,)),
)
_H264 = Format('', VIDEO, '', 'h264', False, max_side=16384, crops_odd_sides=True, options=OF_X264)
_VIDEOS = (
    Format(
        'mjpeg/avi',
        VIDEO,
        '.avi',
        'mjpeg',
        False,
        max_side=65500,
        crops_odd_sides=True,
        aliases=('mjpeg',),
        options=(QUALITY,),
    ),
    replace(_H264, name='h264/mkv', extension='.mkv'),
    replace(_H264, name='avc1/mp4', extension='.mp4', aliases=('avc1',)),
    Format(
        'ffv1/mkv',
        VIDEO,
        '.mkv',
        'ffv1',
        True,
        _8_AND_16_BIT,
        max_side=16384,
        color_dtypes=('uint8',),
        options=(BITS,),
        encoder='ffv1',
    ),
    replace(
        replace(_H264, name='h264-lossless/mp4', extension='.mp4', codec='h264-lossless', encoder='libx264'),
        lossless=True,
        crops_odd_sides=False,
        color_dtypes=(),
        options=OF_LOSSLESS_X264,
    ),
    replace(_H264, name='hevc/mp4', extension='.mp4', codec='hevc', min_side=16, options=OF_X265, encoder='libx265'),
)
_CONVERTING = {
    f'{row.name}+color': replace(row, converts_to_bgr=True)
    for row in _IMAGES
    if row.name in ('tif', 'png', 'jpg', 'bmp')
}
_BY_NAME = {row.name: row for row in (*_IMAGES, *_VIDEOS)} | _CONVERTING
_BY_ALIAS = {alias: row for row in _VIDEOS for alias in row.aliases} | _BY_NAME


def format_names(class_name: str | None = None) -> list[str]:
    """Return the formats this installation can write, of one class or of all."""
    return [name for name, row in _BY_NAME.items() if class_name in (None, row.class_name) and _installed(row)]


def accepted_format_names() -> list[str]:
    """Return all names for a new store, even those lacking a package."""
    return [*_BY_NAME, *(alias for alias in _BY_ALIAS if alias not in _BY_NAME)]


def missing_formats() -> list[str]:
    """List what each format needs that cannot be written here."""
    return [str(lack) for row in _BY_NAME.values() if (lack := _lack(row))]


def exportable_formats() -> list[str]:
    """Return the names of the formats for exported images, the default first."""
    return sorted((row.name for row in _IMAGES if row.is_exportable), key=lambda name: name != 'png')


def image_extensions() -> tuple[str, ...]:
    """Return the extensions of the images read by OpenCV."""
    return tuple(sorted(row.extension for row in _IMAGES if row.signature))


def format_of_file_name(name: str) -> str | None:
    """Return the name of the format with a file's extension.

    None if there is none.
    """
    extension = os.path.splitext(name)[1].lower()
    return next((row.name for row in (*_IMAGES, *_VIDEOS) if row.extension == extension and _installed(row)), None)


def _installed(row: Format) -> bool:
    return _lack(row) is None


def _lack(row: Format) -> MissingDependencyError | None:
    """Return the error for a format that cannot be written here."""
    if row.codec == 'bpk' and importlib.util.find_spec('numcodecs') is None:
        return MissingDependencyError.for_extra(f'format {row.name} needs numcodecs', 'numcodecs', 'bloscpack')
    if row.encoder and not _has_encoder(row.encoder):
        return MissingDependencyError(
            f"format {row.name} needs FFmpeg's encoder {row.encoder}, which PyAV from PyPI has: "
            'pip install --force-reinstall av',
            name='av',
        )
    return None


def _has_encoder(name: str) -> bool:
    try:
        from av import Codec

        return bool(Codec(name, 'w'))
    except (ImportError, ValueError):  # the latter for an unknown one
        return False


def resolve_format(name: object, class_name: str | None = None) -> Format:
    """Return the format of a new store.

    Raises
    ------
    InvalidArgumentError
        There is no such format. The message lists the supported ones.
    MissingDependencyError
        A package is missing. The message says what to install.
    """
    found = _BY_ALIAS.get(name) if isinstance(name, str) else None
    if found is None or class_name not in (None, found.class_name):
        raise InvalidArgumentError(unknown_format(name, format_names(class_name)), argument='format')
    if (lack := _lack(found)) is not None:
        raise lack
    return found


def validate_options(fmt: Format, given: Mapping[str, object]) -> dict[str, Any]:
    """Return the encoder options passed by the user, without None.

    InvalidArgumentError says what is allowed.
    """
    known = {option.name: option for option in fmt.options}
    said = {name: value for name, value in given.items() if value is not None}
    for name, value in said.items():
        if name not in known:
            rule = instead_of(name, fmt.codec, fmt.options)
            raise InvalidArgumentError(
                f'{name} is {value!r}, but format {fmt.name} has no {name}; {rule}', argument=name
            )
    checked = {name: known[name].checked(value, f'format {fmt.name}') for name, value in said.items()}
    check_together(checked)
    return checked


def encoded_with(fmt: Format, options: Options) -> Format:
    """Return the format with some options: with a quality it is not lossless."""
    return replace(fmt, lossless=fmt.lossless and QUALITY.name not in options)


def validate_fps(fmt: Format, given: object) -> float | None:
    """Return the frame rate passed by the user, or None.

    Raises InvalidArgumentError for image formats.
    """
    if given is not None and fmt.is_image_folder:
        raise InvalidArgumentError(
            f'fps is {given!r}, but format {fmt.name} has no fps; only video formats have one', argument='fps'
        )
    return checked_rate(given)


def formats_with(option: Option) -> list[str]:
    """Return the formats with an option, without those converting to BGR."""
    return [row.name for row in (*_IMAGES, *_VIDEOS) if option in row.options]


def formats_holding(dtype: str, is_color: bool) -> list[str]:
    """Return the names of the installed formats for images of a dtype."""
    return [row.name for row in (*_IMAGES, *_VIDEOS) if row.holds(dtype, is_color) and _installed(row)]


def parse_format(name: str, class_name: str, extension: str, path: str, lossless: bool = True) -> Format:
    """Return the format of an existing store, also of Motif's.

    CorruptFileError names ``path``.

    ``lossless`` is False if the store was written with a lossy option.
    """
    class_name = VIDEO if class_name == _MOTIF_VIDEO else class_name
    known = _BY_ALIAS.get(name)
    if class_name == DIRECTORY and known and known.is_image_folder:
        return replace(known, lossless=known.lossless and lossless)
    if class_name != VIDEO or (known and known.is_image_folder):
        raise CorruptFileError(
            f'{path}: format {name!r} of class {class_name!r} is not supported by this version', path=path
        )
    extension = extension or ('.avi' if name == 'mjpeg' else '.mp4')
    if extension not in VIDEO_EXTENSIONS:
        raise CorruptFileError(
            f'{path}: extension is {extension!r}; it must be one of {", ".join(VIDEO_EXTENSIONS)}',
            path=path,
            argument='extension',
        )
    if known and known.extension == extension:
        return known
    return Format(name, VIDEO, extension, known.codec if known else name, False)


def is_known(name: str) -> bool:
    """Return whether this version has a format of this name."""
    return name in _BY_ALIAS


def format_of(metadata: StoreMetadata, basedir: str) -> Format:
    """Return the format of the store in a folder.

    Raises CorruptFileError if it is not supported.
    """
    path = join(basedir, STORE_MD_FILENAME)
    return parse_format(metadata.format, metadata.class_name, metadata.extension, path, metadata.lossless)
