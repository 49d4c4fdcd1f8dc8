"""What a store is, in short."""

from .report import (
    FrameGap,
    FrameTiming,
    Health,
    Overview,
    frame_timing,
    overview,
    slow_intervals,
)

__all__ = [
    'FrameGap',
    'FrameTiming',
    'Health',
    'Overview',
    'frame_timing',
    'overview',
    'slow_intervals',
]
