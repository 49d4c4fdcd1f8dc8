"""SPEC, 'Writing': what cannot be written is named, each rule in a test that names it."""

import contextlib
import itertools
import os
import shutil
import sys

import av
import cv2
import pytest

import imgstore
from imgstore import new_for_filename
from imgstore.chunks.video.intra_encoders import FFV1Encoder
from imgstore.chunks.video.stream_encoders import H264Encoder
from imgstore.errors import (
    FrameWriteError,
    StoreIOError,
    StoreLockedError,
)

from ..helpers.checked import not_none
from ..helpers.file_limits import files_of_at_most
from ..helpers.format_table import IMAGE_FORMATS, ROWS, VIDEO_FORMATS
from ..helpers.frames import index_in
from ..helpers.raised import raises
from ..helpers.writing import add, at_once, check, files, record, video_backends

if sys.platform != 'win32':

    @pytest.mark.parametrize('fmt', IMAGE_FORMATS)
    def test_image_without_disk_space_is_named_and_others_kept(tmp_path, fmt):
        """An image that does not fit on the disk is named in the error, and all other images are kept."""
        with at_once(tmp_path / 's', fmt, chunksize=4) as store:
            add(store, 0, 1, 2, 3, 4)
            with files_of_at_most(1000):
                for number in (55, 56):
                    with raises(FrameWriteError, frame_number=number):
                        add(store, number)
            assert store.frame_count == 5
            add(store, 5, 6, 7, 8, 9)
        check(tmp_path / 's', range(10))
        assert not [name for name in files(tmp_path / 's') if '.open' in name or '.lock' in name]

    def test_first_image_that_does_not_fit_leaves_no_chunk(tmp_path):
        """If the first image of a chunk does not fit on the disk, no chunk remains."""
        with at_once(tmp_path / 's', chunksize=2) as store:
            add(store, 0, 1)
            with files_of_at_most(1000):
                for number in range(50, 53):
                    with raises(FrameWriteError, frame_number=number):
                        add(store, number)
            store.add_extra_data(of=1)
            there = {*os.listdir(tmp_path / 's')} - {'.000000.open.complete'}  # which goes at any time
            assert there == {'.000000.open.journal', '.lock', '000000', 'metadata.yaml'}
            add(store, 2)
        check(tmp_path / 's', range(3))
        assert '000000/index.extra.json' in files(tmp_path / 's')

    @pytest.mark.parametrize('fmt', ['npy', 'mjpeg', 'avc1/mp4'])
    def test_an_index_that_does_not_fit_is_tried_again(tmp_path, fmt):
        with at_once(tmp_path / 's', fmt, chunksize=3) as store:
            add(store, 0, 1, 2)
            store.add_extra_data(text='x' * 50000)
            with files_of_at_most(50000):
                for number in (33, 34):
                    with raises(FrameWriteError, frame_number=number, frame_numbers=(0, 1, 2, number)):
                        add(store, number)
            add(store, 3, 4)
            assert store.chunks == [0, 1]
        check(tmp_path / 's', range(5))
        assert not_none(new_for_filename(tmp_path / 's').get_extra_data())['frame_index'].tolist() == [2]

    @pytest.mark.parametrize('fmt', ['npy', 'mjpeg', 'avc1/mp4'])
    def test_close_reports_incomplete_store_and_closes_it(tmp_path, fmt):
        """A store that cannot be completed raises an error on close and is closed."""
        store = at_once(tmp_path / 's', fmt, chunksize=3)
        add(store, 0, 1, 2, 3)
        store.add_extra_data(text='x' * 50000)
        with files_of_at_most(50000), raises(FrameWriteError, chunk=1, frame_numbers=(3,)):
            store.close()
        store.close()
        assert not (tmp_path / 's' / '.lock').exists()
        check(tmp_path / 's', range(4))  # the journal has what the index could not take
        assert imgstore.repair(tmp_path / 's')
        check(tmp_path / 's', range(4))
        assert not [name for name in files(tmp_path / 's') if '.open' in name]

    @pytest.mark.parametrize(('fmt', 'backend'), video_backends('write'))
    def test_oversized_video_keeps_all_frames_not_named(tmp_path, fmt, backend):
        """If a video does not fit on the disk, every frame that no error names is kept."""
        shape, added, failed = (128, 160), [], []
        store = at_once(tmp_path / 's', fmt, shape, backend=backend, chunksize=60)
        with files_of_at_most(60000 if fmt == 'mjpeg/avi' else 400000 if ROWS[fmt].lossless else 15000):
            for number in range(100):
                try:
                    add(store, number, shape=shape)
                    added.append(number)
                except FrameWriteError as error:
                    failed.append((number, error))
        assert all(error.frame_number == number for number, error in failed)
        add(store, 200, 201, shape=shape)
        store.close()
        with new_for_filename(tmp_path / 's') as reader:
            kept = reader.get_frame_metadata()['frame_number']
            assert [index_in(reader.get_next_image()[0]) for _ in kept] == kept
        assert kept[-2:] == [200, 201]
        assert failed
        assert len(kept) > 10
        assert set(added) - set(kept) <= {number for _, error in failed for number in error.frame_numbers}

    @pytest.mark.parametrize('size', [0, 10])
    def test_a_store_that_cannot_be_made_leaves_no_folder(tmp_path, size):
        with files_of_at_most(size), raises(StoreIOError, store=str(tmp_path / 's')):
            at_once(tmp_path / 's')
        assert os.listdir(tmp_path) == []
        record(tmp_path / 's')


@pytest.mark.parametrize('fmt', ['npy', 'png', 'mjpeg', 'h264/mkv', 'avc1/mp4'])
def test_a_store_whose_folder_was_removed_is_not_made_anew(tmp_path, fmt):
    store = at_once(tmp_path / 's', fmt, chunksize=4)
    add(store, 0, 1)
    store.add_extra_data(a=1)
    shutil.rmtree(tmp_path / 's')
    with raises(FrameWriteError, frame_number=2, frame_numbers=(0, 1, 2)):
        add(store, 2)
    for number in (3, 4):
        with raises(FrameWriteError, frame_number=number):
            add(store, number)
    with contextlib.suppress(FrameWriteError):
        store.close()
    store.close()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize('fmt', ['npy', 'mjpeg', 'h264/mkv', 'avc1/mp4'])
def test_frames_of_removed_folder_are_named_by_close(tmp_path, fmt):
    """If the store's folder was removed, close() at the latest names the lost frames."""
    store = at_once(tmp_path / 's', fmt)
    add(store, 5, 6, 7)
    shutil.rmtree(tmp_path / 's')
    with raises(FrameWriteError, frame_numbers=(5, 6, 7)):
        store.close()
    assert os.listdir(tmp_path) == []


def test_writer_without_folder_leaves_next_lock_alone(tmp_path):
    """A writer whose folder was removed leaves the lock of the next writer alone."""
    gone = at_once(tmp_path / 's', 'mjpeg')
    shutil.rmtree(tmp_path / 's')
    with at_once(tmp_path / 's', 'npy') as store:
        gone.close()
        with pytest.raises(StoreLockedError):
            at_once(tmp_path / 's', overwrite=True)
        add(store, 0)
    check(tmp_path / 's', [0])


def test_frames_of_removed_chunk_are_named(tmp_path):
    """An error names the frames of a chunk that was removed, and the recording goes on."""
    with at_once(tmp_path / 's', chunksize=5) as store:
        add(store, *range(7))
        shutil.rmtree(tmp_path / 's' / '000001')
        with raises(FrameWriteError, frame_number=7, frame_numbers=(5, 6, 7)):
            add(store, 7)
        add(store, 8, 9)
    check(tmp_path / 's', [0, 1, 2, 3, 4, 8, 9])


class FailingContainer:
    """PyAV's container, whose packets cannot be written from the one on with that number."""

    def __init__(self, container, first):
        self._container, self._left = container, first

    def __getattr__(self, name):
        return getattr(self._container, name)

    def mux(self, packets):
        self._left -= bool(packets)
        if self._left < 0:
            raise av.FFmpegError(5, 'the encoder died')
        self._container.mux(packets)


IN_MATROSKA: dict[str, tuple[type, str]] = {'h264/mkv': (H264Encoder, 'packet'), 'ffv1/mkv': (FFV1Encoder, 'stored')}
"""What gives the packets to our own muxer."""


def failing_from(fmt, first, error=None, after=False):
    """What gives packets until a frame, at which it raises, if so asked once the frame is encoded."""
    encode, count = getattr(*IN_MATROSKA[fmt]), itertools.count()

    def packets(*args):
        number = next(count)
        if number >= first and not after:
            raise error or av.FFmpegError(5, 'the encoder died')
        encoded = encode(*args)
        if number == first and after:
            raise error
        return encoded

    return packets


@pytest.mark.filterwarnings('ignore::imgstore.errors.ChunkSkippedWarning')  # where not one frame of it can be read
@pytest.mark.parametrize('fmt', VIDEO_FORMATS)
@pytest.mark.parametrize('first', [0, 1, 4])
def test_failing_video_encoder_costs_only_named_frames(tmp_path, monkeypatch, fmt, first):
    """A video encoder that fails costs only the frames that the error names."""
    opened = av.open
    store = at_once(tmp_path / 's', fmt, backend='pyav', chunksize=20)
    with monkeypatch.context() as patch:
        patch.setattr(
            av,
            'open',
            lambda *args, **kwargs: (
                FailingContainer(opened(*args, **kwargs), first) if 'w' in args else opened(*args, **kwargs)
            ),
        )
        if fmt in IN_MATROSKA:
            patch.setattr(*IN_MATROSKA[fmt], failing_from(fmt, first))
        with pytest.raises(FrameWriteError) as raised:
            add(store, *range(18))
    written = store.frame_count
    add(store, 20, 21)
    store.close()
    assert raised.value.frame_numbers == tuple(range(written, not_none(raised.value.frame_number) + 1))
    check(tmp_path / 's', [*range(written), 20, 21])


class LossyWriter:
    """OpenCV's writer, which says nothing when frames are lost."""

    made = cv2.VideoWriter

    def __init__(self, *args):
        self._writer, self._count = LossyWriter.made(*args), 0

    def __getattr__(self, name):
        return getattr(self._writer, name)

    def write(self, image):
        self._count += 1
        if self._count <= 3:
            self._writer.write(image)

    fourcc = made.fourcc


@pytest.mark.parametrize(('fmt', 'backend'), [pair for pair in video_backends('write') if pair[1] == 'opencv'])
def test_frames_that_opencv_lost_without_a_word_are_named(tmp_path, monkeypatch, fmt, backend):
    with monkeypatch.context() as patch:
        patch.setattr(cv2, 'VideoWriter', LossyWriter)
        store = at_once(tmp_path / 's', fmt, backend=backend, chunksize=5)
        add(store, *range(5))
        with raises(FrameWriteError, frame_number=5, frame_numbers=(3, 4, 5)):
            add(store, 5)
    add(store, 6)
    store.close()
    check(tmp_path / 's', [0, 1, 2, 6])


@pytest.mark.parametrize('result', [(False, None), cv2.error('broken'), KeyboardInterrupt(), MemoryError()], ids=repr)
def test_an_image_that_cannot_be_encoded_is_not_indexed(tmp_path, monkeypatch, result):
    def fail(*args):
        if isinstance(result, tuple):
            return result
        raise result

    with at_once(tmp_path / 's', 'png', chunksize=5) as store:
        add(store, 0, 1)
        with monkeypatch.context() as patch:
            patch.setattr(cv2, 'imencode', fail)
            expected = FrameWriteError if isinstance(result, (tuple, cv2.error)) else type(result)
            with pytest.raises(expected):
                add(store, 2)
        add(store, 3)
    check(tmp_path / 's', [0, 1, 3])


@pytest.mark.parametrize('fmt', VIDEO_FORMATS)
def test_a_frame_that_was_interrupted_shifts_no_other(tmp_path, monkeypatch, fmt):
    class Interrupted(FailingContainer):
        def mux(self, packets):
            self._container.mux(packets)
            self._left -= 1
            if self._left == 0:
                raise KeyboardInterrupt

    opened = av.open
    monkeypatch.setattr(
        av,
        'open',
        lambda *args, **kwargs: Interrupted(opened(*args, **kwargs), 3) if 'w' in args else opened(*args, **kwargs),
    )
    if fmt in IN_MATROSKA:
        monkeypatch.setattr(*IN_MATROSKA[fmt], failing_from(fmt, 2, KeyboardInterrupt(), after=True))
    store = at_once(tmp_path / 's', fmt, backend='pyav')
    add(store, 0, 1)
    with pytest.raises(KeyboardInterrupt):
        add(store, 2)
    add(store, 3)
    store.close()
    check(tmp_path / 's', [0, 1, 3])
