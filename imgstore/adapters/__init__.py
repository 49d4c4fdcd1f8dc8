"""Stores inside other programs. Each adapter is a module, which imports its program when it is imported."""

from .opencv import VideoCapture

__all__ = ['VideoCapture']
