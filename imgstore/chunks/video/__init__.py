"""Chunks that are video files."""
