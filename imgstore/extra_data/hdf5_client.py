"""Reading of HDF5 in a separate process; damage only raises an error.

HDF5 crashes on some damaged files and hangs on others. So `hdf5_worker` reads the files in another process and writes
their content to a temporary file. If it dies, the current file is damaged, and another process reads the rest. Memory
and time per file are limited.
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
"""CPU and elapsed seconds for one file, plus one per MiB; CPU time is limited only where the system supports it."""

BYTES_OF_AN_OBJECT = 128
"""Estimated size of a value stored as a Python object."""

_ONE_THREAD = dict.fromkeys(('OPENBLAS_NUM_THREADS', 'OMP_NUM_THREADS', 'MKL_NUM_THREADS'), '1')


@dataclass
class H5Content:
    """Content of a file.

    Attributes
    ----------
    path : str
        Path of the file.
    listed : list of str
        Datasets listed by an attribute of the file.
    attributes : dict
        Attributes by name and key: text as str, numbers as Python's, several values as arrays, anything else as None.
    datasets : dict
        Values by name and field, '' without fields; text of variable length as objects.
    memory_left : int
        Bytes left for further copies of the content.
    """

    path: str
    listed: list[str]
    attributes: dict[str, dict[str, Any]]
    datasets: dict[str, dict[str, Array]]
    memory_left: int

    def charge_memory(self, size: int) -> None:
        """Count bytes for a copy of the content.

        Raises ValueError if they are too many for such a file.
        """
        self.memory_left -= size
        if self.memory_left < 0:
            raise ValueError('its content takes too much memory')


Result = H5Content | ImgStoreError


def read_files(
    paths: Sequence[str],
    listed: str,
    load: Sequence[str] | None = None,
    keys: Sequence[str] | None = None,
    seconds: float | None = None,
) -> Iterator[Result]:
    """Read HDF5 files, many in one process.

    Parameters
    ----------
    paths : sequence of str
        The files.
    listed : str
        Attribute of the file with the list of datasets.
    load : sequence of str, optional
        Datasets to read in addition to the listed ones, if they exist. None: read no dataset.
    keys : sequence of str, optional
        Read only these attributes.
    seconds : float, optional
        Time limit in seconds for starting further files; one is always read.

    Yields
    ------
    H5Content or CorruptFileError
        Result of each file in turn, for `checked`.

    Raises
    ------
    StoreIOError
        The process could not be started, or the disk is full.
    """
    wanted = {'listed': listed, 'load': load, 'keys': keys}
    return _results([{**_order(path), **wanted} for path in paths], [], seconds)


def replace_fields(path: str, target: str, name: str, fields: Mapping[str, Array]) -> None:
    """Replace or append fields of a dataset in `target`, a copy of the file.

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
    """Convert the content of a file; CorruptFileError if that fails."""
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
    with suppress(OSError):  # the process reports it
        size = data_bytes(path)
    more = size // 2**20
    return {
        'path': _name(path),
        'size': size,
        'most': max_bytes(HDF5_RATIO * size),
        'computing': _COMPUTING_SECONDS + more,
        'seconds': _SECONDS + more,
    }


def _results(orders: list[_Order], arrays: list[Array], seconds: float | None = None) -> Iterator[Result]:
    """Yield the result of each order; if a process dies, another one continues."""
    while orders:
        done = 0
        with tempfile.TemporaryFile('rb') as answers:
            problem = _run(orders, arrays, seconds, answers)
            for order in orders:
                try:
                    message = read_message(answers)
                except Exception as error:  # noqa: BLE001 -- a corrupted process may write anything
                    problem = problem or ('' if done and isinstance(error, EOFError) else f'{error}')
                    break
                done += 1
                yield _result(order, *message)
        if problem and done < len(orders):
            yield _damaged(_path(orders[done]), problem)
            done += 1
        orders = orders[done:] if seconds is None else []


def _run(orders: list[_Order], arrays: list[Array], seconds: float | None, answers: IO[bytes]) -> str:
    """Run a process, read its greeting, and return why it ended early, or ''."""
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
        raise StoreIOError(
            f'{path} cannot be read: the process for reading HDF5 cannot be started: {error}', path=path
        ) from error
    if code == NO_ROOM:
        raise StoreIOError(
            f'{path} cannot be read: {tempfile.gettempdir()} has no room for its content; free some '
            f'space there, or set TMPDIR to another folder',
            path=path,
        )
    return _cause(code)


def _start(request: IO[bytes], answers: IO[bytes]) -> subprocess.Popen[bytes]:
    import subprocess

    command = [_python(), '-I', _CHILD, json.dumps([os.path.abspath(folder) for folder in sys.path])]
    with fork_lock:  # a child forked meanwhile would keep the pipe open
        return subprocess.Popen(
            command,
            stdin=request,
            stdout=answers,
            stderr=subprocess.PIPE,
            env={**os.environ, **_ONE_THREAD},
            start_new_session=True,  # no Ctrl-C for it
            creationflags=getattr(subprocess, 'CREATE_NO_WINDOW', 0),
        )


def _wait(process: subprocess.Popen[bytes], seconds: float) -> tuple[int, str]:
    """Wait for a process, or kill it; return its exit code and last line."""
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
        return 'it takes too much CPU time'
    with suppress(ValueError):
        return f'the process reading it died ({signal.Signals(-code).name})'
    return f'the process reading it died (exit code {code})' if code else ''


def _python() -> str | bytes:
    """Return the interpreter.

    Frozen programs, and those embedding Python, must set one for multiprocessing.
    """
    from multiprocessing.spawn import get_executable

    python = get_executable()
    if not python or (getattr(sys, 'frozen', False) and os.fsdecode(python) == sys.executable):
        raise ValueError('there is no Python interpreter; pass one to multiprocessing.set_executable()')
    return cast('str | bytes', python)


# --- messages


def _result(order: _Order, head: dict[str, Any], arrays: list[Array]) -> Result:
    path = _path(order)
    if 'target' in order and head.get('errno'):
        return StoreIOError(f'{path} cannot be written with new values: {head["error"]}', path=path)
    try:
        return _damaged(path, head['error']) if 'error' in head else _content(path, order['most'], head, arrays)
    except Exception as error:  # noqa: BLE001 -- a corrupted process may write anything
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
    """Encode a path for the other process, whatever the encoding of either."""
    return os.fsencode(path).decode('latin-1')


def _path(order: _Order) -> str:
    return os.fsdecode(order['path'].encode('latin-1'))


def _damaged(path: str, what: object) -> CorruptFileError:
    return CorruptFileError(f'{path} cannot be read as HDF5 of extra data: {what}', path=path)
