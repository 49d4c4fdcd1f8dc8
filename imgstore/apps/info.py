"""imgstore-info: a summary of a store on one screen."""

from __future__ import annotations

import argparse
import dataclasses
import os
import warnings
from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

import cv2

from .._support.text import count_of, printable
from .._support.yaml import dump_yaml
from ..encoder_options import CODEC_OPTIONS
from ..errors import ImgStoreError, InvalidArgumentError, StoreIOError, StoreNotFoundError
from ..export.atomic_output import new_file
from ..overview.health import Health
from ..overview.interval_plot import draw_intervals
from ..overview.listing import StoreRow, list_stores
from ..overview.recordings import RecordingRow, list_recordings
from ..overview.report import FrameGap, FrameTiming, Overview, overview
from ..stores.factories import new_for_filename
from ..timestamps import GAP_FACTOR, format_time, is_date
from ._cli import EXIT_FAILURE, add_overwrite, code_after, log_error, run
from ._info_table import print_csv, print_json, print_recordings, print_table, told_none
from ._info_text import bytes_text, duration_text, json_line
from ._info_watch import USUAL_SECONDS, lines_with_growth, watch
from ._parser import command_parser
from ._progress import Progress
from ._report import add_json
from ._values import positive

_PROG = 'imgstore-info'
_LINES_OF_METADATA = 12
_TITLE_WIDTH = 14
_USUAL_DROPS = 5
_MOST_DAMAGED = 20
_Row = tuple[str, str]


def parser() -> argparse.ArgumentParser:
    """Make the parser."""
    made = command_parser(
        _PROG,
        'Summarise a store: format, size, frames, frame rate, drops, chunks, metadata, extra data and the '
        'health of its files. No image is read.',
        'imgstore info recording\nimgstore info --plot intervals.png recording\nimgstore info --json recording\n'
        'imgstore info --recursive data',
        f'A long interval is over {GAP_FACTOR} times the median.',
    )
    made.add_argument('paths', metavar='PATH', nargs='+', help='a store; with --recursive, a folder')
    made.add_argument(
        '--recursive',
        action='store_true',
        help='list all stores in the folder and below as a table, without reading frames',
    )
    made.add_argument('--csv', action='store_true', help='print the table of --recursive as csv')
    add_json(made, 'one JSON object per store and line; times in seconds')
    made.add_argument(
        '--watch', action='store_true', help='show the summary of one store again and again, until its recording ends'
    )
    made.add_argument(
        '--every',
        type=positive(float),
        metavar='S',
        help=f'seconds from one summary of --watch to the next (default: {USUAL_SECONDS:g})',
    )
    made.add_argument('--drops', metavar='N', type=_count, help=f'list the N largest drops (default: {_USUAL_DROPS})')
    made.add_argument(
        '--plot',
        metavar='FILE',
        help='draw the intervals between frames and the missing frame numbers '
        'over time, as an image such as intervals.png; for one store',
    )
    add_overwrite(made, 'image of --plot')
    return made


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f'{text} is not a number of drops such as 5')
    return int(text)


def main(argv: Sequence[str] | None = None) -> int:
    """Summarise the stores named on the command line and return the exit code."""
    made = parser()
    args = made.parse_args(argv)
    if args.plot == '':
        made.error("--plot is ''; give the name of an image such as intervals.png")
    if args.plot and len(args.paths) > 1:
        made.error('--plot takes one store, not several')
    if args.recursive and (args.plot or args.drops is not None):
        made.error(f'{"--plot" if args.plot else "--drops"} is for one store, not for --recursive')
    if args.watch and (args.recursive or args.plot or len(args.paths) > 1):
        made.error('--watch is for one store, without --recursive and --plot')
    if args.every is not None and not args.watch:
        made.error('--every needs --watch')
    if args.csv and (args.json or not args.recursive):
        made.error('--csv and --json are two forms; give one of them' if args.json else '--csv needs --recursive')
    show = _watch if args.watch else _list_all if args.recursive else _tell_all
    return run(_PROG, lambda: show(args), args.verbose)


def _watch(args: argparse.Namespace) -> int:
    path = args.paths[0]

    def show(found: Overview, growth: str) -> None:
        print(_as_json(found) if args.json else lines_with_growth(list(_screen(path, found)), growth))

    return code_after(watch(lambda: overview(path, _drops(args)), show, args.every or USUAL_SECONDS))


def _drops(args: argparse.Namespace) -> int:
    return _USUAL_DROPS if args.drops is None else int(args.drops)


def _list_all(args: argparse.Namespace) -> int:
    with Progress(_PROG, unit='stores', quiet=args.quiet) as progress:
        rows = list_stores(*args.paths, progress=progress.step)
        recordings = list_recordings(rows, *args.paths)
    found: list[StoreRow | RecordingRow] = [*rows, *recordings]
    if args.csv:
        print_csv(rows)
    elif args.json:
        print_json(found)
    else:
        if rows:
            print_table(rows)
        print_recordings(recordings)
    if not found:
        raise StoreNotFoundError(told_none(args.paths))
    return EXIT_FAILURE if any(row.state == 'unreadable' for row in found) else 0


def _tell_all(args: argparse.Namespace) -> int:
    code = 0
    for place, path in enumerate(args.paths):
        try:
            found = overview(path, _drops(args))
        except (ImgStoreError, OSError) as error:
            if args.verbose or len(args.paths) == 1:
                raise
            log_error(_PROG, error)
            code = EXIT_FAILURE
            continue
        print(_as_json(found) if args.json else '\n' * bool(place) + '\n'.join(_screen(path, found)))
    if args.plot:
        _plot(args.paths[0], args.plot, args.overwrite, found.pace.median_interval)
    return code


def _as_json(found: Overview) -> str:
    record = dataclasses.asdict(found)
    record['health']['good'] = found.health.good
    return json_line(record)


def _screen(path: str, found: Overview) -> Iterator[str]:
    yield printable(path)
    last = ''
    for title, text in (*_rows_of_store(found), *_rows_of_frames(found), *_rows_of_rest(found)):
        yield f'  {"" if title == last else title:<{_TITLE_WIDTH}}{printable(text)}'.rstrip()
        last = title


def _rows_of_store(found: Overview) -> Iterator[_Row]:
    shape = found.image_shape
    size = f'{shape[1]} x {shape[0]}' if len(shape) > 1 else f'{shape[0]}'
    kind = {1: 'gray', 3: 'color'}.get(1 if len(shape) == 2 else shape[-1], f'of shape {shape}')
    encoding = f', decoded from {found.encoding}' if found.encoding else ''
    yield 'format', f'{found.format}, {size} {kind} {found.dtype}{encoding}'
    if found.sensor_shape and found.roi and found.binning:
        yield 'sensor', _sensor(found.sensor_shape, found.roi, found.binning)
    if options := _options(found):
        yield 'encoder', options
    yield 'created', f'{found.created_utc[:19].replace("T", " ")} UTC, in the time zone {found.timezone}'
    yield 'uuid', found.uuid or 'none'
    if found.files is None or found.bytes_on_disk is None:  # at a URL that cannot be listed
        return
    each = f', {bytes_text(found.bytes_on_disk / found.frames)} a frame' if found.frames else ''
    yield 'on disk', f'{bytes_text(found.bytes_on_disk)} in {count_of(found.files, "file")}{each}'


def _sensor(shape: tuple[int, int], roi: tuple[int, int, int, int], binning: tuple[int, int]) -> str:
    x, y, width, height = roi
    binned = '' if binning == (1, 1) else f', binning {binning[0]} x {binning[1]} (vertical x horizontal)'
    return f'{shape[1]} x {shape[0]}, ROI of {width} x {height} at x {x}, y {y}{binned}'


def _options(found: Overview) -> str:
    """List the options of the encoder, those for FFmpeg by FFmpeg's names."""
    of_ffmpeg = found.encoder.get(CODEC_OPTIONS.name)
    options = {name: value for name, value in found.encoder.items() if name != CODEC_OPTIONS.name}
    options |= of_ffmpeg if isinstance(of_ffmpeg, dict) else {}
    options |= {} if found.fps is None else {'fps': f'{found.fps:.6g}'}
    return ', '.join(f'{name} {value}' for name, value in options.items())


def _rows_of_frames(found: Overview) -> Iterator[_Row]:
    zone = ZoneInfo(found.timezone)
    if found.first_time is None or found.last_time is None:
        yield 'frames', 'none'
        return
    yield 'frames', f'{found.frames}, numbered from {found.first_number} to {found.last_number}'
    yield 'span', f'{duration_text(found.duration)}, from {format_time(zone, found.first_time)}'
    yield 'span', f'{"":{len(duration_text(found.duration))}}  to   {format_time(zone, found.last_time)}'
    if found.frames > 1:
        yield from _rows_of_pace(zone, found.pace, found.first_time)


def _rows_of_pace(zone: ZoneInfo, pace: FrameTiming, first: float) -> Iterator[_Row]:
    yield 'rate', f'{_rate(pace.rate)} by the median interval, {_rate(pace.mean_rate)} over all'
    yield (
        'intervals',
        (f'{_ms(pace.median_interval)} (median), from {_ms(pace.shortest_interval)} to {_ms(pace.longest_interval)}'),
    )
    missing = f'{count_of(pace.missing_numbers, "number")} missing' if pace.missing_numbers else 'no number missing'
    places = f', at {count_of(pace.number_gaps, "place")}' if pace.missing_numbers else ''
    yield 'drops', f'{missing}{places}; {count_of(pace.slow_intervals, "long interval")}'
    for drop in pace.drops:
        yield 'drops', f'  after frame {drop.frame_number}, at {_place(zone, drop, first)}: {_drop(drop)}'
    odd = (
        (pace.backward_times, 'is', 'are', 'not later than the one before'),
        (pace.repeated_numbers, 'repeats', 'repeat', 'the number of the one before'),
        (pace.backward_numbers, 'has', 'have', 'a smaller number than the one before'),
    )
    for count, one, many, what in odd:
        if count:
            yield 'odd', f'{count_of(count, "frame")} {one if count == 1 else many} {what}'


def _place(zone: ZoneInfo, drop: FrameGap, first: float) -> str:
    """Format the time of a drop: seconds as for --from-seconds, and a known date."""
    since = f'{drop.frame_time - first:.3f} s'
    return f'{since} ({format_time(zone, drop.frame_time)})' if is_date(drop.frame_time) else since


def _drop(drop: FrameGap) -> str:
    missing = f'{drop.missing_numbers} missing, ' if drop.missing_numbers else ''
    return f'{missing}{_ms(drop.interval)} to the next'


def _rows_of_rest(found: Overview) -> Iterator[_Row]:
    few, many = found.chunk_frames
    frames = count_of(few, 'frame') if few == many else f'{few} to {many} frames'
    yield 'chunks', f'{found.chunks} of {frames} (chunksize {found.chunksize})'
    columns = ', '.join(found.extra_data_columns)
    files = count_of(found.extra_data_files, 'file')
    yield 'extra data', f'{columns} (in {files})' if found.extra_data_files else 'none'
    lines = dump_yaml(found.metadata).decode().splitlines() if found.metadata else ['none']
    for line in lines[:_LINES_OF_METADATA]:
        yield 'metadata', line
    if len(lines) > _LINES_OF_METADATA:
        yield 'metadata', f'… and {len(lines) - _LINES_OF_METADATA} more lines, see metadata.yaml'
    for line in _health(found):
        yield 'health', line


def _health(found: Overview) -> Iterator[str]:
    health = found.health
    yield 'good' if health.good else 'NOT GOOD'
    if health.lock != 'none':
        yield {'held': 'a writer has the store open', 'left': 'a dead writer left its lock'}[health.lock]
    if found.failure:
        yield f'its camera ended early: {found.failure}'
    if health.unclosed:
        yield f'incomplete: {", ".join(health.unclosed)}'
    yield from health.skipped_chunks
    if health.missing_chunks:
        yield f'missing chunks: {", ".join(map(str, health.missing_chunks[:20]))}'
    yield from health.damaged_files[:_MOST_DAMAGED]
    if (more := len(health.damaged_files) - _MOST_DAMAGED) > 0:
        yield f'and {more} more damaged files or folders'
    if health.saved_index == 'outdated':
        yield 'the index cache is stale: update it with imgstore index'
    yield from map(str, found.repairs)
    yield _checked(health)


def _checked(health: Health) -> str:
    """Return what was checked, and the next step."""
    if not health.checked_chunks:
        return 'checked: indexes'
    return 'checked: indexes, and names, sizes and structure of the files; imgstore verify compares every frame'


def _rate(rate: float | None) -> str:
    return 'no rate' if rate is None else f'{rate:.4g} a second'


def _ms(seconds: float | None) -> str:
    return 'none' if seconds is None else f'{seconds:.4g} s' if abs(seconds) >= 10 else f'{seconds * 1000:.4g} ms'


def _plot(path: str, target: str, overwrite: bool, median: float | None) -> None:
    warnings.simplefilter('ignore')  # the problems of the store are reported already
    with new_for_filename(path, cache_bytes=0) as store:
        numbers, times = store.frame_numbers, store.frame_times
        starts = [own.start for _, _, own in store.index.chunk_ranges()]
        first = format_time(store.created[1], float(times[0])) if len(times) else 'no frames'
        title = f'{os.path.basename(store.filename)}, from {first}'
        image = draw_intervals(numbers, times, title, starts, median)
    with new_file(target, overwrite) as place:
        try:
            written = cv2.imwrite(place, image)
        except cv2.error as error:
            raise InvalidArgumentError(f'{target!r} is not an image file such as intervals.png', path=target) from error
        if not written:
            raise StoreIOError(f'{target!r} cannot be written', path=target)
