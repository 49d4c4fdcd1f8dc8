"""Recordings of the Motif recorder and of old imgstores, made here from what the contract says of them."""

import datetime
import json
import os
from dataclasses import replace
from zoneinfo import ZoneInfo

import h5py
import numpy as np
import pytest
import yaml

from imgstore.errors import CorruptFileError, FrameNotFoundError
from imgstore.stores import VideoImgStore, extract_only_frame, new_for_filename, new_for_format
from imgstore.util import (
    motif_extra_data_h5_attrs,
    motif_extra_data_h5_to_df,
    motif_extra_data_json_to_df,
    motif_get_parse_true_fps,
    motif_get_recording_timezone,
)

from ..helpers.checked import not_none
from ..helpers.frames import index_in, numbered
from ..helpers.raised import raises
from ..helpers.videos import RECIPES, SHAPE, make_video

COUNT = 12  # frames a chunk


class _Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self._path = path

    def __reduce__(self):
        return open, (self._path, 'w')


def write_motif_store(path, fmt='libx264', user=None, **own):
    """Two chunks as Motif leaves them; frame i of the store has the number 100 + i and the time 1000 + i / 20."""
    path.mkdir()
    extension = '.avi' if fmt == 'mjpeg' else '.mp4'
    recipe = RECIPES['mjpeg_avi' if fmt == 'mjpeg' else 'b_frames_mp4']
    recipe = replace(recipe, times=recipe.times[:COUNT])
    for chunk in range(2):
        first = COUNT * chunk
        images = [numbered(first + index, SHAPE) for index in range(COUNT)]
        make_video(path / f'{chunk:06d}{extension}', recipe, images)
        np.savez(
            path / f'{chunk:06d}.npz',
            frame_number=100 + first + np.arange(COUNT),
            frame_time=1000 + (first + np.arange(COUNT)) / 20,
            uuid=np.bytes_(b'1234'),
            version=2,
            camera=np.bytes_(b'\xff\x00blob'),
            encoding=np.array(None, dtype=object),
            evil=np.array(_Touch(str(path / 'evil')), dtype=object),
        )
    store = {
        'class': 'VideoImgStoreFFMPEG',
        'format': fmt,
        'imgshape': list(SHAPE),
        'imgdtype': 'uint8',
        'chunksize': COUNT,
        'version': 2,
        'encoding': None,
        **own,
    }
    metadata = {'__store': store, 'timezone': 'Asia/Tokyo', 'acquisitionframerate': 20.0, **(user or {})}
    (path / 'metadata.yaml').write_text(yaml.safe_dump(metadata))
    return path


def write_h5(path, first):
    """Samples of two sensors at 1000 a second, and the camera's; the last row was reserved and not used."""
    rows = COUNT + 1
    camera = np.zeros(rows, [('frame_number', '<i8'), ('frame_time', '<f8'), ('frame_index', '<i8')])
    camera['frame_number'] = 100 + first + np.arange(rows)
    camera['frame_time'] = 1000 + (first + np.arange(rows)) / 20
    camera['frame_index'] = first + np.arange(rows)
    camera['frame_number'][-1] = -1
    with h5py.File(path, 'w') as file:
        file.attrs['datasets'] = np.bytes_(b'analog,digital')
        for name, columns in (('analog', 'force,light'), ('digital', 'button')):
            names = columns.split(',')
            dataset = file.create_dataset(name, data=np.arange(len(names) * rows).reshape(len(names), rows) + first)
            dataset.attrs['column_names'] = columns
            dataset.attrs['samplerate'] = 1000.0
        file.create_dataset('camera', data=camera)
        file.create_dataset('sample_delay', data=np.full(rows, 0.25))


def write_json(path, first):
    """Records out of order, and reserved ones."""
    records = [
        {
            'frame_number': 100 + first + i,
            'frame_time': 1000 + (first + i) / 20,
            'frame_index': first + i,
            'sensor_time': t,
            'value': 10 * i + t,
        }
        for i in (2, 0, 1)
        for t in (1, 0)
    ]
    reserved = {'frame_number': -1, 'frame_time': 0.0, 'frame_index': -1, 'sensor_time': 0, 'value': 0}
    path.write_text(json.dumps([*records, reserved, reserved]))


@pytest.mark.parametrize('fmt', ['libx264', 'h264', 'h264-gpu', 'nvenc-h264', 'nvenc-hevc', 'mjpeg'])
def test_every_format_of_motif_is_read_without_an_extension(tmp_path, fmt):
    path = write_motif_store(tmp_path / 'store', fmt)
    with new_for_filename(path) as store:
        assert type(store) is VideoImgStore
        assert store._ext == ('.avi' if fmt == 'mjpeg' else '.mp4')
        assert store.format == fmt
        assert (store.frame_count, store.chunks, store.image_shape) == (2 * COUNT, [0, 1], SHAPE)
        assert (store.frame_min, store.frame_max) == (100, 100 + 2 * COUNT - 1)
        assert not store.lossless
        for index in range(2 * COUNT):
            image, (number, time) = store.get_next_image()
            assert (index_in(image), number, time) == (index, 100 + index, 1000 + index / 20)
        for index in (20, 3, 12, 11):
            assert index_in(store.get_image(100 + index)[0]) == index
            assert index_in(store.get_nearest_image(1000 + index / 20 + 0.01)[0]) == index
            assert index_in(extract_only_frame(path, index)) == index
        with pytest.raises(FrameNotFoundError):
            store.get_image(0)


def test_pickled_members_of_an_index_are_never_loaded_and_kept(tmp_path):
    path = write_motif_store(tmp_path / 'store')
    with new_for_filename(path) as store:
        store.get_frame_metadata()
        store.get_image(105)
        store.save_index()
    with np.load(path / '000000.npz') as content:
        edited = {key: content[key] for key in ('frame_time', 'uuid', 'camera')}
    np.savez(
        path / '000000.npz',
        frame_number=np.r_[95:100, : COUNT - 5],
        **edited,
        evil=np.array(_Touch(str(path / 'evil')), dtype=object),
    )
    with new_for_filename(path) as store:
        store.reindex()
        assert store.get_frame_metadata()['frame_number'][:6] == [-5, -4, -3, -2, -1, 0]
    assert not (path / 'evil').exists()
    with np.load(path / '000000.npz') as content:
        assert set(content.files) == {
            'frame_number',
            'frame_time',
            'uuid',
            'camera',
            'evil',
            '_frame_number_before_reindex',
        }
        assert content['camera'] == b'\xff\x00blob'


def test_time_zone_is_metadatas_and_date_is_folder_names(tmp_path):
    """The time zone comes from the user's metadata and the date from the folder's name."""
    path = write_motif_store(tmp_path / 'camera_20191203_142513.21334')
    with new_for_filename(path) as store:
        created, zone = store.created
        assert zone.key == 'Asia/Tokyo'
        assert created == datetime.datetime(2019, 12, 3, 14, 25, 13, tzinfo=ZoneInfo('Asia/Tokyo'))
        assert created.utcoffset() == datetime.timedelta(0)
        assert store.uuid is None
        assert store.convert_frame_time_to_datetime(0).utcoffset() == datetime.timedelta(hours=9)
        assert motif_get_recording_timezone(store) == zone
        assert motif_get_parse_true_fps(store) == 25.0
        assert store.user_metadata == {'timezone': 'Asia/Tokyo', 'acquisitionframerate': 20.0}


def test_without_a_date_it_is_that_of_the_metadata_file(tmp_path):
    path = write_motif_store(tmp_path / 'camera_20191399_142513', user={'timezone': 'Mars/Olympus'})
    os.utime(path / 'metadata.yaml', (1e9, 1e9))
    with new_for_filename(path) as store:
        assert store.created[0].timestamp() == 1e9


@pytest.mark.parametrize(
    ('user', 'fps'),
    [
        ({'acquisitionframerateenable': True}, 20.0),
        ({'acquisitionframerateenable': False}, 25.0),
        ({'motifptpframerate': 30}, 30.0),
        ({'hwframerate': 50.0, 'motifptpframerate': 30}, 50.0),
    ],
)
def test_the_frame_rate_is_what_the_metadata_say(tmp_path, user, fps):
    with new_for_filename(write_motif_store(tmp_path / 'store', user=user)) as store:
        assert motif_get_parse_true_fps(store) == fps
        assert motif_get_parse_true_fps(store, default=None) == (fps if fps != 25.0 else pytest.approx(20.0))


def test_extra_data_in_json(tmp_path):
    path = write_motif_store(tmp_path / 'store')
    for chunk in range(2):
        write_json(path / f'{chunk:06d}.extra_data.json', COUNT * chunk)
    with new_for_filename(path) as store:
        assert store.has_extra_data
        assert [os.path.basename(f) for f in store.find_extra_data_files()] == [
            '000000.extra_data.json',
            '000001.extra_data.json',
        ]
        table = not_none(store.get_extra_data())
        assert table['frame_index'].tolist() == [0, 0, 1, 1, 2, 2, 12, 12, 13, 13, 14, 14]
        assert table['value'].tolist() == [0, 1, 10, 11, 20, 21] * 2
        assert (table['frame_number'] == table['frame_index'] + 100).all()
        one = not_none(motif_extra_data_json_to_df(store, str(path / '000001.extra_data.json')))
        assert one['value'].tolist() == [0, 1, 10, 11, 20, 21]


def test_extra_data_in_h5(tmp_path):
    path = write_motif_store(tmp_path / 'store')
    for chunk in range(2):
        write_h5(path / f'{chunk:06d}.extra_data.h5', COUNT * chunk)
    with new_for_filename(path) as store:
        table = not_none(store.get_extra_data())
        assert set(table.columns) == {
            'force',
            'light',
            'button',
            'frame_number',
            'frame_time',
            'frame_index',
            'sample_delay',
        }
        assert table['frame_number'].tolist() == list(range(100, 100 + 2 * COUNT))
        assert table['force'].tolist() == [*range(COUNT), *range(COUNT, 2 * COUNT)]
        assert (table['sample_delay'] == 0.25).all()
        assert store.get_extra_data_samplerate() == 1000.0
        file = store.find_extra_data_files()[0]
        assert len(motif_extra_data_h5_to_df(store, file)) == COUNT
        attributes = motif_extra_data_h5_attrs(file)
        assert attributes['_datasets'] == ['analog', 'digital']
        assert attributes['analog'] == {'column_names': 'force,light', 'samplerate': 1000.0}


@pytest.mark.parametrize('kind', ['json', 'h5'])
def test_reindex_renumbers_motif_data_and_drops_none(tmp_path, kind):
    """A reindex renumbers the extra data too, and no record is dropped afterwards."""
    path = write_motif_store(tmp_path / 'store')
    for chunk in range(2):
        with np.load(path / f'{chunk:06d}.npz') as content:
            np.savez(
                path / f'{chunk:06d}.npz', frame_number=content['frame_number'] - 113, frame_time=content['frame_time']
            )
        file = path / f'{chunk:06d}.extra_data.{kind}'
        (write_json if kind == 'json' else write_h5)(file, COUNT * chunk)
        shift_numbers(file, -113)
    with new_for_filename(path) as store:
        before = store.get_frame_metadata()['frame_number']
        assert before == list(range(-13, 11))
        store.reindex()
        store.reindex()
        numbers = store.get_frame_metadata()['frame_number']
        assert numbers == before
        table = not_none(store.get_extra_data())
        assert (table['frame_number'] == table['frame_index'] - 13).all()
        assert table['_frame_number_before_reindex'].tolist() == table['frame_number'].tolist()


def shift_numbers(file, shift):
    """Make the numbers of extra data others; rows that are reserved become ones that would be dropped as before."""
    if file.suffix == '.json':
        records = json.loads(file.read_text())
        for record in records:
            if record['frame_number'] >= 0:
                record['frame_number'] += shift
                record['_frame_number_before_reindex'] = record['frame_number']
        file.write_text(json.dumps(records))
        return
    with h5py.File(file, 'r+') as content:
        camera = content['camera'][()]
        del content['camera']
        fields = [*camera.dtype.descr, ('_frame_number_before_reindex', '<i8')]
        shifted = np.empty(len(camera), fields)
        for name in camera.dtype.names:
            shifted[name] = camera[name]
        real = camera['frame_number'] >= 0
        shifted['frame_number'] = np.where(real, camera['frame_number'] + shift, -1)
        shifted['_frame_number_before_reindex'] = np.where(real, camera['frame_number'] + shift, -1)
        content.create_dataset('camera', data=shifted)


def test_yaml_indexes_of_old_are_read(tmp_path):
    path = write_motif_store(tmp_path / 'store', 'mjpeg')
    for chunk in range(2):
        with np.load(path / f'{chunk:06d}.npz') as content:
            lists = {key: content[key].tolist() for key in ('frame_number', 'frame_time')}
        (path / f'{chunk:06d}.yaml').write_text(yaml.safe_dump(lists, default_flow_style=bool(chunk)))
        (path / f'{chunk:06d}.npz').unlink()
    with new_for_filename(path) as store:
        assert store.frame_count == 2 * COUNT
        for index in (23, 0, 12):
            image, found = store.get_image(100 + index)
            assert (index_in(image), *found) == (index, 100 + index, 1000 + index / 20)


def test_where_both_indexes_are_there_todays_form_counts(tmp_path):
    path = write_motif_store(tmp_path / 'store', 'mjpeg')
    (path / '000000.yaml').write_text('frame_number: [1]\nframe_time: [1.0]\n')
    with new_for_filename(path) as store:
        assert store.frame_count == 2 * COUNT


def test_a_video_store_with_an_encoding_is_decoded(tmp_path):
    with new_for_format('mjpeg/avi', tmp_path / 'raw', imgshape=SHAPE[:2], encoding='cv_bayerbg') as store:
        for index in range(3):
            store.add_image(numbered(index, SHAPE[:2]), index, index)
    for encoding in ('cv_bayerbg', 'cv_bayerrggb'):  # OpenCV has two names for it
        metadata = yaml.safe_load((tmp_path / 'raw' / 'metadata.yaml').read_text())
        metadata['__store']['encoding'] = encoding
        metadata['__store']['class'] = 'VideoImgStoreFFMPEG'
        (tmp_path / 'raw' / 'metadata.yaml').write_text(yaml.safe_dump(metadata))
        with new_for_filename(tmp_path / 'raw') as store:
            assert store.image_shape == SHAPE
            image = store.get_image(2)[0]
            assert image.shape == SHAPE
            assert index_in(image) == 2
            store.disable_decoding()
            raw: tuple[int, ...] = SHAPE[:2]
            assert store.get_image(2)[0].shape == raw
            assert store.image_shape == raw


@pytest.mark.parametrize('encoding', [None, ''])
def test_no_encoding_may_be_written_in_two_ways(tmp_path, encoding):
    with new_for_filename(write_motif_store(tmp_path / 'store', encoding=encoding)) as store:
        assert index_in(store.get_next_image()[0]) == 0


def test_unknown_class_or_extension_error_names_file(tmp_path):
    """An unknown class or extension raises an error that names the file."""
    for nth, own in enumerate(({'class': 'AudioStore'}, {'extension': '.webm'}, {'class': 'DirectoryImgStore'})):
        path = write_motif_store(tmp_path / f'store{nth}', **own)
        with raises(CorruptFileError, file='metadata.yaml'):
            new_for_filename(path)
