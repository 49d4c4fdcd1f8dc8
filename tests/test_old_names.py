"""What had another name is still found by that one, with a warning; modules are found where they were."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imgstore
import imgstore.export
import imgstore.overview
from imgstore import doctor
from imgstore.convert import convert
from imgstore.export import export_images, export_npz, export_tiff, export_video, export_zarr, select

EXPORTS: dict[str, Any] = {
    'f.mp4': export_video,
    'images': export_images,
    'f.tif': export_tiff,
    'f.npz': export_npz,
    'f.zarr': export_zarr,
}


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Any]:
    with imgstore.new_for_format('npy', tmp_path / 'store', imgshape=(48, 64)) as store:
        for number in range(3):
            store.add_image(np.full((48, 64), 80 * number, np.uint8), number, number / 25)
    with imgstore.new_for_filename(tmp_path / 'store') as store:
        yield store


@pytest.mark.parametrize('name', EXPORTS)
def test_an_export_takes_step_for_progress_with_a_warning(name: str, recording: Any, tmp_path: Path) -> None:
    export = EXPORTS[name]
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
    with pytest.raises(TypeError, match="'progress' and its old name 'step'"):
        convert(recording.filename, tmp_path / 'd', 'bmp', step=print, progress=print)


@pytest.mark.parametrize(
    ('module', 'old', 'new'),
    [
        ('overview', 'SLOW', 'GAP_FACTOR'),
        ('overview', 'Drop', 'FrameGap'),
        ('overview', 'Pace', 'FrameTiming'),
        ('overview', 'pace', 'frame_timing'),
        ('export', 'FilmReport', 'VideoReport'),
        ('export', 'table_of', 'build_table'),
    ],
)
def test_an_old_name_gives_the_same_with_a_warning(module: str, old: str, new: str) -> None:
    place = importlib.import_module(f'imgstore.{module}')
    with pytest.warns(DeprecationWarning, match=new) as told:
        assert getattr(place, old) is getattr(place, new)
    assert told[0].filename == __file__


@pytest.mark.parametrize(
    ('old', 'new'),
    [
        ('locate', 'to_chunk'),
        ('index_of', 'from_chunk'),
        ('size_of', 'chunk_length'),
        ('parts', 'chunk_ranges'),
        ('release', 'close'),
        ('with_chunks', 'updated'),
        ('new_for_store', 'open_cached'),
        ('save_beside', 'save_cache'),
    ],
)
def test_an_index_has_its_old_names_with_a_warning(old: str, new: str, recording: Any) -> None:
    for owner in (recording.index, type(recording.index)):
        with pytest.warns(DeprecationWarning, match=f'ImgStoreIndex.{old} is deprecated; write {new}$') as told:
            assert getattr(owner, old) == getattr(owner, new)
        assert told[0].filename == __file__


def test_an_old_name_of_an_index_does_the_same(recording: Any) -> None:
    with pytest.warns(DeprecationWarning, match='to_chunk'):
        assert recording.index.locate(2) == recording.index.to_chunk(2) == (0, 2)


def test_old_names_of_the_format_check_warn() -> None:
    """The check of the machine still has its old names, which give a deprecation warning."""
    with pytest.warns(DeprecationWarning, match='check_formats'):
        assert doctor.examine is doctor.check_formats
    found = doctor.Finding('png', '', seeks=False)
    with pytest.warns(DeprecationWarning, match='Finding.wrong is deprecated; write failed'):
        assert found.wrong is found.failed is True


def test_importing_an_old_name_warns_once_at_that_line() -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter('always')
        from imgstore.export import table_of
        from imgstore.overview import pace
    assert (table_of, pace) == (imgstore.export.build_table, imgstore.overview.frame_timing)
    assert [each.filename for each in told] == [__file__, __file__]
    assert told[0].lineno + 1 == told[1].lineno


def test_another_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match='nothing'):
        imgstore.export.nothing  # noqa: B018


@pytest.mark.parametrize(
    ('module', 'name'),
    [
        ('stores', 'new_for_filename'),
        ('stores', '_ImgStore'),
        ('stores', 'STORE_MD_FILENAME'),
        ('constants', 'FRAME_MD'),
        ('index', 'ImgStoreIndex'),
        ('util', 'ensure_color'),
        ('align', 'StoreAligner'),
        ('apps', 'main_viewer'),
        ('ui', 'new_window'),
        ('font', 'FontRendererStatusBar'),
        ('tests', '__path__'),
        ('errors', 'ImgStoreError'),
        ('overview', 'overview'),
        ('export', 'export_video'),
        ('convert', 'convert'),
    ],
)
def test_public_modules_are_where_they_were(module: str, name: str) -> None:
    assert hasattr(importlib.import_module(f'imgstore.{module}'), name)
