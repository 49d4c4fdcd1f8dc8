"""Result of a conversion, and the verdict on its frames."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import FrameWriteError
from ..measuring.psnr import mean_psnr


@dataclass(frozen=True)
class Conversion:
    """Result of `convert`.

    Attributes
    ----------
    frames : int
        Number of frames.
    verified : bool
        Whether each frame was compared with its original.
    exact : bool
        Whether all frames are identical bit for bit.
    worst_psnr : float
        Lowest PSNR of a frame in dB, or inf if exact.
    mean_psnr : float
        PSNR over all pixels of all frames in dB, or inf if exact.
    worst_index : int or None
        Index of the worst frame in the store.
    without_colors : int
        Number of frames without their colours, because the format is gray. They are compared with their gray.
    """

    frames: int
    verified: bool = False
    exact: bool = False
    worst_psnr: float = math.inf
    mean_psnr: float = math.inf
    worst_index: int | None = None
    without_colors: int = 0


def judge(psnrs: Sequence[float], folder: str, min_psnr: float | None) -> Conversion:
    """Return the result for the PSNR of each frame, inf for an exact one.

    Raises
    ------
    FrameWriteError
        A frame is worse than ``min_psnr``.
    """
    if not psnrs or min(psnrs) == math.inf:
        return Conversion(len(psnrs), True, True)
    worst = int(np.argmin(psnrs))
    check_psnr(psnrs[worst], worst, folder, min_psnr)
    return Conversion(len(psnrs), True, False, psnrs[worst], mean_psnr(psnrs), worst)


def check_psnr(psnr: float, index: int, folder: str, min_psnr: float | None) -> None:
    """Raise FrameWriteError if the frame at an index is worse than required."""
    if min_psnr is not None and psnr < min_psnr:
        raise FrameWriteError(
            f'{folder!r}: the frame at index {index} has a PSNR of {psnr:.1f} dB, below the required {min_psnr:g} dB',
            frame_index=index,
            store=folder,
        )
