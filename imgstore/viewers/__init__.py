"""Viewers of stores, in a window and in a browser."""
