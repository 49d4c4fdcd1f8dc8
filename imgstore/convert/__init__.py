"""Conversion of a store to another format.

Metadata and extra data are kept, and all frames compared. `estimate` says before what it would weigh.
"""

from .conversion import convert
from .estimate_result import FormatEstimate, RefusedFormat, StoreEstimate
from .estimation import estimate
from .history import HISTORY
from .result import Conversion

__all__ = ['HISTORY', 'Conversion', 'FormatEstimate', 'RefusedFormat', 'StoreEstimate', 'convert', 'estimate']
