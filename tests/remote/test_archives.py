"""Stores in zip archives behind a web server: parts of them, replaced ones and damaged ones."""

import os
import shutil
import zipfile

import numpy as np
import pytest

import imgstore
from imgstore.errors import FrameReadError, RemoteAccessError, StoreIOError, StoreNotFoundError

from ..helpers.frames import index_in, numbered
from ..helpers.remote_stores import FIRST, FRAMES, GRAY, indexes_in, write_store, zipped
from ..helpers.web_files import served


@pytest.fixture
def web(tmp_path):
    with served(tmp_path) as files:
        yield files


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr('imgstore.remote.retrying._FIRST_PAUSE', 0.001)


def compressed(folder):
    path = folder.with_suffix('.zip')
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        for file in filter(lambda each: each.is_file(), folder.rglob('*')):
            archive.write(file, file.relative_to(folder.parent))
    return path


@pytest.mark.parametrize('pack', [zipped, compressed])
@pytest.mark.parametrize('fmt', ['npy', 'png', 'avc1/mp4', 'mjpeg/avi', 'h264/mkv'])
def test_an_archive_is_read_from_a_web_server(fmt, pack, web, tmp_path):
    folder = write_store(tmp_path / 'store', fmt)
    pack(folder)
    with imgstore.new_for_filename(f'zip://store::{web.url}/store.zip') as store:
        assert store.index.saved is not None
        assert indexes_in(store, 3, 24, 12, 0) == [3, 24, 12, 0]
        with imgstore.new_for_filename(folder) as local:
            assert np.array_equal(store[:], local[:])


def noise_store(folder, fmt, frames):
    """Of noise, which needs much room."""
    noise = np.random.default_rng(0).integers(0, 256, (480, 640), np.uint8)
    with imgstore.new_for_format(fmt, folder, imgshape=noise.shape, chunksize=frames) as store:
        for index in range(frames):
            store.add_image(np.roll(noise, index * 1000), FIRST + index, index / 25)
    with imgstore.new_for_filename(folder) as store:
        store.save_index(sqlite=False)
    return folder


@pytest.mark.parametrize(('fmt', 'most'), [('mjpeg/avi', 1_000_000), ('npy', 700_000)])
def test_a_frame_in_an_archive_costs_a_part_of_it(fmt, most, web, tmp_path):
    folder = noise_store(tmp_path / 'store', fmt, 40)
    assert zipped(folder).stat().st_size > 5_000_000
    with imgstore.new_for_filename(folder) as local:
        expected = local.get_image(FIRST + 33)[0]
    with imgstore.new_for_filename(f'zip://store::{web.url}/store.zip') as store:
        assert np.array_equal(store.get_image(FIRST + 33)[0], expected)
    assert web.sent < most


def record(path, first):
    with imgstore.new_for_format('mjpeg/avi', path, imgshape=GRAY, chunksize=10, workers=0) as store:
        for number in range(first, first + 30):
            store.add_image(numbered(number, GRAY), number, number / 25)
    return path


def replace_archive(tmp_path, first):
    """Zip a new recording under the old name."""
    shutil.rmtree(tmp_path / 'store', ignore_errors=True)
    path = zipped(record(tmp_path / 'store', first))
    os.utime(path, ns=(first * 10**9, first * 10**9 + 5))


@pytest.mark.parametrize('kind', ['http', 'file', 'path'])
def test_a_replaced_archive_is_seen_when_opened_again(kind, web, tmp_path):
    place = {'http': web.url, 'file': f'file://{tmp_path}', 'path': tmp_path}[kind]
    url = f'zip://store::{place}/store.zip'
    for first in (0, 500):
        replace_archive(tmp_path, first)
        with imgstore.new_for_filename(url) as store:
            image, (number, _) = store.get_image(frame_index=25)
            assert index_in(image) == number == first + 25


@pytest.mark.parametrize('kind', ['http', 'file'])
def test_an_archive_replaced_while_it_is_open_is_an_error(kind, web, tmp_path):
    url = f'zip://store::{web.url if kind == "http" else f"file://{tmp_path}"}/store.zip'
    replace_archive(tmp_path, 0)
    with imgstore.new_for_filename(url) as store:
        assert len(store.frame_numbers) == 30
        replace_archive(tmp_path, 500)
        with pytest.raises((FrameReadError, RemoteAccessError), match='replaced'):
            store.get_image(25)


def test_an_archive_may_come_later(web, tmp_path):
    url = f'zip://store::{web.url}/store.zip'
    with pytest.raises(StoreNotFoundError, match=r'store\.zip'):
        imgstore.new_for_filename(url)
    zipped(write_store(tmp_path / 'store', 'png'))
    with imgstore.new_for_filename(url) as store:
        assert len(store) == FRAMES


@pytest.mark.parametrize('content', [b'<html>hello</html>', b'', b'PK\3\4' + b'\0' * 99])
def test_another_file_is_no_archive(content, web, tmp_path):
    (tmp_path / 'store.zip').write_bytes(content)
    with pytest.raises(RemoteAccessError, match=r'store\.zip is no zip archive.*zip -0'):
        imgstore.new_for_filename(f'zip://store::{web.url}/store.zip')


def test_a_cut_off_archive_is_an_error(web, tmp_path):
    path = zipped(write_store(tmp_path / 'store', 'png'))
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(RemoteAccessError, match='no zip archive, or cut off'):
        imgstore.new_for_filename(f'zip://store::{web.url}/store.zip')


@pytest.mark.parametrize(('status', 'said'), [(401, 'credentials'), (403, 'credentials'), (500, '500'), (404, 'store')])
def test_errors_are_those_of_the_web_server(status, said, web, quick, tmp_path):
    zipped(write_store(tmp_path / 'store', 'png'))
    web.refuses = status
    with pytest.raises((StoreIOError, StoreNotFoundError), match=f'{said}'):
        imgstore.new_for_filename(f'zip://store::{web.url}/store.zip')


@pytest.mark.parametrize('failure', [503, 0])
def test_failed_requests_are_repeated(failure, web, quick, tmp_path):
    web.fails_every, web.failure = 3, failure
    zipped(write_store(tmp_path / 'store', 'png'))
    with imgstore.new_for_filename(f'zip://store::{web.url}/store.zip') as store:
        assert [index_in(image) for image in store[:]] == list(range(FRAMES))


def test_an_archive_needs_a_server_with_ranges(web, tmp_path):
    zipped(noise_store(tmp_path / 'store', 'npy', 3))
    web.ranges = False
    with pytest.raises(RemoteAccessError, match=r'store\.zip.*byte ranges'):
        imgstore.new_for_filename(f'zip://store::{web.url}/store.zip')


def test_an_encrypted_file_is_an_error(web, tmp_path):
    path = zipped(write_store(tmp_path / 'store', 'png'))
    data = bytearray(path.read_bytes())
    place = data.rindex(b'store/metadata.yaml') - 46  # in the archive's table
    data[place + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(StoreIOError, match=r'metadata\.yaml.*encrypted'):
        imgstore.new_for_filename(f'zip://store::{web.url}/store.zip')
