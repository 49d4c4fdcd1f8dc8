"""Recordings in a browser: a page served by this machine; see docs/viewer-in-the-browser.md."""
