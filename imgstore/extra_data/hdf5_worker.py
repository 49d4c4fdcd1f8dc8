"""The program run by `hdf5_client`: prints the content of HDF5 files.

HDF5 may crash or hang on a damaged file. Here that ends only this process. It imports nothing from imgstore. Its
argument lists the folders of packages, its input the files to read.
"""

from __future__ import annotations

import faulthandler
import json
import math
import os
import stat
import sys
import time
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

if __name__ == '__main__':
    sys.path += [folder for folder in json.loads(sys.argv[1]) if folder not in sys.path]

import numpy as np

try:
    import resource
except ImportError:  # Windows has no limits of this kind
    resource = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import h5py
    from numpy.typing import NDArray

Message = tuple[dict[str, Any], 'list[NDArray[Any]]']
"""The JSON part of a message, and its arrays."""

LATE, NO_ROOM = 1, 74
"""Exit codes: a file took too long (set by faulthandler); the answers cannot be written."""

ENOUGH = 2**28
"""Limit in bytes of the answers of one process; another one reads the remaining files."""

_MAX_HEADER = 2**22  # characters of a dtype's description

_ROOM = 2**28
"""Bytes of memory for HDF5 itself, in addition to a file's content."""

_LONGEST_ERROR = 500

_MOST_CHUNKS = 2000
"""Limit for checking chunks with an old HDF5, which takes less than a second."""


def write_message(file: IO[bytes], head: dict[str, Any], arrays: Sequence[NDArray[Any]] = ()) -> None:
    """Write JSON and arrays in ``.npy`` format, one after the other."""
    text = json.dumps({**head, 'arrays': len(arrays)}).encode()
    for array in (np.frombuffer(text, np.uint8), *arrays):
        np.save(file, array, allow_pickle=False)
    file.flush()


def read_message(file: IO[bytes]) -> Message:
    """Read a message of `write_message`; EOFError at the end."""
    head = json.loads(_array(file).tobytes())
    return head, [_array(file) for _ in range(head['arrays'])]


def split_names(value: Any) -> list[str]:
    """Split a comma-separated list of text or bytes."""
    if isinstance(value, np.ndarray) and not value.ndim:
        value = value.item()
    text = value.decode('utf-8', 'replace') if isinstance(value, bytes) else str(value)
    return [name.strip() for name in text.split(',') if name.strip()]


def main() -> None:
    """Process the orders of the input.

    End early after many answers or after the time limit.
    """
    import h5py

    answers = os.fdopen(os.dup(1), 'wb')
    write_message(answers, {'versions': [h5py.__version__, np.__version__]})
    request, arrays = read_message(sys.stdin.buffer)
    os.dup(2)  # stays open until this process ends: the parent waits for that
    for stream in (1, 2):  # keep output of libraries out of the answers
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    end = time.monotonic() + (request['seconds'] or 0)
    for order in request['orders']:
        serve(order, arrays, answers)
        if answers.tell() > ENOUGH or (request['seconds'] and time.monotonic() > end):
            break


def serve(order: dict[str, Any], arrays: list[NDArray[Any]], answers: IO[bytes]) -> None:
    """Process one order for one file, and write the result."""
    try:
        _limit_process(order)
        answer, content = (_replaced if 'target' in order else _read)(order, arrays)
    except Exception as error:  # noqa: BLE001 -- h5py's errors for damaged files are not documented
        text = f'{error}'[:_LONGEST_ERROR] or type(error).__name__
        answer, content = {'error': text, 'errno': getattr(error, 'errno', None)}, []
    try:
        write_message(answers, answer, content)
    except OSError:
        os._exit(NO_ROOM)


def _array(file: IO[bytes]) -> NDArray[Any]:
    array: NDArray[Any] = np.load(file, max_header_size=_MAX_HEADER)
    return array


# --- orders


def _read(order: dict[str, Any], _: list[NDArray[Any]]) -> Message:
    """Read the requested attributes and datasets, only from the file itself."""
    import h5py

    content = _Content(order['size'], order['most'])
    path = order['path'].encode('latin-1')
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError('it is not a regular file')
    with h5py.File(path, 'r') as file:
        own = [name for name in file if isinstance(file.get(name, getlink=True), h5py.HardLink)]
        listed = split_names(file.attrs.get(order['listed'], ''))
        load = None if order['load'] is None else [*(name for name in order['load'] if name in own), *listed]
        if missing := [name for name in load or () if name not in own]:
            raise ValueError(f'it has no dataset {missing[0]!r}')
        names = dict.fromkeys(own if load is None else load)
        attributes = {name: content.attributes(file[name], order['keys']) for name in names}
        datasets = {} if load is None else {name: content.fields(name, file[name]) for name in names}
    return {'listed': listed, 'attributes': attributes, 'datasets': datasets}, content.arrays


def _replaced(order: dict[str, Any], arrays: list[NDArray[Any]]) -> Message:
    """Replace or append fields of a dataset in the target."""
    import h5py

    given, name = dict(zip(order['fields'], arrays, strict=True)), order['name']
    with h5py.File(order['target'].encode('latin-1'), 'r+') as file:
        before, attributes, chunks = file[name][()], dict(file[name].attrs), file[name].chunks
        types = {field: before.dtype[field] for field in before.dtype.names}
        types.update((field, values.dtype) for field, values in given.items())
        after = np.empty(before.shape, list(types.items()))
        for field in types:
            after[field] = given[field] if field in given else before[field]
        del file[name]
        file.create_dataset(name, data=after, chunks=chunks).attrs.update(attributes)
    return {}, []


class _Content:
    """The requested content of a file, within a limit in bytes."""

    def __init__(self, size: int, most: int) -> None:
        self.arrays: list[NDArray[Any]] = []
        self._size, self._left = size, most

    def attributes(self, thing: Any, keys: list[str] | None) -> dict[str, Any]:
        found = thing.attrs
        wanted = list(found) if keys is None else [key for key in keys if key in found]
        return {key: self._json(found[key]) for key in wanted}

    def fields(self, name: str, dataset: Any) -> dict[str, Any]:
        """Return a dataset as {'': values}, or as values by field.

        They are in this machine's byte order, for pandas.
        """
        import h5py

        if not isinstance(dataset, h5py.Dataset) or dataset.shape is None or dataset.external or dataset.is_virtual:
            raise ValueError(f'it has no dataset {name!r}')
        if dataset.nbytes > self._left:
            raise ValueError(f'dataset {name!r} claims {dataset.nbytes} bytes')
        _limit_memory(_ROOM + 2 * self._size + 3 * dataset.nbytes)
        _check_chunks(dataset)
        values = np.atleast_1d(dataset[()])
        fields = {field: values[field] for field in values.dtype.names or ()} or {'': values}
        described = {field: self._json(_native(array)) for field, array in fields.items()}
        if None in described.values():
            raise ValueError(f'dataset {name!r} holds neither numbers nor text')
        return described

    def _json(self, value: Any) -> Any:
        """Return the position of an array; else None.

        For texts, return the texts, their shape and whether they are bytes.
        """
        array = np.empty((), object)
        array[()] = value
        array = array if isinstance(value, str) else np.asarray(value)
        kinds = {type(item) for item in array.flat} if array.dtype == object else set()
        if not array.dtype.hasobject:
            self._charge(array.nbytes)
            self.arrays.append(array)
            return len(self.arrays) - 1
        if array.dtype != object or not (kinds <= {str} or kinds <= {bytes}):
            return None
        self._charge(sum(map(len, array.flat)))
        are_bytes = str not in kinds
        return [item.decode('latin-1') if are_bytes else item for item in array.flat], array.shape, are_bytes

    def _charge(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise ValueError('its content takes too much memory')


def _native(values: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(values, values.dtype.newbyteorder('='))


# --- limits


def _check_chunks(dataset: h5py.Dataset) -> None:
    """Reject unfiltered chunks of a wrong size.

    HDF5 would fill them up with arbitrary memory.
    """
    if dataset.chunks is None:
        return
    unfiltered = 2 ** dataset.id.get_create_plist().get_nfilters() - 1
    known = not dataset.dtype.hasobject  # text is stored as references, whose size depends on the file
    sizes = {math.prod(dataset.chunks) * dataset.id.get_type().get_size()} if known else set()

    def is_wrong(chunk: Any) -> bool | None:
        if chunk.byte_offset is not None and chunk.filter_mask & unfiltered == unfiltered:
            sizes.add(chunk.size)
        return len(sizes) > 1 or None  # None: go on

    if _any_chunk(dataset, is_wrong):
        raise ValueError(f'a chunk of dataset {dataset.name!r} has a wrong size')


def _any_chunk(dataset: h5py.Dataset, is_wrong: Callable[[Any], bool | None]) -> bool:
    if hasattr(dataset.id, 'chunk_iter'):
        return bool(dataset.id.chunk_iter(is_wrong))
    count = dataset.id.get_num_chunks()  # before HDF5 1.12.3, each search starts at the first chunk
    return count <= _MOST_CHUNKS and any(is_wrong(dataset.id.get_chunk_info(place)) for place in range(count))


def _limit_process(order: dict[str, Any]) -> None:
    """Limit elapsed time, CPU time and memory of this process for one file."""
    _limit_memory(_ROOM + 2 * order['size'])
    faulthandler.dump_traceback_later(order['seconds'], file=1, exit=True)
    if resource is not None:
        _limit(resource.RLIMIT_CORE, 0)
        _limit(resource.RLIMIT_CPU, int(time.process_time()) + 1 + order['computing'])


def _limit_memory(more: int) -> None:
    """Limit this process's further memory, if the system reports its size."""
    with suppress(OSError), open('/proc/self/statm', encoding='ascii') as pages:
        _limit(resource.RLIMIT_AS, int(pages.read().split()[0]) * resource.getpagesize() + more)


def _limit(kind: int, most: int) -> None:
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


if __name__ == '__main__':
    main()
