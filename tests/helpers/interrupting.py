"""Raise an exception in this thread at a line of imgstore, as a signal's handler would."""

import gc
import linecache
import os
import sys
from collections import Counter
from contextlib import contextmanager

import imgstore

_PACKAGE = os.path.dirname(imgstore.__file__) + os.sep
_TESTS = os.path.dirname(os.path.dirname(__file__)) + os.sep


class Interrupter:
    """Counts the lines of imgstore that this thread runs, each twice at most, and raises at those asked for.

    Where a ``with`` block is left, Python lets no signal in; a tracer could come in, so those lines do not count.
    """

    def __init__(self, *lines, error=KeyboardInterrupt):
        self._lines, self._error = sorted(lines), error
        self.count, self.places = 0, []
        self._seen: set = set()
        self._passes: Counter = Counter()

    @contextmanager
    def on(self):
        before, collects = sys.gettrace(), gc.isenabled()
        gc.disable()  # it would close the stores of earlier rounds, where Python drops an exception
        sys.settrace(self._trace)
        try:
            yield self
        finally:
            sys.settrace(before)
            if collects:
                gc.enable()

    @property
    def is_done(self):
        """Whether there was a line for each exception that was asked for."""
        return len(self.places) == len(self._lines)

    def _trace(self, frame, event, arg):
        file = frame.f_code.co_filename
        if not file.startswith(_PACKAGE) or file.startswith(_TESTS):
            return None
        if event == 'line' and not self._leaves_block(frame) and self._is_new(file, frame.f_lineno):
            self.count += 1
            if self.count in self._lines:
                self.places.append(f'{os.path.basename(file)}:{frame.f_lineno}')
                raise self._error
        return self._trace

    def _is_new(self, file, line):
        self._passes[file, line] += 1
        return self._passes[file, line] <= 2  # a loop's further rounds differ in nothing

    def _leaves_block(self, frame):
        here = (id(frame), frame.f_lineno)
        seen = here in self._seen
        self._seen.add(here)
        return seen and linecache.getline(frame.f_code.co_filename, frame.f_lineno).lstrip().startswith('with ')
