"""Shows that imgstore-view --web stays there for one client, whatever a thousand others do; on this machine alone.

Usage: python benchmarks/web_load.py

Each attack runs for a few seconds against a server of its own, while another client asks for the page's data and for an
image, each time over a connection of its own. It prints the longest time that client waited, and the most memory that
the server had.
"""

import argparse
import contextlib
import http.client
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import imgstore

VIEW = 'import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024)); '  # as usual
VIEW += 'import sys; from imgstore.apps import main_viewer; sys.exit(main_viewer())'
SHAPE = (2048, 2048)  # float32: 16 MiB an image
SECONDS = 6.0
HALF_OPEN, NO_READERS = 1200, 24  # the former more than a process may usually have open
IMAGE = '/api/stores/0/image/{}.npy'


@dataclass
class Seen:
    """What another client has seen of the server meanwhile."""

    waited: list[float] = field(default_factory=list)
    failed: int = 0


def make_store(path: Path) -> str:
    image = np.random.default_rng(0).random(SHAPE, np.float32)
    with imgstore.new_for_format('npy', path, imgshape=SHAPE, imgdtype='float32') as store:
        for number in range(20):
            store.add_image(image, number, number / 10)
    return str(path)


@contextlib.contextmanager
def served(path: str) -> Iterator[tuple[int, int]]:
    """Start a server and yield its port and process id."""
    command = [sys.executable, '-c', VIEW, '--web', '--no-browser', '--port', '0', path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r':(\d+)/', process.stdout.readline())
            assert found is not None
            yield int(found[1]), process.pid
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            finally:
                process.kill()


def resident(pid: int, what: str = 'VmRSS') -> float:
    """MiB of a process: what it has, or with 'VmHWM' the most it had."""
    found = re.search(rf'{what}:\s+(\d+)', Path(f'/proc/{pid}/status').read_text())
    return int(found[1]) / 1024 if found else 0.0


def ask(port: int, target: str) -> bool:
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=20)
    try:
        connection.request('GET', target)
        answer = connection.getresponse()
        return answer.status == 200 and bool(answer.read())
    except OSError:
        return False
    finally:
        connection.close()


def visit(port: int, seen: Seen, ended: threading.Event) -> None:
    targets = ['/api/stores', '/', '/api/stores/0/image/1.jpg?width=400', '/api/stores/0/thumbnail/2.jpg']
    rank = 0
    while not ended.is_set():
        began = time.perf_counter()
        seen.failed += not ask(port, targets[rank % len(targets)])
        seen.waited.append(time.perf_counter() - began)
        rank += 1
        ended.wait(0.1)


# --- attacks; each gives the sockets that it holds


def nothing(port: int) -> list[socket.socket]:
    return []


def opened(port: int) -> socket.socket | None:
    with contextlib.suppress(OSError):
        return socket.create_connection(('127.0.0.1', port), timeout=5)
    return None


def sent(port: int, data: bytes) -> socket.socket | None:
    connection = opened(port)
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.sendall(data)
    return connection


def half_open(port: int) -> list[socket.socket]:
    return [one for _ in range(HALF_OPEN) if (one := sent(port, b'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n'))]


def silent(port: int) -> list[socket.socket]:
    return [one for _ in range(HALF_OPEN) if (one := opened(port))]


def trickling(port: int) -> list[socket.socket]:
    there = half_open(port)

    def trickle() -> None:
        for rank in range(int(SECONDS * 4)):
            for one in there:
                with contextlib.suppress(OSError):
                    one.send(b'X-%d: x\r\n' % rank)
            time.sleep(0.25)

    threading.Thread(target=trickle, daemon=True).start()
    return there


def not_reading(port: int, requests: int = 1) -> list[socket.socket]:
    lines = b''.join(
        f'GET {IMAGE.format(rank % 20)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'.encode() for rank in range(requests)
    )
    return [one for _ in range(NO_READERS) if (one := sent(port, lines))]


def pipelining(port: int) -> list[socket.socket]:
    return not_reading(port, 50)


def crawling(port: int) -> list[socket.socket]:
    """Clients that read one byte now and then."""
    there = not_reading(port)

    def crawl() -> None:
        for _ in range(int(SECONDS * 4)):
            for one in there:
                with contextlib.suppress(OSError):
                    one.settimeout(0.01)
                    one.recv(1)
            time.sleep(0.25)

    threading.Thread(target=crawl, daemon=True).start()
    return there


ATTACKS: dict[str, Callable[[int], list[socket.socket]]] = {
    'nobody else': nothing,
    f'{HALF_OPEN} requests begun and not ended': half_open,
    f'{HALF_OPEN} connections without a request': silent,
    f'{HALF_OPEN} requests, a line of each now and then': trickling,
    f'{NO_READERS} clients that read nothing': not_reading,
    f'{NO_READERS} clients that ask 50 times and read nothing': pipelining,
    f'{NO_READERS} clients that read a byte now and then': crawling,
}


def measure(path: str, attack: Callable[[int], list[socket.socket]]) -> tuple[Seen, float, float]:
    """Return what a visitor saw, and the server's MiB before and at most."""
    with served(path) as (port, pid):
        seen, ended = Seen(), threading.Event()
        ask(port, IMAGE.format(0))
        before = resident(pid)
        visitor = threading.Thread(target=visit, args=(port, seen, ended))
        visitor.start()
        held = attack(port)
        time.sleep(SECONDS)
        ended.set()
        visitor.join()
        most = resident(pid, 'VmHWM')
        for one in held:
            one.close()
    return seen, before, most


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--only', default='', help='a part of the names of those to run')
    args = parser.parse_args()
    print('| meanwhile | requests | failed | median | longest | memory before | most |')
    print('|---|---:|---:|---:|---:|---:|---:|')
    with tempfile.TemporaryDirectory() as folder:
        path = make_store(Path(folder) / 'store')
        for name, attack in ATTACKS.items():
            if args.only in name:
                seen, before, most = measure(path, attack)
                print(
                    f'| {name} | {len(seen.waited)} | {seen.failed} | {np.median(seen.waited) * 1e3:.0f} ms | '
                    f'{max(seen.waited) * 1e3:.0f} ms | {before:.0f} MiB | {most:.0f} MiB |',
                    flush=True,
                )


if __name__ == '__main__':
    main()
