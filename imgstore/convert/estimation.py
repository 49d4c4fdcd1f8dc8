"""Estimate of what a store would weigh in other formats, from a sample."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..encoder_options import check_names
from ..errors import FrameReadError, InvalidArgumentError
from ..formats import resolve_format, validate_options
from ..measuring.comparison import comparable_formats, keeps
from ..measuring.measure import FRAMES_PER_SECOND, Measurement, measure_format
from ..measuring.psnr import mean_psnr
from ..ondisk.chunk_files import frame_file_sizes
from ..ondisk.files import StrPath
from ..ondisk.layout import existing_store_folder
from ..remote.urls import is_url
from ..stores.base import ImgStore
from ..stores.factories import new_for_filename
from ..timestamps import usual_interval
from ..writing.image_spec import image_spec_for
from .estimate_result import FormatEstimate, RefusedFormat, StoreEstimate
from .frames import Recipe
from .request import Request
from .sample import Sample, SampledImages, take_sample

_OF_VIDEOS = 0.03
"""Share of a video's size that is uncertain in any case: an encoder adapts to what came before a run."""

Progress = Callable[[], object]

_Refused = dict[str, InvalidArgumentError]
"""Errors of the formats that cannot hold the images, by name."""


def estimate(
    source: StrPath,
    formats: Sequence[str] | None = None,
    *,
    chunksize: int | None = None,
    roi: Any = None,
    binning: Any = None,
    progress: Progress = lambda: None,
    **encoder: Any,
) -> StoreEstimate:
    """Estimate what a store would weigh in other formats.

    A sample of frames is written into temporary folders, which are removed. For videos, it has runs of consecutive
    frames, evenly spread over the store.

    Parameters
    ----------
    source : str or PathLike
        Folder of the store.
    formats : sequence of str, optional
        Names of formats. Default: all that hold the store's images with their colours.
    chunksize : int, optional
        Frames per chunk, as for `convert`.
    roi : tuple of int, optional
        (x, y, width, height), as for `convert`.
    binning : int or tuple of int, optional
        Pixels in a pixel, as for `convert`.
    progress : callable
        Called after each run, and each format of images.
    **encoder
        Options of the encoders, such as ``quality=`` and ``crf=``, for the formats that have them.

    Returns
    -------
    StoreEstimate
        The sizes.

    Raises
    ------
    InvalidOptionError
        There is no such option of an encoder.
    InvalidArgumentError
        The store has no frames. Or no given format can hold its images, or no format has a given option.
    FrameReadError
        No frame of the sample can be read.

    Examples
    --------
    >>> from imgstore.convert import estimate
    >>> found = estimate('recording', ['npy', 'png'])
    >>> [each.format for each in found.formats], found.sampled
    (['png', 'npy'], 5)
    """
    check_names(encoder)
    given = {name: value for name, value in encoder.items() if value is not None}
    with ExitStack() as closing:
        opened = _Source(existing_store_folder(source), closing, roi, binning)
        store = opened.decoded
        sample = _sample(store)
        trials, refused = _trials(opened, formats, chunksize, given)
        found = _try_all(trials, sample, progress, refused)
        estimates = [_estimated(trial, found[trial.name], len(store)) for trial in trials if trial.name not in refused]
        if not estimates and refused:
            raise next(iter(refused.values()))
        named = refused if formats is not None else {}
        return _result(store, sample, sorted(estimates, key=lambda each: each.bytes), named)


class _Source:
    """The store, open for decoded images, and for raw ones if it has any."""

    def __init__(self, folder: str, closing: ExitStack, roi: object, binning: object) -> None:
        self.roi, self.binning = roi, binning
        self.decoded = self._raw = closing.enter_context(new_for_filename(folder))
        if self.decoded.encoding:
            self._raw = closing.enter_context(new_for_filename(folder))
            self._raw.disable_decoding()

    def store(self, recipe: Recipe) -> ImgStore:
        """Return the store that gives the images for a recipe."""
        return self._raw if recipe.encoding else self.decoded


class _Trial:
    """One format, and how to write the store's images in it."""

    def __init__(self, source: _Source, name: str, chunksize: int | None, encoder: dict[str, Any]) -> None:
        self.name, self.fmt = name, resolve_format(name)
        known = {option.name for option in self.fmt.options}
        self.encoder = {option: value for option, value in encoder.items() if option in known}
        self._recipe = _request(source, name, chunksize, self.encoder).plan(source.decoded)
        self._store = source.store(self._recipe)
        self.chunksize = self._recipe.chunksize

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the images that are written."""
        shape = self._recipe.shape_of(self._store.image_shape)
        return shape[:2] if self._recipe.is_gray else shape

    @property
    def holds(self) -> bool:
        """Whether the format holds the images with their colours."""
        is_color = self._store.image_shape[2:] == (3,)
        if not keeps(self.fmt, self._store.dtype.name, is_color):
            return False
        try:
            image_spec_for(self.fmt, self.shape, self._store.dtype, self._recipe.encoding or '')
        except InvalidArgumentError:
            return False
        return True

    @property
    def loses_colors(self) -> bool:
        """Whether the images become gray."""
        return len(self.shape) < len(self._store.image_shape)

    @property
    def is_current(self) -> bool:
        """Whether the store has this format."""
        return self._store.format in (self.fmt.name, *self.fmt.aliases)

    def measure(self, indexes: Sequence[int]) -> Measurement:
        """Write frames of the store in the format, and compare them."""
        images = SampledImages(self._store, indexes, self._recipe.prepare)
        return measure_format(
            self._recipe.fmt,
            images,
            chunksize=min(self.chunksize, len(images)),
            encoding=self._recipe.encoding,
            options=self.encoder,
        )

    def measure_run(self, run: Sequence[int], is_all: bool) -> _Run:
        """Measure a run of a video, and its start, which is larger than what follows."""
        all_of_it, half = self.measure(run), len(run) // 2
        if is_all or not half or self.chunksize < len(run):
            return _Run(all_of_it, all_of_it.bytes_per_frame, 0)
        start = sum(self.measure(run[:half]).sizes)
        rate = (sum(all_of_it.sizes) - start) / (len(run) - half)
        return _Run(all_of_it, rate, start - half * rate)


class _Run(NamedTuple):
    """What was measured of a run, or of single images."""

    measured: Measurement
    rate: float
    """Bytes of a frame but at the start of a video."""
    start: float
    """Bytes that a video has besides."""


def _request(source: _Source, fmt: str, chunksize: int | None, encoder: dict[str, Any]) -> Request:
    return Request(
        source=source.decoded.filename,
        target='',
        fmt=fmt,
        chunksize=chunksize,
        encoder=encoder,
        fps=None,
        workers=None,
        verify=False,
        overwrite=False,
        min_psnr=None,
        roi=source.roi,
        binning=source.binning,
    )


def _sample(store: ImgStore) -> Sample:
    if not len(store):
        raise InvalidArgumentError(
            f'{store.filename!r} has no frames, so there is nothing to estimate its size from',
            store=store.filename,
            argument='source',
        )
    sample = take_sample(store)
    if not sample.frames:
        raise FrameReadError(
            f'{store.filename!r}: none of the {len(sample.unreadable)} frames of the sample can be read; '
            'imgstore verify says what is wrong with each',
            store=store.filename,
        )
    return sample


def _trials(
    source: _Source, formats: Sequence[str] | None, chunksize: int | None, encoder: dict[str, Any]
) -> tuple[list[_Trial], _Refused]:
    """Return the trials of formats, and the errors of others.

    Raises InvalidArgumentError for an option of the encoder.
    """
    names = comparable_formats() if formats is None else list(dict.fromkeys(map(_full_name, formats)))
    trials, refused = list[_Trial](), _Refused()
    for name in names:
        try:
            trials.append(_Trial(source, name, chunksize, encoder))
        except InvalidArgumentError as error:
            refused[name] = error
    trials = trials if formats is not None else [trial for trial in trials if trial.holds]
    _check_encoder(trials, encoder)
    return trials, refused


def _check_encoder(trials: list[_Trial], encoder: dict[str, Any]) -> None:
    unused = encoder.keys() - {name for trial in trials for name in trial.encoder}
    if unused and trials:
        validate_options(trials[0].fmt, {name: encoder[name] for name in unused})  # says what is allowed
    for trial in trials:
        validate_options(trial.fmt, trial.encoder)


def _full_name(name: str) -> str:
    fmt = resolve_format(name)
    return name if fmt.converts_to_bgr else fmt.name


def _try_all(trials: list[_Trial], sample: Sample, progress: Progress, refused: _Refused) -> dict[str, list[_Run]]:
    """Measure each format, run by run, since the frames of a run are read once."""
    found: dict[str, list[_Run]] = {trial.name: [] for trial in trials}
    for run in (None, *sample.runs):
        for trial in trials:
            if trial.fmt.is_image_folder != (run is None) or trial.name in refused:
                continue
            try:
                found[trial.name].append(_tried(trial, sample, run))
            except InvalidArgumentError as error:
                refused[trial.name] = error
            progress()
    return found


def _tried(trial: _Trial, sample: Sample, run: Sequence[int] | None) -> _Run:
    if run is not None:
        return trial.measure_run(run, sample.is_all)
    measured = trial.measure(sample.single())
    return _Run(measured, measured.bytes_per_frame, 0)


def _estimated(trial: _Trial, runs: list[_Run], count: int) -> FormatEstimate:
    """Scale what was measured to all frames."""
    frames = [run.measured.frames for run in runs]
    chunks = -(-count // trial.chunksize)
    size = float(np.average([run.rate for run in runs], weights=frames)) * count
    size += float(np.mean([run.start for run in runs])) * chunks
    return FormatEstimate(
        format=trial.name,
        bytes=size,
        error=_half_interval(trial, runs, sum(frames) / count) * size,
        psnr=mean_psnr([run.measured.psnr for run in runs for _ in range(run.measured.frames)]),
        is_current=trial.is_current,
        loses_colors=trial.loses_colors,
    )


def _half_interval(trial: _Trial, runs: list[_Run], tried: float) -> float:
    """Return half of the interval of 19 of 20 cases, relative to the size.

    ``tried`` is the share of frames that were tried.
    """
    if tried == 1:
        return 0.0
    if trial.fmt.is_image_folder:
        return _error(np.array(runs[0].measured.sizes), 1 - tried)
    return math.hypot(_error(np.array([run.rate for run in runs]), 1 - tried), _OF_VIDEOS)


def _error(sizes: npt.NDArray[Any], left_out: float) -> float:
    """Return half of the interval of the mean in 19 of 20 cases, relative to it.

    inf if one value is all there is.
    """
    if len(sizes) < 2:
        return math.inf
    quantile = 1.96 + 2.8 / (len(sizes) - 1)  # Student's, within 2 % from six values on
    deviation = np.std(sizes, ddof=1) / np.mean(sizes)
    return float(quantile * deviation / math.sqrt(len(sizes)) * math.sqrt(left_out))


def _result(store: ImgStore, sample: Sample, estimates: list[FormatEstimate], refused: _Refused) -> StoreEstimate:
    interval, paths = usual_interval(store), store.chunk_paths()
    sizes = None if is_url(store.filename) else [size for path in paths.values() for size in frame_file_sizes(path)]
    return StoreEstimate(
        format=store.format,
        image_shape=store.image_shape,
        dtype=store.dtype.name,
        frames=len(store),
        rate=1 / interval if interval else FRAMES_PER_SECOND,
        bytes=None if sizes is None else sum(sizes),
        sampled=sample.frames,
        runs=len(sample.runs),
        sampled_images=len(sample.single()),
        unreadable=len(sample.unreadable),
        missing_chunks=tuple(sorted(set(range(max(paths, default=0))) - set(paths))),
        formats=tuple(estimates),
        refused=tuple(RefusedFormat(name, str(error)) for name, error in refused.items()),
    )
