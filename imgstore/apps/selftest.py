"""imgstore-test: checks this machine and runs the package's own tests."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import itertools
import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib import import_module
from itertools import pairwise

from .._support.cpu import CORES
from ..doctor import Finding, check_formats, encoder_table, table, versions
from ..errors import MissingDependencyError
from ..measuring.comparison import FRAMES, SIZE
from ..measuring.scenes import LEAST_SIDE
from ._bench import format_list, run_bench
from ._cli import EXIT_FAILURE, SIGNALLED, run
from ._info_text import json_line
from ._parser import EXIT_USAGE, command_parser
from ._report import add_json
from ._values import positive, size

_PROG, _BENCH = 'imgstore-test', '--bench'
_CODES_OF_PYTEST = {0: 0, 2: SIGNALLED + signal.SIGINT, 4: EXIT_USAGE}  # of all others, 1
QUICK = 'The tests take about 3 minutes on 2 cores; --all runs the slow ones, too.'
ALL = 'The tests take about 15 minutes on 2 cores.'
_SOME = ('-k', '-m', '--deselect', '--ignore', '--lf', '--last-failed', '--collect-only', '--pyargs')
_WITH_VALUE = (
    '-n',
    '-o',
    '-p',
    '-r',
    '-W',
    '-c',
    '--dist',
    '--tb',
    '--durations',
    '--maxfail',
    '--color',
    '--basetemp',
)
_MEMORY = '/dev/shm'
_ENOUGH = 2 * 2**30  # bytes; the files of the tests take a tenth of it at most


def parser(with_bench: bool = True) -> argparse.ArgumentParser:
    """Make the parser; unknown arguments go to pytest.

    Without ``with_bench``, so do the options of ``--bench``, since pytest has some of the same names.
    """
    made = command_parser(
        _PROG,
        'Show the installed versions, try every format and backend on this machine, then run '
        "imgstore's own tests except the slow ones. All other arguments go to pytest.",
        'imgstore-test --doctor\nimgstore-test --bench png,avc1/mp4\nimgstore-test -q -k align\nimgstore-test -m slow',
        verbose=False,
    )
    made.usage = '%(prog)s [-h] [--doctor | --no-doctor | --bench FORMATS] [--all] [pytest arguments ...]'
    only = made.add_mutually_exclusive_group()
    only.add_argument('--doctor', action='store_true', help='only check this machine, run no tests')
    only.add_argument('--no-doctor', action='store_true', help='only run the tests')
    made.add_argument('--all', action='store_true', help='run the slow tests, too')
    if with_bench:
        only.add_argument(
            _BENCH,
            metavar='FORMATS',
            help='only measure formats on three synthetic recordings: speed, size and quality; '
            'a comma-separated list, or all',
        )
        _add_bench_options(made)
    return made


def _add_bench_options(made: argparse.ArgumentParser) -> None:
    made.add_argument(
        '--size',
        type=size,
        metavar='WxH',
        default=SIZE,
        help=f'size of the images of --bench in pixels, each at least {LEAST_SIDE} (default: {SIZE[0]}x{SIZE[1]})',
    )
    made.add_argument('--color', action='store_true', help='measure color images with --bench')
    made.add_argument(
        '--frames',
        type=positive(int),
        metavar='N',
        default=FRAMES,
        help=f'frames of each recording of --bench (default: {FRAMES})',
    )
    add_json(made, 'one JSON object per measurement of --bench, or per row of the table of --doctor')


def main(argv: Sequence[str] | None = None) -> int:
    """Check the formats and run the tests; return the exit code.

    It is 0 if all tests passed and no format gave wrong images, 2 for arguments that pytest does not know.
    """
    given = sys.argv[1:] if argv is None else [*argv]
    if any(each.partition('=')[0] in (_BENCH, '-h', '--help') for each in given):
        return _bench(given)
    if {'--doctor', '--json'} <= set(given):
        parser().parse_args(given)
        return run(_PROG, _examine_as_json)
    args, for_pytest = parser(with_bench=False).parse_known_args(given)
    return run(_PROG, lambda: _test(args, for_pytest), filtered=False)


def _bench(argv: Sequence[str]) -> int:
    made = parser()
    args = made.parse_args(argv)
    if args.all:
        made.error('--all is for the tests, not for --bench')

    def measure() -> int:
        run_bench(format_list(args.bench), args.size, args.color, args.frames, args.json)
        return 0

    return run(_PROG, measure)


def _test(args: argparse.Namespace, for_pytest: Sequence[str]) -> int:
    if not args.doctor:
        _require_pytest()  # before the doctor, which takes a while
    wrong = not args.no_doctor and _examine()
    if not args.doctor and not _selects(for_pytest):
        print(ALL if args.all else QUICK, flush=True)
    code = 0 if args.doctor else _CODES_OF_PYTEST.get(run_tests(for_pytest, slow=args.all), EXIT_FAILURE)
    return code or (EXIT_FAILURE if wrong else 0)


def _require_pytest() -> None:
    try:
        import pytest  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError.for_extra('the tests need pytest', 'pytest', 'test') from error


def _selects(for_pytest: Sequence[str]) -> bool:
    """Return whether pytest runs only some of the tests with these arguments.

    A word that begins with no hyphen may be a path, or the value of an option.
    """
    return any(
        each.startswith(_SOME) or (not each.startswith('-') and before not in _WITH_VALUE)
        for before, each in pairwise(['', *for_pytest])
    )


def _examine() -> bool:
    """Print the findings and return whether a format gave wrong images."""
    findings: list[Finding] = []

    def noted() -> Iterator[Finding]:
        for found in check_formats():
            findings.append(found)
            yield found

    print('\n'.join(versions()) + '\n')
    for line in itertools.chain(table(noted()), [''], encoder_table()):
        print(line, flush=True)
    print()
    return any(found.failed for found in findings)


def _examine_as_json() -> int:
    """Print a JSON object per format and backend, and return the exit code."""
    has_failed = False
    for found in check_formats():
        has_failed = has_failed or found.failed
        print(json_line({**asdict(found), 'failed': found.failed}), flush=True)
    return EXIT_FAILURE if has_failed else 0


def run_tests(args: Sequence[str] = (), slow: bool = False) -> int:
    """Run the package's tests, in one process more than there are cores.

    Parameters
    ----------
    args
        More arguments for pytest.
    slow
        Run the slow tests, too.

    Returns
    -------
    int
        pytest's exit code, 0 if all tests passed.

    Raises
    ------
    MissingDependencyError
        pytest is not installed.
    """
    _require_pytest()
    import pytest

    from ._test_lines import ModuleLines

    with _files_in_memory(), tempfile.TemporaryDirectory() as elsewhere:
        # a surrounding project's settings are ignored, and nothing is written into it
        ours = ['-c', os.devnull, '--rootdir', elsewhere, '-p', 'no:cacheprovider']
        # by name, workers would find the package of a checkout in the current folder
        folder = import_module('imgstore.tests').__path__[0]
        return int(pytest.main([*_usual(slow), *args, *ours, folder], plugins=[ModuleLines()]))


@contextlib.contextmanager
def _files_in_memory() -> Iterator[None]:
    """Put temporary files into memory if there is plenty.

    No test waits for the disk then.
    """
    if 'TMPDIR' in os.environ or not _has_plenty_of_memory():
        yield
        return
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix='t', dir=_MEMORY, ignore_cleanup_errors=True) as folder:
        os.environ['TMPDIR'] = tempfile.tempdir = folder
        try:
            yield
        finally:
            del os.environ['TMPDIR']
            tempfile.tempdir = before


def _has_plenty_of_memory() -> bool:
    """Return whether a file system in memory suits the tests.

    It needs room, free memory, and permission to run programs.
    """
    try:
        room = os.statvfs(_MEMORY)
        with open('/proc/meminfo') as file:
            available = int(re.findall(r'MemAvailable:\s+(\d+) kB', file.read())[0]) * 1024
    except (AttributeError, IndexError, OSError):  # not Linux
        return False
    is_usable = os.access(_MEMORY, os.W_OK) and not room.f_flag & os.ST_NOEXEC
    return is_usable and room.f_bavail * room.f_frsize >= _ENOUGH and available >= 2 * _ENOUGH


def _usual(slow: bool) -> list[str]:
    """Return default arguments for pytest; the user's arguments override them."""
    files = ['-o', 'tmp_path_retention_policy=failed']  # keeps the use of disk space low
    lines = ['-o', 'console_output_style=classic']  # no percentages between the lines of modules
    # one more than there are cores, as tests wait; one that is done takes over tests of another
    processes = ['-n', str(CORES + 1), '--dist', 'worksteal'] if importlib.util.find_spec('xdist') else []
    fewer = ['-p', 'no:zarr', '-p', 'no:anyio']  # plugins of our dependencies, which take longest to import
    return [*files, *lines, *fewer, *processes, *([] if slow else ['-m', 'not slow'])]
