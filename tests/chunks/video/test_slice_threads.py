"""Videos of several slices are decoded with slice threads, if checksums prove each packet intact."""

import random
from pathlib import Path

import numpy as np
import pytest

from imgstore import new_for_filename, new_for_format
from imgstore.chunks.video.cursor import VideoCursor
from imgstore.errors import FrameReadError
from imgstore.ondisk.checksums import read_checksums
from imgstore.ondisk.chunk_index import read_chunk_index, write_chunk_index

from ...helpers.checked import not_none
from ...helpers.frames import index_in, numbered
from ...helpers.unverified import forget_checksums

COUNT, SHAPE = 48, (240, 128)  # lower ones have one slice


@pytest.fixture
def kinds(monkeypatch, small_as_large):
    """The kinds of threads of each decoder that was opened."""
    seen, use = [], VideoCursor._can_use_slice_threads

    def noted(cursor, packet, is_verified):
        seen.append('slices' if use(cursor, packet, is_verified) else 'one' if cursor._one_thread else 'frames')
        return seen[-1] == 'slices'

    monkeypatch.setattr(VideoCursor, '_can_use_slice_threads', noted)
    return seen


@pytest.fixture(params=['avc1/mp4', 'h264/mkv'])
def path(request, tmp_path):
    with new_for_format(request.param, tmp_path / 's', imgshape=SHAPE, chunksize=COUNT) as store:
        for index in range(COUNT):
            store.add_image(numbered(index, SHAPE), index, index / 25)
    return tmp_path / 's'


def plain_frames(path: Path, **options) -> dict[int, np.ndarray]:
    """The frames that one thread can read, one by one from the start."""
    found = {}
    with new_for_filename(path, cache_bytes=0, **options) as store:
        for index in range(COUNT):
            try:
                found[index] = store.get_image(None, frame_index=index)[0].copy()
            except FrameReadError:
                continue
    return found


def random_frames(path: Path, seed: int = 0, count: int = 60, **options):
    rng = random.Random(seed)
    with new_for_filename(path, backend='pyav', **options) as store:
        for _ in range(count):
            index = rng.randrange(COUNT)
            try:
                yield index, store.get_image(None, frame_index=index)[0].copy()
            except FrameReadError:
                yield index, None


def with_checksums(path: Path, change) -> None:
    stem = str(path / '000000')
    checksums = not_none(read_checksums(stem)).copy()
    change(checksums)
    write_chunk_index(stem, *read_chunk_index(stem), checksums)


def test_frames_of_slice_threads_are_exact(path, kinds):
    """They are the same as by frame threads."""
    expected = plain_frames(path, verify=False)
    assert set(kinds) == {'frames'}
    kinds.clear()
    for index, image in random_frames(path):
        assert index_in(image) == index
        np.testing.assert_array_equal(image, expected[index])
    assert set(kinds) == {'slices'}


@pytest.mark.parametrize('options', [{'verify': False}, {'backend': 'pyav', 'verify': False}])
def test_packets_that_are_not_verified_have_frame_threads(path, kinds, options):
    assert len(plain_frames(path, **options)) == COUNT
    assert set(kinds) == {'frames'}


def test_chunks_without_checksums_have_no_slice_threads(path, kinds):
    """Frame threads decode forward, and one thread decodes frames near a keyframe."""
    forget_checksums(path)
    assert [index_in(image) == index for index, image in random_frames(path)] == [True] * 60
    assert set(kinds) == {'frames', 'one'}


@pytest.mark.parametrize('unknown', [0, 5, 20])
def test_one_packet_without_a_checksum_is_decoded_by_one_thread(path, kinds, unknown):
    """Damage of it is found, as one thread shows it."""
    with_checksums(path, lambda checksums: checksums.put(unknown, 0))
    assert [index_in(image) == index for index, image in random_frames(path)] == [True] * 60
    assert 'one' in kinds or unknown == 0


@pytest.mark.slow
@pytest.mark.parametrize('seed', range(12))
def test_damage_is_no_wrong_frame(path, kinds, seed):
    """Any frame is the right one or an error, whatever bits of the video are changed."""
    expected = plain_frames(path)
    rng = random.Random(seed)
    (video,) = path.glob('000000.m*')
    data = bytearray(video.read_bytes())
    for _ in range(rng.choice((1, 1, 4))):
        at = rng.randrange(len(data) // 8, len(data))
        data[at] ^= 1 << rng.randrange(8)
    video.write_bytes(data)
    try:
        found = dict(random_frames(path, seed, 40))
    except FrameReadError:  # the container itself
        return
    assert all(image is None or np.array_equal(image, expected[index]) for index, image in found.items())
