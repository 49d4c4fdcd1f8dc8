"""Stores in memory, in files and in archives, through URLs."""

import pickle
import uuid
import zipfile
from pathlib import Path

import fsspec
import numpy as np
import pytest

import imgstore
from imgstore.errors import ChunkSkippedWarning, FrameReadError, InvalidArgumentError, StoreNotFoundError

from ..helpers.format_table import NO_COLOR, ROWS
from ..helpers.remote_stores import COLOUR, FIRST, FRAMES, GRAY, indexes_in, records_in, write_store, zipped


def in_memory(folder: Path) -> str:
    place = f'/{uuid.uuid4()}'  # names of temporary folders come again
    fsspec.filesystem('memory').put(str(folder), place, recursive=True)
    return f'memory:/{place}'


def in_files(folder: Path) -> str:
    return f'file://{folder}'


def in_an_archive(folder: Path) -> str:
    return f'zip://{folder.name}::file://{zipped(folder)}'


def as_an_archive(folder: Path) -> str:
    path = folder.with_name('top.zip')
    with zipfile.ZipFile(path, 'w') as archive:
        for file in filter(Path.is_file, folder.rglob('*')):
            archive.write(file, file.relative_to(folder))
    return f'zip://::file://{path}'


PLACES = [in_memory, in_files, in_an_archive, as_an_archive]
KINDS = [(fmt, shape) for fmt in ROWS for shape in (GRAY, COLOUR) if shape == GRAY or fmt not in NO_COLOR]


@pytest.mark.once
@pytest.mark.parametrize('place', PLACES[:3])
@pytest.mark.parametrize(('fmt', 'shape'), KINDS)
def test_a_url_gives_what_the_folder_gives(fmt, shape, place, tmp_path):
    folder = write_store(tmp_path / 'store', fmt, shape)
    url = place(folder)
    with imgstore.new_for_filename(url) as store, imgstore.new_for_filename(folder) as local:
        assert (store.filename, store.shape) == (url, local.shape)
        assert indexes_in(store, 3, 24, 12, 0) == [3, 24, 12, 0]
        assert np.array_equal(store[:], local[:])
        assert records_in(store) == records_in(local)
        assert store.get_frame_metadata() == local.get_frame_metadata()


@pytest.mark.parametrize('place', PLACES)
def test_the_saved_index_is_read_from_a_url(place, tmp_path):
    url = place(write_store(tmp_path / 'store', 'png'))
    with imgstore.new_for_filename(url) as store:
        assert store.index.saved is not None
        assert len(store) == FRAMES


@pytest.mark.parametrize('place', PLACES)
def test_metadata_yaml_names_its_store_in_a_url(place, tmp_path):
    url = place(write_store(tmp_path / 'store', 'png'))
    head, mark, rest = url.partition('::')
    slash = '' if head.endswith('/') else '/'
    with imgstore.new_for_filename(f'{head}{slash}metadata.yaml{mark}{rest}') as store:
        assert store.filename == url
        assert store.full_path == f'{head}{slash}metadata.yaml{mark}{rest}'


def test_a_slash_at_the_end_of_a_url_is_dropped(tmp_path):
    url = in_files(write_store(tmp_path / 'store', 'png'))
    with imgstore.new_for_filename(f'{url}/') as store:
        assert store.filename == url


@pytest.mark.parametrize('fmt', ['png', 'avc1/mp4'])
def test_a_store_at_a_url_can_be_pickled(fmt, tmp_path):
    url = in_files(write_store(tmp_path / 'store', fmt))
    with imgstore.new_for_filename(url) as store:
        store.get_image(FIRST + 4)
        with pickle.loads(pickle.dumps(store)) as copy:  # noqa: S301 -- our own
            assert copy.filename == url
            assert copy.get_next_image()[1][0] == FIRST + 5


def test_to_dask_reads_a_url(tmp_path):
    url = in_files(write_store(tmp_path / 'store', 'mjpeg/avi'))
    with imgstore.new_for_filename(url) as store:
        assert np.array_equal(store.to_dask()[5:15].compute(scheduler='threads'), store[5:15])


def test_a_url_is_only_read(tmp_path):
    url = in_files(write_store(tmp_path / 'store', 'png'))
    before = sorted(tmp_path.rglob('*'))
    with imgstore.new_for_filename(url) as store:
        assert len(store[:]) == FRAMES
        assert not store.is_live
        assert store.refresh() == 0
    assert sorted(tmp_path.rglob('*')) == before


def test_a_writer_at_a_url_is_refused(tmp_path):
    with pytest.raises(InvalidArgumentError, match=r'file://.* is a URL.* folder'):
        imgstore.new_for_format('png', f'file://{tmp_path}/new', imgshape=GRAY)
    assert not list(tmp_path.iterdir())


def test_what_changes_a_store_is_refused_at_a_url(tmp_path):
    url = in_files(write_store(tmp_path / 'store', 'png'))
    with imgstore.new_for_filename(url) as store:
        for change in (store.save_index, store.reindex):
            with pytest.raises(InvalidArgumentError, match='is a URL'):
                change()
    with pytest.raises(InvalidArgumentError, match='is a URL'):
        imgstore.repair(url)


def test_opencv_is_refused_for_a_url(tmp_path):
    url = in_files(write_store(tmp_path / 'store', 'avc1/mp4'))
    with pytest.raises(InvalidArgumentError, match='pyav'):
        imgstore.new_for_filename(url, backend='opencv')


@pytest.mark.parametrize('url', ['memory://nothing', 'file:///nothing/here', 'zip://no::memory://no.zip'])
def test_a_url_without_a_store_is_an_error(url):
    with pytest.raises(StoreNotFoundError, match='no') as raised:
        imgstore.new_for_filename(url)
    assert url in str(raised.value)


def test_an_unknown_kind_of_url_is_an_error():
    with pytest.raises(InvalidArgumentError, match=r'gopher://a/b.*s3://'):
        imgstore.new_for_filename('gopher://a/b')


@pytest.mark.parametrize('fmt', ['png', 'avc1/mp4', 'mjpeg/avi', 'h264/mkv', 'npy'])
def test_a_damaged_file_at_a_url_is_an_error(fmt, tmp_path):
    folder = write_store(tmp_path / 'store', fmt)
    path = folder / ('000001/000003' if ROWS[fmt].is_image_folder else '000001')
    path = path.with_suffix(ROWS[fmt].extension)
    path.write_bytes(path.read_bytes()[:50])
    url = in_files(folder)
    with imgstore.new_for_filename(url) as store:
        with pytest.raises(FrameReadError, match=r'file://.*store'):
            store.get_image(FIRST + 13)
        assert indexes_in(store, 24, 3) == [24, 3]


@pytest.mark.parametrize('fmt', ['png', 'avc1/mp4'])
def test_a_missing_file_at_a_url_is_an_error(fmt, tmp_path):
    folder = write_store(tmp_path / 'store', fmt)
    with imgstore.new_for_filename(in_files(folder)) as store:
        path = folder / ('000001/000003.png' if fmt == 'png' else '000001.mp4')
        path.unlink()
        with pytest.raises(FrameReadError, match=r'file://.*store'):
            store.get_image(FIRST + 13)
        assert indexes_in(store, 24) == [24]


def test_a_damaged_index_at_a_url_is_skipped(tmp_path):
    folder = write_store(tmp_path / 'store', 'npy')
    (folder / '000001' / 'index.npz').write_bytes(b'PK')
    with imgstore.new_for_filename(in_files(folder)) as store:
        with pytest.warns(ChunkSkippedWarning):
            assert len(store) == FRAMES - 10
        assert indexes_in(store, 24) == [24]


def test_a_changed_index_is_read_in_place_of_the_saved_one(tmp_path):
    folder = write_store(tmp_path / 'store', 'npy')
    numbers, times = np.arange(10) + 500, np.arange(10) / 25
    np.savez(folder / '000001' / 'index.npz', frame_number=numbers, frame_time=times)
    with imgstore.new_for_filename(in_files(folder)) as store:
        assert store.index.saved is None
        assert store.frame_numbers[10:20].tolist() == numbers.tolist()


def test_a_new_chunk_at_a_url_is_found(tmp_path):
    folder = write_store(tmp_path / 'store', 'npy')
    more = write_store(tmp_path / 'more', 'npy', frames=35)
    with imgstore.new_for_filename(in_files(folder)) as store:
        (more / '000003').rename(folder / '000003')
        assert store.refresh() == 5
        assert indexes_in(store, 33) == [33]
