"""Stores at a URL, read only: how readers reach remote files.

Paths stay strings. `urls` says which of them are URLs, `files` opens, reads and lists those.
"""
