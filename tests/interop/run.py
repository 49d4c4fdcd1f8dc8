"""Write or read the stores of all cases with the imgstore of whichever python runs this: ours, or the original's.

Usage: python run.py write|read WHO FOLDER [FORMAT...]
Of each case, FOLDER/<case>/store is the store, by-WHO and by-WHO-and-saved-index beside it are what WHO read of it, and
WHO.error tells why it could not. Only what both packages have is used here.
"""

import json
import logging
import sys
import traceback
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.append(str(Path(__file__).resolve().parents[1] / 'helpers'))  # for `frames`

import cv2
import numpy as np

if TYPE_CHECKING:
    from .cases import CASES, extra_data, folder_of
    from .images import image_of
else:
    from cases import CASES, extra_data, folder_of
    from images import image_of

import imgstore
from imgstore.index import ImgStoreIndex


def main(action, who, folder, *formats):
    logging.disable(logging.ERROR)
    for name, case in CASES.items():
        if formats and case.fmt not in formats:
            continue
        home = Path(folder) / folder_of(name)
        try:
            if action == 'write':
                home.mkdir(parents=True)
                write(case, home / 'store')
            elif (home / 'store' / 'metadata.yaml').exists():
                read(case, home, who)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong with one store is a finding about that store
            why = traceback.format_exc() if who == 'ours' else f'{type(error).__name__}: {error}'
            (home / f'{who}.error').write_text(why)


def write(case, folder):
    options = {} if case.chunksize is None else {'chunksize': case.chunksize}
    store = imgstore.new_for_format(
        case.fmt,
        path=str(folder),
        mode='w',
        imgshape=case.shape,
        imgdtype=case.dtype,
        encoding=case.encoding,
        metadata=dict(case.metadata),
        **options,
    )
    if case.insert:
        store.insert_chunk(write_video(case, folder.with_suffix('.avi')), case.frame_numbers(), case.frame_times())
    else:
        add_frames(case, store)
    store.close(save_index=case.index)
    if case.reindex:
        reader = imgstore.new_for_filename(str(folder))
        reader.reindex()
        reader.close()


def add_frames(case, store):
    for index, (number, time) in enumerate(zip(case.frame_numbers(), case.frame_times(), strict=True)):
        store.add_image(image_of(case, index), number, time)
        if case.extra:
            store.add_extra_data(**extra_data(index))


def write_video(case, path):
    height, width = case.shape[:2]
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 25, (width, height), True)
    for index in range(len(case.frame_numbers())):
        video.write(cv2.cvtColor(image_of(case, index), cv2.COLOR_GRAY2BGR))
    video.release()
    return str(path)


def read(case, home, who):
    if case.insert:  # the original leaves an index without a video behind the chunk it inserted
        warnings.filterwarnings('ignore', '.*chunk 1 is skipped')
    dump(home / 'store', home / f'by-{who}')
    if case.index:
        index = ImgStoreIndex.new_from_file(str(home / 'store' / '.index.sqlite'))
        dump(home / 'store', home / f'by-{who}-and-saved-index', index)


def dump(folder, target, index=None):
    """Lay down everything that a reader gives of a store."""
    store = imgstore.new_for_filename(str(folder), index=index)
    images, given = read_all(store)
    facts = {'given': given, **facts_of(store)}
    store.close()
    # opened anew: the original trips over a one-frame video that it has read to its end
    store = imgstore.new_for_filename(str(folder), index=index)
    backwards = [store.get_image(None, frame_index=i) for i in range(len(images) - 1, -1, -3)]
    facts['given backwards'] = [[int(number), float(time)] for _, (number, time) in backwards]
    store.close()

    target.mkdir()
    (target / 'facts.json').write_text(json.dumps(facts))
    for name, some in (('images', images), ('backwards', [image for image, _ in backwards])):
        np.save(target / f'{name}.npy', np.stack(some) if some else np.zeros(0))


def read_all(store):
    images: list = []
    given: list = []
    while True:
        try:
            image, (number, time) = store.get_next_image()
        except EOFError:
            return images, given
        images.append(image)
        given.append([int(number), float(time)])


def facts_of(store):
    return {
        'metadata': store.get_frame_metadata(),
        'extra data': records(store.get_extra_data()),
        'image_shape': list(store.image_shape),
        'chunks': [int(n) for n in store.chunks],
        'created': store.created[0].isoformat(),
        'zone': str(store.created[1]),
        'uuid': store.uuid,
        'user_metadata': store.user_metadata,
        'frame_count': int(store.frame_count),
        'span': [None if n != n else int(n) for n in (store.frame_min, store.frame_max)],  # nan when empty
        'duration': float(store.duration),
        'lossless': bool(store.lossless),
        'class': type(store).__name__,
    }


def records(table):
    """A DataFrame's rows, each without its empty cells."""
    if table is None:
        return None
    rows = json.loads(table.to_json(orient='records', double_precision=15))
    return [{key: value for key, value in row.items() if value is not None} for row in rows]


if __name__ == '__main__':
    main(*sys.argv[1:])
