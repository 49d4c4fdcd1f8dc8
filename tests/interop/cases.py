"""The stores that both sides write: what is in each follows from its case alone. Standard library only."""

from dataclasses import dataclass

GRAY, COLOUR = (64, 96), (64, 96, 3)
ODD_GRAY, ODD_COLOUR = (65, 97), (65, 97, 3)

# without webp: the original cannot read it, so there is nothing to exchange
IMAGE_FORMATS = ['png', 'tif', 'bmp', 'ppm', 'pgm', 'jpg', 'npy']
ORIGINALS_VIDEO = ['mjpeg/avi']
SIXTEEN_BITS = ['png', 'tif', 'ppm', 'pgm']
H264 = ['avc1/mp4', 'h264/mkv']  # no OpenCV wheel of PyPI can write it, so the original does with Debian's alone
VIDEO = [*ORIGINALS_VIDEO, *H264]
# the original reads them, unlike AV1, which the OpenCV of PyPI cannot decode
LOSSLESS_VIDEO = ['ffv1/mkv', 'h264-lossless/mp4']
OURS_ALONE = [*LOSSLESS_VIDEO, 'hevc/mp4']
RATES = {'0.1': 0.1, '7': 7, '29.97': 30000 / 1001, '59.94': 60000 / 1001, '200': 200, '1000': 1000}  # frames a second

UNRULY = (-5, -3, 7, 7, 9, 2, 1000000, 11, 12, 30, 31, 32)  # negative, skipped, repeated, backwards
METADATA = {'name': 'Ω-3', 'rig': {'fps': 25.0, 'on': True, 'lenses': [50, 85]}}
BEFORE_ZERO = (70, 71, 72, 73, 74, 0, 1, 2, 5, 6, 7)  # as a trigger's counter that was reset


@dataclass(frozen=True)
class Case:
    """One store. ``numbers`` None means 0, 1, 2, …; ``chunksize`` None means the default."""

    name: str
    fmt: str
    shape: tuple
    chunksize: 'int | None' = 10
    encoding: 'str | None' = None
    dtype: str = 'uint8'
    numbers: 'tuple | None' = None
    frames: int = 25
    kind: str = 'numbered'  # 'numbered', 'textured' or 'array', see frames.py
    extra: bool = False
    index: bool = False  # saved with close(save_index=True)
    reindex: bool = False
    insert: bool = False  # a finished video becomes the first chunk
    metadata: 'dict | tuple' = ()  # the user's
    rate: 'float | None' = None  # frames a second, evenly

    @property
    def channels(self):
        """How the matrix calls the images."""
        return 'encoded' if self.encoding else 'colour' if len(self.shape) == 3 else 'gray'

    def frame_numbers(self):
        return list(self.numbers) if self.numbers is not None else list(range(self.frames))

    def frame_times(self):
        """Seconds: uneven, as a camera's, if there is no rate."""
        if self.rate is not None:
            return [1500000000.25 + i / self.rate for i in range(len(self.frame_numbers()))]
        return [1500000000.25 + 0.04 * i + 0.003 * (i % 3) for i in range(len(self.frame_numbers()))]


def extra_data(index):
    """The record beside a frame."""
    return {'temperature': 20.5 + index, 'label': f'frame {index}', 'lever': index % 2 == 0, 'counter': index}


def _plain():
    for fmt in [*IMAGE_FORMATS, *ORIGINALS_VIDEO, *H264]:
        for shape in (GRAY, COLOUR):
            for chunksize in (1, 3, 10, None):
                yield Case(
                    f'{fmt}-{"colour" if shape[2:] else "gray"}-chunks-of-{chunksize or "default"}',
                    fmt,
                    shape,
                    chunksize,
                )


def _encoded():
    raw = {
        'cv_bayerbg': GRAY,
        'cv_bayerrg': GRAY,
        'cv_bayergb': GRAY,
        'cv_rgb': COLOUR,
        'cv_yuv_i420': (96, 96),
        'cv_gray': GRAY,
    }
    for encoding, shape in raw.items():
        for fmt in ('png', 'npy', 'png+color'):
            yield Case(f'{fmt}-{encoding}', fmt, shape, encoding=encoding)
    for fmt in ('tif', 'bmp', 'tif+color', 'bmp+color', 'jpg+color', 'mjpeg/avi'):
        yield Case(f'{fmt}-cv_bayerbg', fmt, GRAY, encoding='cv_bayerbg')
    yield Case('mjpeg/avi-cv_rgb', 'mjpeg/avi', COLOUR, encoding='cv_rgb')
    for fmt in ('npy', 'png+color'):
        yield Case(f'{fmt}-cv_yuv_yuyv', fmt, (64, 96, 2), encoding='cv_yuv_yuyv')


def _other():
    for fmt in ('png', 'npy', *ORIGINALS_VIDEO, *H264):
        yield Case(f'{fmt}-odd-gray', fmt, ODD_GRAY)
        yield Case(f'{fmt}-odd-colour', fmt, ODD_COLOUR)
        yield Case(f'{fmt}-unruly-numbers', fmt, GRAY, 5, numbers=UNRULY)
        yield Case(f'{fmt}-extra-data', fmt, GRAY, extra=True, metadata=METADATA)
        yield Case(f'{fmt}-saved-index', fmt, COLOUR, index=True)
        yield Case(f'{fmt}-reindexed', fmt, GRAY, 4, numbers=BEFORE_ZERO, extra=True, reindex=True)
        yield Case(f'{fmt}-empty', fmt, GRAY, frames=0)
    yield Case('mjpeg/avi-inserted', 'mjpeg/avi', GRAY, frames=8, insert=True)
    for dtype in ('uint16', 'int16', 'float32', 'float64', 'uint64'):
        yield Case(f'npy-{dtype}', 'npy', (6, 7), dtype=dtype, kind='array')
    for fmt in SIXTEEN_BITS:
        yield Case(f'{fmt}-uint16', fmt, COLOUR if fmt == 'ppm' else GRAY, dtype='uint16', kind='array')
    yield Case('npy-three-axes', 'npy', (5, 6, 7), kind='array')
    for fmt in (*ORIGINALS_VIDEO, *H264):
        yield Case(f'{fmt}-textured-gray', fmt, (240, 320), kind='textured')
        yield Case(f'{fmt}-textured-colour', fmt, (240, 320, 3), kind='textured')
        yield Case(f'{fmt}-one-long-chunk', fmt, GRAY, None, frames=600)
        for name, rate in RATES.items():
            yield Case(f'{fmt}-at-{name}-frames-a-second', fmt, GRAY, 40, rate=rate, frames=47)
    for fmt in H264:
        for chunksize in (2, 5, 7, 8):
            yield Case(f'{fmt}-chunks-of-{chunksize}', fmt, COLOUR, chunksize)


def _ours_alone():
    for fmt in OURS_ALONE:
        for name, shape in (('gray', GRAY), ('odd-gray', ODD_GRAY), ('colour', COLOUR), ('odd-colour', ODD_COLOUR)):
            if len(shape) == 2 or fmt != 'h264-lossless/mp4':
                for chunksize in (1, 3, 10, None):
                    yield Case(f'{fmt}-{name}-chunks-of-{chunksize or "default"}', fmt, shape, chunksize)
        yield Case(f'{fmt}-unruly-numbers', fmt, GRAY, 5, numbers=UNRULY)
        yield Case(f'{fmt}-extra-data', fmt, GRAY, extra=True, metadata=METADATA)
        yield Case(f'{fmt}-saved-index', fmt, GRAY, index=True)
        yield Case(f'{fmt}-reindexed', fmt, GRAY, 4, numbers=BEFORE_ZERO, extra=True, reindex=True)
        yield Case(f'{fmt}-empty', fmt, GRAY, frames=0)
        yield Case(f'{fmt}-one-long-chunk', fmt, GRAY, None, frames=600)
        for name, rate in RATES.items():
            yield Case(f'{fmt}-at-{name}-frames-a-second', fmt, GRAY, 40, rate=rate, frames=47)
    yield Case('ffv1/mkv-cv_bayerrg', 'ffv1/mkv', GRAY, encoding='cv_bayerrg')
    yield DEEP


DEEP = Case('ffv1/mkv-uint16', 'ffv1/mkv', GRAY, dtype='uint16', kind='array')
CASES = {case.name: case for case in [*_plain(), *_encoded(), *_other(), *_ours_alone()]}
ORIGINAL_WRITES = [name for name, case in CASES.items() if case.fmt not in (*H264, *OURS_ALONE)]
"""All that the original can write with an OpenCV from PyPI."""

VIDEO_CASES = [name for name, case in CASES.items() if case.fmt in VIDEO]
"""All that is exchanged with the original on Debian's OpenCV, of which just the videos differ."""

READ_BY_DEBIANS = [*VIDEO_CASES, *(name for name, case in CASES.items() if case.fmt in OURS_ALONE and case != DEEP)]

WRITTEN = [*(('original', name) for name in ORIGINAL_WRITES), *(('ours', name) for name in CASES)]
"""Every store that there is: who wrote it, and which case it is."""


def folder_of(name):
    """The case's name as a folder's."""
    return name.replace('/', '_')
