"""Repair and renumbering of existing stores."""
