"""Saving of a single frame."""

from __future__ import annotations

import itertools
import os

from ...color import Image
from ...errors import StoreIOError
from ...lossless_file import encode_lossless, fits_png


def grab(image: Image, name: str, folder: str = '') -> str:
    """Write an image losslessly to a new file; never overwrite one.

    Parameters
    ----------
    image : numpy.ndarray
        Written as PNG, or as .npy if PNG cannot hold it.
    name : str
        File name without extension; '-2' and so on is added if it exists.
    folder : str

    Returns
    -------
    str
        Path of the file.

    Raises
    ------
    StoreIOError
        The file cannot be written.
    """
    kind = 'png' if fits_png(image.shape, image.dtype) else 'npy'
    data = encode_lossless(image, kind)
    for again in itertools.count(1):
        path = os.path.join(folder, f'{name}{f"-{again}" if again > 1 else ""}.{kind}')
        try:
            _write(path, data)
        except FileExistsError:
            continue
        except OSError as error:
            raise StoreIOError(f'{path} cannot be written: {error.strerror}', path=path) from error
        return path
    raise AssertionError  # count() has no end


def _write(path: str, data: bytes) -> None:
    with open(path, 'xb') as file:
        try:
            file.write(data)
            file.flush()
        except OSError:
            os.remove(path)
            raise
