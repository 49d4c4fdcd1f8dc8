"""Repairing and renumbering existing stores."""
