from __future__ import annotations

import collections
import collections.abc
import contextlib
import importlib
import json
import struct
import sys
import warnings
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from imgstore.chunks.images.bloscpack import pack as pack_in_parts
from imgstore.chunks.images.bloscpack import unpack
from imgstore.errors import CorruptFileError, InvalidArgumentError, MissingDependencyError

from ...helpers.raised import raises

Array = np.ndarray[Any, Any]
SOURCE = 'folder/000000.bpk'


def pack(array: Array) -> bytes:
    return b''.join(pack_in_parts(array))


@pytest.fixture(scope='module')
def bloscpack() -> Iterator[Any]:
    """The real bloscpack, which wants a name that left `collections` in Python 3.10."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter('ignore')
        patch.setattr(collections, 'MutableMapping', collections.abc.MutableMapping, raising=False)
        yield importlib.import_module('bloscpack')


def random_array(shape: tuple[int, ...], dtype: str = 'uint8') -> Array:
    values = np.random.default_rng(0).integers(0, 255, shape)
    return np.asarray(values, dtype)


ARRAYS = {
    **{dtype: random_array((5, 7, 3), dtype) for dtype in ('u1', '<u2', '>u2', 'i8', 'f2', 'f4', 'f8', 'c16', 'bool')},
    'datetime': np.array([[1, 2], [3, 4]], 'M8[ms]'),
    'text': np.array(['a', 'bcd']),
    'bytes': np.array([b'a', b'bcd']),
    'void': np.array([b'abc', b'def'], 'V3'),
    'structured': np.array([(1, [2, 3])], [('a', 'u1'), ('b', '<f4', (2,))]),
    'titled': np.array([(1,)], [(('title', 'a'), 'u1')]),
    'columns first': np.asfortranarray(random_array((5, 7), 'f8')),
    'transposed': random_array((5, 7, 3)).T,
    'strided': random_array((9, 8), 'u2')[::2, ::-1],
    'scalar': np.array(5),
    'empty': np.zeros((0, 4)),
    'empty list': np.zeros(0, 'u1'),
    'one chunk exactly': random_array((1024, 1024)),
    'many chunks': random_array((700, 800), 'f8'),
    'a byte over a chunk': random_array((2**20 + 1,)),
    'chunks that cut items': np.zeros(400_000, [('a', 'u1'), ('b', 'u2')]),
}


def assert_same(actual: Array, expected: Array) -> None:
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    assert actual.tobytes() == expected.tobytes()


@pytest.mark.parametrize('name', ARRAYS)
def test_an_array_comes_back_as_it_was(name: str) -> None:
    array = ARRAYS[name]
    back = unpack(pack(array), SOURCE)
    assert_same(back, array)
    assert back.flags.writeable
    assert back.flags.f_contiguous == (array.flags.f_contiguous or array.size == 0)


@pytest.mark.parametrize('name', ARRAYS)
def test_the_real_bloscpack_reads_our_files(bloscpack: Any, name: str) -> None:
    assert_same(bloscpack.unpack_ndarray_from_bytes(pack(ARRAYS[name])), ARRAYS[name])


@pytest.mark.parametrize('name', sorted(set(ARRAYS) - {'chunks that cut items'}))
def test_we_read_the_files_of_the_real_bloscpack(bloscpack: Any, name: str) -> None:
    assert_same(unpack(bloscpack.pack_ndarray_to_bytes(ARRAYS[name]), SOURCE), ARRAYS[name])


@pytest.mark.parametrize('compressor', ['blosclz', 'lz4', 'lz4hc', 'zlib', 'zstd'])
@pytest.mark.parametrize('shuffle', [False, True])
def test_every_compressor_is_read(bloscpack: Any, compressor: str, shuffle: bool) -> None:
    args = bloscpack.BloscArgs(cname=compressor, shuffle=shuffle, typesize=2)
    array = random_array((300, 300), 'u2')
    assert_same(unpack(bloscpack.pack_ndarray_to_bytes(array, chunk_size='64K', blosc_args=args), SOURCE), array)


@pytest.mark.parametrize('offsets', [False, True])
@pytest.mark.parametrize('codec', ['None', 'zlib'])
@pytest.mark.parametrize(
    'checksum', ['None', 'adler32', 'crc32', 'md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512']
)
def test_every_layout_is_read(bloscpack: Any, checksum: str, codec: str, offsets: bool) -> None:
    spare = {'max_app_chunks': 3 if offsets else 0}
    data = bloscpack.pack_ndarray_to_bytes(
        ARRAYS['many chunks'],
        bloscpack_args=bloscpack.BloscpackArgs(offsets=offsets, checksum=checksum, **spare),
        metadata_args=bloscpack.MetadataArgs(
            meta_checksum=checksum, meta_codec=codec, meta_level=6 if codec == 'zlib' else 0
        ),
    )
    assert_same(unpack(data, SOURCE), ARRAYS['many chunks'])


@pytest.mark.slow
@given(npst.arrays(npst.scalar_dtypes() | npst.array_dtypes(), npst.array_shapes(min_dims=0, min_side=0, max_side=4)))
def test_any_plain_array_comes_back_as_it_was(array: Array) -> None:
    assert_same(unpack(pack(array), SOURCE), array)


@pytest.mark.parametrize('dtype', ['S300', 'S2000000', 'V0', np.dtype([('a', 'u1'), ('b', 'f4')], align=True)])
def test_dtypes_bloscpack_cannot_keep_round_trip(dtype: Any) -> None:
    """Dtypes that the real bloscpack cannot store come back unchanged from ours."""
    assert_same(unpack(pack(np.zeros(3, dtype)), SOURCE), np.zeros(3, dtype))


@pytest.mark.parametrize(
    'dtype', ['O', [('a', 'O')], np.dtype({'names': ['a', 'b'], 'formats': ['u2', 'u1'], 'offsets': [0, 1]})]
)
def test_a_dtype_that_cannot_be_stored_is_refused(dtype: Any) -> None:
    with raises(InvalidArgumentError, argument='imgdtype'):
        pack(np.zeros(2, dtype))


def test_textured_images_get_smaller() -> None:
    array = np.add.outer(np.arange(480), np.arange(640)).astype(np.uint16)
    assert len(pack(array)) < array.nbytes / 4


SMALL = pack(random_array((6, 7), 'u2'))
METADATA_START, CONTENT_START = 32, 64


def test_a_file_cut_anywhere_is_damaged() -> None:
    for length in range(len(SMALL)):
        with raises(CorruptFileError, path=SOURCE):
            unpack(SMALL[:length], SOURCE)


@given(st.integers(0, len(SMALL) - 1), st.integers(1, 255))
def test_a_changed_byte_never_gives_another_array(position: int, change: int) -> None:
    damaged = bytearray(SMALL)
    damaged[position] ^= change
    with contextlib.suppress(CorruptFileError):
        assert_same(unpack(bytes(damaged), SOURCE), unpack(SMALL, SOURCE))


@given(st.binary(max_size=200))
def test_noise_is_no_container(data: bytes) -> None:
    for prefix in (b'', b'blpk\x03', SMALL[:CONTENT_START]):
        with pytest.raises(CorruptFileError):
            unpack(prefix + data, SOURCE)


def test_bytes_behind_the_end_are_damage() -> None:
    with pytest.raises(CorruptFileError, match='3 bytes follow'):
        unpack(SMALL + b'abc', SOURCE)


def test_a_container_of_plain_bytes_holds_no_array(bloscpack: Any) -> None:
    with pytest.raises(CorruptFileError, match='so no array'):
        unpack(bloscpack.pack_bytes_to_bytes(b'abc'), SOURCE)


def with_metadata(content: object, data: bytes = SMALL) -> bytes:
    """The same file with another metadata section, its checksum right."""
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    (old,) = struct.unpack_from('<I', data, METADATA_START + 16)
    header = struct.pack('<8sBBBBIII8s', b'JSON', 0, 1, 0, 0, len(text), len(text), len(text), b'')
    return (
        data[:METADATA_START] + header + text + struct.pack('<I', zlib.adler32(text)) + data[CONTENT_START + old + 4 :]
    )


RIGHT = {'dtype': "'<u2'", 'shape': [6, 7], 'order': 'C', 'container': 'numpy'}


def test_the_helper_of_these_tests_is_right() -> None:
    assert_same(unpack(with_metadata(RIGHT), SOURCE), unpack(SMALL, SOURCE))


@pytest.mark.parametrize(
    'wrong',
    [
        {'shape': [6, 8]},
        {'shape': [2**40, 2**40]},
        {'shape': [-6, -7]},
        {'shape': [6.0, 7]},
        {'shape': [True] * 40 + [6, 7]},
        {'shape': [1] * 65 + [6, 7]},
        {'shape': '67'},
        {'shape': None},
        {'dtype': "'<u4'"},
        {'dtype': "'O'"},
        {'dtype': "[('a', 'O')]"},
        {'dtype': 'print(1)'},
        {'dtype': '(' * 5000},
        {'dtype': "('<u2', (2147483647, 2147483647))"},
        {'dtype': 7},
        {'order': 'X'},
    ],
    ids=str,
)
def test_metadata_that_does_not_fit_is_damage(wrong: dict[str, Any]) -> None:
    with raises(CorruptFileError, path=SOURCE):
        unpack(with_metadata({**RIGHT, **wrong}), SOURCE)


@pytest.mark.parametrize('content', [b'', b'{', b'\xff', [], 3, {}, b'[' * 100_000], ids=lambda c: str(c)[:9])
def test_metadata_that_is_none_is_damage(content: object) -> None:
    with raises(CorruptFileError, path=SOURCE):
        unpack(with_metadata(content), SOURCE)


def test_metadata_that_swells_is_not_read_whole() -> None:
    bomb = zlib.compress(bytes(50_000_000))
    header = struct.pack('<8sBBBBIII8s', b'JSON', 0, 0, 1, 6, 50_000_000, len(bomb), len(bomb), b'')
    with pytest.raises(CorruptFileError, match='header of its metadata'):
        unpack(SMALL[:METADATA_START] + header + bomb, SOURCE)


def test_a_small_chunk_that_claims_to_be_huge_is_not_believed() -> None:
    array = np.zeros(2**20, np.uint8)
    data = bytearray(pack(array))
    claimed = 2**31 - 1
    chunk = struct.unpack_from('<q', data, data.index(b'numpy"}') + 11)[0]
    struct.pack_into('<ii', data, 8, claimed, claimed)
    struct.pack_into('<I', data, chunk + 4, claimed)
    with pytest.raises(CorruptFileError, match='header of a chunk'):
        unpack(bytes(data), SOURCE)


def test_a_file_that_was_never_finished_is_damaged() -> None:
    data = bytearray(SMALL)
    struct.pack_into('<q', data, 16, -1)
    with pytest.raises(CorruptFileError, match='never finished'):
        unpack(bytes(data), SOURCE)


def test_chunk_sizes_may_be_unknown() -> None:
    data = bytearray(SMALL)
    struct.pack_into('<ii', data, 8, -1, -1)
    assert_same(unpack(bytes(data), SOURCE), unpack(SMALL, SOURCE))


def test_without_numcodecs_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'numcodecs', None)
    for call in (lambda: pack(np.zeros(3)), lambda: unpack(SMALL, SOURCE)):
        with raises(MissingDependencyError, name='numcodecs'):
            call()


def test_an_unknown_type_of_checksum_is_damage() -> None:
    data = bytearray(SMALL)
    data[6] = 200
    with pytest.raises(CorruptFileError, match='checksum type 200 is unknown'):
        unpack(bytes(data), SOURCE)


def test_a_chunk_whose_checksum_is_right_may_still_be_damaged() -> None:
    """Somebody's program wrote nonsense and its checksum."""
    data = bytearray(SMALL)
    start = struct.unpack_from('<q', data, data.index(b'numpy"}') + 11)[0]
    end = start + struct.unpack_from('<I', data, start + 12)[0]
    data[start + 16 : end] = b'\xff' * (end - start - 16)
    data[start + 2] = 0b11100001  # shuffled, by a compressor that does not exist
    data[end : end + 4] = struct.pack('<I', zlib.adler32(data[start:end]))
    with pytest.raises(CorruptFileError, match='cannot be decompressed'):
        unpack(bytes(data), SOURCE)
