"""What every format promises, whatever the images are and whichever library writes and reads them."""

import itertools
import json
import math
import os
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Literal

import cv2
import hypothesis.strategies as st
import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings

from imgstore import extract_only_frame, new_for_filename, new_for_format
from imgstore.chunks.video.backends import BACKENDS, backend_works
from imgstore.errors import FrameNotFoundError, StoreClosedError
from imgstore.formats import format_names, resolve_format

from ..helpers.checked import not_none
from ..helpers.format_table import IMAGE_FORMATS, LOSSY_IF_ASKED, ROWS, VIDEO_FORMATS
from ..helpers.frames import index_in, noise, numbered
from ..helpers.raised import raises

NUMBERS = [-3, -2, 0, 7, 7, 8, 100, 4, 5, -9, 2**40, 11, 12]
TIMES = [10.0, 10.25, 10.5, 11.0, 11.5, 12.0, 9.0, 13.0, 14.0, 15.0, 16.0, 17.0, 20.0]
INDEXES = range(len(NUMBERS))
CHUNKSIZE = 5
WITH_EXTRA = [0, 4, 4, 5, 12]  # a record each: first and last frames of chunks among them

LOWEST_PSNR = {
    'jpg': (44, 30),
    'webp': (36, 28),
    'mjpeg/avi': (38, 29),
    'h264/mkv': (35, 28),
    'avc1/mp4': (35, 28),
    'hevc/mp4': (35, 28),
}
"""Of gray and of colour in dB; chroma is halved both ways, and the images' differs from pixel to pixel."""


@dataclass(frozen=True)
class Case:
    """A kind of store, and the images that it is given."""

    fmt: str
    shape: tuple[int, ...]
    dtype: str = 'uint8'
    encoding: str | None = None
    quality: int | None = None
    backends: dict[str, str | None] = field(default_factory=lambda: {'w': None, 'r': None}, hash=False)

    def __str__(self):
        parts = (
            self.fmt,
            'x'.join(map(str, self.shape)),
            self.dtype,
            self.encoding,
            self.quality,
            *self.backends.values(),
        )
        return '-'.join(str(part) for part in parts if part)

    @property
    def row(self):
        return resolve_format(self.fmt)

    @property
    def lossy(self):
        return self.quality is not None or not self.row.lossless

    def image(self, index):
        """The image that is given as frame ``index``."""
        if self.lossy:
            return numbered(index, self.shape)
        dtype = np.dtype(self.dtype)
        data = noise(index, (math.prod(self.shape) * dtype.itemsize,))
        return (data % 2 if dtype.kind == 'b' else data).view(dtype).reshape(self.shape)

    def expected(self, index):
        """The image that readers get, but for what a lossy format loses."""
        image = self.image(index)
        if self.encoding == 'cv_bayerrg':
            return cv2.cvtColor(image, cv2.COLOR_BayerRG2BGR)
        if self.fmt == 'pgm' and image.shape[2:] == (3,):
            return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        if self.row.color_model != 'any' and image.shape[2:] == (1,):
            image = image[:, :, 0]
        if self.row.crops_odd_sides:
            return image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
        return image

    def check(self, image, index):
        """Is this the image that was given as frame ``index``?"""
        expected = self.expected(index)
        assert (image.shape, image.dtype) == (expected.shape, expected.dtype)
        if self.lossy:
            assert index_in(image) == index
            assert cv2.PSNR(image, np.ascontiguousarray(expected)) > LOWEST_PSNR[self.fmt][image.ndim - 2]
        else:
            assert image.tobytes() == expected.tobytes()

    def new(self, path, **kwargs):
        options = {
            'imgshape': self.shape,
            'imgdtype': self.dtype,
            'encoding': self.encoding,
            'chunksize': CHUNKSIZE,
            'quality': self.quality,
        }
        return new_for_format(self.fmt, path, **{**options, **kwargs}, backend=self.backends['w'])

    def open(self, path):
        return new_for_filename(path, backend=self.backends['r'])

    def record(self, path, numbers=NUMBERS, times=TIMES, **kwargs):
        """A writer that has got the frames, and extra data with some of them."""
        store = self.new(path, **kwargs)
        for index, (number, time) in enumerate(zip(numbers, times, strict=True)):
            store.add_image(self.image(index), number, time)
            for i in range(WITH_EXTRA.count(index)):
                store.add_extra_data(at=index, i=i)
        return store


def cases():
    gray: tuple[int, ...] = (7, 10)
    color: tuple[int, ...] = (7, 10, 3)
    shape: tuple[int, ...]
    directions: dict[str, Literal['read', 'write']] = {'w': 'write', 'r': 'read'}
    for fmt in IMAGE_FORMATS:
        row = ROWS[fmt]
        if row.color_model == 'any':
            for shape in (gray, color, (7, 10, 1), (7, 10, 4), (11,), (2, 3, 2, 2)):
                yield Case(fmt, shape)
            for dtype in ('bool', 'int8', 'uint16', 'int64', 'uint64', 'float16', 'float32', 'float64', 'complex64'):
                yield Case(fmt, gray, dtype)
        elif row.lossless:
            for shape, dtype in itertools.product((gray, color), not_none(row.dtypes)):
                yield Case(fmt, shape, dtype)
    yield from (Case('png', (7, 10, 1)), Case('png', gray, 'uint16', 'cv_bayerrg'), Case('bmp', (1, 1)))
    yield from (
        Case(fmt, gray, 'uint8', 'cv_bayerrg') for fmt in format_names() if '+' in fmt and resolve_format(fmt).lossless
    )
    yield Case('ffv1/mkv', gray, 'uint16')
    yield Case('ffv1/mkv', gray, 'uint16', 'cv_bayerrg')
    yield Case('ffv1/mkv', gray, 'uint8', 'cv_bayerrg')
    for shape in ((65, 97), (65, 97, 3)):
        yield from (Case(fmt, shape) for fmt in IMAGE_FORMATS if not ROWS[fmt].lossless)
        yield from (Case(fmt, shape, quality=80) for fmt in LOSSY_IF_ASKED)
        for fmt in (fmt for fmt in VIDEO_FORMATS if ROWS[fmt].holds('uint8', len(shape) == 3)):
            row = ROWS[fmt]
            can = {
                mode: [name for name in BACKENDS if backend_works(name, row.codec, row.extension, direction)]
                for mode, direction in directions.items()
            }
            for writing, reading in itertools.product(can['w'], can['r']):
                is_cropped = writing == 'opencv' and row.lossless  # by the caller, as OpenCV would
                sides = (64, 96, *shape[2:]) if is_cropped else shape
                yield Case(fmt, sides, backends={'w': writing, 'r': reading})


@st.composite
def plans(draw):
    """Numbers and times of some frames, a chunk size, and a number and a time to look for."""
    number = st.integers(-4, 4) | st.integers(-(2**63), 2**63 - 1)
    time = (st.integers(-9, 9) | st.integers(-(2**40), 2**40)).map(lambda quarters: quarters / 4)
    count = draw(st.integers(1, 9))
    numbers, times = (draw(st.lists(value, min_size=count, max_size=count)) for value in (number, time))
    return numbers, times, draw(st.integers(1, 10)), draw(number), draw(time)


@pytest.fixture(scope='module')
def recordings(tmp_path_factory):
    """Folders of stores that are written once and then only read."""
    return {}, tmp_path_factory


@pytest.fixture
def folder(case, recordings):
    """The folder of a store with all frames and extra data."""
    known, factory = recordings
    if case not in known:
        known[case] = factory.mktemp('store')
        case.record(known[case], metadata={'lab': 'Süd'}).close()
    return known[case]


@pytest.fixture
def store(case, folder):
    with case.open(folder) as store:
        yield store


class StoreContract:
    """Tests that a store of any kind passes; a subclass gives the `case`."""

    # --- reading

    def test_frames_come_in_the_order_of_writing(self, case, store):
        for index in INDEXES:
            assert store.get_next_framenumber() == NUMBERS[index]
            image, (number, time) = store.get_next_image()
            case.check(image, index)
            assert (number, time) == (NUMBERS[index], TIMES[index]) == (store.frame_number, store.frame_time)
        for read in (store.get_next_image, store.get_next_framenumber):
            with pytest.raises(EOFError):
                read()

    def test_frames_are_found_by_index_backwards(self, case, store):
        for index in reversed(INDEXES):
            image, metadata = store.get_image(None, frame_index=index)
            case.check(image, index)
            assert metadata == (NUMBERS[index], TIMES[index])

    @settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(order=st.lists(st.sampled_from(INDEXES), max_size=12))
    def test_frames_are_found_by_index_in_any_order(self, case, store, order):
        for index in order:
            case.check(store.get_image(None, frame_index=index)[0], index)
            if index < INDEXES[-1]:
                case.check(store.get_next_image()[0], index + 1)

    @pytest.mark.slow
    def test_a_store_is_an_array_of_its_frames(self, case, store):
        images = store.get_images(frame_indices=INDEXES)[0]
        found = [store[:], np.asarray(store), np.concatenate([batch[0] for batch in store.batches(4)])]
        found += [np.array([image for image, _ in store]), np.array([frame.image for frame in store.frames()])]
        found += [
            np.array([store[index] for index in INDEXES]),
            np.array([image for image, _ in reversed(store)])[::-1],
        ]
        for array in found:
            assert (array.shape, array.dtype) == (store.shape, store.dtype) == (images.shape, images.dtype)
            assert array.tobytes() == images.tobytes()
        odd = np.arange(len(store)) % 2 == 1
        for key in (slice(None, None, -3), [-1, 0, 0], odd, (odd, ..., slice(None, None, 2)), (..., 0), (3, 0)):
            part = store[key]
            assert (part.shape, part.tobytes()) == (images[key].shape, images[key].tobytes())
        assert [metadata for _, metadata in store] == list(zip(NUMBERS, TIMES, strict=True))

    def test_frames_are_found_by_number(self, case, store):
        for number in NUMBERS:
            image, metadata = store.get_image(number)
            case.check(image, NUMBERS.index(number))
            assert metadata == (number, TIMES[NUMBERS.index(number)])
        for number in (3, 101, -10, 2**40 + 1):
            with raises(FrameNotFoundError, frame_number=number):
                store.get_image(number)

    def test_the_nearest_number_is_found(self, case, store):
        for wanted, number in ((3, 4), (-100, -9), (50, 12), (10**9, 100), (2**50, 2**40)):
            image, (found, _) = store.get_image(wanted, exact_only=False)
            case.check(image, NUMBERS.index(number))
            assert found == number

    def test_the_nearest_time_is_found(self, case, store):
        for wanted, time in ((9.9, 10.0), (-1e9, 9.0), (11.24, 11.0), (18.6, 20.0), (1e9, 20.0), (15.0, 15.0)):
            image, (_, found) = store.get_nearest_image(wanted)
            case.check(image, TIMES.index(time))
            assert found == time

    def test_an_only_frame_is_the_same(self, case, folder, store):
        for index in (0, 6, INDEXES[-1]):
            with new_for_filename(folder) as reader:
                image = reader.get_image(None, frame_index=index)[0]
            assert extract_only_frame(folder, index).tobytes() == image.tobytes()
        assert extract_only_frame(folder, -1).tobytes() == image.tobytes()
        for index in (-1 - len(INDEXES), len(INDEXES)):
            with pytest.raises(FrameNotFoundError):
                extract_only_frame(folder, index)

    def test_numbers_and_shapes_are_of_pythons_own_types(self, case, store):
        number, time = store.get_next_image()[1]
        metadata = store.get_frame_metadata()
        whole = [
            number,
            store.frame_number,
            store.frame_min,
            store.frame_max,
            store.frame_count,
            len(store),
            *store.image_shape,
            *store.chunks,
            *metadata['frame_number'],
            store.get_next_framenumber(),
        ]
        real = [
            time,
            store.frame_time,
            store.frame_time_min,
            store.frame_time_max,
            store.duration,
            *metadata['frame_time'],
        ]
        assert {type(value) for value in whole} == {int}
        assert {type(value) for value in real} == {float}
        assert type(store.image_shape) is tuple

    @pytest.mark.slow
    @settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(plan=plans())
    def test_any_numbers_and_times_in_any_chunksize(self, case, tmp_path, plan):
        """Frames with any numbers and times are found in chunks of any size."""
        numbers, times, chunksize, wanted_number, wanted_time = plan
        folder = tmp_path / uuid.uuid4().hex
        case.record(folder, numbers, times, chunksize=chunksize).close()
        with case.open(folder) as store:
            assert store.get_frame_metadata() == {'frame_number': numbers, 'frame_time': times}
            assert store.chunks == list(range(-(-len(numbers) // chunksize)))
            assert (store.frame_min, store.frame_max) == (min(numbers), max(numbers))
            assert (store.frame_time_min, store.frame_time_max) == (min(times), max(times))
            nearest = min(range(len(numbers)), key=lambda i: abs(numbers[i] - wanted_number))
            case.check(store.get_image(wanted_number, exact_only=False)[0], nearest)
            nearest = min(range(len(times)), key=lambda i: abs(times[i] - wanted_time))
            case.check(store.get_nearest_image(wanted_time)[0], nearest)
            for number in sorted(set(numbers)):
                image, metadata = store.get_image(number)
                case.check(image, numbers.index(number))
                assert metadata == (number, times[numbers.index(number)])

    # --- what is on disk

    def test_the_files_are_those_of_the_contract(self, case, folder):
        files = {path.relative_to(folder).as_posix() for path in folder.rglob('*') if path.is_file()}
        extension, counts = case.row.extension, (5, 5, 3)
        if case.row.is_image_folder:
            images = {f'{n:06d}/{i:06d}{extension}' for n, count in enumerate(counts) for i in range(count)}
            chunks = images | {f'{n:06d}/index{e}' for n in range(3) for e in ('.npz', '.extra.json')}
        else:
            chunks = {f'{n:06d}{e}' for n in range(3) for e in (extension, '.npz', '.extra.json')}
        assert files == {'metadata.yaml', *chunks}

    def test_the_metadata_are_those_of_the_contract(self, case, folder):
        content = yaml.safe_load((folder / 'metadata.yaml').read_bytes())
        own = content.pop('__store')
        assert content == {'lab': 'Süd'}
        shape = case.expected(0).shape if '+color' in case.fmt or not case.encoding else case.shape
        assert own.pop('imgshape') == list(shape)
        assert (
            abs(
                datetime.fromisoformat(own.pop('created_utc')) - datetime.now(timezone.utc).replace(tzinfo=None)
            ).total_seconds()
            < 600
        )
        assert uuid.UUID(hex=own['uuid']).hex == own.pop('uuid')
        assert '/' in own['timezone_local'] or own['timezone_local'] == 'UTC'
        del own['timezone_local']
        assert own == {
            'imgdtype': case.dtype,
            'chunksize': CHUNKSIZE,
            'format': case.fmt.removesuffix('+color'),
            'version': 2,
            'checksum': 'xxh3_64',
            'class': 'DirectoryImgStore' if case.row.is_image_folder else 'VideoImgStore',
            'encoding': None if '+color' in case.fmt else case.encoding,
            **({} if case.row.is_image_folder else {'extension': case.row.extension}),
            **({'lossless': False, 'encoder': {'quality': case.quality}} if case.quality else {}),
        }

    def test_the_chunk_indexes_are_those_of_the_contract(self, case, folder):
        for n in range(3):
            frames = slice(n * CHUNKSIZE, (n + 1) * CHUNKSIZE)
            with np.load(stem_of(folder, case, n) + '.npz', allow_pickle=False) as content:
                assert content['frame_number'].dtype == np.int64
                assert content['frame_time'].dtype == np.float64
                assert content['frame_number'].tolist() == NUMBERS[frames]
                assert content['frame_time'].tolist() == TIMES[frames]

    def test_extra_data_are_in_the_chunk_of_their_frame(self, case, folder):
        for n in range(3):
            with open(stem_of(folder, case, n) + '.extra.json') as file:
                records = json.load(file)
            own = [index for index in WITH_EXTRA if index // CHUNKSIZE == n]
            assert [record['at'] for record in records] == own == [record['frame_index'] for record in records]
            assert [record['frame_number'] for record in records] == [NUMBERS[index] for index in own]
            assert [record['frame_time'] for record in records] == [TIMES[index] for index in own]

    def test_extra_data_are_read_as_a_table(self, store):
        table = store.get_extra_data()
        assert table['at'].tolist() == WITH_EXTRA == table['frame_index'].tolist()
        assert table['i'].tolist() == [0, 0, 1, 0, 0]
        assert store.has_extra_data
        assert len(store.find_extra_data_files()) == 3

    # --- the writer

    def test_a_writer_reports_what_a_reader_does(self, case, tmp_path):
        writer = case.record(tmp_path / 's', metadata={'a': [1, 2.5]})
        before = facts(writer)
        writer.close()
        with case.open(tmp_path / 's') as reader:
            assert before == facts(writer) == facts(reader)
            assert (writer.mode, reader.mode) == ('w', 'r')
            assert reader.image_shape == case.expected(0).shape
            assert reader.lossless == (not case.lossy)
            assert (reader.frame_min, reader.frame_max, reader.duration) == (-9, 2**40, 11.0)
            assert reader.chunks == [0, 1, 2]
            assert len(reader) == len(NUMBERS)
            assert reader

    def test_an_empty_store_is_falsy(self, case, tmp_path):
        writer = case.new(tmp_path / 's')
        with writer:
            assert not writer
        with case.open(tmp_path / 's') as reader:
            assert not reader
            assert len(reader) == 0
            assert reader.chunks == writer.chunks == []
            assert math.isnan(reader.frame_min)
            assert math.isnan(writer.frame_max)
            assert reader.duration == writer.duration == 0.0
            with pytest.raises(EOFError):
                reader.get_next_image()
        if case.row.is_image_folder:
            assert os.listdir(tmp_path / 's') == ['metadata.yaml']

    def test_the_context_closes_the_store(self, case, tmp_path):
        with case.new(tmp_path / 's') as writer:
            writer.add_image(case.image(0), 3, 4)
            assert (tmp_path / 's' / '.lock').is_file()
        assert not (tmp_path / 's' / '.lock').exists()
        writer.close()
        with pytest.raises(StoreClosedError):
            writer.add_image(case.image(1), 4, 5)
        with case.open(tmp_path / 's') as reader:
            case.check(reader.get_next_image()[0], 0)
        with pytest.raises(StoreClosedError):
            reader.get_image(3)


CASES = list(cases())


@pytest.mark.filterwarnings('ignore::imgstore.errors.ColorLostWarning')
@pytest.mark.parametrize('case', CASES, ids=str)
class TestStore(StoreContract):
    """Of each format, shape, dtype and backend."""


def stem_of(folder, case, chunk):
    name = f'{chunk:06d}'
    return os.fspath(folder / name / 'index' if case.row.is_image_folder else folder / name)


def facts(store):
    return {
        name: getattr(store, name)
        for name in (
            'image_shape',
            'chunks',
            'frame_count',
            'frame_min',
            'frame_max',
            'frame_time_min',
            'frame_time_max',
            'duration',
            'user_metadata',
            'uuid',
            'created',
            'lossless',
            'filename',
            'full_path',
            'has_extra_data',
        )
    }
