"""Extra data are compared with their checksum, and no kill leaves one that does not match."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imgstore
from imgstore import new_for_filename, new_for_format
from imgstore.constants import EXTRA_DATA_CHECKSUMS
from imgstore.convert import convert
from imgstore.errors import CorruptFileError, ExtraDataSkippedWarning
from imgstore.ondisk import extra_data_file
from imgstore.ondisk.extra_data_file import extra_data_checksums, replace_extra_data

from ..helpers.checked import not_none
from ..helpers.raised import raises, warns

IMAGE = np.zeros((32, 48), np.uint8)
FORMATS = ['npy', 'mjpeg/avi']
TO_RENUMBER = (7, 8, 0, 1, 2, 3)
NEW = b'[{"valve": 7, "frame_number": 0}]'


def record(path: Path, fmt: str = 'npy', numbers: Iterable[int] = range(6)) -> Path:
    with new_for_format(fmt, path, imgshape=IMAGE.shape, chunksize=3) as store:
        for index, number in enumerate(numbers):
            store.add_image(IMAGE, number, index / 8)
            store.add_extra_data(valve=index)
    return path


def files(path: Path) -> list[Path]:
    return sorted(path.rglob('*.extra.json'))


def stem(file: Path) -> str:
    return str(file).removesuffix('.extra.json')


def valves(path: Path, **options: Any) -> list[int]:
    with new_for_filename(path, **options) as store:
        return not_none(store.get_extra_data())['valve'].tolist()


def alter(file: Path) -> None:
    """Change a value; it stays JSON."""
    text = file.read_text()
    file.write_text(text.replace('"valve": 4', '"valve": 5'))


@pytest.mark.parametrize('fmt', FORMATS)
def test_each_chunk_has_the_checksum_of_its_extra_data(tmp_path: Path, fmt: str) -> None:
    path = record(tmp_path / 's', fmt)
    assert [len(extra_data_checksums(stem(file))) for file in files(path)] == [1, 1]
    assert valves(path) == [0, 1, 2, 3, 4, 5]


def test_a_chunk_without_extra_data_has_no_checksum_of_them(tmp_path: Path) -> None:
    with new_for_format('npy', tmp_path / 's', imgshape=IMAGE.shape) as store:
        store.add_image(IMAGE, 0, 0.0)
    with np.load(tmp_path / 's' / '000000' / 'index.npz') as index:
        assert EXTRA_DATA_CHECKSUMS not in index


@pytest.mark.parametrize('fmt', FORMATS)
def test_an_altered_file_is_an_error_that_names_it(tmp_path: Path, fmt: str) -> None:
    path = record(tmp_path / 's', fmt)
    alter(files(path)[1])
    with new_for_filename(path) as store:
        with raises(CorruptFileError, file=files(path)[1].name, chunk=1):
            store.get_extra_data()
        with warns(ExtraDataSkippedWarning):
            assert not_none(store.get_extra_data(ignore_corrupt_chunks=True))['valve'].tolist() == [0, 1, 2]
    assert valves(path, verify=False) == [0, 1, 2, 3, 5, 5]


def test_verify_names_altered_and_missing_extra_data(tmp_path: Path) -> None:
    path = record(tmp_path / 's')
    alter(files(path)[1])
    assert 'damaged' in imgstore.verify(path).chunks[1].problem
    files(path)[1].unlink()
    assert 'missing' in imgstore.verify(path).chunks[1].problem
    with new_for_filename(path) as store, raises(CorruptFileError, file=files(path)[0].name, chunk=1):
        store.get_extra_data()
    assert imgstore.verify(path, update=True)
    assert valves(path) == [0, 1, 2]


@pytest.mark.parametrize('fmt', FORMATS)
def test_extra_data_changed_on_purpose_are_accepted(tmp_path: Path, fmt: str) -> None:
    path = record(tmp_path / 's', fmt)
    alter(files(path)[1])
    assert not imgstore.verify(path, add=True)
    report = imgstore.verify(path, update=True)
    assert [chunk.changed_extra_data for chunk in report.chunks] == [False, True]
    assert report
    assert valves(path) == [0, 1, 2, 3, 5, 5]
    assert not any(chunk.changed_extra_data for chunk in imgstore.verify(path, update=True).chunks)


def test_extra_data_that_are_no_json_are_not_accepted(tmp_path: Path) -> None:
    path = record(tmp_path / 's')
    files(path)[1].write_text('[{"valve": 1')
    assert not imgstore.verify(path, update=True)


def test_a_missing_checksum_is_added(tmp_path: Path) -> None:
    path = record(tmp_path / 's')
    for file in files(path):
        with np.load(stem(file) + '.npz') as old:
            kept = {key: old[key] for key in old if key != EXTRA_DATA_CHECKSUMS}
        np.savez(stem(file) + '.npz', **kept)
    assert valves(path) == [0, 1, 2, 3, 4, 5]
    report = imgstore.verify(path, add=True)
    assert [chunk.changed_extra_data for chunk in report.chunks] == [True, True]
    alter(files(path)[1])
    assert not imgstore.verify(path)


def test_later_records_of_a_complete_chunk_renew_its_checksum(tmp_path: Path) -> None:
    record(tmp_path / 'other', 'mjpeg/avi')
    with new_for_format('mjpeg/avi', tmp_path / 's', imgshape=IMAGE.shape) as store:
        store.insert_chunk(tmp_path / 'other' / '000000.avi', [0, 1, 2], [0.0, 0.1, 0.2])
        store.add_extra_data(valve=1)
        store.insert_chunk(tmp_path / 'other' / '000001.avi', [3, 4, 5], [0.3, 0.4, 0.5])
        store.add_extra_data(valve=2)
    assert valves(tmp_path / 's') == [1, 2]
    assert imgstore.verify(tmp_path / 's')


@pytest.mark.parametrize('step', ['rewrite_members', 'write_atomic'])
@pytest.mark.parametrize('when', ['before', 'after'])
def test_a_replacement_that_is_stopped_leaves_old_or_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, when: str
) -> None:
    path = record(tmp_path / 's')
    stop_at(monkeypatch, extra_data_file, step, when)
    with pytest.raises(KeyboardInterrupt):
        replace_extra_data(stem(files(path)[0]), NEW)
    expected = [7, 3, 4, 5] if (step, when) == ('write_atomic', 'after') else [0, 1, 2, 3, 4, 5]
    assert valves(path) == expected
    assert imgstore.verify(path)


@pytest.mark.parametrize('moved', range(5))
def test_a_reindex_that_is_stopped_leaves_no_wrong_checksum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moved: int
) -> None:
    path, count = record(tmp_path / 's', numbers=TO_RENUMBER), [0]
    replace = os.replace

    def stopping(*args: Any) -> None:
        if count[0] == moved:
            raise KeyboardInterrupt
        count[0] += 1
        replace(*args)

    with new_for_filename(path) as store, monkeypatch.context() as patch:
        patch.setattr(os, 'replace', stopping)
        if moved < 4:
            with pytest.raises(KeyboardInterrupt):
                store.reindex()
        else:
            store.reindex()
    for _ in range(2):
        with new_for_filename(path) as store:
            records = not_none(store.get_extra_data())
            assert records['valve'].tolist() == [0, 1, 2, 3, 4, 5]
            assert records['frame_number'].tolist() == store.frame_numbers.tolist()
        imgstore.repair(path)
    assert imgstore.verify(path)


def test_a_reindex_of_stale_records_renews_their_checksum(tmp_path: Path) -> None:
    path = record(tmp_path / 's', numbers=TO_RENUMBER)
    stale = {file: file.read_bytes() for file in files(path)}
    with new_for_filename(path) as store:
        store.reindex()
    for file, content in stale.items():
        replace_extra_data(stem(file), content)
    with new_for_filename(path) as store:
        assert not_none(store.get_extra_data())['frame_number'].tolist() != store.frame_numbers.tolist()
        store.reindex()
        assert not_none(store.get_extra_data())['frame_number'].tolist() == store.frame_numbers.tolist()
    assert imgstore.verify(path)


def test_a_converted_store_has_the_checksums(tmp_path: Path) -> None:
    path = record(tmp_path / 's')
    convert(path, tmp_path / 'c', fmt='mjpeg/avi', chunksize=4)
    assert [len(extra_data_checksums(stem(file))) for file in files(tmp_path / 'c')] == [1, 1]
    assert valves(tmp_path / 'c') == [0, 1, 2, 3, 4, 5]


def test_a_repaired_chunk_has_the_checksum(tmp_path: Path) -> None:
    path = record(tmp_path / 's')
    with new_for_format('npy', tmp_path / 'live', imgshape=IMAGE.shape) as store:
        store.add_image(IMAGE, 0, 0.0)
        store.add_extra_data(valve=3)
        shutil.copytree(tmp_path / 'live', path := tmp_path / 'killed')
    (path / '.lock').unlink(missing_ok=True)
    imgstore.repair(path)
    assert valves(path) == [3]
    assert [len(extra_data_checksums(stem(file))) for file in files(path)] == [1]


def stop_at(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, when: str) -> None:
    """Raise KeyboardInterrupt before or after a function of a module."""
    whole = getattr(module, name)

    def stopping(*args: Any) -> None:
        if when == 'after':
            whole(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(module, name, stopping)
