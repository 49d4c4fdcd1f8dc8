"""The table of the command lines. setup.py makes a console script of each row, and `imgstore NAME` runs it too."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

DISPATCHER = 'imgstore.apps.dispatch:main'
"""What the console script ``imgstore`` runs."""


@dataclass(frozen=True)
class Command:
    """A command line.

    Attributes
    ----------
    name : str
        ``imgstore-NAME`` is its console script.
    module : str
        Of `imgstore.apps`; has ``parser()``, and ``main(argv=None)``, which returns the exit code.
    summary : str
        What it does, in a line.
    """

    name: str
    module: str
    summary: str

    @property
    def script(self) -> str:
        """Name of its console script."""
        return f'imgstore-{self.name}'

    @property
    def target(self) -> str:
        """What the console script runs, as setup.py has it."""
        return f'imgstore.apps.{self.module}:main'

    def parser(self) -> argparse.ArgumentParser:
        """Make the parser of its arguments."""
        made: argparse.ArgumentParser = import_module(f'imgstore.apps.{self.module}').parser()
        return made

    def main(self) -> Callable[[list[str]], int]:
        """Give the function that runs it; its module is imported now."""
        found: Callable[[list[str]], int] = import_module(f'imgstore.apps.{self.module}').main
        return found


COMMANDS = (
    Command('save', 'save', 'make a store of a video, of images, of a pipe or of what a camera sees'),
    Command('view', 'view', 'play a store in a window'),
    Command('info', 'info', 'tell what a store is: frames, rate, drops, size, health'),
    Command('export', 'export', 'write frames as a video, images, arrays or a table'),
    Command('convert', 'convert', 'make a store of another format, and compare each frame'),
    Command('index', 'index', 'save the index of a store, so that it opens at once'),
    Command('reindex', 'reindex', 'count the frame numbers before the one numbered 0 down from -1'),
    Command('repair', 'repair', 'complete a store whose writer was killed'),
    Command('test', 'selftest', "tell what works on this machine, and run imgstore's own tests"),
    Command('completion', 'completion', 'print what makes a shell complete these commands'),
)
"""All of them, in the order in which ``imgstore --help`` has them."""
