"""Faults of the system while a store is written or read: every frame from before is kept, none is wrong or made up."""

import contextlib
import errno
import itertools
import json
import os
import re
import shutil
import signal
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from imgstore import new_for_filename, new_for_format, repair
from imgstore.chunks import ChunkIO
from imgstore.chunks.video.pyav_writer import ContainerChunkWriter
from imgstore.errors import FrameReadError, FrameWriteError, ImgStoreError

from ..helpers import HELPERS, kills
from ..helpers.format_table import VIDEO_FORMATS
from ..helpers.frames import index_in
from ..helpers.kills import GRAY, KINDS, SCRIPT, Case, Process, check, kill, left_over, said, wrong_after_repair
from ..helpers.recording import number_of, picture, read, record_of, time_of
from ..helpers.small_disks import can_mount, mount, unmount

pytestmark = [pytest.mark.exhaustive, pytest.mark.process]

FAULTY = str(HELPERS / 'faulty.py')
FORMATS = ['png', 'npy', *VIDEO_FORMATS]
CHUNKSIZE = 5
FRAMES = 12


# --- the process is killed


@pytest.fixture(scope='module')
def killed(tmp_path_factory):
    """Recordings whose process was killed: the case of each, what its process told, the folder of the store."""
    home = tmp_path_factory.mktemp('killed')
    cases = list({case.seed: case for case in map(small, range(1, len(KINDS) + 5))}.values())
    paths = [home / str(case.seed) for case in cases]
    with ThreadPoolExecutor(2) as pool:
        return list(zip(cases, pool.map(kill, cases, paths), paths, strict=True))


def small(seed):
    """One of the benchmark's recordings that is short enough for a test."""
    seeds = itertools.count(seed, len(KINDS))
    case = next(case for case in map(Case.of_seed, seeds) if case.chunksize <= 50)
    return replace(case, pace=max(case.pace, 0.002))


def test_killed_anywhere_keeps_every_frame(killed):
    """Every frame survives a process that is killed at any moment, before and after a repair."""
    wrong = [f'seed {case.seed}: {text}' for case, told, path in killed for text in what_is_wrong(case, told, path)]
    assert wrong == []


def what_is_wrong(case, told, path):
    """Of a killed recording, as it is read and as it is repaired."""
    with warnings.catch_warnings():
        if case.durability == 'chunk':
            warnings.filterwarnings('ignore', '.*it has no index')  # which is what that chunk was to do without
        found = read(str(path))
    yield from check(case, told, found).wrong
    if said(told.events):
        yield f'the process said {said(told.events)}'
    if (path / 'metadata.yaml').exists():
        yield from wrong_after_repair(case, path, found)


# --- the process is asked to end


def interrupted(path, fmt, number):
    """The events of a process that got a signal while it recorded, and its exit code."""
    case = Case(0, fmt, GRAY, CHUNKSIZE, None, 'frame', 0.002, 4000, '', 0, 0)
    process = Process(SCRIPT, 'write', json.dumps(case.request(path)))
    process.wait_for('frame', 33)
    at = process.end(number)
    found = read(str(path))
    told = kills.Killed([*process.events, kills.Event('closed', -1, at, '')], at)  # as if it had been closed
    assert check(case, told, found).wrong == []
    assert left_over(path) == []
    return process


@pytest.mark.parametrize('fmt', FORMATS)
def test_sigterm_closes_the_store_and_ends_the_process(tmp_path, fmt):
    process = interrupted(tmp_path / 's', fmt, signal.SIGTERM)
    assert said(process.events) == ''
    assert process.code in (128 + signal.SIGTERM, -signal.SIGTERM)


@pytest.mark.parametrize('fmt', FORMATS)
def test_a_keyboard_interrupt_closes_the_store(tmp_path, fmt):
    process = interrupted(tmp_path / 's', fmt, signal.SIGINT)
    assert said(process.events).endswith('KeyboardInterrupt')
    assert 'During handling' not in said(process.events)
    assert process.code == -signal.SIGINT


# --- the system fails

MOMENTS = ['creating', 0, 3, CHUNKSIZE, CHUNKSIZE + 1, 'closing']


def requests(folder, formats=FORMATS, moments=MOMENTS, workers=(0, 2), ends=(False, True), **more):
    """One recording for each combination."""
    return [
        {
            'fmt': fmt,
            'at': at,
            'ends': end,
            'options': {'workers': count},
            'shape': GRAY,
            'chunksize': CHUNKSIZE,
            'frames': FRAMES,
            'path': str(folder / f'{fmt.replace("/", "-")}-{at}-{count}-{end}' / 'store'),
            **more,
        }
        for fmt in formats
        for at in moments
        for count in workers
        for end in ends
    ]


def recorded(fault, asked):
    """Make the recordings and give of each its request and the events."""
    for request in asked:
        Path(request['path']).parent.mkdir(parents=True, exist_ok=True)
    process = Process(FAULTY, fault, json.dumps(asked))
    process.end()
    assert (said(process.events), process.events[-1].what, process.code) == ('', 'end', 0)
    starts = [i for i, event in enumerate(process.events) if event.what == 'begin']
    return [
        (request, process.events[start:end])
        for request, start, end in zip(asked, starts, [*starts[1:], None], strict=True)
    ]


def losses(fault, asked):
    """What is wrong with recordings that were made through a fault."""
    return [
        f'{request["path"]}: {text}' for request, events in recorded(fault, asked) for text in _losses(request, events)
    ]


def _losses(request, events):
    added = [event.index for event in events if event.what == 'frame']
    errors = [event.text for event in events if event.what == 'error']
    if not any(event.what == 'created' for event in events):
        yield from [] if errors else ['it was not created, and nothing said why']
        yield from _not_there(request)
        return
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', '.*it has no index')  # a video of which not one frame could be written
        found = read(request['path'])
    there = [frame[2] for frame in found['frames']]
    yield from found['errors']
    if there != [index for index in added if index in there]:
        yield f'frames {there} are there, and {added} were added'
    case = Case(0, request['fmt'], tuple(request['shape']), 0, 0, '', 0, 0, '', 0, 0)
    yield from (f'{frame} is wrong' for frame in found['frames'] if not kills.is_frame(case, frame[2], frame))
    yield from _not_told(request, [index for index in added if index not in there], errors)
    yield from _wrong_records(found, there)


def _not_there(request):
    """Creating it must not have left half of a store, and works once the fault is over."""
    with pytest.raises(ImgStoreError):
        new_for_filename(request['path'])
    new_for_format(request['fmt'], request['path'], imgshape=request['shape']).close()
    return read(request['path'])['errors']


def _not_told(request, missing, errors):
    named = [
        range(int(first), int(last or first) + 1)
        for text in errors
        for first, last in re.findall(r'#(-?\d+)(?: to #(-?\d+))?', text)
    ]
    before = {'creating': 0, 'closing': request['frames']}.get(request['at'], request['at'])
    if request['fmt'].endswith('/mp4'):  # FFmpeg holds back its latest frame, and can then not write it
        before -= 1
    for index in missing:
        if 'kilobytes' not in request and index < before:
            yield f'frame {index} from before the fault is gone; it says {errors}'
        elif not any(number_of(index) in numbers for numbers in named):
            yield f'frame {index} is gone, and it just says {errors}'


def _wrong_records(found, there):
    """A record may be there though its frame is lost."""
    for record in found['records']:
        index = record[0]
        place = there.index(index) if index in there else record[-1]
        if record != [*record_of(index).values(), number_of(index), time_of(index), place]:
            yield f'{record} is wrong'


def test_full_disk_loses_no_earlier_frame_and_names_lost(tmp_path):
    """A full disk loses no earlier frame, and the error names the frames that are lost."""
    assert losses('disk full', requests(tmp_path)) == []


def test_read_only_folder_loses_no_earlier_frame(tmp_path):
    """A folder that becomes read-only loses no frame that was written before."""
    assert losses('read-only', requests(tmp_path)) == []


def test_a_lack_of_file_descriptors_loses_no_frame_from_before(tmp_path):
    moments = ['creating', 0, CHUNKSIZE, 'closing']
    asked = [
        request
        for spare, workers in enumerate([(0,), (0, 2), (0,), (0,)])
        for request in requests(tmp_path / str(spare), spare=spare, moments=moments, workers=workers)
    ]
    assert losses('few descriptors', asked) == []


@pytest.mark.parametrize('fmt', ['mjpeg/avi', 'avc1/mp4'])
def test_rate_write_without_descriptors_costs_no_frame(tmp_path, monkeypatch, fmt):
    """A frame rate that cannot be written for lack of file descriptors costs no frame."""

    def fail(path, rate):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), path)

    monkeypatch.setattr('imgstore.chunks.video.pyav_writer.set_rate', fail)
    with new_for_format(fmt, tmp_path / 's', imgshape=GRAY, fps=200) as store:
        store.add_image(picture(0, GRAY), 0, 0)
    assert len(read(str(tmp_path / 's'))['frames']) == 1


def test_frames_count_without_descriptor_to_check_chunk(tmp_path, monkeypatch):
    """Frames of a failed chunk still count while no descriptor is free to check that chunk."""

    def fail(*_, **__):
        raise FrameReadError('it cannot be opened') from OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    def close(writer, rate=None):
        closes(writer, rate)
        raise FrameWriteError('it could not be finished')

    closes = ContainerChunkWriter.close
    monkeypatch.setattr(ContainerChunkWriter, 'close', close)
    monkeypatch.setattr(ChunkIO, 'reader', fail)
    with new_for_format('mjpeg/avi', tmp_path / 's', imgshape=GRAY) as store:
        store.add_image(picture(0, GRAY), 0, 0)
    monkeypatch.undo()
    assert len(read(str(tmp_path / 's'))['frames']) == 1


def test_a_folder_that_is_removed_is_told_and_not_made_again(tmp_path):
    for request, events in recorded('removed', requests(tmp_path, moments=MOMENTS[1:])):
        errors = [event.text for event in events if event.what == 'error']
        assert errors
        assert all(request['path'] in error for error in errors)
        assert not os.path.exists(request['path'])


SMALL_DISKS = [*range(4, 100, 12), 150, 200]  # KB


@pytest.mark.parametrize('disk', ['files that may be just so long', *(['small disks'] if can_mount() else [])])
def test_full_disk_loses_no_frame_silently(tmp_path, disk):
    """If the disk fills up after any number of bytes, every lost frame is reported."""
    asked = [request for size in SMALL_DISKS for request in small_disks(tmp_path, disk, size)]
    mounted = [Path(request['path']).parent for request in asked] if disk == 'small disks' else []
    try:
        for request in asked if mounted else []:
            Path(request['path']).parent.mkdir(parents=True)
            assert mount(Path(request['path']).parent, request['kilobytes'])
        assert losses('disk' if mounted else 'disk full', asked) == []
    finally:
        for folder in mounted:
            unmount(folder)


def small_disks(folder, disk, size):
    """Recordings that will not fit: of 40 frames, on a disk or in files of that size."""
    limit = (size - 4) * 50  # bytes: from nothing to what an image, a video, a long index have
    asked = requests(folder / str(size), moments=['creating'], workers=(0,), ends=(False,), frames=40, chunksize=30)
    return [{**request, 'kilobytes': size, 'bytes': limit} for request in asked]


def test_reader_recovers_from_lack_of_descriptors(tmp_path):
    """A reader without file descriptors raises an error and reads on once it has some."""
    for fmt in FORMATS:
        with new_for_format(fmt, tmp_path / fmt.replace('/', '-'), imgshape=GRAY, chunksize=3) as store:
            add(store, range(12))
    process = Process(FAULTY, 'reading', json.dumps([str(tmp_path / fmt.replace('/', '-')) for fmt in FORMATS]))
    process.end()
    assert (said(process.events), process.code) == ('', 0)
    told = [(event.what, event.text) for event in process.events if event.what != 'refused']
    assert told == [('read', list(range(12)))] * len(FORMATS)
    assert any(event.what == 'refused' for event in process.events)


def add(store, indices):
    for index in indices:
        store.add_image(picture(index, GRAY), number_of(index), time_of(index))
        if (record := record_of(index)) is not None:
            store.add_extra_data(**record)


# --- an encoder dies

ENCODERS = {
    'png': 'imgstore.chunks.images.image_folder.Cv2Codec.encode',
    'bmp': 'imgstore.chunks.images.uncompressed.BmpCodec.encode',
    'npy': 'imgstore.chunks.images.image_folder.NpyCodec.encode',
    'bpk': 'imgstore.chunks.images.bloscpack_codec.BloscpackCodec.encode',
    'mjpeg/avi': 'imgstore.chunks.video.intra_encoders.MJPEGEncoder.write',
    'h264/mkv': 'imgstore.chunks.video.stream_encoders.H264Encoder.packet',
    'avc1/mp4': 'imgstore.chunks.video.stream_encoders.H264Encoder.packet',
}


@pytest.mark.parametrize('error', [OSError('it died'), RuntimeError('it died'), MemoryError()])
@pytest.mark.parametrize('at', [0, 3, CHUNKSIZE])
@pytest.mark.parametrize('workers', [0, 2])
@pytest.mark.parametrize('fmt', ENCODERS)
def test_an_encoder_that_dies_takes_just_its_frame_with_it(tmp_path, monkeypatch, fmt, workers, at, error):
    with new_for_format(fmt, tmp_path / 's', imgshape=GRAY, chunksize=CHUNKSIZE, workers=workers) as store:
        add(store, range(at))
        assert store.chunks is not None  # which waits until they are written
        with monkeypatch.context() as broken:
            broken.setattr(ENCODERS[fmt], raising(error))
            with pytest.raises((ImgStoreError, type(error)), match=r'it died|MemoryError|^$'):
                add_and_settle(store, at)
        add(store, range(at + 1, FRAMES))
    there = [frame[2] for frame in read(str(tmp_path / 's'))['frames']]
    assert there == [index for index in range(FRAMES) if index != at]


def raising(error):
    def encode(*arguments):
        raise error

    return encode


def add_and_settle(store, index):
    store.add_image(picture(index, GRAY), number_of(index), time_of(index))
    assert store.chunks is not None
    store.add_image(picture(index, GRAY), number_of(index), time_of(index))


# --- what is on disk is cut off


@pytest.fixture(params=['png', 'mjpeg/avi'])
def whole(request, tmp_path):
    """A complete store of three chunks."""
    with new_for_format(request.param, tmp_path / 's', imgshape=GRAY, chunksize=1) as store:
        add(store, range(3))
    return tmp_path / 's'


def cuts(path):
    """Cut a file off at every byte, each time from the whole one; give how long it is then."""
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        yield length
    path.write_bytes(content)


def frames_of(path):
    """What can be read, with warnings about what cannot, and none of it wrong."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        with new_for_filename(path) as store:
            frames = [store.get_image(None, frame_index=index) for index in range(store.frame_count)]
            with contextlib.suppress(ImgStoreError):
                store.get_extra_data()
    indices = [index_in(image) for image, _ in frames]
    assert [(number_of(index), time_of(index)) for index in indices] == [about for _, about in frames]
    return indices


def test_cut_off_index_costs_at_most_its_chunk(whole):
    """An index that is cut off at any point costs at most its own chunk."""
    path = next(path for path in (whole / '000001' / 'index.npz', whole / '000001.npz') if path.exists())
    assert all({0, 2} <= set(frames_of(whole)) for _ in cuts(path))


def test_metadata_cut_off_anywhere_is_refused_or_right(whole):
    """Metadata that is cut off at any byte is either refused or read correctly."""
    found = [frames_or_error(whole) for _ in cuts(whole / 'metadata.yaml')]
    refused = [error for error in found if isinstance(error, ImgStoreError)]
    assert [frames for frames in found if frames not in ([0, 1, 2], *refused)] == []
    assert all(error.path == str(whole / 'metadata.yaml') for error in refused)
    assert len(refused) > 100


def frames_or_error(path):
    try:
        return frames_of(path)
    except ImgStoreError as error:
        return error


@pytest.fixture(params=['png', *VIDEO_FORMATS])
def unfinished(request, tmp_path):
    """A store as one leaves it that is killed: a chunk of three frames is complete, one of two is open."""
    with new_for_format(request.param, tmp_path / 's', imgshape=GRAY, chunksize=3, workers=0) as store:
        add(store, range(5))
        shutil.copytree(tmp_path / 's', tmp_path / 'left')
    return tmp_path / 'left'


def test_cut_off_journal_gives_all_frames_before_cut(unfinished):
    """A journal that is cut off at any point gives the frames before the cut."""
    journal = next(unfinished.glob('.*.journal'))
    found = [frames_of(unfinished) for _ in cuts(journal)]
    assert all(frames == list(range(len(frames))) for frames in found)
    counts = [len(frames) for frames in found]
    assert counts == sorted(counts)
    assert {3, 4} <= set(counts) <= {3, 4, 5}  # a checksum may be the last entry
    assert frames_of(unfinished) == [0, 1, 2, 3, 4]


def test_cut_off_journal_is_repaired_as_far_as_it_goes(unfinished, tmp_path):
    """A journal that is cut off at any point is repaired as far as it goes."""
    journal = next(unfinished.glob('.*.journal'))
    for length in cuts(journal):
        if length % 8 == 0:
            shutil.copytree(unfinished, tmp_path / 'copy')
            before = frames_of(unfinished)
            repair(tmp_path / 'copy')
            assert index_order(tmp_path / 'copy')[: len(before)] == before
            shutil.rmtree(tmp_path / 'copy')


def index_order(path):
    """The frames' indices, as their images have them; where the journal tells none, their numbers are estimated."""
    with new_for_filename(path) as store:
        indices = [index_in(store.get_image(None, frame_index=index)[0]) for index in range(store.frame_count)]
    assert indices == list(range(len(indices)))
    return indices
