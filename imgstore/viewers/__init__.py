"""A store to look at: in a window and in a browser."""
