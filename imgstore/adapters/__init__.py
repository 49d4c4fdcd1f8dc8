"""Stores inside other programs.

Each adapter is a module of its own, which imports its program.
"""

from .opencv import VideoCapture

__all__ = ['VideoCapture']
