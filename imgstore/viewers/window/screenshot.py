"""A frame as a file of its own."""

from __future__ import annotations

import itertools
import os

from ...color import Image
from ...errors import StoreIOError
from ...lossless_file import encode_lossless, fits_png


def grab(image: Image, name: str, folder: str = '') -> str:
    """Write an image with every bit of it, and over no file that is there.

    Parameters
    ----------
    image : numpy.ndarray
        As PNG, or as .npy if PNG cannot hold it.
    name : str
        Of the file, less its extension; '-2' and so on is added where it is taken.
    folder : str

    Returns
    -------
    str
        Path of the file.

    Raises
    ------
    StoreIOError
        It cannot be written.
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
