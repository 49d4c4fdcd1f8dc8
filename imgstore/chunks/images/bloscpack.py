"""Bloscpack containers, version 3: one array, compressed, with checksums.

All numbers are little-endian::

    header | metadata header, metadata, spare room, checksum | offsets | chunk, checksum | chunk, checksum | …

The metadata is JSON and describes the array in all chunks together. Each chunk is a piece of the array's bytes,
compressed by Blosc 1. Offsets are positions of chunks in the file, or -1 for spare room.
"""

from __future__ import annotations

import ast
import hashlib
import json
import math
import struct
import zlib
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..._support.plausible import BLOSC_RATIO, max_bytes
from ...errors import CorruptFileError, InvalidArgumentError, MissingDependencyError

_MAGIC = b'blpk'
_VERSION = 3
_HAS_OFFSETS = 1
_HAS_METADATA = 2
_METADATA_FORMAT = b'JSON'
_NOT_COMPRESSED, _ZLIB = 0, 1
_ADLER32 = 1

_CHUNK_SIZE = 2**20
_COMPRESSOR, USUAL_LEVEL, _SHUFFLE = b'lz4', 5, 1
_MAX_TYPESIZE = 255

# Limits for sizes stated in a file: far above those of any array, far below harmful ones
_MAX_METADATA_SIZE = 2**20
_MAX_DIMENSIONS = 64
_MAX_DTYPE_SIZE = 10_000  # characters, the same as numpy's own limit

_HEADER = struct.Struct('<4sBBBBiiqq')
_METADATA_HEADER = struct.Struct('<8sBBBBIII8s')
_BLOSC_HEADER = struct.Struct('<BBBBIII')

_CHECKSUMS: dict[int, Callable[[Any], bytes]] = {
    0: lambda data: b'',
    _ADLER32: lambda data: struct.pack('<I', zlib.adler32(data)),
    2: lambda data: struct.pack('<I', zlib.crc32(data)),
    3: lambda data: hashlib.md5(data, usedforsecurity=False).digest(),
    4: lambda data: hashlib.sha1(data, usedforsecurity=False).digest(),
    5: lambda data: hashlib.sha224(data).digest(),
    6: lambda data: hashlib.sha256(data).digest(),
    7: lambda data: hashlib.sha384(data).digest(),
    8: lambda data: hashlib.sha512(data).digest(),
}


class _Header(NamedTuple):
    """The first 32 bytes; sizes of uncompressed chunks, -1 if unknown."""

    magic: bytes
    version: int
    options: int
    checksum: int
    typesize: int
    chunk_size: int
    last_chunk_size: int
    chunk_count: int
    spare_chunk_count: int


class _Layout(NamedTuple):
    """Description of the array in the chunks."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    order: str


class _Chunk(NamedTuple):
    compressed: memoryview
    size: int


def pack(array: NDArray[Any], level: int = USUAL_LEVEL) -> list[bytes]:
    """Compress an array into a container.

    Parameters
    ----------
    array : numpy.ndarray
        Any shape, strides and dtype without Python objects.
    level : int
        Compression level from 0 (none) to 9.

    Returns
    -------
    list of bytes
        The file's content, in parts.

    Raises
    ------
    InvalidArgumentError
        The dtype has Python objects or overlapping fields.
    MissingDependencyError
        numcodecs is not installed.
    """
    order = 'F' if array.flags.f_contiguous and not array.flags.c_contiguous else 'C'
    metadata = _encode_metadata(array, order)
    pieces = _split(array.ravel('F' if order == 'F' else 'C'))
    blosc = _import_blosc()
    chunks = [blosc.compress(piece, _COMPRESSOR, level, _SHUFFLE) for piece in pieces]
    header = _Header(
        magic=_MAGIC,
        version=_VERSION,
        options=_HAS_OFFSETS | _HAS_METADATA,
        checksum=_ADLER32,
        typesize=pieces[0].itemsize,
        chunk_size=pieces[0].nbytes,
        last_chunk_size=pieces[-1].nbytes,
        chunk_count=len(chunks),
        spare_chunk_count=0,
    )
    start = _HEADER.size + len(metadata)
    return [_HEADER.pack(*header), metadata, *_offsets_and_chunks(chunks, start)]


def unpack(data: bytes | memoryview, source: str, usual: int = 2**40) -> NDArray[Any]:
    """Decompress the array in a container.

    Parameters
    ----------
    data : bytes or memoryview
        The complete file.
    source : str
        Path of the file, for the errors.
    usual : int
        Usual size of such an array in bytes; a much larger one is considered damaged.

    Raises
    ------
    CorruptFileError
        The file is damaged, is no container, or holds no array.
    MissingDependencyError
        numcodecs is not installed.
    """
    container = _Container(data, source)
    header = container.read_header()
    layout = container.read_layout(header)
    container.skip_offsets(header)
    chunks = container.read_chunks(header)
    size = math.prod(layout.shape) * layout.dtype.itemsize
    if sum(chunk.size for chunk in chunks) != size:
        raise container.damage(f'its chunks do not add up to shape {layout.shape} of {layout.dtype}')
    if size > max_bytes(expected=usual):
        raise container.damage(f'it claims an array of {size} bytes')
    return container.build_array(layout, chunks, size)


def _split(flat: NDArray[Any]) -> list[NDArray[Any]]:
    """Split the array into pieces of about a chunk's size, for Blosc."""
    if not flat.nbytes:
        return [np.empty(0, np.uint8)]
    typesize = flat.itemsize if flat.itemsize <= _MAX_TYPESIZE else 1
    plain = flat.view(f'V{typesize}')
    step = _CHUNK_SIZE // typesize
    return [plain[start : start + step] for start in range(0, len(plain), step)]


def _encode_metadata(array: NDArray[Any], order: str) -> bytes:
    content = {'dtype': repr(_describe(array.dtype)), 'shape': array.shape, 'order': order, 'container': 'numpy'}
    text = json.dumps(content, separators=(',', ':')).encode()
    header = _METADATA_HEADER.pack(
        _METADATA_FORMAT, 0, _ADLER32, _NOT_COMPRESSED, 0, len(text), len(text), len(text), b''
    )
    return header + text + _CHECKSUMS[_ADLER32](text)


def _describe(dtype: np.dtype[Any]) -> Any:
    if dtype.hasobject:
        raise InvalidArgumentError(
            f'dtype {dtype} holds Python objects; bpk can store only plain values', argument='imgdtype'
        )
    try:
        return np.lib.format.dtype_to_descr(dtype)
    except ValueError as error:
        raise InvalidArgumentError(f'dtype {dtype} cannot be stored as bpk: {error}', argument='imgdtype') from error


def _offsets_and_chunks(chunks: list[bytes], start: int) -> list[bytes]:
    position = start + 8 * len(chunks)
    offsets, parts = [], []
    for chunk in chunks:
        checksum = _CHECKSUMS[_ADLER32](chunk)
        offsets.append(position)
        parts += [chunk, checksum]
        position += len(chunk) + len(checksum)
    return [struct.pack(f'<{len(offsets)}q', *offsets), *parts]


class _Container:
    """Parser of a possibly damaged file."""

    def __init__(self, data: bytes | memoryview, source: str) -> None:
        self._data = memoryview(data)
        self._position = 0
        self._source = source

    def damage(self, what: str) -> CorruptFileError:
        return CorruptFileError(f'{self._source} is damaged or no Bloscpack file: {what}', path=self._source)

    def read_header(self) -> _Header:
        header = _Header(*_HEADER.unpack(self._take(_HEADER.size)))
        if header.magic != _MAGIC or header.version != _VERSION:
            raise self.damage(f'it does not start with {_MAGIC.decode()!r} and format version {_VERSION}')
        if header.checksum not in _CHECKSUMS:
            raise self.damage(f'its checksum type {header.checksum} is unknown')
        if header.chunk_count < 0 or header.spare_chunk_count < 0:
            raise self.damage('its number of chunks is unknown: it was never finished')
        return header

    def read_layout(self, header: _Header) -> _Layout:
        if not header.options & _HAS_METADATA:
            raise self.damage('it has no metadata, so no array')
        _, _, checksum, codec, _, size, room, compressed_size, _ = _METADATA_HEADER.unpack(
            self._take(_METADATA_HEADER.size)
        )
        if checksum not in _CHECKSUMS or codec not in (_NOT_COMPRESSED, _ZLIB) or size > _MAX_METADATA_SIZE:
            raise self.damage('the header of its metadata is invalid')
        stored = self._take(room)[:compressed_size]
        self._check(stored, checksum)
        return self._parse_layout(self._inflate(stored, size) if codec == _ZLIB else bytes(stored[:size]))

    def _inflate(self, stored: memoryview, size: int) -> bytes:
        try:
            return zlib.decompressobj().decompress(stored, size) if size else b''
        except zlib.error as error:
            raise self.damage(f'its metadata cannot be decompressed ({error})') from error

    def _parse_layout(self, text: bytes) -> _Layout:
        try:
            content = json.loads(text)
            layout = _Layout(_parse_dtype(content['dtype']), tuple(content['shape']), content['order'])
        except Exception as error:  # the errors of numpy and Python for damaged descriptions are not documented
            raise self.damage(f'its metadata does not describe an array ({error})') from error
        if layout.dtype.hasobject or layout.order not in ('C', 'F'):
            raise self.damage(f'it holds an array of dtype {layout.dtype} in order {layout.order}')
        if len(layout.shape) > _MAX_DIMENSIONS or not all(type(n) is int and n >= 0 for n in layout.shape):
            raise self.damage(f'its shape is {layout.shape}')
        return layout

    def skip_offsets(self, header: _Header) -> None:
        if header.options & _HAS_OFFSETS:
            self._take(8 * (header.chunk_count + header.spare_chunk_count))

    def read_chunks(self, header: _Header) -> list[_Chunk]:
        chunks = [self._read_chunk(header, i == header.chunk_count - 1) for i in range(header.chunk_count)]
        if self._position != len(self._data):
            raise self.damage(f'{len(self._data) - self._position} bytes follow its last chunk')
        return chunks

    def _read_chunk(self, header: _Header, is_last: bool) -> _Chunk:
        *_, size, _, compressed_size = _BLOSC_HEADER.unpack(self._peek(_BLOSC_HEADER.size))
        if compressed_size < _BLOSC_HEADER.size or size > compressed_size * BLOSC_RATIO:
            raise self.damage('the header of a chunk is invalid')
        expected = header.last_chunk_size if is_last else header.chunk_size
        if expected not in (size, -1):
            raise self.damage(f'a chunk holds {size} bytes instead of {expected}')
        compressed = self._take(compressed_size)
        self._check(compressed, header.checksum)
        return _Chunk(compressed, size)

    def build_array(self, layout: _Layout, chunks: list[_Chunk], size: int) -> NDArray[Any]:
        blosc = _import_blosc()
        content = np.empty(size, np.uint8)
        start = 0
        for chunk in chunks:
            if chunk.size:
                self._decompress(blosc, chunk, content[start : start + chunk.size])
            start += chunk.size
        try:
            return np.ndarray(layout.shape, layout.dtype, content.data, order='F' if layout.order == 'F' else 'C')
        except (ValueError, OverflowError) as error:
            raise self.damage(f'shape {layout.shape} of {layout.dtype}: {error}') from error

    def _decompress(self, blosc: ModuleType, chunk: _Chunk, target: NDArray[Any]) -> None:
        try:
            blosc.decompress(chunk.compressed, target)
        except (RuntimeError, ValueError) as error:
            raise self.damage(f'a chunk cannot be decompressed ({error})') from error

    def _check(self, content: memoryview, kind: int) -> None:
        expected = _CHECKSUMS[kind](content)
        if self._take(len(expected)) != expected:
            raise self.damage('a checksum differs')

    def _peek(self, count: int) -> memoryview:
        end = self._position + count
        if end > len(self._data):
            raise self.damage('it ends too early')
        return self._data[self._position : end]

    def _take(self, count: int) -> memoryview:
        taken = self._peek(count)
        self._position += count
        return taken


def _parse_dtype(text: str) -> np.dtype[Any]:
    if len(text) > _MAX_DTYPE_SIZE:
        raise ValueError('its dtype is too long')
    return np.lib.format.descr_to_dtype(ast.literal_eval(text))


def _import_blosc() -> ModuleType:
    try:
        from numcodecs import blosc
    except ImportError as error:
        raise MissingDependencyError.for_extra('the format bpk needs numcodecs', 'numcodecs', 'bloscpack') from error
    module: ModuleType = blosc
    return module
