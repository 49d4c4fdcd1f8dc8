"""A small store for the commands."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import imgstore


def store_of(folder: Path, numbers: list[int], chunksize: int = 2) -> Path:
    with imgstore.new_for_format('npy', folder, imgshape=(4, 5), chunksize=chunksize) as store:
        for number in numbers:
            store.add_image(np.zeros((4, 5), np.uint8), number, number / 25)
    return folder
