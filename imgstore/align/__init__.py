"""Several stores recorded together: frames matched, and read side by side."""

from .aligner import StoreAligner
from .aligning import align
from .alignment import AlignedFrames, Alignment
from .clocks import ClockFit

__all__ = ['AlignedFrames', 'Alignment', 'ClockFit', 'StoreAligner', 'align']
