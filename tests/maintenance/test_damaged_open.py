"""What a killed writer left and then was damaged: no frame is taken for another, a repair loses none that was read."""

import os
import re
import resource
import shutil
import signal

import av
import numpy as np
import pytest

import imgstore
from imgstore import new_for_filename, new_for_format
from imgstore.chunks.video.avi_gaps import count_before_gap
from imgstore.chunks.video.mp4_tail import rename_last_packet
from imgstore.errors import FrameReadError, InvalidArgumentError
from imgstore.export import export_video, select
from imgstore.sources import VideoFile

from ..helpers.checked import not_none
from ..helpers.frames import index_in, numbered
from ..helpers.videos import RECIPES, make_video

SHAPE = (64, 96)
COUNT = 17  # the last one begins a group of pictures, so that it can be decoded where the one before is lost
OPEN, WHOLE = '.000000.open', '000000'
TAILS = [f'{WHOLE}.tail0', f'{WHOLE}.tail1']


@pytest.fixture(scope='module')
def left(tmp_path_factory):
    """Stores of each video format as a writer leaves them that is killed."""
    folder = tmp_path_factory.mktemp('left')
    for extension, fmt in (('.mp4', 'avc1/mp4'), ('.mkv', 'h264/mkv'), ('.avi', 'mjpeg/avi')):
        with new_for_format(fmt, folder / 'open', imgshape=SHAPE, workers=0, overwrite=True) as store:
            for index in range(COUNT):
                store.add_image(numbered(index, SHAPE), 100 + index, index)
            shutil.copytree(folder / 'open', folder / extension)
    return folder


def damaged(left, path, extension, damage):
    """A copy of such a store, with its video changed."""
    shutil.copytree(left / extension, path)
    video = path / (OPEN + extension)
    video.write_bytes(damage(video.read_bytes()))
    return path


def cut(data):
    """Without the end of the latest packet that is in the file."""
    return data[:-20]


def frames(path):
    """The images that can be read, by their frame numbers."""
    found = {}
    with new_for_filename(path) as store:
        for index, number in enumerate(store.get_frame_metadata()['frame_number']):
            try:
                found[number] = store.get_image(None, frame_index=index)[0]
            except FrameReadError:
                continue
    return found


def check_same(found, expected):
    assert list(found) == list(expected)
    assert all(map(np.array_equal, found.values(), expected.values()))


def without_room(size, action):
    """Do it while no file may be larger."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        return action()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)


def test_unclosable_video_keeps_latest_frame_separately(left, tmp_path):
    """If a video cannot be closed, repair leaves its latest frame in separate files next to it."""
    path = damaged(left, tmp_path / 's', '.mp4', cut)
    before = frames(path)
    assert list(before) == [100 + index for index in range(COUNT) if index != COUNT - 2]
    report = imgstore.repair(path)
    assert [os.path.basename(name) for name in report.removed] == ['.lock']
    check_same(frames(path), before)
    assert sorted(os.listdir(path)) == [f'{WHOLE}.mp4', f'{WHOLE}.npz', *TAILS, 'metadata.yaml']
    assert not imgstore.repair(path)
    check_same(frames(path), before)


def test_a_disk_without_room_to_close_a_video_costs_no_frame(left, tmp_path):
    path = damaged(left, tmp_path / 's', '.mp4', bytes)
    before = frames(path)
    assert [index_in(image) for image in before.values()] == list(range(COUNT))
    without_room(4000, lambda: imgstore.repair(path))
    assert set(TAILS) < set(os.listdir(path))
    check_same(frames(path), before)
    assert not imgstore.repair(path)


def test_repair_resumes_between_latest_frame_and_video(left, tmp_path):
    """A repair that ended between the latest frame and the video is done again."""
    path = damaged(left, tmp_path / 's', '.mp4', bytes)
    before = frames(path)
    rename_last_packet(str(path / f'{OPEN}.mp4'), str(path / f'{WHOLE}.mp4'))
    check_same(frames(path), before)
    imgstore.repair(path)
    check_same(frames(path), before)
    assert sorted(os.listdir(path)) == [f'{WHOLE}.mp4', f'{WHOLE}.npz', 'metadata.yaml']


def test_separate_last_frame_is_exported_and_removed(left, tmp_path):
    """A frame that is stored apart from its video is exported, and it is removed with its store."""
    path = damaged(left, tmp_path / 's', '.mp4', cut)
    imgstore.repair(path)
    with new_for_filename(path) as store:
        assert export_video(select(store, from_index=COUNT - 1), tmp_path / 'film.mp4').copied
    with VideoFile(str(tmp_path / 'film.mp4')) as film:
        assert film.length == 1
    new_for_format('npy', path, imgshape=SHAPE, overwrite=True).close()
    assert sorted(os.listdir(path)) == ['metadata.yaml']


def test_video_is_not_inserted_without_its_separate_frame(left, tmp_path):
    """A video whose latest frame is stored apart is not inserted without that frame."""
    path = damaged(left, tmp_path / 's', '.mp4', bytes)
    without_room(4000, lambda: imgstore.repair(path))
    with (
        new_for_format('avc1/mp4', tmp_path / 'new', imgshape=SHAPE) as store,
        pytest.raises(InvalidArgumentError, match='lacks its latest frame'),
    ):
        store.insert_chunk(path / f'{WHOLE}.mp4', range(COUNT), range(COUNT), move=False)


@pytest.mark.parametrize('extension', ['.mp4', '.mkv'])
@pytest.mark.parametrize('place', [0.2, 0.35, 0.5, 0.65, 0.8])
def test_lost_frame_shifts_no_later_frame(left, tmp_path, extension, place):
    """If a frame is lost, the frames after it are not mistaken for others."""
    marker = {'.mp4': b'moof', '.mkv': b'\x1f\x43\xb6\x75'}[extension]  # of a fragment, or a cluster, of one frame

    def damage(data):
        at = data.index(marker, int(len(data) * place))
        return data[:at] + b'x' * 40 + data[at + 40 :]  # in Matroska also the one that is empty and ends that before

    path = damaged(left, tmp_path / 's', extension, damage)
    before = frames(path)
    assert len(before) < COUNT
    assert {number: index_in(image) for number, image in before.items()} == {n: n - 100 for n in before}
    assert max(before) == 99 + COUNT
    imgstore.repair(path)
    check_same(frames(path), before)


def chunk_of(data, index):
    """Where the chunk of a frame begins in an AVI."""
    starts = [found.start() for found in re.finditer(b'00dc....\xff\xd8', data, re.DOTALL)]
    assert len(starts) == COUNT
    return starts[index]


DAMAGES = {
    'bytes that are gone': lambda data, at, end: data[:at] + data[end + 40 :],
    'no name': lambda data, at, end: data[:at] + b'xxxx' + data[at + 4 :],
    'another name': lambda data, at, end: data[:at] + b'00wb' + data[at + 4 :],
    'too long': lambda data, at, end: data[: at + 4] + (end - at + 99).to_bytes(4, 'little') + data[at + 8 :],
    'too short': lambda data, at, end: data[: at + 4] + b'\x10\0\0\0' + data[at + 8 :],
    'nothing': lambda data, at, end: data[:at] + bytes(end - at) + data[end:],
}


@pytest.mark.parametrize('damage', DAMAGES)
@pytest.mark.parametrize('index', [0, 1, 8, COUNT - 2])
def test_frame_missing_in_avi_shifts_no_later_frame(left, tmp_path, damage, index):
    """If an AVI lacks one frame, the frames after it are not mistaken for others."""

    def without(data):
        return DAMAGES[damage](data, chunk_of(data, index), chunk_of(data, index + 1))

    path = damaged(left, tmp_path / 's', '.avi', without)
    before = frames(path)
    assert {number: index_in(image) for number, image in before.items()} == {n: n - 100 for n in before}
    assert {number for number in before if number < 100 + index} == set(range(100, 100 + index))
    imgstore.repair(path)
    check_same(frames(path), before)


@pytest.mark.parametrize('name', [name for name, recipe in RECIPES.items() if recipe.extension == '.avi'])
def test_in_a_whole_avi_no_packet_is_taken_for_lost(tmp_path, name):
    path = str(tmp_path / 'v.avi')
    make_video(path, RECIPES[name])
    with av.open(path) as container:
        places = [not_none(packet.pos) for packet in container.demux(video=0) if packet.size]
    assert count_before_gap(path, places) == len(places) == len(RECIPES[name].times)


def test_avi_completed_meanwhile_is_found_by_its_new_name(left):
    """An AVI file that its writer completes meanwhile is examined under its new name."""
    path = left / '.avi' / f'{OPEN}.avi'
    with av.open(str(path)) as container:
        places = [not_none(packet.pos) for packet in container.demux(video=0) if packet.size]
    path.rename(left / '.avi' / f'{WHOLE}.avi')
    try:
        assert count_before_gap(str(path), places) == COUNT
    finally:
        (left / '.avi' / f'{WHOLE}.avi').rename(path)
    with pytest.raises(FrameReadError, match='it no longer exists'):
        count_before_gap(str(left / 'none.avi'), places)


@pytest.mark.slow
@pytest.mark.parametrize('extension', ['.mp4', '.mkv', '.avi'])
def test_repair_after_any_damage_keeps_readable_frames(left, tmp_path, extension):
    """Whatever is damaged, a repair loses no frame that could be read before it."""
    rng = np.random.default_rng(0)
    size = os.path.getsize(left / extension / (OPEN + extension))
    for round_ in range(20):
        at, length = int(rng.integers(size)), int(rng.integers(1, 300))

        def damage(data, at=at, length=length, round_=round_):
            if round_ % 2:
                return data[:at] + data[at + length :]
            return data[:at] + bytes(byte ^ 0x5A for byte in data[at : at + 8]) + data[at + 8 :]

        path = damaged(left, tmp_path / str(round_), extension, damage)
        before = frames(path)
        imgstore.repair(path)
        check_same(frames(path), before)
        assert not before or (path / (WHOLE + extension)).exists()


def test_unreadable_video_keeps_its_saved_frames(left, tmp_path):
    """If a video cannot be read at all, repair keeps the frames that were saved next to it."""
    path = damaged(left, tmp_path / 's', '.mp4', lambda data: bytes(len(data)))
    there = {f'{OPEN}.mp4', f'{OPEN}.tail0', f'{OPEN}.tail1'}
    for _ in range(2):
        report = imgstore.repair(path)
        assert not there & {os.path.basename(name) for name in report.removed}
        assert there < set(os.listdir(path))
    assert not report


def test_empty_files_of_killed_writer_are_removed(tmp_path):
    """Repair removes the empty files of a writer that was killed before its first frame."""
    with imgstore.new_for_format('avc1/mp4', tmp_path / 's', imgshape=(64, 96)) as store:
        store.add_image(np.zeros((64, 96), np.uint8), 0, 0.0)
    for extension in ('mp4', 'tail0', 'tail1'):
        (tmp_path / 's' / f'.000001.open.{extension}').touch()
    imgstore.repair(tmp_path / 's')
    assert not list((tmp_path / 's').glob('.*tail*'))
