"""Several stores recorded together, read frame by frame."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import reduce
from typing import Literal, overload

import numpy as np
import numpy.typing as npt

from ..color import Image
from ..errors import InvalidArgumentError
from ..stores.base import ImgStore
from .matching import keys_of

Numbers = npt.NDArray[np.int64]
Aligned = tuple[int, list[Image]]
AlignedWithTimes = tuple[int, list[Image], list[float]]


class StoreAligner:
    """Reader of several stores together, one frame number at a time.

    Parameters
    ----------
    *stores : VideoImgStore or DirectoryImgStore
        Stores open for reading, with images of one shape. For a repeated number, the image is that of ``get_image``.

    Attributes
    ----------
    MISSING_POLICY_DROP : str
        'drop': skip frames missing from any store.
    MISSING_POLICY_HOLD : str
        'zoh': repeat the store's image of the number before (black before its first).
    MISSING_POLICY_BLACK : str
        'black': use a black image for a missing frame.

    Raises
    ------
    InvalidArgumentError
        There are no stores, or the shapes of their images differ.

    Examples
    --------
    A second camera has a frame more, and lacks the first:

    >>> with imgstore.new_for_format('png', 'side', imgshape=(48, 64)) as side:
    ...     for number in (101, 102, 103, 105, 106):
    ...         side.add_image(np.zeros((48, 64), np.uint8), number, number / 4)
    >>> aligner = imgstore.align.StoreAligner(store, imgstore.new_for_filename('side'))
    >>> aligner.extract_common_frames('drop').tolist()
    [101, 102, 105, 106]
    >>> for number, (top, side) in aligner.iter_imgs():
    ...     assert top.shape == side.shape
    """

    MISSING_POLICY_DROP = 'drop'
    MISSING_POLICY_HOLD = 'zoh'
    MISSING_POLICY_BLACK = 'black'

    def __init__(self, *stores: ImgStore) -> None:
        if not stores:
            raise InvalidArgumentError('there are no stores to align: give at least one', argument='stores')
        shapes = [tuple(store.image_shape) for store in stores]
        if len(set(shapes)) > 1:
            raise InvalidArgumentError(
                f'stores to align must have images of one shape, but these have {shapes}', argument='stores'
            )
        self._stores = stores
        self._policy = ''
        self._held: list[Numbers] = []
        self._numbers: Numbers | None = None

    def extract_common_frames(self, policy: str) -> Numbers:
        """Choose the frames for `iter_imgs`.

        Parameters
        ----------
        policy : str
            Policy for frames missing from a store. ``StoreAligner.MISSING_POLICY_DROP`` ('drop') skips them.
            ``MISSING_POLICY_HOLD`` ('zoh') repeats the store's image of the number before (black before its first).
            ``MISSING_POLICY_BLACK`` ('black') uses a black image.

        Returns
        -------
        ndarray of int64, shape (n,)
            Frame numbers, ascending and unique.

        Raises
        ------
        InvalidArgumentError
            The policy is unknown.
        """
        policies = self.MISSING_POLICY_DROP, self.MISSING_POLICY_HOLD, self.MISSING_POLICY_BLACK
        if policy not in policies:
            raise InvalidArgumentError(
                f'the policy for missing frames is {policy!r}; it must be one of {policies}', argument='policy'
            )
        self._policy = policy
        self._held = [_frame_numbers(store) for store in self._stores]
        self._numbers = reduce(np.intersect1d if policy == self.MISSING_POLICY_DROP else np.union1d, self._held)
        return self._numbers.copy()

    @overload
    def iter_imgs(self, return_times: Literal[False] = False) -> Iterator[Aligned]: ...

    @overload
    def iter_imgs(self, return_times: Literal[True]) -> Iterator[AlignedWithTimes]: ...

    def iter_imgs(self, return_times: bool = False) -> Iterator[Aligned | AlignedWithTimes]:
        """Read the frames chosen by `extract_common_frames`, in order.

        Parameters
        ----------
        return_times : bool
            Return the times, too.

        Returns
        -------
        iterator of tuple
            (number, images[, times]): an image and a time in seconds per store. The time of a missing frame is nan.

        Raises
        ------
        InvalidArgumentError
            `extract_common_frames` was not called.
        """
        if self._numbers is None:
            raise InvalidArgumentError('call extract_common_frames(policy) before iter_imgs: it chooses the frames')
        return self._iterate(self._numbers, return_times)

    def _iterate(self, numbers: Numbers, return_times: bool) -> Iterator[Aligned | AlignedWithTimes]:
        for number in numbers.tolist():
            frames = [self._frame(store, held, number) for store, held in zip(self._stores, self._held, strict=True)]
            images, times = [image for image, _ in frames], [time for _, time in frames]
            yield (number, images, times) if return_times else (number, images)

    def _frame(self, store: ImgStore, held: Numbers, number: int) -> tuple[Image, float]:
        latest = held[: np.searchsorted(held, number, side='right')][-1:].tolist()
        if latest == [number]:
            image, (_, time) = store.get_image(number)
            return image, time
        if latest and self._policy == self.MISSING_POLICY_HOLD:
            # read again: the caller may have drawn into the image it got before
            return store.get_image(latest[0])[0], math.nan
        return np.zeros(store.image_shape, store.dtype), math.nan


def _frame_numbers(store: ImgStore) -> Numbers:
    return keys_of(store.frame_numbers).values
