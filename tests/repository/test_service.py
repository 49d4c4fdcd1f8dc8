"""The example of a service is one that systemd and imgstore-record accept."""

from __future__ import annotations

import re
import shutil
import subprocess

from imgstore.apps.record import parser

from . import REPOSITORY

SERVICE = REPOSITORY / 'examples' / 'imgstore-record.service'


def test_its_command_is_one_of_ours() -> None:
    [words] = re.findall(r'^ExecStart=/usr/bin/env imgstore record (.*)$', SERVICE.read_text(), re.MULTILINE)
    args = parser().parse_args(words.split())
    assert (args.target, args.segment) == ('rig.yaml', 3600)


def test_systemd_accepts_it() -> None:
    """Without systemd, only its sections are looked at."""
    assert re.findall(r'^\[(\w+)\]$', SERVICE.read_text(), re.MULTILINE) == ['Unit', 'Service', 'Install']
    if analyze := shutil.which('systemd-analyze'):
        done = subprocess.run([analyze, 'verify', str(SERVICE)], capture_output=True, text=True, check=False)
        assert (done.returncode, [line for line in done.stderr.splitlines() if SERVICE.name in line]) == (0, [])
