"""A reader among threads, and its copies in other processes."""

import multiprocessing
import pickle
import random
import threading

import pytest

from imgstore import new_for_filename, new_for_format
from imgstore.errors import StoreModeError

from .frames import index_in, numbered

SHAPE = (64, 96)
COUNT = 50
FORMATS = ['npy', 'png', 'mjpeg/avi', 'avc1/mp4']


@pytest.fixture(params=FORMATS)
def recording(request, tmp_path):
    with new_for_format(request.param, tmp_path / 's', imgshape=SHAPE, chunksize=20) as store:
        for index in range(COUNT):
            store.add_image(numbered(index, SHAPE), 1000 + index, index / 10)
    return tmp_path / 's'


def read_at_random(store, seed, count, wrong):
    rng = random.Random(seed)
    for _ in range(count):
        index = rng.randrange(COUNT)
        image, (number, time) = store.get_image(None, frame_index=index)
        if (index_in(image), number, time) != (index, 1000 + index, index / 10):
            wrong.append(index)


def test_many_threads_read_one_store(recording):
    wrong = []
    with new_for_filename(recording) as store:
        threads = [threading.Thread(target=read_at_random, args=(store, seed, 100, wrong)) for seed in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_many_threads_take_each_next_frame_once(recording):
    seen = []

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


def test_a_writer_cannot_be_copied(tmp_path):
    with new_for_format('npy', tmp_path / 's', imgshape=SHAPE) as store, pytest.raises(StoreModeError):
        pickle.dumps(store)


def frame_of(store, index):
    return index_in(store.get_image(None, frame_index=index)[0])


def test_a_store_is_an_argument_for_another_process(recording):
    with new_for_filename(recording) as store:
        assert frame_of(store, 3) == 3
        with multiprocessing.get_context('spawn').Pool(1) as pool:
            assert pool.starmap(frame_of, [(store, 40), (store, 7)]) == [40, 7]
