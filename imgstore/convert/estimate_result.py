"""Result of an estimate of a store's size in other formats."""

from __future__ import annotations

from dataclasses import dataclass

_SECONDS_PER_HOUR = 3600


@dataclass(frozen=True)
class FormatEstimate:
    """Estimated size of a store in a format.

    Attributes
    ----------
    format : str
        Name of the format.
    bytes : float
        Size of all images or videos, without indexes and extra data.
    error : float
        Half of the interval of ``bytes`` that is right in 19 of 20 cases. 0 if every frame was tried.
    psnr : float
        PSNR over all pixels of the sample in dB, inf if it is identical bit for bit.
    is_current : bool
        Whether the store has this format. The encoder's options may be others.
    loses_colors : bool
        Whether the images become gray.
    """

    format: str
    bytes: float
    error: float
    psnr: float
    is_current: bool
    loses_colors: bool


@dataclass(frozen=True)
class RefusedFormat:
    """A format that cannot hold the images.

    Attributes
    ----------
    format : str
        Name of the format.
    reason : str
        The error of a conversion.
    """

    format: str
    reason: str


@dataclass(frozen=True)
class StoreEstimate:
    """Estimated sizes of a store, made by `estimate`.

    Attributes
    ----------
    format : str
        Format of the store.
    image_shape : tuple of int
        Shape of its images in pixels.
    dtype : str
        dtype of its images.
    frames : int
        Number of frames.
    rate : float
        Frames per second by the median interval, or 30 if there is none.
    bytes : int or None
        Size of its images or videos, without indexes and extra data. None at a URL.
    sampled : int
        Number of frames tried in video formats.
    runs : int
        Number of runs of consecutive frames in which they are.
    sampled_images : int
        Number of frames tried in formats of images.
    unreadable : int
        Number of frames of the sample that were left out, since they cannot be read.
    missing_chunks : tuple of int
        Missing or skipped chunk numbers, whose frames do not count.
    formats : tuple of FormatEstimate
        The estimates, the smallest first.
    refused : tuple of RefusedFormat
        Formats that cannot hold the images.
    """

    format: str
    image_shape: tuple[int, ...]
    dtype: str
    frames: int
    rate: float
    bytes: int | None
    sampled: int
    runs: int
    sampled_images: int
    unreadable: int
    missing_chunks: tuple[int, ...]
    formats: tuple[FormatEstimate, ...]
    refused: tuple[RefusedFormat, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether every frame was tried in every format."""
        return min(self.sampled, self.sampled_images) == self.frames

    def bytes_per_hour(self, size: float) -> float:
        """Return the size of an hour at the store's rate, if all frames have a size."""
        return size / self.frames * self.rate * _SECONDS_PER_HOUR
