"""Recordings in a browser; see docs/viewer-in-the-browser.md."""
