"""Values that YAML or UTF-8 do not allow cost themselves at most; none is added."""

import datetime
import json
import pathlib
import re

import numpy as np
import pytest

from imgstore import new_for_filename, new_for_format
from imgstore._support.text import decode_text, printable, printable_lines
from imgstore._support.yaml import parse_yaml
from imgstore.convert import convert
from imgstore.errors import CorruptFileError, ExtraDataTypeError, InvalidArgumentError

from ..helpers.checked import not_none

LONE = 'caf\udce9'


def make(path, records=(), **options):
    with new_for_format('npy', path, imgshape=(4, 6), chunksize=10, metadata={'subject': 'A7'}, **options) as store:
        for index in range(3):
            store.add_image(np.full((4, 6), index, np.uint8), index, index / 25)
    if records:
        (path / '000000' / 'index.extra.json').write_text(json.dumps(list(records)))
    return path


def with_line(path, line, encoding='utf-8'):
    """A store to whose metadata.yaml somebody added a line."""
    file = make(path) / 'metadata.yaml'
    file.write_bytes(file.read_bytes() + line.encode(encoding) + b'\n')
    return new_for_filename(path)


# --- YAML


@pytest.mark.parametrize(
    ('value', 'means'),
    [
        ("!!python/long '5'", 5),
        ("!!python/int '-6'", -6),
        ("!!python/int '0x1F'", 31),
        ("!!python/float '1.5'", 1.5),
        ("!!python/bool 'True'", True),
        ("!!python/bool 'false'", False),
        ("!!python/none ''", None),
        ("!!python/none 'None'", None),
        ("!!python/str 'x'", 'x'),
        ("!!python/unicode 'x'", 'x'),
        ('!!python/unicode "\\xE9"', 'é'),
        ('!!python/tuple [1, 2]', (1, 2)),
        ('!!python/list [1, 2]', [1, 2]),
        ('!!python/dict {a: 1}', {'a': 1}),
        ("!!python/long '123456789012345678901'", 123456789012345678901),
    ],
)
def test_tags_of_python_2_mean_what_they_say(tmp_path, value, means):
    found = with_line(tmp_path / 's', f'a: {value}').user_metadata['a']
    assert found == means
    assert type(found) is type(means)


def test_a_shape_and_chunksize_of_python_2_are_read(tmp_path):
    file = make(tmp_path / 's') / 'metadata.yaml'
    text = file.read_text().replace('  - 4\n  - 6', "  - !!python/long '4'\n  - !!python/long '6'")
    file.write_text(text.replace('chunksize: 10', "chunksize: !!python/long '10'"))
    with new_for_filename(tmp_path / 's') as store:
        assert store.image_shape == (4, 6)
        assert len(store) == 3


@pytest.mark.parametrize(
    'value',
    [
        '2021-99-99',
        '2021-02-30',
        '2021-02-03 25:61:61',
        '2021-01-01 00:00:00 +99:99',
        '0000-00-00',
        '!!int abc',
        '!!float 1.2.3',
        '!!bool maybe',
        '!!timestamp hello',
        '!!python/long 5L',
        '!!python/bool maybe',
        '!!map 3',
        '!!binary é',
        '!<tag:example.org,2000:x> y',
    ],
)
def test_a_value_that_is_none_of_its_kind_is_text(tmp_path, value):
    with with_line(tmp_path / 's', f'lot: {value}') as store:
        assert len(store) == 3
        assert store.user_metadata == {'subject': 'A7', 'lot': re.sub(r'^!\S+ ', '', value)}


@pytest.mark.parametrize(
    ('text', 'means'),
    [
        ('a: !Camera {serial: 3}', {'a': {'serial': 3}}),
        ('a: !Cameras [1]', {'a': [1]}),
        ('a: !!str [3]', {'a': [3]}),
        ('a: !!set [1]', {'a': [1]}),
        ('a: !!set {x}', {'a': {'x'}}),
        ('? [1, 2]\n: 3', {'[1, 2]': 3}),
        ('<<: 3\na: 1', {'<<': 3, 'a': 1}),
        ('a: &x {b: 1}\nc: {<<: *x, d: 2}', {'a': {'b': 1}, 'c': {'b': 1, 'd': 2}}),
        ('a: !!python/object/apply:numpy.core.multiarray.scalar [x]', {'a': ['x']}),
        ('a: 12:59:59\nb: 2021-02-03', {'a': 46799, 'b': datetime.date(2021, 2, 3)}),
    ],
)
def test_what_has_a_strange_form_is_the_plain_data_under_it(text, means):
    assert parse_yaml(text.encode()) == means


@pytest.mark.parametrize('line', ['lot: [1', 'lot: a: b', '\tlot: 1', 'lot: *missing', 'lot: "\\q"', 'lot: \0'])
def test_an_error_of_yaml_names_file_and_line(tmp_path, line):
    lines = make(tmp_path / 'lines').joinpath('metadata.yaml').read_text().count('\n')
    with pytest.raises(CorruptFileError, match=rf'metadata\.yaml .* line ({lines + 1}|{lines + 2})\b'):
        with_line(tmp_path / 's', line)


# --- UTF-8


@pytest.mark.parametrize(
    ('line', 'encoding', 'means'),
    [
        ('who: José', 'latin-1', 'José'),
        ('who: 5 €', 'cp1252', '5 €'),
        ('who: "\\uDCE9"', 'ascii', '\udce9'),
        ('who: "\\uD83D\\uDE00"', 'ascii', '😀'),
        ('who: a\x1bb', 'ascii', 'a\ufffdb'),
    ],
)
def test_metadata_that_are_not_utf_8_are_read(tmp_path, line, encoding, means):
    with with_line(tmp_path / 's', line, encoding) as store:
        assert store.user_metadata['who'] == means
        assert len(store) == 3


@pytest.mark.parametrize(
    'metadata', [{'a': LONE}, {LONE: 1}, {'a': [{'b': LONE}]}, {'a': pathlib.Path(LONE)}, {'a': np.array(['x', LONE])}]
)
def test_metadata_that_are_not_utf_8_are_refused(tmp_path, metadata):
    with pytest.raises(InvalidArgumentError, match='not UTF-8'):
        new_for_format('npy', tmp_path / 's', imgshape=(4, 6), metadata=metadata)
    assert not (tmp_path / 's').exists()


@pytest.mark.parametrize(
    'record',
    [
        {'a': LONE},
        {LONE: 1},
        {'a': [{'b': LONE}]},
        {'a': pathlib.Path(LONE)},
        {'a': np.array(['x', LONE])},
        {'a': np.str_(LONE)},
    ],
)
def test_extra_data_that_are_not_utf_8_are_refused(tmp_path, record):
    with new_for_format('npy', tmp_path / 's', imgshape=(4, 6)) as store:
        store.add_image(np.zeros((4, 6), np.uint8), 0, 0.0)
        with pytest.raises(ExtraDataTypeError, match='not UTF-8'):
            store.add_extra_data(**record)
        store.add_extra_data(a=np.array([['x', 'é']]))
    assert not_none(new_for_filename(tmp_path / 's').get_extra_data())['a'].tolist() == [[['x', 'é']]]


RECORDS = [
    {'frame_number': i, 'frame_index': i, 'frame_time': i / 25, 'note': note}
    for i, note in enumerate((LONE, 'x', '😀'))
]


def test_lone_surrogates_in_extra_data_are_kept(tmp_path):
    """Extra data with lone surrogates can be read, renumbered and converted."""
    with new_for_filename(make(tmp_path / 's', RECORDS)) as store:
        assert not_none(store.get_extra_data())['note'].tolist() == ['caf\\udce9', 'x', '😀']
        store.reindex()
    kept = json.loads((tmp_path / 's' / '000000' / 'index.extra.json').read_text())
    assert [record['note'] for record in kept] == [LONE, 'x', '😀']
    convert(tmp_path / 's', tmp_path / 't', 'png')
    assert not_none(new_for_filename(tmp_path / 't').get_extra_data())['note'].tolist() == ['caf\\udce9', 'x', '😀']


def test_metadata_with_lone_surrogates_is_converted(tmp_path):
    """A store whose metadata has lone surrogates can be converted."""
    with_line(tmp_path / 's', 'who: "\\uDCE9"').close()
    convert(tmp_path / 's', tmp_path / 't', 'png')
    assert new_for_filename(tmp_path / 't').user_metadata['who'] == '\\udce9'


def test_extra_data_that_are_not_utf_8_are_read(tmp_path):
    make(tmp_path / 's')
    content = json.dumps([{**RECORDS[0], 'note': 'José'}], ensure_ascii=False)
    (tmp_path / 's' / '000000' / 'index.extra.json').write_bytes(content.encode('latin-1'))
    assert not_none(new_for_filename(tmp_path / 's').get_extra_data())['note'].tolist() == ['José']


def test_an_index_that_holds_texts_that_are_not_utf_8_is_read(tmp_path):
    index = make(tmp_path / 's') / '000000' / 'index.npz'
    np.savez(index, frame_number=np.arange(3), frame_time=np.arange(3) / 25, note=np.array([LONE]))
    assert len(new_for_filename(tmp_path / 's')) == 3


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16', 'utf-32'])
def test_text_is_decoded_as_it_says(encoding):
    assert decode_text('[é😀]'.encode(encoding)) == '[é😀]'


def test_what_a_terminal_obeys_is_escaped():
    assert printable('a\x1b[2J\x07b\x9bc\n\té\u202e\u2028\udce9😀') == (
        'a\\x1b[2J\\x07b\\x9bc\\n\\té\\u202e\\u2028\\udce9😀'
    )
    assert printable_lines('a\n\tb\r\x1b') == 'a\n\tb\\r\\x1b'
