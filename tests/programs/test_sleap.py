"""Stores in sleap-io: read, and saved in labels that are loaded again."""

import copy
import pickle
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import sleap_io

import imgstore
from imgstore.adapters import sleap
from imgstore.errors import StoreNotFoundError

from ..helpers.frames import index_in, numbered
from ..helpers.raised import raises

SHAPE = (64, 96)


def record(folder, fmt='avc1/mp4', shape=SHAPE, count=11):
    with imgstore.new_for_format(fmt, folder, imgshape=shape, chunksize=4) as store:
        for index in range(count):
            store.add_image(numbered(index, shape), 100 + 2 * index, 1700000000 + index / 25)


def labels_of(video, *indexes):
    skeleton = sleap_io.Skeleton(['nose', 'tail'], edges=[('nose', 'tail')])
    frames = [
        sleap_io.LabeledFrame(
            video=video,
            frame_idx=index,
            instances=[sleap_io.Instance.from_numpy(np.array([[index, 2], [3, 4.5]]), skeleton)],
        )
        for index in indexes
    ]
    return sleap_io.Labels(frames, videos=[video])


@pytest.mark.parametrize('shape', [SHAPE, (*SHAPE, 3)])
@pytest.mark.parametrize('fmt', ['avc1/mp4', 'png', 'npy'])
def test_sleap_reads_frames(tmp_path, fmt, shape):
    record(tmp_path / 's', fmt, shape)
    video = sleap.make_video(tmp_path / 's')
    assert video.shape == (11, *SHAPE, 3 if len(shape) == 3 else 1)
    assert (len(video), video.grayscale, round(video.fps, 6)) == (11, len(shape) == 2, 25)
    assert [index_in(video[index]) for index in (10, 0, 5)] == [10, 0, 5]
    assert [index_in(frame) for frame in video[[7, 1, 7]]] == [7, 1, 7]
    with imgstore.new_for_filename(tmp_path / 's') as store:
        expected = store[5][..., ::-1] if len(shape) == 3 else store[5][..., None]
    np.testing.assert_array_equal(video[5], expected)
    with pytest.raises(IndexError):
        video[11]
    video.close()


@pytest.mark.parametrize('fmt', ['avc1/mp4', 'npy'])
def test_labels_of_a_store_are_saved_and_loaded(tmp_path, fmt):
    record(tmp_path / 's', fmt)
    labels_of(sleap.make_video(tmp_path / 's'), 3, 8).save(str(tmp_path / 'labels.slp'))
    for _ in range(2):  # what was loaded is saved again
        labels = sleap_io.load_slp(str(tmp_path / 'labels.slp'))
        assert isinstance(labels.video.backend, sleap.StoreBackend)
        assert [index_in(frame.image) for frame in labels] == [3, 8]
        assert labels[1].instances[0].numpy().tolist() == [[8, 2], [3, 4.5]]
        labels.save(str(tmp_path / 'labels.slp'))


def test_sleap_opens_a_store_by_its_path(tmp_path):
    record(tmp_path / 's')
    for path in (tmp_path / 's', tmp_path / 's' / 'metadata.yaml'):
        video = sleap_io.load_video(str(path))
        assert index_in(video[9]) == 9
        video.close()


def test_a_closed_video_of_a_store_opens_again(tmp_path):
    record(tmp_path / 's')
    video = sleap.make_video(tmp_path / 's', keep_open=False)
    copied = copy.deepcopy(video)
    video.close()
    assert [index_in(each[4]) for each in (video, copied)] == [4, 4]
    backend = pickle.loads(pickle.dumps(video.backend))  # noqa: S301
    assert index_in(backend[6]) == 6
    labels_of(video, 2).save(str(tmp_path / 'labels.slp'))
    for each in (video, copied, backend):
        each.close()


def test_frames_of_a_store_are_embedded(tmp_path):
    record(tmp_path / 's', 'png')
    labels_of(sleap.make_video(tmp_path / 's'), 3, 8).save(str(tmp_path / 'labels.pkg.slp'), embed=True, verbose=False)
    labels = sleap_io.load_slp(str(tmp_path / 'labels.pkg.slp'))
    np.testing.assert_array_equal(labels[1].image[..., 0], numbered(8, SHAPE))
    assert labels.video.source_video.filename.endswith('s/metadata.yaml')


def test_a_crop_of_a_store_is_saved(tmp_path):
    record(tmp_path / 's', 'png')
    video = sleap.make_video(tmp_path / 's').crop((8, 4, 40, 36))
    labels_of(video, 3).save(str(tmp_path / 'labels.slp'))
    labels = sleap_io.load_slp(str(tmp_path / 'labels.slp'))
    np.testing.assert_array_equal(labels[0].image[..., 0], numbered(3, SHAPE)[4:36, 8:40])


def test_labels_of_a_store_outlive_sleap_without_imgstore(tmp_path):
    """A program without the adapter keeps the video, which it cannot open, when it saves the labels."""
    record(tmp_path / 's')
    path = str(tmp_path / 'labels.slp')
    labels_of(sleap.make_video(tmp_path / 's'), 3, 8).save(path)
    program = (
        f'import sleap_io\nlabels = sleap_io.load_slp({path!r})\n'
        f'assert labels.video.backend is None and labels.video.shape[0] == 11\nlabels.save({path!r})'
    )
    subprocess.run([sys.executable, '-W', 'ignore', '-c', program], check=True)
    assert [index_in(frame.image) for frame in sleap_io.load_slp(path)] == [3, 8]


def test_sleap_still_reads_other_videos(tmp_path):
    record(tmp_path / 's')
    record(tmp_path / 'p', 'png')
    film = sleap_io.load_video(str(tmp_path / 's' / '000000.mp4'))
    images = sleap_io.load_video(str(tmp_path / 'p' / '000001'))
    assert [type(video.backend).__name__ for video in (film, images)] == ['MediaVideo', 'ImageVideo']
    assert (index_in(film[2]), index_in(images[2])) == (2, 6)
    labels_of(film, 1).save(str(tmp_path / 'labels.slp'))
    assert index_in(sleap_io.load_slp(str(tmp_path / 'labels.slp'))[0].image) == 1
    film.close()


def test_labels_of_two_stores_are_merged(tmp_path):
    for name in ('a', 'b'):
        record(tmp_path / name)
    ours, other = (labels_of(sleap.make_video(tmp_path / name), 2) for name in ('a', 'b'))
    ours.merge(other)
    ours.save(str(tmp_path / 'labels.slp'))
    labels = sleap_io.load_slp(str(tmp_path / 'labels.slp'))
    assert sorted(Path(frame.video.filename).parent.name for frame in labels) == ['a', 'b']


def test_labels_find_a_moved_store_and_no_other(tmp_path):
    record(tmp_path / 'a' / 's')
    record(tmp_path / 'b' / 'other')
    for folder in ('a', 'b'):
        labels_of(sleap.make_video(tmp_path / 'a' / 's'), 3).save(str(tmp_path / folder / 'labels.slp'))
    (tmp_path / 'a').rename(tmp_path / 'moved')
    assert sleap_io.load_slp(str(tmp_path / 'b' / 'labels.slp')).video.backend is None
    assert index_in(sleap_io.load_slp(str(tmp_path / 'moved' / 'labels.slp'))[0].image) == 3


def test_a_store_of_one_channel_is_gray(tmp_path):
    record(tmp_path / 's', 'npy', (*SHAPE, 1))
    video = sleap.make_video(tmp_path / 's')
    assert (video.shape, video[3].shape) == ((11, *SHAPE, 1), (*SHAPE, 1))
    video.close()


def test_threads_read_a_store_that_is_not_kept_open(tmp_path):
    record(tmp_path / 's')
    video = sleap.make_video(tmp_path / 's', keep_open=False)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda index: index_in(video[index % 11]), range(44))) == [*range(11)] * 4


def test_sleap_needs_a_store(tmp_path):
    with raises(StoreNotFoundError):
        sleap.make_video(tmp_path)


def test_the_patch_lets_sleap_open_stores_by_itself(tmp_path):
    """The patch for the maintainers of sleap-io, in a copy of the installed package."""
    patch = Path(__file__).parents[2] / 'docs' / 'sleap-io.patch'
    shutil.copytree(Path(sleap_io.__file__).parent, tmp_path / 'sleap_io')
    subprocess.run(['git', 'apply', '--verbose', patch], cwd=tmp_path, check=True)
    record(tmp_path / 's')
    path = str(tmp_path / 'labels.slp')
    labels_of(sleap.make_video(tmp_path / 's'), 3, 8).save(path)
    program = (
        f'import sleap_io\nassert sleap_io.__file__.startswith({str(tmp_path)!r})\n'
        f'for _ in range(2):\n    labels = sleap_io.load_slp({path!r})\n'
        '    assert [frame.image.shape for frame in labels] == [(64, 96, 1)] * 2\n'
        f'    labels.save({path!r})\n'
    )
    subprocess.run([sys.executable, '-W', 'ignore', '-c', program], cwd=tmp_path, check=True)


def test_labels_take_no_other_store_of_the_same_name(tmp_path):
    (tmp_path / 'old').mkdir()
    record(tmp_path / 'old' / 'rec')
    labels_of(sleap.make_video(tmp_path / 'old' / 'rec'), 3).save(str(tmp_path / 'labels.slp'))
    shutil.rmtree(tmp_path / 'old')
    record(tmp_path / 'rec', 'png', (32, 96, 3), count=5)
    assert sleap_io.load_slp(str(tmp_path / 'labels.slp')).video.backend is None
