from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import pandas as pd
import pytest

import imgstore
from imgstore.apps.convert import main
from imgstore.convert import HISTORY, convert
from imgstore.errors import (
    FrameReadError,
    FrameWriteError,
    ImgStoreError,
    InvalidArgumentError,
    StoreExistsError,
    StoreIOError,
    StoreLockedError,
    StoreNotFoundError,
)

from ..helpers.checked import not_none
from ..helpers.format_table import LOSSLESS, LOSSY, NO_COLOR
from ..helpers.frames import index_in, numbered
from ..helpers.raised import raises
from ..helpers.unverified import forget_checksums

SHAPE = (64, 96, 3)
COUNT = 23
NUMBERS = [50 - i if i < 3 else i for i in range(COUNT)]
TIMES = [1.7e9 + i / 25 + 1e-4 * (i % 2) for i in range(COUNT)]
METADATA = {'subject': 'A7', 'exposure': 0.008, 'list': [1, {'a': None}]}


def store_of(
    folder: Path, fmt: str = 'npy', shape: tuple[int, ...] = SHAPE, dtype: str = 'uint8', **options: Any
) -> Path:
    options = {'chunksize': 5, 'metadata': METADATA, **options}
    with imgstore.new_for_format(fmt, folder, imgshape=shape, imgdtype=dtype, **options) as store:
        store.add_extra_data(before=True)
        for index in range(COUNT):
            store.add_image(numbered(index, shape).astype(dtype), NUMBERS[index], TIMES[index])
            for repeat in range(index % 3):
                store.add_extra_data(temperature=20 + index / 10, repeat=repeat, note=None)
    return folder


def images(folder: Path) -> list[Any]:
    with imgstore.new_for_filename(folder) as store:
        return list(store.get_images(frame_indices=range(len(store)))[0])


@pytest.mark.parametrize('fmt', [fmt for fmt in LOSSLESS if fmt not in NO_COLOR])
def test_frames_come_back_bit_for_bit_from_a_lossless_format(fmt: str, tmp_path: Path) -> None:
    done = convert(store_of(tmp_path / 's'), tmp_path / 'd', fmt)
    assert (done.frames, done.verified, done.exact, done.worst_psnr) == (COUNT, True, True, math.inf)
    assert all(map(np.array_equal, images(tmp_path / 'd'), images(tmp_path / 's')))


@pytest.mark.parametrize('fmt', LOSSY)
def test_of_a_lossy_format_the_lowest_psnr_is_told(fmt: str, tmp_path: Path) -> None:
    done = convert(store_of(tmp_path / 's'), tmp_path / 'd', fmt)
    psnrs = [cv2.PSNR(a, b) for a, b in zip(images(tmp_path / 's'), images(tmp_path / 'd'), strict=True)]
    assert not done.exact
    assert done.worst_psnr == pytest.approx(min(psnrs))
    assert done.mean_psnr == pytest.approx(cv2.PSNR(np.stack(images(tmp_path / 's')), np.stack(images(tmp_path / 'd'))))
    assert done.worst_index == int(np.argmin(psnrs))
    assert [index_in(image) for image in images(tmp_path / 'd')] == list(range(COUNT))


def test_a_video_becomes_images_bit_for_bit_as_it_is_decoded(tmp_path: Path) -> None:
    assert convert(store_of(tmp_path / 's', 'avc1/mp4'), tmp_path / 'd', 'png').exact
    assert all(map(np.array_equal, images(tmp_path / 'd'), images(tmp_path / 's')))


@pytest.mark.parametrize(
    ('shape', 'dtype', 'fmt'),
    [
        ((64, 96), 'uint8', 'pgm'),
        ((64, 96), 'uint16', 'png'),
        ((64, 96, 3), 'float32', 'tif'),
        ((64, 96), 'float64', 'bpk'),
    ],
)
def test_depth_and_gray_are_kept(shape: tuple[int, ...], dtype: str, fmt: str, tmp_path: Path) -> None:
    assert convert(store_of(tmp_path / 's', 'npy', shape, dtype), tmp_path / 'd', fmt).exact
    assert images(tmp_path / 'd')[7].dtype == dtype
    assert np.array_equal(images(tmp_path / 'd')[7], numbered(7, shape).astype(dtype))


def test_colour_becomes_gray_in_pgm(tmp_path: Path) -> None:
    assert convert(store_of(tmp_path / 's'), tmp_path / 'd', 'pgm').exact
    assert images(tmp_path / 'd')[0].shape == SHAPE[:2]


def test_numbers_times_metadata_and_creation_are_carried_over(tmp_path: Path) -> None:
    convert(store_of(tmp_path / 's'), tmp_path / 'd', 'png')
    with imgstore.new_for_filename(tmp_path / 's') as old, imgstore.new_for_filename(tmp_path / 'd') as new:
        assert new.get_frame_metadata() == {'frame_number': NUMBERS, 'frame_time': TIMES}
        assert {key: value for key, value in new.user_metadata.items() if key != HISTORY} == METADATA
        assert new.created == old.created
        assert new.uuid != old.uuid


def test_what_a_store_was_made_of_is_listed_the_oldest_first(tmp_path: Path) -> None:
    convert(store_of(tmp_path / 's'), tmp_path / 'd', 'mjpeg/avi')
    convert(tmp_path / 'd', tmp_path / 'e', 'png')
    with (
        imgstore.new_for_filename(tmp_path / 's') as first,
        imgstore.new_for_filename(tmp_path / 'd') as second,
        imgstore.new_for_filename(tmp_path / 'e') as last,
    ):
        history = last.user_metadata[HISTORY]
        assert [(entry['uuid'], entry['format']) for entry in history] == [
            (first.uuid, 'npy'),
            (second.uuid, 'mjpeg/avi'),
        ]
        assert last.created == first.created


@pytest.mark.parametrize('chunksize', [None, 4, 100])
def test_extra_data_is_carried_over_whatever_the_chunks(chunksize: int | None, tmp_path: Path) -> None:
    convert(store_of(tmp_path / 's'), tmp_path / 'd', 'png', chunksize=chunksize)
    with imgstore.new_for_filename(tmp_path / 's') as old, imgstore.new_for_filename(tmp_path / 'd') as new:
        assert len(new.chunks) == math.ceil(COUNT / (chunksize or 5))
        pd.testing.assert_frame_equal(not_none(old.get_extra_data()), not_none(new.get_extra_data()))


def test_motif_data_is_converted_without_reserved_rows(tmp_path: Path) -> None:
    """Converting a store carries over Motif's extra data without its reserved rows."""
    folder = store_of(tmp_path / 's')
    rows = [
        {'sensor': 1.5, 'frame_number': NUMBERS[0], 'frame_time': TIMES[0], 'frame_index': 0},
        {'sensor': 0, 'frame_number': -1, 'frame_time': 0, 'frame_index': 0},
    ]
    (folder / '000000.extra_data.json').write_text(json.dumps(rows))
    convert(folder, tmp_path / 'd', 'png')
    with imgstore.new_for_filename(tmp_path / 'd') as new:
        assert not_none(new.get_extra_data())['sensor'].dropna().tolist() == [1.5]


def sensors(folder: Path, chunk: int) -> None:
    with h5py.File(folder / f'{chunk:06d}.extra_data.h5', 'w') as file:
        file.attrs['datasets'] = 'daq'
        file['daq'] = np.arange(4.0)[None] + chunk
        file['daq'].attrs['column_names'], file['daq'].attrs['samplerate'] = 'mic', 8000.0
        file['camera'] = np.zeros(4, [('frame_number', '<i8'), ('frame_time', '<f8'), ('frame_index', '<i8')])


def test_samples_of_sensors_are_carried_over(tmp_path: Path) -> None:
    folder = store_of(tmp_path / 's')
    for chunk in (0, 1):
        sensors(folder, chunk)
    convert(folder, tmp_path / 'd', 'mjpeg/avi', chunksize=10)
    with imgstore.new_for_filename(tmp_path / 'd') as new:
        assert new.get_extra_data_samplerate() == 8000
        assert not_none(new.get_extra_data())['mic'].dropna().tolist() == [0, 1, 2, 3, 1, 2, 3, 4]
    with pytest.raises(InvalidArgumentError, match='choose a smaller one'):
        convert(folder, tmp_path / 'e', 'mjpeg/avi')
    assert not (tmp_path / 'e').exists()


@pytest.mark.parametrize(('fmt', 'encoding'), [('png', 'cv_bayerbg'), ('mjpeg/avi', None), ('png+color', None)])
def test_raw_images_stay_raw_only_in_lossless_formats(fmt: str, encoding: str | None, tmp_path: Path) -> None:
    """Raw images stay raw in a lossless format and are decoded for other formats."""
    done = convert(store_of(tmp_path / 's', 'npy', (64, 96), encoding='cv_bayerbg'), tmp_path / 'd', fmt)
    assert done.exact == ('png' in fmt)
    with imgstore.new_for_filename(tmp_path / 's') as old, imgstore.new_for_filename(tmp_path / 'd') as new:
        assert new.encoding == encoding
        assert new.image_shape == SHAPE
        assert cv2.PSNR(old.get_next_image()[0], new.get_next_image()[0]) > 20


def test_an_empty_store_is_converted(tmp_path: Path) -> None:
    imgstore.new_for_format('npy', tmp_path / 's', imgshape=(4, 5), metadata=METADATA).close()
    assert convert(tmp_path / 's', tmp_path / 'd', 'png').frames == 0
    with imgstore.new_for_filename(tmp_path / 'd') as new:
        assert new.user_metadata['subject'] == 'A7'


# --- what is there stays, what fails leaves nothing


def test_destination_store_is_replaced_only_on_request(tmp_path: Path) -> None:
    """A store at the destination is replaced only on request, and its user's files stay."""
    store_of(tmp_path / 's')
    store_of(tmp_path / 'd', 'png', (32, 48), metadata={'old': True})
    (tmp_path / 'd' / 'notes.txt').write_text('mine')
    with pytest.raises(StoreExistsError):
        convert(tmp_path / 's', tmp_path / 'd', 'png')
    assert images(tmp_path / 'd')[0].shape == (32, 48)
    convert(tmp_path / 's', tmp_path / 'd', 'mjpeg/avi', overwrite=True)
    assert images(tmp_path / 'd')[0].shape == SHAPE
    assert (tmp_path / 'd' / 'notes.txt').read_text() == 'mine'
    assert not (tmp_path / 'd' / '000000').exists()


def test_a_store_is_not_converted_into_itself(tmp_path: Path) -> None:
    store_of(tmp_path / 's')
    (tmp_path / 'link').symlink_to(tmp_path / 's')
    with raises(InvalidArgumentError, argument='dest'):
        convert(tmp_path / 's', tmp_path / 'link', 'png', overwrite=True)
    assert len(images(tmp_path / 's')) == COUNT


def test_a_store_that_a_writer_has_open_is_not_replaced(tmp_path: Path) -> None:
    store_of(tmp_path / 's')
    with imgstore.new_for_format('npy', tmp_path / 'd', imgshape=(4, 5)), pytest.raises(StoreLockedError):
        convert(tmp_path / 's', tmp_path / 'd', 'png', overwrite=True)


@pytest.mark.parametrize(('fmt', 'dtype'), [('png', 'float64'), ('mjpeg/avi', 'uint16')])
def test_format_that_cannot_hold_frames_is_refused(fmt: str, dtype: str, tmp_path: Path) -> None:
    """A format that cannot hold the frames is refused, and nothing is left."""
    with raises(InvalidArgumentError, argument='imgdtype'):
        convert(store_of(tmp_path / 's', 'npy', (64, 96), dtype), tmp_path / 'd', fmt)
    assert [path.name for path in tmp_path.iterdir()] == ['s']


def test_unreadable_frame_ends_conversion_unchanged(tmp_path: Path) -> None:
    """A frame that cannot be read ends the conversion, and the existing store stays unchanged."""
    folder = store_of(tmp_path / 's')
    store_of(tmp_path / 'd')
    (folder / '000002' / '000001.npy').write_bytes(b'')
    with pytest.raises(FrameReadError):
        convert(folder, tmp_path / 'd', 'png', overwrite=True)
    assert len(images(tmp_path / 'd')) == COUNT
    assert {path.name for path in tmp_path.iterdir()} == {'s', 'd'}


def test_a_frame_that_does_not_come_back_is_noticed(tmp_path: Path) -> None:
    folder = forget_checksums(store_of(tmp_path / 's'))
    calls: list[int] = []

    def damage() -> None:
        calls.append(1)
        if len(calls) == COUNT:  # all is written, nothing is compared
            np.save(folder / '000003' / '000002.npy', np.zeros(SHAPE, np.uint8))

    with raises(FrameWriteError, frame_index=17):
        convert(folder, tmp_path / 'd', 'png', progress=damage)
    assert not (tmp_path / 'd').exists()


def test_frames_worse_than_what_was_asked_for_are_an_error(tmp_path: Path) -> None:
    folder = store_of(tmp_path / 's')
    assert convert(folder, tmp_path / 'd', 'jpg', min_psnr=20).worst_psnr > 20
    with pytest.raises(FrameWriteError, match='below the required 90 dB'):
        convert(folder, tmp_path / 'e', 'jpg', min_psnr=90)
    assert not (tmp_path / 'e').exists()


# --- the command


def test_the_command_tells_that_all_frames_came_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store_of(tmp_path / 's')
    assert main(['--format', 'png', str(tmp_path / 's'), str(tmp_path / 'd')]) == 0
    out, err = capsys.readouterr()
    assert out.endswith('all are identical bit for bit\n')
    assert err == ''
    assert main(['--format', 'jpg', str(tmp_path / 's'), str(tmp_path / 'e'), '--chunksize', '3']) == 0
    assert 'the PSNR is ' in capsys.readouterr().out
    assert main(['--format', 'jpg', str(tmp_path / 's'), str(tmp_path / 'f'), '--no-verify', '--workers', '1']) == 0
    assert 'not compared' in capsys.readouterr().out


@pytest.mark.parametrize(
    'args', [['none', 'd'], ['s', 's'], ['s', 'd', '--chunksize', '0'], ['s', 'd', '--min-psnr', '99']]
)
def test_what_cannot_be_converted_is_one_line(
    args: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    store_of(tmp_path / 's')
    assert main(['--format', 'jpg', *args]) == 1
    err = capsys.readouterr().err
    assert err.startswith('imgstore-convert: ')
    assert err.count('\n') == 1
    assert not (tmp_path / 'd').exists()


def test_no_store_is_the_librarys_error(tmp_path: Path) -> None:
    with pytest.raises(StoreNotFoundError) as error:
        convert(tmp_path / 'none', tmp_path / 'd', 'png')
    assert isinstance(error.value, ImgStoreError)


def test_a_file_is_not_replaced_by_a_converted_store(tmp_path: Path) -> None:
    source = store_of(tmp_path / 's')
    (tmp_path / 'd').write_text('mine')
    with raises(StoreExistsError, path=str(tmp_path / 'd')):
        convert(source, tmp_path / 'd', 'png', overwrite=True)
    assert (tmp_path / 'd').read_text() == 'mine'


def test_without_the_sensors_files_no_store_is_converted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of sensors that cannot be copied is an error, and leaves nothing."""
    source = store_of(tmp_path / 's')
    with h5py.File(source / '000000.extra_data.h5', 'w') as file:
        file['camera'] = np.zeros(1, [('frame_number', '<i8')])

    def full(source: str, target: str) -> None:
        raise OSError(28, 'disk is full', target)

    monkeypatch.setattr('imgstore.convert.extra.copy_data', full)
    with raises(StoreIOError, path=str(source / '000000.extra_data.h5')):
        convert(source, tmp_path / 'd', 'png')
    assert [path.name for path in tmp_path.iterdir()] == ['s']
