"""Reading frames: position, prefetching, and the listing of chunks."""
