"""Files of a store: names, metadata.yaml, lock, journal, chunk indexes, and their atomic changes."""
