"""Extra data: the records of a recording."""
