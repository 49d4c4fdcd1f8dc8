from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imgstore
from imgstore.convert import convert
from imgstore.export import export_images, export_npz, export_tiff, export_video, export_zarr, select

EXPORTS = {'f.mp4': export_video, 'images': export_images, 'f.tif': export_tiff, 'f.npz': export_npz,
           'f.zarr': export_zarr}


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Any]:
    with imgstore.new_for_format('npy', tmp_path / 'store', imgshape=(48, 64)) as store:
        for number in range(3):
            store.add_image(np.full((48, 64), 80 * number, np.uint8), number, number / 25)
    with imgstore.new_for_filename(tmp_path / 'store') as store:
        yield store


@pytest.mark.parametrize('name', EXPORTS)
def test_an_export_takes_step_for_progress_with_a_warning(name: str, recording: Any, tmp_path: Path) -> None:
    export: Callable[..., Any] = EXPORTS[name]
    calls: list[int] = []
    with pytest.warns(DeprecationWarning, match='progress=') as told:
        export(select(recording), tmp_path / name, step=lambda: calls.append(1))
    assert len(calls) == 3
    assert told[0].filename == __file__


def test_convert_takes_step_for_progress_with_a_warning(recording: Any, tmp_path: Path) -> None:
    old, new = [], []
    with pytest.warns(DeprecationWarning, match='progress='):
        convert(recording.filename, tmp_path / 'old', 'bmp', step=lambda: old.append(1))
    convert(recording.filename, tmp_path / 'new', 'bmp', progress=lambda: new.append(1))
    assert len(old) == len(new) > 0


def test_the_old_keyword_beside_the_new_one_is_refused(recording: Any, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="'progress' and 'step'"):
        convert(recording.filename, tmp_path / 'd', 'bmp', step=print, progress=print)
