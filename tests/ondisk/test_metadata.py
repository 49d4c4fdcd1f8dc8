"""metadata.yaml: what a store says of itself, what its user said, and files that are old or damaged."""

import datetime
import enum
import os
import pathlib
import zoneinfo
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
import pytz
import tzlocal
import yaml
from hypothesis import HealthCheck, given, settings

from imgstore import new_for_filename, new_for_format
from imgstore.errors import CorruptFileError, InvalidArgumentError
from imgstore.ondisk.metadata import checked_user_metadata, load_metadata
from imgstore.stores import _extract_store_metadata

from ..helpers.raised import raises

UTC = datetime.timezone.utc
HALF_PAST = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone(-datetime.timedelta(hours=3.5)))
STORE = {
    'imgshape': [4, 6],
    'imgdtype': 'uint8',
    'chunksize': 5,
    'format': 'npy',
    'class': 'DirectoryImgStore',
    'version': 2,
    'encoding': None,
    'created_utc': '2020-02-29T11:00:00.250000',
    'timezone_local': 'Asia/Tokyo',
    'uuid': '0123456789abcdef0123456789abcdef',
}


def write(folder, store=None, /, *, without=(), user=None, **changes):
    """A metadata.yaml as imgstore 0.4 writes it."""
    own = {**(STORE if store is None else store), **changes}
    content = {**(user or {}), '__store': {key: value for key, value in own.items() if key not in without}}
    folder.mkdir(exist_ok=True)
    (folder / 'metadata.yaml').write_text(yaml.safe_dump(content), encoding='utf-8')
    return folder


def write_text(folder, store, user=''):
    own = {**STORE, **store}
    lines = [f'  {key}: {"null" if value is None else value}\n' for key, value in own.items()]
    (folder / 'metadata.yaml').write_text('__store:\n' + ''.join(lines) + user, encoding='utf-8')
    return folder


@pytest.fixture
def tokyo(monkeypatch):
    monkeypatch.setattr(tzlocal, 'get_localzone_name', lambda: 'Asia/Tokyo')


# --- what a store says of itself


def test_metadata_of_imgstore_0_4_are_read(tmp_path):
    with new_for_filename(write(tmp_path / 's', user={'lab': 3})) as store:
        assert store.user_metadata == {'lab': 3}
        assert store.uuid == STORE['uuid']
        assert store.image_shape == (4, 6)
        created, zone = store.created
        assert created == datetime.datetime(2020, 2, 29, 11, 0, 0, 250000, UTC)
        assert created.tzinfo is pytz.utc
        assert zone == zoneinfo.ZoneInfo('Asia/Tokyo')
    assert _extract_store_metadata(tmp_path / 's' / 'metadata.yaml') == STORE


def test_a_new_store_is_created_now_and_here(tmp_path, tokyo):
    before = datetime.datetime.now(UTC)
    with new_for_format('npy', tmp_path / 's', imgshape=(4, 6)) as writer:
        created, zone = writer.created
    assert before <= created <= datetime.datetime.now(UTC)
    assert zone.key == 'Asia/Tokyo'
    assert new_for_filename(tmp_path / 's').created == (created, zone)


def test_no_two_stores_have_one_uuid(tmp_path):
    uuids = {new_for_format('npy', tmp_path / str(n), imgshape=(4, 6)).uuid for n in range(3)}
    assert len(uuids) == 3


@pytest.mark.parametrize(
    ('fmt', 'extension'), [('libx264', '.mp4'), ('h264_nvenc', '.mp4'), ('nvenc-h264', '.mp4'), ('mjpeg', '.avi')]
)
def test_motifs_videos_have_the_extension_of_their_format(tmp_path, fmt, extension):
    with new_for_filename(write(tmp_path / 's', **{'class': 'VideoImgStoreFFMPEG'}, format=fmt)) as store:
        assert type(store).__name__ == 'VideoImgStore'
        assert (store._ext, store._format) == (extension, fmt)


@pytest.mark.parametrize('version', [1, 2])
def test_versions_1_and_2_are_read(tmp_path, version):
    assert load_metadata(str(write(tmp_path / 's', version=version))).imgshape == (4, 6)


# --- old stores

OLD = ('uuid', 'created_utc', 'timezone_local')


@pytest.mark.parametrize('name', ['20200229_120000', 'rec_20200229_120000', 'a.20200229_120000.b', '20200229_120000_2'])
def test_old_store_creation_is_folder_time_in_users_zone(tmp_path, tokyo, name):
    """An old store was created at the time in its folder name, in its user's time zone."""
    with new_for_filename(write(tmp_path / name, without=OLD, user={'timezone': 'Europe/Vienna'})) as store:
        assert store.created == (datetime.datetime(2020, 2, 29, 11, tzinfo=UTC), zoneinfo.ZoneInfo('Europe/Vienna'))
        assert store.uuid is None


@pytest.mark.parametrize('zone', [None, '', 'Nowhere/Atall', '../../etc/passwd', 'Europe', 5, ['UTC'], 'x' * 999])
def test_an_old_store_without_a_real_zone_was_created_here(tmp_path, tokyo, zone):
    user = {} if zone is None else {'timezone': zone}
    with new_for_filename(write(tmp_path / '20200229_120000', without=OLD, user=user)) as store:
        assert store.created == (datetime.datetime(2020, 2, 29, 3, tzinfo=UTC), zoneinfo.ZoneInfo('Asia/Tokyo'))


@pytest.mark.parametrize(
    'name',
    [
        'plain',
        '20200230_120000',
        '20200229_250000',
        '120200229_120000',
        '20200229-120000',
        '00000101_000000',
        '٢٠٢٠٠٢٢٩_١٢٠٠٠٠',
    ],
)
def test_old_store_without_real_date_uses_metadata_time(tmp_path, tokyo, name):
    """An old store without a real date in its name was created when its metadata was written."""
    folder = write(tmp_path / name, without=OLD)
    os.utime(folder / 'metadata.yaml', (10**9, 10**9))
    assert new_for_filename(folder).created[0].timestamp() == 10**9


@pytest.mark.parametrize('zone', ['Nowhere/Atall', '', '/etc/passwd', '..', 7])
def test_unknown_time_zone_leaves_store_readable(tmp_path, tokyo, zone):
    """A time zone that this machine does not know makes no store unreadable."""
    with new_for_filename(write(tmp_path / 's', timezone_local=zone)) as store:
        assert store.created[1].key == 'Asia/Tokyo'
        assert store.created[0].hour == 11


@pytest.mark.parametrize('value', ['soon', '', '2020-13-01', '0001-01-01T00:00:00+14:00', '9999-12-31T24:00', 5])
def test_invalid_creation_time_counts_as_missing(tmp_path, value):
    """An invalid creation time is treated as if it were missing."""
    folder = write(tmp_path / 's', created_utc=value)
    os.utime(folder / 'metadata.yaml', (10**9, 10**9))
    assert new_for_filename(folder).created[0].timestamp() == 10**9


@pytest.mark.parametrize(
    'text',
    ['2020-02-29 11:00:00.25', '2020-02-29T13:00:00.250+02:00', '2020-02-29 11:00:00.25Z', "'2020-02-29T11:00:00.25Z'"],
)
def test_a_creation_time_may_be_written_in_any_iso_form(tmp_path, text):
    metadata = load_metadata(str(write_text(tmp_path, {'created_utc': text})))
    assert metadata.created == datetime.datetime(2020, 2, 29, 11, 0, 0, 250000, UTC)


def test_a_machine_without_a_zone_is_in_utc(tmp_path, monkeypatch):
    def fail():
        raise zoneinfo.ZoneInfoNotFoundError('no zone is set')

    for get in (fail, lambda: None, lambda: 'Nowhere/Atall'):
        monkeypatch.setattr(tzlocal, 'get_localzone_name', get)
        assert load_metadata(str(write(tmp_path / 's', without=OLD))).timezone.key == 'UTC'


# --- files that are damaged


def test_a_file_cut_off_at_any_byte_is_an_error_or_whole(tmp_path):
    user = {'zebra': [1, 22, 333], 'Apple': {'a': 'Grüße'}, 'n': 123456, 'text': 'a\n\nb'}
    new_for_format('avc1/mp4', tmp_path / 's', imgshape=(480, 640, 3), metadata=user).close()
    check_every_cut(tmp_path / 's' / 'metadata.yaml')


def test_cut_off_imgstore_0_4_metadata_is_error_or_complete(tmp_path):
    """A metadata file of imgstore 0.4 that is cut off at any byte is either an error or complete."""
    check_every_cut(write(tmp_path / 's', user={'Apple': 1, 'BANANA': 'x'}) / 'metadata.yaml')


def check_every_cut(path):
    whole, data = load_metadata(str(path.parent)), path.read_bytes()
    errors = 0
    for length in range(len(data)):
        path.write_bytes(data[:length])
        try:
            found = load_metadata(str(path.parent))
        except CorruptFileError as error:
            errors += error.path == str(path)
        else:
            assert found == whole
    assert errors == len(data) - 1  # the last line break is not needed


@pytest.mark.parametrize(
    'content',
    [
        b'',
        b'\x00\x01',
        b'\xff\xfe\xfa',
        b'a: [',
        b'just text',
        b'- a\n- b\n',
        b'a: 1\n',
        b'__store: 5\n',
        b'__store: [1]\n',
        b'\t',
        b'a: *b\n',
        b'%YAML 9.9\n---\na: 1\n',
        b'a: !!timestamp x\n',
        b'a: !!int x\n',
        b'a: !!bool x\n',
        b'a: !!unknown x\n',
        b'? [a, b]\n: 1\n',
        b'[' * 5000,
    ],
)
def test_a_file_that_is_no_metadata_is_an_error_that_names_it(tmp_path, content):
    (tmp_path / 'metadata.yaml').write_bytes(content)
    with raises(CorruptFileError, file='metadata.yaml'):
        new_for_filename(tmp_path)


@pytest.mark.parametrize(
    ('key', 'value'),
    [
        ('imgshape', None),
        ('imgshape', []),
        ('imgshape', [4, 'x']),
        ('imgshape', [4, -1]),
        ('imgshape', [0, 4]),
        ('imgshape', 5),
        ('imgshape', [4.5, 6]),
        ('imgdtype', None),
        ('imgdtype', 5),
        ('chunksize', None),
        ('chunksize', 0),
        ('chunksize', 'many'),
        ('format', None),
        ('format', ['npy']),
        ('format', 'mjpeg/avi'),
        ('format', 'unheard'),
        ('class', None),
        ('class', 'OtherStore'),
        ('class', 'VideoImgStore'),
        ('version', None),
        ('version', 3),
        ('version', '2'),
        ('encoding', 5),
        ('extension', 5),
    ],
)
def test_senseless_metadata_entry_error_names_file(tmp_path, key, value):
    """A metadata entry that makes no sense raises an error that names the file."""
    with raises(CorruptFileError, file='metadata.yaml'):
        new_for_filename(write(tmp_path / 's', **{key: value}))


@pytest.mark.parametrize('key', sorted(STORE.keys() - {'encoding', *OLD}))
def test_missing_metadata_entry_error_names_file(tmp_path, key):
    """A missing metadata entry raises an error that names the file."""
    with raises(CorruptFileError, file='metadata.yaml'):
        new_for_filename(write(tmp_path / 's', without=[key]))


@pytest.mark.parametrize('extension', ['.exe', '/../../x.mp4', 'mp4'])
def test_a_video_of_an_unknown_extension_is_an_error(tmp_path, extension):
    with raises(CorruptFileError, file='metadata.yaml', argument='extension'):
        new_for_filename(write(tmp_path / 's', **{'class': 'VideoImgStore'}, format='avc1/mp4', extension=extension))


# --- tags of Python's own


def test_tuples_and_numpy_numbers_of_old_recordings_are_read(tmp_path):
    number = (
        '!!python/object/apply:numpy.core.multiarray.scalar [!!python/object/apply:numpy.dtype '
        '{{args: [{}, 0, 1], state: !!python/tuple [3, {}, null, null, null, -1, -1, 0]}}, !!binary {}]'
    )
    store = {
        'imgshape': f'!!python/tuple [4, {number.format("i8", "<", "BgAAAAAAAAA=")}]',
        'chunksize': 5,
        'imgdtype': "!!python/unicode 'uint8'",
    }
    big = number.format('u2', "'>'", 'AQA=')
    user = (
        f'rate: {number.format("f8", "<", "AAAAAAAA+D8=")}\nbig: {big}\n'
        'pair: !!python/tuple [1, 2]\n!!python/str name: x\n? !!python/tuple [1, 2]\n: key\n'
    )
    metadata = load_metadata(str(write_text(tmp_path, store, user)))
    assert (metadata.imgshape, metadata.imgdtype) == ((4, 6), 'uint8')
    assert metadata.user == {'rate': 1.5, 'big': 256, 'pair': (1, 2), 'name': 'x', (1, 2): 'key'}
    assert type(metadata.imgshape[1]) is int


def test_what_yaml_dump_makes_of_numpy_values_is_read(tmp_path):
    user = {'f': np.float32(0.5), 'i': np.int8(-3), 'b': np.bool_(True), 'c': [np.float64(1), np.float64(2)], 't': (1,)}
    (tmp_path / 'metadata.yaml').write_text(yaml.dump({**user, '__store': {**STORE, 'imgshape': (4, 6)}}))
    with new_for_filename(tmp_path) as store:
        assert store.user_metadata == user
        assert {type(value) for value in store.user_metadata.values()} == {float, int, bool, list, tuple}


def test_nothing_in_metadata_is_ever_run(tmp_path):
    user = (
        f'a: !!python/object/apply:os.mkdir [{tmp_path / "made"}]\nb: !!python/object/new:os.system [ls]\n'
        'c: !!python/name:os.system\nd: !!python/module:antigravity\ne: !!python/object:pathlib.Path {x: 1}\n'
    )
    assert set(load_metadata(str(write_text(tmp_path, {}, user))).user) == set('abcde')
    assert not (tmp_path / 'made').exists()


# --- what the user said

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.dates()
    | st.datetimes()
    | st.datetimes(timezones=st.just(UTC))
)
keys = st.none() | st.booleans() | st.integers() | st.text() | st.dates()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4) | st.sets(keys, max_size=4),
    max_leaves=8,
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(user=st.dictionaries(keys.filter(lambda key: key != '__store'), values, max_size=6))
def test_user_metadata_of_any_kind_come_back(tmp_path, user):
    with new_for_format('npy', tmp_path, imgshape=(2, 2), metadata=user, overwrite=True) as writer:
        assert writer.user_metadata == user
    assert load_metadata(str(tmp_path)).user == user


class Color(str, enum.Enum):
    RED = 'red'


class Level(enum.IntEnum):
    LOW = 3


@pytest.mark.parametrize(
    ('given', 'kept'),
    [
        ((1, 2), [1, 2]),
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_('x'), 'x'),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array(3.0), 3.0),
        (np.array(['a', 1], object), ['a', 1]),
        (np.datetime64('2020-01-02T03:04:05.000000600'), datetime.datetime(2020, 1, 2, 3, 4, 5)),
        (np.datetime64('NaT', 'us'), None),
        (pd.Timestamp('2020-01-02'), datetime.datetime(2020, 1, 2)),
        (pathlib.PurePosixPath('/a/b'), '/a/b'),
        (Color.RED, 'red'),
        (Level.LOW, 3),
        (frozenset([1]), {1}),
        ({np.int8(1): np.uint8(2)}, {1: 2}),
        (HALF_PAST, HALF_PAST),
        *[(text, text) for text in ('a\x85\u2028\ufeff\x00b', ' \r\n\t', '🐭', '', '1_0')],
        (float('inf'), float('inf')),
        ('2020-01-01', '2020-01-01'),
        ('null', 'null'),
        ({'<<': 1}, {'<<': 1}),
    ],
)
def test_values_unknown_to_yaml_are_written_by_meaning(tmp_path, given, kept):
    """Values that YAML does not know are written as what they mean."""
    with new_for_format('npy', tmp_path / 's', imgshape=(2, 2), metadata={'a': given}) as writer:
        found = [writer.user_metadata['a'], new_for_filename(tmp_path / 's').user_metadata['a']]
    assert found == [kept, kept]
    assert {type(value) for value in found} == {type(kept)}


def recursive():
    content: list = []
    content.append(content)
    return content


def nested():
    content: list = []
    for _ in range(2000):
        content = [content]
    return content


@pytest.mark.parametrize(
    'value',
    [
        object(),
        1 + 2j,
        np.complex64(1),
        datetime.time(1),
        datetime.timedelta(1),
        np.timedelta64(1, 's'),
        print,
        'a\ud800',
        {(1, 2): 3},
        {(1, 2)},
        {frozenset([1])},
        recursive(),
        nested(),
        {'deep': [object()]},
        pd.NaT,
        np.array([object()]),
        datetime.datetime(1890, 1, 1, tzinfo=zoneinfo.ZoneInfo('Europe/Vienna')),
    ],
    ids=lambda value: type(value).__name__,
)
def test_unwritable_metadata_is_refused_first(tmp_path, value):
    """Metadata that cannot be written raises an error before any file is written."""
    with raises(InvalidArgumentError, argument='metadata'):
        new_for_format('npy', tmp_path / 's', imgshape=(2, 2), metadata={'a': value})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize('metadata', [[1], 'text', 5, {'__store': 1}, {pathlib.PurePosixPath('__store'): 1}])
def test_metadata_must_be_a_dict_without_the_stores_own_key(tmp_path, metadata):
    with raises(InvalidArgumentError, argument='metadata'):
        new_for_format('npy', tmp_path / 's', imgshape=(2, 2), metadata=metadata)
    assert os.listdir(tmp_path) == []


def test_an_error_says_where_in_the_metadata_it_is():
    with pytest.raises(InvalidArgumentError, match=r"^metadata\['a'\]\['b'\] is a complex, which"):
        checked_user_metadata({'a': [{'b': 1j}]})


def test_the_callers_metadata_are_neither_changed_nor_kept(tmp_path):
    user: dict[str, Any] = {'a': [1], 'b': {'c': 2}}
    with new_for_format('npy', tmp_path / 's', imgshape=(2, 2), metadata=user) as store:
        assert user == {'a': [1], 'b': {'c': 2}}
        user['a'].append(2)
        user['b']['c'] = 3
        store.user_metadata['a'].append(4)
        assert store.user_metadata == {'a': [1], 'b': {'c': 2}}
    reader = new_for_filename(tmp_path / 's')
    reader.user_metadata['a'].append(4)
    assert reader.user_metadata == {'a': [1], 'b': {'c': 2}}
