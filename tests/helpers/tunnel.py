"""An SSH tunnel to a port of this machine, through a server of its own."""

from __future__ import annotations

import getpass
import os
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PATIENCE = 20.0  # seconds
_SERVER = """
HostKey "{folder}/host"
AuthorizedKeysFile "{folder}/user.pub"
PasswordAuthentication no
StrictModes no
UsePAM no
PidFile none
"""


@contextmanager
def tunnel(folder: Path, port: int) -> Iterator[int]:
    """Forward another port to this one by ``ssh -N -L``, and yield its number."""
    sshd = shutil.which('sshd', path=f'{os.environ.get("PATH", "")}:/usr/sbin')
    assert sshd, 'there is no sshd; install openssh-server'
    if os.getuid() == 0:
        Path('/run/sshd').mkdir(exist_ok=True)  # which a server of root's needs, and the system's makes when it starts
    folder.mkdir()
    for name in ('host', 'user'):
        subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', folder / name], check=True)
    (folder / 'config').write_text(_SERVER.format(folder=folder))
    here = _free_port()
    options = {
        # a server without a port, for this connection alone
        'ProxyCommand': f'{sshd} -i -f {shlex.quote(str(folder / "config"))}',
        'IdentityFile': f'"{folder}/user"',
        'StrictHostKeyChecking': 'no',
        'UserKnownHostsFile': '/dev/null',
        'ExitOnForwardFailure': 'yes',
        'LogLevel': 'ERROR',
    }
    given = [word for name, value in options.items() for word in ('-o', f'{name}={value}')]
    command = ['ssh', '-F', 'none', *given, '-N', '-L', f'127.0.0.1:{here}:127.0.0.1:{port}']
    with subprocess.Popen(
        [*command, f'{getpass.getuser()}@imgstore.test'], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            _wait_for(here, process)
            yield here
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(('127.0.0.1', 0))
        return int(found.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        assert process.poll() is None, process.communicate()[1]
        try:
            socket.create_connection(('127.0.0.1', port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError('ssh forwards nothing')
