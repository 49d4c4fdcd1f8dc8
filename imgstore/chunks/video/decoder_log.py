"""FFmpeg's log during decoding: some damage is reported only there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

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
def _logged(most: int, local: bool) -> Iterator[Log]:
    import av.logging

    level, skip = av.logging.get_level(), av.logging.get_skip_repeated()
    av.logging.set_level(most)
    av.logging.set_skip_repeated(False)
    try:
        with av.logging.Capture(local=local) as log:
            yield log
    finally:
        av.logging.set_skip_repeated(skip)
        av.logging.set_level(level)


def errors_in(log: Log, name: str) -> list[str]:
    """Return the errors logged by a decoder or demuxer."""
    import av.logging

    return [text for level, told, text in log if told == name and level <= av.logging.ERROR]


def lacks_reference(log: Log) -> bool:
    """Return whether the HEVC decoder missed a reference frame."""
    return any(text.startswith(_LACKS_IN_HEVC) for text in errors_in(log, 'hevc'))
