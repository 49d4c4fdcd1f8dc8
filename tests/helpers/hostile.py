"""Every kind of file that a store is read from: how to make sound ones, and how to ask a store everything.

Damage comes from hypothesis in test_hostile.py and from the coverage-guided fuzzer in tools/fuzz.py. A further kind of
file is a row in `KINDS`: a name, a store that has such a file, and where it is.
"""

import io
import json
import os
import shutil
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

from imgstore import new_for_filename, new_for_format
from imgstore.errors import ImgStoreError
from imgstore.index import ImgStoreIndex

from .format_table import LOSSY_IF_ASKED, READ_BY_OPENCV, ROWS
from .frames import numbered

SHAPE = (32, 96)
COLOR = (32, 96, 3)
FRAMES = 5
LONG_AGO = 1_600_000_000


def as_it_is(data):
    return data


@dataclass(frozen=True)
class Kind:
    """A kind of file that may be damaged.

    Attributes
    ----------
    make : function
        Makes a sound store at a path.
    file : str
        The file, in the store.
    more : list of functions
        Further sound content of such a file.
    wrap : function
        Makes the file of what was damaged: checksums put right, an archive round a member.
    unwrap : function
        What is to be damaged in a sound file.
    """

    make: Callable[[Path], None]
    file: str
    more: list = field(default_factory=list)
    wrap: Callable[[bytes], bytes] = as_it_is
    unwrap: Callable[[bytes], bytes] = as_it_is

    def seeds(self, folder):
        """Sound content, to be damaged."""
        for i, make in enumerate([self.make, *self.more]):
            made = folder / str(i)
            if isinstance(content := make(made), bytes):
                yield content
            else:
                yield self.unwrap((made / self.file).read_bytes())


def recorded(fmt, shape=SHAPE, extra=False, edit=None, **kwargs):
    """A function that makes a store of two chunks, in which the frame 0 is not the first."""

    def make(path):
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            store = new_for_format(fmt, path, imgshape=shape, **{'chunksize': 3, **kwargs})
        with store:
            for index in range(FRAMES):
                store.add_image(numbered(index, shape).astype(kwargs.get('imgdtype', np.uint8)), index - 2, index / 10)
                if extra:
                    store.add_extra_data(a=index, b='text', c=[1.5, None, {'d': True}])
        if edit:
            edit(path)

    return make


def killed(fmt):
    """A function that makes a store as a writer leaves it that is killed in its second chunk."""

    def make(path):
        written = path.with_name(path.name + '-written')
        with new_for_format(fmt, written, imgshape=SHAPE, chunksize=3, workers=0) as store:
            for index in range(FRAMES):
                store.add_image(numbered(index, SHAPE), index - 2, index / 10)
                store.add_extra_data(a=index, b='text')
            shutil.copytree(written, path)
        shutil.rmtree(written)

    return make


def with_yaml_index(path):
    (path / '000000' / 'index.npz').unlink()
    numbers, times = [-2, -1, 0], [0.0, 0.1, 0.2]
    text = ''.join(
        f'{key}:\n' + ''.join(f'- {v}\n' for v in values)
        for key, values in (('frame_number', numbers), ('frame_time', times))
    )
    (path / '000000' / 'index.yaml').write_text(text)


def with_compressed_index(path):
    np.savez_compressed(
        path / '000000' / 'index.npz', frame_number=np.arange(-2, 1), frame_time=np.arange(3) / 10, more=np.zeros(100)
    )


def with_saved_index(path):
    for index in path.glob('??????/index.npz'):
        os.utime(index, (LONG_AGO, LONG_AGO))
    with new_for_filename(path) as store:
        store.save_index()


def with_motif_json(path):
    records = [
        {'frame_number': n, 'frame_index': i, 'frame_time': i / 10, 'sensor_time': -i, 'x': 1.5}
        for i, n in enumerate((-2, -1, 0, -1))
    ]
    (path / '000000.extra_data.json').write_text(json.dumps(records))


def with_h5(path):
    with h5py.File(path / '000000.extra_data.h5', 'w') as file:
        file.attrs['datasets'] = 'audio,imu'
        camera = np.zeros(4, [('frame_number', 'i8'), ('frame_index', 'i8'), ('frame_time', 'f8')])
        camera['frame_number'], camera['frame_index'] = [0, 0, 1, -1], [2, 2, 3, 4]
        file.create_dataset('camera', data=camera, chunks=(2,), maxshape=(None,))
        for name, columns in (('audio', 'left,right'), ('imu', 'x')):
            data = file.create_dataset(
                name, data=np.arange(4.0 * len(columns.split(','))).reshape(-1, 4), compression='gzip'
            )
            data.attrs['column_names'], data.attrs['samplerate'] = columns, 100.0
        file['sample_delay'] = np.zeros(4)


def with_h5_of_texts(path):
    """As `with_h5`, with text in the camera's fields and in many attributes, in heaps of both forms that HDF5 has."""
    with_h5(path)
    with h5py.File(path / '000000.extra_data.h5', 'r+', libver='latest') as file:
        fields = [('frame_number', 'i8'), ('note', h5py.string_dtype())]
        camera = np.array(list(zip([0, 0, 1, -1], ['a', 'bcd', '', 'x' * 40], strict=True)), fields)
        del file['camera']
        file.create_dataset('camera', data=camera, chunks=(2,), compression='gzip', shuffle=True, fletcher32=True)
        for number in range(12):
            file['imu'].attrs[f'k{number}'] = f'text {number}'
        file['imu'].attrs['texts'] = ['a', 'bc']


def with_index_member(path):
    write_npz(path / '000000' / 'index.npz', npy(np.arange(-2, 1)))


def npy(array, version=None):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version)
    return file.getvalue()


def in_npz(member):
    """An index of a chunk, whose frame numbers are that npy."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('frame_number.npy', member)
        archive.writestr('frame_time.npy', npy(np.arange(3) / 10))
    return file.getvalue()


def write_npz(path, member):
    path.write_bytes(in_npz(member))


def out_of_npz(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read('frame_number.npy')


def with_sound_sums(data):
    """A PNG whose chunks have the checksums of what is in them, as far as there are chunks."""
    parts, place = [data[:8]], 8
    while place + 12 <= len(data):
        length = struct.unpack_from('>I', data, place)[0]
        content = data[place + 4 : place + 8 + length]
        if place + 12 + length > len(data):
            break
        parts += [data[place : place + 4], content, struct.pack('>I', zlib.crc32(content))]
        place += 12 + length
    return b''.join([*parts, data[place:]])


def without_sums(data):
    """A Bloscpack container whose chunks and metadata have no checksum."""
    (at,) = struct.unpack_from('<I', data, 32 + 12 + 4)  # room for metadata
    header, metadata, text = bytearray(data[:32]), bytearray(data[32:64]), data[64 : 64 + at]
    chunk = data[64 + at + 4 + 8 : -4]
    header[6], metadata[9] = 0, 0
    return bytes(header + metadata + text) + struct.pack('<q', 64 + at + 8) + chunk


def images(fmt, *more, **kwargs):
    return Kind(recorded(fmt), f'000000/000000.{fmt}', [recorded(fmt, **options) for options in more], **kwargs)


def all_images(fmt, **kwargs):
    """Gray and in colour, of every dtype."""
    more = [
        {'shape': shape, 'imgdtype': np.dtype(dtype)} for dtype in ROWS[fmt].dtypes or () for shape in (SHAPE, COLOR)
    ]
    return images(fmt, *more[1:], *([{'quality': 70}] if fmt in LOSSY_IF_ASKED else []), **kwargs)


KINDS = {
    'metadata.yaml': Kind(
        recorded('npy'),
        'metadata.yaml',
        [
            recorded('bmp', COLOR, metadata={'a': [1, 2.5, None], 'timezone': 'Europe/Berlin', 'b': {'c': b'x'}}),
            recorded('mjpeg/avi'),
            recorded('png', encoding='cv_bayerrg'),
        ],
    ),
    'index.npz': Kind(recorded('npy'), '000000/index.npz', [recorded('npy', edit=with_compressed_index)]),
    'member of index.npz': Kind(
        recorded('npy', edit=with_index_member), '000000/index.npz', wrap=in_npz, unwrap=out_of_npz
    ),
    'index.yaml': Kind(recorded('npy', edit=with_yaml_index), '000000/index.yaml'),
    '.index.imgstore': Kind(recorded('npy', edit=with_saved_index), '.index.imgstore'),
    '.index.sqlite': Kind(recorded('npy', edit=with_saved_index), '.index.sqlite'),
    'extra.json': Kind(recorded('npy', extra=True), '000000/index.extra.json'),
    'extra_data.json': Kind(recorded('npy', edit=with_motif_json), '000000.extra_data.json'),
    'extra_data.h5': Kind(
        recorded('npy', edit=with_h5), '000000.extra_data.h5', [recorded('npy', edit=with_h5_of_texts)]
    ),
    **{fmt: all_images(fmt) for fmt in READ_BY_OPENCV},
    'png with sound sums': all_images('png', wrap=with_sound_sums),
    'npy': images(
        'npy',
        {'shape': COLOR},
        {'imgdtype': np.float32},
    ),
    'bpk': images('bpk', {'shape': COLOR}, unwrap=without_sums),
    'avi': Kind(recorded('mjpeg/avi'), '000000.avi', [recorded('mjpeg/avi', COLOR)]),
    'mkv': Kind(recorded('h264/mkv'), '000000.mkv'),
    'mp4': Kind(recorded('avc1/mp4'), '000000.mp4'),
    'journal': Kind(killed('npy'), '.000001.open.journal'),
    'open avi': Kind(killed('mjpeg/avi'), '.000001.open.avi'),
    'open mkv': Kind(killed('h264/mkv'), '.000001.open.mkv'),
    'open mp4': Kind(killed('avc1/mp4'), '.000001.open.mp4'),
    'tail of an open mp4': Kind(killed('avc1/mp4'), '.000001.open.tail1'),
}


# --- asking


def ask_frames(store):
    for _ in range(FRAMES):
        with suppress(ImgStoreError):
            store.get_next_image()
    for index in (4, 0, 2, 1):
        with suppress(ImgStoreError):
            store.get_image(None, frame_index=index)


def ask_by_number(store):
    for number, exact in ((0, True), (1000, False)):
        with suppress(ImgStoreError):
            store.get_image(number, exact_only=exact)
    store.get_nearest_image(0.15)


def ask_batch(store):
    store.get_images(frame_indices=range(min(store.frame_count, FRAMES)))


def ask_facts(store):
    for name in (
        'frame_count',
        'frame_min',
        'frame_max',
        'frame_time_min',
        'duration',
        'chunks',
        'image_shape',
        'user_metadata',
        'created',
        'uuid',
        'has_extra_data',
        'frame_number',
        'lossless',
        '_metadata',
    ):
        getattr(store, name)
    repr(store)


def ask_extra_data(store):
    with suppress(ImgStoreError):
        store.get_extra_data()
    with suppress(ImgStoreError):
        store.get_extra_data_samplerate()
    store.get_extra_data(ignore_corrupt_chunks=True)


READING = (ask_facts, lambda store: store.get_frame_metadata(), ask_frames, ask_by_number, ask_batch, ask_extra_data)
CHANGING = (lambda store: store.save_index(), lambda store: store.reindex(), ask_frames)


def ask(path, questions=READING, **kwargs):
    """Open a store and ask it all; whatever is no ImgStoreError comes through."""
    with suppress(ImgStoreError), new_for_filename(path, **kwargs) as store:
        for question in questions:
            with suppress(ImgStoreError):
                question(store)


def ask_sqlite(path):
    """As `ask`, by the index in the SQLite, if that is one."""
    with suppress(ImgStoreError):
        ask(path, index=ImgStoreIndex.new_from_file(path / '.index.sqlite'))


class Victim:
    """A store of one kind, one file of which is damaged again and again."""

    def __init__(self, kind, folder):
        self.kind, self.path, self._sound = KINDS[kind], folder / 'store', folder / 'sound'
        self.kind.make(self._sound)
        shutil.copytree(self._sound, self.path)
        self._file = self.path / self.kind.file
        self.seeds = list(self.kind.seeds(folder))

    def suffer(self, data, changing=False):
        """Be read with that as the content of the file; also renumbered, if it may change the rest of the store.

        Frames are decoded whatever their checksums are, so that no decoder is spared.
        """
        content, verify = self.kind.wrap(data), self.kind.file.endswith('.npz')
        self._file.write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            ask_sqlite(self.path) if self.kind.file == '.index.sqlite' else ask(self.path, verify=verify)
            if changing:
                ask(self.path, CHANGING)
        if changing:
            shutil.rmtree(self.path)
            shutil.copytree(self._sound, self.path)
