"""Change of the frame rate of a finished MP4 or AVI, in its header.

Numbers are overwritten in place by ones of the same size. With any mixture of old and new bytes, no interval is zero.
So all frames can be found even if the process is killed during the change.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from fractions import Fraction
from itertools import takewhile
from typing import IO

from ..._support.regular_files import open_regular
from ...formats import VIDEO_FRAMES_PER_SECOND
from ...remote.urls import is_url
from .h264 import record_with_rate
from .mp4_boxes import boxes_in, read_exactly

_MP4_OPEN_TIMESCALE = 12_800
"""FFmpeg's time scale for 25 frames per second; our MP4 files with another one are finished."""

_LEAST_INTERVAL, _LEAST_TIMESCALE = 256, 1000
"""Minimum, so that no mixture of its bytes with those of the old number is zero, and no track is longer than its
edit."""

_HEAD = 512  # bytes: those of an AVI or MKV that `set_rate` or its writer change with the rate, and few more
_TIMED_BOXES = (b'mvhd', b'mdhd', b'stts', b'elst')

_MOST = 2**32 - 1
_MICROSECONDS = 10**6
_SAMPLE_ENTRY = 8 + 8 + 78  # bytes before the boxes of the first entry: count, head, fixed fields

Change = tuple[int, bytes]
"""Position in a file, and the new bytes."""


def set_rate(path: str, rate: Fraction) -> None:
    """Set the rate of a finished .mp4 or .avi with one video stream.

    Parameters
    ----------
    path : str
        Path of the video.
    rate : Fraction
        Frames per second.

    Raises
    ------
    OSError
        The file cannot be changed.
    ValueError
        The file is not as written by FFmpeg. Nothing was changed.
    """
    if rate == VIDEO_FRAMES_PER_SECOND:
        return
    changes_of = _changes_of_mp4 if path.endswith('.mp4') else _changes_of_avi
    with open(path, 'r+b', buffering=0) as file:
        for place, data in changes_of(file, rate):
            file.seek(place)
            file.write(data)


def timing_bytes(path: str) -> bytes:
    """Return bytes of a video's header that change before its frames' times do.

    They change at least once before any frame gets another time. They are empty if there is no video yet, for
    anything but a regular file, and at a URL.
    """
    if is_url(path):
        return b''
    try:
        with open_regular(path, buffering=0) as file:
            if not path.endswith('.mp4'):
                return file.read(_HEAD)
            all_boxes = boxes_in(file, 0, os.fstat(file.fileno()).st_size)
            boxes = dict(takewhile(lambda box: box[0] != b'moof', all_boxes))
            return b''.join(read_exactly(file, boxes[name], 24) for name in _TIMED_BOXES if name in boxes)
    except (OSError, ValueError):
        return b''


# --- MP4: ISO/IEC 14496-12


def is_open_mp4(time_base: Fraction) -> bool:
    """Return whether our MP4 with a time base may still be open for writing."""
    return time_base == Fraction(1, _MP4_OPEN_TIMESCALE)


def _changes_of_mp4(file: IO[bytes], rate: Fraction) -> list[Change]:
    boxes = dict(boxes_in(file, 0, os.fstat(file.fileno()).st_size))
    if not {b'mvhd', b'tkhd', b'mdhd', b'stts'} <= boxes.keys():
        raise ValueError('it has no header of a finished track')
    entries_at = boxes[b'stts'] + 8
    count = int.from_bytes(read_exactly(file, entries_at - 4, 4), 'big')
    runs = [struct.unpack('>II', read_exactly(file, entries_at + 8 * run, 8)) for run in range(count)]
    frames = sum(length for length, _ in runs)
    timescale, interval = _mp4_numbers(rate)
    if any(delta != runs[0][1] for _, delta in runs[:-1]) or frames * interval > _MOST:
        raise ValueError('its frames do not come at an even pace, or are too many')
    duration = frames * interval
    changes = _change_of_edit(file, boxes.get(b'elst'), duration)
    changes += [(entries_at + 8 * run + 4, interval.to_bytes(4, 'big')) for run in range(count)]
    place, wide = _times_at(file, boxes[b'tkhd'])
    changes.append(_duration(place + 8, wide, duration))
    for name in (b'mdhd', b'mvhd'):
        place, wide = _times_at(file, boxes[name])
        changes += [_duration(place + 4, wide, duration), (place, timescale.to_bytes(4, 'big'))]
    return [*_changes_of_h264(file, boxes.get(b'stsd'), rate), *changes]


def _changes_of_h264(file: IO[bytes], box: int | None, rate: Fraction) -> list[Change]:
    """Return changes of parameter sets made by `with_changeable_rates`."""
    if box is None or read_exactly(file, box + 12, 4) != b'avc1':
        return []
    end = box + 8 + int.from_bytes(read_exactly(file, box + 8, 4), 'big')
    place = dict(boxes_in(file, box + _SAMPLE_ENTRY, end)).get(b'avcC')
    if place is None:
        return []
    old = read_exactly(file, place, int.from_bytes(read_exactly(file, place - 8, 4), 'big') - 8)
    new = record_with_rate(old, rate, in_place=True)
    return [] if new is None else [(place, new)]


def _mp4_numbers(rate: Fraction) -> tuple[int, int]:
    """Return time scale, and interval in its units."""
    factor = max(-(-_LEAST_INTERVAL // rate.denominator), -(-_LEAST_TIMESCALE // rate.numerator))
    if rate.numerator * factor == _MP4_OPEN_TIMESCALE:
        factor *= 2
    return rate.numerator * factor, rate.denominator * factor


def _times_at(file: IO[bytes], box: int) -> tuple[int, bool]:
    """Return where a box's creation times end, and whether they have 64 bits."""
    wide = read_exactly(file, box, 1) == b'\1'
    return box + (20 if wide else 12), wide


def _duration(place: int, wide: bool, value: int) -> Change:
    return place, value.to_bytes(8 if wide else 4, 'big')


def _change_of_edit(file: IO[bytes], box: int | None, duration: int) -> list[Change]:
    """Return the change of the only edit, as long as the track, in OpenCV's MP4."""
    if box is None:
        return []
    if read_exactly(file, box + 4, 4) != b'\0\0\0\1':
        raise ValueError('it has several edits')
    return [_duration(box + 8, read_exactly(file, box, 1) == b'\1', duration)]


# --- AVI: Microsoft's "AVI RIFF File Reference"


def _changes_of_avi(file: IO[bytes], rate: Fraction) -> list[Change]:
    begin = read_exactly(file, 0, 12)
    chunks = dict(_avi_chunks(file)) if begin[:4] == b'RIFF' and begin[8:] == b'AVI ' else {}
    if not {b'avih', b'strh'} <= chunks.keys() or read_exactly(file, chunks[b'strh'], 4) != b'vids':
        raise ValueError('it has no header of a video')
    numbers = {
        chunks[b'strh'] + 20: rate.denominator,
        chunks[b'strh'] + 24: rate.numerator,
        chunks[b'avih']: min(_MOST, max(1, round(_MICROSECONDS / rate))),
    }
    changes = []
    for place, number in numbers.items():
        data = number.to_bytes(4, 'little')
        changes += [(place + 1, data[1:]), (place, data[:1])]  # in this order it is never zero
    return changes


def _avi_chunks(file: IO[bytes]) -> Iterator[tuple[bytes, int]]:
    """Yield names of the header's chunks, and positions of their contents."""
    place = 12
    while True:
        name, size = struct.unpack('<4sI', read_exactly(file, place, 8))
        if name == b'LIST':
            if read_exactly(file, place + 8, 4) == b'movi':
                return
            place += 12
            continue
        yield name, place + 8
        place += 8 + size + size % 2
