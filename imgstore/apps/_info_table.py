"""Tables of many stores for imgstore-info --recursive."""

from __future__ import annotations

import csv
import dataclasses
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from zoneinfo import ZoneInfo

from .._support.text import count_of, printable
from ..overview.listing import StoreRow
from ..overview.recordings import CameraRow, RecordingRow
from ..timestamps import format_time, is_date
from ._columns import SPACE, in_columns, text_width, with_heading
from ._info_text import bytes_text, duration_text, json_line
from ._terminal import unfiltered

_TITLES = ('store', 'format', 'image', 'frames', 'missing', 'duration', 'begins', 'size', 'state')
_TO_THE_RIGHT = {'frames', 'missing', 'duration', 'size'}
_LEFT_OUT = ('image', 'begins', 'format', 'duration', 'size', 'missing')
"""Columns that a narrow terminal lacks, the first one first."""

_BAD_STATES = ('live', 'not closed', 'damaged', 'unreadable')
_FEWEST = len(_TITLES) - len(_LEFT_OUT)
_LEAST_PATH = 24


def print_csv(rows: list[StoreRow]) -> None:
    """Print a header and a line per store."""
    names = [field.name for field in dataclasses.fields(StoreRow)]
    writer = csv.writer(sys.stdout, lineterminator='\n')
    writer.writerow(names)
    for row in rows:
        values = dataclasses.asdict(row)
        if row.image_shape is not None:
            values['image_shape'] = 'x'.join(map(str, row.image_shape))
        writer.writerow([values[name] for name in names])


def print_json(rows: Sequence[StoreRow | RecordingRow]) -> None:
    """Print a JSON object per store or recording and line."""
    for row in rows:
        print(json_line(dataclasses.asdict(row)))


def print_table(rows: list[StoreRow]) -> None:
    """Print a table that fits the terminal, sums, and a line per problem."""
    cells = [dict(zip(_TITLES, _cells(row), strict=True)) for row in rows]
    width = shutil.get_terminal_size().columns if _is_terminal() else None
    for line in _fitted(with_heading(_TITLES, cells), width):
        print(line)
    print(_sums(rows))
    for row in rows:
        if row.problem:
            print(f'{printable(row.path)}: {printable(row.problem)}')


def print_recordings(recordings: list[RecordingRow]) -> None:
    """Print what the table of stores lacks: sums over segments, and reasons."""
    for recording in recordings:
        path = printable(recording.path)
        if recording.problem:
            print(f'{path}: {printable(recording.problem)}')
        for camera in recording.cameras:
            if recording.segments is not None:
                print(f'{path}: camera {printable(camera.name)}: {_sums_of(camera, recording.segments)}')
            if camera.failure:
                print(f'{path}: camera {printable(camera.name)} ended early: {printable(camera.failure)}')


def _sums_of(camera: CameraRow, segments: int) -> str:
    missing = 'an unknown number' if camera.missing_numbers is None else camera.missing_numbers
    where = f'in {camera.stores} of {count_of(segments, "segment")}'
    return f'{count_of(camera.frames, "frame")} {where}, {missing} missing'


def _is_terminal() -> bool:
    return bool(unfiltered(sys.stdout).isatty())


def _cells(row: StoreRow) -> tuple[str, ...]:
    if row.frames is None or row.image_shape is None or row.duration is None:
        return (printable(row.path), '', '', '', '', '', '', bytes_text(row.bytes_on_disk), row.state)
    shape = row.image_shape
    image = f'{shape[1]} x {shape[0]}' if len(shape) > 1 else str(shape[0])
    return (
        printable(row.path),
        row.format or '',
        image + {(3,): ' color', (): ''}.get(shape[2:], f' x {shape[-1]}') + (f' {row.dtype}' * (row.dtype != 'uint8')),
        str(row.frames),
        str(row.missing_numbers or '-'),
        duration_text(row.duration).partition('.')[0] if row.duration >= 1 else f'{row.duration:.3g} s',
        _begins(row),
        bytes_text(row.bytes_on_disk),
        row.state,
    )


def _begins(row: StoreRow) -> str:
    """Return the local date of the first frame, or of the creation in UTC."""
    if row.first_time is not None and is_date(row.first_time):
        return format_time(ZoneInfo(row.timezone or 'UTC'), row.first_time)[:16]
    return (row.created_utc or '')[:16].replace('T', ' ') + 'Z'


def _fitted(cells: Sequence[Mapping[str, str]], width: int | None) -> Iterator[str]:
    """Yield the lines. Columns are left out, and paths are cut, to fit."""
    titles, room = list(_TITLES), None
    if width is not None:
        left_out = iter(_LEFT_OUT)
        while (room := width - _width_of(cells, titles[1:])) < _LEAST_PATH and len(titles) > _FEWEST:
            titles.remove(next(left_out))
    cells = [{**each, 'store': _cut_start(each['store'], room)} for each in cells]
    yield from in_columns(titles, cells, _TO_THE_RIGHT)


def _width_of(cells: Sequence[Mapping[str, str]], titles: list[str]) -> int:
    return sum(max(text_width(each[title]) for each in cells) + len(SPACE) for title in titles)


def _cut_start(path: str, width: int | None) -> str:
    """Keep the end of a path, where stores differ."""
    if width is None or text_width(path) <= width:
        return path
    while path and text_width(path) > width - 1:
        path = path[1:]
    return '…' + path


def _sums(rows: list[StoreRow]) -> str:
    frames = sum(row.frames or 0 for row in rows)
    size = bytes_text(sum(row.bytes_on_disk for row in rows))
    states = [
        (state, sum(row.state == state for row in rows)) for state in ('live', 'not closed', 'damaged', 'unreadable')
    ]
    others = ''.join(f', {count} {state}' for state, count in states if count)
    return f'{count_of(len(rows), "store")}, {count_of(frames, "frame")}, {size}{others}'


def told_none(folders: list[str]) -> str:
    """Return the error for folders without stores."""
    where = ', '.join(repr(os.path.normpath(folder)) for folder in folders)
    return f'no store in {where} or below; give a folder with recordings'
