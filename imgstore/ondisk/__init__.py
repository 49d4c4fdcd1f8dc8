"""A store's files: names, metadata.yaml, lock, journal, a chunk's index, and atomic changes of them."""
