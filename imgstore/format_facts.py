"""What the files of each format are, and which other programs open them."""

from __future__ import annotations

from typing import NamedTuple

_VIDEO_READERS = 'OpenCV, FFmpeg, decord, PIMS'
_VIEWERS = 'OpenCV, FFmpeg, image viewers'


class FormatFacts(NamedTuple):
    """Facts about a format for people who choose one.

    Attributes
    ----------
    files : str
        Kind of the files on disk.
    opened_by : str
        Other programs that open them.
    """

    files: str
    opened_by: str


_FACTS = {
    'tif': FormatFacts('TIFF images', 'OpenCV, tifffile, image viewers'),
    'png': FormatFacts('PNG images', f'{_VIEWERS}, browsers'),
    'jpg': FormatFacts('JPEG images', f'{_VIEWERS}, browsers'),
    'webp': FormatFacts('WebP images', f'{_VIEWERS}, browsers'),
    'ppm': FormatFacts('Netpbm images', _VIEWERS),
    'pgm': FormatFacts('Netpbm images', _VIEWERS),
    'bmp': FormatFacts('BMP images', f'{_VIEWERS}, browsers'),
    'npy': FormatFacts('numpy arrays', 'numpy'),
    'bpk': FormatFacts('Blosc-compressed arrays', 'bloscpack'),
    'mjpeg/avi': FormatFacts('Motion JPEG in AVI', _VIDEO_READERS),
    'h264/mkv': FormatFacts('H.264 in Matroska', f'{_VIDEO_READERS}, Chromium'),
    'avc1/mp4': FormatFacts('H.264 in MP4', f'{_VIDEO_READERS}, browsers'),
    'ffv1/mkv': FormatFacts('FFV1 in Matroska', _VIDEO_READERS),
    'hevc/mp4': FormatFacts('HEVC in MP4', 'OpenCV, FFmpeg'),
    'h264-lossless/mp4': FormatFacts('H.264 in MP4', f'{_VIDEO_READERS}, Chromium'),
}


def facts_of(name: str) -> FormatFacts:
    """Return the facts about a format, '-' for those that are not known."""
    return _FACTS.get(name, FormatFacts('-', '-'))
