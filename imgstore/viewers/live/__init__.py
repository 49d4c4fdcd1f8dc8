"""The live page of a recording, and its commands over HTTP."""

from .server import LiveServer

__all__ = ['LiveServer']
