"""Helpers for all modules: machine, text, files, threads, forked processes."""
