"""Conversion of a store to another format.

Metadata and extra data are kept, and all frames compared. `estimate` says before what it would weigh.
"""

from .conversion import convert
from .estimation import FormatEstimate, StoreEstimate, estimate
from .history import HISTORY
from .result import Conversion

__all__ = ['HISTORY', 'Conversion', 'FormatEstimate', 'StoreEstimate', 'convert', 'estimate']
