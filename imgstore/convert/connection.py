"""Connection to Dask's scheduler, or a scheduler and workers started here."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import resource_tracker
from typing import Any

from .._support.cpu import CORES
from ..errors import InvalidArgumentError, MissingDependencyError, StoreIOError

LOCAL = 'local'

_ANSWER = 5.0
"""Seconds that a scheduler has to answer."""

_STARTS = 3
"""How often to try to start workers: something may kill one meanwhile."""

_HOST_AND_PORT = re.compile(r'(\[[^\]\s]+\]|[^\s:/\[\]]+):(\d{1,5})')
_LARGEST_PORT = 65535
_PLAIN, _WITHIN_PROCESS = 'tcp', 'inproc'


def import_distributed() -> Any:
    """Import Dask's scheduler, most of whose functions have no type hints."""
    try:
        import distributed
    except ImportError as error:
        raise MissingDependencyError.for_extra('a conversion on a cluster needs dask', 'distributed', 'dask') from error
    return distributed


def check_scheduler(scheduler: object) -> None:
    """Raise an error if there is no Dask, or if this is no address."""
    import_distributed()
    if not isinstance(scheduler, str) or not (scheduler == LOCAL or _is_address(scheduler)):
        raise InvalidArgumentError(
            f"scheduler is {scheduler!r}; it must be 'local', or host:port of a scheduler such as "
            "'10.0.0.1:8786' or 'tls://10.0.0.1:8786'",
            argument='scheduler',
        )


def _is_address(text: str) -> bool:
    from distributed.comm.registry import get_backend

    protocol, separator, place = text.rpartition('://')
    try:
        get_backend(protocol if separator else _PLAIN)
    except (ValueError, ImportError):
        return False
    if protocol == _WITHIN_PROCESS:
        return bool(place)
    found = _HOST_AND_PORT.fullmatch(place)
    return found is not None and 0 < int(found[2]) <= _LARGEST_PORT


@contextlib.contextmanager
def connected(scheduler: str, most: int) -> Iterator[Any]:
    """Connect to a scheduler, or start one for at most so many tasks."""
    distributed = import_distributed()
    with contextlib.ExitStack() as closing:
        address: Any = scheduler
        if scheduler == LOCAL:
            address = _start(min(CORES, most), closing)
        else:
            _check_answer(scheduler)
        try:
            client = distributed.Client(address, set_as_default=False)
        except (OSError, ValueError) as error:
            raise _no_answer(scheduler, error) from error
        yield closing.enter_context(client)


# --- a scheduler elsewhere


def _check_answer(address: str) -> None:
    """Raise InvalidArgumentError if no scheduler answers.

    Dask's client would try it for a minute.
    """
    with ThreadPoolExecutor(1) as pool:  # this thread may have an event loop, as in Jupyter
        try:
            identity = pool.submit(asyncio.run, _ask(address)).result()
        except Exception as error:  # another program's answer may mean anything to Dask
            raise _no_answer(address, error) from error
    if identity.get('type') != 'Scheduler':
        raise _no_answer(address, f'it is the address of a {identity.get("type")}')


async def _ask(address: str) -> Any:
    distributed = import_distributed()
    arguments = distributed.Security().get_connection_args('client')
    async with distributed.rpc(address, timeout=_ANSWER, connection_args=arguments) as asked:
        return await asyncio.wait_for(asked.identity(), _ANSWER)


def _no_answer(scheduler: str, why: object) -> InvalidArgumentError:
    reason = ' '.join(str(why).split()) or type(why).__name__
    return InvalidArgumentError(
        f'scheduler is {scheduler!r}, and no scheduler answers there ({reason}): start one, or correct the address',
        argument='scheduler',
    )


# --- a scheduler here


def _start(count: int, closing: contextlib.ExitStack) -> Any:
    """Start a scheduler and so many processes with one thread each.

    ``closing`` ends them.
    """
    for left in reversed(range(_STARTS)):
        try:
            with _without_interrupts():
                cluster = _new_cluster(count)
                closing.callback(_close, cluster)
                return cluster
        except Exception as error:  # Dask lets through what a killed worker causes
            if not left:
                reason = ' '.join(str(error.__cause__ or error).split())
                raise StoreIOError(
                    f'{count} worker processes could not be started ({reason}): is there enough memory? '
                    'Convert again, or without a scheduler'
                ) from error
    raise AssertionError  # for the type checker


def _new_cluster(count: int) -> Any:
    return import_distributed().LocalCluster(
        n_workers=count,
        threads_per_worker=1,
        dashboard_address=':0',  # any free port
        memory_limit=0,
        silence_logs=logging.CRITICAL,  # errors reach the caller
    )


def _close(cluster: Any) -> None:
    """End the workers.

    A killed one may make that fail, and there is another error by then.
    """
    with contextlib.suppress(Exception):
        cluster.close()


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Let Ctrl-C wait.

    Threads and processes that are started meanwhile never get it, so they end when this program ends them.
    """
    if not hasattr(signal, 'pthread_sigmask'):
        yield
        return
    resource_tracker.ensure_running()  # its start would let interrupts through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
