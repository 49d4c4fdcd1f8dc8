"""HDF5 files read by a process of their own, so that a damaged one ends in an error here, soon and in little memory.

HDF5's own code crashes over some damaged files and never returns over others. So this process does not open them: it
starts `hdf5_worker`, says what it wants, and takes over numbers and text. What was tried is what is read, whatever
happens to the file meanwhile. The child may take only so much memory and time; it ends with the call that needed it.
"""

from __future__ import annotations

import ast
import json
import math
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from .._support.forking import fork_lock
from .._support.regular_files import data_bytes
from ..errors import CorruptFileError, ImgStoreError, StoreIOError

if TYPE_CHECKING:
    import subprocess

Array = NDArray[Any]

_CHILD = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'hdf5_worker.py')
_START_SECONDS = 60

_COMPUTING_SECONDS, _SECONDS = 5, 60
"""For one file, and a second more for each MiB of it; computing is counted where the system limits it."""

_UNQUESTIONED_SIZE = 2**26
_MAX_RATIO = 2**11
"""What is read of a file may take this many bytes, or as many times its size as HDF5 can compress."""

BYTES_OF_AN_OBJECT = 128
"""That a value takes, as good as any, which is an object of Python's."""

_LONGEST_LINE = 2**22
_ONE_THREAD = dict.fromkeys(('OPENBLAS_NUM_THREADS', 'OMP_NUM_THREADS', 'MKL_NUM_THREADS'), '1')


class HDF5Worker:
    """Reads HDF5 files one after the other; a context manager, to be used by one thread.

    The other process is started with the first file, and anew behind one that is damaged.

    Examples
    --------
    >>> with HDF5Worker() as files, files.file('000000.extra_data.h5') as file:  # doctest: +SKIP
    ...     file.load('camera')['frame_number']
    """

    def __init__(self) -> None:
        self._child: _Child | None = None

    def __enter__(self) -> HDF5Worker:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the other process."""
        child, self._child = self._child, None
        if child:
            child.end()

    @contextmanager
    def file(self, path: str) -> Iterator[H5File]:
        """Open a file.

        Raises
        ------
        CorruptFileError
            It is no HDF5, or damaged; so may each method of what is given, and the block's end.
        StoreIOError
            The process that reads it could not be started.
        """
        if self._child is None:
            self._child = _started(path)
        try:
            size = data_bytes(path)
            most = max(_UNQUESTIONED_SIZE, size * _MAX_RATIO)
            with self._child.within(_SECONDS + size // 2**20):
                yield H5File(self._child, path, size, most)
        except BaseException as error:
            self.close()  # damage may have done something to the process, too
            if isinstance(error, ImgStoreError) or not isinstance(error, Exception):
                raise
            raise CorruptFileError(f'{path} cannot be read as HDF5 of extra data: {error}', path=path) from error


class H5File:
    """A file that the other process has open.

    Attributes
    ----------
    path : str
    names : list of str
        What is in the file itself; without what it links to elsewhere.
    """

    def __init__(self, child: _Child, path: str, size: int, most: int) -> None:
        self._child, self.path, self._left = child, path, most
        seconds = _COMPUTING_SECONDS + size // 2**20
        self.names: list[str] = child.ask('open', path=_name(path), size=size, most=most, seconds=seconds)['names']

    def attributes(self, of: str = '', keys: list[str] | None = None) -> dict[str, Any]:
        """Attributes of what has a name, or of the file itself; just those among `keys`, if given.

        Returns
        -------
        dict
            Texts as str, numbers as Python's, several as arrays; None where it is neither.
        """
        return {key: _plain(value) for key, value in self._parts('attributes', of=of, keys=keys)}

    def load(self, name: str) -> dict[str, Array]:
        """Read a dataset, as {'': values}, or as values by field.

        Returns
        -------
        dict of str to numpy.ndarray
            In this machine's byte order; text of variable length as objects.
        """
        return {field: _native(values) for field, values in self._parts('load', name=name)}

    def replace(self, path: str, name: str, fields: Mapping[str, Array]) -> None:
        """Give a dataset in another file, a copy of this one, new values in some fields, or further fields.

        Raises
        ------
        StoreIOError
            The disk is full, or the like.
        """
        described = [(field, values.dtype.str, values.shape) for field, values in fields.items()]
        try:
            self._child.ask('replace', path=_name(path), name=name, arrays=described, behind=list(fields.values()))
        except _WorkerError as error:
            if error.errno:
                raise StoreIOError(f'{path} cannot be written: {error}', path=path) from error
            raise

    def charge_memory(self, size: int) -> None:
        """Count bytes that what was read will take here, ValueError if they are too many for such a file."""
        self._left -= size
        if self._left < 0:
            raise ValueError('what it holds takes too much memory')

    def _parts(self, order: str, **arguments: Any) -> list[tuple[str, Any]]:
        return [(part['name'], self._value(part)) for part in self._child.ask(order, **arguments)['parts']]

    def _value(self, part: dict[str, Any]) -> Any:
        arrays = [self._received(*described) for described in part['arrays']]
        if part['kind'] == 'array':
            return arrays[0]
        if part['kind'] == 'other':
            return None
        self.charge_memory(arrays[0].size * BYTES_OF_AN_OBJECT)
        lengths, joined = arrays
        return _texts(lengths, joined, part['kind'] == 'str')

    def _received(self, descr: str, shape: list[int]) -> Array:
        dtype = np.lib.format.descr_to_dtype(ast.literal_eval(descr))
        if dtype.hasobject or not dtype.itemsize or min(shape, default=0) < 0:
            raise ValueError(f'{dtype} is no type of what is handed on')
        size = math.prod(shape) * dtype.itemsize
        self.charge_memory(size)
        return np.frombuffer(self._child.receive(size), np.uint8).view(dtype).reshape(shape)


# --- the other process


class _WorkerDied(Exception):  # noqa: N818 -- what became of the process
    """The process is no more."""


class _WorkerError(Exception):  # what the process says
    """The process says what is wrong with the file, or with the system."""

    def __init__(self, text: str, errno: int | None) -> None:
        super().__init__(text)
        self.errno = errno


class _Streams(NamedTuple):
    orders: BinaryIO
    answers: BinaryIO


class _Child:
    """The process, its orders and answers."""

    def __init__(self, command: list[Any]) -> None:
        import subprocess

        self._late = False
        with fork_lock:  # a child that is forked meanwhile would hold the other end of the pipes
            self._process: subprocess.Popen[bytes] = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                env={**os.environ, **_ONE_THREAD}, start_new_session=True,  # Ctrl-C is the parent's affair
                creationflags=getattr(subprocess, 'CREATE_NO_WINDOW', 0))
        self._pipes = _Streams(cast(BinaryIO, self._process.stdin), cast(BinaryIO, self._process.stdout))

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Kill the process if the block takes longer; _WorkerDied then."""
        timer = threading.Timer(seconds, self._be_late)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _be_late(self) -> None:
        self._late = True
        self._process.kill()

    def ask(self, do: str, behind: list[Array] | None = None, **order: Any) -> dict[str, Any]:
        """Give an order, with the arrays behind it; its answer."""
        with self._alive():
            self._pipes.orders.write(json.dumps({'do': do, **order}).encode() + b'\n')
            for array in behind or []:
                self._pipes.orders.write(np.ascontiguousarray(array).view(np.uint8).data)
            self._pipes.orders.flush()
            line = self._pipes.answers.readline(_LONGEST_LINE)
        if not line.endswith(b'\n'):
            raise _WorkerDied(self._how_it_ended())
        answer = json.loads(line)
        if 'error' in answer:
            raise _WorkerError(answer['error'], answer['errno'])
        return cast('dict[str, Any]', answer)

    def receive(self, size: int) -> bytearray:
        """The next bytes of an answer."""
        content = bytearray(size)
        with self._alive():
            got = self._pipes.answers.readinto(content)  # type: ignore[attr-defined]
        if got != size:
            raise _WorkerDied(self._how_it_ended())
        return content

    @contextmanager
    def _alive(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:  # of pipes alone
            raise _WorkerDied(self._how_it_ended()) from error

    def _how_it_ended(self) -> str:
        if self._late:
            return 'it takes too long'
        code = self._exit_code()
        if code == -getattr(signal, 'SIGXCPU', 1000):
            return 'HDF5 computes for too long'
        return f'HDF5 ends the process that reads it ({_signal(code)})'

    def _exit_code(self) -> int:
        import subprocess

        with suppress(subprocess.TimeoutExpired):  # it says no more, and is about to end unless it is mad
            return self._process.wait(1)
        self._process.kill()
        return self._process.wait()

    def end(self) -> None:
        """Kill it: it has nothing to lose."""
        self._process.kill()
        for pipe in self._pipes:
            with suppress(OSError):
                pipe.close()
        self._process.wait()


def _started(path: str) -> _Child:
    child = None
    try:
        child = _Child([_python(), '-I', _CHILD])
        with child.within(_START_SECONDS):
            child.ask('begin', path=[os.path.abspath(folder) for folder in sys.path])
    except (OSError, ValueError, _WorkerDied, _WorkerError) as error:
        if child:
            child.end()
        raise StoreIOError(f'{path} is HDF5, which another process reads; that cannot be started: {error}',
                           path=path) from error
    return child


def _python() -> str | bytes:
    """The interpreter; of a frozen program, and of one that has Python built in, the one it names."""
    from multiprocessing.spawn import get_executable

    python = get_executable()
    if not python or (getattr(sys, 'frozen', False) and os.fsdecode(python) == sys.executable):
        raise ValueError('there is no Python interpreter beside this program, or multiprocessing.set_executable() '
                         'has not been told of it')
    return cast('str | bytes', python)


# --- what goes to and fro


def _name(path: str) -> str:
    """A path for the other process, whatever both think of the encoding of names."""
    return os.fsencode(path).decode('latin-1')


def _texts(lengths: Array, joined: Array, decoded: bool) -> Array:
    ends = np.cumsum(lengths.reshape(-1))
    if len(ends) and (lengths.min() < 0 or ends[-1] != len(joined)):
        raise ValueError('its texts are not as long as they claim')
    content, texts = joined.tobytes(), np.empty(lengths.shape, object)
    for place, end in enumerate(ends.tolist()):
        text = content[end - int(lengths.flat[place]):end]
        texts.flat[place] = text.decode('utf-8', 'surrogateescape') if decoded else text
    return texts


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray) and not value.ndim:
        value = value.item()
    return value.decode('utf-8', 'replace') if isinstance(value, bytes) else value


def _native(values: Array) -> Array:
    """Give the values in this machine's byte order, which pandas needs."""
    return values.astype(values.dtype.newbyteorder('='), copy=False)


def _signal(code: int) -> str:
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f'code {code}'
