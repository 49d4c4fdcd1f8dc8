"""Writing of frames: checks, the queue, the open chunk, and signals."""
