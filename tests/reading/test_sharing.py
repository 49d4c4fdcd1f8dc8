"""A reader among threads, and its copies in other processes."""

import multiprocessing
import os
import pickle
import random
import shutil
import threading
from typing import Any

import pytest

from imgstore import get_supported_formats, new_for_filename, new_for_format
from imgstore.chunks.video.backends import BACKENDS, backend_works
from imgstore.errors import StoreClosedError, StoreModeError, StoreNotFoundError
from imgstore.formats import resolve_format
from imgstore.index import ImgStoreIndex

from ..helpers.checked import not_none
from ..helpers.frames import index_in, numbered

pytestmark = pytest.mark.usefixtures('small_as_large')

SHAPE, COLOR = (64, 96), (64, 96, 3)
COUNT = 50
FORMATS = ['npy', 'png', 'mjpeg/avi', 'avc1/mp4']
READS = int(os.environ.get('IMGSTORE_TEST_READS', 50))  # by each thread


def readers():
    """Each format in gray and colour, with each backend that reads it on this machine."""
    for fmt in map(resolve_format, get_supported_formats()):
        for backend in [None] if fmt.is_image_folder else BACKENDS:
            if fmt.is_image_folder or backend_works(not_none(backend), fmt.codec, fmt.extension, 'read'):
                yield fmt.name, backend, SHAPE
                if not fmt.is_gray:
                    yield fmt.name, backend, COLOR


def record(path, fmt, shape=SHAPE):
    with new_for_format(fmt, path, imgshape=shape, chunksize=20) as store:
        for index in range(COUNT):
            store.add_image(numbered(index, shape), 1000 + index, index / 10)


@pytest.fixture(params=FORMATS)
def recording(request, tmp_path):
    record(tmp_path / 's', request.param)
    return tmp_path / 's'


def read_at_random(store, seed, count, wrong):
    rng = random.Random(seed)
    try:
        for _ in range(count):
            index = rng.randrange(COUNT)
            image, (number, time) = store.get_image(None, frame_index=index)
            if (index_in(image), number, time) != (index, 1000 + index, index / 10):
                wrong.append(index)
    except BaseException as error:  # noqa: BLE001 -- it would end just this thread
        wrong.append(error)


@pytest.mark.parametrize(('fmt', 'backend', 'shape'), [*readers()])
@pytest.mark.once
def test_many_threads_read_one_store(tmp_path, fmt, backend, shape):
    record(tmp_path / 's', fmt, shape)
    wrong: list = []
    with new_for_filename(tmp_path / 's', backend=backend) as store:
        threads = [threading.Thread(target=read_at_random, args=(store, seed, READS, wrong)) for seed in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_many_threads_take_each_next_frame_once(recording):
    seen: list = []

    def read_on():
        for _ in range(10):
            image, (number, _) = store.get_next_image()
            assert index_in(image) == number - 1000
            seen.append(number)

    with new_for_filename(recording) as store:
        threads = [threading.Thread(target=read_on) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(seen) == list(range(1000, 1000 + COUNT))


def copied(store):
    return pickle.loads(pickle.dumps(store))  # noqa: S301 -- our own


def test_a_copy_by_pickle_stands_where_the_first_one_does(recording):
    with new_for_filename(recording) as store:
        first = copied(store)
        store.get_image(1030)
        with copied(store) as second:
            assert index_in(second.get_next_image()[0]) == 31
            assert (type(second), second.filename) == (type(store), store.filename)
        assert index_in(store.get_next_image()[0]) == 31
        assert index_in(first.get_next_image()[0]) == 0
        first.close()


def test_a_copy_does_not_decode_where_the_first_one_does_not(tmp_path):
    with new_for_format('npy', tmp_path / 's', imgshape=SHAPE, encoding='cv_bayerrg') as store:
        store.add_image(numbered(5, SHAPE), 0, 0)
    with new_for_filename(tmp_path / 's') as store:
        store.disable_decoding()
        assert copied(store).get_next_image()[0].shape == SHAPE


def test_a_copy_has_the_index_that_was_given(recording, tmp_path):
    with new_for_filename(recording) as store:
        index = ImgStoreIndex.new_from_chunks(store.index.chunk_ranges()[i][:2] for i in (0, 2))
        ImgStoreIndex.new_from_chunks([store.index.chunk_ranges()[1][:2]]).to_file(tmp_path / 'second')
    for given, count, first in ((index, 30, 0), (ImgStoreIndex.new_from_file(tmp_path / 'second'), 20, 20)):
        with new_for_filename(recording, index=given) as store:
            store.get_image(1000 + first)
            with copied(store) as second:
                assert (second.frame_count, second.frame_number, second.chunks) == (count, 1000 + first, store.chunks)
                assert frame_of(second, 0) == first
                assert second.get_frame_metadata() == store.get_frame_metadata()


def test_a_copy_reads_as_the_first_one_does(recording):
    options: dict[str, Any] = {'cache_bytes': 0, 'seek': False, 'backend': None, 'verify': False}
    with new_for_filename(recording, **options) as store, copied(store) as second:
        assert frame_of(second, 30) == 30
        assert second._reopen == store._reopen == options


@pytest.mark.parametrize('closed', [False, True])
def test_a_writer_cannot_be_copied(tmp_path, closed):
    with new_for_format('npy', tmp_path / 's', imgshape=SHAPE) as store:
        if closed:
            store.close()
        with pytest.raises(StoreModeError):
            pickle.dumps(store)


def test_a_store_that_was_closed_cannot_be_copied(recording):
    store = new_for_filename(recording)
    store.close()
    with pytest.raises(StoreClosedError):
        pickle.dumps(store)


def test_a_copy_of_a_store_that_is_gone_says_so(recording):
    with new_for_filename(recording) as store:
        pickled = pickle.dumps(store)
    shutil.rmtree(recording)
    with pytest.raises(StoreNotFoundError):
        pickle.loads(pickled)  # noqa: S301 -- our own


def frame_of(store, index):
    return index_in(store.get_image(None, frame_index=index)[0])


@pytest.mark.process
@pytest.mark.once
def test_a_store_is_an_argument_for_another_process(recording):
    with new_for_filename(recording) as store:
        assert frame_of(store, 3) == 3
        with multiprocessing.get_context('spawn').Pool(1) as pool:
            assert pool.starmap(frame_of, [(store, 40), (store, 7)]) == [40, 7]
