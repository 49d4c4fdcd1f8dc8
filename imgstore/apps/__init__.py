"""The command lines, one module each."""

from . import _starting  # noqa: F401 -- before all that takes time
from .save import main as main_saver
from .selftest import main as main_test
from .timecodes import generate_timecodes
from .timecodes import main as main_generate_timecodes
from .view import main as main_viewer

__all__ = ['generate_timecodes', 'main_generate_timecodes', 'main_saver', 'main_test', 'main_viewer']
