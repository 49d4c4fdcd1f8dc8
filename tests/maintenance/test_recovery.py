"""What a killed writer leaves: its open chunk is read, nothing on disk changes by that, and `repair` completes it."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

import imgstore
from imgstore import new_for_filename, new_for_format
from imgstore.apps.dispatch import main as dispatch
from imgstore.errors import (
    FrameReadError,
    InvalidArgumentError,
    LockTakenOverWarning,
    StoreIOError,
    StoreLockedError,
    StoreNotFoundError,
)
from imgstore.ondisk.journal import Journal
from imgstore.ondisk.journal_reading import read_journal
from imgstore.ondisk.layout import Layout
from imgstore.overview import overview

from ..helpers.checked import not_none
from ..helpers.format_table import ROWS
from ..helpers.frames import index_in, numbered
from ..helpers.killed_stores import COUNT, PLAIN, SHAPE, VIDEO, content, fill, killed
from ..helpers.kills import environment
from ..helpers.raised import raises

pytestmark = pytest.mark.process


def check(path, count, records=None):
    with new_for_filename(path) as store:
        expected = list(range(count))
        assert store.frame_count == count
        metadata = store.get_frame_metadata()
        assert metadata['frame_number'] == [100 + index for index in expected]
        assert metadata['frame_time'] == pytest.approx([index / 10 for index in expected])
        assert [index_in(store.get_next_image()[0]) for _ in expected] == expected
        assert [index_in(store.get_image(100 + index)[0]) for index in reversed(expected)] == expected[::-1]
        data = not_none(store.get_extra_data())
        assert data['seen'].tolist() == data['frame_index'].tolist() == list(range(records or count))
        assert store.has_extra_data


@pytest.mark.parametrize('fmt', PLAIN)
def test_killed_writers_data_is_read_without_changes(tmp_path, fmt):
    """The frames and records of a killed writer are readable, and reading changes nothing."""
    path = killed(tmp_path, fmt)
    before = content(path)
    check(path, COUNT, COUNT)
    assert content(path) == before


@pytest.mark.parametrize('fmt', PLAIN)
@pytest.mark.parametrize('count', [1, 7, 8, 14])
def test_repair_completes_a_store_for_good(tmp_path, fmt, count):
    path = killed(tmp_path, fmt, count)
    before = content(path)
    planned = imgstore.repair(path, dry_run=True)
    assert content(path) == before
    report = imgstore.repair(path)
    assert (planned.chunks, planned.removed) == (report.chunks, report.removed)
    (chunk,) = report.chunks
    assert (chunk.frame_numbers[-1], chunk.lost, chunk.estimated) == (99 + count, [], False)
    assert str(report).startswith(str(path))
    assert str(chunk) in str(report)
    assert not [name for name in content(path) if os.path.basename(name).startswith('.')]
    check(path, count)
    assert not imgstore.repair(path)


@pytest.mark.parametrize('fmt', VIDEO)
def test_the_empty_video_of_a_killed_writer_is_removed(tmp_path, fmt):
    """It was killed as it began a chunk."""
    fill(tmp_path / 's', fmt, 7).close()
    video = tmp_path / 's' / f'.000001.open{ROWS[fmt].extension}'
    video.touch()
    assert imgstore.repair(tmp_path / 's')
    assert not video.exists()
    assert overview(tmp_path / 's').health.good
    assert not imgstore.repair(tmp_path / 's')


def test_an_overview_names_the_records_of_an_incomplete_chunk(tmp_path):
    found = overview(killed(tmp_path, 'npy', 3))
    assert (found.extra_data_columns, found.extra_data_files) == (('seen',), 1)


@pytest.mark.parametrize('backend', ['opencv', 'pyav'])
def test_what_a_killed_writer_wrote_is_read_by_each_backend(tmp_path, backend):
    path = killed(tmp_path, 'mjpeg/avi')
    with new_for_filename(path, backend=backend) as store:
        assert [index_in(store.get_image(100 + index)[0]) for index in (16, 3, 14)] == [16, 3, 14]


WRITER = """
import os, signal, sys
from imgstore.tests.helpers.killed_stores import fill
store = fill(sys.argv[2], sys.argv[1], workers=0)
print('ready', flush=True)
{then}
"""


def run_writer(tmp_path, fmt, then, end):
    script = WRITER.format(then=then).replace('imgstore.tests', __package__.rpartition('.')[0])
    process = subprocess.Popen(
        [sys.executable, '-c', script, fmt, str(tmp_path / 's')],
        env=environment(),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert not_none(process.stdout).readline() == 'ready\n'
    if end is not None:
        process.send_signal(end)
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors


@pytest.mark.parametrize('fmt', ['png', 'npy', *VIDEO])
@pytest.mark.once
def test_a_process_that_is_killed_loses_no_frame(tmp_path, fmt):
    code, _ = run_writer(tmp_path, fmt, 'signal.pause()', signal.SIGKILL)
    assert code == -signal.SIGKILL
    check(tmp_path / 's', COUNT, COUNT)
    imgstore.repair(tmp_path / 's')
    check(tmp_path / 's', COUNT, COUNT)


@pytest.mark.parametrize('fmt', ['png', *VIDEO])
@pytest.mark.parametrize(('end', 'code'), [(signal.SIGTERM, 128 + signal.SIGTERM), (signal.SIGINT, -signal.SIGINT)])
@pytest.mark.once
def test_sigterm_and_ctrl_c_complete_the_store(tmp_path, fmt, end, code):
    assert run_writer(tmp_path, fmt, 'signal.pause()', end)[0] == code
    assert not [name for name in content(tmp_path / 's') if os.path.basename(name).startswith('.')]
    check(tmp_path / 's', COUNT)


@pytest.fixture
def no_handler():
    """SIGTERM as it is in a program that does nothing about it, as imgstore-test does."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures('no_handler')
def test_sigterm_handler_is_set_only_while_writing(tmp_path):
    """SIGTERM is left alone if the program handles it or no store is being written."""

    def own(number, frame):
        pass

    first, second = (fill(tmp_path / name, 'npy', 1) for name in 'ab')
    first.close()
    assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    second.close()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    signal.signal(signal.SIGTERM, own)
    with fill(tmp_path / 'c', 'npy', 1):
        assert signal.getsignal(signal.SIGTERM) is own
    assert signal.getsignal(signal.SIGTERM) is own


# --- the journal


def test_journal_cut_at_any_byte_gives_complete_entries(tmp_path):
    """From a journal that is cut at any byte, the reader takes all complete entries."""
    path = str(tmp_path / 'journal')
    journal = Journal(path)
    with journal.frames([(5, 0.5)]):
        pass
    journal.add_record('{"a": 1}')
    with journal.frames([(-7, float('nan')), (8, 0.8)]):
        pass
    journal.close()
    whole = (tmp_path / 'journal').read_bytes()
    seen = []
    for length in range(len(whole) + 1):
        (tmp_path / 'journal').write_bytes(whole[:length])
        found = read_journal(path)
        seen.append((found.numbers.tolist(), len(found.records)))
    assert [entry for entry, before in zip(seen, [None, *seen], strict=False) if entry != before] == [
        ([], 0),
        ([5], 0),
        ([5], 1),
        ([5, -7], 1),
        ([5, -7, 8], 1),
    ]


def test_a_journal_with_any_byte_changed_tells_nothing_wrong(tmp_path):
    path = str(tmp_path / 'journal')
    journal = Journal(path)
    with journal.frames([(number, number / 10) for number in range(4)]):
        pass
    journal.close()
    whole = (tmp_path / 'journal').read_bytes()
    for place in range(len(whole)):
        (tmp_path / 'journal').write_bytes(whole[:place] + bytes([whole[place] ^ 0x5A]) + whole[place + 1 :])
        found = read_journal(path)
        assert found.numbers.tolist() == list(range(len(found.numbers)))
        assert found.times.tolist() == pytest.approx([number / 10 for number in range(len(found.numbers))])


@pytest.mark.parametrize('fmt', ['npy', 'avc1/mp4'])
def test_of_journal_and_frames_the_shorter_counts(tmp_path, fmt):
    path = killed(tmp_path, fmt)
    journal = next(path.glob('.*.journal'))
    journal.write_bytes(journal.read_bytes()[:-160])
    with new_for_filename(path) as store:
        assert 14 < store.frame_count < COUNT
        assert [index_in(store.get_next_image()[0]) for _ in range(store.frame_count)] == list(range(store.frame_count))


@pytest.mark.parametrize('fmt', ['png', 'npy'])
def test_an_image_that_is_torn_is_no_frame_of_the_open_chunk(tmp_path, fmt):
    path = killed(tmp_path, fmt)
    last = path / '000002' / f'000002.{fmt}'
    last.write_bytes(last.read_bytes()[:-200])
    check(path, COUNT - 1, COUNT)
    report = imgstore.repair(path)
    assert report.chunks[0].lost == [99 + COUNT]
    check(path, COUNT - 1, COUNT)


@pytest.mark.parametrize('fmt', VIDEO)
def test_a_video_that_is_torn_gives_the_frames_before(tmp_path, fmt):
    path = killed(tmp_path, fmt)
    video = next(path.glob('.000002.open.[am]*'))
    whole = video.read_bytes()
    for cut in (1, 50, 500):
        video.write_bytes(whole[:-cut])
        with new_for_filename(path) as store:
            assert 14 <= store.frame_count <= COUNT
            found = dict(readable(store))
            assert all(index == number for index, number in found.items())
            # the frame after the torn one is in a file of its own, and decoded if it is a keyframe
            torn = {15} if fmt == 'h264-lossless/mp4' else set()
            assert {*range(store.frame_count)} - {*found} == torn


def readable(store):
    for index in range(store.frame_count):
        with contextlib.suppress(FrameReadError):
            yield index, index_in(store.get_image(None, frame_index=index)[0])


@pytest.mark.parametrize('fmt', ['npy', 'avc1/mp4'])
def test_without_journal_finished_chunks_are_safe(tmp_path, fmt):
    """Without a journal the finished chunks are safe, and a repair estimates the other frames."""
    path = killed(tmp_path, fmt, durability='chunk')
    assert not list(path.glob('.*.journal'))
    report = imgstore.repair(path)
    (chunk,) = report.chunks
    assert chunk.estimated
    assert 'estimated' in str(report)
    with new_for_filename(path) as store:
        assert [index_in(store.get_next_image()[0]) for _ in range(store.frame_count)] == list(range(COUNT))
        metadata = store.get_frame_metadata()
        assert metadata['frame_number'] == list(range(100, 100 + COUNT))
        assert np.all(np.diff(metadata['frame_time']) > 0)


@pytest.mark.parametrize('fmt', ['png', 'mjpeg/avi'])
def test_records_before_and_after_the_frames_are_kept(tmp_path, fmt):
    """Records before the first frame and after the last frame of a chunk are kept."""
    store = new_for_format(fmt, tmp_path / 'written', imgshape=SHAPE, chunksize=2, workers=0)
    store.add_extra_data(seen='early')
    shutil.copytree(tmp_path / 'written', tmp_path / 'early')
    for index in range(2):
        store.add_image(numbered(index, SHAPE), index, index)
    store.add_extra_data(seen='late')
    shutil.copytree(tmp_path / 'written', tmp_path / 'late')
    store.close()
    for name, seen in (('early', ['early']), ('late', ['early', 'late'])):
        for _ in range(2):
            with new_for_filename(tmp_path / name) as reader:
                assert not_none(reader.get_extra_data())['seen'].tolist() == seen
            imgstore.repair(tmp_path / name)


def test_records_of_an_inserted_video_are_kept(tmp_path):
    with new_for_format('mjpeg/avi', tmp_path / 'other', imgshape=SHAPE) as other:
        other.add_image(numbered(0, SHAPE), 0, 0)
    store = new_for_format('mjpeg/avi', tmp_path / 'written', imgshape=SHAPE, workers=0)
    store.insert_chunk(str(tmp_path / 'other' / '000000.avi'), [5], [5], move=False)
    store.add_extra_data(seen=1)
    shutil.copytree(tmp_path / 'written', tmp_path / 's')
    store.close()
    for _ in range(2):
        with new_for_filename(tmp_path / 's') as reader:
            assert not_none(reader.get_extra_data())['seen'].tolist() == [1]
            assert reader.get_image(5)[1] == (5, 5.0)
        imgstore.repair(tmp_path / 's')


@pytest.mark.parametrize('durability', ['frame', 'fsync', 'chunk'])
@pytest.mark.parametrize('fmt', ['png', 'avc1/mp4', 'h264/mkv', 'mjpeg/avi'])
def test_closed_store_is_same_for_any_durability(tmp_path, fmt, durability):
    """A closed store is the same for every durability setting."""
    fill(tmp_path / 's', fmt, durability=durability).close()
    check(tmp_path / 's', COUNT)
    assert not [name for name in content(tmp_path / 's') if '.open' in name]


def test_another_durability_is_refused(tmp_path):
    with raises(InvalidArgumentError, argument='durability'):
        new_for_format('npy', tmp_path / 's', imgshape=SHAPE, durability='always')
    assert not (tmp_path / 's').exists()


# --- repair


@pytest.mark.parametrize('fmt', PLAIN)
def test_of_a_killed_store_that_is_replaced_nothing_stays(tmp_path, fmt):
    path = killed(tmp_path, fmt)
    with pytest.warns(LockTakenOverWarning):
        new_for_format(fmt, path, imgshape=SHAPE, overwrite=True).close()
    fill(tmp_path / 'empty', fmt, 0).close()
    assert content(path).keys() == content(tmp_path / 'empty').keys()


def test_killed_before_first_frame_lacks_nothing(tmp_path):
    """A store whose writer was killed before its first frame lacks nothing."""
    for fmt in ('npy', 'avc1/mp4'):
        with fill(tmp_path / 'written' / fmt.replace('/', '-'), fmt, 0) as store:
            shutil.copytree(store.filename, tmp_path / 's')
        with new_for_filename(tmp_path / 's') as store:
            assert not store
        assert imgstore.repair(tmp_path / 's').removed == [str(tmp_path / 's' / '.lock')]
        assert (tmp_path / 's' / '000000.mp4').exists() is ('/' in fmt)  # the original opens it
        shutil.rmtree(tmp_path / 's')


def test_what_cannot_be_repaired_is_refused(tmp_path):
    with pytest.raises(StoreNotFoundError):
        imgstore.repair(tmp_path / 'none')
    with fill(tmp_path / 's', 'npy', 3), raises(StoreLockedError, file='.lock'):
        imgstore.repair(tmp_path / 's')
    assert not imgstore.repair(tmp_path / 's')
    assert 'nothing to repair' in str(imgstore.repair(tmp_path / 's'))


def test_a_damaged_index_is_kept_aside_and_made_anew(tmp_path):
    fill(tmp_path / 's', 'png').close()
    index = tmp_path / 's' / '000001' / 'index.npz'
    damaged = index.read_bytes()[:-30]
    index.write_bytes(damaged)
    report = imgstore.repair(tmp_path / 's')
    assert [chunk.number for chunk in report.chunks] == [1]
    assert (tmp_path / 's' / '000001' / 'index.npz.damaged').read_bytes() == damaged
    check(tmp_path / 's', COUNT)


def _break_last_video(path, how):
    """Leave the last chunk as a crash of imgstore 0.4 or of a disk may leave it."""
    video, index = path / '000002.avi', path / '000002.npz'
    if how == 'no video':
        video.unlink()
    else:
        index.write_bytes(b'damaged') if how == 'damaged' else index.unlink()
        video.write_bytes(b'' if how == 'empty' else b'no video')


@pytest.mark.parametrize(
    ('how', 'reason', 'next_step'),
    [
        ('empty', '000002.avi is empty (0 bytes)', 'nothing can be recovered'),
        ('unreadable', 'no frame of 000002.avi can be read', 'keep it'),
        ('damaged', 'no frame of 000002.avi can be read', 'keep it'),
        ('no video', 'it has no .avi video', 'restore'),
    ],
)
def test_repair_names_chunks_that_stay_unreadable(tmp_path, how, reason, next_step):
    path = tmp_path / 's'
    fill(path, 'mjpeg/avi').close()
    _break_last_video(path, how)
    before = content(path)
    report = imgstore.repair(path)
    assert not report
    assert content(path) == before
    (chunk,) = report.unreadable
    assert (chunk.number, chunk.path, chunk.reason) == (2, str(path / '000002.avi'), reason)
    assert chunk.next_step.startswith(next_step)
    assert str(report) == f'{path}: nothing to repair\n{chunk}'
    assert str(chunk) == f'chunk 2 stays unreadable: {reason}; {chunk.next_step}'


@pytest.mark.parametrize(('how', 'code'), [('no video', 1), ('intact', 0)])
def test_the_exit_code_shows_chunks_that_stay_unreadable(tmp_path, how, code):
    fill(tmp_path / 's', 'mjpeg/avi').close()
    if how != 'intact':
        _break_last_video(tmp_path / 's', how)
    assert dispatch(['repair', '--dry-run', str(tmp_path / 's')]) == code
    assert dispatch(['repair', str(tmp_path / 's')]) == code
    assert dispatch(['verify', str(tmp_path / 's')]) == code


def test_repair_names_image_folders_that_stay_unreadable(tmp_path):
    path = tmp_path / 's'
    fill(path, 'png').close()
    for name in ('index.npz', '000000.png'):
        (path / '000001' / name).unlink()
    (chunk,) = imgstore.repair(path).unreadable
    assert (chunk.number, chunk.path) == (1, str(path / '000001'))
    assert chunk.reason == '000001 has no readable image before the first missing one'


def test_repair_of_other_chunks_names_the_unreadable(tmp_path):
    path = killed(tmp_path, 'png')
    for file in (*path.glob('.000001.*'), path / '000001' / 'index.npz', path / '000001' / '000000.png'):
        file.unlink()
    report = imgstore.repair(path)
    assert [chunk.number for chunk in report.chunks] == [2]
    assert [chunk.number for chunk in report.unreadable] == [1]
    assert str(report).endswith(str(report.unreadable[0]))
    assert not imgstore.repair(path)


def test_an_intact_store_has_no_unreadable_chunks(tmp_path):
    fill(tmp_path / 's', 'mjpeg/avi').close()
    assert imgstore.repair(tmp_path / 's').unreadable == ()


def test_open_chunk_prevents_reindex_and_save_index(tmp_path):
    """A store with an open chunk is not reindexed, and its index is not saved."""
    path = killed(tmp_path, 'npy')
    before = content(path)
    with new_for_filename(path) as store:
        for change in (store.reindex, store.save_index):
            with raises(InvalidArgumentError, chunk=2):
                change()
    assert content(path) == before


@pytest.mark.parametrize('fmt', ['png', 'avc1/mp4'])
def test_repair_again_after_it_was_itself_interrupted(tmp_path, fmt, monkeypatch):
    path = killed(tmp_path, fmt)
    with monkeypatch.context() as patch:
        patch.setattr(
            'imgstore.maintenance.repair.write_chunk_index', lambda *args: (_ for _ in ()).throw(OSError('full'))
        )
        with raises(StoreIOError, store=str(path)):
            imgstore.repair(path)
    check(path, COUNT)
    imgstore.repair(path)
    check(path, COUNT)


def test_a_journal_lies_where_the_layout_says(tmp_path):
    with fill(tmp_path / 's', 'png', 1, workers=0):
        assert os.path.isfile(Layout(str(tmp_path / 's'), '.png', True).journal(0))
