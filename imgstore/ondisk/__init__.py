"""Files of a store: metadata.yaml, lock, journal, indexes, atomic changes."""
