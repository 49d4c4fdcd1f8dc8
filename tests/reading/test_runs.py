"""Frames read in sequence, by jumps and in batches are those of a plain decode, whatever the videos are."""

import os
import random
import warnings

import numpy as np
import pytest

import imgstore
from imgstore.chunks import ChunkReader
from imgstore.chunks.video.pyav_reader import PyAVChunkReader
from imgstore.errors import FrameReadError, InvalidArgumentError
from imgstore.reading.runs import RunReader

from ..helpers.frames import index_in, numbered
from ..helpers.videos import SHAPE, Recipe, make_video

pytestmark = pytest.mark.slow

STORES = int(os.environ.get('IMGSTORE_TEST_VIDEOS', '36')) // 3
CHUNKS, OWN = 3, 40


def recipe(rng, extension):
    """A random kind of H.264 video."""
    count = rng.choice((20, 70, 110))
    options = {'g': str(rng.choice((1, 4, 16, 16, 30, 250))), 'bf': str(rng.choice((0, 0, 2, 3)))}
    x264 = [f'slices={rng.choice((1, 1, 2, 4))}', f'open-gop={rng.choice((0, 0, 1))}', 'b-adapt=0']
    options |= {'x264-params': ':'.join(x264), 'preset': 'ultrafast'}
    times, time = [], 0
    for _ in range(count):
        times.append(time)
        time += rng.choice((40, 40, 40, 47, 300))
    return Recipe(extension, times=times, options=options)


def store_of(folder, rng):
    """A store of one own chunk and some inserted videos; the paths of its videos, and their numbers of frames."""
    fmt, extension = rng.choice((('avc1/mp4', '.mp4'), ('h264/mkv', '.mkv')))
    lengths = [OWN]
    with imgstore.new_for_format(fmt, folder / 's', imgshape=SHAPE, chunksize=OWN) as store:
        for index in range(OWN):
            store.add_image(numbered(index, SHAPE), index, index / 25)
        for chunk in range(CHUNKS - 1):
            kind, path = recipe(rng, extension), folder / f'{chunk}{extension}'
            begin, count = sum(lengths), len(kind.times)
            make_video(path, kind, (numbered(begin + index, SHAPE) for index in range(count)))
            try:
                store.insert_chunk(path, range(begin, begin + count), [n / 25 for n in range(begin, begin + count)])
            except InvalidArgumentError:  # a kind that cannot be read exactly
                continue
            lengths.append(count)
    return folder / 's', sorted((folder / 's').glob(f'*{extension}')), lengths


def plain(paths, lengths):
    """The images of a forward decode by one thread; None for a frame that cannot be decoded."""
    images = []
    for path, count in zip(paths, lengths, strict=True):
        with PyAVChunkReader(str(path), color=True, frames=count, one_thread=True) as reader:
            images += [image_or_none(lambda index=index, reader=reader: reader.read(index)) for index in range(count)]
    return images


def image_or_none(read):
    try:
        return read().copy()
    except FrameReadError:
        return None


def walk(store, rng, count, steps):
    """Read in sequence, backwards, at random and in batches; yield indexes and what they gave."""
    for _ in range(steps):
        index = rng.randrange(count)
        yield index, image_or_none(lambda at=index: store.get_image(None, frame_index=at)[0])
        way, length = rng.choice(('on', 'on', 'back', 'batch')), rng.choice((3, 20, 60))
        if way == 'batch':
            indexes = [rng.randrange(count) for _ in range(length // 3)]
            yield from batch(store, indexes)
        for step in range(1, length) if way != 'batch' else ():
            at = index + step if way == 'on' else index - step
            if 0 <= at < count:
                yield at, image_or_none(lambda at=at: store.get_image(None, frame_index=at)[0])


def batch(store, indexes):
    try:
        images, *_ = store.get_images(frame_indices=indexes)
    except FrameReadError:
        return
    yield from zip(indexes, images, strict=True)


def differences(path, expected, rng, **options):
    with warnings.catch_warnings(), imgstore.new_for_filename(path, backend='pyav', **options) as store:
        warnings.simplefilter('ignore')  # a damaged chunk
        for index, image in walk(store, rng, len(expected), 6):
            if not is_same(image, expected[index]):
                yield index, None if image is None else index_in(image)


def is_same(image, other):
    return image is other is None or (image is not None and other is not None and np.array_equal(image, other))


@pytest.fixture
def either_size(seed, request):
    """Read every other store like one of large images."""
    if seed % 2:
        request.getfixturevalue('small_as_large')


@pytest.mark.usefixtures('either_size')
@pytest.mark.parametrize('seed', range(STORES))
def test_frames_are_those_of_a_plain_decode(tmp_path, seed):
    """Every way of reading gives the frames of a forward decode by one thread."""
    rng = random.Random(seed)
    path, videos, lengths = store_of(tmp_path, rng)
    expected = plain(videos, lengths)
    assert [index_in(image) for image in expected] == list(range(sum(lengths)))
    assert list(differences(path, expected, rng)) == []
    assert list(differences(path, expected, rng, cache_bytes=2**20)) == []


@pytest.mark.usefixtures('either_size')
@pytest.mark.parametrize('seed', range(STORES))
def test_damaged_frames_are_those_of_a_plain_decode(tmp_path, seed):
    """Damage costs the same frames whatever the way of reading, and makes none wrong."""
    rng = random.Random(1000 + seed)
    path, videos, lengths = store_of(tmp_path, rng)
    sound = plain(videos, lengths)
    damaged = videos[rng.randrange(len(videos))]
    data = bytearray(damaged.read_bytes())
    for _ in range(rng.choice((1, 1, 3))):
        at = rng.randrange(len(data) // 4, 3 * len(data) // 4)
        data[at : at + 40] = rng.randbytes(40)
    damaged.write_bytes(data)
    try:
        expected = plain(videos, lengths)
    except FrameReadError:  # the container itself
        return
    undetected = {
        index for index, image in enumerate(expected) if image is not None and not is_same(image, sound[index])
    }  # the decoder takes the damage for another image
    assert [where for where in differences(path, expected, rng) if where[0] not in undetected] == []


@pytest.mark.usefixtures('small_as_large')
def test_runs_are_used_for_short_groups(tmp_path, monkeypatch):
    """A sequence of an own video comes from runs, except its first frames."""
    taken, take = [], RunReader.take

    def noted(reader, place):
        taken.append(take(reader, place))
        return taken[-1]

    monkeypatch.setattr(RunReader, 'take', noted)
    monkeypatch.setattr('imgstore.reading.image_reader.THREADS', 2)
    with imgstore.new_for_format('avc1/mp4', tmp_path / 's', imgshape=SHAPE, chunksize=70) as store:
        for index in range(200):
            store.add_image(numbered(index, SHAPE), index, index / 25)
    with imgstore.new_for_filename(tmp_path / 's') as store:
        assert [index_in(store.get_next_image()[0]) for _ in range(200)] == list(range(200))
    assert sum(found is not None for found in taken) >= 160


class Numbers(ChunkReader):
    """A reader of a chunk with a keyframe every 10 frames, whose images are their indexes."""

    def next_keyframe(self, index):
        return min(-(-index // 10) * 10, 100)

    def read(self, index):
        if index == 57:
            raise FrameReadError('it is damaged')
        return np.array(index)

    def close(self):
        pass


def test_frames_of_runs_are_taken_skipped_and_asked_for_twice():
    """No order of requests waits for a frame that never comes, and none gives another frame."""
    runs = RunReader(lambda chunk: Numbers(), lambda chunk: 100 if chunk == 0 else 0, lambda image: image, 32)
    for index in (0, 1, 1, 5, 2, 9, 10, 13, 12, 31, 29, *range(32, 100), 100, 3):
        runs.expect((0, -(-index // 10) * 10))
        found = runs.take((0, index))
        assert found is None or found == index
    runs.cancel()
    runs.expect((0, 0))
    taken = []
    for index in range(100):
        runs.expect((0, index))
        found = runs.take((0, index))
        taken += [index] if found is not None and found == index else []
    assert set(range(100)) - set(taken) <= {57, 58, 59}
    runs.close()
