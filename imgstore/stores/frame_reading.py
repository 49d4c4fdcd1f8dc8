"""Reading of frames from a store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import InvalidArgumentError
from ..reading.reader import Frames, NumberedImage
from .frame_properties import FrameProperties


class FrameReading(FrameProperties):
    """Methods to read frames: the next one, by number, by index and by time."""

    def get_next_image(self) -> NumberedImage:
        """Read the frame after the last one you read.

        Returns
        -------
        img : ndarray
            The image, of the store's `image_shape` and `dtype`.
        (frame_number, frame_time) : tuple of (int, float)
            Number of the frame, and its time in seconds.

        Raises
        ------
        EndOfStoreError
            There is no further frame. An EOFError.
        FrameReadError
            The frame is missing or damaged. The position does not change.

        Examples
        --------
        >>> img, (frame_number, frame_time) = store.get_next_image()
        >>> img.shape, frame_number, frame_time
        ((48, 64), 100, 25.0)
        """
        return self._require_reader().next()

    def get_next_framenumber(self) -> int:
        """Return the number of the next frame. EndOfStoreError at the end."""
        return self._require_reader().next_frame_number()

    def get_image(self, frame_number: Any = None, exact_only: bool = True, frame_index: Any = None) -> NumberedImage:
        """Read a frame by its index if given, otherwise by its number.

        Parameters
        ----------
        frame_number : int or None
            Number of the frame. If several frames have it, the first one is read.
        exact_only : bool
            False: read the frame with the nearest number. Ties go to the earlier frame.
        frame_index : int, optional
            Index of the frame, from 0 in the order of writing. Negative indexes count from the end.

        Returns
        -------
        img : ndarray
            The image, of the store's `image_shape` and `dtype`.
        (frame_number, frame_time) : tuple of (int, float)
            Number of the frame, and its time in seconds.

        Raises
        ------
        FrameNotFoundError
            There is no such frame. A ValueError.
        FrameReadError
            The frame is missing or damaged. The position does not change.
        InvalidArgumentError
            You passed neither a number nor an index.

        Examples
        --------
        By number:

        >>> img, (frame_number, frame_time) = store.get_image(102)
        >>> frame_number, frame_time
        (102, 25.5)

        By index:

        >>> img, (frame_number, frame_time) = store.get_image(frame_index=-1)
        >>> frame_number
        106

        The camera dropped number 103. The nearest frame is 102:

        >>> store.get_image(103)
        Traceback (most recent call last):
            ...
        imgstore.errors.FrameNotFoundError: ...
        >>> img, (frame_number, frame_time) = store.get_image(103, exact_only=False)
        >>> frame_number
        102
        """
        reader = self._require_reader()
        if frame_index is not None:
            return reader.at(frame_index)
        if frame_number is None:
            raise InvalidArgumentError('pass frame_number or frame_index; neither was given', argument='frame_number')
        return reader.by_number(frame_number, exact_only)

    def get_images(
        self, frame_numbers: Iterable[Any] | None = None, frame_indices: Iterable[Any] | None = None
    ) -> Frames:
        """Read many frames, each once and in the order of the store.

        Parameters
        ----------
        frame_numbers : iterable of int
            Numbers of the frames, in any order, with or without repeats. The first frame with each number is read.
        frame_indices : iterable of int
            Indexes of the frames instead of numbers, from 0 in the order of writing. Negative indexes count from the
            end.

        Returns
        -------
        imgs : ndarray
            Images in the requested order, shape (n, h, w) or (n, h, w, 3). A list if image files of other shapes were
            put into the store.
        frame_numbers : list of int
            Numbers of the frames.
        frame_times : list of float
            Times of the frames in seconds.

        Raises
        ------
        FrameNotFoundError
            There is no such frame. None was read.
        FrameReadError
            A frame is missing or damaged. The position does not change.
        InvalidArgumentError
            You passed both arguments, or neither.

        Examples
        --------
        Every second frame as one array:

        >>> imgs, frame_numbers, frame_times = store.get_images(frame_indices=range(0, len(store), 2))
        >>> imgs.shape, frame_numbers
        ((3, 48, 64), [100, 102, 106])
        """
        return self._require_reader().many(frame_numbers, frame_indices)

    def get_nearest_image(self, frame_time: Any) -> NumberedImage:
        """Read the frame nearest to `frame_time`. Ties go to the earlier frame.

        Parameters
        ----------
        frame_time : float
            Time in seconds.

        Returns
        -------
        Frame
            As `get_image`, with the same errors.

        Examples
        --------
        >>> img, (frame_number, frame_time) = store.get_nearest_image(26.0)
        >>> frame_number, frame_time
        (105, 26.25)
        """
        return self._require_reader().nearest_in_time(frame_time)

    def refresh(self) -> int:
        """Update the index of a store while its writer adds frames.

        Returns
        -------
        int
            Number of new frames. The position does not change.

        Raises
        ------
        StoreIOError
            The store was replaced by a recording of other images. Open it again.

        Examples
        --------
        No writer has the store open, so there are no new frames:

        >>> store.refresh()
        0
        """
        return self._require_reader().refresh()

    def follow(self) -> Iterator[NumberedImage]:
        """Read the next frames, and wait for new ones until the store is closed.

        Yields
        ------
        img : ndarray
            The image, of the store's `image_shape` and `dtype`.
        (frame_number, frame_time) : tuple of (int, float)
            Number of the frame, and its time in seconds.

        Examples
        --------
        >>> [frame_number for img, (frame_number, frame_time) in store.follow()]
        [100, 101, 102, 105, 106]
        """
        return self._keeping_open(self._require_reader().follow())

    def _keeping_open(self, frames: Iterator[NumberedImage]) -> Iterator[NumberedImage]:
        """Hold a reference to the store during iteration, so that it stays open."""
        yield from frames

    def disable_decoding(self) -> None:
        """Return raw images from now on, without conversion to BGR.

        Examples
        --------
        >>> with imgstore.new_for_format('png', 'bayer', imgshape=(48, 64), encoding='cv_bayerrg') as bayer:
        ...     bayer.add_image(np.zeros((48, 64), np.uint8), 1, 0.25)
        >>> bayer = imgstore.new_for_filename('bayer')
        >>> bayer.get_image(1)[0].shape
        (48, 64, 3)
        >>> bayer.disable_decoding()
        >>> bayer.get_image(1)[0].shape
        (48, 64)
        """
        self._require_reader().disable_decoding()
