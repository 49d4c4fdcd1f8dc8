"""Stores in NWB files, which are read back by pynwb and checked by nwbinspector."""

import datetime
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import pynwb
import pytest
from nwbinspector import inspect_nwbfile

import imgstore
from imgstore.adapters import nwb
from imgstore.errors import FrameReadError, ImgStoreWarning, InvalidArgumentError, StoreLockedError

from ..helpers.frames import index_in, numbered
from ..helpers.raised import raises, warns

START = datetime.datetime(2023, 11, 14, 22, 13, 20, tzinfo=datetime.timezone.utc)  # 1700000000
SHAPE = (64, 96)
FORMATS = ['mjpeg/avi', 'avc1/mp4', 'h264/mkv', 'png', 'tif', 'bmp', 'jpg', 'ppm', 'webp']
ODD_TIMES = np.cumsum([0.5, *np.tile([0.04, 0.0411, 0.0392], 8)])


def new_nwb_file():
    """An NWB file of which nwbinspector finds nothing, but for what is added."""
    subject = pynwb.file.Subject(
        subject_id='A7', species='Mus musculus', sex='F', age='P90D', description='a mouse that was imagined'
    )
    return pynwb.NWBFile(
        session_description='A mouse explores an arena.',
        identifier='session-1',
        session_start_time=START,
        experimenter=['Doe, Jane'],
        experiment_description='Exploration of an arena.',
        institution='University',
        keywords=['video'],
        lab='A lab',
        subject=subject,
    )


def record(folder, fmt, shape=SHAPE, times=ODD_TIMES, chunksize=4, **options):
    with imgstore.new_for_format(fmt, folder, imgshape=shape, chunksize=chunksize, **options) as store:
        for index, time in enumerate(times):
            store.add_image(numbered(index, shape), 100 + 2 * index, START.timestamp() + time)
    return imgstore.new_for_filename(folder)


def write(path, *series):
    file = new_nwb_file()
    for each in series:
        file.add_acquisition(each)
    with pynwb.NWBHDF5IO(path, 'w') as io:
        io.write(file)


def complaints(path):
    return list(inspect_nwbfile(nwbfile_path=path)) + pynwb.validate(path=str(path))


def decoded(path):
    """All frames of a file, as OpenCV reads them."""
    if path.suffix in {'.mp4', '.avi', '.mkv'}:
        video, frames = cv2.VideoCapture(str(path)), []
        while (got := video.read())[0]:
            frames.append(got[1])
        return frames
    return [cv2.imread(str(path), cv2.IMREAD_UNCHANGED)]


def frames_of(series, folder):
    """The frames that a reader of NWB finds, in the order of the series."""
    starts = [*series.starting_frame[:], len(series.timestamps)]
    for file, start, stop in zip(series.external_file[:], starts, starts[1:], strict=False):
        assert not os.path.isabs(file)
        frames = decoded(Path(folder, file))
        assert len(frames) == stop - start
        yield from frames


@pytest.mark.parametrize('shape', [SHAPE, (*SHAPE, 3)])
def test_an_nwb_file_refers_to_the_files_of_stores(tmp_path, shape):
    (tmp_path / 'raw').mkdir()
    (tmp_path / 'analysis').mkdir()
    path, made = tmp_path / 'analysis' / 'session.nwb', []
    for fmt in FORMATS:
        with record(tmp_path / 'raw' / fmt.replace('/', '-'), fmt, shape) as store:
            times = store.frame_times - 1700000000
            made.append(nwb.image_series(store, new_nwb_file(), path))
    write(path, *made)
    assert complaints(path) == []
    with pynwb.NWBHDF5IO(path, 'r') as io:
        found = io.read().acquisition
        assert len(found) == len(FORMATS)
        for series in found.values():
            assert (series.format, [*series.dimension[:]]) == ('external', [96, 64])
            np.testing.assert_array_equal(series.timestamps[:], times)
            assert [index_in(frame) for frame in frames_of(series, path.parent)] == [*range(25)]


def test_chunks_of_an_nwb_file_differ_in_length(tmp_path):
    """An inserted chunk is shorter, and the last one longer."""
    path = tmp_path / 'session.nwb'
    with record(tmp_path / 'short', 'avc1/mp4', times=ODD_TIMES[:3]) as short:
        video = short.chunk_paths()[0]
    with imgstore.new_for_format('avc1/mp4', tmp_path / 's', imgshape=SHAPE, chunksize=10) as store:
        for index in range(2):
            store.add_image(numbered(index, SHAPE), index, 1700000000 + ODD_TIMES[index])
        store.insert_chunk(video, [2, 3, 4], [1700000001, 1700000002, 1700000004], move=False)
        for index in range(5, 15):
            store.add_image(numbered(index, SHAPE), index, 1700000005 + index**1.1)
    with imgstore.new_for_filename(tmp_path / 's') as store:
        write(path, nwb.image_series(store, START, path, name='camera'))
    assert complaints(path) == []
    with pynwb.NWBHDF5IO(path, 'r') as io:
        series = io.read().acquisition['camera']
        assert [*series.starting_frame[:]] == [0, 2, 5]
        found = [index_in(frame) for frame in frames_of(series, tmp_path)]
        assert found == [0, 1, 0, 1, 2, *range(5, 15)]


def test_nwb_gets_a_rate_where_all_steps_are_equal(tmp_path):
    path = tmp_path / 'session.nwb'
    with record(tmp_path / 's', 'avc1/mp4', times=np.arange(25) / 32) as store:
        write(path, nwb.image_series(store, START.timestamp() - 2, path))
    assert complaints(path) == []
    with pynwb.NWBHDF5IO(path, 'r') as io:
        series = io.read().acquisition['s']
        assert (series.rate, series.starting_time, series.num_samples) == (32, 2, 25)


@pytest.mark.parametrize(('fmt', 'shape'), [('npy', SHAPE), ('png', (*SHAPE, 3))])
def test_nwb_embeds_images(tmp_path, fmt, shape):
    path = tmp_path / 'session.nwb'
    times = np.cumsum(np.tile([0.04, 0.05], 60))
    with record(tmp_path / 's', fmt, shape, times=times) as store:
        write(path, nwb.image_series(store, START, path, embed=True))
    assert complaints(path) == []
    with pynwb.NWBHDF5IO(path, 'r') as io:
        series = io.read().acquisition['s']
        expected = np.stack([numbered(index, shape) for index in range(120)])
        np.testing.assert_array_equal(series.data[:], expected if len(shape) == 2 else expected[..., ::-1])


def test_nwb_refuses_what_other_programs_do_not_show(tmp_path):
    with record(tmp_path / 'n', 'npy') as store, raises(InvalidArgumentError, argument='store'):
        nwb.image_series(store, START, tmp_path / 'session.nwb')
    with (
        record(tmp_path / 'e', 'png', encoding='cv_bayerrg') as store,
        raises(InvalidArgumentError, argument='store'),
    ):
        nwb.image_series(store, START, tmp_path / 'session.nwb')


def test_nwb_needs_the_repair_of_a_killed_recording(tmp_path):
    program = (
        'import os, sys, time, numpy, imgstore\n'
        "store = imgstore.new_for_format('avc1/mp4', sys.argv[1], imgshape=(64, 96), chunksize=4)\n"
        'for number in range(6):\n'
        "    store.add_image(numpy.zeros((64, 96), 'uint8'), number, 1700000000 + number**1.1)\n"
        'time.sleep(2)\n'
        'os._exit(0)\n'
    )
    subprocess.run([sys.executable, '-c', program, tmp_path / 's'], check=True)
    with imgstore.new_for_filename(tmp_path / 's') as store, raises(FrameReadError, file='000001.mp4'):
        nwb.image_series(store, START, tmp_path / 'session.nwb')
    imgstore.repair(tmp_path / 's')
    with imgstore.new_for_filename(tmp_path / 's') as store:
        series = nwb.image_series(store, START, tmp_path / 'session.nwb')
    assert (series.external_file, series.starting_frame) == (['s/000000.mp4', 's/000001.mp4'], [0, 4])


def test_nwb_refers_to_no_file_that_is_missing_or_cut_off(tmp_path):
    for fmt, file in (('png', '000001/000002.png'), ('avc1/mp4', '000001.mp4')):
        store = record(tmp_path / fmt.replace('/', '-'), fmt)
        path = Path(store.filename, file)
        content = path.read_bytes()
        path.unlink()
        with raises(FrameReadError, path=str(path)):
            nwb.image_series(store, START, tmp_path / 'x.nwb')
    path.write_bytes(content[: len(content) // 3])
    with raises(FrameReadError, path=str(path)):
        nwb.image_series(imgstore.new_for_filename(store.filename), START, tmp_path / 'x.nwb')


def test_names_of_columns_are_made_to_fit_nwb(tmp_path):
    with imgstore.new_for_format('png', tmp_path / 'light', imgshape=SHAPE) as writer:
        for index in range(4):
            writer.add_image(numbered(index, SHAPE), index, START.timestamp() + index)
            writer.add_extra_data(**{'.': 1, 'nul\0x': 2, 'light': 3, 'a/b': 4})
    store = imgstore.new_for_filename(tmp_path / 'light')
    series = nwb.time_series(store, START)
    assert {each.name for each in series} == {'frame_number', 'unnamed_', 'nul_x', 'light_extra', 'a_b'}
    write(tmp_path / 'x.nwb', nwb.image_series(store, START, tmp_path / 'x.nwb'), *series)


def test_nwb_needs_an_open_store_with_frames(tmp_path):
    with raises(InvalidArgumentError, argument='store'):
        nwb.image_series(str(tmp_path), START, tmp_path / 'session.nwb')  # type: ignore[arg-type]
    with record(tmp_path / 'e', 'png', times=[]) as store, raises(InvalidArgumentError, argument='store'):
        nwb.image_series(store, START, tmp_path / 'session.nwb')
    with record(tmp_path / 's', 'png') as store, raises(InvalidArgumentError, argument='reference'):
        nwb.image_series(store, START.replace(tzinfo=None), tmp_path / 'session.nwb')


def test_nwb_refuses_times_before_the_reference(tmp_path):
    with record(tmp_path / 's', 'png') as store, raises(InvalidArgumentError, argument='reference'):
        nwb.image_series(store, START + datetime.timedelta(seconds=2), tmp_path / 'session.nwb')


def test_extra_data_become_time_series(tmp_path):
    path = tmp_path / 'session.nwb'
    with imgstore.new_for_format('mjpeg/avi', tmp_path / 's', imgshape=SHAPE, chunksize=4) as store:
        store.add_extra_data(before=1)
        for index, time in enumerate(ODD_TIMES):
            store.add_image(numbered(index, SHAPE), 100 + index, 1700000000 + time)
            store.add_extra_data(temperature=20 + index / 8, lever=index == 3, place=[index, 0.5])
            if index % 3:
                store.add_extra_data(**{'a/b': f'caf\xe9 {index}', 'large': 2**60 + index, 'mixed': [1] * (index % 4)})
    with imgstore.new_for_filename(tmp_path / 's') as store:
        file = new_nwb_file()
        made = nwb.time_series(store, file, units={'temperature': 'degrees Celsius'})
        write(path, nwb.image_series(store, file, path), *made)
        times = store.frame_times - 1700000000
    assert complaints(path) == []
    with pynwb.NWBHDF5IO(path, 'r') as io:
        found = io.read().acquisition
        assert {*found} == {'s', 'frame_number', 'temperature', 'lever', 'place', 'a_b', 'large', 'mixed'}
        assert found['frame_number'].data[:].tolist() == [*range(100, 125)]
        assert found['temperature'].data[:].tolist() == [20 + index / 8 for index in range(25)]
        assert found['temperature'].unit == 'degrees Celsius'
        assert np.flatnonzero(found['lever'].data[:]).tolist() == [3]
        assert found['place'].data[:].tolist() == [[index, 0.5] for index in range(25)]
        later = [index for index in range(25) if index % 3]
        assert found['large'].data[:].tolist() == [2**60 + index for index in later]
        assert [*found['a_b'].data[:]] == [f'caf\xe9 {index}' for index in later]
        assert [*found['mixed'].data[:3]] == ['[1]', '[1, 1]', '[]']
        np.testing.assert_array_equal(found['a_b'].timestamps[:], times[later])
        np.testing.assert_array_equal(found['lever'].timestamps[:], times)


def test_a_store_without_extra_data_has_frame_numbers_in_nwb(tmp_path):
    with record(tmp_path / 's', 'npy') as store:
        (series,) = nwb.time_series(store, START, prefix='left_')
    assert (series.name, series.data.tolist()) == ('left_frame_number', [*range(100, 150, 2)])


def test_nwb_refers_to_the_parts_of_a_recording(tmp_path):
    path = tmp_path / 'session.nwb'
    record(tmp_path / 'a', 'avc1/mp4', times=ODD_TIMES[:6])
    record(tmp_path / 'b', 'mjpeg/avi', times=ODD_TIMES[6:])
    with imgstore.MultiStore([tmp_path / 'a', tmp_path / 'b']) as store:
        write(path, nwb.image_series(store, START, path))
    assert complaints(path) == []
    with pynwb.NWBHDF5IO(path, 'r') as io:
        series = io.read().acquisition['a']
        assert [*series.starting_frame[:]] == [0, 4, 6, 10, 14, 18, 22]
        found = [index_in(frame) for frame in frames_of(series, path.parent)]
        assert found == [*range(6), *range(19)]


def test_nwb_refuses_a_store_that_is_written(tmp_path):
    with imgstore.new_for_format('avc1/mp4', tmp_path / 's', imgshape=SHAPE, workers=0) as writer:
        writer.add_image(numbered(0, SHAPE), 0, 1700000000)
        with (
            imgstore.new_for_filename(tmp_path / 's') as store,
            raises(StoreLockedError, store=str(tmp_path / 's')),
        ):
            store.refresh()
            nwb.image_series(store, START, tmp_path / 'session.nwb')


def test_nwb_refers_to_stores_from_a_linked_folder(tmp_path):
    store = record(tmp_path / 's', 'png')
    (tmp_path / 'deep' / 'er').mkdir(parents=True)
    (tmp_path / 'link').symlink_to(tmp_path / 'deep' / 'er')
    series = nwb.image_series(store, START, tmp_path / 'link' / 'session.nwb')
    assert (tmp_path / 'link' / series.external_file[0]).exists()


def test_nwb_warns_of_times_that_go_back(tmp_path):
    store = record(tmp_path / 's', 'png', times=[0, 2, 1])
    with warns(ImgStoreWarning):
        nwb.image_series(store, START, tmp_path / 'session.nwb')


def test_nwb_refuses_wrong_arguments(tmp_path):
    store = record(tmp_path / 's', 'png')
    wrong: list[dict[str, Any]] = [{'embed': 'no'}, {'format': 'tiff'}, {'timestamps': [1]}]
    for options in wrong:
        with raises(InvalidArgumentError, argument=next(iter(options))):
            nwb.image_series(store, START, tmp_path / 'session.nwb', **options)
    wrong_units: list[Any] = ['C', {'temprature': 'C'}]
    for units in wrong_units:
        with raises(InvalidArgumentError, argument='units'):
            nwb.time_series(store, START, units=units)
    with raises(InvalidArgumentError, argument='store'):
        nwb.time_series(cast('Any', str(tmp_path / 's')), START)
