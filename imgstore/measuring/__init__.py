"""Measurement of formats: speed, size and quality, on frames of a recording.

`imgstore-test --bench`, `imgstore-convert --estimate` and the tables in the documentation share this code.
"""

from .comparison import BenchRow, bench
from .measure import Measurement, measure_format
from .psnr import frame_psnr, mean_psnr
from .scenes import SCENES, Scene

__all__ = [
    'SCENES',
    'BenchRow',
    'Measurement',
    'Scene',
    'bench',
    'frame_psnr',
    'mean_psnr',
    'measure_format',
]
