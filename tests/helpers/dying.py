"""A process whose children die at a rename, unlink or sync: ``python dying.py OPERATION FORMAT FOLDER``.

For each such call of an operation there is a child that is killed before it. Told is, for each, what can be read of
the store then, and again after a repair; at last the same of a child that lives to the end.
"""

import json
import os
import shutil
import signal
import sys
import warnings
from pathlib import Path
from runpy import run_path

import numpy as np

import imgstore
from imgstore.convert import convert
from imgstore.errors import ImgStoreError

SHAPE = (16, 16)
NUMBERS = [*range(900, 905), 0, 1, 2]
CALLS = ('rename', 'replace', 'unlink', 'remove', 'rmdir', 'fsync')


def shade(index):
    return 20 * index + 40


def write(path, fmt, which, numbers=NUMBERS, **options):
    """A store that is open yet."""
    store = imgstore.new_for_format(
        fmt, path, imgshape=SHAPE, chunksize=3, metadata={'which': which}, workers=0, **options
    )
    for index, number in enumerate(numbers):
        store.add_image(np.full(SHAPE, shade(index), np.uint8), number, index / 8)
        store.add_extra_data(v=index)
    return store


def state(path):
    """What can be read of a store: its metadata, and of each frame number, time, shade and record."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        try:
            with imgstore.new_for_filename(path) as store:
                shades = [
                    round((float(store.get_image(frame_index=index, frame_number=None)[0].mean()) - 40) / 20)
                    for index in range(store.frame_count)
                ]
                about, records = store.get_frame_metadata(), store.get_extra_data()
                return {
                    'which': store.user_metadata['which'],
                    'numbers': about['frame_number'],
                    'times': about['frame_time'],
                    'shades': shades,
                    'records': [] if records is None else records[['v', 'frame_number']].to_numpy().tolist(),
                }
        except ImgStoreError as error:
            return {'error': repr(error)}


def die_at(count, names=CALLS):
    """From now on, be killed before that call."""
    calls = iter(range(1, 2**30))

    def counted(call):
        def before(*arguments, **keywords):
            if next(calls) == count:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **keywords)

        return before

    for name in names:
        setattr(os, name, counted(getattr(os, name)))


def prepare(operation, fmt, path):
    """What there is before."""
    if operation == 'repair':
        store = write(f'{path}.written', fmt, 'old')
        shutil.copytree(f'{path}.written', path)
        store.close()
    elif operation != 'empty':
        write(path, fmt, 'old').close()
    if operation == 'verify':
        run_path(os.path.join(os.path.dirname(__file__), 'unverified.py'))['forget_checksums'](Path(path))
    if operation == 'convert':
        write(f'{path}.source', fmt, 'new', range(5)).close()


def act(operation, fmt, path, count):
    """Do it, and die meanwhile."""
    store = write(path, fmt, 'old') if operation == 'empty' else None
    die_at(count)
    if operation == 'empty':
        assert store is not None
        store.empty()
    elif operation == 'overwrite':
        imgstore.new_for_format(fmt, path, imgshape=SHAPE, metadata={'which': 'new'}, overwrite=True).close()
    elif operation == 'repair':
        imgstore.repair(path)
    elif operation == 'verify':
        imgstore.verify(path, add=True)
    elif operation == 'convert':
        convert(f'{path}.source', path, 'npy', overwrite=True)
    else:
        with imgstore.new_for_filename(path) as store:
            getattr(store, operation)()


def is_alive_after(action):
    """Whether a child process lived to the end of what it does."""
    child = os.fork()
    if not child:
        action()
        os._exit(0)
    code = os.waitpid(child, 0)[1]
    assert code in (0, signal.SIGKILL), code
    return code == 0


def after(path):
    """What is there, and what is after a repair; what the repair leaves beside that."""
    found = [state(path)]
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        try:
            imgstore.repair(path)
        except ImgStoreError as error:
            found[0].setdefault('error', repr(error))
    hidden = [name for _, folders, files in os.walk(path) for name in (*folders, *files) if name.startswith('.')]
    return [*found, state(path), sorted({*hidden} - {'.index.imgstore', '.index.sqlite'})]


def load(fmt, path):
    """Import and find out here what each child would have to find out anew."""
    write(path, fmt, 'old').close()
    state(path)
    shutil.rmtree(path)


def main(operation, fmt, folder):
    load(fmt, os.path.join(folder, 'loading'))
    ready = os.path.join(folder, 'ready', 's')
    os.mkdir(os.path.dirname(ready))
    prepare(operation, fmt, ready)
    results, count, lived = [], 0, False
    while not lived:
        count += 1
        path = os.path.join(folder, str(count), 's')
        shutil.copytree(os.path.dirname(ready), os.path.dirname(path))
        lived = is_alive_after(lambda path=path, count=count: act(operation, fmt, path, count))
        results.append(after(path))
        shutil.rmtree(os.path.dirname(path))
    print(json.dumps({'results': results}))


if __name__ == '__main__':
    main(*sys.argv[1:])
