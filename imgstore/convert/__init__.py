"""Conversion of a store to another format.

Metadata and extra data are kept, and all frames compared.
"""

from .conversion import convert
from .history import HISTORY
from .result import Conversion

__all__ = ['HISTORY', 'Conversion', 'convert']
