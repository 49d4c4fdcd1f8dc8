"""Options of encoders, one row each."""

from __future__ import annotations

from dataclasses import dataclass

from ._support.validation import as_int, as_int_between, not_allowed


@dataclass(frozen=True)
class Option:
    """An integer option of an encoder, such as quality or compression.

    Attributes
    ----------
    name : str
        Name of the argument.
    min : int
        Smallest value.
    max : int
        Largest value.
    meaning : str
        Meaning of the values, for `--help`.
    allowed : tuple of int
        The only values between, if not all.
    """

    name: str
    min: int
    max: int
    meaning: str
    allowed: tuple[int, ...] = ()

    def checked(self, value: object, whom: str) -> int:
        """Return the value as an int. An error names ``whom`` it is for."""
        if not self.allowed:
            return as_int_between(value, self.name, self.min, self.max, whom)
        number = as_int(value, self.name)
        if number not in self.allowed:
            raise not_allowed(self.name, value, f'for {whom} it must be {self.values}')
        return number

    @property
    def values(self) -> str:
        """The values, for messages."""
        if not self.allowed:
            return f'{self.min} to {self.max}'
        return f'{", ".join(map(str, self.allowed[:-1]))} or {self.allowed[-1]}'

    def __str__(self) -> str:
        return f'{self.name} ({self.values})'


QUALITY = Option('quality', 1, 100, 'JPEG quality, 100 is best')
CRF = Option('crf', 0, 51, 'constant rate factor of x264, 0 is best')
COMPRESSION = Option('compression', 0, 9, 'lossless compression, 9 makes the smallest files')
BITS = Option('bits', 10, 16, 'bits of a value of uint16 images; fewer make smaller files', (10, 12, 16))
OPTIONS = (QUALITY, CRF, COMPRESSION, BITS)
