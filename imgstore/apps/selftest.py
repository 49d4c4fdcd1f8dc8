"""imgstore-test: the package's own tests, wherever it is installed."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence

from ..errors import MissingDependencyError
from ._cli import run


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tests; the exit code is pytest's, 0 if all of them passed."""
    parser = argparse.ArgumentParser(
        'imgstore-test',
        usage='%(prog)s [-h] [pytest arguments ...]',
        description="Run imgstore's own tests. All arguments are handed on to pytest.",
        epilog='example: imgstore-test -q -k align',
        allow_abbrev=False,
    )
    _, for_pytest = parser.parse_known_args(argv)
    return run(parser.prog, lambda: run_tests(for_pytest))


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
