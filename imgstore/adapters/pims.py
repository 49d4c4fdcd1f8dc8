"""Stores for PIMS, opened by ``pims.open`` after this import."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import MissingDependencyError
from ..ondisk.files import StrPath
from ..stores.factories import new_for_filename
from .frames import frame_rate, in_rgb, number_and_time

try:
    import pims
except ImportError as error:
    raise MissingDependencyError.for_extra('this adapter needs PIMS', 'pims', 'pims') from error


class ImgStoreSequence(pims.FramesSequence):  # type: ignore[misc]
    """Frames of a store as a sequence of PIMS. Its numbers are frame indexes.

    A frame is a ``pims.Frame`` of shape (h, w) or (h, w, 3) in RGB. Its ``metadata`` has the frame number and the time
    in seconds.

    Parameters
    ----------
    path : str or PathLike
        The store's folder or its ``metadata.yaml``. ``pims.open`` needs the latter, as it goes by the extension.
    **options
        `ReadOptions`, such as ``cache_bytes``.

    Raises
    ------
    StoreNotFoundError
        There is no store.
    """

    class_priority = 20  # above PIMS' own readers

    def __init__(self, path: StrPath, **options: Any) -> None:
        self._store = new_for_filename(path, **options)

    @classmethod
    def class_exts(cls) -> set[str]:
        """Return the extensions that ``pims.open`` gives to this class."""
        return {'yaml'}

    def __len__(self) -> int:
        return len(self._store)

    def get_frame(self, i: int) -> Any:
        """Read the frame of an index as a ``pims.Frame``; FrameReadError."""
        image = in_rgb(self._store[i], self._store)
        return pims.Frame(image, frame_no=i, metadata=number_and_time(self._store, i))

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """Shape of a frame."""
        return self._store.image_shape

    @property
    def pixel_type(self) -> npt.DTypeLike:
        """Dtype of a frame."""
        return np.dtype(self._store.dtype)

    @property
    def frame_rate(self) -> float:
        """Frames per second by the metadata or the first times, or 0."""
        return frame_rate(self._store)

    def close(self) -> None:
        """Close the store."""
        self._store.close()
