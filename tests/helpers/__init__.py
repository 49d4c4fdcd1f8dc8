"""What the tests share: recordings, damage, programs that are killed, screens and browsers."""

from pathlib import Path

HELPERS = Path(__file__).parent
