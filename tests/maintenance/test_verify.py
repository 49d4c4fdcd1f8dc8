"""Every frame is compared with its checksum, in every format, and no other file is touched."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import imgstore
from imgstore import new_for_filename, new_for_format
from imgstore.chunks import ChunkIO
from imgstore.errors import InvalidArgumentError, StoreLockedError, StoreNotFoundError, UnverifiedWarning
from imgstore.maintenance.verify_report import VerifyReport

from ..helpers.format_table import IMAGE_FORMATS, ROWS, VIDEO_FORMATS
from ..helpers.frames import index_in, numbered
from ..helpers.raised import raises
from ..helpers.unverified import forget_checksums

COUNT, CHUNKSIZE, FIRST = 12, 5, 100
SHAPE = (34, 96)


def record(path: Path, fmt: str) -> Path:
    with new_for_format(fmt, path, imgshape=SHAPE, chunksize=CHUNKSIZE) as store:
        for index in range(COUNT):
            store.add_image(numbered(index, SHAPE), FIRST + index, index / 8)
    return path


def contents(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob('*') if file.is_file()}


def flip(file: Path, place: float = 0.7) -> None:
    """Flip one bit of a file, near its end."""
    data = bytearray(file.read_bytes())
    data[int(len(data) * place)] ^= 4
    file.write_bytes(data)


def counts(report: VerifyReport) -> tuple[int, int, int, tuple[int, ...]]:
    return report.frames, report.verified, report.unverified, report.damaged


@pytest.mark.parametrize('fmt', [*IMAGE_FORMATS, *VIDEO_FORMATS])
def test_a_sound_store_is_verified_and_not_changed(fmt: str, tmp_path: Path) -> None:
    path = record(tmp_path / 's', fmt)
    before, told = contents(path), list[int]()
    report = imgstore.verify(path, progress=told.append)
    assert report
    assert counts(report) == (COUNT, COUNT, 0, ())
    assert told == [5, 5, 2]
    assert str(report) == f'{path}: 12 of 12 frames match their checksums'
    assert contents(path) == before


@pytest.mark.parametrize('fmt', IMAGE_FORMATS)
def test_a_flipped_bit_of_an_image_is_found(fmt: str, tmp_path: Path) -> None:
    path = record(tmp_path / 's', fmt)
    flip(path / '000001' / f'000002{ROWS[fmt].extension}')
    (path / '000002' / f'000000{ROWS[fmt].extension}').unlink()
    report = imgstore.verify(path)
    assert not report
    assert counts(report) == (COUNT, COUNT - 2, 0, (FIRST + 7, FIRST + 10))
    assert 'chunk 1: #107 damaged\nchunk 2: #110 damaged' in str(report)


@pytest.mark.parametrize('fmt', VIDEO_FORMATS)
def test_a_flipped_bit_of_a_packet_is_found(fmt: str, tmp_path: Path) -> None:
    path = record(tmp_path / 's', fmt)
    file = path / f'000001{ROWS[fmt].extension}'
    with av.open(file) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    sound = file.read_bytes()
    for index, packet in enumerate(packets):
        place = sound.index(packet) + len(packet) // 2
        file.write_bytes(sound[:place] + bytes([sound[place] ^ 4]) + sound[place + 1 :])
        assert imgstore.verify(path).damaged == (FIRST + 5 + index,)


def test_a_missing_or_unreadable_video_is_named(tmp_path: Path) -> None:
    path = record(tmp_path / 's', 'avc1/mp4')
    (path / '000000.mp4').write_bytes(b'')
    (path / '000002.npz').write_bytes(b'PK')
    report = imgstore.verify(path)
    assert not report
    assert counts(report) == (10, 5, 0, tuple(range(FIRST, FIRST + 5)))
    assert '000000.mp4' in report.chunks[0].problem
    assert '000002.npz' in report.chunks[2].problem


def test_a_lost_video_of_a_complete_chunk_is_damage(tmp_path: Path) -> None:
    path = record(tmp_path / 's', 'avc1/mp4')
    (path / '000001.mp4').unlink()
    report = imgstore.verify(path)
    assert (bool(report), report.incomplete, counts(report)) == (False, (), (7, 7, 0, ()))
    assert report.unreadable == imgstore.repair(path).unreadable
    assert [chunk.number for chunk in report.unreadable] == [1]
    assert str(report).endswith('it has no .mp4 video; restore the video from a backup')


def test_a_chunk_that_a_repair_completes_is_no_damage(tmp_path: Path) -> None:
    path = record(tmp_path / 's', 'mjpeg/avi')
    for name in ('000000.avi', '000002.npz'):
        (path / name).unlink()
    report = imgstore.verify(path)
    assert (report.incomplete, [chunk.number for chunk in report.unreadable]) == ((2,), [0])
    assert 'chunk 2: incomplete, and not compared; repair the store first' in str(report)


def test_damaged_records_are_named(tmp_path: Path) -> None:
    path = tmp_path / 's'
    with new_for_format('npy', path, imgshape=SHAPE) as store:
        store.add_image(numbered(0, SHAPE), 0, 0.0)
        store.add_extra_data(valve=1)
    (path / '000000' / 'index.extra.json').write_text('[{"valve": 1')
    report = imgstore.verify(path)
    assert (bool(report), report.damaged) == (False, ())
    assert 'records' in str(report)


@pytest.mark.parametrize('fmt', ['npy', *VIDEO_FORMATS])
def test_an_empty_store_is_sound_and_not_changed(fmt: str, tmp_path: Path) -> None:
    new_for_format(fmt, tmp_path / 's', imgshape=SHAPE).close()
    before = contents(tmp_path / 's')
    for add in False, True:
        report = imgstore.verify(tmp_path / 's', add=add)
        assert (bool(report), str(report)) == (True, f'{tmp_path / "s"}: 0 of 0 frames match their checksums')
    assert contents(tmp_path / 's') == before


@pytest.mark.parametrize('fmt', ['npy', 'png', 'mjpeg/avi', 'avc1/mp4', 'h264/mkv'])
def test_checksums_are_added_to_a_store_without(fmt: str, tmp_path: Path) -> None:
    path = forget_checksums(record(tmp_path / 's', fmt))
    before = contents(path)
    assert counts(imgstore.verify(path)) == (COUNT, 0, COUNT, ())
    assert contents(path) == before
    added = imgstore.verify(path, add=True)
    assert (added.changed, counts(added)) == (COUNT, (COUNT, COUNT, 0, ()))
    changed = {name for name, content in contents(path).items() if content != before.get(name)}
    assert {Path(name).suffix for name in changed} == {'.npz'}
    with new_for_filename(path) as store:
        assert [index_in(frame.image) for frame in store.frames()] == list(range(COUNT))
        assert store.frame_numbers.tolist() == list(range(FIRST, FIRST + COUNT))
    assert imgstore.verify(path, add=True).changed == 0


def without(path: Path, *members: str, zeros: str = '') -> None:
    """Take members out of a store's indexes, and set one to zeros."""
    for index in (*path.glob('*.npz'), *path.glob('*/index.npz')):
        with np.load(index) as old:
            kept = {name: old[name] for name in old if name not in members}
        if zeros:
            kept[zeros] = np.zeros_like(kept[zeros])
        np.savez(index, **kept)


@pytest.mark.parametrize('fmt', ['npy', 'png', 'ffv1/mkv', 'mjpeg/avi', 'avc1/mp4'])
@pytest.mark.parametrize('has_zeros', [True, False])
def test_checksums_that_a_recording_lost_are_missed(fmt: str, has_zeros: bool, tmp_path: Path) -> None:
    path = record(tmp_path / 's', fmt)
    if has_zeros:
        without(path, zeros='xxh3_64')
    else:
        without(path, 'xxh3_64')
    report = imgstore.verify(path)
    assert not report
    assert counts(report) == (COUNT, 0, COUNT, ())
    assert 'chunk 2: no checksum of 2 frames; --add computes' in str(report)
    with new_for_filename(path) as store, pytest.warns(UnverifiedWarning):
        assert len(store[:]) == COUNT
    assert imgstore.verify(path, add=True)
    assert counts(imgstore.verify(path)) == (COUNT, COUNT, 0, ())


@pytest.mark.parametrize('fmt', ['ffv1/mkv', 'avc1/mp4'])
def test_a_lost_checksum_of_a_decoder_configuration_is_missed(fmt: str, tmp_path: Path) -> None:
    path = record(tmp_path / 's', fmt)
    before = contents(path)
    without(path, 'xxh3_64_decoder')
    report = imgstore.verify(path)
    assert (bool(report), counts(report)) == (False, (COUNT, COUNT, 0, ()))
    assert "no checksum of the video's decoder configuration" in str(report)
    assert imgstore.verify(path, add=True)
    assert imgstore.verify(path)
    assert contents(path).keys() == before.keys()


def test_a_lost_checksum_of_extra_data_is_missed(tmp_path: Path) -> None:
    path = tmp_path / 's'
    with new_for_format('npy', path, imgshape=SHAPE) as store:
        store.add_image(numbered(0, SHAPE), 0, 0.0)
        store.add_extra_data(valve=1)
    without(path, 'xxh3_64_extra_data')
    report = imgstore.verify(path)
    assert (bool(report), counts(report)) == (False, (1, 1, 0, ()))
    assert 'no checksum of the extra data' in str(report)
    assert imgstore.verify(path, add=True)
    assert imgstore.verify(path)


def test_an_index_of_zeros_is_missed_without_metadata(tmp_path: Path) -> None:
    """Metadata of imgstore 0.4 do not say that checksums were added."""
    path = forget_checksums(record(tmp_path / 's', 'npy'))
    assert imgstore.verify(path)
    assert imgstore.verify(path, add=True)
    without(path, zeros='xxh3_64')
    assert not imgstore.verify(path)


def test_a_linked_chunk_without_checksums_is_missed(tmp_path: Path) -> None:
    old, path = forget_checksums(record(tmp_path / 'old', 'npy')), record(tmp_path / 's', 'npy')
    shutil.rmtree(path / '000001')
    (path / '000001').symlink_to(old / '000001')
    before = contents(old)
    assert 'chunk 1: no checksum of 5 frames; the chunk is a link' in str(imgstore.verify(path, add=True))
    assert contents(old) == before
    imgstore.verify(old, add=True)
    assert imgstore.verify(path)


def test_what_else_an_index_has_is_kept(tmp_path: Path) -> None:
    path = forget_checksums(record(tmp_path / 's', 'npy'))
    index = path / '000000' / 'index.npz'
    with np.load(index) as old:
        np.savez_compressed(index, **old, of_another_program=np.arange(3))
    imgstore.verify(path, add=True)
    with np.load(index) as new:
        assert sorted(new) == ['frame_number', 'frame_time', 'of_another_program', 'xxh3_64']
        assert new['of_another_program'].tolist() == [0, 1, 2]


def test_a_yaml_index_stays_unverified(tmp_path: Path) -> None:
    path = record(tmp_path / 's', 'npy')
    (path / '000000' / 'index.npz').unlink()
    (path / '000000' / 'index.yaml').write_text('frame_number: [0, 1]\nframe_time: [0.0, 0.1]\n')
    report = imgstore.verify(path, add=True)
    assert counts(report) == (9, 7, 2, ())
    assert 'chunk 0: no checksum of 2 frames; a .yaml index has no room' in str(report)


def test_a_saved_index_stays_valid(tmp_path: Path) -> None:
    path = forget_checksums(record(tmp_path / 's', 'npy'))
    with new_for_filename(path) as store:
        store.save_index(sqlite=True)
    imgstore.verify(path, add=True)
    with new_for_filename(path) as store:
        assert store.index.saved is not None
        assert len(store) == COUNT


def test_replaced_images_are_accepted_if_they_can_be_read(tmp_path: Path) -> None:
    path = record(tmp_path / 's', 'png')
    folder = path / '000001'
    shutil.copy(folder / '000000.png', folder / '000001.png')
    (folder / '000002.png').write_bytes(b'no image')
    report = imgstore.verify(path, update=True)
    assert (report.changed, report.damaged, report.chunks[1].changed) == (1, (FIRST + 7,), (FIRST + 6,))
    with new_for_filename(path) as store:
        assert index_in(store[6]) == 5


def test_videos_are_not_replaced(tmp_path: Path) -> None:
    path = record(tmp_path / 's', 'mjpeg/avi')
    with av.open(path / '000001.avi') as container:
        packet = next(bytes(packet) for packet in container.demux(video=0) if packet.size)
    sound = (path / '000001.avi').read_bytes()
    (path / '000001.avi').write_bytes(sound.replace(packet[-40:], bytes(40)))
    before = contents(path)
    report = imgstore.verify(path, update=True)
    assert (len(report.damaged), report.changed) == (1, 0)
    assert contents(path) == before


def spy_on(monkeypatch: pytest.MonkeyPatch, stop_at: int | None = None) -> list[int]:
    """The chunks that are read from now on; KeyboardInterrupt at one of them."""
    read, whole = list[int](), ChunkIO.stored_checksums

    def noted(chunks: ChunkIO, number: int, frames: int) -> list[int]:
        if number == stop_at:
            raise KeyboardInterrupt
        read.append(number)
        return whole(chunks, number, frames)

    monkeypatch.setattr(ChunkIO, 'stored_checksums', noted)
    return read


def test_an_interrupted_verification_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, log = record(tmp_path / 's', 'npy'), tmp_path / 'log'
    with monkeypatch.context() as patch:
        spy_on(patch, stop_at=2)
        with pytest.raises(KeyboardInterrupt):
            imgstore.verify(path, resume=log, workers=1)
    with log.open('a') as file:
        file.write('{"stamp": [1')  # as after a kill
    read = spy_on(monkeypatch)
    for expected in [2], []:
        assert counts(imgstore.verify(path, resume=log)) == (COUNT, COUNT, 0, ())
        assert read == expected
        read.clear()


def test_damaged_and_changed_chunks_are_compared_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, log = record(tmp_path / 's', 'npy'), tmp_path / 'log'
    image = path / '000001' / '000000.npy'
    sound = image.read_bytes()
    flip(image)
    assert imgstore.verify(path, resume=log).damaged == (FIRST + 5,)
    image.write_bytes(sound)
    shutil.copy(path / '000002' / 'index.npz', tmp_path / 'index.npz')
    shutil.move(tmp_path / 'index.npz', path / '000002' / 'index.npz')
    read = spy_on(monkeypatch)
    assert imgstore.verify(path, resume=log)
    assert sorted(read) == [1, 2]


def test_chunks_without_checksums_are_read_again_to_add_them(tmp_path: Path) -> None:
    path, log = forget_checksums(record(tmp_path / 's', 'npy')), tmp_path / 'log'
    assert imgstore.verify(path, resume=log).unverified == COUNT
    assert imgstore.verify(path, resume=log, add=True).changed == COUNT


@pytest.mark.parametrize('content', ['{"imgstore verify": "other"}\n', 'shopping list\n', '{}\n', '[1]\n'])
def test_another_file_is_not_written_into(content: str, tmp_path: Path) -> None:
    path, log = record(tmp_path / 's', 'npy'), tmp_path / 'log'
    log.write_text(content)
    with raises(InvalidArgumentError, argument='resume', path=str(log)):
        imgstore.verify(path, resume=log)
    assert log.read_text() == content


def test_a_live_store_is_verified_and_not_changed(tmp_path: Path) -> None:
    with new_for_format('npy', tmp_path / 's', imgshape=SHAPE, chunksize=CHUNKSIZE) as store:
        for index in range(7):
            store.add_image(numbered(index, SHAPE), index, index / 8)
        report = imgstore.verify(tmp_path / 's')
        assert (counts(report), report.incomplete) == ((5, 5, 0, ()), (1,))
        for add in True, False:
            with raises(StoreLockedError, store=str(tmp_path / 's')):
                imgstore.verify(tmp_path / 's', add=add, update=not add)


@pytest.mark.parametrize('workers', [0, -1, 1.5, 'two', True])
def test_workers_must_be_a_count(workers: Any, tmp_path: Path) -> None:
    path = record(tmp_path / 's', 'npy')
    with raises(InvalidArgumentError, argument='workers'):
        imgstore.verify(path, workers=workers)


def test_there_must_be_a_store(tmp_path: Path) -> None:
    with pytest.raises(StoreNotFoundError):
        imgstore.verify(tmp_path / 'missing')
