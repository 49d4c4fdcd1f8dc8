"""Stores in a bucket, of a server that speaks S3's protocol."""

import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import imgstore
from imgstore.errors import FrameReadError, RemoteAccessError, StoreNotFoundError

from ..helpers.frames import index_in, numbered
from ..helpers.remote_stores import COLOUR, FIRST, GRAY, indexes_in, records_in, write_store

pytestmark = [pytest.mark.process, pytest.mark.once]  # moto runs in threads, and takes seconds to start


@pytest.fixture(scope='module')
def bucket() -> Iterator[str]:
    """The URL of an empty bucket, with credentials for it."""
    from moto.server import ThreadedMotoServer

    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    server = ThreadedMotoServer(ip_address='127.0.0.1', port=port, verbose=False)
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('AWS_ENDPOINT_URL', f'http://127.0.0.1:{port}')
        patch.setenv('AWS_ACCESS_KEY_ID', 'key')
        patch.setenv('AWS_SECRET_ACCESS_KEY', 'secret')
        patch.setenv('AWS_DEFAULT_REGION', 'us-east-1')
        files().mkdir('recordings')
        yield 's3://recordings'
    server.stop()


def files():
    import s3fs

    return s3fs.S3FileSystem()


@pytest.mark.parametrize('shape', [(64, 112), COLOUR])
@pytest.mark.parametrize('fmt', ['png', 'avc1/mp4', 'mjpeg/avi', 'h264/mkv'])
def test_a_bucket_gives_what_the_folder_gives(fmt, shape, bucket, tmp_path):
    folder = write_store(tmp_path / f'{fmt.replace("/", "-")}-{len(shape)}', fmt, shape)
    files().put(str(folder), f'recordings/{folder.name}', recursive=True)
    with imgstore.new_for_filename(f'{bucket}/{folder.name}') as store, imgstore.new_for_filename(folder) as local:
        assert store.index.saved is not None
        assert indexes_in(store, 3, 24, 12, 0) == [3, 24, 12, 0]
        assert np.array_equal(store[:], local[:])
        assert records_in(store) == records_in(local)


def test_a_bucket_needs_no_saved_index(bucket, tmp_path):
    folder = write_store(tmp_path / 'unsaved', 'png')
    (folder / '.index.imgstore').unlink()
    files().put(str(folder), 'recordings/unsaved', recursive=True)
    with imgstore.new_for_filename(f'{bucket}/unsaved') as store:
        assert store.frame_numbers.tolist() == list(range(FIRST, FIRST + 25))


@pytest.mark.parametrize('path', ['nothing', 'none/recording'])
def test_a_bucket_without_the_store_is_an_error(path, bucket):
    with pytest.raises((StoreNotFoundError, RemoteAccessError), match='s3://'):
        imgstore.new_for_filename(f'{bucket}/{path}')


def test_missing_credentials_are_named(bucket, monkeypatch):
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    for name in ('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'):
        monkeypatch.delenv(name)
    monkeypatch.setenv('AWS_EC2_METADATA_DISABLED', 'true')
    monkeypatch.setenv('AWS_SHARED_CREDENTIALS_FILE', '/nonexistent')
    monkeypatch.setattr('imgstore.remote.places._places', {})
    with pytest.raises(RemoteAccessError, match=r's3://recordings/secret.*AWS_ACCESS_KEY_ID'):
        imgstore.new_for_filename(f'{bucket}/secret')
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.mark.filterwarnings('ignore:.*read in sequence once')  # of a container with parts of two files
@pytest.mark.parametrize('fmt', ['npy', 'mjpeg/avi', 'avc1/mp4'])
def test_a_replaced_recording_gives_no_wrong_frame(fmt, bucket, tmp_path):
    name = f'replaced-{fmt.replace("/", "-")}'
    put_recording(tmp_path / 'old', name, fmt, 0)
    with imgstore.new_for_filename(f'{bucket}/{name}') as store:
        assert index_in(store.get_image(5)[0]) == 5
        put_recording(tmp_path / 'new', name, fmt, 100)
        with pytest.raises((FrameReadError, RemoteAccessError), match='replaced'):
            store.get_image(25)
        store.refresh()
        for index in (25, 5):
            image, (number, _) = store.get_image(frame_index=index)
            assert index_in(image) == number == 100 + index


def put_recording(folder, name, fmt, first):
    """Record frames whose number is in their pixels, and put them into the bucket."""
    with imgstore.new_for_format(fmt, folder, imgshape=GRAY, chunksize=20, workers=0) as store:
        for number in range(first, first + 40):
            store.add_image(numbered(number, GRAY), number, number / 25)
    with imgstore.new_for_filename(folder) as store:
        store.save_index(sqlite=False)
    for file in filter(Path.is_file, folder.rglob('*')):
        files().put(str(file), f'recordings/{name}/{file.relative_to(folder).as_posix()}')
