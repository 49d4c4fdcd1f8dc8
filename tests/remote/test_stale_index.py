"""A saved index of another recording gives no wrong numbers at a URL."""

import contextlib
import shutil
import uuid

import fsspec
import numpy as np
import pytest

import imgstore
from imgstore.apps import info
from imgstore.errors import CorruptFileError, FrameReadError, RemoteAccessError

from ..helpers.frames import index_in, numbered
from ..helpers.remote_stores import GRAY, zipped
from ..helpers.web_files import served

COUNT, CHUNK = 40, 20
INDEX = '.index.imgstore'


@pytest.fixture
def web(tmp_path):
    with served(tmp_path) as files:
        yield files


def record(path, first, fmt='npy'):
    with imgstore.new_for_format(fmt, path, imgshape=GRAY, chunksize=CHUNK, workers=0) as store:
        for number in range(first, first + COUNT):
            store.add_image(numbered(number, GRAY), number, number / 25)
    return path


def indexed(path, first, fmt='npy'):
    record(path, first, fmt)
    with imgstore.new_for_filename(path) as store:
        store.save_index(sqlite=False)
    return path


def with_index_of_another(tmp_path):
    """A recording of numbers from 100, copied over one of numbers from 0, with the saved index of that."""
    path = indexed(tmp_path / 'store', 0)
    shutil.copytree(record(tmp_path / 'new', 100), path, dirs_exist_ok=True)
    return path


def test_another_recordings_index_is_an_error_over_http(web, tmp_path):
    with_index_of_another(tmp_path)
    with pytest.raises(CorruptFileError, match=r'another recording.*imgstore index') as raised:
        imgstore.new_for_filename(f'{web.url}/store')
    assert raised.value.path == f'{web.url}/store/{INDEX}'


def test_info_gives_no_good_health_for_it(web, tmp_path, capsys):
    with_index_of_another(tmp_path)
    with pytest.raises(SystemExit) as raised:
        raise SystemExit(info.main([f'{web.url}/store']))
    assert raised.value.code
    said = capsys.readouterr()
    assert 'another recording' in f'{said.err} {raised.value.code}'
    assert 'good' not in said.out


@pytest.mark.parametrize('place', ['memory', 'zip'])
def test_elsewhere_the_chunks_are_read_instead(place, tmp_path):
    path = with_index_of_another(tmp_path)
    if place == 'zip':
        url = f'zip://store::file://{zipped(path)}'
    else:
        name = str(uuid.uuid4())  # names of temporary folders come again
        url = f'memory://{name}'
        fsspec.filesystem('memory').put(str(path), f'/{name}', recursive=True)
    with imgstore.new_for_filename(url) as store:
        assert store.index.saved is None
        assert [store.get_image(100 + n)[1][0] for n in (5, 33)] == [105, 133]
        assert index_in(store.get_image(133)[0]) == 133


@pytest.mark.parametrize('fmt', ['npy', 'avc1/mp4'])
def test_another_index_with_the_same_uuid_is_an_error(fmt, web, tmp_path):
    """As after a renumbering that kept all sizes."""
    path, new = indexed(tmp_path / 'store', 0, fmt), record(tmp_path / 'new', 100, fmt)
    metadata = (path / 'metadata.yaml').read_bytes()
    shutil.copytree(new, path, dirs_exist_ok=True)
    (path / 'metadata.yaml').write_bytes(metadata)
    with imgstore.new_for_filename(f'{web.url}/store') as store:
        with pytest.raises(FrameReadError, match=f'imgstore index.*{INDEX}'):
            store.get_image(25)
        with pytest.raises(FrameReadError, match='replaced or renumbered'):
            store[5]


def test_an_index_without_the_mark_is_read_still(web, tmp_path):
    path = indexed(tmp_path / 'store', 0) / INDEX
    path.write_bytes(path.read_bytes()[:-24])
    for place in (f'{web.url}/store', tmp_path / 'store'):
        with imgstore.new_for_filename(place) as store:
            assert store.index.saved is not None
            assert index_in(store.get_image(25)[0]) == 25


@pytest.mark.parametrize('content', [b'', b'imgstore index 2', b'<html>not found</html>', b'\0' * 500])
def test_no_index_at_all_is_an_error_that_says_so(content, web, tmp_path):
    (indexed(tmp_path / 'store', 0) / INDEX).write_bytes(content)
    with pytest.raises(CorruptFileError, match=r'empty, or no index|cut off') as raised:
        imgstore.new_for_filename(f'{web.url}/store')
    assert 'imgstore index' in str(raised.value)


def test_every_truncated_index_is_an_error(web, tmp_path):
    path = indexed(tmp_path / 'store', 0) / INDEX
    whole = path.read_bytes()
    for end in np.linspace(0, len(whole) - 25, 12).astype(int):
        path.write_bytes(whole[:end])
        with pytest.raises(CorruptFileError, match='is damaged'):
            imgstore.new_for_filename(f'{web.url}/store')


def replace_recording(path, tmp_path, fmt, first):
    """A complete other recording, with its own saved index, in the same place."""
    shutil.rmtree(path)
    indexed(tmp_path / 'store', first, fmt)


@pytest.mark.parametrize('marks', [True, False])
@pytest.mark.parametrize('fmt', ['npy', 'mjpeg/avi', 'avc1/mp4'])
def test_a_replaced_recording_gives_no_wrong_frame(fmt, marks, web, tmp_path):
    web.marks = marks
    path = indexed(tmp_path / 'store', 0, fmt)
    with imgstore.new_for_filename(f'{web.url}/store') as store:
        assert index_in(store.get_image(5)[0]) == 5
        replace_recording(path, tmp_path, fmt, 100)
        with pytest.raises((FrameReadError, RemoteAccessError), match=r'replaced'):
            store.get_image(25)
        store.refresh()
        for index in (25, 5):
            with contextlib.suppress(FrameReadError):  # without marks: the recording was replaced
                image, (number, _) = store.get_image(frame_index=index)
                assert index_in(image) == number
    with imgstore.new_for_filename(f'{web.url}/store') as store:
        assert [index_in(store.get_image(100 + index)[0]) for index in (5, 25)] == [105, 125]
