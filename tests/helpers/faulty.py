"""A process in which the system fails while it records: ``python faulty.py FAULT REQUESTS``.

It makes one recording after the other, each by a request as `recording.py` takes it, with `at` more: the fault strikes
before the frame of that index, or before 'creating' or 'closing'. With `ends` true it is over as soon as it was
noticed, and the recording goes on; else the store is closed at once, while the fault lasts.
"""

import ctypes
import json
import os
import resource
import shutil
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # it is run as a script, from its own folder
    from .frames import index_in
    from .recording import add_frame, close, create, picture, tell, told
else:
    from frames import index_in
    from recording import add_frame, close, create, picture, tell, told

import imgstore
from imgstore.errors import ImgStoreError


def limit(which, count):
    """Set a limit of this process, which it may raise again."""
    resource.setrlimit(which, (count, resource.getrlimit(which)[1]))


def unlimited(which):
    limit(which, resource.getrlimit(which)[1])


class DiskFull:
    """No file may grow, or none beyond a size."""

    @staticmethod
    def begin(request):
        limit(resource.RLIMIT_FSIZE, request.get('bytes', 0))

    @staticmethod
    def end(request):
        unlimited(resource.RLIMIT_FSIZE)


class FewDescriptors:
    """Just so many files may be opened."""

    @staticmethod
    def begin(request):
        free = os.dup(0)
        os.close(free)
        limit(resource.RLIMIT_NOFILE, free + request.get('spare', 0))

    @staticmethod
    def end(request):
        unlimited(resource.RLIMIT_NOFILE)


class Removed:
    """The store's folder is gone."""

    @staticmethod
    def begin(request):
        shutil.rmtree(request['path'], ignore_errors=True)

    @staticmethod
    def end(request):
        pass


class ReadOnly:
    """Nothing may be changed in the store's folder, nor where it is to be."""

    @staticmethod
    def begin(request):
        without_privileges()
        for folder in folders(request):
            folder.chmod(0o555)

    @staticmethod
    def end(request):
        for folder in folders(request):
            folder.chmod(0o755)


class Nothing:
    """The fault is in the disk that is given."""

    begin = end = staticmethod(lambda request: None)


def folders(request):
    path = Path(request['path'])
    return [path.parent] if request['at'] == 'creating' else [path, *(p for p in path.iterdir() if p.is_dir())]


def without_privileges():
    """Root obeys permissions too; see capset(2)."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    if ctypes.CDLL(None, use_errno=True).capset(header, (ctypes.c_uint32 * 6)()):
        raise OSError(ctypes.get_errno(), 'capset')


FAULTS = {
    'disk full': DiskFull,
    'few descriptors': FewDescriptors,
    'removed': Removed,
    'read-only': ReadOnly,
    'disk': Nothing,
}


def record(request, fault):
    """Make a recording, through the fault."""
    try:
        begin_if('creating', None, request, fault)
        store = create(request)
    except ImgStoreError as error:
        tell('error', text=told(error))
        fault.end(request)
        return
    add_frames(store, request, fault)
    begin_if('closing', store, request, fault)
    try_to_close(store)
    fault.end(request)


def begin_if(moment, store, request, fault):
    if moment == request['at']:
        if store is not None:
            assert store.chunks is not None  # which waits until all that was added is written
        fault.begin(request)


def add_frames(store, request, fault):
    """All frames; after one that failed the others are added if the fault ends."""
    for index in range(request['frames']):
        begin_if(index, store, request, fault)
        try:
            add_frame(store, request, index)
        except ImgStoreError as error:
            tell('error', index, told(error))
            if not request['ends']:
                return
            fault.end(request)


def try_to_close(store):
    """Twice, as `with` would after an explicit call."""
    for _ in range(2):
        try:
            close(store)
        except ImgStoreError as error:
            tell('error', text=told(error))


def read_without_descriptors(paths):
    """Read stores with few descriptors, and go on with more where one cannot be opened, or a frame not be read."""
    for path in paths:
        with imgstore.new_for_filename(path) as warm:
            warm.get_next_image()  # loads what is loaded when it is first needed, which might take descriptors then
        spare = 0
        indices: list = []
        store: Any = None
        while store is None or len(indices) < store.frame_count:
            FewDescriptors.begin({'spare': spare})
            try:
                store = store or open_whole(path)
                indices.append(index_in(store.get_image(None, frame_index=len(indices))[0]))
            except ImgStoreError as error:
                tell('refused', spare, told(error))
                spare += 1
            finally:
                FewDescriptors.end({})
        store.close()
        tell('read', text=indices)


def open_whole(path):
    """A reader of a store of which nothing had to be skipped."""
    with warnings.catch_warnings(record=True) as skipped:
        warnings.simplefilter('always')
        store = imgstore.new_for_filename(path)
    if skipped:
        store.close()
        raise ImgStoreError(str(skipped[0].message))
    return store


def warm_up(requests):
    """Load now what is loaded when it is first needed, which might take descriptors then."""
    for fmt in sorted({request['fmt'] for request in requests}):
        with tempfile.TemporaryDirectory() as folder:
            request = {**requests[0], 'fmt': fmt, 'path': f'{folder}/store'}
            store = imgstore.new_for_format(fmt, request['path'], imgshape=tuple(request['shape']), chunksize=2)
            for index in range(3):
                store.add_image(picture(index, request['shape']), index, 0)
                store.add_extra_data(seen=index)
            store.close()
            with imgstore.new_for_filename(request['path']) as store:
                store.get_next_image()
                store.get_extra_data()


def main(fault, requests):
    if fault == 'reading':
        read_without_descriptors(requests)
        return
    warm_up(requests)
    for number, request in enumerate(requests):
        tell('begin', number)
        record(request, FAULTS[fault])
    tell('end')


if __name__ == '__main__':
    main(sys.argv[1], json.loads(sys.argv[2]))
