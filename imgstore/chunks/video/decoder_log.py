"""FFmpeg's log during decoding: some damage is reported only there."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from ..._support.forking import register_fork_handler

Log = list[tuple[int, str, str]]
"""Level, name of the logging component, and text."""

_LACKS_IN_HEVC = 'Could not find ref'
"""Log message of the HEVC decoder for a missing reference: since FFmpeg 9 it invents one, strict or not."""


@contextlib.contextmanager
def logged_errors() -> Iterator[Log]:
    """Collect the errors logged by FFmpeg.

    Only errors: a decoder thread needs the interpreter to log, and PyAV holds the interpreter while it waits for the
    threads of a freed decoder.
    """
    import av.logging

    with _logged(av.logging.ERROR, local=False) as log:
        yield log


@contextlib.contextmanager
def logged_warnings() -> Iterator[Log]:
    """Collect the warnings and errors that FFmpeg logs in this thread.

    Only for a moment, as other threads log warnings meanwhile, too.
    """
    import av.logging

    with _logged(av.logging.WARNING, local=True) as log:
        yield log


@contextlib.contextmanager
def _logged(level: int, local: bool) -> Iterator[Log]:
    import av.logging

    _log_level.require(level)
    try:
        with av.logging.Capture(local=local) as log:
            yield log
    finally:
        _log_level.release(level)


class _LogLevel:
    """FFmpeg's log level, of the process, for several threads at once.

    After the last one it is as before: without need, a damaged frame must not log.
    """

    def __init__(self) -> None:
        self._required: list[int] = []
        self._before: tuple[int | None, bool] = None, True
        self.reset_after_fork()

    def reset_after_fork(self) -> None:
        """Replace the lock in a forked child."""
        self._lock = threading.Lock()

    def require(self, level: int) -> None:
        """Log at least this level."""
        import av.logging

        with self._lock:
            if not self._required:
                self._before = av.logging.get_level(), av.logging.get_skip_repeated()
            self._required.append(level)
            self._set(max(self._required), False)

    def release(self, level: int) -> None:
        """Log this level no more, unless others require it."""
        with self._lock:
            self._required.remove(level)
            self._set(*((max(self._required), False) if self._required else self._before))

    @staticmethod
    def _set(level: int | None, skips_repeated: bool) -> None:
        import av.logging

        av.logging.set_skip_repeated(skips_repeated)
        av.logging.set_level(level)


_log_level = _LogLevel()
register_fork_handler(_log_level, _LogLevel.reset_after_fork)


def errors_in(log: Log, name: str) -> list[str]:
    """Return the errors logged by a decoder or demuxer."""
    import av.logging

    return [text for level, told, text in log if told == name and level <= av.logging.ERROR]


def lacks_reference(log: Log) -> bool:
    """Return whether the HEVC decoder missed a reference frame."""
    return any(text.startswith(_LACKS_IN_HEVC) for text in errors_in(log, 'hevc'))
