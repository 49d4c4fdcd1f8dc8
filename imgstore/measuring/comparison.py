"""Formats compared on the synthetic recordings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ..color import Image
from ..errors import InvalidArgumentError
from ..formats import Format, format_names, resolve_format
from .measure import Measurement, measure_format
from .scenes import LEAST_SIDE, SCENES, Scene

FRAMES = 48
"""Frames of each recording: three groups of pictures of H.264."""

IMAGE_FRAMES = 16
"""Frames at most for formats of images, whose frames do not depend on each other."""

SIZE = (1280, 1024)
"""Width and height in pixels."""

_DTYPE = 'uint8'
_RANDOM_READS = 16
_LEAST_SECONDS = 0.3


@dataclass(frozen=True)
class BenchRow:
    """Measurement of a format on a recording.

    Attributes
    ----------
    scene : Scene
        The recording.
    format : str
        Name of the format.
    measured : Measurement or None
        The result, None if the format cannot hold the images.
    """

    scene: Scene
    format: str
    measured: Measurement | None


def bench(
    formats: Sequence[str] | None = None,
    *,
    scenes: Sequence[Scene] = SCENES,
    size: tuple[int, int] = SIZE,
    is_color: bool = False,
    frames: int = FRAMES,
    progress: Callable[[], object] = lambda: None,
) -> Iterator[BenchRow]:
    """Measure formats on synthetic recordings, one after the other.

    Parameters
    ----------
    formats : sequence of str, optional
        Names of the formats. Default: all that are installed, but those that convert to BGR.
    scenes : sequence of Scene
        The recordings.
    size : tuple of int
        Width and height in pixels.
    is_color : bool
        Whether images are in colour.
    frames : int
        Number of frames. Formats of images get at most 16 of them.
    progress : callable
        Called after each measurement.

    Returns
    -------
    iterator of BenchRow
        Each format, for one recording after the other.

    Raises
    ------
    InvalidArgumentError
        There is no such format, or the images are too small.

    Examples
    --------
    >>> from imgstore.measuring import bench
    >>> rows = list(bench(['npy', 'png'], size=(64, 64), frames=4))
    >>> [(row.scene.name, row.format, row.measured.psnr) for row in rows[:2]]
    [('camera noise', 'npy', inf), ('camera noise', 'png', inf)]
    """
    if min(size) < LEAST_SIDE:
        raise InvalidArgumentError(
            f'size is {size[0]}x{size[1]}; it must be at least {LEAST_SIDE}x{LEAST_SIDE}', argument='size'
        )
    chosen = [resolve_format(name) for name in (comparable_formats() if formats is None else formats)]
    return _measured(chosen, scenes, size, is_color, frames, progress)


def _measured(
    formats: Sequence[Format],
    scenes: Sequence[Scene],
    size: tuple[int, int],
    is_color: bool,
    frames: int,
    progress: Callable[[], object],
) -> Iterator[BenchRow]:
    for scene in scenes:
        images = list(scene.render(frames, size[1], size[0], not is_color))
        for fmt in formats:
            held = keeps(fmt, _DTYPE, is_color)
            yield BenchRow(
                scene,
                fmt.name,
                _thoroughly(fmt.name, images[:IMAGE_FRAMES] if fmt.is_image_folder else images) if held else None,
            )
            progress()


def _thoroughly(fmt: str, images: Sequence[Image]) -> Measurement:
    return measure_format(fmt, images, random_reads=_RANDOM_READS, least_seconds=_LEAST_SECONDS)


def comparable_formats() -> list[str]:
    """Return the installed formats, but those that convert to BGR."""
    return [name for name in format_names() if not resolve_format(name).converts_to_bgr]


def keeps(fmt: Format, dtype: str, is_color: bool) -> bool:
    """Return whether a format holds such images, with their colours."""
    return fmt.holds(dtype, is_color) and not (is_color and fmt.is_gray)
