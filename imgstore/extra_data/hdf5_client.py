"""HDF5 files read by a process of their own, so that a damaged one ends in an error here, soon and in little memory.

HDF5's own code crashes over some damaged files and never returns over others. So this process does not open them: it
runs `hdf5_worker`, which reads file after file and writes what they hold to a temporary file. A file that the process
does not survive is damaged; another process reads the rest. Each file may take only so much memory and time.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from .._support.forking import fork_lock
from .._support.plausible import HDF5_RATIO, max_bytes
from .._support.regular_files import data_bytes
from ..errors import CorruptFileError, ImgStoreError, StoreIOError
from .hdf5_worker import LATE, NO_ROOM, read_message, write_message

if TYPE_CHECKING:
    import subprocess

Array = NDArray[Any]
_Order = dict[str, Any]
_Made = TypeVar('_Made')

_CHILD = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'hdf5_worker.py')
_START_SECONDS = 60

_COMPUTING_SECONDS, _SECONDS = 5, 60
"""For one file, and a second more for each MiB of it; computing is counted where the system limits it."""

BYTES_OF_AN_OBJECT = 128
"""That a value takes, as good as any, which is an object of Python's."""

_ONE_THREAD = dict.fromkeys(('OPENBLAS_NUM_THREADS', 'OMP_NUM_THREADS', 'MKL_NUM_THREADS'), '1')


@dataclass
class H5Content:
    """What was read of a file.

    Attributes
    ----------
    path : str
    listed : list of str
        The datasets that the file's own attribute lists.
    attributes : dict
        By name and key, of what was read, or of all that is in the file itself: texts as str, numbers as Python's,
        several as arrays; None where it is neither.
    datasets : dict
        Values by name and field, which is '' where there is none; text of variable length as objects.
    memory_left : int
        Bytes that what is made of it may take.
    """

    path: str
    listed: list[str]
    attributes: dict[str, dict[str, Any]]
    datasets: dict[str, dict[str, Array]]
    memory_left: int

    def charge_memory(self, size: int) -> None:
        """Count bytes that what was read will take here, ValueError if they are too many for such a file."""
        self.memory_left -= size
        if self.memory_left < 0:
            raise ValueError('what it holds takes too much memory')


Result = H5Content | ImgStoreError


def read_files(paths: Sequence[str], listed: str, load: Sequence[str] | None = None,
               keys: Sequence[str] | None = None, seconds: float | None = None) -> Iterator[Result]:
    """Read HDF5 files, many by one process.

    Parameters
    ----------
    paths : sequence of str
    listed : str
        The attribute of the file that lists datasets.
    load : sequence of str, optional
        Datasets that are read beside the listed ones, if there are such. Without it no dataset is read.
    keys : sequence of str, optional
        Read just these attributes.
    seconds : float, optional
        Read no more files after that time; one is always read.

    Yields
    ------
    H5Content or CorruptFileError
        Of each file in turn; for `checked`.

    Raises
    ------
    StoreIOError
        The process could not be started, or has no room for what it reads.
    """
    wanted = {'listed': listed, 'load': load, 'keys': keys}
    return _results([{**_order(path), **wanted} for path in paths], [], seconds)


def replace_fields(path: str, target: str, name: str, fields: Mapping[str, Array]) -> None:
    """Give a dataset in `target`, a copy of the file, new values in some fields, or further fields.

    Raises
    ------
    CorruptFileError
        The file is damaged.
    StoreIOError
        The disk is full, or the process could not be started.
    """
    order = {**_order(path), 'target': _name(target), 'name': name, 'fields': [*fields]}
    checked(next(_results([order], [*fields.values()])), lambda content: None)


def checked(content: Result, make: Callable[[H5Content], _Made]) -> _Made:
    """Make something of what was read of a file; CorruptFileError where that fails."""
    if isinstance(content, ImgStoreError):
        raise content
    try:
        return make(content)
    except ImgStoreError:
        raise
    except Exception as error:
        raise _damaged(content.path, error) from error


# --- the other process


def _order(path: str) -> _Order:
    size = 0
    with suppress(OSError):  # the process finds out, too
        size = data_bytes(path)
    more = size // 2**20
    return {'path': _name(path), 'size': size, 'most': max_bytes(HDF5_RATIO * size),
            'computing': _COMPUTING_SECONDS + more, 'seconds': _SECONDS + more}


def _results(orders: list[_Order], arrays: list[Array], seconds: float | None = None) -> Iterator[Result]:
    """What becomes of each order; a process that does not survive one leaves the rest to another process."""
    while orders:
        done = 0
        with tempfile.TemporaryFile('rb') as answers:
            problem = _run(orders, arrays, seconds, answers)
            for order in orders:
                try:
                    message = read_message(answers)
                except Exception as error:  # noqa: BLE001 -- whatever is left by a process that goes mad
                    problem = problem or ('' if done and isinstance(error, EOFError) else f'{error}')
                    break
                done += 1
                yield _result(order, *message)
        if problem and done < len(orders):
            yield _damaged(_path(orders[done]), problem)
            done += 1
        orders = orders[done:] if seconds is None else []


def _run(orders: list[_Order], arrays: list[Array], seconds: float | None, answers: IO[bytes]) -> str:
    """Have a process write the answers, and read its greeting; why it ended early, '' if it did not."""
    path = _path(orders[0])
    try:
        with tempfile.TemporaryFile('wb') as request:
            write_message(request, {'orders': orders, 'seconds': seconds}, arrays)
            request.seek(0)
            code, words = _wait(_start(request, answers), _START_SECONDS + sum(order['seconds'] for order in orders))
        if not answers.seek(0, os.SEEK_END):
            raise OSError(words or _cause(code))
        answers.seek(0)
        read_message(answers)
    except (OSError, ValueError) as error:
        raise StoreIOError(f'{path} is HDF5, which another process reads; that cannot be started: {error}',
                           path=path) from error
    if code == NO_ROOM:
        raise StoreIOError(f'{path} cannot be read: {tempfile.gettempdir()} has no room for what it holds', path=path)
    return _cause(code)


def _start(request: IO[bytes], answers: IO[bytes]) -> subprocess.Popen[bytes]:
    import subprocess

    command = [_python(), '-I', _CHILD, json.dumps([os.path.abspath(folder) for folder in sys.path])]
    with fork_lock:  # a child that is forked meanwhile would hold the other end of the pipe
        return subprocess.Popen(command, stdin=request, stdout=answers, stderr=subprocess.PIPE,
                                env={**os.environ, **_ONE_THREAD}, start_new_session=True,  # Ctrl-C is not its affair
                                creationflags=getattr(subprocess, 'CREATE_NO_WINDOW', 0))


def _wait(process: subprocess.Popen[bytes], seconds: float) -> tuple[int, str]:
    """The exit code of a process, which is killed if it takes longer, and the last line that it says."""
    import subprocess

    with process:
        try:
            words = process.communicate(timeout=seconds)[1].decode(errors='replace')
        except BaseException as error:
            process.kill()
            process.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            return LATE, ''
    return process.returncode, words.strip().rpartition('\n')[2]


def _cause(code: int) -> str:
    if code == LATE:
        return 'it takes too long'
    if code == -getattr(signal, 'SIGXCPU', 1000):
        return 'HDF5 computes for too long'
    with suppress(ValueError):
        return f'HDF5 ends the process that reads it ({signal.Signals(-code).name})'
    return f'HDF5 ends the process that reads it (code {code})' if code else ''


def _python() -> str | bytes:
    """The interpreter; of a frozen program, and of one that has Python built in, the one it names."""
    from multiprocessing.spawn import get_executable

    python = get_executable()
    if not python or (getattr(sys, 'frozen', False) and os.fsdecode(python) == sys.executable):
        raise ValueError('there is no Python interpreter beside this program, or multiprocessing.set_executable() '
                         'has not been told of it')
    return cast('str | bytes', python)


# --- what goes to and fro


def _result(order: _Order, head: dict[str, Any], arrays: list[Array]) -> Result:
    path = _path(order)
    if 'target' in order and head.get('errno'):
        return StoreIOError(f'{path} cannot be written with other values: {head["error"]}', path=path)
    try:
        return _damaged(path, head['error']) if 'error' in head else _content(path, order['most'], head, arrays)
    except Exception as error:  # noqa: BLE001 -- a process that goes mad may say anything
        return _damaged(path, error)


def _content(path: str, most: int, head: dict[str, Any], arrays: list[Array]) -> H5Content:
    content = H5Content(path, head.get('listed', []), {}, {}, most)
    content.charge_memory(sum(array.nbytes for array in arrays))

    def decoded(value: Any) -> Any:
        if not isinstance(value, list):
            return None if value is None else arrays[value]
        content.charge_memory(len(value[0]) * BYTES_OF_AN_OBJECT)
        return _texts(*value)

    for name, values in head.get('attributes', {}).items():
        content.attributes[name] = {key: _plain(decoded(value)) for key, value in values.items()}
    for name, fields in head.get('datasets', {}).items():
        content.datasets[name] = {field: decoded(value) for field, value in fields.items()}
    return content


def _texts(texts: list[str], shape: list[int], are_bytes: bool) -> Array:
    array = np.empty(len(texts), object)
    array[:] = [text.encode('latin-1') for text in texts] if are_bytes else texts
    return array.reshape(shape)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray) and not value.ndim:
        value = value.item()
    return value.decode('utf-8', 'replace') if isinstance(value, bytes) else value


def _name(path: str) -> str:
    """A path for the other process, whatever both think of the encoding of names."""
    return os.fsencode(path).decode('latin-1')


def _path(order: _Order) -> str:
    return os.fsdecode(order['path'].encode('latin-1'))


def _damaged(path: str, what: object) -> CorruptFileError:
    return CorruptFileError(f'{path} cannot be read as HDF5 of extra data: {what}', path=path)
