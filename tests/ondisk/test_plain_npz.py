"""An index is read without `zipfile` only where `zipfile` reads the same."""

import io
import zipfile

import numpy as np
import pytest

from imgstore.ondisk.chunk_index import _read_header, count_frames, read_chunk_index, write_chunk_index
from imgstore.ondisk.plain_npz import count_rows, read_arrays

KEYS = ('frame_number', 'frame_time')
NUMBERS, TIMES = np.array([5, 7, 8]), np.array([0.5, np.nan, 1.5])
LIMIT = 2**20


def by_zipfile(path):
    """Rows and arrays, each None if `zipfile` cannot read them."""
    try:
        with zipfile.ZipFile(path) as archive:
            rows = [_read_header(str(path), archive, archive.open(f'{key}.npy'))[0] for key in KEYS]
    except Exception:  # noqa: BLE001 -- of zipfile, zlib and numpy
        return None, None
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = [np.load(io.BytesIO(archive.read(f'{key}.npy')), allow_pickle=False) for key in KEYS]
    except Exception:  # noqa: BLE001 -- as above
        return rows, None
    return rows, arrays


def bits(arrays):
    return [(array.dtype, array.tobytes()) for array in arrays]


def save_with_others(path):
    np.savez(path, comment=np.array('mine'), frame_time=TIMES, more=np.zeros((3, 3)), frame_number=NUMBERS)


def save_with_other_types(path):
    np.savez(path, frame_number=NUMBERS.astype('>u2'), frame_time=TIMES.astype(np.float32))


PLAIN = {
    'ours': lambda path: write_chunk_index(str(path.with_suffix('')), NUMBERS, TIMES),
    "numpy's": lambda path: np.savez(path, frame_number=NUMBERS, frame_time=TIMES),
    'with other members': save_with_others,
    'of other types': save_with_other_types,
    'without frames': lambda path: np.savez(path, frame_number=NUMBERS[:0], frame_time=TIMES[:0]),
}


@pytest.mark.parametrize('save', PLAIN.values(), ids=PLAIN)
def test_a_plain_index_is_read_as_by_zipfile(tmp_path, save):
    path = tmp_path / 'index.npz'
    save(path)
    rows, arrays = by_zipfile(path)
    assert count_rows(str(path), KEYS, LIMIT) == rows
    assert bits(read_arrays(str(path), KEYS, LIMIT)) == bits(arrays)


def with_comment(path):
    np.savez(path, frame_number=NUMBERS, frame_time=TIMES)
    with zipfile.ZipFile(path, 'a') as archive:
        archive.comment = b'mine'


def after_other_bytes(path):
    np.savez(path, frame_number=NUMBERS, frame_time=TIMES)
    path.write_bytes(b'#!/bin/sh\n' + path.read_bytes())


def with_a_name_twice(path):
    np.savez(path, frame_number=NUMBERS, frame_time=TIMES)
    with zipfile.ZipFile(path, 'a') as archive:
        content = archive.read('frame_number.npy')
        with pytest.warns(UserWarning, match='Duplicate name'):
            archive.writestr('frame_number.npy', content)


UNUSUAL = {
    'compressed': lambda path: np.savez_compressed(path, frame_number=NUMBERS, frame_time=TIMES),
    'with a comment': with_comment,
    'after other bytes': after_other_bytes,
    'with a name twice': with_a_name_twice,
}


@pytest.mark.parametrize('save', UNUSUAL.values(), ids=UNUSUAL)
def test_an_unusual_index_is_left_to_zipfile(tmp_path, save):
    path = tmp_path / 'index.npz'
    save(path)
    assert count_rows(str(path), KEYS, LIMIT) is None
    assert read_arrays(str(path), KEYS, LIMIT) is None
    assert count_frames(str(tmp_path / 'index')) == 3
    assert bits(read_chunk_index(str(tmp_path / 'index'))) == bits(by_zipfile(path)[1])


def test_an_index_of_too_many_bytes_is_left_to_zipfile(tmp_path):
    path = tmp_path / 'index.npz'
    np.savez(path, frame_number=NUMBERS, frame_time=TIMES)
    assert count_rows(str(path), KEYS, path.stat().st_size) == [3, 3]
    assert count_rows(str(path), KEYS, path.stat().st_size - 1) is None


def test_rows_of_a_long_index_are_counted_without_reading_it(tmp_path):
    path = tmp_path / 'index.npz'
    np.savez(path, frame_number=np.arange(1000), frame_time=np.arange(1000.0))
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    assert count_rows(str(path), KEYS, LIMIT) == by_zipfile(path)[0] == [1000, 1000]
    assert read_arrays(str(path), KEYS, LIMIT) is by_zipfile(path)[1] is None


def damaged(data):
    """Copies with one bit of each byte changed, and cut off anywhere."""
    for place in range(len(data)):
        yield data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :]
        yield data[:place]


def test_a_damaged_index_is_read_as_by_zipfile_or_left_to_it(tmp_path):
    path = tmp_path / 'index.npz'
    write_chunk_index(str(tmp_path / 'index'), NUMBERS, TIMES)
    accepted = 0
    for content in damaged(path.read_bytes()):
        path.write_bytes(content)
        rows, arrays = count_rows(str(path), KEYS, LIMIT), read_arrays(str(path), KEYS, LIMIT)
        expected = by_zipfile(path) if rows or arrays else (None, None)
        assert rows in (None, expected[0])
        assert arrays is None or bits(arrays) == bits(expected[1])
        accepted += arrays is not None
    assert accepted  # dates, for example, do not matter
