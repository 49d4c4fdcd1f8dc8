"""Tests of the repository itself, which therefore stay in it: the wheel does not carry them."""

from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
