"""Stores behind a web server: ranges, counted bytes, failures."""

import os

import numpy as np
import pytest

import imgstore
from imgstore.errors import FrameReadError, ImgStoreWarning, RemoteAccessError, StoreIOError, StoreNotFoundError

from ..helpers.format_table import NO_COLOR, ROWS
from ..helpers.frames import index_in
from ..helpers.remote_stores import COLOUR, FIRST, FRAMES, GRAY, indexes_in, records_in, write_store
from ..helpers.web_files import served


@pytest.fixture
def web(tmp_path):
    with served(tmp_path) as files:
        yield files


@pytest.mark.once
@pytest.mark.parametrize(
    ('fmt', 'shape'), [(fmt, shape) for fmt in ROWS for shape in (GRAY, COLOUR) if shape == GRAY or fmt not in NO_COLOR]
)
def test_every_format_is_read_from_a_web_server(fmt, shape, web, tmp_path):
    folder = write_store(tmp_path / 'store', fmt, shape)
    with imgstore.new_for_filename(f'{web.url}/store') as store, imgstore.new_for_filename(folder) as local:
        assert indexes_in(store, 3, 24, 12, 0) == [3, 24, 12, 0]
        assert np.array_equal(store[:], local[:])
        assert records_in(store) == records_in(local)
        assert store.get_frame_metadata() == local.get_frame_metadata()


def test_without_a_saved_index_the_error_names_the_command(web, tmp_path):
    folder = write_store(tmp_path / 'store', 'png')
    (folder / '.index.imgstore').unlink()
    with pytest.raises(StoreIOError, match='imgstore index') as raised:
        imgstore.new_for_filename(f'{web.url}/store')
    assert f'{web.url}/store' in str(raised.value)


def test_a_damaged_saved_index_is_an_error(web, tmp_path):
    folder = write_store(tmp_path / 'store', 'png')
    path = folder / '.index.imgstore'
    path.write_bytes(path.read_bytes()[:90])
    with pytest.raises(StoreIOError, match='imgstore index'):
        imgstore.new_for_filename(f'{web.url}/store')


def test_an_old_saved_index_is_not_believed(web, tmp_path):
    folder = write_store(tmp_path / 'store', 'npy')
    np.savez(folder / '000001' / 'index.npz', frame_number=np.arange(10) + 500, frame_time=np.arange(10) / 25, more=1)
    with imgstore.new_for_filename(f'{web.url}/store') as store:
        assert store.index.saved is None
        assert store.frame_numbers[10:20].tolist() == list(range(500, 510))


@pytest.mark.parametrize('url', ['nothing', 'store/000000'])
def test_a_place_without_a_store_is_an_error(url, web, tmp_path):
    write_store(tmp_path / 'store', 'png')
    with pytest.raises(StoreNotFoundError, match=url):
        imgstore.new_for_filename(f'{web.url}/{url}')


def test_a_query_stays_at_the_end_of_each_url(web, tmp_path):
    write_store(tmp_path / 'store', 'png')
    with imgstore.new_for_filename(f'{web.url}/store?key=secret') as store:
        assert indexes_in(store, 13) == [13]
        assert store.filename == f'{web.url}/store?key=secret'
    assert all(request.path.endswith('?key=secret') for request in web.requests)


@pytest.mark.parametrize('failure', [503, 0])
def test_each_third_request_may_fail(failure, web, tmp_path):
    web.fails_every, web.failure = 3, failure
    write_store(tmp_path / 'store', 'png')
    with imgstore.new_for_filename(f'{web.url}/store') as store:
        assert [index_in(image) for image in store[:]] == list(range(FRAMES))


def test_a_server_that_always_fails_is_an_error(web, tmp_path, monkeypatch):
    monkeypatch.setattr('imgstore.remote.retrying._FIRST_PAUSE', 0.001)
    write_store(tmp_path / 'store', 'png')
    with imgstore.new_for_filename(f'{web.url}/store') as store:
        web.refuses = 500
        with pytest.raises(FrameReadError, match=r'000001/000003.png.*500'):
            store.get_image(FIRST + 13)
        web.refuses = 0
        assert indexes_in(store, 13) == [13]


def test_no_server_is_an_error(monkeypatch):
    monkeypatch.setattr('imgstore.remote.retrying._FIRST_PAUSE', 0.001)
    with pytest.raises(RemoteAccessError, match=r'127.0.0.1:9/store.*check the network'):
        imgstore.new_for_filename('http://127.0.0.1:9/store')


@pytest.mark.parametrize('status', [401, 403])
def test_refused_access_is_an_error(status, web, tmp_path):
    write_store(tmp_path / 'store', 'png')
    web.refuses = status
    with pytest.raises(RemoteAccessError, match=f'store/metadata.yaml.*{status}.*credentials'):
        imgstore.new_for_filename(f'{web.url}/store')


def test_a_failing_network_skips_no_chunk(web, tmp_path, monkeypatch):
    """A chunk whose index cannot be reached now is not taken for a damaged one."""
    monkeypatch.setattr('imgstore.remote.retrying._FIRST_PAUSE', 0.001)
    folder = write_store(tmp_path / 'store', 'npy')
    np.savez(folder / '000001' / 'index.npz', frame_number=np.arange(10) + 500, frame_time=np.arange(10) / 25, more=1)
    store = imgstore.new_for_filename(f'{web.url}/store')
    web.refuses = 500
    with store, pytest.raises(RemoteAccessError, match='500'):
        len(store)


def video_store(folder, fmt, frames=60):
    """Of noise, which needs much room."""
    shape = (480, 640)
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    with imgstore.new_for_format(fmt, folder, imgshape=shape, chunksize=frames) as store:
        for index in range(frames):
            store.add_image(np.roll(noise, index * 1000), FIRST + index, index / 25)
    with imgstore.new_for_filename(folder) as store:
        store.save_index(sqlite=False)


@pytest.mark.parametrize('fmt', ['avc1/mp4', 'mjpeg/avi', 'h264/mkv'])
def test_a_server_without_ranges_is_named(fmt, web, tmp_path):
    web.ranges = False
    video_store(tmp_path / 'store', fmt, 5)
    with imgstore.new_for_filename(f'{web.url}/store') as store:
        web.clear()
        with pytest.raises(FrameReadError, match=r'000000\.\w+.*byte ranges'):
            store.get_image(FIRST + 3)
    assert web.sent < 2**22


def test_images_need_no_ranges(web, tmp_path):
    web.ranges = False
    write_store(tmp_path / 'store', 'png')
    with imgstore.new_for_filename(f'{web.url}/store') as store:
        assert indexes_in(store, 13, 24) == [13, 24]


@pytest.mark.parametrize('fmt', ['avc1/mp4', 'mjpeg/avi'])
def test_a_frame_costs_a_part_of_its_chunk(fmt, web, tmp_path):
    video_store(tmp_path / 'store', fmt)
    (video,) = (tmp_path / 'store').glob('000000.[am]*')
    with imgstore.new_for_filename(tmp_path / 'store') as local:
        expected = local.get_image(FIRST + 43)[0]
    with imgstore.new_for_filename(f'{web.url}/store') as store:
        assert np.array_equal(store.get_image(FIRST + 43)[0], expected)
        cold = web.sent
        store.get_image(FIRST + 43)
        assert web.sent == cold
    assert cold < video.stat().st_size / 3


def test_a_file_replaced_while_it_is_read_is_an_error(web, tmp_path):
    video_store(tmp_path / 'store', 'mjpeg/avi')
    path = tmp_path / 'store' / '000000.avi'
    with imgstore.new_for_filename(f'{web.url}/store') as store:
        store.get_image(FIRST)
        os.utime(path, ns=(1, 1))
        with pytest.raises((FrameReadError, RemoteAccessError), match='replaced'):
            store.get_image(FIRST + 50)


def test_the_cache_stays_within_its_limit(web, tmp_path, monkeypatch):
    monkeypatch.setattr('imgstore.remote.places.CACHE_BYTES', 2**19)
    video_store(tmp_path / 'store', 'mjpeg/avi')
    with imgstore.new_for_filename(f'{web.url}/store') as store:
        from imgstore.remote.places import mount

        assert len(store[:]) == 60
        assert 0 < mount(store.filename).cache.size <= 2**19


def test_a_frame_of_matroska_costs_a_part_of_its_chunk(web, tmp_path):
    video_store(tmp_path / 'store', 'h264/mkv')
    with imgstore.new_for_filename(tmp_path / 'store') as local:
        expected = local.get_image(FIRST + 43)[0]
    with imgstore.new_for_filename(f'{web.url}/store') as store:
        assert np.array_equal(store.get_image(FIRST + 43)[0], expected)
    assert web.sent < (tmp_path / 'store' / '000000.mkv').stat().st_size / 2


def test_matroska_without_cues_is_read_once_with_a_warning(web, tmp_path):
    folder = write_store(tmp_path / 'store', 'h264/mkv', frames=200, chunksize=200)
    remove_cues(folder / '000000.mkv')
    with imgstore.new_for_filename(f'{web.url}/store') as store:
        with pytest.warns(ImgStoreWarning, match=r'000000.mkv is read in sequence once'):
            assert indexes_in(store, 13) == [13]
        assert indexes_in(store, 3, 24) == [3, 24]


def test_each_chunk_without_cues_is_scanned_once(web, tmp_path):
    """By whichever reader comes first: the caller's, one that reads ahead, one of a batch."""
    folder = write_store(tmp_path / 'store', 'h264/mkv', frames=400, chunksize=200)
    for video in folder.glob('*.mkv'):
        remove_cues(video)
    with pytest.warns(ImgStoreWarning, match='is read in sequence once') as warned:
        read_in_many_ways(f'{web.url}/store')
    assert len(warned) == 2


def read_in_many_ways(url):
    with imgstore.new_for_filename(url) as store:
        assert [index_in(image) for image, *_ in store.frames()] == list(range(400))
        assert indexes_in(store, 3, 260, 300, 24) == [3, 260, 300, 24]
        assert len(store[::7]) == 58
    with imgstore.new_for_filename(url) as store:
        assert indexes_in(store, 3, 260, 300, 24) == [3, 260, 300, 24]


def remove_cues(video):
    """Leave its cues, with an ID that no program knows."""
    video.write_bytes(video.read_bytes().replace(b'\x1c\x53\xbb\x6b', b'\x1c\x53\xbb\x6c'))


def test_opening_asks_little_of_many_chunks(web, tmp_path):
    write_store(tmp_path / 'store', 'mjpeg/avi', frames=60, chunksize=2)
    with imgstore.new_for_filename(f'{web.url}/store') as store:
        assert store.index.saved is not None
        assert len(store) == 60
        asked = web.asked_for('.npz')
        assert len(asked) == 30
        assert sum(request.sent for request in asked) == 30
        assert indexes_in(store, 31) == [31]
