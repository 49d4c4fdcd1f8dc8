"""An export that is not possible is refused with the reason, and leaves nothing."""

from __future__ import annotations

import math
import sys
import wave
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import h5py
import numpy as np
import pytest

import imgstore
from imgstore.apps import export
from imgstore.apps._export_kinds import EXPORTS
from imgstore.errors import InvalidArgumentError, MissingDependencyError
from imgstore.export import (
    ColumnSound,
    FileSound,
    Frames,
    build_table,
    export_images,
    export_parquet,
    export_video,
    export_zarr,
    select,
)
from imgstore.export.stream_copy import plan_stream_copy

from ..helpers.frames import numbered
from ..helpers.raised import raises

SHAPE = (64, 96, 3)


def record(folder: Path, fmt: str, frames: int, shape: tuple[int, ...] = SHAPE, **options: Any) -> Path:
    with imgstore.new_for_format(fmt, folder, imgshape=shape, **options) as store:
        for number in range(frames):
            image = numbered(number, shape) if len(shape) < 4 else np.zeros(shape, np.uint8)
            store.add_image(image, number, number / 25)
    return folder


def frames_of(folder: Path, **ranges: Any) -> Frames:
    return select(imgstore.new_for_filename(folder), **ranges)


def only_the_store(folder: Path) -> bool:
    return [path.name for path in folder.iterdir()] == ['s']


@pytest.mark.parametrize(('frames', 'told'), [(0, 'There are no frames'), (1, 'The only frame has the number 0')])
def test_an_empty_range_names_what_a_short_store_has(tmp_path: Path, frames: int, told: str) -> None:
    with pytest.raises(InvalidArgumentError, match=told):
        frames_of(record(tmp_path / 's', 'npy', frames), from_number=5, to_number=3)


@pytest.mark.parametrize(
    'export',
    [
        lambda frames, path: export_images(frames, path, 'gif'),
        lambda frames, path: export_parquet(frames, path, table='numbers'),
        lambda frames, path: build_table(frames, 'numbers'),
    ],
    ids=['image format', 'table of a file', 'table'],
)
def test_what_is_not_in_a_list_of_names_is_refused(tmp_path: Path, export: Callable[..., Any]) -> None:
    with pytest.raises(InvalidArgumentError, match='must be one of'):
        export(frames_of(record(tmp_path / 's', 'npy', 1)), tmp_path / 'f')
    assert only_the_store(tmp_path)


@pytest.mark.parametrize(
    ('package', 'export'), [('zarr', export_zarr), ('pyarrow', export_parquet)], ids=['zarr', 'pyarrow']
)
def test_a_missing_package_is_named_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, export: Callable[..., Any]
) -> None:
    frames = frames_of(record(tmp_path / 's', 'npy', 1))
    monkeypatch.setitem(sys.modules, package, None)
    with raises(MissingDependencyError, name=package):
        export(frames, tmp_path / 'f')
    assert only_the_store(tmp_path)


@pytest.mark.parametrize('shape', [(64, 96, 5), (64, 96, 2, 3)])
def test_images_that_nobody_can_see_become_no_video_or_images(tmp_path: Path, shape: tuple[int, ...]) -> None:
    frames = frames_of(record(tmp_path / 's', 'npy', 1, shape))
    with pytest.raises(InvalidArgumentError, match='must be'):
        export_video(frames, tmp_path / 'f.mp4')
    with raises(InvalidArgumentError, argument='image_format'):
        export_images(frames, tmp_path / 'f')
    assert only_the_store(tmp_path)


def test_a_frame_without_a_time_is_in_no_video(tmp_path: Path) -> None:
    with imgstore.new_for_format('npy', tmp_path / 's', imgshape=SHAPE) as store:
        store.add_image(numbered(0, SHAPE), 0, math.nan)
    with pytest.raises(InvalidArgumentError, match='has no time'):
        export_video(frames_of(tmp_path / 's'), tmp_path / 'f.mp4')
    assert only_the_store(tmp_path)


def test_a_video_of_weeks_takes_no_sound(tmp_path: Path) -> None:
    with imgstore.new_for_format('npy', tmp_path / 's', imgshape=SHAPE) as store:
        for number, seconds in enumerate((0.0, 2e6, 4e6)):
            store.add_image(numbered(number, SHAPE), number, seconds)
    with wave.open(str(tmp_path / 's' / 'a.wav'), 'wb') as file:
        file.setparams((1, 2, 8000, 0, 'NONE', 'not compressed'))
        file.writeframes(bytes(800))
    with pytest.raises(InvalidArgumentError, match='with sound has at most'):
        export_video(frames_of(tmp_path / 's'), tmp_path / 'f.mp4', sounds=[FileSound(tmp_path / 's' / 'a.wav')])
    assert only_the_store(tmp_path)


# --- sound


def test_a_video_without_sound_is_no_sound(tmp_path: Path) -> None:
    video = record(tmp_path / 's', 'avc1/mp4', 3) / '000000.mp4'
    with raises(InvalidArgumentError, file='000000.mp4'):
        FileSound(video)


def with_samples(folder: Path, values: Any, **fields: Any) -> Path:
    record(folder, 'npy', 4)
    count = values.shape[1]
    camera = {'frame_number': np.arange(count), 'frame_time': np.arange(count) / 25, 'frame_index': np.arange(count)}
    camera = {name: camera[name] for name in camera if name not in fields.get('without', ())}
    with h5py.File(folder / '000000.extra_data.h5', 'w') as file:
        file.attrs['datasets'] = 'daq'
        file['daq'] = values
        file['daq'].attrs['column_names'], file['daq'].attrs['samplerate'] = 'microphone', 8000.0
        names = list(camera)
        file['camera'] = np.array(
            list(zip(*camera.values(), strict=True)), [(name, '<f8' if 'time' in name else '<i8') for name in names]
        )
    return folder


def test_a_column_of_text_is_no_sound(tmp_path: Path) -> None:
    values = np.array([[b'a', b'b', b'c', b'd']], 'S1')
    store = imgstore.new_for_filename(with_samples(tmp_path / 's', values))
    with pytest.raises(InvalidArgumentError, match='holds no numbers'):
        ColumnSound(store, 'microphone')


def test_a_column_without_times_starts_nowhere(tmp_path: Path) -> None:
    folder = with_samples(tmp_path / 's', np.ones((1, 4)), without=('frame_time',))
    with pytest.raises(InvalidArgumentError, match=r'the start of .* is unknown'):
        ColumnSound(imgstore.new_for_filename(folder), 'microphone')


# --- copies of the encoded frames


def inserted(folder: Path, video: Path, numbers: list[int]) -> Path:
    with imgstore.new_for_format('avc1/mp4', folder, imgshape=SHAPE, chunksize=4) as store:
        store.insert_chunk(str(video), numbers, [number / 25 for number in numbers], move=False)
    return folder


def encoded(path: Path, **options: str) -> Path:
    with av.open(str(path), 'w') as container:
        stream: Any = container.add_stream('libx264', 25, options=options)
        stream.width, stream.height, stream.pix_fmt = SHAPE[1], SHAPE[0], 'yuv420p'
        for number in range(4):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(numbered(number, SHAPE), 'bgr24')))
        container.mux(stream.encode(None))
    return path


def test_frames_out_of_order_are_encoded_anew(tmp_path: Path) -> None:
    frames = frames_of(record(tmp_path / 's', 'avc1/mp4', 6))
    chosen = replace(frames, indices=frames.indices[::2], numbers=frames.numbers[::2], times=frames.times[::2])
    assert 'not consecutive' in str(plan_stream_copy(chosen, '.mp4', False))


def test_frames_stored_out_of_order_are_encoded_anew(tmp_path: Path) -> None:
    folder = inserted(tmp_path / 's', encoded(tmp_path / 'v.mp4', bf='2', g='9'), [0, 1, 2, 3])
    assert 'not stored in display order' in str(plan_stream_copy(frames_of(folder), '.mp4', False))


def test_chunks_of_different_settings_are_encoded_anew(tmp_path: Path) -> None:
    folder = record(tmp_path / 's', 'avc1/mp4', 4, chunksize=4)
    with imgstore.new_for_format('avc1/mp4', tmp_path / 't', imgshape=SHAPE, chunksize=4) as store:
        for number in range(4):
            store.add_image(numbered(number, SHAPE), number, number / 25)
        store.insert_chunk(str(encoded(tmp_path / 'v.mp4', bf='0')), [4, 5, 6, 7], [0.16, 0.2, 0.24, 0.28], move=False)
    assert isinstance(plan_stream_copy(frames_of(folder), '.mp4', False), list)
    assert 'different settings' in str(plan_stream_copy(frames_of(tmp_path / 't'), '.mp4', False))


def test_a_video_that_lost_a_frame_is_not_copied(tmp_path: Path) -> None:
    folder = record(tmp_path / 's', 'avc1/mp4', 6)
    frames = frames_of(folder)
    encoded(tmp_path / 'v.mp4', bf='0').replace(folder / '000000.mp4')
    assert 'one packet per frame' in str(plan_stream_copy(frames, '.mp4', False))
    (folder / '000000.mp4').write_bytes(b'')
    assert 'cannot be read' in str(plan_stream_copy(frames, '.mp4', False))


@pytest.mark.parametrize('kind', EXPORTS)
def test_an_export_to_a_url_writes_nothing(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record(tmp_path / 's', 'npy', 3)
    monkeypatch.chdir(tmp_path)
    ending = 'gif' if kind == 'animation' else 'mp4'
    assert export.main(['s', f'http://host/out.{ending}', '--as', kind])
    assert 'is a URL, which imgstore only reads' in capsys.readouterr().err
    assert only_the_store(tmp_path)
