"""Conversion of a store in this process, or on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .._support.warn import renamed_keyword
from ..encoder_options import check_names
from ..formats import resolve_format, validate_fps, validate_options
from ..ondisk.files import StrPath
from ..ondisk.layout import existing_store_folder, local_folder, store_folder
from .request import Request
from .result import Conversion
from .serial import convert_here


@renamed_keyword('step', 'progress')
def convert(
    source: StrPath,
    dest: StrPath,
    fmt: str,
    *,
    chunksize: int | None = None,
    overwrite: bool = False,
    verify: bool = True,
    min_psnr: float | None = None,
    workers: int | None = None,
    roi: Sequence[int] | None = None,
    binning: int | Sequence[int] | None = None,
    fps: float | None = None,
    scheduler: str | None = None,
    progress: Callable[[], object] = lambda: None,
    **encoder: Any,
) -> Conversion:
    """Copy a store into another format.

    Numbers, times, metadata, extra data, time of creation and time zone are kept. The new store has its own uuid.
    ``imgstore_history`` in its metadata lists uuid and format of earlier stores, the oldest first. Your own files in
    the store's folder are not copied. ``dest`` appears after all frames are written and compared.

    Parameters
    ----------
    source : str or PathLike
        Folder of the store.
    dest : str or PathLike
        Folder of the new store.
    fmt : str
        One of `get_supported_formats()`. Raw images stay raw in a lossless format, and become colour in others.
    chunksize : int, optional
        Frames per chunk. Default: as in the source if both have images or both have videos, else as usual for the
        format.
    overwrite : bool
        Replace an existing store at ``dest``. With a scheduler, parts of a conversion with other options, too. Your
        own files there stay.
    verify : bool
        Compare each frame with its original.
    min_psnr : float, optional
        Lowest PSNR of a frame in dB, for a lossy format.
    workers : int, optional
        Encoder threads, as for `new_for_format`. With a scheduler, those of each task; default 0.
    roi : sequence of int, optional
        Keep only this part of the images: (x, y, width, height) in pixels of the source's images. The metadata of the
        new store still refers to the sensor of the recording.
    binning : int or sequence of int, optional
        Store the mean of blocks of this many pixels, or of (vertical, horizontal) many, after ``roi``. Each frame is
        compared with its cropped and binned original.
    fps : float, optional
        Frames per second in the header of the videos. Default: that of the source, if it was given.
    scheduler : str, optional
        Convert in parallel with Dask (extra ``dask``), in parts of whole chunks: 'local' for a process per core here,
        or host:port of a scheduler. Its workers need both folders under the same path. Killed workers are replaced.
        After an interruption, the same call continues with the unfinished parts.
    progress : callable
        Called after each written and each compared frame. With a scheduler, some are counted at once.
    **encoder
        Options of the encoder, such as ``quality=`` and ``crf=``, as for `WriteOptions`.

    Returns
    -------
    Conversion
        The result.

    Raises
    ------
    FrameWriteError
        A frame differs from its original.
    StoreExistsError
        A store already exists at ``dest``.
    InvalidArgumentError
        The format cannot hold the frames, or another argument is not allowed. Or one store is inside the other. Or
        parts of a conversion with other options, or of another source, are beside ``dest``.
    InvalidOptionError
        There is no such option of an encoder.
    StoreLockedError
        The store at ``dest`` is open in a writer. With a scheduler, also the one at ``source``.
    MissingDependencyError
        A scheduler was passed, and Dask is not installed.

    Examples
    --------
    >>> from imgstore.convert import convert
    >>> done = convert('recording', 'smaller', 'webp')
    >>> done.frames, done.exact
    (5, True)
    """
    check_names(encoder)
    wanted = resolve_format(fmt)
    request = Request(
        source=existing_store_folder(source),
        target=local_folder(store_folder(dest), 'convert a store'),
        fmt=fmt,
        chunksize=chunksize,
        encoder=validate_options(wanted, encoder),
        fps=validate_fps(wanted, fps),
        workers=workers,
        verify=verify,
        overwrite=overwrite,
        min_psnr=min_psnr,
        roi=roi,
        binning=binning,
    )
    if scheduler is None:
        return convert_here(request, progress)
    from .cluster import convert_on_cluster

    return convert_on_cluster(request, scheduler, progress)
