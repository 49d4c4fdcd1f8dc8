"""Ctrl-C during the imports of a command line."""

from .. import _launch

_launch.begin()
