"""What a store is, in short."""

from .._support.warn import renamed_names
from .report import (
    LONG_INTERVAL,
    FrameGap,
    FrameTiming,
    Health,
    Overview,
    frame_timing,
    overview,
    slow_intervals,
)

__all__ = [
    'LONG_INTERVAL',
    'FrameGap',
    'FrameTiming',
    'Health',
    'Overview',
    'frame_timing',
    'overview',
    'slow_intervals',
]

__getattr__ = renamed_names(
    __name__, {'SLOW': 'LONG_INTERVAL', 'Drop': 'FrameGap', 'Pace': 'FrameTiming', 'pace': 'frame_timing'})
