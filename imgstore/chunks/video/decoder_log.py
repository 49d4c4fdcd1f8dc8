"""What FFmpeg logs while it decodes: some damage is told there alone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

Log = list[tuple[int, str, str]]
"""Level, name of what tells, and text."""

_LACKS_IN_HEVC = 'Could not find ref'
"""What the decoder of HEVC logs of a missing reference: since FFmpeg 9 it makes one up, strict or not."""


@contextlib.contextmanager
def logged_errors() -> Iterator[Log]:
    """Collect the errors that FFmpeg logs.

    No more than errors: a thread of a decoder that logs waits for the interpreter, and PyAV holds that while it waits
    for the threads of a decoder that is freed.
    """
    import av.logging

    level, skip = av.logging.get_level(), av.logging.get_skip_repeated()
    av.logging.set_level(av.logging.ERROR)
    av.logging.set_skip_repeated(False)
    try:
        with av.logging.Capture(local=False) as log:
            yield log
    finally:
        av.logging.set_skip_repeated(skip)
        av.logging.set_level(level)


def errors_in(log: Log, name: str) -> list[str]:
    """What a decoder or a demuxer of that name logged as errors."""
    import av.logging

    return [text for level, told, text in log if told == name and level <= av.logging.ERROR]


def lacks_reference(log: Log) -> bool:
    """Whether the decoder of HEVC missed the frame that another is made from."""
    return any(text.startswith(_LACKS_IN_HEVC) for text in errors_in(log, 'hevc'))
