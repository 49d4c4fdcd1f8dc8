"""Creation of a store: all checks first, then the folder on disk."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from .._support.cpu import THREADS
from .._support.syncing import sync
from .._support.validation import as_int_min
from .._support.warn import warn
from ..chunks import ChunkIO
from ..chunks.opencv_encode import check_compression
from ..constants import STORE_LOCK_FILENAME, STORE_MD_FILENAME, UNFINISHED_CHANGES
from ..encoder_options import BITRATE, BITS, H264_ENCODER, OPTION_NAMES, Options
from ..errors import InvalidArgumentError, LockTakenOverWarning, StoreExistsError, StoreIOError
from ..formats import VIDEO_FRAMES_PER_SECOND, Format, encoded_with, validate_fps, validate_options
from ..frame_rate import FrameRate
from ..ondisk.chunk_files import find_chunk_files, remove_chunks, remove_tree
from ..ondisk.emptying import empty_store, finish_emptying
from ..ondisk.files import remove_folder_if_empty
from ..ondisk.layout import Layout
from ..ondisk.lock import StoreLock
from ..ondisk.metadata import StoreMetadata, checked_user_metadata, metadata_bytes, new_metadata, save_metadata
from ..options import WriteOptions
from .image_spec import ImageSpec, image_spec_for
from .replaced_marks import has_marks
from .write_queue import Task, WriteQueue
from .writer import StoreWriter

DURABILITIES = ('chunk', 'frame', 'fsync')

_SOON = 0.4  # seconds; with its own writing, a frame is on disk half a second after `add_image`


class _Prepared(NamedTuple):
    """What a writer needs, after all checks."""

    metadata: StoreMetadata
    fmt: Format
    layout: Layout
    fit: ImageSpec
    chunks: ChunkIO
    rate: FrameRate
    workers: int
    bound: int


def check_new_store(basedir: str, fmt: Format, options: WriteOptions) -> None:
    """Check what `create_writer` checks, without creating a store.

    Without ``imgshape``, check what does not depend on the images.
    """
    if options.imgshape is None:
        _checked_chunksize(options.chunksize, fmt)
        checked_user_metadata(options.metadata)
        return
    _prepared(basedir, fmt, options)


def _prepared(basedir: str, fmt: Format, options: WriteOptions) -> _Prepared:
    encoding = '' if options.encoding is None else options.encoding
    if not isinstance(encoding, str):
        raise InvalidArgumentError(f'encoding is {encoding!r}; it must be text like cv_bayerrg', argument='encoding')
    encoder = validate_options(fmt, {name: getattr(options, name) for name in OPTION_NAMES})
    encoder = _with_chosen_encoder(fmt, encoder)
    bits = encoder.get(BITS.name)
    fit = image_spec_for(fmt, options.imgshape, options.imgdtype, encoding, basedir, bits, options.roi, options.binning)
    check_compression(fmt, fit.dtype.name, encoder)
    usual, fmt = fmt, encoded_with(fmt, encoder)
    metadata = new_metadata(
        imgshape=fit.stored_shape,
        imgdtype=fit.dtype.name,
        chunksize=_checked_chunksize(options.chunksize, fmt),
        format=fmt.name,
        class_name=fmt.class_name,
        encoding='' if fit.convert_from else encoding,
        extension='' if fmt.is_image_folder else fmt.extension,
        user=options.metadata,
        fps=validate_fps(fmt, options.fps),
        lossless=fmt.lossless == usual.lossless,
        encoder=encoder,
        sensor=fit.area.as_metadata() if fit.area else {},
    )
    if options.durability not in DURABILITIES:
        raise InvalidArgumentError(
            f'durability is {options.durability!r}; it must be one of {", ".join(DURABILITIES)}', argument='durability'
        )
    bound = as_int_min(options.buffer_bytes, 'buffer_bytes', 0)
    layout = Layout(basedir, fmt.extension, fmt.is_image_folder)
    rate = FrameRate(metadata.fps, metadata.user)
    chunks = ChunkIO(
        layout,
        fmt,
        fit.stored_shape,
        'write',
        options.backend,
        dtype=fit.dtype.name,
        options=_at_encoder_rate(encoder, rate),
    )
    return _Prepared(metadata, fmt, layout, fit, chunks, rate, _checked_workers(options.workers, chunks), bound)


def create_writer(basedir: str, fmt: Format, options: WriteOptions) -> StoreWriter:
    """Create a store and open it for writing."""
    made = _prepared(basedir, fmt, options)
    queue = WriteQueue(made.workers, made.bound, _SOON)
    lock = None
    try:
        lock = _create_folder(basedir, options.overwrite, made.metadata)
        return StoreWriter(
            made.metadata, made.fmt, made.layout, made.fit, made.chunks, lock, queue, options.durability, made.rate
        )
    except BaseException as error:
        queue.close(Task(lambda _: None))
        if lock is not None:
            lock.release()
        if isinstance(error, OSError) and not isinstance(error, StoreIOError):
            raise StoreIOError(f'cannot create a store in {basedir!r}: {error}', store=basedir) from error
        raise


def _with_chosen_encoder(fmt: Format, options: dict[str, Any]) -> dict[str, Any]:
    if H264_ENCODER.name not in options:
        return options
    from ..chunks.video.hardware import chosen_encoder

    return chosen_encoder(fmt.codec, fmt.extension, options)


def _at_encoder_rate(options: Options, rate: FrameRate) -> Options:
    """Return the options for an encoder whose seconds always have 25 frames."""
    if BITRATE.name not in options or rate.known is None:
        return options
    return {**options, BITRATE.name: round(options[BITRATE.name] * VIDEO_FRAMES_PER_SECOND / rate.known)}


def _checked_workers(workers: object, chunks: ChunkIO) -> int:
    if workers is None:
        return 0 if chunks.is_uncompressed else THREADS
    return as_int_min(workers, 'workers', 0)


def _checked_chunksize(chunksize: object, fmt: Format) -> int:
    return fmt.chunksize if chunksize is None else as_int_min(chunksize, 'chunksize', 1)


def _create_folder(basedir: str, overwrite: bool, metadata: StoreMetadata) -> StoreLock:
    """Create the store's folder, locked and with metadata.

    Remove an old store if allowed.
    """
    _refuse_existing(basedir, overwrite)
    was_there = os.path.isdir(basedir)
    _make_folders(basedir)
    lock = StoreLock(os.path.join(basedir, STORE_LOCK_FILENAME))
    try:
        if lock.was_left:
            warn(LockTakenOverWarning(basedir))
        _refuse_existing(basedir, overwrite)
        finish_emptying(basedir)
        if find_chunk_files(basedir) or os.path.exists(os.path.join(basedir, STORE_MD_FILENAME)):
            empty_store(basedir, metadata_bytes(metadata), has_marks(basedir))
            finish_emptying(basedir)
        else:
            remove_chunks(basedir)  # index caches
            for name in UNFINISHED_CHANGES:  # these must not become changes of the new store
                remove_tree(os.path.join(basedir, name))
            save_metadata(basedir, metadata)
    except BaseException:
        lock.release()
        if not was_there:
            remove_folder_if_empty(basedir)
        raise
    return lock


def _make_folders(path: str) -> None:
    """Make a folder and its parents, and sync them to disk."""
    missing = []
    folder = path
    while not os.path.isdir(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    os.makedirs(path, exist_ok=True)
    for folder in missing:
        sync(os.path.dirname(folder))


def _refuse_existing(basedir: str, overwrite: bool) -> None:
    if overwrite or not os.path.isdir(basedir):
        return
    if os.path.exists(os.path.join(basedir, STORE_MD_FILENAME)):
        raise StoreExistsError(f'{basedir!r} already holds a store', replaceable=True, path=basedir, store=basedir)
    if find_chunk_files(basedir):
        raise StoreExistsError(
            f'{basedir!r} holds chunks of a store without {STORE_MD_FILENAME}',
            replaceable=True,
            path=basedir,
            store=basedir,
        )
