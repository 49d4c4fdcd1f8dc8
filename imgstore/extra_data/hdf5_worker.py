"""The program of the process that `hdf5` starts: opens files with HDF5 and hands on what they hold.

HDF5 may crash, or never return, over a file that is damaged; here that ends no more than this process. It imports
nothing of imgstore. Each order is a line of JSON, and so is each answer; arrays follow as they lie in memory. The
first order says where packages are.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

try:
    import resource
except ImportError:  # Windows has no limits of this kind
    resource = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Callable

    import h5py
    from numpy.typing import NDArray

_ROOM = 2**28
"""Bytes that HDF5 may take beside what a file is told to hold."""

_LONGEST_ERROR = 500

_MOST_CHUNKS = 2000
"""That are looked at by an old HDF5, in less than a second."""


def main() -> None:
    """Serve until nobody asks any more."""
    orders, answers = sys.stdin.buffer, os.fdopen(os.dup(1), 'wb')
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whatever a library prints is no answer
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    served = Commands()
    for line in orders:
        order = json.loads(line)
        arrays = {name: _received(orders, dtype, shape) for name, dtype, shape in order.pop('arrays', ())}
        try:
            answer, parts = getattr(served, order.pop('do'))(**order, **({'arrays': arrays} if arrays else {}))
        except Exception as error:  # noqa: BLE001 -- nothing says what h5py raises for a damaged file
            text = f'{error}'[:_LONGEST_ERROR] or type(error).__name__
            answer, parts = {'error': text, 'errno': getattr(error, 'errno', None)}, []
        answers.write(json.dumps(answer).encode() + b'\n')
        for part in parts:
            answers.write(part.reshape(-1).view('u1'))
        answers.flush()


Answer = tuple[dict[str, Any], list[Any]]
"""What becomes JSON, and the arrays behind it."""


class Commands:
    """What may be ordered; one file is open at a time."""

    def __init__(self) -> None:
        self._file: h5py.File | None = None
        self._names: list[str] = []
        self._size = self._most = 0

    def begin(self, path: list[str]) -> Answer:
        """Import what is needed, from where Python finds it by itself, else from where the parent does."""
        sys.path += [folder for folder in path if folder not in sys.path]
        import h5py
        import numpy as np

        return {'versions': [h5py.__version__, np.__version__]}, []

    def open(self, path: str, size: int, most: int, seconds: int) -> Answer:
        """Open a file whose datasets may take so many bytes, with so many seconds of computing for all orders of it."""
        import h5py

        self.close()
        self._size, self._most = size, most
        _limit_computing(seconds)
        _limit_memory(_ROOM + 2 * size)
        self._file = h5py.File(path.encode('latin-1'), 'r')
        self._names = [name for name in self._file if self._is_own(name)]
        return {'names': self._names}, []

    def close(self) -> Answer:
        """Have no file open."""
        if self._file is not None:
            self._file.close()
        self._file = None
        return {}, []

    def attributes(self, of: str, keys: list[str] | None) -> Answer:
        """Attributes of what has that name, '' being the file itself; those of `keys`, or all."""
        attributes = (self._own(of) if of else self._opened()).attrs
        wanted = [key for key in keys if key in attributes] if keys is not None else list(attributes)
        return _packed([(key, attributes[key]) for key in wanted], self._most)

    def load(self, name: str) -> Answer:
        """One dataset: a part without a name, or one for each field."""
        import h5py
        import numpy as np

        dataset = self._own(name)
        if not isinstance(dataset, h5py.Dataset) or dataset.shape is None or dataset.external or dataset.is_virtual:
            raise ValueError(f'it has no dataset {name!r}')
        if dataset.nbytes > self._most:
            raise ValueError(f'dataset {name!r} claims {dataset.nbytes} bytes')
        _limit_memory(_ROOM + 2 * self._size + 3 * dataset.nbytes)
        _check_chunks(dataset)
        values = np.atleast_1d(dataset[()])
        fields = values.dtype.names or ()
        answer, arrays = _packed([(field, values[field]) for field in fields] or [('', values)], self._most)
        if any(part['kind'] == 'other' for part in answer['parts']):
            raise ValueError(f'dataset {name!r} holds neither numbers nor text')
        return answer, arrays

    def replace(self, path: str, name: str, arrays: dict[str, NDArray[Any]]) -> Answer:
        """Give a dataset in another file these fields, in place of those of the same names or behind all others."""
        import h5py
        import numpy as np

        with h5py.File(path.encode('latin-1'), 'r+') as file:
            before, attributes, chunks = file[name][()], dict(file[name].attrs), file[name].chunks
            types = {field: before.dtype[field] for field in before.dtype.names}
            types.update((field, values.dtype) for field, values in arrays.items())
            after = np.empty(before.shape, list(types.items()))
            for field in types:
                after[field] = arrays[field] if field in arrays else before[field]
            del file[name]
            file.create_dataset(name, data=after, chunks=chunks).attrs.update(attributes)
        return {}, []

    def _opened(self) -> h5py.File:
        if self._file is None:
            raise ValueError('no file is open')
        return self._file

    def _is_own(self, name: str) -> bool:
        """Whether it is in the file itself, and no link to elsewhere."""
        import h5py

        return isinstance(self._opened().get(name, getlink=True), h5py.HardLink)

    def _own(self, name: str) -> Any:
        if name not in self._names:
            raise ValueError(f'it has no dataset {name!r}')
        return self._opened()[name]


def _check_chunks(dataset: h5py.Dataset) -> None:
    """Refuse chunks that are stored as they are but in another size: HDF5 would fill them up with any memory."""
    if dataset.chunks is None:
        return
    unfiltered = 2 ** dataset.id.get_create_plist().get_nfilters() - 1
    known = not dataset.dtype.hasobject  # of text there is just a reference, whose size is the file's affair
    sizes = {math.prod(dataset.chunks) * dataset.id.get_type().get_size()} if known else set()

    def is_wrong(chunk: Any) -> bool | None:
        if chunk.byte_offset is not None and chunk.filter_mask & unfiltered == unfiltered:
            sizes.add(chunk.size)
        return len(sizes) > 1 or None  # None: go on

    if _any_chunk(dataset, is_wrong):
        raise ValueError(f'a chunk of dataset {dataset.name!r} has another size than it must')


def _any_chunk(dataset: h5py.Dataset, is_wrong: Callable[[Any], bool | None]) -> bool:
    if hasattr(dataset.id, 'chunk_iter'):
        return bool(dataset.id.chunk_iter(is_wrong))
    count = dataset.id.get_num_chunks()  # before HDF5 1.12.3, which looks for each one from the first on
    return count <= _MOST_CHUNKS and any(is_wrong(dataset.id.get_chunk_info(place)) for place in range(count))


def _packed(values: list[tuple[str, Any]], most: int) -> Answer:
    """Values with their names, as a description of each and the arrays that hold them."""
    described: list[dict[str, Any]] = []
    arrays: list[NDArray[Any]] = []
    for name, value in values:
        kind, parts = _parts(value)
        described.append({'name': name, 'kind': kind, 'arrays': [_described(part) for part in parts]})
        arrays += parts
    if (size := sum(array.nbytes for array in arrays)) > most:
        raise ValueError(f'what is read takes {size} bytes')
    return {'parts': described}, arrays


def _parts(value: Any) -> tuple[str, list[NDArray[Any]]]:
    """Kind of a value, and the arrays that it is handed on as: for texts their lengths, and all of them joined."""
    import numpy as np

    texts = np.empty((), object)
    texts[()] = value
    array = texts if isinstance(value, str) else np.asarray(value)
    if not array.dtype.hasobject:
        return 'array', [np.ascontiguousarray(array).reshape(array.shape)]
    kinds = {type(item) for item in array.flat} if array.dtype == object else {object}
    if not kinds <= {str} and not kinds <= {bytes}:
        return 'other', []
    encoded = [item.encode('utf-8', 'surrogateescape') if isinstance(item, str) else item for item in array.flat]
    lengths = np.array([len(item) for item in encoded], np.int64).reshape(array.shape)
    return 'str' if str in kinds else 'bytes', [lengths, np.frombuffer(b''.join(encoded), np.uint8)]


def _described(array: NDArray[Any]) -> list[Any]:
    import numpy as np

    return [repr(np.lib.format.dtype_to_descr(array.dtype)), array.shape]


def _received(orders: Any, dtype: str, shape: list[int]) -> NDArray[Any]:
    import numpy as np

    array: NDArray[Any] = np.empty(shape, dtype)
    if orders.readinto(array.reshape(-1).view('u1')) != array.nbytes:
        raise SystemExit(1)
    return array


def _limit_computing(seconds: int) -> None:
    """End this process once it has computed for that much longer."""
    if resource is not None:
        _limit(resource.RLIMIT_CPU, int(time.process_time()) + 1 + seconds)


def _limit_memory(more: int) -> None:
    """Give this process no more memory than it has, and so much more; where the system tells how much it has."""
    with suppress(OSError), open('/proc/self/statm', encoding='ascii') as pages:
        _limit(resource.RLIMIT_AS, int(pages.read().split()[0]) * resource.getpagesize() + more)


def _limit(kind: int, most: int) -> None:
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


if __name__ == '__main__':
    main()
