"""A conversion on a cluster makes the same store as one in this process, or none; its workers are threads here."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import socket
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from distributed import LocalCluster

import imgstore
from imgstore.apps.convert import main
from imgstore.convert import HISTORY, connection, convert, worker_watch
from imgstore.convert import part_task as tasks
from imgstore.convert.frames import Recipe, compare_frames, write_frames
from imgstore.convert.parts import Part, PartTask
from imgstore.errors import (
    CorruptFileError,
    FrameReadError,
    FrameWriteError,
    ImgStoreWarning,
    InvalidArgumentError,
    MissingDependencyError,
    StoreExistsError,
    StoreIOError,
    StoreLockedError,
)
from imgstore.ondisk.lock import StoreLock

from ..helpers.frames import numbered
from ..helpers.raised import raises
from ..helpers.unverified import forget_checksums
from .test_convert import COUNT, SHAPE, sensors, store_of

GRAY = SHAPE[:2]
WORK = '.d.converting'


@pytest.fixture(scope='module')
def cluster() -> Iterator[Any]:
    """A cluster with two threads of this process."""
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=':0') as cluster:
        yield cluster


@pytest.fixture
def scheduler(cluster: Any) -> str:
    """The address of the cluster."""
    return str(cluster.scheduler_address)


def wait_until_idle(cluster: Any) -> None:
    """Wait for cancelled tasks that still run."""
    deadline = time.monotonic() + 10
    while any(worker.state.executing or worker.state.ready for worker in cluster.workers.values()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def spied(monkeypatch: pytest.MonkeyPatch) -> list[range]:
    """The frames of each part that is written."""
    written: list[range] = []

    def noted(old: Any, new: Any, recipe: Any, frames: range, after: Any) -> int:
        written.append(frames)
        return write_frames(old, new, recipe, frames, after)

    monkeypatch.setattr(tasks, 'write_frames', noted)
    return written


def files(folder: Path) -> dict[str, bytes]:
    """The content of all files but the metadata."""
    found = {str(path.relative_to(folder)): path for path in folder.rglob('*') if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if name not in ('metadata.yaml', '.index.imgstore')}


def about(folder: Path) -> Any:
    """What metadata.yaml says, but for the identifier and the time of the conversion."""
    with imgstore.new_for_filename(folder) as store:
        user = store.user_metadata
        user[HISTORY][-1].pop('converted_utc')
        kept = (store.format, store.chunksize, store.encoding, store.created, store.image_shape, store.dtype)
        sensor = (store.sensor_shape, store.roi, store.binning)
        return user, kept, sensor, store.chunk_ranges(), store.frame_numbers.tolist(), store.frame_times.tolist()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


CASES: list[tuple[tuple[int, ...], str, dict[str, Any]]] = [
    (SHAPE, 'png', {}),
    (GRAY, 'png', {'chunksize': 60, 'compression': 1}),
    (SHAPE, 'pgm', {'chunksize': 4}),
    (GRAY, 'bpk', {'verify': False}),
    (SHAPE, 'jpg', {'quality': 70, 'min_psnr': 15, 'workers': 2}),
    (SHAPE, 'avc1/mp4', {'chunksize': 7}),
    (GRAY, 'avc1', {'chunksize': 23, 'crf': 30}),
    ((65, 97, 3), 'h264/mkv', {'chunksize': 10}),
    (GRAY, 'mjpeg/avi', {'chunksize': 10, 'quality': 90}),
    (SHAPE, 'png', {'roi': (3, 5, 72, 48), 'binning': (2, 3)}),
    (GRAY, 'h264/mkv', {'chunksize': 10, 'roi': (3, 5, 75, 51)}),
]


@pytest.mark.slow
@pytest.mark.parametrize(('shape', 'fmt', 'options'), CASES)
def test_the_store_is_the_same_file_for_file(
    shape: tuple[int, ...], fmt: str, options: dict[str, Any], scheduler: str, tmp_path: Path
) -> None:
    """Frames, numbers, times, extra data, chunks and the rate of videos."""
    source = store_of(tmp_path / 's', shape=shape)
    calls: list[list[int]] = [[], []]
    here = convert(source, tmp_path / 'e', fmt, progress=lambda: calls[0].append(1), **options)
    there = convert(source, tmp_path / 'd', fmt, scheduler=scheduler, progress=lambda: calls[1].append(1), **options)
    assert there == here
    assert files(tmp_path / 'd') == files(tmp_path / 'e')
    assert about(tmp_path / 'd') == about(tmp_path / 'e')
    assert len(calls[1]) == len(calls[0])
    assert names(tmp_path) == {'s', 'd', 'e'}


@pytest.mark.parametrize('fmt', ['png', 'png+color', 'h264/mkv'])
def test_raw_images_are_converted_as_in_one_process(fmt: str, scheduler: str, tmp_path: Path) -> None:
    source = store_of(tmp_path / 's', 'npy', GRAY, encoding='cv_bayerbg')
    for name, where in (('e', None), ('d', scheduler)):
        convert(source, tmp_path / name, fmt, scheduler=where)
    assert files(tmp_path / 'd') == files(tmp_path / 'e')
    assert about(tmp_path / 'd') == about(tmp_path / 'e')


@pytest.mark.slow
def test_chunks_of_videos_have_the_rates_known_by_then(scheduler: str, tmp_path: Path) -> None:
    """The camera becomes faster, and the last chunk has one frame."""
    with imgstore.new_for_format('npy', tmp_path / 's', imgshape=GRAY) as store:
        times = np.cumsum([1 / 20] * 250 + [1 / 60] * 251)
        for index, time in enumerate(times):
            store.add_image(numbered(index, GRAY), index, time)
    for name, where in (('e', None), ('d', scheduler)):
        convert(tmp_path / 's', tmp_path / name, 'h264/mkv', chunksize=100, verify=False, scheduler=where)
    assert len(files(tmp_path / 'd')) == 12
    assert files(tmp_path / 'd') == files(tmp_path / 'e')


def test_sensors_and_an_index_cache_are_in_the_new_store(scheduler: str, tmp_path: Path) -> None:
    source = store_of(tmp_path / 's')
    for chunk in (0, 1):
        sensors(source, chunk)
    for name, where in (('e', None), ('d', scheduler)):
        convert(source, tmp_path / name, 'png', chunksize=1, scheduler=where)
    assert files(tmp_path / 'd') == files(tmp_path / 'e')
    assert (tmp_path / 'd' / '.index.imgstore').exists()
    assert '000001.extra_data.h5' in names(tmp_path / 'd')


def test_an_empty_store_is_converted_without_tasks(scheduler: str, tmp_path: Path) -> None:
    imgstore.new_for_format('npy', tmp_path / 's', imgshape=GRAY).close()
    assert convert(tmp_path / 's', tmp_path / 'd', 'png', scheduler=scheduler).frames == 0
    assert names(tmp_path) == {'s', 'd'}


def test_a_store_is_replaced_only_on_request_by_parts(scheduler: str, tmp_path: Path) -> None:
    source, other = store_of(tmp_path / 's'), store_of(tmp_path / 'd', 'png', GRAY)
    (other / 'notes.txt').write_text('mine')
    before = files(other)
    with raises(StoreExistsError, path=str(other)):
        convert(source, other, 'h264/mkv', scheduler=scheduler)
    assert files(other) == before
    assert convert(source, other, 'h264/mkv', scheduler=scheduler, overwrite=True).frames == COUNT
    assert set(files(other)) == {'000000.mkv', '000000.npz', '000000.extra.json', 'notes.txt'}
    assert names(tmp_path) == {'s', 'd'}


def test_progress_is_told_while_a_part_is_made(
    cluster: Any, scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('imgstore.convert.task_progress._EVERY', 0)
    source, calls = store_of(tmp_path / 's'), list[int]()
    with pytest.raises(StoppedError):
        convert(source, tmp_path / 'd', 'png', scheduler=scheduler, progress=interrupt_after(5))
    wait_until_idle(cluster)
    assert names(tmp_path) == {'s'}  # no part was finished
    convert(source, tmp_path / 'd', 'png', scheduler=scheduler, progress=lambda: calls.append(1))
    assert len(calls) == 2 * COUNT


def test_the_command_converts_on_a_cluster(scheduler: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store_of(tmp_path / 's')
    assert main(['--format', 'png', '--scheduler', scheduler, str(tmp_path / 's'), str(tmp_path / 'd')]) == 0
    out, err = capsys.readouterr()
    assert out.endswith('all are identical bit for bit\n')
    assert err == ''


# --- what fails leaves no new store, and what is finished is kept


def damage(source: Path) -> Path:
    """Make the frame at index 17 unreadable."""
    path = source / '000003' / '000002.npy'
    shutil.copy(path, source.parent / 'kept.npy')
    path.write_bytes(b'damaged')
    return path


def test_a_damaged_frame_is_named_and_finished_parts_stay(
    cluster: Any, scheduler: str, spied: list[range], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Repaired, the original is another one: the parts are refused, until they are removed."""
    source = store_of(tmp_path / 's')
    path = damage(source)
    with raises(FrameReadError, frame_index=17, store=str(source)):
        convert(source, tmp_path / 'd', 'h264/mkv', chunksize=5, scheduler=scheduler)
    wait_until_idle(cluster)
    assert names(tmp_path) == {'s', 'kept.npy', WORK}
    shutil.copy(tmp_path / 'kept.npy', path)
    spied.clear()
    options = ['--format', 'h264/mkv', '--chunksize', '5', '--scheduler', scheduler]
    assert main([*options, str(source), str(tmp_path / 'd')]) == 1
    assert str(tmp_path / WORK) in capsys.readouterr().err
    with raises(InvalidArgumentError, argument='source', path=str(tmp_path / WORK)):
        convert(source, tmp_path / 'd', 'h264/mkv', chunksize=5, scheduler=scheduler)
    assert spied == []
    shutil.rmtree(tmp_path / WORK)
    assert convert(source, tmp_path / 'd', 'h264/mkv', chunksize=5, scheduler=scheduler).frames == COUNT


def test_without_a_finished_part_nothing_stays(cluster: Any, scheduler: str, tmp_path: Path) -> None:
    source = store_of(tmp_path / 's')
    damage(source)
    with raises(FrameReadError, frame_index=17):
        convert(source, tmp_path / 'd', 'png', scheduler=scheduler)
    (source / '000000' / 'index.extra.json').write_text('no JSON')
    with raises(CorruptFileError):
        convert(source, tmp_path / 'd', 'png', scheduler=scheduler)
    wait_until_idle(cluster)
    assert names(tmp_path) == {'s', 'kept.npy'}


class StoppedError(Exception):
    """Raised by a test instead of Ctrl-C."""


def interrupt_after(calls: int) -> Any:
    """Return a progress that raises after so many calls."""
    counter = itertools.count(1)

    def progress() -> None:
        if next(counter) == calls:
            raise StoppedError

    return progress


@pytest.fixture
def interrupted(cluster: Any, scheduler: str, tmp_path: Path) -> Path:
    """An original, with a conversion to 'd' that was interrupted after two parts of five."""
    source = store_of(tmp_path / 's')
    with pytest.raises(StoppedError) as caught:
        convert(source, tmp_path / 'd', 'avc1/mp4', chunksize=5, scheduler=scheduler, progress=interrupt_after(20))
    wait_until_idle(cluster)
    assert str(tmp_path / WORK) in caught.value.__notes__[0]
    assert names(tmp_path) == {'s', WORK}
    return source


def finished(folder: Path) -> set[str]:
    return {path.parent.name for path in folder.glob(f'{WORK}/*/report.json')}


def test_the_next_run_does_only_the_rest(interrupted: Path, scheduler: str, spied: list[range], tmp_path: Path) -> None:
    kept = finished(tmp_path)
    assert len(kept) >= 2
    calls: list[int] = []
    done = convert(
        interrupted, tmp_path / 'd', 'avc1/mp4', chunksize=5, scheduler=scheduler, progress=lambda: calls.append(1)
    )
    assert sorted(f'{frames.start // 5:06d}' for frames in spied) == sorted({f'{n:06d}' for n in range(5)} - kept)
    assert len(calls) == 2 * COUNT
    assert done == convert(interrupted, tmp_path / 'e', 'avc1/mp4', chunksize=5)
    assert files(tmp_path / 'd') == files(tmp_path / 'e')
    assert names(tmp_path) == {'s', 'd', 'e'}


@pytest.mark.once
@pytest.mark.parametrize('what', ['bytes', 'plan'])
def test_a_finished_part_that_does_not_fit_is_done_again(
    what: str, interrupted: Path, scheduler: str, spied: list[range], tmp_path: Path
) -> None:
    """It lost a byte, or a task of an earlier plan finished it too late."""
    name = min(finished(tmp_path))
    video, report = tmp_path / WORK / name / '000000.mp4', tmp_path / WORK / name / 'report.json'
    if what == 'bytes':
        video.write_bytes(video.read_bytes()[:-1])
    else:
        report.write_text(json.dumps({**json.loads(report.read_text()), 'plan': 'another'}))
    convert(interrupted, tmp_path / 'd', 'avc1/mp4', chunksize=5, scheduler=scheduler)
    assert int(name) * 5 in [frames.start for frames in spied]
    convert(interrupted, tmp_path / 'e', 'avc1/mp4', chunksize=5)
    assert files(tmp_path / 'd') == files(tmp_path / 'e')


@pytest.mark.once
@pytest.mark.parametrize(
    ('argument', 'fmt', 'options'),
    [
        ('chunksize', 'avc1/mp4', {'chunksize': 6}),
        ('crf', 'avc1/mp4', {'chunksize': 5, 'crf': 30}),
        ('verify', 'avc1/mp4', {'chunksize': 5, 'verify': False}),
        ('format', 'h264/mkv', {'chunksize': 5}),
        ('roi', 'avc1/mp4', {'chunksize': 5, 'roi': (0, 0, 64, 64)}),
        ('roi', 'avc1/mp4', {'chunksize': 5, 'binning': 2}),
    ],
)
def test_parts_with_other_options_are_refused(
    argument: str, fmt: str, options: dict[str, Any], interrupted: Path, scheduler: str, tmp_path: Path
) -> None:
    kept = finished(tmp_path)
    with raises(InvalidArgumentError, argument=argument, path=str(tmp_path / WORK)):
        convert(interrupted, tmp_path / 'd', fmt, scheduler=scheduler, **options)
    assert finished(tmp_path) == kept
    assert convert(interrupted, tmp_path / 'd', fmt, scheduler=scheduler, overwrite=True, **options).frames == COUNT
    assert names(tmp_path) == {'s', 'd'}


def test_an_option_to_leave_out_is_named(interrupted: Path, scheduler: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match='leave out crf to continue'):
        convert(interrupted, tmp_path / 'd', 'avc1/mp4', chunksize=5, crf=30, scheduler=scheduler)


def test_overwriting_continues_with_parts_that_fit(
    interrupted: Path, scheduler: str, spied: list[range], tmp_path: Path
) -> None:
    kept = finished(tmp_path)
    convert(interrupted, tmp_path / 'd', 'avc1/mp4', chunksize=5, scheduler=scheduler, overwrite=True)
    assert len(spied) == 5 - len(kept)


def test_one_process_tells_where_unused_parts_are(interrupted: Path, tmp_path: Path) -> None:
    kept = finished(tmp_path)
    with pytest.warns(ImgStoreWarning, match='converting'):
        convert(interrupted, tmp_path / 'd', 'avc1/mp4', chunksize=5)
    assert finished(tmp_path) == kept


@pytest.mark.parametrize('scheduled', [False, True])
def test_neither_store_may_be_inside_the_other(scheduled: bool, scheduler: str, tmp_path: Path) -> None:
    source = store_of(tmp_path / 'a' / 's')
    before = files(tmp_path / 'a')
    (tmp_path / 'link').symlink_to(source)
    for target in (source / 'd', source / '000009', tmp_path / 'link' / 'd', tmp_path / 'a'):
        with raises(InvalidArgumentError, argument='dest', path=str(target)):
            convert(source, target, 'png', scheduler=scheduler if scheduled else None, overwrite=True)
    assert files(tmp_path / 'a') == before
    assert not list((tmp_path).glob('.*'))


@pytest.mark.parametrize('scheduled', [False, True])
def test_files_in_an_existing_folder_stay(scheduled: bool, scheduler: str, tmp_path: Path) -> None:
    source = store_of(tmp_path / 's')
    (tmp_path / 'd').mkdir()
    (tmp_path / 'd' / 'notes.txt').write_text('mine')
    convert(source, tmp_path / 'd', 'png', scheduler=scheduler if scheduled else None)
    assert (tmp_path / 'd' / 'notes.txt').read_text() == 'mine'


def test_parts_of_another_or_changed_source_are_refused(interrupted: Path, scheduler: str, tmp_path: Path) -> None:
    other = store_of(tmp_path / 'other')
    with raises(InvalidArgumentError, argument='source', store=str(other)):
        convert(other, tmp_path / 'd', 'avc1/mp4', chunksize=5, scheduler=scheduler)
    os.utime(interrupted / '000001' / '000001.npy')
    with raises(InvalidArgumentError, argument='source', store=str(interrupted)):
        convert(interrupted, tmp_path / 'd', 'avc1/mp4', chunksize=5, scheduler=scheduler)


def test_a_source_that_changes_meanwhile_is_noticed(scheduler: str, tmp_path: Path) -> None:
    source = store_of(tmp_path / 's')
    with raises(InvalidArgumentError, argument='source'):
        convert(
            source,
            tmp_path / 'd',
            'png',
            scheduler=scheduler,
            progress=lambda: os.utime(source / '000001' / '000001.npy'),
        )
    assert not (tmp_path / 'd').exists()


def test_a_store_that_appears_meanwhile_is_not_replaced(scheduler: str, tmp_path: Path) -> None:
    source = store_of(tmp_path / 's')

    def progress() -> None:
        if not (tmp_path / 'd').exists():
            imgstore.new_for_format('npy', tmp_path / 'd', imgshape=GRAY).close()

    with raises(StoreExistsError, path=str(tmp_path / 'd')):
        convert(source, tmp_path / 'd', 'png', scheduler=scheduler, progress=progress)
    assert names(tmp_path / 'd') == {'metadata.yaml'}


def test_a_frame_that_differs_is_named(
    cluster: Any, scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was changed between its writing and its comparison."""
    source = forget_checksums(store_of(tmp_path / 's'))

    def changed(*args: Any) -> Any:
        np.save(source / '000003' / '000002.npy', np.zeros(SHAPE, np.uint8))
        return compare_frames(*args)

    monkeypatch.setattr(tasks, 'compare_frames', changed)
    with raises(FrameWriteError, frame_index=17, store=str(tmp_path / 'd')):
        convert(source, tmp_path / 'd', 'png', scheduler=scheduler)
    wait_until_idle(cluster)
    assert names(tmp_path) == {'s'}


def test_parts_are_kept_for_a_lower_psnr(cluster: Any, scheduler: str, spied: list[range], tmp_path: Path) -> None:
    source = store_of(tmp_path / 's')
    with raises(FrameWriteError, store=str(tmp_path / 'd')):
        convert(source, tmp_path / 'd', 'jpg', min_psnr=90, scheduler=scheduler)
    wait_until_idle(cluster)
    spied.clear()
    assert convert(source, tmp_path / 'd', 'jpg', min_psnr=15, scheduler=scheduler).worst_psnr > 15
    assert spied == []


def test_a_store_that_is_being_written_is_refused(scheduler: str, tmp_path: Path) -> None:
    with imgstore.new_for_format('npy', tmp_path / 's', imgshape=GRAY) as writer:
        writer.add_image(numbered(0, GRAY), 0, 0)
        with raises(StoreLockedError, store=str(tmp_path / 's')):
            convert(tmp_path / 's', tmp_path / 'd', 'png', scheduler=scheduler)


def test_two_conversions_to_one_target_are_refused(scheduler: str, tmp_path: Path) -> None:
    source = store_of(tmp_path / 's')
    (tmp_path / WORK).mkdir()
    lock = StoreLock(str(tmp_path / WORK / '.lock'))
    with raises(StoreLockedError, store=str(tmp_path / 'd')):
        convert(source, tmp_path / 'd', 'png', scheduler=scheduler)
    lock.release()
    assert convert(source, tmp_path / 'd', 'png', scheduler=scheduler).exact


@pytest.mark.parametrize(
    ('argument', 'options'),
    [('imgdtype', {}), ('chunksize', {'chunksize': 0}), ('workers', {'fmt': 'bpk', 'workers': -1})],
)
def test_wrong_arguments_leave_nothing(argument: str, options: Any, scheduler: str, tmp_path: Path) -> None:
    source = store_of(tmp_path / 's', 'npy', GRAY, 'float64')
    with raises(InvalidArgumentError, argument=argument):
        convert(source, tmp_path / 'd', **{'fmt': 'png', 'scheduler': scheduler, **options})
    with raises(InvalidArgumentError, argument='dest'):
        convert(source, source, 'bpk', scheduler=scheduler, overwrite=True)
    assert names(tmp_path) == {'s'}


# --- the cluster


WRONG = ['', 5, 'Local', 'localhost', 'foo', 'host:', ':8786', 'host:port', 'host:0', 'host:99999', 'foo://host:1']


@pytest.mark.parametrize('wrong', [*WRONG, 'tcp://host', 'tcp://', 'a b:1', 'host:1/x', 'inproc://'])
def test_what_is_no_address_is_an_error_at_once(wrong: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('imgstore.convert.scheduler.connected', None)
    source = store_of(tmp_path / 's')
    with raises(InvalidArgumentError, argument='scheduler'):
        convert(source, tmp_path / 'd', 'png', scheduler=wrong)
    assert names(tmp_path) == {'s'}


@pytest.fixture
def silent() -> Iterator[str]:
    """An address where nothing is ever said."""
    with socket.create_server(('127.0.0.1', 0)) as server:
        yield f'127.0.0.1:{server.getsockname()[1]}'


@pytest.mark.slow
def test_no_scheduler_at_an_address_is_an_error(
    silent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Refused, no such host, and one that does not answer; in one line."""
    monkeypatch.setattr(connection, '_ANSWER', 0.3)
    source = store_of(tmp_path / 's')
    for wrong in ('tcp://127.0.0.1:1', '[::1]:1', 'nowhere.invalid:8786', silent):
        assert main(['--format', 'png', '--scheduler', wrong, str(source), str(tmp_path / 'd')]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert wrong in line
    assert names(tmp_path) == {'s'}


def test_the_address_of_a_worker_is_refused(tmp_path: Path) -> None:
    source = store_of(tmp_path / 's')
    with LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=':0') as cluster:
        worker = cluster.workers[0].address
        with raises(InvalidArgumentError, argument='scheduler'):
            convert(source, tmp_path / 'd', 'png', scheduler=worker)


def test_a_scheduler_without_workers_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_watch, 'LOOK_EVERY', 0.01)
    monkeypatch.setattr(worker_watch, '_GIVE_UP_AFTER', 0.02)
    source = store_of(tmp_path / 's')
    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address=':0') as cluster,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter('error', ImgStoreWarning)  # which ends the conversion
        with pytest.raises(ImgStoreWarning, match='no workers'):
            convert(source, tmp_path / 'd', 'png', scheduler=cluster.scheduler_address)


def test_without_dask_its_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = store_of(tmp_path / 's')
    monkeypatch.setitem(sys.modules, 'distributed', None)
    with pytest.raises(MissingDependencyError, match=r'pip install "imgstore\[dask\]"'):
        convert(source, tmp_path / 'd', 'png', scheduler='local')
    assert names(tmp_path) == {'s'}


def task_for(source: Path, **changes: Any) -> PartTask:
    """The task for all frames of a store, with changes."""
    work = source.parent / 'work'
    work.mkdir(exist_ok=True)
    (work / 'plan.json').write_text('{"uuid": "any"}')
    usual = PartTask(
        part=Part(0, range(COUNT), 0),
        source=str(source),
        target=str(source.parent / 'd'),
        work=str(work),
        plan='any',
        frame_count=COUNT,
        recipe=Recipe('png', 5, None, False),
        shape=SHAPE,
        dtype='uint8',
        options={},
        verify=True,
        version=imgstore.__version__,
    )
    return replace(usual, **changes)


def test_a_worker_with_other_files_is_named(tmp_path: Path) -> None:
    """Or with another imgstore, or with no access to the folder."""
    source = store_of(tmp_path / 's')
    for changes, path in (({'version': '0.0'}, None), ({'work': 'none'}, 'none'), ({'frame_count': 9}, str(source))):
        with raises(StoreIOError, path=path):
            tasks.convert_part(task_for(source, **changes))
    assert names(tmp_path / 'work') == {'plan.json'}


def test_of_two_runs_of_a_task_one_counts(tmp_path: Path) -> None:
    """A worker that was lost for a while may finish what another one did meanwhile."""
    task = task_for(store_of(tmp_path / 's'))
    first = tasks.convert_part(task)
    kept = (tmp_path / 'work' / '000000' / 'report.json').stat()
    assert tasks.convert_part(task) == first
    assert (tmp_path / 'work' / '000000' / 'report.json').stat().st_ino == kept.st_ino
    assert names(tmp_path / 'work') == {'plan.json', '000000'}


def test_a_task_of_an_ended_conversion_finishes_nothing(tmp_path: Path) -> None:
    """The cluster may start it late, when the folder is of the next conversion, whose own tasks replace its part."""
    source = store_of(tmp_path / 's')
    work = tmp_path / 'work'
    with raises(StoreIOError, path=str(work)):
        tasks.convert_part(task_for(source, plan='earlier'))
    assert names(work) == {'plan.json'}
    tasks.convert_part(task_for(source))
    report = work / '000000' / 'report.json'
    report.write_text(report.read_text().replace('any', 'earlier'))
    assert tasks.convert_part(task_for(source)).plan == 'any'
    assert '"any"' in report.read_text()
