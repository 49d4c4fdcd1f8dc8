"""The calls that sync, rename and remove files, as the fixture `calls` notes them."""

import numpy as np

from imgstore import new_for_format

SHAPE = (64, 96)


def record(path, fmt, durability, count=7, chunksize=3, **options):
    with new_for_format(
        fmt, path, imgshape=SHAPE, chunksize=chunksize, durability=durability, workers=0, **options
    ) as store:
        for index in range(count):
            store.add_image(np.full(SHAPE, index, np.uint8), index, index)
            store.add_extra_data(v=index)


def places(calls, name, path):
    return [place for place, call in enumerate(calls) if call[:2] == (name, path)]


def names(calls, name):
    return [path for call, path, _ in calls if call == name]
