"""Chunks that are folders of images."""
