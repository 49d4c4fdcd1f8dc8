"""Chunks of image files."""
