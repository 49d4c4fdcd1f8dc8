"""What is put on the disk, and in what order: seen by the calls that wait for it."""

import os
import threading
import time

import numpy as np
import pytest

import imgstore
from imgstore import new_for_filename, new_for_format
from imgstore.errors import ChunkSkippedWarning, FrameWriteError

from ..helpers.calls import SHAPE, names, places, record
from ..helpers.checked import not_none
from ..helpers.killed_stores import killed
from ..helpers.raised import raises, warns
from ..helpers.spying import spy

VIDEOS = {'avc1/mp4': '.mp4', 'h264/mkv': '.mkv', 'mjpeg/avi': '.avi'}


@pytest.mark.parametrize('durability', ['chunk', 'frame', 'fsync'])
def test_a_new_store_is_on_the_disk_with_its_folders(tmp_path, calls, durability):
    store = new_for_format('npy', tmp_path / 'a' / 'b' / 's', imgshape=SHAPE, durability=durability)
    content, name = places(calls, 'fsync', 'a/b/s/.metadata.open.yaml'), places(calls, 'replace', 'a/b/s/metadata.yaml')
    assert content[0] < name[0] < places(calls, 'fsync', 'a/b/s')[-1]
    assert {'.', 'a', 'a/b'} <= set(names(calls, 'fsync'))
    store.close()


@pytest.mark.parametrize('fmt', ['npy', *VIDEOS])
def test_fsync_returns_with_frame_and_record_on_disk(tmp_path, calls, fmt):
    """With durability 'fsync', a frame and its record are on the disk when the calls return."""
    with new_for_format(fmt, tmp_path / 's', imgshape=SHAPE, durability='fsync', workers=0) as store:
        for index in range(3):
            del calls[:]
            store.add_image(np.full(SHAPE, index, np.uint8), index, index)
            synced = names(calls, 'fsync')
            media = f's/000000/{index:06d}.npy' if fmt == 'npy' else f's/.000000.open{VIDEOS[fmt]}'
            assert media in synced
            assert synced.index('s/.000000.open.journal') < synced.index(media)
            assert fmt != 'npy' or 's/000000' in synced
            assert fmt != 'avc1/mp4' or {'s/.000000.open.tail0', 's/.000000.open.tail1'} <= set(synced)
            assert index or synced.index(media) < len(synced) - 1 - synced[::-1].index('s')  # its name
            del calls[:]
            store.add_extra_data(v=index)
            assert names(calls, 'fsync') == ['s/.000000.open.journal']


def test_fsync_puts_early_record_and_journal_name_on_disk(tmp_path, calls):
    """With durability 'fsync', a record before the first frame is on the disk with its journal's name."""
    with new_for_format('npy', tmp_path / 's', imgshape=SHAPE, durability='fsync', workers=0) as store:
        del calls[:]
        store.add_extra_data(v=0)
        assert sorted(names(calls, 'fsync')) == ['s', 's/.000000.open.journal']


@pytest.mark.parametrize('fmt', ['npy', *VIDEOS])
@pytest.mark.parametrize('durability', ['frame', 'chunk'])
def test_without_fsync_no_frame_waits_for_the_disk(tmp_path, calls, fmt, durability):
    with new_for_format(fmt, tmp_path / 's', imgshape=SHAPE, durability=durability, workers=0) as store:
        del calls[:]
        for index in range(5):
            store.add_image(np.full(SHAPE, index, np.uint8), index, index)
            store.add_extra_data(v=index)
        assert names(calls, 'fsync') == []


@pytest.mark.parametrize('fmt', ['npy', *VIDEOS])
@pytest.mark.parametrize('durability', ['chunk', 'frame', 'fsync'])
def test_a_journal_goes_when_its_complete_chunk_is_on_the_disk(tmp_path, calls, fmt, durability):
    record(tmp_path / 's', fmt, durability)
    for chunk in ('000000', '000001', '000002'):
        stem = f's/{chunk}/index' if fmt == 'npy' else f's/{chunk}'
        gone = places(calls, 'unlink', f's/.{chunk}.open.complete')
        assert len(gone) == 1
        media = [] if fmt == 'npy' else [f's/{chunk}{VIDEOS[fmt]}']
        for path in [f'{stem}.npz', f'{stem}.extra.json', *media]:
            renamed = places(calls, 'replace', path)
            synced = [place for place in places(calls, 'fsync', path) if place > renamed[-1]]
            assert synced, path
            assert synced[0] < gone[0]
        last = max(place for place in places(calls, 'replace', f'{stem}.npz'))
        assert any(last < place < gone[0] for place in places(calls, 'fsync', 's'))


@pytest.mark.parametrize('durability', ['chunk', 'frame'])
def test_without_fsync_chunks_are_synced_once_by_a_thread(tmp_path, calls, durability):
    """Without durability 'fsync', another thread syncs each chunk once."""
    record(tmp_path / 's', 'mjpeg/avi', durability)
    by_others = [path for name, path, thread in calls if name == 'fsync' and thread == 'imgstore sync']
    own = [path for name, path, thread in calls if name == 'fsync' and thread != 'imgstore sync']
    assert sorted(path for path in by_others if path.endswith('.avi')) == [f's/00000{chunk}.avi' for chunk in range(3)]
    assert set(own) == {'.', 's', 's/.metadata.open.yaml'}


def test_many_small_chunks_are_synced_together(tmp_path, monkeypatch):
    together: list[str] = []
    first = threading.Event()

    def slow(layout, number):
        first.wait(5)

    monkeypatch.setattr('imgstore.writing.completing.sync_chunk', slow)
    monkeypatch.setattr('imgstore.writing.completing.sync_file_system', spy(lambda folder: True, together.append))
    with new_for_format('npy', tmp_path / 's', imgshape=SHAPE, chunksize=1) as store:
        for index in range(10):
            store.add_image(np.full(SHAPE, index, np.uint8), index, index)
        first.set()
    assert together == [str(tmp_path / 's')]
    assert not list((tmp_path / 's').glob('.*'))


@pytest.mark.parametrize('durability', ['chunk', 'frame'])
@pytest.mark.parametrize('fmt', ['npy', 'mjpeg/avi'])
def test_torn_files_are_announced_before_they_appear(tmp_path, fmt, durability, monkeypatch):
    """The writer announces files that may be torn before they appear."""
    replace, announced, renamed = os.replace, [], []

    def noted(source, target):
        if os.fspath(target).endswith(('.npz', '.extra.json')):
            announced.append([path.name for path in (tmp_path / 's').glob('.*.open.*')])
        renamed.append(os.path.basename(target))
        replace(source, target)

    monkeypatch.setattr(os, 'replace', noted)
    record(tmp_path / 's', fmt, durability)
    assert {f'.00000{chunk}.open.complete' for chunk in range(3)} <= set(renamed)
    assert len(announced) == 6
    for number, there in enumerate(announced):
        assert f'.00000{number // 2}.open.complete' in there


@pytest.mark.parametrize('durability', ['chunk', 'frame', 'fsync'])
def test_a_later_record_of_an_inserted_chunk_never_leaves_it_without_an_index(tmp_path, calls, durability):
    """The index gets the checksum of the record before the record counts, and is on the disk before it does."""
    record(tmp_path / 'other', 'mjpeg/avi', 'frame', 3)
    with new_for_format('mjpeg/avi', tmp_path / 's', imgshape=SHAPE, durability=durability) as store:
        store.insert_chunk(tmp_path / 'other' / '000000.avi', range(3), range(3))
        store.add_extra_data(v=1)
    first, second = places(calls, 'replace', 's/000000.npz')
    journals = {'chunk': 1, 'frame': 3, 'fsync': 2}[durability]  # announced, complete, and complete with the record
    assert len(places(calls, 'replace', 's/.000000.open.complete')) == journals
    (records,) = places(calls, 'replace', 's/000000.extra.json')
    assert first < places(calls, 'fsync', 's/.000000.open.npz')[-1] < second < records
    assert places(calls, 'fsync', 's/.000000.extra.open.json')[0] < records


def test_mp4_is_on_disk_before_it_is_marked_closed(tmp_path, calls):
    """An MP4 file is on the disk before its beginning says that it is closed."""
    record(tmp_path / 's', 'avc1/mp4', 'fsync', 3)
    closing = calls[: places(calls, 'replace', 's/000000.mp4')[0]]
    last_frame = places(closing, 'fsync', 's/.000000.open.tail1')[-1]
    assert [path for name, path, _ in closing[last_frame:] if path.endswith('.mp4')] == ['s/.000000.open.mp4'] * 2
    assert places(calls, 'unlink', 's/.000000.open.tail0')[0] > len(closing)


@pytest.mark.slow
def test_a_slow_disk_does_not_keep_a_caller_waiting(tmp_path, monkeypatch):
    monkeypatch.setattr(os, 'fsync', spy(os.fsync, lambda descriptor: time.sleep(0.3)))
    with new_for_format('mjpeg/avi', tmp_path / 's', imgshape=SHAPE, chunksize=2, workers=0) as store:
        begun = time.monotonic()
        for index in range(7):
            store.add_image(np.full(SHAPE, index, np.uint8), index, index)
        assert time.monotonic() - begun < 0.6


def test_chunk_that_cannot_be_synced_keeps_journal(tmp_path, monkeypatch):
    """A chunk that cannot be synced keeps its journal, and close raises the error."""
    store = new_for_format('mjpeg/avi', tmp_path / 's', imgshape=SHAPE, chunksize=2, workers=0)

    def fail(layout, number):
        raise OSError(5, 'Input/output error')

    monkeypatch.setattr('imgstore.writing.completing.sync_chunk', fail)
    for index in range(3):
        store.add_image(np.full(SHAPE, index, np.uint8), index, index)
    monkeypatch.setattr('imgstore.writing.completing.sync_file_system', lambda folder: False)
    with raises(FrameWriteError, store=str(tmp_path / 's')):
        store.close()
    assert sorted(path.name for path in (tmp_path / 's').glob('.*')) == [
        '.000000.open.complete',
        '.000001.open.complete',
    ]
    monkeypatch.undo()
    assert new_for_filename(tmp_path / 's').frame_count == 3
    imgstore.repair(tmp_path / 's')
    assert not list((tmp_path / 's').glob('.*'))


@pytest.mark.parametrize('fmt', ['npy', *VIDEOS])
def test_repair_syncs_what_it_made_before_it_removes_anything(tmp_path, calls, fmt):
    path = killed(tmp_path, fmt)
    del calls[:]
    imgstore.repair(path)
    stem = 's/000002/index' if fmt == 'npy' else 's/000002'
    gone = places(calls, 'unlink', 's/.000002.open.journal')[0]
    for made in [f'{stem}.npz', f'{stem}.extra.json', 's/000002.mp4' if fmt == 'avc1/mp4' else f'{stem}.npz']:
        renamed = places(calls, 'replace', made)[-1]
        assert any(renamed < place < gone for place in places(calls, 'fsync', made))
    if fmt != 'npy':
        video = f's/.000002.open{VIDEOS[fmt]}'
        copied = places(calls, 'fsync', f's/.000002.repaired.open{VIDEOS[fmt]}')[0]
        placed = places(calls, 'replace', f's/000002{VIDEOS[fmt]}')[0]
        listed = next(place for place in places(calls, 'fsync', 's') if place > placed)
        assert copied < placed < listed < places(calls, 'unlink', video)[0]


# --- what a power cut leaves of a chunk that was not on the disk yet


@pytest.mark.parametrize('torn', ['index', 'records', 'both'])
@pytest.mark.parametrize('fmt', ['npy', *VIDEOS])
def test_journal_repairs_chunk_with_torn_index_or_records(tmp_path, fmt, torn, monkeypatch):
    """A chunk with a torn index or torn records is read and repaired with its journal."""
    with monkeypatch.context() as patch:
        patch.setattr('imgstore.writing.completing.remove_if_there', lambda path: None)
        record(tmp_path / 's', fmt, 'frame')
    stem = tmp_path / 's' / ('000001/index' if fmt == 'npy' else '000001')
    for extension in {'index': ['.npz'], 'records': ['.extra.json'], 'both': ['.npz', '.extra.json']}[torn]:
        stem.with_name(stem.name + extension).write_bytes(b'')
    for _ in range(2):
        with new_for_filename(tmp_path / 's') as store:
            assert store.get_frame_metadata()['frame_number'] == list(range(7))
            assert not_none(store.get_extra_data())['v'].tolist() == list(range(7))
            assert [round(store.get_next_image()[0].mean()) for _ in range(7)] == pytest.approx(range(7), abs=2)
        imgstore.repair(tmp_path / 's')
    assert not [name for name in os.listdir(tmp_path / 's') if name.startswith('.')]


@pytest.mark.parametrize('fmt', ['npy', 'mjpeg/avi'])
def test_lost_records_cost_no_others(tmp_path, fmt, monkeypatch):
    """Records that are in neither the file nor the journal cost no other records."""
    with monkeypatch.context() as patch:
        patch.setattr('imgstore.writing.completing.remove_if_there', lambda path: None)
        record(tmp_path / 's', fmt, 'frame')
    stem = tmp_path / 's' / ('000001/index' if fmt == 'npy' else '000001')
    stem.with_name(stem.name + '.extra.json').write_bytes(b'')
    (tmp_path / 's' / '.000001.open.complete').write_bytes(b'')
    for _ in range(2):
        with new_for_filename(tmp_path / 's') as store:
            assert store.frame_count == 7
            assert not_none(store.get_extra_data())['v'].tolist() == [0, 1, 2, 6]
        imgstore.repair(tmp_path / 's')


def torn_store(path, fmt, monkeypatch, extensions):
    """A store of 'chunk', of whose chunk 1 these files were not on the disk when the power failed."""
    with monkeypatch.context() as patch:
        patch.setattr('imgstore.writing.completing.remove_if_there', lambda path: None)
        record(path, fmt, 'chunk')
    stem = path / ('000001/index' if fmt == 'npy' else '000001')
    for extension in extensions:
        torn = stem.with_name(stem.name + extension)
        torn.write_bytes(bytes(torn.stat().st_size))
    return path


@pytest.mark.parametrize('fmt', ['npy', *VIDEOS])
def test_with_chunk_torn_records_cost_no_others(tmp_path, fmt, monkeypatch):
    path = torn_store(tmp_path / 's', fmt, monkeypatch, ['.extra.json'])
    for _ in range(2):
        with new_for_filename(path) as store:
            assert store.get_frame_metadata()['frame_number'] == list(range(7))
            assert not_none(store.get_extra_data())['v'].tolist() == [0, 1, 2, 6]
        imgstore.repair(path)
    assert not list(path.glob('.*'))


@pytest.mark.parametrize('fmt', ['npy', *VIDEOS])
def test_chunk_durability_torn_index_awaits_repair(tmp_path, fmt, monkeypatch):
    """With durability 'chunk', a torn index hides its chunk until a repair estimates the index."""
    path = torn_store(tmp_path / 's', fmt, monkeypatch, ['.npz', '.extra.json'])
    with new_for_filename(path) as store:
        with warns(ChunkSkippedWarning, chunk=1):
            assert store.get_frame_metadata()['frame_number'] == [0, 1, 2, 6]
        assert not_none(store.get_extra_data())['v'].tolist() == [0, 1, 2, 6]
    report = imgstore.repair(path)
    assert [(chunk.number, chunk.frame_numbers) for chunk in report.chunks] == [(1, [3, 4, 5])]
    with new_for_filename(path) as store:
        assert store.get_frame_metadata()['frame_number'] == list(range(7))
        assert not_none(store.get_extra_data())['v'].tolist() == [0, 1, 2, 6]
    assert not list(path.glob('.*'))
