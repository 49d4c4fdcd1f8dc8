"""The cameras that imgstore records, a module each."""
