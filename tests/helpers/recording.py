"""A recording of which everything follows from a frame's index: image, number, time, record. Written, and read back.

As a script it is a process that may be killed: ``python recording.py write REQUEST`` tells on its output what it has
done, ``python recording.py read`` answers each path on its input. It needs numpy alone and only what the original has
too, so it does both with whichever imgstore the python that runs it has.
"""

import collections
import collections.abc
import functools
import json
import os
import sys
import time
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING or __package__:
    from .frames import index_in, numbered, put_index
else:  # in the original's environment there is no package `tests`
    from frames import index_in, numbered, put_index

GROUNDS = 8  # images that differ in more than their index
MOST_FRAMES = 4096  # which is what the index in an image can tell apart
FRAMES_A_RECORD = 5


@functools.cache
def _ground(number, shape):
    return numbered(number, shape)


def picture(index, shape):
    """The image of a frame."""
    image = _ground(index % GROUNDS, tuple(shape)).copy()
    put_index(image, index)
    return image


def number_of(index):
    """The frame number: neither from 0 nor without gaps, so that a made-up one is noticed."""
    return 1000 + 3 * index


def time_of(index):
    """The frame time in seconds, uneven as a camera's."""
    return 1500000000.25 + 0.04 * index + 0.003 * (index % 3)


def record_of(index):
    """The extra data beside a frame; None where there is none."""
    return {'seen': index, 'label': f'frame {index}'} if index % FRAMES_A_RECORD == 2 else None


# --- writing


def tell(what, index=-1, text=''):
    """A line on the output, at once: what was done, with which frame, when, and more."""
    os.write(1, f'> {what} {index} {time.monotonic()!r} {json.dumps(text)}\n'.encode())


def create(request):
    """A new store."""
    import imgstore

    tell('creating')
    store = imgstore.new_for_format(
        request['fmt'],
        path=request['path'],
        mode='w',
        imgshape=tuple(request['shape']),
        chunksize=request['chunksize'],
        **request['options'],
    )
    tell('created')
    return store


def add_frame(store, request, index):
    """Add a frame, and tell of it once it was added."""
    store.add_image(picture(index, request['shape']), number_of(index), time_of(index))
    tell('frame', index)
    if (record := record_of(index)) is not None:
        store.add_extra_data(**record)
        tell('record', index)


def close(store):
    tell('closing')
    store.close()
    tell('closed')


def write(request):
    """Create a store, add the frames, close it, and wait to be killed."""
    store = create(request)
    for index in range(request['frames']):
        add_frame(store, request, index)
        time.sleep(request['pace'])
    close(store)
    sys.stdin.read()


# --- reading


def read(path):
    """Everything that a store gives.

    Returns a dict: ``frames``, of each its number, time, the index in its pixels, its shape and by how much it differs
    from the `picture` of that index; ``records``; ``listed``, the numbers that are said to be there; ``errors``.
    """
    import imgstore

    found: dict[str, list] = {'frames': [], 'records': [], 'listed': [], 'errors': []}
    try:
        store = imgstore.new_for_filename(path)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong with one store is a finding about that store
        return {**found, 'errors': [told(error)]}
    for part in (_read_frames, _read_records):
        try:
            part(store, found)
        except Exception as error:  # noqa: BLE001
            found['errors'].append(told(error))
    store.close()
    return found


def told(error):
    return f'{type(error).__name__}: {error}'


def _read_frames(store, found):
    listed = store.get_frame_metadata()
    found['listed'] = [int(number) for number in listed['frame_number']]
    for index in range(len(listed['frame_number'])):
        try:
            given = store.get_next_image() if not found['errors'] else store.get_image(None, frame_index=index)
        except Exception as error:  # noqa: BLE001 - the frames behind it may be read all the same, each by itself
            found['errors'].append(told(error))
            continue
        found['frames'].append(described(*given))


def described(image, metadata):
    index, shape = index_in(image), [int(side) for side in image.shape]
    difference = np.abs(image.astype(int) - picture(index, shape)).mean()
    return [int(metadata[0]), float(metadata[1]), index, shape, float(difference)]


def _read_records(store, found):
    data = store.get_extra_data()
    for row in [] if data is None else data.to_dict('records'):
        found['records'].append(
            [
                int(row['seen']),
                str(row['label']),
                int(row['frame_number']),
                float(row['frame_time']),
                int(row['frame_index']),
            ]
        )


def serve():
    """Answer each path that comes in with what is read there."""
    for line in sys.stdin:
        os.write(1, json.dumps(read(line.rstrip('\n'))).encode() + b'\n')


if __name__ == '__main__':
    # the original writes bpk by bloscpack, which looks here for a name that Python 3.10 dropped
    collections.MutableMapping = collections.abc.MutableMapping  # type: ignore[attr-defined]
    write(json.loads(sys.argv[2])) if sys.argv[1] == 'write' else serve()
