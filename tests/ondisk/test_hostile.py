"""What is broken or made to do harm: an ImgStoreError, soon, in little memory; never another file, never pickle."""

import io
import json
import os
import pickle
import shutil
import sqlite3
import struct
import time
import warnings
import zipfile
import zlib

import av
import cv2
import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgstore import new_for_filename, new_for_format
from imgstore._support.yaml import dump_yaml, parse_yaml
from imgstore.chunks.images import bloscpack
from imgstore.errors import ChunkSkippedWarning, CorruptFileError, ExtraDataSkippedWarning, FrameReadError
from imgstore.index import ImgStoreIndex

from ..helpers.edits import edited, edits, soon_and_in_little_memory
from ..helpers.format_table import EXPORTABLE, IMAGE_FORMATS, READ_BY_OPENCV
from ..helpers.frames import index_in, numbered
from ..helpers.hostile import (
    COLOR,
    FRAMES,
    KINDS,
    SHAPE,
    Victim,
    ask,
    ask_sqlite,
    npy,
    recorded,
    with_h5,
    with_saved_index,
    with_yaml_index,
    write_npz,
)
from ..helpers.opened import opened_files
from ..helpers.raised import raises, warns


def make(path, fmt='npy', *args, **kwargs):
    recorded(fmt, *args, **kwargs)(path)
    return path


def make_to_reindex(path):
    with new_for_format('npy', path, imgshape=SHAPE, chunksize=3) as store:
        for number in range(-2, FRAMES - 2):
            store.add_image(numbered(0, SHAPE), number if number >= 0 else 100 + number, 0.0)
    return path


def refused(path):
    """The error of the store's first image."""
    with soon_and_in_little_memory(), pytest.raises(FrameReadError) as caught, new_for_filename(path) as store:
        store.get_image(None, frame_index=0)
    return caught.value


# --- any damage


# test_hdf5.py damages extra_data.h5, several at a time
@pytest.fixture(scope='module', params=[kind for kind in KINDS if kind != 'extra_data.h5'])
def victim(request, tmp_path_factory):
    return Victim(request.param, tmp_path_factory.mktemp('victim'))


@pytest.mark.exhaustive
@settings(max_examples=40)
@given(data=st.data())
def test_no_damage_is_another_error(victim, data):
    seed = data.draw(st.sampled_from(range(len(victim.seeds))))
    content = victim.seeds[seed]
    content = edited(content, data.draw(edits(len(content))), data.draw(st.none() | st.integers(0, len(content))))
    victim.suffer(content, changing=data.draw(st.integers(0, 7)) == 0)


# --- YAML


def laughs(values, join):
    lines = [f'a0: &a0 {values}']
    lines += [f'a{i}: &a{i} {join(", ".join([f"*a{i - 1}"] * 6))}' for i in range(1, 30)]
    return '\n'.join(lines) + '\n'


YAML = {
    'aliases of aliases': laughs('[1, 2]', '[{}]'.format),
    'merges of merges': laughs('{k: 1}', '{{<<: [{}]}}'.format),
    'a list in itself': 'a: &a [*a]\n',
    'many brackets': 'a: ' + '[' * 100_000 + '\n',
    'many brackets that close': 'a: ' + '[' * 5000 + ']' * 5000 + '\n',
    'many dashes': '- ' * 100_000 + '\n',
    'many columns': '\n'.join(' ' * i + 'a:' for i in range(3000)) + '\n',
    'a number in base 60': 'a: ' + '1:' * 200_000 + '1\n',
    'a number that has no text': 'a: 0x' + 'f' * 100_000 + '\n',
}


@pytest.mark.parametrize('text', YAML.values(), ids=YAML)
def test_a_yaml_bomb_is_no_metadata_and_no_index(tmp_path, text):
    path = make(tmp_path / 's', edit=with_yaml_index)
    index = path / '000000' / 'index.yaml'
    index.write_text(text + index.read_text())
    with soon_and_in_little_memory(), warns(ChunkSkippedWarning, chunk=0):
        assert new_for_filename(path).frame_count == FRAMES - 3
    metadata = path / 'metadata.yaml'
    metadata.write_text(text + metadata.read_text())
    with soon_and_in_little_memory(), raises(CorruptFileError, file='metadata.yaml'):
        new_for_filename(path)


def test_a_list_that_is_there_several_times_is_fine(tmp_path):
    shared = [1, 2, {'a': [3]}]
    content = {'one': shared, 'two': shared, 'three': [shared] * 100}
    assert b'*id' in dump_yaml(content)
    assert parse_yaml(dump_yaml(content)) == content
    path = make(tmp_path / 's', metadata=content)
    assert new_for_filename(path).user_metadata == content


@pytest.mark.parametrize(
    'line',
    [
        'version: 0x' + 'f' * 999,
        'imgshape: [0x' + 'f' * 999 + ']',
        'imgshape: [60000, 60000, 60000]',
        'imgshape: [' + '1, ' * 100 + '1]',
        'chunksize: -0x' + 'f' * 999,
        'imgdtype: object',
        'imgdtype: "(1000000,1000000)u1"',
        'imgdtype: "i4,O"',
        'imgdtype: u)nt8',
        'imgdtype: "' + '[' * 1000 + '"',
    ],
)
def test_metadata_that_makes_no_sense_is_refused(tmp_path, line):
    path = make(tmp_path / 's')
    metadata = path / 'metadata.yaml'
    metadata.write_text(metadata.read_text() + f'  {line}\n')  # the later one of two counts
    with raises(CorruptFileError, file='metadata.yaml'):
        new_for_filename(path)


def test_no_room_is_made_for_a_shape_that_no_image_has(tmp_path):
    path = make(tmp_path / 's')
    metadata = path / 'metadata.yaml'
    metadata.write_text(metadata.read_text() + f'  imgshape: [{2**20}, {2**19}]\n')
    with soon_and_in_little_memory(), new_for_filename(path) as store:
        images, _, _ = store.get_images(frame_indices=range(FRAMES))
        assert [index_in(image) for image in images] == list(range(FRAMES))
        assert len(store.get_images(frame_indices=[])[0]) == 0


@pytest.mark.parametrize('zone', ['/etc/passwd', '../../../etc/passwd', '.', 'x' * 10_000, '\\0'])
def test_a_zone_is_a_name_and_no_path(tmp_path, zone):
    path = make(tmp_path / 's')
    metadata = path / 'metadata.yaml'
    text = metadata.read_text().replace('timezone_local: ', 'timezone_local: ../')
    metadata.write_text(f'timezone: "{zone}"\n{text}')
    with opened_files() as opened, new_for_filename(path) as store:
        assert store.created
    assert not any('passwd' in name for name in opened)


# --- a chunk's index


def header(**changes):
    text = repr({'descr': '<i8', 'fortran_order': False, 'shape': (3,), **changes}).encode() + b'\n'
    return b'\x93NUMPY\x01\x00' + struct.pack('<H', len(text)) + text


CLAIMS = {
    '2**40 rows': header(shape=(2**40,)),
    '2**40 rows of nothing': header(shape=(2**40,), descr='|S0'),
    '2**70 rows of nothing': header(shape=(2**70,), descr='|V0'),
    'fewer rows than none': header(shape=(-8,), descr='|V0'),
    'many brackets': b'\x93NUMPY\x01\x00' + struct.pack('<H', 9000) + b'[' * 9000,
    'objects': header(descr='|O') + bytes(24),
}


@pytest.mark.parametrize('member', CLAIMS.values(), ids=CLAIMS)
def test_a_small_index_of_many_rows_is_damaged(tmp_path, member):
    path = make(tmp_path / 's')
    for name in ('frame_number', 'frame_time'):
        write_npz(path / '000000' / 'index.npz', member)
        if name == 'frame_time':
            with zipfile.ZipFile(path / '000000' / 'index.npz', 'w') as archive:
                archive.writestr('frame_number.npy', member)
                archive.writestr('frame_time.npy', member)
        with soon_and_in_little_memory(), warns(ChunkSkippedWarning, chunk=0):
            assert new_for_filename(path).frame_count == FRAMES - 3


@pytest.mark.parametrize('method', [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_archive_of_unbounded_method_is_not_unpacked(tmp_path, method):
    """An archive is not unpacked if its compression method has no bounds and numpy never uses it."""
    path = make(tmp_path / 's')
    with zipfile.ZipFile(path / '000000' / 'index.npz', 'w', method) as archive:
        archive.writestr('frame_number.npy', npy(np.arange(3)))
        archive.writestr('frame_time.npy', npy(np.arange(3.0)))
    with soon_and_in_little_memory(), warns(ChunkSkippedWarning, chunk=0):
        assert new_for_filename(path).frame_count == FRAMES - 3


def test_reindexing_an_archive_with_a_bomb_changes_nothing(tmp_path):
    path = make_to_reindex(tmp_path / 's')
    index = path / '000000' / 'index.npz'
    with zipfile.ZipFile(index, 'a', zipfile.ZIP_BZIP2) as archive:
        archive.writestr('more.npy', bytes(5 * 10**7))
    before = index.read_bytes()
    with new_for_filename(path) as store, soon_and_in_little_memory():
        with raises(CorruptFileError, file='index.npz'):
            store.reindex()
        assert store.frame_count == FRAMES
    assert index.read_bytes() == before


def test_reindexing_an_archive_with_a_broken_member_is_damage(tmp_path):
    path = make_to_reindex(tmp_path / 's')
    index = path / '000000' / 'index.npz'
    with zipfile.ZipFile(index, 'a') as archive:
        archive.writestr('more.npy', b'precious')
    index.write_bytes(index.read_bytes().replace(b'precious', b'pernicio'))
    with new_for_filename(path) as store, raises(CorruptFileError, file='index.npz'):
        store.reindex()


def test_texts_in_yaml_index_are_refused_before_numpy(tmp_path):
    """Texts in a YAML index are refused before NumPy pads them to equal length."""
    path = make(tmp_path / 's', edit=with_yaml_index)
    texts = '- a\n' * 2000
    (path / '000000' / 'index.yaml').write_text(f'frame_number:\n- {"x" * 500_000}\n{texts}frame_time:\n{texts}- 1\n')
    with soon_and_in_little_memory(), warns(ChunkSkippedWarning, chunk=0):
        assert new_for_filename(path).frame_count == FRAMES - 3


class Trap:
    """Is dangerous to unpickle."""

    def __init__(self, path):
        self._path = path

    def __reduce__(self):
        return os.mkdir, (self._path,)


def test_nothing_is_ever_unpickled(tmp_path):
    path, sprung = make(tmp_path / 's', extra=True), tmp_path / 'sprung'
    trap = io.BytesIO()
    np.save(trap, np.array([Trap(str(sprung))], object), allow_pickle=True)
    write_npz(path / '000001' / 'index.npz', trap.getvalue())
    for image in (trap.getvalue(), pickle.dumps(Trap(str(sprung)))):
        (path / '000000' / '000000.npy').write_bytes(image)
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            ask(path)
    with zipfile.ZipFile(path / '000000' / 'index.npz', 'a') as archive:
        archive.writestr('more.npy', trap.getvalue())
    text = f'a: !!python/object/apply:os.mkdir [{sprung}]\n'
    (path / 'metadata.yaml').write_text(text + (path / 'metadata.yaml').read_text())
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        with new_for_filename(path) as store:
            store.reindex()
    assert not sprung.exists()


# --- the saved indexes


def test_a_saved_index_whose_counts_run_over_is_not_believed(tmp_path):
    path = make(tmp_path / 's', edit=with_saved_index, chunksize=1)
    saved = path / '.index.imgstore'
    content = bytearray(saved.read_bytes())
    head = len(content) - FRAMES * (40 + 16)
    for chunk, count in enumerate((2**62, 2**62, 2**62, 2**62, FRAMES)):
        struct.pack_into('<q', content, head + chunk * 40 + 32, count)
    saved.write_bytes(content)
    with new_for_filename(path) as store:
        assert store.index.saved is None
        assert [store.get_next_image()[1][0] for _ in range(FRAMES)] == list(range(-2, FRAMES - 2))


def sqlite_index(path, *statements):
    index = path / '.index.sqlite'
    database = sqlite3.connect(index)
    for statement in statements:
        database.execute(statement)
    database.commit()
    database.close()
    return index


FRAMES_TABLE = 'CREATE TABLE frames (chunk INTEGER, frame_idx INTEGER, frame_number INTEGER, frame_time REAL'
COUNTED = 'WITH RECURSIVE n(x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM n LIMIT 5000)'
COMPUTED = {
    'a view without an end': [
        (
            'CREATE VIEW frames AS WITH RECURSIVE n(x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM n) '
            'SELECT 0 AS chunk, x AS frame_idx, x AS frame_number, 0.0 AS frame_time FROM n'
        )
    ],
    'a column of a gigabyte': [
        f'{FRAMES_TABLE} GENERATED ALWAYS AS (zeroblob(900000000)))',
        'INSERT INTO frames (chunk, frame_idx, frame_number) VALUES (0, 0, 0)',
    ],
    'a long default in each row': [
        FRAMES_TABLE.replace(', frame_time REAL', ')'),
        f'{COUNTED} INSERT INTO frames SELECT 0, x, x FROM n',
        f"ALTER TABLE frames ADD COLUMN frame_time REAL DEFAULT '{'x' * 100_000}'",
    ],
    'a long path in each row': [
        f'{FRAMES_TABLE})',
        'ALTER TABLE chunks RENAME TO old',
        'CREATE TABLE chunks (chunk INTEGER)',
        f'{COUNTED} INSERT INTO chunks SELECT x FROM n',
        f"ALTER TABLE chunks ADD COLUMN chunk_path TEXT DEFAULT '{'x' * 100_000}'",
    ],
}


@pytest.mark.parametrize('statements', COMPUTED.values(), ids=COMPUTED)
def test_a_database_computes_nothing(tmp_path, statements):
    path = make(tmp_path / 's', edit=with_saved_index)
    index = sqlite_index(path, 'DROP TABLE frames', *statements)
    with soon_and_in_little_memory(), raises(CorruptFileError, file='.index.sqlite'):
        ImgStoreIndex.new_from_file(index)


def test_a_database_whose_pages_refer_to_each_other_ends(tmp_path):
    path = make(tmp_path / 's', edit=with_saved_index)
    index = sqlite_index(
        path,
        'DROP INDEX chunk_index',
        'INSERT INTO frames SELECT a.chunk, a.frame_idx, 1, 1 FROM '
        + ', '.join(f'frames {name}' for name in 'abcdefg'),
    )
    content = bytearray(index.read_bytes())
    size = struct.unpack_from('>H', content, 16)[0]
    root = next(page for page in range(1, len(content) // size) if content[page * size] == 5)
    (cells,) = struct.unpack_from('>H', content, root * size + 3)
    places = [8, *struct.unpack_from(f'>{cells}H', content, root * size + 12)]
    children = [struct.unpack_from('>I', content, root * size + place)[0] - 1 for place in places]
    branches = bytes(content[root * size : (root + 1) * size])
    for page, child in zip([root, *children[:10]], children[:11], strict=True):  # level below level
        content[page * size : (page + 1) * size] = branches
        for place in places:
            struct.pack_into('>I', content, page * size + place, child + 1)
    index.write_bytes(content)
    with soon_and_in_little_memory(), pytest.raises(CorruptFileError, match='interrupted'):
        ImgStoreIndex.new_from_file(index)


def test_a_path_in_a_database_is_not_followed(tmp_path):
    elsewhere = make(tmp_path / 'elsewhere')
    path = make(tmp_path / 's', edit=with_saved_index)
    index = sqlite_index(path, f"UPDATE chunks SET chunk_path = '{elsewhere}/000000/index' WHERE chunk = 0")
    with opened_files() as opened:
        ask_sqlite(path)
        with new_for_filename(path, index=ImgStoreIndex.new_from_file(index)) as store:
            store.save_index()
            assert store.get_image(0)[1] == (0, 0.2)
    assert not any(str(elsewhere) in name for name in opened)


# --- images


def png_of(width, height):
    chunks = (
        (b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 0, 0, 0, 0)),
        (b'IDAT', zlib.compress(bytes(99))),
        (b'IEND', b''),
    )
    return b'\x89PNG\r\n\x1a\n' + b''.join(
        struct.pack('>I', len(content)) + kind + content + struct.pack('>I', zlib.crc32(kind + content))
        for kind, content in chunks
    )


def encoded(extension, shape=SHAPE):
    return cv2.imencode(extension, numbered(0, shape))[1].tobytes()


def huge_jpg(side):
    content = bytearray(encoded('.jpg'))
    struct.pack_into('>HH', content, content.index(b'\xff\xc0') + 5, side, side)
    return bytes(content)


def huge_tif(side):
    content = bytearray(encoded('.tif'))
    (place,) = struct.unpack_from('<I', content, 4)
    for entry in range(place + 2, place + 2 + 12 * struct.unpack_from('<H', content, place)[0], 12):
        if struct.unpack_from('<H', content, entry)[0] in (256, 257, 278):
            struct.pack_into('<HII', content, entry + 2, 4, 1, side)
    return bytes(content)


def huge_bpk(side):
    content = bytearray(b''.join(bloscpack.pack(np.zeros(2**20, np.uint8))))
    text = content.index(b'[1048576]')
    content[text : text + 9] = f'[{side},{side // 1000}]'.encode()
    return bytes(content)


IMAGES = {
    'png': lambda side: png_of(side, side),
    'jpg': huge_jpg,
    'tif': huge_tif,
    'bmp': lambda side: encoded('.bmp')[:18] + struct.pack('<ii', side, side) + encoded('.bmp')[26:],
    'webp': lambda side: encoded('.webp')[:21] + struct.pack('<I', 16382 << 14 | 16382) + encoded('.webp')[25:],
    'ppm': lambda side: f'P6\n{side} {side}\n255\n'.encode() + bytes(99),
    'pgm': lambda side: f'P5 # a comment\n{side} {side} 255\n'.encode() + bytes(99),
    'npy': lambda side: npy(numbered(0, SHAPE)).replace(b'(32, 96)', f'({side}, {side})'.encode())[:200],
    'bpk': huge_bpk,
}


@pytest.mark.parametrize('fmt', IMAGE_FORMATS)
@pytest.mark.parametrize('side', [60_000, 30_000])  # OpenCV itself refuses just the larger one
def test_an_image_that_claims_to_be_huge_is_damaged(tmp_path, fmt, side):
    path = make(tmp_path / 's', fmt)
    (path / '000000' / f'000000.{fmt}').write_bytes(IMAGES[fmt](side))
    assert os.path.basename(refused(path).path) == f'000000.{fmt}'


def test_a_bmp_of_run_lengths_that_claims_to_be_huge_is_damaged(tmp_path):
    path, ends = make(tmp_path / 's', 'bmp'), b'\0\1'
    head = struct.pack('<IiiHHIIIIII', 40, 30_000, 30_000, 1, 8, 1, len(ends), 0, 0, 256, 0)
    start = 14 + len(head) + 4 * 256
    file = struct.pack('<2sI4xI', b'BM', start + len(ends), start) + head + bytes(4 * 256) + ends
    (path / '000000' / '000000.bmp').write_bytes(file)
    assert os.path.basename(refused(path).path) == '000000.bmp'


def test_no_version_of_npy_makes_room_before_it_looks(tmp_path):
    path = make(tmp_path / 's')
    for version in (1, 2, 3):
        text = b"{'descr': '|u1', 'fortran_order': False, 'shape': (60000, 60000)}\n"
        length = struct.pack('<H' if version == 1 else '<I', len(text))
        (path / '000000' / '000000.npy').write_bytes(b'\x93NUMPY' + bytes((version, 0)) + length + text)
        assert 'cannot be read as npy' in str(refused(path))


def test_field_names_follow_npy_version_3(tmp_path):
    """Fields of an array have the names that a version 3 .npy file gives them."""
    path = make(tmp_path / 's')
    image = np.zeros((2, 3), [('größe', 'u1'), ('b', [('µ', '<f8')])])
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        (path / '000000' / '000000.npy').write_bytes(npy(image))
    assert new_for_filename(path, verify=False).get_image(None, frame_index=0)[0].dtype == image.dtype


def test_tightly_packed_oversized_array_is_not_unpacked(tmp_path):
    """A tightly packed array is not unpacked if the store has no array as large."""
    path = make(tmp_path / 's', 'bpk')
    (path / '000000' / '000000.bpk').write_bytes(b''.join(bloscpack.pack(np.zeros((2**14, 2**13), np.uint8))))
    assert os.path.basename(refused(path).path) == '000000.bpk'


@pytest.mark.parametrize('bit', range(32))
def test_a_wrong_length_in_a_png_is_noticed_at_once(tmp_path, bit):
    path = make(tmp_path / 's', 'png')
    file = path / '000000' / '000000.png'
    content = bytearray(file.read_bytes())
    place = content.index(b'IDAT') - 4
    struct.pack_into('>I', content, place, struct.unpack_from('>I', content, place)[0] ^ 1 << bit)
    file.write_bytes(content)
    begin = time.monotonic()
    assert os.path.basename(refused(path).path) == '000000.png'
    assert time.monotonic() - begin < 1


def test_no_byte_of_a_png_may_change(tmp_path):
    path = make(tmp_path / 's', 'png')
    file = path / '000000' / '000000.png'
    whole = file.read_bytes()
    for place in range(len(whole)):
        file.write_bytes(whole[:place] + bytes((whole[place] ^ 16,)) + whole[place + 1 :])
        refused(path)


def test_a_jpeg_of_a_thousand_scans_is_damaged(tmp_path):
    path = make(tmp_path / 's', 'jpg')
    file = path / '000000' / '000000.jpg'
    content = cv2.imencode('.jpg', numbered(0, (96, 96)), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    file.write_bytes(content)
    assert new_for_filename(path, verify=False).get_image(None, frame_index=0)[0].shape == (96, 96)
    last = content.rindex(b'\xff\xda')
    file.write_bytes(content[:last] + content[last:-2] * 1000 + content[-2:])
    assert 'scans' in str(refused(path))


@pytest.mark.parametrize('fmt', READ_BY_OPENCV)
@pytest.mark.parametrize('other', [*(f'.{fmt}' for fmt in EXPORTABLE), '.jp2', '.hdr'])
def test_an_image_of_another_kind_is_damaged(tmp_path, fmt, other):
    if other != f'.{fmt}':
        image = numbered(0, COLOR)
        content = cv2.imencode(other, image / np.float32(255) if other == '.hdr' else image)[1].tobytes()
        path = make(tmp_path / 's', fmt)
        (path / '000000' / f'000000.{fmt}').write_bytes(content)
        assert os.path.basename(refused(path).path) == f'000000.{fmt}'


@pytest.mark.parametrize('fmt', IMAGE_FORMATS)
@pytest.mark.parametrize('shape', [(1, 1), (300, 500), pytest.param((4000, 4000), marks=pytest.mark.once)])
def test_an_image_of_another_shape_comes_back_as_it_is(tmp_path, fmt, shape):
    path, other = make(tmp_path / 's', fmt), make(tmp_path / 'o', fmt, shape=(96, 96))
    image = np.zeros(shape, np.uint8)
    if fmt in ('npy', 'bpk'):
        content = npy(image) if fmt == 'npy' else b''.join(bloscpack.pack(image))
    else:
        content = cv2.imencode(f'.{fmt}', np.dstack([image] * 3) if fmt == 'ppm' else image)[1].tobytes()
    (path / '000000' / f'000000.{fmt}').write_bytes(content)
    shutil.copy(other / '000000' / f'000001.{fmt}', path / '000000')
    with new_for_filename(path, verify=False) as store:
        assert store.get_image(None, frame_index=0)[0].shape == shape
        assert index_in(store.get_image(None, frame_index=1)[0]) == 1
        images, _, _ = store.get_images(frame_indices=range(4))
        assert [image.shape for image in images] == [shape, (96, 96), SHAPE, SHAPE]


# --- videos


VIDEOS = {'mjpeg/avi': '.avi', 'h264/mkv': '.mkv', 'avc1/mp4': '.mp4'}


@pytest.mark.parametrize('backend', ['pyav', 'opencv'])
@pytest.mark.parametrize(
    'text',
    [
        '#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://{}\n#EXT-X-ENDLIST\n',
        'ffconcat version 1.0\nfile {}\n',
        'ffconcat version 1.0\nfile 000001.mp4\n',
    ],
    ids=['HLS', 'concat', 'beside'],
)
def test_a_video_that_is_a_list_of_other_files_is_not_followed(tmp_path, backend, text):
    path, elsewhere = make(tmp_path / 's', 'avc1/mp4'), tmp_path / 'secret.mp4'
    shutil.move(path / '000000.mp4', elsewhere)
    (path / '000000.mp4').write_text(text.format(elsewhere))
    with new_for_filename(path, backend=backend) as store:
        with pytest.raises(FrameReadError, match='it does not start like AVI'):
            store.get_image(None, frame_index=0)
        assert index_in(store.get_image(None, frame_index=3)[0]) == 3


@pytest.mark.once
@pytest.mark.parametrize('backend', ['pyav', 'opencv'])
@pytest.mark.parametrize('fmt', VIDEOS)
def test_a_video_of_much_larger_frames_is_damaged(tmp_path, backend, fmt):
    path = make(tmp_path / 's', fmt)
    with av.open(path / f'000000{VIDEOS[fmt]}', 'w') as container:
        stream = container.add_stream(
            'mjpeg' if fmt == 'mjpeg/avi' else 'libx264',
            rate=25,
            options={} if fmt == 'mjpeg/avi' else {'preset': 'ultrafast'},
        )
        stream.width, stream.height = 6144, 4096
        stream.pix_fmt = 'yuvj420p' if fmt == 'mjpeg/avi' else 'yuv420p'
        stream.codec_context.thread_count = 1
        for packet in [*stream.encode(av.VideoFrame(6144, 4096, stream.pix_fmt)), *stream.encode(None)]:
            container.mux(packet)
    with new_for_filename(path, backend=backend, verify=False) as store, raises(FrameReadError, chunk=0):
        store.get_image(None, frame_index=0)


def test_the_title_of_a_video_need_not_be_utf8(tmp_path):
    path = make(tmp_path / 's', 'h264/mkv')
    file, other = path / '000000.mkv', tmp_path / 'other.mkv'
    with av.open(file) as old, av.open(other, 'w') as new:
        new.metadata['title'] = 'recording'
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.size:
                packet.stream, packet.dts = stream, packet.pts
                new.mux(packet)
    file.write_bytes(other.read_bytes().replace(b'recording', b'rec\xff\xfeding'))
    with new_for_filename(path) as store:
        assert [index_in(store.get_next_image()[0]) for _ in range(FRAMES)] == list(range(FRAMES))


# --- extra data


@pytest.mark.parametrize('name', ['000000/index.extra.json', '000000.extra_data.json'])
@pytest.mark.parametrize(
    'text',
    [
        '[' * 100_000,
        '[' * 100_000 + ']' * 100_000,
        '{"a":' * 100_000,
        '[{"a": ' + '9' * 10_000 + '}]',
        json.dumps([{f'k{i}': i} for i in range(20_000)]),
    ],
    ids=['open', 'nested', 'objects', 'number', 'keys'],
)
def test_extra_data_that_would_fill_memory_is_damaged(tmp_path, name, text):
    path = make(tmp_path / 's')
    (path / name).write_text(text)
    with soon_and_in_little_memory(), new_for_filename(path) as store:
        with raises(CorruptFileError, path=str(path / name)):
            store.get_extra_data()
        with pytest.warns(ExtraDataSkippedWarning):
            assert store.get_extra_data(ignore_corrupt_chunks=True) is None


def test_an_h5_dataset_that_is_elsewhere_is_not_read(tmp_path):
    elsewhere = tmp_path / 'elsewhere.h5'
    with h5py.File(elsewhere, 'w') as file:
        file['camera'] = np.zeros(4, [('frame_number', 'i8')])
    path = make(tmp_path / 's', edit=with_h5)
    with h5py.File(path / '000000.extra_data.h5', 'r+') as file:
        del file['camera']
        file['camera'] = h5py.ExternalLink(str(elsewhere), '/camera')
    with new_for_filename(path) as store, pytest.raises(CorruptFileError, match='no dataset'):
        store.get_extra_data()


# --- what is no file, and links


if hasattr(os, 'mkfifo'):

    @pytest.mark.parametrize(
        ('fmt', 'name'),
        [
            ('png', '000000/000000.png'),
            ('mjpeg/avi', '000000.avi'),
            ('npy', '.index.imgstore'),
            ('npy', '000000/index.extra.json'),
            ('npy', '000000/index.npz'),
            ('npy', '.index.sqlite'),
            ('npy', '000000.extra_data.h5'),
        ],
    )
    def test_a_pipe_is_not_waited_for(tmp_path, fmt, name):
        path = make(tmp_path / 's', fmt)
        (path / name).unlink(missing_ok=True)
        os.mkfifo(path / name)
        with soon_and_in_little_memory(), warnings.catch_warnings():
            warnings.simplefilter('ignore')
            ask(path)
            ask_sqlite(path)


def test_self_link_and_huge_number_belong_to_user(tmp_path):
    """A link to itself and a folder with a huge number belong to the user and are ignored."""
    path = make(tmp_path / 's', edit=with_saved_index)
    (path / '000007').symlink_to('000007')
    (path / ('9' * 30)).mkdir()
    shutil.copy(path / '000000' / 'index.npz', path / ('9' * 30))
    with new_for_filename(path) as store:
        assert store.frame_count == FRAMES
        store.save_index()


def test_users_own_links_lead_to_store_and_files(tmp_path):
    """Links that the user made lead to the store and to its files."""
    path = make(tmp_path / 's')
    for name in ('metadata.yaml', '000000/000000.npy', '000000/index.npz', '000001'):
        kept = tmp_path / name.replace('/', '-')
        shutil.move(path / name, kept)
        (path / name).symlink_to(kept)
    (tmp_path / 'link').symlink_to(path)
    with new_for_filename(tmp_path / 'link') as store:
        assert [index_in(store.get_next_image()[0]) for _ in range(FRAMES)] == list(range(FRAMES))
