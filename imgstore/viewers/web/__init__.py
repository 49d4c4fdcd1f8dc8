"""Recordings in a browser: a page of our own, served to it by this machine; see docs/viewer-in-the-browser.md."""
