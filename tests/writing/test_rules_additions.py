"""SPEC, 'Writing': extra data and inserted chunks, each rule in a test that names it."""

import errno
import os
import pathlib
import shutil

import numpy as np
import pytest
import yaml

from imgstore import new_for_filename
from imgstore.errors import (
    InvalidArgumentError,
    StoreClosedError,
    StoreModeError,
)

from ..helpers.checked import not_none
from ..helpers.frames import index_in, numbered
from ..helpers.raised import raises
from ..helpers.writing import add, check, files, new, record, video_backends

# --- extra data


@pytest.mark.parametrize('fmt', ['npy', 'mjpeg', 'avc1/mp4'])
def test_extra_data_go_into_the_chunk_of_their_frame(tmp_path, fmt):
    with new(tmp_path / 's', fmt, chunksize=2) as store:
        store.add_extra_data(at='start')
        for number in range(5):
            add(store, number)
            store.add_extra_data(at=number)
    with new_for_filename(tmp_path / 's') as reader:
        assert [
            pathlib.Path(path).relative_to(tmp_path / 's').parts[0][:6] for path in reader.find_extra_data_files()
        ] == ['000000', '000001', '000002']
        table = not_none(reader.get_extra_data())
        assert table['at'].tolist() == ['start', 0, 1, 2, 3, 4]
        assert table['frame_index'].tolist() == [-1, 0, 1, 2, 3, 4]
        for chunk, path in enumerate(reader.find_extra_data_files()):
            indexes = [record['frame_index'] for record in yaml.safe_load(pathlib.Path(path).read_text())]
            assert [index // 2 for index in indexes if index >= 0] == [chunk] * len([i for i in indexes if i >= 0])


@pytest.mark.parametrize('workers', [0, 2])
@pytest.mark.parametrize('fmt', ['npy', 'png', 'avc1/mp4'])
def test_a_frame_may_come_with_its_extra_data(tmp_path, fmt, workers):
    with new(tmp_path / 's', fmt, chunksize=3, workers=workers) as store:
        for number in range(7):
            data = {'at': number} if number % 2 else None
            store.add_image(numbered(number, (64, 96)), number, number / 4, extra_data=data)
            store.add_extra_data(after=number)
    with new_for_filename(tmp_path / 's') as reader:
        assert len(reader) == 7
        table = not_none(reader.get_extra_data())
        assert table['after'].dropna().tolist() == list(range(7))
        with_data = table[table['at'].notna()]
        assert with_data['frame_number'].tolist() == with_data['at'].tolist() == [1, 3, 5]


@pytest.mark.parametrize(
    ('data', 'error'),
    [
        ({'frame_number': 1}, InvalidArgumentError),
        ({1: 1}, InvalidArgumentError),
        ([1], InvalidArgumentError),
        ({'a': print}, TypeError),
    ],
)
def test_a_frame_with_wrong_extra_data_is_not_written(tmp_path, data, error):
    with new(tmp_path / 's', 'npy') as store:
        with pytest.raises(error):
            store.add_image(numbered(0, (64, 96)), 0, 0, extra_data=data)
        assert store.frame_count == 0


def test_extra_data_of_a_store_without_frames_are_kept(tmp_path):
    for fmt in ('npy', 'mjpeg'):
        with new(tmp_path / fmt, fmt) as store:
            store.add_extra_data(a=1)
            assert store.has_extra_data
        with new_for_filename(tmp_path / fmt) as reader:
            assert len(reader) == 0
            if fmt == 'npy':
                assert not_none(reader.get_extra_data())['a'].tolist() == [1]


@pytest.mark.parametrize('key', ['frame_time', 'frame_number', 'frame_index'])
def test_a_key_of_the_stores_own_in_extra_data_is_refused(tmp_path, key):
    with new(tmp_path / 's') as store:
        add(store, 0)
        with raises(ValueError, argument='data'):
            store.add_extra_data(**{key: 1, 'a': 2})
        assert not store.has_extra_data


@pytest.mark.parametrize('value', [object(), print, {1: {object(): 2}}, [object()]])
def test_unwritable_extra_data_is_refused(tmp_path, value):
    """Extra data that cannot be written raises an error and does not harm other records."""
    with new(tmp_path / 's') as store:
        add(store, 0)
        store.add_extra_data(a=1)
        with pytest.raises(TypeError):
            store.add_extra_data(a=value)
        store.add_extra_data(a=2)
    assert not_none(new_for_filename(tmp_path / 's').get_extra_data())['a'].tolist() == [1, 2]


def test_extra_data_are_kept_as_they_were_when_they_were_added(tmp_path):
    values = [1, 2]
    with new(tmp_path / 's') as store:
        add(store, 0)
        store.add_extra_data(values=values, array=np.arange(2), self_='x')
        values.append(3)
    assert not_none(new_for_filename(tmp_path / 's').get_extra_data())['values'].tolist() == [[1, 2]]


# --- insert_chunk


@pytest.fixture
def video(tmp_path):
    """Makes a finished video of frames with these numbers in their pixels."""

    def make(fmt, *numbers, name='video', backend=None):
        with new(tmp_path / 'made', fmt, overwrite=True, backend=backend) as store:
            add(store, *numbers)
        path = tmp_path / (name + store._ext)
        return shutil.move(tmp_path / 'made' / ('000000' + store._ext), path)

    return make


@pytest.mark.parametrize(('fmt', 'backend'), video_backends('write'))
def test_an_inserted_video_is_a_chunk_among_others(tmp_path, video, fmt, backend):
    with new(tmp_path / 's', fmt, chunksize=3, backend=backend) as store:
        store.insert_chunk(video(fmt, 90, 91), [90, 91], [90, 91])
        add(store, 0, 1, 2, 3)
        store.insert_chunk(video(fmt, *range(10, 17)), range(10, 17), np.arange(10, 17))
        assert (store.frame_count, store.frame_number, store.frame_time) == (13, 16, 16.0)
        add(store, 20)
        assert store.chunks == [0, 1, 2, 3, 4]
        assert (store.frame_min, store.frame_max, store.duration) == (0, 91, 91.0)
    check(tmp_path / 's', [90, 91, 0, 1, 2, 3, *range(10, 17), 20])
    with new_for_filename(tmp_path / 's') as reader:
        assert reader.chunks == [0, 1, 2, 3, 4]
        assert (reader.frame_min, reader.frame_max, reader.duration, len(reader)) == (0, 91, 91.0, 14)
        assert index_in(reader.get_image(13)[0]) == 13
        assert index_in(reader.get_image(None, frame_index=13)[0]) == 20


def test_an_inserted_video_is_on_disk_at_once_with_its_index(tmp_path, video):
    with new(tmp_path / 's', 'mjpeg') as store:
        store.insert_chunk(video('mjpeg', 5, 6), [5, 6], [5, 6])
        check(tmp_path / 's', [5, 6])


def test_extra_data_go_with_the_inserted_frames(tmp_path, video):
    with new(tmp_path / 's', 'mjpeg', chunksize=2) as store:
        add(store, 0)
        store.add_extra_data(at=0)
        store.insert_chunk(video('mjpeg', 5, 6), [5, 6], [5, 6])
        store.add_extra_data(at=6)
        add(store, 7)
        store.add_extra_data(at=7)
        store.insert_chunk(video('mjpeg', 8), [8], [8])
        store.add_extra_data(at=8)
    with new_for_filename(tmp_path / 's') as reader:
        names = [os.path.basename(path) for path in reader.find_extra_data_files()]
        assert names == [f'00000{n}.extra.json' for n in range(4)]
        table = not_none(reader.get_extra_data())
        assert table['at'].tolist() == table['frame_number'].tolist() == [0, 6, 7, 8]
        assert table['frame_index'].tolist() == [0, 2, 3, 4]


@pytest.mark.parametrize('move', [True, False])
@pytest.mark.parametrize('name', ['video', 'späte [Mäuse]'])
def test_an_inserted_video_is_moved_or_copied(tmp_path, video, move, name):
    path = video('mjpeg', 5, 6, name=name)
    upper = path.with_suffix('.AVI')
    path.rename(upper)
    content = upper.read_bytes()
    with new(tmp_path / 's', 'mjpeg') as store:
        store.insert_chunk(upper, [5, 6], [5, 6], move=move)
    assert upper.exists() != move
    assert (tmp_path / 's' / '000000.avi').read_bytes() == content
    check(tmp_path / 's', [5, 6])


def test_a_video_on_another_file_system_is_moved_too(tmp_path, video, monkeypatch):
    path = video('mjpeg', 5, 6)
    replace = os.replace

    def replace_here(source, target):
        if os.path.dirname(source) != os.path.dirname(target):
            raise OSError(errno.EXDEV, 'Invalid cross-device link')
        replace(source, target)

    monkeypatch.setattr(os, 'replace', replace_here)
    with new(tmp_path / 's', 'mjpeg') as store:
        store.insert_chunk(path, [5, 6], [5, 6])
    assert not path.exists()
    check(tmp_path / 's', [5, 6])


def test_a_link_to_a_video_is_inserted_as_the_video(tmp_path, video):
    path = video('mjpeg', 5, 6)
    link = tmp_path / 'link.avi'
    link.symlink_to('video.avi')
    with new(tmp_path / 's', 'mjpeg') as store:
        store.insert_chunk(link, [5, 6], [5, 6])
    assert path.exists()
    assert not link.is_symlink()
    check(tmp_path / 's', [5, 6])


@pytest.mark.parametrize(
    ('numbers', 'times'),
    [
        ([5], [5, 6]),
        ([5, 6], [5]),
        ([5, 6, 7], [5, 6, 7]),
        ([5], [5]),
        ([], []),
        ([5, 1.5], [5, 6]),
        ([5, None], [5, 6]),
        ([5, float('nan')], [5, 6]),
        ([5, 6], [5, None]),
        ([5, 2**63], [5, 6]),
    ],
)
def test_mismatched_numbers_and_times_are_refused(tmp_path, video, numbers, times):
    """Numbers and times that do not fit the video raise an error, and the store does not change."""
    path = video('mjpeg', 5, 6)
    with new(tmp_path / 's', 'mjpeg') as store:
        add(store, 0)
        with pytest.raises(InvalidArgumentError):
            store.insert_chunk(path, numbers, times)
        assert path.exists()
        assert (store.frame_count, store.chunks) == (1, [0])
        add(store, 1)
        assert store.chunks == [0]
        store.insert_chunk(path, [5, 6], [5, 6])
    check(tmp_path / 's', [0, 1, 5, 6])


def test_unsuitable_video_is_refused_without_changes(tmp_path, video):
    """A file that is not a suitable video is refused, and nothing changes."""
    (tmp_path / 'folder.avi').mkdir()
    (tmp_path / 'text.avi').write_text('this is no video')
    (tmp_path / 'nothing.avi').write_bytes(b'')
    mp4 = video('avc1/mp4', 5, 6)
    with new(tmp_path / 's', 'mjpeg') as store:
        missing, folder, text, empty = (tmp_path / f'{name}.avi' for name in ('none', 'folder', 'text', 'nothing'))
        for path in (missing, folder, text, empty, mp4, '', 5, 'a\0.avi'):
            with pytest.raises(InvalidArgumentError):
                store.insert_chunk(path, [5, 6], [5, 6])
        assert files(tmp_path / 's') == ['.lock', 'metadata.yaml']
    assert mp4.exists()


def test_only_a_writer_of_videos_inserts_chunks(tmp_path, video):
    record(tmp_path / 's', 'mjpeg')
    path = video('mjpeg', 5, 6)
    with new_for_filename(tmp_path / 's') as reader, pytest.raises(StoreModeError):
        reader.insert_chunk(path, [5, 6], [5, 6])
    store = new(tmp_path / 'w', 'mjpeg')
    store.close()
    with pytest.raises(StoreClosedError):
        store.insert_chunk(path, [5, 6], [5, 6])
    assert path.exists()
