"""A summary of a store, and a list of all stores below a folder.

Examples
--------
>>> from imgstore.overview import overview
>>> summary = overview('recording')
>>> summary.pace.rate
4.0
>>> [(gap.frame_number, gap.missing_numbers) for gap in summary.pace.drops]
[(102, 2)]
"""

from .._support.warn import renamed_names
from ..timestamps import GAP_FACTOR
from .health import Health
from .listing import StoreRow, list_stores
from .recordings import CameraRow, RecordingRow, list_recordings
from .report import (
    FrameGap,
    FrameTiming,
    Overview,
    frame_timing,
    overview,
    slow_intervals,
)

__all__ = [
    'GAP_FACTOR',
    'CameraRow',
    'FrameGap',
    'FrameTiming',
    'Health',
    'Overview',
    'RecordingRow',
    'StoreRow',
    'frame_timing',
    'list_recordings',
    'list_stores',
    'overview',
    'slow_intervals',
]

__getattr__ = renamed_names(
    __name__, {'SLOW': 'GAP_FACTOR', 'Drop': 'FrameGap', 'Pace': 'FrameTiming', 'pace': 'frame_timing'}
)
