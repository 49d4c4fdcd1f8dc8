"""A damaged journal costs no frame: sound entries are read, frames without an entry are estimated and reported."""

import shutil
import struct
import warnings
import zlib
from importlib import import_module

import pytest

import imgstore
from imgstore import new_for_filename
from imgstore.errors import DamagedJournalWarning
from imgstore.ondisk.journal import Journal
from imgstore.ondisk.journal_reading import fill_in, read_journal

from ..helpers.frames import index_in
from ..helpers.killed_stores import COUNT, PLAIN, VIDEO, content, killed

FRAMES = [(900 + 7 * index, index / 8) for index in range(6)]


def record(index, first):
    number, time = FRAMES[index]
    return f'{{"v": {index}, "frame_time": {time}, "frame_number": {number}, "frame_index": {first + index}}}'


def entry(kind, data):
    head = struct.pack('<BI', kind, len(data)) + data
    return head + struct.pack('<I', zlib.crc32(head))


def old_journal(path, records):
    """As versions before wrote it."""
    data = b'imgstore journal 1\n'
    for index, frame in enumerate(FRAMES):
        data += entry(1, struct.pack('<qd', *frame))
        data += entry(2, record(index, 40).encode()) if index in records else b''
    path.write_bytes(data)


def new_journal(path, records):
    journal = Journal(str(path))
    for index, frame in enumerate(FRAMES):
        with journal.frames([frame]):
            pass
        if index in records:
            journal.add_record(record(index, 40))
    journal.close()


RECORDS = {'none': (), 'each': range(6), 'some': (0, 3, 4)}
JOURNALS = {'old': old_journal, 'new': new_journal}


@pytest.mark.exhaustive
@pytest.mark.parametrize('records', RECORDS)
@pytest.mark.parametrize('version', JOURNALS)
def test_journal_with_flipped_bit_keeps_all_but_last_frame(tmp_path, version, records):
    """A journal with any bit flipped still lists all frames except perhaps the last one."""
    path = tmp_path / 'journal'
    JOURNALS[version](path, RECORDS[records])
    whole = path.read_bytes()
    assert read_journal(str(path)).estimated == ()
    for bit in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.unlink()  # as ext4 waits for the disk where a file is cut off and written again
        path.write_bytes(damaged)
        found = read_journal(str(path))
        frames = list(zip(found.numbers.tolist(), found.times.tolist(), strict=True))
        assert len(frames) >= len(FRAMES) - 1, bit
        assert frames == FRAMES[: len(frames)], bit  # an even pace, so that an estimate is exact
        assert len(found.estimated) <= 1
        assert len(found.records) >= len(RECORDS[records]) - 1
        assert found.is_damaged or len(frames) < len(FRAMES) or len(found.records) < len(RECORDS[records])


@pytest.mark.parametrize('version', JOURNALS)
@pytest.mark.parametrize(('at', 'length'), [(30, 40), (19, 26), (60, 70), (0, 60), (32, 3)])
def test_a_hole_in_a_journal_costs_no_frame_behind_it(tmp_path, version, at, length):
    path = tmp_path / 'journal'
    JOURNALS[version](path, ())
    whole = path.read_bytes()
    path.write_bytes(whole[:at] + b'\xa5' * length + whole[at + length :])
    found = read_journal(str(path))
    assert list(zip(found.numbers.tolist(), found.times.tolist(), strict=True)) == FRAMES
    assert found.is_damaged


def test_a_record_tells_what_the_damaged_entry_of_its_frame_did(tmp_path):
    path = tmp_path / 'journal'
    uneven = [(5, 0.0), (6, 0.1), (990, 7.7), (991, 7.8)]
    journal = Journal(str(path))
    for index, frame in enumerate(uneven):
        with journal.frames([frame]):
            pass
        journal.add_record(f'{{"frame_time": {frame[1]}, "frame_number": {frame[0]}, "frame_index": {70 + index}}}')
    journal.close()
    data = bytearray(path.read_bytes())
    data[data.index(struct.pack('<q', 990))] ^= 1
    path.write_bytes(data)
    found = read_journal(str(path))
    assert (found.numbers.tolist(), found.estimated) == ([5, 6, 990, 991], ())
    assert found.is_damaged


def test_missing_frames_are_interpolated_or_extrapolated():
    """Missing entries are interpolated between neighbours and extrapolated at the usual pace."""
    frames = {1: (10, 1.0), 2: (20, 2.0), 5: (110, 8.0)}
    assert fill_in(frames, 7) == (0, 3, 4, 6)
    assert [frames[index] for index in range(7)] == [
        (0, 0.0),
        (10, 1.0),
        (20, 2.0),
        (50, 4.0),
        (80, 6.0),
        (110, 8.0),
        (120, 9.0),
    ]
    assert fill_in({0: (2**63 - 1, 0.0)}, 2) == (1,)


def test_journal_with_huge_frame_index_takes_no_memory(tmp_path):
    """A journal that claims a frame at a huge index takes no memory."""
    path = tmp_path / 'journal'
    new_journal(path, ())
    path.write_bytes(path.read_bytes() + entry(3, struct.pack('<Qqd', 2**50, 1, 0)))
    assert len(read_journal(str(path)).numbers) == len(FRAMES)


def test_a_journal_of_beginnings_alone_takes_no_long_time(tmp_path):
    path = tmp_path / 'journal'
    size = 2**20
    path.write_bytes(b'imgstore journal 2\n' + b'\2\0\0\x0f\0{' * (size // 6))
    assert read_journal(str(path)).records == []


# --- a store with it


@pytest.fixture(params=['png', 'npy', *VIDEO])
def left(request, tmp_path):
    """A killed writer's store, of which one chunk of three is open, and the journal of that."""
    path = killed(tmp_path, request.param)
    return path, next(path.glob('.*.journal'))


def damage(journal, place, bit=4):
    data = bytearray(journal.read_bytes())
    data[place] ^= bit
    journal.write_bytes(data)


def check_whole(path, count=COUNT):
    with new_for_filename(path) as store:
        metadata = store.get_frame_metadata()
        assert metadata['frame_number'] == list(range(100, 100 + count))
        assert metadata['frame_time'] == pytest.approx([index / 10 for index in range(count)])
        assert [index_in(store.get_next_image()[0]) for _ in range(count)] == list(range(count))


def test_damaged_journal_entry_costs_no_frame(tmp_path, left):
    """A damaged journal entry costs no frame, causes a warning and appears in the repair report."""
    path, journal = left
    journal.write_bytes(journal.read_bytes().replace(b'"frame_number": 115', b'"frame_number": 1!5'))
    damage(journal, journal.read_bytes().index(struct.pack('<q', 115)))
    before = content(path)
    with pytest.warns(DamagedJournalWarning) as seen:
        check_whole(path)
    assert [getattr(warning.message, 'chunk', None) for warning in seen] == [2]
    assert [getattr(warning.message, 'frames', None) for warning in seen] == [(1,)]
    assert content(path) == before
    report = imgstore.repair(path)
    assert report.chunks[0].estimated_indexes == (1,)
    assert 'the journal is damaged' in str(report)
    assert '#115' in str(report)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        check_whole(path)


def test_repair_keeps_frames_whose_entries_at_the_end_are_gone(tmp_path, left):
    path, journal = left
    at = journal.read_bytes().index(struct.pack('<q', 115))
    journal.write_bytes(journal.read_bytes()[:at])
    report = imgstore.repair(path)
    assert report.chunks[0].estimated_indexes == (1, 2)
    check_whole(path)


@pytest.mark.parametrize('fmt', ['png', 'avc1/mp4'])
@pytest.mark.exhaustive
def test_repair_with_any_journal_byte_changed_keeps_frames(tmp_path, fmt):
    """A repair loses no frame, whichever byte of the journal is changed."""
    path = killed(tmp_path, fmt, 16)  # two frames in the open chunk
    name = next(path.glob('.*.journal')).name
    for place in range((path / name).stat().st_size):
        copy = tmp_path / 'copy'
        shutil.copytree(path, copy)
        damage(copy / name, place, 0x5A)
        imgstore.repair(copy)
        check_whole(copy, 16)
        shutil.rmtree(copy)


def test_repaired_video_replaces_original_only_if_equal(tmp_path, monkeypatch):
    """A repaired video replaces the original only if it is an exact copy."""
    path = killed(tmp_path, 'avc1/mp4')
    source = next(path.glob('.*.mp4'))
    before = source.read_bytes()
    remux = import_module('imgstore.maintenance.repair').remux

    def damaging(old, new, frames, fps):
        remux(old, new, frames, fps)
        with open(new, 'r+b') as file:
            file.seek(len(before) // 2)
            file.write(b'\0' * 20)

    monkeypatch.setattr('imgstore.maintenance.repair.remux', damaging)
    imgstore.repair(path)
    assert (path / '000002.mp4').read_bytes() == before
    check_whole(path)


@pytest.mark.parametrize('fmt', PLAIN)
def test_journal_of_older_version_is_read_and_repaired(tmp_path, fmt):
    """A store whose journal was written by an older version is read and repaired."""
    path = killed(tmp_path, fmt)
    journal = next(path.glob('.*.journal'))
    found = read_journal(str(journal))
    data = b'imgstore journal 1\n'
    for number, time, record in zip(found.numbers.tolist(), found.times.tolist(), found.records, strict=True):
        data += entry(1, struct.pack('<qd', number, time)) + entry(2, record.encode())
    journal.write_bytes(data)
    for _ in range(2):
        check_whole(path)
        imgstore.repair(path)
