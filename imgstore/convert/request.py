"""What to convert, to what, and where to."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._support.validation import as_int_min
from ..constants import STORE_LOCK_FILENAME, STORE_MD_FILENAME
from ..errors import InvalidArgumentError, StoreExistsError, StoreLockedError
from ..formats import Format, encoded_with, resolve_format
from ..ondisk.lock import is_held
from ..ondisk.metadata import load_metadata
from ..sensor_area import area_for
from ..stores.base import ImgStore
from ..stores.factories import DirectoryImgStore, new_for_format
from .extra import check_sensors
from .frames import Recipe
from .history import metadata_with_history

_COLOR = '+color'


@dataclass(frozen=True, kw_only=True)
class Request:
    """A conversion as its user asked for it.

    Attributes
    ----------
    source, target : str
        Folders of the two stores.
    fmt : str
        Name of the new format.
    chunksize : int or None
        Frames per chunk.
    encoder : dict
        Given options of the encoder.
    fps : float or None
        Frames per second in the header of videos.
    workers : int or None
        Encoder threads.
    verify : bool
        Whether to compare the frames.
    overwrite : bool
        Whether to replace a store.
    min_psnr : float or None
        Lowest PSNR of a frame in dB.
    roi : sequence of int or None
        Part of the images to keep.
    binning : int, sequence of int or None
        Pixels in a pixel.
    """

    source: str
    target: str
    fmt: str
    chunksize: int | None
    encoder: dict[str, Any]
    fps: float | None
    workers: int | None
    verify: bool
    overwrite: bool
    min_psnr: float | None
    roi: object = None
    binning: object = None

    @property
    def wanted(self) -> Format:
        """The new format."""
        return encoded_with(resolve_format(self.fmt), self.encoder)

    def recipe(self, old: ImgStore) -> Recipe:
        """Plan the new store, and set what images ``old`` returns.

        Raises
        ------
        InvalidArgumentError
            The chunks are too large for the sensors' data, or ROI or binning do not fit the images.
        """
        recipe = self.plan(old)
        check_sensors(old, recipe.chunksize)
        recipe.set_decoding(old)
        return recipe

    def plan(self, old: ImgStore) -> Recipe:
        """Plan the new store without reading anything."""
        wanted = self.wanted
        raw = old.encoding if wanted.lossless and not wanted.converts_to_bgr else None
        same_class = isinstance(old, DirectoryImgStore) == wanted.is_image_folder
        usual = old.chunksize if same_class else wanted.chunksize
        size = usual if self.chunksize is None else as_int_min(self.chunksize, 'chunksize', 1)
        recipe = Recipe(self.fmt.removesuffix(_COLOR), size, raw, wanted.color_model == 'gray')
        area = area_for(self.roi, self.binning, old.image_shape, np.dtype(old.dtype), raw or '')
        return replace(recipe, area=area)

    def check_target(self) -> None:
        """Raise an error if there may be no new store at the target."""
        target = self.target
        self._check_place()
        if os.path.exists(target) and not os.path.isdir(target):
            raise StoreExistsError(f'{target!r} already exists and is not a folder; give another name', path=target)
        if os.path.exists(os.path.join(target, STORE_MD_FILENAME)) and not self.overwrite:
            raise StoreExistsError(f'{target!r} already holds a store', replaceable=True, path=target, store=target)
        if is_held(os.path.join(target, STORE_LOCK_FILENAME)):
            raise StoreLockedError(f'{target!r} is open in another writer; close it first', path=target, store=target)

    def _check_place(self) -> None:
        """Raise InvalidArgumentError if one of the two stores would be in the other."""
        source, target = os.path.realpath(self.source), os.path.realpath(self.target)
        wrong = None
        if source == target:
            wrong = 'is the store to convert'
        elif is_inside(target, source):
            wrong = f'is inside the store to convert, {self.source!r}'
        elif is_inside(source, target):
            wrong = f'contains the store to convert, {self.source!r}'
        if wrong:
            raise InvalidArgumentError(
                f'{self.target!r} {wrong}; give another folder', path=self.target, argument='dest'
            )


def is_inside(path: str, folder: str) -> bool:
    """Return whether one resolved path is below another."""
    return path.startswith(os.path.join(folder, ''))


def given_rate(request: Request, old: ImgStore) -> float | None:
    """Return the given rate for the header of videos, or that of the original."""
    if request.wanted.is_image_folder or request.fps:
        return request.fps
    return load_metadata(old.filename).fps


def new_store(request: Request, old: ImgStore, recipe: Recipe, folder: str) -> ImgStore:
    """Create the new store in a folder, open for writing."""
    shape, dtype = shape_and_dtype(old, recipe)
    return new_for_format(
        recipe.fmt,
        folder,
        imgshape=shape,
        imgdtype=dtype,
        chunksize=recipe.chunksize,
        metadata=metadata_with_history(old),
        encoding=recipe.encoding,
        workers=request.workers,
        fps=given_rate(request, old),
        **request.encoder,
    )


def shape_and_dtype(old: ImgStore, recipe: Recipe) -> tuple[tuple[int, ...], Any]:
    """Return shape and dtype of the new store's images."""
    if not len(old):
        return recipe.shape_of(old.image_shape), old.dtype
    image = recipe.prepare(old.get_image(frame_index=0)[0])
    return image.shape, image.dtype
