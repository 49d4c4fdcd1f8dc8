"""Reading a store while it is written: what is there is seen at once, what comes later after `refresh`, in `follow`."""

import shutil
import subprocess
import sys
import threading
import time

import pytest

from imgstore import new_for_filename
from imgstore.errors import StoreClosedError, StoreModeError

from ..helpers.checked import not_none
from ..helpers.frames import index_in, numbered
from ..helpers.killed_stores import COUNT, PLAIN, SHAPE, VIDEO, fill
from ..helpers.kills import environment

pytestmark = pytest.mark.process

FORMATS = ['png', 'npy', *VIDEO]


@pytest.mark.parametrize('fmt', PLAIN)
def test_reader_sees_written_frames_and_refresh_adds_rest(tmp_path, fmt):
    """A reader sees the frames that were written, and it sees the rest after refresh."""
    with fill(tmp_path / 's', fmt, workers=0) as store, new_for_filename(tmp_path / 's') as reader:
        assert reader.frame_count == COUNT
        assert [index_in(reader.get_next_image()[0]) for _ in range(10)] == list(range(10))
        for index in range(COUNT, COUNT + 12):
            store.add_image(numbered(index, SHAPE), 100 + index, index / 10)
            assert reader.frame_count == index
            assert reader.refresh() == 1
            assert reader.frame_number == 109
            assert index_in(reader.get_image(100 + index)[0]) == index
            assert index_in(reader.get_image(109)[0]) == 9
        store.close()
        assert reader.refresh() == 0
        assert [index_in(reader.get_next_image()[0]) for _ in range(10, COUNT + 12)] == list(range(10, COUNT + 12))


@pytest.mark.parametrize('fmt', FORMATS)
def test_follow_yields_frames_until_writer_closes(tmp_path, fmt):
    """Following a store yields each frame as it arrives and ends when the writer closes the store."""
    store = fill(tmp_path / 's', fmt, 3)

    def write():
        for index in range(3, 40):
            time.sleep(0.005)
            store.add_image(numbered(index, SHAPE), 100 + index, index / 10)
        store.close()

    writer = threading.Thread(target=write)
    with new_for_filename(tmp_path / 's') as reader:
        writer.start()
        seen = [(index_in(image), number, seconds) for image, (number, seconds) in reader.follow()]
    writer.join()
    assert seen == [(index, 100 + index, index / 10) for index in range(40)]


WRITER = """
import sys, time
from imgstore.tests.helpers.killed_stores import fill, numbered, SHAPE
store = fill(sys.argv[2], sys.argv[1], 1)
print('ready', flush=True)
for index in range(1, 60):
    time.sleep(0.01)
    store.add_image(numbered(index, SHAPE), 100 + index, index / 10)
    store.add_extra_data(seen=index)
{end}
"""


KILLED = 'import os; time.sleep(0.5); os.kill(os.getpid(), 9)'


@pytest.mark.parametrize('end', ['store.close()', KILLED])
@pytest.mark.parametrize('fmt', FORMATS)
@pytest.mark.once
def test_follow_reads_another_process_until_it_ends(tmp_path, fmt, end):
    """A follower reads what another process writes until that process closes the store or is killed."""
    script = WRITER.format(end=end).replace('imgstore.tests', __package__.rpartition('.')[0])
    with subprocess.Popen(
        [sys.executable, '-c', script, fmt, str(tmp_path / 's')],
        env=environment(),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert not_none(process.stdout).readline() == 'ready\n'
        with new_for_filename(tmp_path / 's') as reader:
            seen = [(index_in(image), number) for image, (number, _) in reader.follow()]
            data = not_none(reader.get_extra_data())
    assert seen == [(index, 100 + index) for index in range(60)]
    assert data['seen'].tolist() == list(range(60))


def test_follow_ends_at_the_end_of_a_store_that_nobody_writes(tmp_path):
    fill(tmp_path / 's', 'npy').close()
    with new_for_filename(tmp_path / 's') as reader:
        assert len(list(reader.follow())) == COUNT
        assert list(reader.follow()) == []
        reader.get_image(110)
        assert [number for _, (number, _) in reader.follow()] == list(range(111, 100 + COUNT))


def test_refresh_sees_what_was_removed_too(tmp_path):
    fill(tmp_path / 's', 'npy').close()
    with new_for_filename(tmp_path / 's') as reader:
        assert reader.frame_count == COUNT
        shutil.rmtree(tmp_path / 's' / '000001')
        assert reader.refresh() == -7
        assert reader.chunks == [0, 2]


def test_a_writer_and_a_closed_reader_cannot_refresh(tmp_path):
    with fill(tmp_path / 's', 'npy') as store:
        for call in (store.refresh, store.follow):
            with pytest.raises(StoreModeError):
                call()
    reader = new_for_filename(tmp_path / 's')
    reader.close()
    with pytest.raises(StoreClosedError):
        reader.refresh()
