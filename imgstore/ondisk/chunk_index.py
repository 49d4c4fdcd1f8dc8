"""Index file of one chunk, with its frame numbers and times.

It is written atomically and never unpickled.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from .._support.npy import read_header
from .._support.plausible import DEFLATE_RATIO
from .._support.regular_files import file_size, open_regular, read_regular
from .._support.yaml import dump_yaml, load_yaml
from ..constants import (
    CHECKSUMS,
    DECODER_CHECKSUM,
    EXTRA_DATA_CHECKSUMS,
    FRAME_MD,
    FRAME_NUMBER,
    FRAME_NUMBER_BEFORE_REINDEX,
    FRAME_TIME,
)
from ..errors import CorruptFileError, RemoteAccessError, StoreIOError
from ..remote import files as remote
from ..remote.urls import is_url
from .files import open_atomic, remove_if_there
from .layout import INDEX_EXTENSIONS, index_path
from .plain_npz import LACKS, count_rows, has_member, read_arrays

if TYPE_CHECKING:
    import zipfile

Numbers = npt.NDArray[np.int64]
Times = npt.NDArray[np.float64]
_Answer = TypeVar('_Answer')

_MAX_BYTES = 2**30
"""Size limit of an index: more frames than any chunk has, and room for other programs' arrays."""

_YAML_ENDS = (b'\n', b'}', b']')


def read_chunk_index(stem: str) -> tuple[Numbers, Times]:
    """Read the frame numbers and times of a chunk.

    Parameters
    ----------
    stem : str
        Path of its ``.npz`` or ``.yaml`` without the extension.

    Returns
    -------
    frame_numbers : ndarray of int64, shape (n,)
    frame_times : ndarray of float64, shape (n,)
        In seconds.

    Raises
    ------
    CorruptFileError
        The index is missing or damaged.
    """
    path = index_path(stem)
    if path is None:
        raise CorruptFileError(f'{stem}: the chunk has no index', path=stem, reason='it has no index')
    numbers, times = _read_yaml(path) if path.endswith('.yaml') else _read_npz(path)
    numbers, times = _as_int64(path, numbers), _as_float64(path, times)
    if numbers.ndim != 1 or numbers.shape != times.shape:
        raise CorruptFileError(f'{path} has {numbers.shape} frame numbers and {times.shape} frame times', path=path)
    return numbers, times


def _read_npz(path: str) -> tuple[Any, Any]:
    arrays = _plain(path, read_arrays)
    if arrays is not None:
        return arrays[0], arrays[1]
    with _opened(path) as archive:
        return _read_member(path, archive, FRAME_NUMBER), _read_member(path, archive, FRAME_TIME)


def _plain(path: str, read: Callable[[str, Sequence[str], int], _Answer]) -> _Answer:
    """Read from a plain file without `zipfile`."""
    try:
        return read(path, FRAME_MD, _MAX_BYTES)
    except OSError as error:
        raise _for_lack(path, error) from error


def _for_lack(path: str, error: OSError) -> StoreIOError:
    return StoreIOError(f'{path} could not be read: {error.strerror}', path=path)


@contextlib.contextmanager
def _opened(path: str) -> Iterator[zipfile.ZipFile]:
    import zipfile

    try:
        with _file(path) as file, zipfile.ZipFile(file) as archive:
            if file_size(path) > _MAX_BYTES:
                raise ValueError(f'it has more than {_MAX_BYTES} bytes')
            yield archive
    except RemoteAccessError:
        raise
    except Exception as error:  # zipfile, zlib and numpy's header parser have their own errors
        if isinstance(error, OSError) and error.errno in LACKS:
            raise _for_lack(path, error) from error
        raise CorruptFileError(f'{path} is not a readable index of a chunk: {error!r}', path=path) from error


def _file(path: str) -> IO[bytes]:
    """Open an index; a remote one is read at once."""
    return io.BytesIO(remote.read_file(path, _MAX_BYTES)) if is_url(path) else open_regular(path)


def _read_member(path: str, archive: zipfile.ZipFile, key: str) -> npt.NDArray[Any]:
    with archive.open(key + '.npy') as file:
        rows, dtype = _read_header(path, archive, file)
        return np.frombuffer(file.read(), dtype, rows)


def _read_header(path: str, archive: zipfile.ZipFile, file: IO[bytes]) -> tuple[int, np.dtype[Any]]:
    """Return the rows and dtype.

    Raise ValueError unless they match the size of the data.
    """
    (rows,), _, dtype = read_header(file)
    member = archive.getinfo(file.name)
    _check_size(path, [member])
    if rows < 0 or dtype.kind not in 'iuf' or member.file_size != file.tell() + rows * dtype.itemsize:
        raise ValueError(f'{file.name} is cut off or holds no numbers')
    return rows, dtype


def _check_size(path: str, members: list[zipfile.ZipInfo]) -> None:
    """Refuse members that claim more memory than the archive can hold."""
    import zipfile

    if any(member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for member in members):
        raise ValueError('numpy does not write this compression')
    if sum(member.file_size for member in members) > file_size(path) * DEFLATE_RATIO:
        raise ValueError('it claims more than it can hold')


def _read_yaml(path: str) -> tuple[Any, Any]:
    content = load_yaml(path)
    if not isinstance(content, dict) or not all(isinstance(content.get(key), list) for key in FRAME_MD):
        raise CorruptFileError(f'{path} must have the lists {FRAME_NUMBER} and {FRAME_TIME}', path=path)
    if not all(isinstance(value, (int, float)) for key in FRAME_MD for value in content[key]):
        raise CorruptFileError(f'{path}: {FRAME_NUMBER} or {FRAME_TIME} has values other than numbers', path=path)
    if not read_regular(path).endswith(_YAML_ENDS):  # a cut-off last number would lose digits
        raise CorruptFileError(f'{path} is cut off: it does not end with a line break', path=path)
    return content[FRAME_NUMBER], content[FRAME_TIME]


def _as_int64(path: str, values: Any) -> Numbers:
    array = _numeric(path, FRAME_NUMBER, values)
    if array.dtype == np.int64:
        return array
    with np.errstate(invalid='ignore'):
        numbers = array.astype(np.int64)
    if not np.array_equal(numbers, array):
        raise CorruptFileError(f'{path}: {FRAME_NUMBER} has values other than integers', path=path)
    return numbers


def _as_float64(path: str, values: Any) -> Times:
    return _numeric(path, FRAME_TIME, values).astype(np.float64, copy=False)


def _numeric(path: str, key: str, values: Any) -> npt.NDArray[Any]:
    try:
        array = np.asarray(values)
    except (ValueError, OverflowError) as error:
        raise CorruptFileError(f'{path}: {key} is not a list of numbers', path=path) from error
    if array.dtype.kind not in 'iuf':
        raise CorruptFileError(f'{path}: {key} has the dtype {array.dtype}, not numbers', path=path)
    return array


def count_frames(stem: str) -> int:
    """Count a chunk's frames by its index, or raise CorruptFileError."""
    path = index_path(stem)
    if path is None or not path.endswith('.npz'):
        return len(read_chunk_index(stem)[0])
    numbers, times = _plain(path, count_rows) or _count_by_zipfile(path)
    if numbers != times:
        raise CorruptFileError(f'{path} has {numbers} frame numbers and {times} frame times', path=path)
    return numbers


def _count_by_zipfile(path: str) -> list[int]:
    with _opened(path) as archive:
        return [_count_rows(path, archive, key) for key in FRAME_MD]


def _count_rows(path: str, archive: zipfile.ZipFile, key: str) -> int:
    with archive.open(key + '.npy') as file:
        return _read_header(path, archive, file)[0]


def is_empty(stem: str) -> bool:
    """Return whether a chunk has an index without frames."""
    try:
        return index_path(stem) is not None and count_frames(stem) == 0
    except CorruptFileError:
        return False


def write_chunk_index(
    stem: str,
    numbers: Numbers,
    times: Times,
    checksums: npt.NDArray[np.uint64] | None = None,
    decoder_checksum: int = 0,
    extra_data_checksums: npt.NDArray[np.uint64] | None = None,
) -> None:
    """Write a chunk's ``.npz`` atomically, with checksums if given."""
    import zipfile

    members = {FRAME_NUMBER: numbers, FRAME_TIME: times, **checksum_members(checksums, decoder_checksum)}
    with open_atomic(stem + INDEX_EXTENSIONS[0]) as file, zipfile.ZipFile(file, 'w') as archive:
        _write_members(archive, {**members, EXTRA_DATA_CHECKSUMS: extra_data_checksums})


def checksum_members(checksums: npt.NDArray[np.uint64] | None, decoder_checksum: int) -> dict[str, Any]:
    """Return the members of an index with checksums.

    None for those that it does not have.
    """
    decoder = np.array([decoder_checksum], np.uint64) if decoder_checksum else None
    return {CHECKSUMS: checksums, DECODER_CHECKSUM: decoder}


def _write_members(archive: zipfile.ZipFile, members: Mapping[str, npt.NDArray[Any] | None]) -> None:
    for key, values in members.items():
        if values is not None:
            _write_member(archive, key, values)


def read_member(stem: str, key: str) -> npt.NDArray[Any] | None:
    """Read another array of numbers in a chunk's ``.npz``; None if there is none.

    Raises CorruptFileError if it is damaged.
    """
    path = index_path(stem)
    if path is None or path.endswith('.yaml') or has_member(path, key, _MAX_BYTES) is False:
        return None
    try:
        arrays = read_arrays(path, (key,), _MAX_BYTES)
    except OSError as error:
        raise _for_lack(path, error) from error
    if arrays is not None:
        return arrays[0]
    with _opened(path) as archive:
        return _read_member(path, archive, key) if f'{key}.npy' in archive.namelist() else None


def read_first_numbers(stem: str) -> Numbers | None:
    """Read the frame numbers before the first renumbering.

    None if there are none, or damaged.
    """
    path = index_path(stem)
    if path is None:
        return None
    try:
        if path.endswith('.yaml'):
            return _as_int64(path, load_yaml(path)[FRAME_NUMBER_BEFORE_REINDEX])
        with _opened(path) as archive:
            return _as_int64(path, _read_member(path, archive, FRAME_NUMBER_BEFORE_REINDEX))
    except (CorruptFileError, KeyError, TypeError):
        return None


def rewrite_frame_numbers(
    stem: str, numbers: Numbers, target: str, extra_data_checksums: npt.NDArray[np.uint64] | None = None
) -> str:
    """Write a chunk's index with other frame numbers to ``target``.

    The old file stays.

    ``_frame_number_before_reindex`` keeps the very first numbers. All else in the index is copied, pickled data without
    loading it. With ``extra_data_checksums``, these replace the old ones.

    Returns
    -------
    path : str
        Path of the index to replace by the new file.
    """
    path = index_path(stem)
    if path is None:
        raise CorruptFileError(f'{stem}: the chunk has no index', path=stem, reason='it has no index')
    before, _ = read_chunk_index(stem)
    try:
        with open(target, 'wb') as file:
            if path.endswith('.yaml'):
                _renumber_yaml(path, file, before, numbers)
            else:
                _renumber_npz(path, file, before, numbers, extra_data_checksums)
    except BaseException:
        remove_if_there(target)
        raise
    return path


def _renumber_yaml(path: str, file: IO[bytes], before: Numbers, numbers: Numbers) -> None:
    content = load_yaml(path)
    content.setdefault(FRAME_NUMBER_BEFORE_REINDEX, before.tolist())
    file.write(dump_yaml({**content, FRAME_NUMBER: numbers.tolist()}))


def _renumber_npz(
    path: str, file: IO[bytes], before: Numbers, numbers: Numbers, extra_data: npt.NDArray[np.uint64] | None
) -> None:
    import zipfile

    members: dict[str, npt.NDArray[Any]] = {FRAME_NUMBER: numbers}
    members |= {} if extra_data is None else {EXTRA_DATA_CHECKSUMS: extra_data}
    with zipfile.ZipFile(file, 'w') as archive:
        names = _copy_members(path, archive, [*members])
        if FRAME_NUMBER_BEFORE_REINDEX not in names:
            members[FRAME_NUMBER_BEFORE_REINDEX] = before
        _write_members(archive, members)


def has_room_for_checksums(stem: str) -> bool:
    """Return whether a chunk's index is an ``.npz``; a ``.yaml`` has no room."""
    return str(index_path(stem)).endswith(INDEX_EXTENSIONS[0])


def rewrite_members(stem: str, members: Mapping[str, npt.NDArray[np.uint64] | None]) -> None:
    """Replace members of a chunk's ``.npz``, atomically.

    Those that are None are removed. All else is copied.
    """
    import zipfile

    path = stem + INDEX_EXTENSIONS[0]
    with open_atomic(path) as file, zipfile.ZipFile(file, 'w') as archive:
        _copy_members(path, archive, [*members])
        _write_members(archive, members)


def _copy_members(path: str, archive: zipfile.ZipFile, replaced: Sequence[str]) -> set[str]:
    """Copy all other members of an index, each once; return all keys."""
    names: set[str] = set()
    for member, content in _members(path):
        name = member.filename.removesuffix('.npy')
        if name not in replaced and name not in names:
            _write_bytes(archive, member.filename, content, member.compress_type)
        names.add(name)
    return names


def _members(path: str) -> Iterator[tuple[zipfile.ZipInfo, bytes]]:
    with _opened(path) as archive:
        _check_size(path, archive.infolist())
        for member in archive.infolist():
            yield member, archive.read(member)


def _write_member(archive: zipfile.ZipFile, key: str, values: npt.NDArray[Any]) -> None:
    import zipfile

    content = io.BytesIO()
    np.lib.format.write_array(content, values, allow_pickle=False)
    _write_bytes(archive, key + '.npy', content.getvalue(), zipfile.ZIP_STORED)


def _write_bytes(archive: zipfile.ZipFile, name: str, content: bytes, compress_type: int) -> None:
    import zipfile

    undated = zipfile.ZipInfo(name)  # zip cannot hold every year of a recorder's clock
    undated.compress_type = compress_type
    with archive.open(undated, 'w', force_zip64=True) as member:
        member.write(content)
