from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import wave
from datetime import datetime
from pathlib import Path
from typing import Any

import av
import cv2
import h5py
import numpy as np
import pandas as pd
import pytest
import tifffile
from av.subtitles.subtitle import AssSubtitle

import imgstore
from imgstore.apps.export import main
from imgstore.errors import (
    FramesDelayedWarning,
    ImageRejectedError,
    InvalidArgumentError,
    MissingDependencyError,
    StoreExistsError,
)
from imgstore.export import (
    ColumnSound,
    FileSound,
    Frames,
    build_table,
    export_csv,
    export_images,
    export_npz,
    export_parquet,
    export_tiff,
    export_timecodes,
    export_video,
    export_zarr,
    select,
)
from imgstore.export.sound import _scaled

from ..helpers.checked import not_none
from ..helpers.display import python_env
from ..helpers.films import film
from ..helpers.format_table import EXPORTABLE
from ..helpers.frames import index_in, numbered
from ..helpers.raised import raises, warns
from ..helpers.unverified import forget_checksums

Image = np.ndarray[Any, Any]
SHAPE = (64, 96, 3)
COUNT = 50
FIRST = 1.7e9
TIMES = [FIRST + 0.04 * i + 0.013 * (i % 3) + 0.3 * (i > 20) for i in range(COUNT)]
NUMBERS = [100 + i + 5 * (i > 20) for i in range(COUNT)]


def store_of(folder: Path, fmt: str, shape: tuple[int, ...] = SHAPE, dtype: str = 'uint8', **options: Any) -> Path:
    with imgstore.new_for_format(fmt, folder, imgshape=shape, imgdtype=dtype, chunksize=20, **options) as store:
        for index in range(COUNT):
            store.add_image(numbered(index, shape).astype(dtype), NUMBERS[index], TIMES[index])
            if index % 5 == 0:
                store.add_extra_data(temperature=20 + index / 10, note='a {b}\nc')
    return folder


@pytest.fixture(scope='module')
def h264(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return store_of(tmp_path_factory.mktemp('h264') / 's', 'avc1/mp4')


@pytest.fixture(scope='module')
def mjpeg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return store_of(tmp_path_factory.mktemp('mjpeg') / 's', 'mjpeg/avi')


@pytest.fixture(scope='module')
def png(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return store_of(tmp_path_factory.mktemp('png') / 's', 'png')


def chosen(folder: Path, **ranges: Any) -> Frames:
    return select(imgstore.new_for_filename(folder), **ranges)


# --- ranges


@pytest.mark.parametrize(
    ('ranges', 'first', 'last'),
    [
        ({}, 0, COUNT - 1),
        ({'from_number': 103, 'to_number': 107}, 3, 6),
        ({'from_number': 121, 'to_number': 127}, 21, 21),
        ({'from_index': 4, 'to_index': 9}, 4, 8),
        ({'from_index': -3}, 47, 49),
        ({'from_time': TIMES[5], 'to_time': TIMES[7]}, 5, 6),
        ({'to_seconds': 0.1}, 0, 1),
        ({'from_seconds': 0.12, 'to_seconds': 0.24}, 3, 5),
        ({'from_index': 10, 'to_number': 115}, 10, 14),
    ],
)
def test_a_range_has_its_start_and_not_its_end(png: Path, ranges: dict[str, Any], first: int, last: int) -> None:
    frames = chosen(png, **ranges)
    assert frames.indices.tolist() == list(range(first, last + 1))
    assert frames.numbers.tolist() == NUMBERS[first : last + 1]
    assert frames.times.tolist() == TIMES[first : last + 1]


@pytest.mark.parametrize('ranges', [{'from_number': 900}, {'from_index': 5, 'to_index': 5}, {'to_time': 0.0}])
def test_empty_range_error_says_what_exists(png: Path, ranges: dict[str, Any]) -> None:
    """A range without frames raises an error that says which frames exist."""
    with pytest.raises(InvalidArgumentError, match='50 frames are numbered from 100 to 154'):
        chosen(png, **ranges)


def test_an_empty_store_has_no_range(tmp_path: Path) -> None:
    imgstore.new_for_format('npy', tmp_path / 's', imgshape=(4, 5)).close()
    with pytest.raises(InvalidArgumentError, match='there are no frames'):
        chosen(tmp_path / 's')


# --- video


@pytest.mark.parametrize('extension', ['.mp4', '.mkv'])
@pytest.mark.parametrize('codec', ['h264', 'copy'])
def test_a_video_shows_every_frame_at_its_time(h264: Path, codec: Any, extension: str, tmp_path: Path) -> None:
    report = export_video(chosen(h264), tmp_path / f'f{extension}', codec=codec)
    indices, times = film(tmp_path / f'f{extension}')
    assert report.copied == (codec == 'copy')
    assert indices == list(range(COUNT))
    assert times == pytest.approx([time - FIRST for time in TIMES], abs=0.0006 if extension == '.mkv' else 1e-5)


def test_a_copied_video_has_the_images_bit_by_bit(h264: Path, tmp_path: Path) -> None:
    export_video(chosen(h264), tmp_path / 'f.mp4', codec='copy')
    with av.open(tmp_path / 'f.mp4') as container, imgstore.new_for_filename(h264, backend='pyav') as store:
        for index, frame in enumerate(container.decode(video=0)):
            copied = cv2.cvtColor(frame.to_ndarray(format='yuv420p'), cv2.COLOR_YUV2BGR_I420)
            assert cv2.PSNR(copied, store.get_image(None, frame_index=index)[0]) > 45


def test_motion_jpeg_is_copied_to_mkv_reencoded_for_mp4(mjpeg: Path, tmp_path: Path) -> None:
    """Motion JPEG is copied into Matroska and re-encoded for MP4."""
    assert export_video(chosen(mjpeg, from_index=7), tmp_path / 'f.mkv').copied
    report = export_video(chosen(mjpeg, from_index=7), tmp_path / 'f.mp4')
    assert not report.copied
    assert 'mjpeg' in report.reason
    assert film(tmp_path / 'f.mkv')[0] == film(tmp_path / 'f.mp4')[0] == list(range(7, COUNT))


def test_motion_jpeg_is_copied_into_mp4_if_asked_for(mjpeg: Path, tmp_path: Path) -> None:
    assert export_video(chosen(mjpeg), tmp_path / 'f.mp4', codec='copy').copied
    assert film(tmp_path / 'f.mp4')[0] == list(range(COUNT))


def test_a_range_that_begins_at_a_keyframe_is_copied(h264: Path, tmp_path: Path) -> None:
    assert export_video(chosen(h264, from_index=36, to_index=45), tmp_path / 'f.mp4').copied
    indices, times = film(tmp_path / 'f.mp4')
    assert indices == list(range(36, 45))
    assert times == pytest.approx([time - TIMES[36] for time in TIMES[36:45]], abs=1e-5)


def test_range_off_keyframe_is_reencoded_exactly(h264: Path, tmp_path: Path) -> None:
    """A range that does not begin at a keyframe is re-encoded and has exactly its frames."""
    report = export_video(chosen(h264, from_index=5, to_index=30), tmp_path / 'f.mp4')
    assert not report.copied
    assert film(tmp_path / 'f.mp4')[0] == list(range(5, 30))
    with pytest.raises(InvalidArgumentError, match='nearest before: index 0'):
        export_video(chosen(h264, from_index=5), tmp_path / 'g.mp4', codec='copy')
    assert not (tmp_path / 'g.mp4').exists()
    with pytest.raises(InvalidArgumentError, match='nearest before: index 36'):
        export_video(chosen(h264, from_index=38), tmp_path / 'g.mp4', codec='copy')


def test_images_become_a_video(png: Path, tmp_path: Path) -> None:
    report = export_video(chosen(png), tmp_path / 'f.mp4')
    assert report == imgstore.export.VideoReport(False, 'the store holds images, not videos', COUNT)
    assert film(tmp_path / 'f.mp4')[0] == list(range(COUNT))
    with av.open(tmp_path / 'f.mp4') as container, imgstore.new_for_filename(png) as store:
        frame = next(container.decode(video=0)).to_ndarray(format='bgr24')
        assert cv2.PSNR(frame, store.get_next_image()[0]) > 30


def test_an_odd_size_loses_nothing(tmp_path: Path) -> None:
    export_video(chosen(store_of(tmp_path / 's', 'png', (65, 97))), tmp_path / 'f.mp4')
    with av.open(tmp_path / 'f.mp4') as container:
        assert (container.streams.video[0].height, container.streams.video[0].width) == (66, 98)
    assert film(tmp_path / 'f.mp4')[0] == list(range(COUNT))


def test_images_of_16_bits_are_scaled_to_what_is_in_them(tmp_path: Path) -> None:
    with imgstore.new_for_format('png', tmp_path / 's', imgshape=(64, 96), imgdtype='uint16') as store:
        for index in range(COUNT):
            store.add_image(numbered(index, (64, 96)).astype(np.uint16) * 4 + 3000, index, index / 25)
    export_video(chosen(tmp_path / 's'), tmp_path / 'f.mp4')
    assert film(tmp_path / 'f.mp4')[0] == list(range(COUNT))


def test_a_status_bar_is_drawn_at_the_lower_edge_alone(png: Path, tmp_path: Path) -> None:
    for name, bar in (('plain', False), ('bar', True)):
        export_images(chosen(png, to_index=1), tmp_path / name, status_bar=bar)
    plain, drawn = (not_none(cv2.imread(str(tmp_path / name / '00000000.png'))) for name in ('plain', 'bar'))
    changed = np.flatnonzero(np.any(plain != drawn, axis=(1, 2)))
    assert len(changed)
    assert changed.min() > SHAPE[0] // 2


def test_non_ascending_times_are_shown_in_order(tmp_path: Path) -> None:
    """Frames whose times do not ascend are exported one after the other."""
    with imgstore.new_for_format('png', tmp_path / 's', imgshape=(64, 96)) as store:
        for index, time in enumerate([0, 1, 1, 0.5, 3]):
            store.add_image(numbered(index, (64, 96)), index, time)
    with warns(FramesDelayedWarning, count=2):
        export_video(chosen(tmp_path / 's'), tmp_path / 'f.mp4')
    indices, times = film(tmp_path / 'f.mp4')
    assert indices == [0, 1, 2, 3, 4]
    assert times == pytest.approx([0, 1, 1, 1, 3], abs=1e-4)


def test_a_raw_encoding_is_decoded_and_not_copied(tmp_path: Path) -> None:
    with imgstore.new_for_format('mjpeg/avi', tmp_path / 's', imgshape=(64, 96), encoding='cv_bayerbg') as store:
        store.add_image(np.full((64, 96), 90, np.uint8), 0, 0)
    assert not export_video(chosen(tmp_path / 's'), tmp_path / 'f.mkv').copied


def test_the_video_tells_when_it_began(h264: Path, tmp_path: Path) -> None:
    export_video(chosen(h264, from_index=36), tmp_path / 'f.mp4')
    with av.open(tmp_path / 'f.mp4') as container:
        assert container.metadata['creation_time'].startswith('2023-11-14T22:13:2')
        assert container.metadata['comment'].startswith(f'frames {NUMBERS[36]} to {NUMBERS[-1]} of ')


@pytest.mark.parametrize(
    ('options', 'argument'),
    [
        ({'codec': 'mp3'}, 'codec'),
        ({'crf': 90}, 'crf'),
        ({'path': 'f.avi'}, 'path'),
        ({'codec': 'copy', 'status_bar': True}, 'codec'),
    ],
)
def test_what_is_not_allowed_is_said(h264: Path, options: dict[str, Any], argument: str, tmp_path: Path) -> None:
    path = tmp_path / options.pop('path', 'f.mp4')
    with raises(InvalidArgumentError, argument=argument):
        export_video(chosen(h264), path, **options)
    assert not list(tmp_path.iterdir())


# --- sound


def sound_file(path: Path, rate: int = 8000, seconds: float = 4, clap: float = 1.0) -> Path:
    """Silence, but for 50 ms of noise."""
    samples = np.zeros(round(rate * seconds), '<i2')
    samples[round(rate * clap) : round(rate * (clap + 0.05))] = 20000 * np.sign(
        np.random.default_rng(0).normal(size=round(rate * 0.05))
    )
    with wave.open(str(path), 'wb') as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path


def heard(path: Path) -> tuple[float, float]:
    """When the noise in a video begins, and how long all of the sound is."""
    with av.open(path) as container:
        frames = list(container.decode(audio=0))
    samples = np.concatenate([frame.to_ndarray().astype(float) for frame in frames], axis=1)[0]
    loud = np.flatnonzero(np.abs(samples) > np.abs(samples).max() / 4)
    rate, start = frames[0].sample_rate, float(not_none(frames[0].pts) * not_none(frames[0].time_base))
    return start + loud[0] / rate, start + len(samples) / rate


@pytest.mark.parametrize('extension', ['.mp4', '.mkv'])
@pytest.mark.parametrize(('offset', 'begin', 'expected'), [(0, 0, 1), (0.5, 0, 1.5), (-0.5, 0, 0.5), (0, 14, 1)])
def test_sound_is_heard_when_it_was_recorded(
    png: Path, extension: str, offset: float, begin: int, expected: float, tmp_path: Path
) -> None:
    sound = FileSound(sound_file(tmp_path / 'a.wav'), offset)
    export_video(chosen(png, from_index=begin), tmp_path / f'f{extension}', sounds=[sound])
    start, length = heard(tmp_path / f'f{extension}')
    assert start == pytest.approx(expected - (TIMES[begin] - FIRST), abs=0.02)
    assert length == pytest.approx(TIMES[-1] - TIMES[begin] + 0.04, abs=0.15)


def test_sound_that_is_shorter_than_the_video_ends_in_silence(png: Path, tmp_path: Path) -> None:
    sound = FileSound(sound_file(tmp_path / 'a.wav', seconds=0.5, clap=0.2))
    export_video(chosen(png), tmp_path / 'f.mkv', sounds=[sound])
    start, length = heard(tmp_path / 'f.mkv')
    assert start == pytest.approx(0.2, abs=0.01)
    assert length == pytest.approx(TIMES[-1] - FIRST + 0.04, abs=0.05)


def test_ultrasonic_sound_goes_into_both_containers(png: Path, tmp_path: Path) -> None:
    """Sound with a rate beyond hearing can be exported to both containers."""
    sound = FileSound(sound_file(tmp_path / 'a.wav', rate=250_000))
    for extension, rate in (('.mp4', 48000), ('.mkv', 250_000)):
        export_video(chosen(png), tmp_path / f'f{extension}', sounds=[sound])
        with av.open(tmp_path / f'f{extension}') as container:
            assert container.streams.audio[0].rate == rate
        assert heard(tmp_path / f'f{extension}')[0] == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize('make', [lambda path: None, lambda path: path.write_text('hello')], ids=['missing', 'text'])
def test_what_is_no_sound_is_an_error(make: Any, tmp_path: Path) -> None:
    make(tmp_path / 'a.wav')
    with raises(InvalidArgumentError, file='a.wav'):
        FileSound(tmp_path / 'a.wav')


def with_microphone(folder: Path, rate: float = 8000.0, delay: float = 0.0) -> Path:
    """Images with samples beside them, of which the one at one second is loud."""
    with imgstore.new_for_format('png', folder, imgshape=(64, 96), chunksize=100) as store:
        for index in range(COUNT):
            store.add_image(numbered(index, (64, 96)), index, FIRST + index / 25)
    at = np.arange(round(rate * 2)) / rate + delay
    frame_index = np.floor(at * 25 + 1e-9).astype(np.int64)
    with h5py.File(folder / '000000.extra_data.h5', 'w') as file:
        file.attrs['datasets'] = 'daq'
        file['daq'] = (5 * ((at > 1) & (at < 1.05)))[None]
        file['daq'].attrs['column_names'], file['daq'].attrs['samplerate'] = 'microphone', rate
        file['camera'] = np.array(
            list(zip(frame_index, FIRST + frame_index / 25, frame_index, strict=True)),
            [('frame_number', '<i8'), ('frame_time', '<f8'), ('frame_index', '<i8')],
        )
    return folder


@pytest.mark.parametrize('delay', [0.0, 0.013])
def test_a_column_of_samples_becomes_sound(delay: float, tmp_path: Path) -> None:
    frames = chosen(with_microphone(tmp_path / 's', delay=delay))
    sound = ColumnSound(frames.store, 'microphone')
    assert sound.rate == 8000
    assert sound.start == pytest.approx(delay, abs=0.002)
    export_video(frames, tmp_path / 'f.mkv', sounds=[sound])
    assert heard(tmp_path / 'f.mkv')[0] == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize('dtype', ['int16', 'uint16', 'int8', 'uint8', 'int64', 'float32', 'float64'])
def test_samples_of_any_number_type_fill_the_range(dtype: str) -> None:
    kind = np.dtype(dtype)
    low, high = (-9, 9) if kind == np.int64 or kind.kind == 'f' else (np.iinfo(kind).min, np.iinfo(kind).max)
    scaled = _scaled(np.array([low, high], kind), 'x')
    assert scaled.dtype == np.float32
    assert scaled.tolist() == pytest.approx([-1, 1], abs=0.01)


def test_a_column_that_is_no_sound_is_an_error(png: Path, tmp_path: Path) -> None:
    with raises(InvalidArgumentError, argument='column'):
        ColumnSound(imgstore.new_for_filename(with_microphone(tmp_path / 's')), 'x')
    with raises(InvalidArgumentError, argument='column'):
        ColumnSound(imgstore.new_for_filename(png), 'temperature')


# --- subtitles


@pytest.mark.parametrize('extension', ['.mp4', '.mkv'])
def test_extra_data_is_a_subtitle_from_its_frame_on(png: Path, extension: str, tmp_path: Path) -> None:
    export_video(chosen(png), tmp_path / f'f{extension}', captions=['temperature', 'note'])
    with av.open(tmp_path / f'f{extension}') as container:
        shown = [
            (packet.pts, packet.duration, bytes(part.ass))
            for packet in container.demux(subtitles=0)
            for part in packet.decode()
            if isinstance(part, AssSubtitle)
        ]
    assert len(shown) == COUNT / 5
    assert shown[1][0] == round((TIMES[5] - FIRST) * 1000)
    assert shown[1][1] == round((TIMES[10] - TIMES[5]) * 1000)
    assert shown[1][2].endswith(b'temperature: 20.5   note: a (b) c')


def test_missing_column_error_names_existing_columns(png: Path, tmp_path: Path) -> None:
    """A missing column raises an error that names the existing columns."""
    with raises(InvalidArgumentError, argument='columns'):
        export_video(chosen(png), tmp_path / 'f.mp4', captions=['x'])
    assert not list(tmp_path.iterdir())


# --- images


@pytest.mark.parametrize('image_format', EXPORTABLE)
def test_a_folder_has_an_image_a_frame_and_a_list(png: Path, image_format: str, tmp_path: Path) -> None:
    export_images(chosen(png, from_index=3, to_index=6), tmp_path / 'f', image_format)
    with open(tmp_path / 'f' / 'frames.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    assert [(row['file'], int(row['frame_number']), float(row['frame_time'])) for row in rows] == [
        (f'{index:08d}.{image_format}', NUMBERS[index], TIMES[index]) for index in (3, 4, 5)
    ]
    assert [index_in(cv2.imread(str(tmp_path / 'f' / row['file']))) for row in rows] == [3, 4, 5]


@pytest.mark.parametrize(('image_format', 'dtype'), [('png', 'uint16'), ('tif', 'float32')])
def test_deep_images_keep_their_values(image_format: str, dtype: str, tmp_path: Path) -> None:
    store_of(tmp_path / 's', 'npy', (64, 96), dtype)
    export_images(chosen(tmp_path / 's'), tmp_path / 'f', image_format)
    path = tmp_path / 'f' / f'00000007.{image_format}'
    image = not_none(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
    assert np.array_equal(image, numbered(7, (64, 96)).astype(dtype))


@pytest.mark.parametrize('image_format', ['png', 'jpg'])
def test_image_export_refuses_unsupported_images(image_format: str, tmp_path: Path) -> None:
    """Exporting images that the image format cannot hold raises an error and leaves no files."""
    frames = chosen(store_of(tmp_path / 's', 'npy', (64, 96), 'float32'))
    with raises(InvalidArgumentError, argument='image_format'):
        export_images(frames, tmp_path / 'f', image_format)
    assert [path.name for path in tmp_path.iterdir()] == ['s']


@pytest.mark.parametrize(
    ('shape', 'dtype'),
    [((64, 96), 'uint8'), ((64, 97, 3), 'uint8'), ((64, 96), 'uint16'), ((64, 96, 3), 'uint16'), ((64, 96), 'float32')],
)
def test_a_tiff_has_a_page_a_frame(shape: tuple[int, ...], dtype: str, tmp_path: Path) -> None:
    export_tiff(chosen(store_of(tmp_path / 's', 'npy', shape, dtype)), tmp_path / 'f.tif')
    done, pages = cv2.imreadmulti(str(tmp_path / 'f.tif'), flags=cv2.IMREAD_UNCHANGED)
    assert done
    assert len(pages) == COUNT
    assert all(np.array_equal(page, numbered(index, shape).astype(dtype)) for index, page in enumerate(pages))


@pytest.mark.parametrize('shape', [(5, 6), (5, 6, 1), (5, 6, 2), (5, 6, 3), (5, 6, 4), (4, 3), (1, 1)], ids=str)
@pytest.mark.parametrize('dtype', ['uint8', 'int8', 'uint16', 'int16', 'uint32', 'int64', 'float16', 'float64'])
def test_a_tiff_holds_every_number_in_up_to_four_channels(shape: tuple[int, ...], dtype: str, tmp_path: Path) -> None:
    images = [np.arange(index, index + np.prod(shape)).reshape(shape).astype(dtype) for index in range(2)]
    with imgstore.new_for_format('npy', tmp_path / 's', imgshape=shape, imgdtype=dtype) as store:
        for index, image in enumerate(images):
            store.add_image(image, index, index)
    export_tiff(chosen(tmp_path / 's'), tmp_path / 'f.tif')
    with tifffile.TiffFile(tmp_path / 'f.tif') as stack:
        pages = [page.asarray() for page in stack.pages]
    assert len(pages) == 2
    for page, image in zip(pages, images, strict=True):
        rgb = image[..., [2, 1, 0, 3][: shape[2]]] if shape[2:] >= (3,) else image
        assert page.dtype == dtype
        assert np.array_equal(page, rgb[:, :, 0] if shape[2:] == (1,) else rgb)


@pytest.mark.parametrize(
    ('shape', 'dtype'),
    [
        ((5, 6), 'bool'),
        ((5, 6), 'complex64'),
        ((5, 6), 'longdouble'),
        ((9,), 'uint8'),
        ((5, 6, 5), 'uint8'),
        ((2, 5, 6, 3), 'uint8'),
    ],
)
def test_what_no_tiff_holds_is_refused_and_leaves_nothing(shape: tuple[int, ...], dtype: str, tmp_path: Path) -> None:
    with imgstore.new_for_format('npy', tmp_path / 's', imgshape=shape, imgdtype=dtype) as store:
        store.add_image(np.ones(shape, dtype), 0, 0)
    with raises(InvalidArgumentError):
        export_tiff(chosen(tmp_path / 's'), tmp_path / 'f.tif')
    assert os.listdir(tmp_path) == ['s']


def test_without_tifffile_the_extra_to_install_is_named(
    png: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, 'tifffile', None)
    with raises(MissingDependencyError, name='tifffile'):
        export_tiff(chosen(png), tmp_path / 'f.tif')
    assert main([str(png), str(tmp_path / 'f.tif')]) == 1
    assert 'pip install "imgstore[tiff]"' in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_tiff_says_of_each_page_which_frame_it_is(png: Path, tmp_path: Path) -> None:
    export_tiff(chosen(png, from_index=3, to_index=5), tmp_path / 'f.tif')
    with tifffile.TiffFile(tmp_path / 'f.tif') as stack:
        told = [json.loads(page.aspage().description) for page in stack.pages]
    assert [(each['frame_index'], each['frame_number'], each['frame_time']) for each in told] == [
        (index, NUMBERS[index], TIMES[index]) for index in (3, 4)
    ]


def test_a_tiff_above_4_gb_is_a_bigtiff(png: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr('imgstore.export.images._LARGEST_CLASSIC', 1000)
    export_tiff(chosen(png), tmp_path / 'f.tif')
    assert (tmp_path / 'f.tif').read_bytes()[:4] == b'II+\0'
    done, pages = cv2.imreadmulti(str(tmp_path / 'f.tif'), flags=cv2.IMREAD_UNCHANGED)
    assert done
    assert [index_in(page) for page in pages] == list(range(COUNT))


# --- arrays and tables


@pytest.mark.parametrize(('shape', 'dtype'), [((64, 96, 3), 'uint8'), ((64, 96), 'float64')])
def test_an_npz_has_all_images_numbers_and_times(shape: tuple[int, ...], dtype: str, tmp_path: Path) -> None:
    export_npz(chosen(store_of(tmp_path / 's', 'npy', shape, dtype), from_index=2), tmp_path / 'f.npz')
    with np.load(tmp_path / 'f.npz') as arrays:
        assert np.array_equal(arrays['images'], [numbered(i, shape).astype(dtype) for i in range(2, COUNT)])
        assert arrays['images'].dtype == dtype
        assert arrays['frame_index'].tolist() == list(range(2, COUNT))
        assert arrays['frame_number'].tolist() == NUMBERS[2:]
        assert arrays['frame_time'].tolist() == TIMES[2:]


def test_images_of_several_shapes_do_not_fit_into_one_array(tmp_path: Path) -> None:
    folder = forget_checksums(store_of(tmp_path / 's', 'npy', (64, 96)))
    np.save(folder / '000000' / '000003.npy', np.zeros((2, 2), np.uint8))
    with raises(ImageRejectedError, frame_index=3):
        export_npz(chosen(folder), tmp_path / 'f.npz')
    assert [path.name for path in tmp_path.iterdir()] == ['s']


def test_a_zarr_has_all_images_numbers_and_times(png: Path, tmp_path: Path) -> None:
    import zarr

    export_zarr(chosen(png), tmp_path / 'f.zarr')
    group: Any = zarr.open_group(str(tmp_path / 'f.zarr'), mode='r')
    assert np.array_equal(group['images'][:], [numbered(index, SHAPE) for index in range(COUNT)])
    assert group['images'].chunks == (1, *SHAPE)
    assert group['frame_number'][:].tolist() == NUMBERS
    assert group['frame_time'][:].tolist() == TIMES


def test_a_table_has_a_row_a_frame_with_its_record(png: Path) -> None:
    table = build_table(chosen(png, from_index=4, to_index=7))
    assert table['frame_number'].tolist() == NUMBERS[4:7]
    assert table['frame_time'].tolist() == TIMES[4:7]
    assert table['temperature'].isna().tolist() == [True, False, True]


def test_a_table_of_extra_data_has_a_row_a_record_of_the_frames(png: Path) -> None:
    table = build_table(chosen(png, from_index=4, to_index=16), 'extra')
    assert table['temperature'].tolist() == [20.5, 21, 21.5]


def test_a_table_of_frames_needs_no_extra_data(tmp_path: Path) -> None:
    with imgstore.new_for_format('npy', tmp_path / 's', imgshape=(4, 5)) as store:
        store.add_image(np.zeros((4, 5), np.uint8), 7, 0.5)
    assert build_table(chosen(tmp_path / 's'), 'frames').to_dict('list') == {
        'frame_index': [0],
        'frame_number': [7],
        'frame_time': [0.5],
    }
    with raises(InvalidArgumentError, store=str(tmp_path / 's')):
        build_table(chosen(tmp_path / 's'), 'joined')


def test_csv_and_parquet_hold_the_table(png: Path, tmp_path: Path) -> None:
    export_csv(chosen(png), tmp_path / 'f.csv')
    export_parquet(chosen(png), tmp_path / 'f.parquet')
    with open(tmp_path / 'f.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    expected, stored = build_table(chosen(png)), pd.read_parquet(tmp_path / 'f.parquet')
    assert stored['frame_number'].tolist() == [int(row['frame_number']) for row in rows] == NUMBERS
    assert stored['frame_time'].tolist() == [float(row['frame_time']) for row in rows] == TIMES
    temperatures = expected['temperature'].dropna().tolist()
    assert stored['temperature'].dropna().tolist() == temperatures
    assert [float(row['temperature']) for row in rows if row['temperature']] == temperatures


def test_records_that_parquet_cannot_hold_are_an_error(tmp_path: Path) -> None:
    with imgstore.new_for_format('npy', tmp_path / 's', imgshape=(4, 5)) as store:
        store.add_image(np.zeros((4, 5), np.uint8), 0, 0)
        store.add_extra_data(mixed=[1])
        store.add_extra_data(mixed='a')
    with pytest.raises(InvalidArgumentError, match='parquet cannot hold'):
        export_parquet(chosen(tmp_path / 's'), tmp_path / 'f.parquet')


def test_timecodes_are_of_the_range(png: Path, tmp_path: Path) -> None:
    export_timecodes(chosen(png, from_index=1, to_index=3), tmp_path / 'f.txt')
    assert (tmp_path / 'f.txt').read_text() == '# timecode format v2\n0.000\n53.000\n'


# --- nothing is replaced

EXPORTS = [
    (export_video, 'f.mp4'),
    (export_tiff, 'f.tif'),
    (export_npz, 'f.npz'),
    (export_csv, 'f.csv'),
    (export_parquet, 'f.parquet'),
    (export_timecodes, 'f.txt'),
]


@pytest.mark.parametrize(('export', 'name'), EXPORTS, ids=lambda value: getattr(value, '__name__', ''))
def test_existing_export_file_is_replaced_only_on_request(png: Path, export: Any, name: str, tmp_path: Path) -> None:
    """An existing file is replaced only if the caller asks for that."""
    (tmp_path / name).write_text('mine')
    with raises(StoreExistsError, replaceable=True):
        export(chosen(png), tmp_path / name)
    assert (tmp_path / name).read_text() == 'mine'
    export(chosen(png), tmp_path / name, overwrite=True)
    assert (tmp_path / name).read_bytes() != b'mine'
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize('export', [export_images, export_zarr])
def test_a_folder_with_something_else_in_it_is_never_replaced(png: Path, export: Any, tmp_path: Path) -> None:
    (tmp_path / 'f').mkdir()
    export(chosen(png), tmp_path / 'f')
    with raises(StoreExistsError, replaceable=True):
        export(chosen(png), tmp_path / 'f')
    export(chosen(png, to_index=3), tmp_path / 'f', overwrite=True)
    for path in (tmp_path / 'f').iterdir():
        path.unlink() if path.is_file() else None
    (tmp_path / 'f' / 'thesis.txt').write_text('mine')
    with raises(StoreExistsError, replaceable=False):
        export(chosen(png), tmp_path / 'f', overwrite=True)
    assert (tmp_path / 'f' / 'thesis.txt').read_text() == 'mine'


def test_an_export_that_fails_leaves_nothing(png: Path, tmp_path: Path) -> None:
    def fail() -> None:
        raise KeyboardInterrupt

    exports: list[tuple[Any, str]] = [*EXPORTS[:3], (export_images, 'f')]
    for export, name in exports:
        with pytest.raises(KeyboardInterrupt):
            export(chosen(png), tmp_path / name, progress=fail)
    assert not list(tmp_path.iterdir())


# --- the command


def test_the_command_exports_what_the_ending_says(
    h264: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ('f.mp4', 'f.mkv', 'f.tif', 'f.npz', 'f.zarr', 'f.csv', 'f.parquet', 'f.txt', 'images'):
        assert main([str(h264), str(tmp_path / name), '--to-index', '3']) == 0
        assert (tmp_path / name).exists()
        out, err = capsys.readouterr()
        assert out.startswith('3 frames, 100 to 102, exported to ')
        assert err == ''
    assert main([str(h264), str(tmp_path / 'x.dat'), '--as', 'csv']) == 0
    assert (tmp_path / 'x.dat').read_text().startswith('frame_index,frame_number,frame_time,temperature')


@pytest.mark.parametrize(
    ('args', 'count'),
    [
        (['--from-number', '100', '--to-number', '110'], 10),
        (['--from-index', '-4'], 4),
        (['--from-time', '2023-11-14 22:13:20+00:00', '--to-time', '1700000000.1'], 2),
        (['--to-seconds', '0.1'], 2),
        (['--from-time', f'{datetime.fromtimestamp(FIRST):%H:%M:%S}', '--to-time', '0.1s'], 2),
    ],
)
def test_the_command_has_ranges_in_every_unit(
    png: Path, args: list[str], count: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(png), str(tmp_path / 'f.csv'), *args]) == 0
    assert capsys.readouterr().out.startswith(f'{count} frames')


@pytest.mark.slow
def test_the_command_lays_sound_and_subtitles_beside_the_frames(tmp_path: Path) -> None:
    folder, sound = with_microphone(tmp_path / 's'), sound_file(tmp_path / 'a.wav')
    assert (
        main(
            [
                str(folder),
                str(tmp_path / 'f.mp4'),
                '--audio',
                str(sound),
                '--audio-offset',
                '-0.5',
                '--sound',
                'microphone',
                '--subtitles',
                'microphone',
                '--status-bar',
                '--crf',
                '30',
            ]
        )
        == 0
    )
    with av.open(tmp_path / 'f.mp4') as container:
        assert [stream.type for stream in container.streams] == ['video', 'audio', 'audio', 'subtitle']


@pytest.mark.parametrize(
    'args',
    [
        ['f.xyz'],
        ['f.npz', '--audio', 'a.wav'],
        ['f.mp4', '--table', 'frames'],
        ['f.csv', '--status-bar'],
        ['f.mp4', '--from-number', 'x'],
        ['f.mp4', '--codec', 'mp3'],
    ],
)
def test_wrong_usage_is_exit_code_2(png: Path, args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([str(png), *args])
    assert end.value.code == 2
    assert 'usage: imgstore-export' in capsys.readouterr().err


VIDEO_ENDINGS = ['.avi', '.AVI', '.mov', '.webm', '.m4v', '.wmv', '.ts', '.mpg', '.flv', '.ogv']


@pytest.mark.parametrize('ending', [*VIDEO_ENDINGS, '.png', '.npy', '.h5', '.xlsx', '.json', '.xyz', '.2026'])
def test_unsupported_ending_error_names_supported_ones(
    png: Path, ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file name ending that cannot be written raises an error that names the supported ones."""
    with pytest.raises(SystemExit) as end:
        main([str(png), str(tmp_path / f'f{ending}')])
    told = ' '.join(capsys.readouterr().err.split())
    assert end.value.code == 2
    assert f"cannot write '{tmp_path}/f{ending}': the extension {ending.lower()} is unknown" in told
    assert '.mp4 and .mkv (video)' in told
    assert '.npz and .zarr' in told
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('ending', [*VIDEO_ENDINGS, '.xyz', ''])
@pytest.mark.parametrize('codec', ['auto', 'copy'])
def test_unsupported_container_is_refused_by_any_name(
    h264: Path, ending: str, codec: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A container that cannot be written is refused, whatever its file name is."""
    assert main([str(h264), str(tmp_path / f'f{ending}'), '--as', 'video', '--codec', codec]) == 1
    told = capsys.readouterr().err
    assert f"f{ending}' cannot be written as a video: its name must end in .mp4 or .mkv" in told
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    'args',
    [
        ['f.mp4', '--from-number', '9999'],
        ['f.mp4', '--from-time', 'yesterday'],
        ['f.mp4', '--audio', 'none.wav'],
        ['none/f.mp4'],
        ['f.mp4', '--sound', 'temperature'],
        ['f.mp4', '--subtitles', 'x'],
        ['f.mp4', '--crf', '99'],
    ],
)
def test_what_cannot_be_exported_is_one_line_and_leaves_nothing(
    png: Path, args: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([str(png), *args]) == 1
    err = capsys.readouterr().err
    assert err.startswith('imgstore-export: ')
    assert err.count('\n') == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.process
def test_a_process_exports(png: Path, tmp_path: Path) -> None:
    code = 'import sys; from imgstore.apps.export import main; sys.exit(main())'
    done = subprocess.run(
        [sys.executable, '-c', code, str(png), str(tmp_path / 'f.mp4')],
        env=python_env(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, '')
    assert done.stdout.endswith('re-encoded: the store holds images, not videos\n')
