"""Several stores recorded together: frames matched, and read side by side."""

from .aligner import StoreAligner
from .aligning import align
from .alignment import AlignedFrames, Alignment
from .clocks import ClockFit
from .recorded import align_recording, open_recording

__all__ = ['AlignedFrames', 'Alignment', 'ClockFit', 'StoreAligner', 'align', 'align_recording', 'open_recording']
