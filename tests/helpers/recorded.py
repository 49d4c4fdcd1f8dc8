"""What a recording of synthetic cameras left, compared frame by frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

import imgstore
from imgstore.align import Alignment, open_recording

from .frames import BITS, index_in

NUMBERS = 2**BITS
"""The number in the pixels of the synthetic camera starts again here."""


def content(folder: Path) -> dict[str, Any]:
    """Return recording.yaml."""
    loaded: dict[str, Any] = yaml.safe_load((folder / 'recording.yaml').read_text())
    return loaded


def close_all(alignment: Alignment) -> None:
    """Close the stores of an alignment."""
    stores: Any = alignment.stores
    for store in stores:
        store.close()


def check_store(store: imgstore.ImgStore | imgstore.MultiStore, first: int = 0) -> list[int]:
    """Compare each frame with the number in its pixels; return the numbers less the first of the counter."""
    numbers = [int(number) - first for number in store.frame_numbers]
    for (image, (number, _)), expected in zip(store, numbers, strict=True):
        assert index_in(image) == expected % NUMBERS, number
    assert (np.diff(store.frame_times) > 0).all()
    return numbers


def check_recording(folder: Path, first: int = 0) -> dict[str, list[int]]:
    """Compare all frames of all cameras; the file must agree with the stores."""
    found = {}
    for name, store in open_recording(folder).items():
        with store:
            found[name] = check_store(store, first)
        told = content(folder)['cameras'][name]
        assert told['frames'] == len(found[name])
        assert told['missing'] == told['last_number'] - told['first_number'] + 1 - told['frames']
        assert told['missing'] == sum(told['lost'].values())
    return found
