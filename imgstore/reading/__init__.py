"""Reading frames: position, prefetching, and the chunks that a folder has."""
