"""Table of the command lines.

setup.py makes a console script of each row, and `imgstore NAME` runs it, too.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

DISPATCHER = 'imgstore.apps.dispatch:main'
"""Entry point of the console script ``imgstore``."""


@dataclass(frozen=True)
class Command:
    """A command line.

    Attributes
    ----------
    name : str
        Name of the command; its console script is ``imgstore-NAME``.
    module : str
        Module of `imgstore.apps` with ``parser()`` and ``main(argv=None)``; ``main`` returns the exit code.
    summary : str
        Purpose, in one line.
    """

    name: str
    module: str
    summary: str

    @property
    def script(self) -> str:
        """Name of the console script."""
        return f'imgstore-{self.name}'

    @property
    def target(self) -> str:
        """Entry point of the console script, in the syntax of setup.py."""
        return f'imgstore.apps.{self.module}:main'

    def parser(self) -> argparse.ArgumentParser:
        """Make the parser of its arguments."""
        made: argparse.ArgumentParser = import_module(f'imgstore.apps.{self.module}').parser()
        return made

    def main(self) -> Callable[[list[str]], int]:
        """Import the module and return its ``main``."""
        found: Callable[[list[str]], int] = import_module(f'imgstore.apps.{self.module}').main
        return found


COMMANDS = (
    Command('save', 'save', 'save a video file, images, a pipe or a camera in a new store'),
    Command('record', 'record', 'record one or several cameras, and account for every frame'),
    Command('view', 'view', 'play a store in a window or a browser'),
    Command('info', 'info', 'summarise a store: frames, rate, drops, size, health'),
    Command('export', 'export', 'write frames or marked clips as a video, GIF, WebP, images, arrays or a table'),
    Command('convert', 'convert', 'copy a store into another format and compare each frame'),
    Command('index', 'index', 'save the index cache of a store, so that it opens fast'),
    Command('verify', 'verify', 'compare every frame with its checksum'),
    Command('reindex', 'reindex', 'correct frame numbers after the counter was reset to 0'),
    Command('repair', 'repair', 'complete a store after its writer was killed'),
    Command('test', 'selftest', "show what works on this machine, and run imgstore's own tests"),
    Command('completion', 'completion', 'print a completion script for your shell'),
)
"""All commands, in the order of ``imgstore --help``."""
