"""HDF5 is read by another process: what that does not survive is damage here, soon, and what it can read is right."""

import gzip
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from contextlib import suppress
from multiprocessing import spawn
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgstore import new_for_filename
from imgstore.errors import CorruptFileError, ExtraDataSkippedWarning, ImgStoreError, StoreIOError
from imgstore.extra_data import hdf5_client as hdf5
from imgstore.extra_data import hdf5_worker
from imgstore.extra_data.hdf5_client import H5Content, checked, read_files
from imgstore.extra_data.motif_h5 import h5_attrs, read_h5, renumber_h5
from imgstore.extra_data.records import read_extra_data
from imgstore.ondisk.chunk_index import write_chunk_index

from .. import TEST_DATA_DIR
from ..helpers.checked import not_none
from ..helpers.edits import edited, edits, soon_and_in_little_memory
from ..helpers.hostile import recorded, with_h5, with_h5_of_texts
from ..helpers.raised import raises

pytestmark = pytest.mark.process

FOUND = Path(TEST_DATA_DIR) / 'damaged_h5'
"""What HDF5 itself was found to crash over, never to return from, or to fill up with any memory, by random changes."""

ROWS = [0, 0, 1]


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(hdf5, '_COMPUTING_SECONDS', 0)  # and what is left of the second in which it begins


@pytest.fixture(scope='module', params=[with_h5, with_h5_of_texts])
def sound(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp('sound')
    request.param(folder)
    return folder / '000000.extra_data.h5'


@pytest.fixture
def file(tmp_path):
    with_h5(tmp_path)
    return str(tmp_path / '000000.extra_data.h5')


# --- what it does not survive


@pytest.mark.parametrize('name', [path.name.removesuffix('.h5.gz') for path in sorted(FOUND.glob('*'))])
@pytest.mark.slow
def test_file_that_breaks_hdf5_is_damaged(tmp_path, impatient, name):
    """A file on which HDF5 crashes, hangs or returns wrong data counts as damaged."""
    path = tmp_path / '000000.extra_data.h5'
    path.write_bytes(gzip.decompress((FOUND / f'{name}.h5.gz').read_bytes()))
    with raises(CorruptFileError, path=str(path)):
        (h5_attrs if 'attribute' in name else read_h5)(str(path))


DEEDS = {
    'crash': 'os.abort()',
    'hang': 'exec("while True: pass")',
    'leave': 'os._exit(0)',
    'crash in the midst of an answer': 'answers.write(b"\\x93NUMPY\\x01"); answers.flush(); os.abort()',
    'lie': 'return child.write_message(answers, {"datasets": [1]})',
    'claim': 'np.lib.format.write_array_header_1_0(answers, '
    '{"descr": "|u1", "fortran_order": False, "shape": (10**12,)})',
    'objects': 'return np.save(answers, np.array([{}]))',
    'no array': 'return answers.write(b"x" * 10**6)',
}


@pytest.fixture
def misdeed(tmp_path, monkeypatch):
    """A function that gives the other process a program that does something when it is to read a file of that name."""

    def misbehave(deed):
        program = tmp_path / 'child.py'
        program.write_text(
            f'import json, os, sys\nsys.path[:0] = [{str(Path(hdf5._CHILD).parent)!r}]\n'
            'sys.path += json.loads(sys.argv[1])\nimport hdf5_worker as child\nimport numpy as np\n'
            'serve = child.serve\n'
            'def misbehave(order, arrays, answers):\n'
            f'    if "bad" in order["path"]:\n        child._limit_process(order)\n        {deed}\n'
            '    serve(order, arrays, answers)\n'
            'child.serve = misbehave\nchild.main()\n'
        )
        monkeypatch.setattr(hdf5, '_CHILD', str(program))

    return misbehave


@pytest.mark.slow
@pytest.mark.parametrize('deed', DEEDS.values(), ids=DEEDS)
def test_failure_in_child_process_costs_only_its_file(tmp_path, file, misdeed, impatient, deed):
    """Whatever happens in the child process costs only the file that it was reading."""
    paths = [str(tmp_path / name) for name in ('a.extra_data.h5', 'bad.extra_data.h5', 'c.extra_data.h5')]
    for path in paths:
        shutil.copy(file, path)
    misdeed(deed)
    with pytest.warns(ExtraDataSkippedWarning) as caught:
        table = not_none(read_extra_data(paths, ignore_corrupt=True))
    assert [[error.path for error in getattr(each.message, 'errors', ())] for each in caught] == [paths[1:2]]
    assert table['frame_number'].tolist() == ROWS * 2


def test_a_process_that_waits_for_ever_is_ended(tmp_path, file, misdeed, monkeypatch):
    shutil.copy(file, tmp_path / 'bad.h5')
    misdeed('exec("import time; time.sleep(1000)")')
    monkeypatch.setattr(hdf5, '_SECONDS', 0.2)
    with pytest.raises(CorruptFileError, match='takes too long'):
        read_h5(str(tmp_path / 'bad.h5'))


CLAIMS = {
    'rows of the camera': ((2**33,), [('frame_number', 'i8')]),
    'cells that become objects': ((2**22,), [('frame_number', 'i1'), ('text', 'S1')]),
    'rows that become arrays': ((2**22,), [('frame_number', 'i1'), ('vector', 'i1', (2,))]),
    'a chunk': ((2,), [('frame_number', 'S500000000')]),
}


@pytest.mark.parametrize(('shape', 'dtype'), CLAIMS.values(), ids=CLAIMS)
def test_a_small_file_of_much_is_damaged(tmp_path, shape, dtype):
    path = tmp_path / '000000.extra_data.h5'
    with h5py.File(path, 'w') as content:
        content.create_dataset('camera', shape, dtype, chunks=tuple(min(2**12, length) for length in shape))
    with soon_and_in_little_memory(), raises(CorruptFileError, path=str(path)):
        read_h5(str(path))


@pytest.mark.exhaustive
@settings(max_examples=4)
@given(data=st.data())
def test_no_damage_of_an_h5_is_another_error(sound, data):
    """Several files a call, since a process is started for each call, and behind each that is damaged."""
    content = sound.read_bytes()
    folder = sound.parent
    for number in range(4):
        changes, cut = data.draw(edits(len(content))), data.draw(st.none() | st.integers(0, len(content)))
        (folder / f'{number + 1:06d}.extra_data.h5').write_bytes(edited(content, changes, cut))
    paths = sorted(map(str, folder.glob('*.extra_data.h5')))
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter('ignore')
        patch.setattr(hdf5, '_COMPUTING_SECONDS', 0)
        assert not_none(read_extra_data(paths, ignore_corrupt=True))['frame_number'].tolist()[:3] == ROWS
        with suppress(ImgStoreError):
            renumber_h5(paths[-1], str(folder / 'target.h5'), lambda numbers, indices: numbers - 1)


# --- what it reads


def test_every_kind_of_value_comes_out_as_h5py_gives_it(tmp_path):
    path = tmp_path / 'a.h5'
    attributes = {
        'text': 'ä\ud7ff',
        'bytes': np.bytes_(b'ab'),
        'int': 3,
        'float': 2.5,
        'yes': True,
        'list': np.arange(3, dtype='>i4'),
        'empty': np.zeros(0),
        'texts': ['a', '', 'ü'],
        'pair': (1.5, 2),
    }
    fields = [
        ('frame_number', '>u4'),
        ('text', h5py.string_dtype()),
        ('flag', '?'),
        ('half', 'f2'),
        ('short', 'S3'),
        ('vector', '<f4', (2,)),
        ('enum', h5py.enum_dtype({'A': 1, 'B': 2}, 'i1')),
    ]
    camera = np.zeros(3, fields)
    camera['frame_number'], camera['text'], camera['flag'] = [1, 2, 3], ['ä', '', 'x' * 300], [True, False, True]
    camera['vector'] = np.arange(6).reshape(3, 2)
    with h5py.File(path, 'w') as content:
        content.create_dataset('camera', data=camera, compression='gzip', shuffle=True, fletcher32=True, chunks=(2,))
        content.create_dataset('scalar', data=1.5)
        content['camera'].attrs.update(attributes)
        content['camera'].attrs['elsewhere'] = content['scalar'].ref
        content['camera'].attrs['nothing'] = h5py.Empty('f8')
        content['link'] = h5py.ExternalLink('elsewhere.h5', '/a')
    everything = checked(next(read_files([str(path)], 'datasets')), lambda content: content.attributes)
    some = next(read_files([str(path)], 'datasets', ['camera', 'missing', 'scalar'], ['int']))
    assert isinstance(some, H5Content)
    with h5py.File(path, 'r') as content:
        assert list(everything) == list(some.datasets) == ['camera', 'scalar']
        found = some.datasets['camera']
        assert sorted(found) == sorted(camera.dtype.names or ())
        for name, values in found.items():
            assert values.dtype.isnative
            np.testing.assert_array_equal(values, content['camera'][()][name])
        np.testing.assert_array_equal(some.datasets['scalar'][''], [1.5])
        told = everything['camera']
        assert told.pop('elsewhere') is told.pop('nothing') is None
        assert told.keys() == attributes.keys()
        for name, value in attributes.items():
            np.testing.assert_array_equal(told[name], 'ab' if name == 'bytes' else value)
        assert type(told['text']) is str


@pytest.mark.parametrize('libver', ['earliest', 'latest'])
def test_much_data_is_the_same_on_both_sides(tmp_path, libver):
    path, values = tmp_path / 'a.extra_data.h5', np.random.default_rng(1).normal(size=(2, 300_000))
    with h5py.File(path, 'w', libver=libver) as content:
        content.attrs['datasets'] = 'audio'
        content.create_dataset('audio', data=values, chunks=(2, 4096), compression='lzf').attrs['column_names'] = 'l,r'
        content['camera'] = np.zeros(300_000, [('frame_number', 'i8')])
    table = read_h5(str(path))
    np.testing.assert_array_equal(table[['l', 'r']].to_numpy().T, values)


@pytest.mark.slow
def test_a_name_may_be_any_that_the_system_takes(file):
    for name in ('mä\n"ß.h5', os.fsdecode(b'\xff\xfe.h5')):
        path = os.path.join(os.path.dirname(file), name)
        shutil.copy(file, path)
        assert read_h5(path)['frame_number'].tolist() == ROWS
        with pytest.raises(CorruptFileError, match='cannot be read as HDF5'):
            read_h5(path + '-missing')


def test_renumbering_keeps_text_types_and_unknown_data(tmp_path, sound):
    """Renumbering an HDF5 file keeps its text, types and unknown contents."""
    path, target = str(tmp_path / 'a.extra_data.h5'), str(tmp_path / 'b.extra_data.h5')
    shutil.copy(sound, path)
    with h5py.File(path, 'r+') as content:
        content['unknown/deeper'] = np.arange(5)
        content['camera'].attrs['unit'] = 'frames'
    renumber_h5(path, target, lambda numbers, indices: numbers + 7)
    before, after = read_h5(path), read_h5(target)
    assert after['frame_number'].tolist() == [number + 7 for number in ROWS]
    assert after.pop('_frame_number_before_reindex').tolist() == ROWS
    pd.testing.assert_frame_equal(after.drop(columns='frame_number'), before.drop(columns='frame_number'))
    with h5py.File(target) as content:
        assert content['unknown/deeper'][()].tolist() == list(range(5))
        assert content['camera'].attrs['unit'] == 'frames'


def test_store_with_damaged_h5_is_not_reindexed(tmp_path):
    """A store with a damaged H5 file is not reindexed and stays as it is."""
    recorded('npy', edit=with_h5)(tmp_path / 's')
    file = tmp_path / 's' / '000000.extra_data.h5'
    content = file.read_bytes()
    file.write_bytes(content.replace(b'SNOD', b'SNOB'))
    write_chunk_index(str(tmp_path / 's' / '000000' / 'index'), np.array([7, 0, 1]), np.arange(3.0))
    files = {path: path.read_bytes() for path in (tmp_path / 's').rglob('*') if path.is_file()}
    with new_for_filename(tmp_path / 's') as store, raises(CorruptFileError, path=str(file)):
        store.reindex()
    assert {path: path.read_bytes() for path in (tmp_path / 's').rglob('*') if path.is_file()} == files


# --- where it is read


CHECK = """
import sys
from imgstore.extra_data.records import read_extra_data
table = read_extra_data([sys.argv[1]])
assert table['frame_number'].tolist() == [0, 0, 1], table
assert 'h5py' not in sys.modules
"""


def run_python(*arguments, **kwargs):
    subprocess.run([sys.executable, *arguments], check=True, timeout=120, **kwargs)


@pytest.mark.slow
def test_this_process_never_loads_hdf5(tmp_path, file):
    run_python('-c', CHECK, file, cwd=tmp_path)


@pytest.mark.slow
def test_a_module_in_the_users_folder_is_not_taken_for_h5py(tmp_path, file):
    for name in ('h5py', 'json', 'numpy'):
        (tmp_path / f'{name}.py').write_text('raise SystemExit("a user\'s own")')
    (tmp_path / 'numpy.py').unlink()
    code = f'import sys; here = sys.path.pop(0); import json; sys.path.insert(0, here)\n{CHECK}'
    run_python('-c', code, file, cwd=tmp_path)


def test_packages_that_only_pythonpath_names_are_found(tmp_path, file, monkeypatch):
    program = tmp_path / 'child.py'
    program.write_text(
        f'import runpy, sys\nsys.path = [p for p in sys.path if "-packages" not in p]\n'
        f'runpy.run_path({hdf5._CHILD!r}, run_name="__main__")\n'
    )
    monkeypatch.setattr(hdf5, '_CHILD', str(program))
    assert read_h5(file)['frame_number'].tolist() == ROWS
    monkeypatch.setattr(sys, 'path', [folder for folder in sys.path if '-packages' not in folder])
    with pytest.raises(StoreIOError, match=r'cannot be started: .*No module named'):
        read_h5(file)


@pytest.mark.parametrize('python', [None, '/nowhere/python', sys.executable])
def test_without_an_interpreter_to_start_it_is_said(file, monkeypatch, python):
    monkeypatch.setattr(spawn, 'get_executable', lambda: python)
    monkeypatch.setattr(sys, 'frozen', True, raising=False)
    with raises(StoreIOError, path=str(file)) as caught:
        read_h5(file)
    assert not isinstance(caught.value, CorruptFileError)


def test_a_program_that_is_frozen_may_name_an_interpreter(file, monkeypatch):
    monkeypatch.setattr(sys, 'frozen', True, raising=False)
    monkeypatch.setattr(sys, 'executable', '/nowhere/program')
    assert read_h5(file)['frame_number'].tolist() == ROWS  # by what multiprocessing has been told


@pytest.fixture
def processes(monkeypatch):
    """The processes that are started."""
    started, start = [], hdf5._start

    def watched(*files):
        started.append(start(*files))
        return started[-1]

    monkeypatch.setattr(hdf5, '_start', watched)
    return started


def test_no_process_and_no_file_is_left(file, processes, tmp_path, monkeypatch):
    folder = tmp_path / 'temporary'
    folder.mkdir()
    monkeypatch.setattr(tempfile, 'tempdir', str(folder))
    for path in (file, file + '-missing'):
        with suppress(CorruptFileError):
            read_h5(path)
    assert [process.returncode for process in processes] == [0, 0]
    assert all(process.stderr.closed for process in processes)
    assert not list(folder.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize('enough', [hdf5_worker.ENOUGH, 0])
def test_one_process_reads_many_files_within_a_limit(file, processes, misdeed, enough):
    """One process reads many HDF5 files unless together they hold too much data."""
    misdeed(f'0\n    child.ENOUGH = {enough}')
    tables = not_none(read_extra_data([file] * 5))
    assert tables['frame_number'].tolist() == ROWS * 5
    assert len(processes) == (1 if enough else 5)


@pytest.mark.slow
def test_a_process_that_crashes_is_replaced_by_one(file, processes, misdeed, tmp_path):
    paths = [str(tmp_path / f'{name}.extra_data.h5') for name in ('a', 'b', 'bad', 'c', 'd')]
    for path in paths:
        shutil.copy(file, path)
    misdeed('os.abort()')
    with pytest.warns(ExtraDataSkippedWarning):
        assert not_none(read_extra_data(paths, ignore_corrupt=True))['frame_number'].tolist() == ROWS * 4
    assert len(processes) == 2


def test_in_a_given_time_at_least_one_file_is_read(file, processes):
    assert len(list(read_files([file] * 3, 'datasets', seconds=1e-9))) == len(processes) == 1


def test_a_full_disk_is_no_damage(file, misdeed):
    misdeed('0\n    import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))')
    with raises(StoreIOError, path=file) as caught:
        read_extra_data([file], ignore_corrupt=True)
    assert not isinstance(caught.value, CorruptFileError)


def test_an_interrupted_read_leaves_no_process(file, processes, misdeed, tmp_path):
    bad = shutil.copy(file, tmp_path / 'bad.h5')
    misdeed(f'open({str(tmp_path / "begun")!r}, "w").close(); import time; time.sleep(1000)')

    def interrupt():
        while not (tmp_path / 'begun').exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        read_h5(bad)
    thread.join()
    assert processes[0].returncode == -signal.SIGKILL


def test_many_threads_read_at_once(file):
    tables = []
    threads = [threading.Thread(target=lambda: tables.append(read_h5(file))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [table['frame_number'].tolist() for table in tables] == [ROWS] * 4


if hasattr(os, 'fork'):

    def test_a_forked_child_reads_while_its_parent_does(file):
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # of forking beside threads
            results = read_files([file] * 3, 'datasets', ['camera'])
            assert is_right(next(results))
            pid = os.fork()
            if not pid:
                with suppress(BaseException):
                    os._exit(read_h5(file)['frame_number'].tolist() != ROWS)
                os._exit(2)
            assert read_h5(file)['frame_number'].tolist() == ROWS
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
            assert all(is_right(result) for result in results)

    def is_right(result):
        return checked(result, lambda content: content.datasets['camera']['frame_number'].tolist()) == [*ROWS, -1]

    def test_ctrl_c_is_not_the_other_processs_affair(file, misdeed, tmp_path):
        bad = shutil.copy(file, tmp_path / 'bad.h5')
        misdeed(f'open({str(tmp_path / "group")!r}, "w").write(str(os.getpgid(0)))')
        read_h5(bad)
        assert int((tmp_path / 'group').read_text()) != os.getpgid(0)
