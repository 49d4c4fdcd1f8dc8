"""What is measured: all the cases. A new one is a few lines here, and a task where none does its work yet."""

from __future__ import annotations

from collections.abc import Iterator

from cases_arrays import arrays
from cases_beside import beside, loading
from cases_cameras import cameras
from cases_lossless import lossless
from model import ORIGINAL, ORIGINAL_BPK, ORIGINAL_H264, OURS, Case, Limit, Metric, Recording, Sizes

COLORS = ('gray', 'color')
H264 = ('avc1/mp4', 'h264/mkv')
VIDEOS = {'mjpeg/avi': 'mjpeg', 'avc1/mp4': 'h264', 'h264/mkv': 'h264'}
RAW = ('npy', 'bmp', 'ppm', 'pgm')
IMAGES = ('png', 'jpg', 'tif', 'bpk', *RAW)
LOSSLESS = ('png', 'tif', 'bpk', *RAW, 'ffv1/mkv', 'h264-lossless/mp4')
ONE_COLOR = {'ppm': 'color', 'pgm': 'gray'}


def cases(sizes: Sizes) -> list[Case]:
    """All of them."""
    groups = (
        _finding,
        _writing,
        _waiting,
        cameras,
        _reading,
        _jumping,
        _own_files,
        lossless,
        arrays,
        _remembering,
        beside,
        loading,
    )
    return [case for group in groups for case in group(sizes)]


def _original_for(fmt: str) -> str:
    return ORIGINAL_H264 if fmt in H264 else ORIGINAL_BPK if fmt == 'bpk' else ORIGINAL


def _fps(ratio: float | None = None, of_limit: float | None = None) -> Metric:
    return Metric('fps', 'frames/s', more_is_better=True, ratio=ratio, of_limit=of_limit)


def _ms(ratio: float | None = None, at_most: float | None = None) -> Metric:
    return Metric('ms', 'ms', ratio=ratio, at_most=at_most)


# --- opening and looking up


def _finding(sizes: Sizes) -> Iterator[Case]:
    few, many, each = sizes.chunks, sizes.many_chunks, sizes.chunk_frames
    plain = Recording('numbers', 'record_numbers', {'chunks': few, 'count': each}, by=ORIGINAL)
    yield Case(
        'import',
        'nothing',
        (Metric('import', 'ms', at_most=80),),
        limit=Limit('import numpy, cv2', 'import', 'nothing', imports='cv2'),
    )
    yield Case(
        f'open {few:,} chunks of {each:,}',
        'open_store',
        (_ms(ratio=40), Metric('memory', 'MB', 'memory above the import', at_most=40)),
        {'total': few * each},
        recording=plain,
    )
    for label, task, chunks, goal in (
        ('its saved index', 'record_saved_index', few, 20),
        ('no saved index', 'record_numbers', many, 400),
        ('its saved index', 'record_saved_index', many, 25),
    ):
        recording = Recording(f'{label} {chunks}', task, {'chunks': chunks, 'count': each}, by=OURS)
        yield Case(
            f'open {chunks:,} chunks of {each:,}, {label}',
            'open_store',
            (_ms(at_most=goal), Metric('memory', 'MB', 'memory above the import')),
            {'total': chunks * each},
            reference=None,
            recording=recording,
            limit=Limit('list the folder, stat each index', 'ms', 'look_at_files'),
        )
    yield Case(
        f'refresh {many:,} chunks and a growing one',
        'refresh',
        (_ms(at_most=2), Metric('slowest', 'ms', 'the slowest 1 %')),
        {'count': sizes.frames(1000)},
        reference=None,
        recording=Recording('folders', 'record_folders', {'chunks': many, 'count': each}, by=OURS),
    )
    frames = f'{few * each:,} frames'
    yield Case(
        f'find in {frames}',
        'find',
        (
            Metric('number', 'ms', 'by number', ratio=2000),
            Metric('index', 'ms', 'by index', ratio=500),
            Metric('time', 'ms', 'nearest time', ratio=5000),
            Metric('first', 'ms', 'opening and the first by number'),
        ),
        recording=plain,
    )
    yield Case(
        f'get_frame_metadata of {frames}',
        'get_frame_metadata',
        (_ms(ratio=4),),
        {'total': few * each},
        recording=plain,
        limit=Limit('arrays to lists', 'ms', 'make_lists', {'total': few * each}),
    )
    half = few * each // 2
    yield Case(
        f'align two recordings of {half:,} frames',
        'align_two',
        (
            Metric('number', 'ms', 'by number', at_most=500),
            Metric('time', 'ms', 'by time', at_most=500),
            Metric('number_clocks', 'ms', 'by number, clocks fitted', at_most=500),
            Metric('time_clocks', 'ms', 'by time, clocks fitted', at_most=500),
        ),
        {'total': half},
        reference=None,
        recording=Recording('two cameras', 'record_two', {'count': half}, by=OURS),
    )


# --- writing

_FRAMES = {'png': 40, 'tif': 40, 'jpg': 100, 'mjpeg/avi': 100, 'avc1/mp4': 80, 'h264/mkv': 80}
_FRAMES_OF_RAW = 100


def _writing(sizes: Sizes) -> Iterator[Case]:
    for fmt in (*IMAGES, *VIDEOS):
        count = sizes.frames(_FRAMES.get(fmt, _FRAMES_OF_RAW))
        for color in _colors(fmt):
            yield Case(
                f'write {fmt} {color}',
                'write',
                _written(fmt) + _memory(color),
                {'fmt': fmt, 'count': count},
                _original_for(fmt),
                frames=color,
                limit=_limit_of_writing(fmt, count),
            )


def _colors(fmt: str) -> tuple[str, ...]:
    return (ONE_COLOR[fmt],) if fmt in ONE_COLOR else COLORS


def _memory(color: str) -> tuple[Metric, ...]:
    return (Metric('memory', 'MB', 'memory for it'),) if color == 'color' else ()


def _written(fmt: str) -> tuple[Metric, ...]:
    if fmt in LOSSLESS:
        return (_fps(of_limit=0.92) if fmt == 'npy' else _fps() if fmt in ONE_COLOR else _fps(ratio=1.8),)
    is_h264 = fmt in H264
    return (
        _fps(ratio=2.5 if is_h264 else 1.8),
        Metric('psnr', 'dB', 'PSNR', more_is_better=True, ratio=-0.2 if is_h264 else None),
        Metric('size', 'kB', 'size of a frame', ratio=1 / 1.5 if is_h264 else None),
    )


def _limit_of_writing(fmt: str, count: int) -> Limit:
    if fmt in VIDEOS:
        return Limit('bare encoder', 'fps', 'encode_video', {'codec': VIDEOS[fmt], 'count': count})
    if fmt == 'bpk':
        return Limit('its compression on all cores', 'fps', 'compress', {'count': count})
    if fmt in RAW:
        return Limit('raw file write, one sync', 'fps', 'write_files', {'count': count})
    return Limit('cv2.imencode on all cores', 'fps', 'encode_images', {'extension': f'.{fmt}', 'count': count})


def _waiting(sizes: Sizes) -> Iterator[Case]:
    count = sizes.frames(80)
    for fmt in ('png', 'jpg', 'mjpeg/avi', 'avc1/mp4'):
        yield Case(
            f'slowest 1 % of add_image, {fmt} gray',
            'write_at_pace',
            (Metric('slowest', 'ms', ratio=20 if fmt in H264 else 5),),
            {'fmt': fmt, 'count': count, 'chunksize': count // 5},
            reference=_original_for(fmt),
            frames='gray',
        )


# --- reading

_FRAMES_OF_VIDEO = 300


def _frames_to_read(sizes: Sizes, fmt: str) -> int:
    return sizes.frames(_FRAMES_OF_VIDEO if fmt in VIDEOS else _FRAMES.get(fmt, _FRAMES_OF_RAW))


def _recording(sizes: Sizes, fmt: str, color: str, by: str | None, chunksize: int | None = None) -> Recording:
    arguments = {'fmt': fmt, 'count': _frames_to_read(sizes, fmt)}
    if chunksize is None:
        return Recording(f'{fmt} {color}', 'record', arguments, color, by)
    return Recording(f'{fmt} {color} {chunksize}', 'record', {**arguments, 'chunksize': chunksize}, color, by)


def _reading(sizes: Sizes) -> Iterator[Case]:
    for fmt in (*IMAGES, *VIDEOS):
        for color in _colors(fmt):
            recording = _recording(sizes, fmt, color, _original_for(fmt))
            yield Case(
                f'read {fmt} {color}',
                'read',
                (_read(fmt, color), *_memory(color)),
                reference=_original_for(fmt),
                frames=color,
                recording=recording,
                limit=_limit_of_reading(sizes, fmt),
            )


def _read(fmt: str, color: str) -> Metric:
    if fmt in VIDEOS:
        return _fps(ratio=1.6 if color == 'gray' else 1.3)
    return _fps(ratio=1.8) if fmt in ('png', 'jpg', 'tif') else _fps()


def _limit_of_reading(sizes: Sizes, fmt: str) -> Limit:
    count = _frames_to_read(sizes, fmt)
    if fmt in VIDEOS:
        return Limit('bare decoder', 'fps', 'decode_video')
    if fmt == 'bpk':
        return Limit('its decompression on all cores', 'fps', 'decompress', {'count': count})
    if fmt in RAW:
        return Limit('raw file read', 'fps', 'read_files')
    return Limit('cv2.imdecode on all cores', 'fps', 'decode_images', {'extension': f'.{fmt}', 'count': count})


def _jumping(sizes: Sizes) -> Iterator[Case]:
    count, back = sizes.frames(25), sizes.frames(96)  # six groups of ours
    keyframe = Limit('seek, decode a keyframe', 'ms', 'decode_one', {'count': count})
    for fmt, color, whose, by, goal in (
        *(('mjpeg/avi', color, '', ORIGINAL, 10.0) for color in COLORS),
        *(('avc1/mp4', color, ', each its own file', None, 5.0) for color in COLORS),
        ('avc1/mp4', 'gray', ", the original's file", ORIGINAL_H264, None),
    ):
        yield Case(
            f'random read {fmt} {color}{whose}',
            'read_random',
            (_ms(ratio=goal),),
            {'count': count},
            _original_for(fmt),
            frames=color,
            recording=_recording(sizes, fmt, color, by),
            limit=keyframe,
        )
    for color in COLORS:
        yield Case(
            f'step backwards avc1/mp4 {color}, each its own file',
            'read_backwards',
            (_ms(ratio=20),),
            {'count': back},
            ORIGINAL_H264,
            frames=color,
            recording=_recording(sizes, 'avc1/mp4', color, None),
        )
    yield Case(
        'step backwards mjpeg/avi gray',
        'read_backwards',
        (_ms(),),
        {'count': back},
        frames='gray',
        recording=_recording(sizes, 'mjpeg/avi', 'gray', ORIGINAL),
    )
    for fmt in ('png', 'jpg', 'tif', 'npy', 'bpk'):
        yield _random_image(sizes, fmt)
    yield _batch(sizes)
    yield _next(sizes)


def _random_image(sizes: Sizes, fmt: str) -> Case:
    arguments = {'count': sizes.frames(100)}
    return Case(
        f'random read {fmt} gray',
        'read_random',
        (Metric('ms', 'ms', of_limit=0.87),),
        arguments,
        _original_for(fmt),
        frames='gray',
        recording=_recording(sizes, fmt, 'gray', _original_for(fmt)),
        limit=Limit('read and decode one file', 'ms', 'decode_file', arguments),
    )


def _own_files(sizes: Sizes) -> Iterator[Case]:
    """Ours and the original, each reading what it wrote, in short chunks and in the usual ones."""
    short, count = sizes.frames(50), sizes.frames(25)
    for fmt, goal in (('avc1/mp4', 5.0), ('mjpeg/avi', 10.0)):
        for color in COLORS:
            for chunksize in (short, None):
                whose = f'{color}, each its own file, {chunksize or 10_000:,} frames a chunk'
                recording = _recording(sizes, fmt, color, None, chunksize)
                by = _original_for(fmt)
                yield Case(f'read {fmt} {whose}', 'read', (_fps(ratio=1.3),), {}, by, None, color, recording)
                if fmt != 'avc1/mp4' or chunksize is not None:  # the other one is in _jumping
                    yield Case(
                        f'random read {fmt} {whose}',
                        'read_random',
                        (_ms(ratio=goal),),
                        {'count': count},
                        by,
                        frames=color,
                        recording=recording,
                    )
    yield _borders(sizes, short)


def _borders(sizes: Sizes, chunksize: int) -> Case:
    return Case(
        f'read avc1/mp4 gray in sequence, {chunksize} frames a chunk',
        'read_borders',
        (
            Metric('times', 'times', "slowest read at a chunk's border, of the median one", at_most=3),
            Metric('border', 'ms', "slowest read at a chunk's border"),
            Metric('inside', 'ms', 'slowest read elsewhere'),
            Metric('median', 'ms', 'median read'),
            Metric('mean', 'ms', 'mean read'),
        ),
        {'chunksize': chunksize},
        None,
        frames='gray',
        recording=_recording(sizes, 'avc1/mp4', 'gray', OURS, chunksize),
    )


def _next(sizes: Sizes) -> Case:
    """Measure the cost of a call beside reading its small image."""
    count = sizes.frames(2000)
    recording = Recording('small npy', 'record', {'fmt': 'npy', 'count': 2 * count + 1}, 'small', ORIGINAL)
    return Case(
        'get_next_image of npy, 96 x 128 gray',
        'read_next',
        (Metric('whole', 'µs'), Metric('own', 'µs', 'without reading the image', at_most=30)),
        {'count': count},
        frames='small',
        recording=recording,
    )


def _batch(sizes: Sizes) -> Case:
    chunks, count = 20, sizes.frames(200)
    each = -(-sizes.frames(500) // sizes.distinct) * sizes.distinct  # so that a frame's number tells which image it is
    recording = Recording('repeated', 'record_chunks', {'fmt': 'avc1/mp4', 'count': each, 'chunks': chunks}, 'gray')
    return Case(
        f'get_images of {count} of {chunks * each:,} frames, avc1/mp4 gray, against one by one',
        'read_batch',
        (_ms(ratio=2),),
        {'count': count},
        OURS,
        'read_random',
        'gray',
        recording,
        rounds=3,
    )


def _remembering(sizes: Sizes) -> Iterator[Case]:
    for fmt, count in (('mjpeg/avi', sizes.long), ('avc1/mp4', sizes.long // 5)):
        yield Case(
            f'memory over {count:,} small frames, {fmt}',
            'write_and_read_long',
            (
                Metric('writing', 'MB', 'growth while writing', at_most=10),
                Metric('reading', 'MB', 'growth while reading', at_most=10),
            ),
            {'fmt': fmt, 'count': count},
            reference=None,
            frames='small',
            rounds=1,
        )
