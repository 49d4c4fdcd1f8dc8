"""imgstore-test: the package's own tests, wherever it is installed."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence

from ..errors import MissingDependencyError
from ._cli import command_parser, run


def parser() -> argparse.ArgumentParser:
    """Make the parser; what it does not know is for pytest."""
    made = command_parser('imgstore-test', "Run imgstore's own tests. All arguments are handed on to pytest.",
                          'imgstore-test -q -k align', verbose=False)
    made.usage = '%(prog)s [-h] [pytest arguments ...]'
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tests; the exit code is pytest's, 0 if all of them passed."""
    _, for_pytest = parser().parse_known_args(argv)
    return run('imgstore-test', lambda: run_tests(for_pytest))


def run_tests(args: Sequence[str] = ()) -> int:
    """Run the package's tests in this process.

    Parameters
    ----------
    args
        More arguments for pytest.

    Returns
    -------
    int
        pytest's exit code, 0 if all tests passed.

    Raises
    ------
    MissingDependencyError
        pytest is not installed.
    """
    try:
        import pytest
    except ImportError as error:
        raise MissingDependencyError('the tests need pytest: pip install imgstore[test]') from error
    with tempfile.TemporaryDirectory() as elsewhere:
        # neither the settings of a project around this environment count, nor is anything written there
        ours = ['-c', os.devnull, '--rootdir', elsewhere, '-p', 'no:cacheprovider', '--pyargs', 'imgstore.tests']
        return int(pytest.main([*args, *ours]))
