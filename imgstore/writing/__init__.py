"""Writing frames: checks, the queue, the chunk that is open, and signals."""
