"""Helpers for all modules: the machine, text, files, threads and forked processes."""
