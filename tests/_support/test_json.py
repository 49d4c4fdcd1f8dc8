from __future__ import annotations

import datetime
import decimal
import enum
import json
import math
import uuid
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from imgstore._support.json import JsonCustomEncoder, as_json, dumps
from imgstore.errors import ExtraDataTypeError

pytestmark = pytest.mark.once


class Colour(enum.Enum):
    RED = 1


def written(value: Any) -> Any:
    return json.loads(dumps({'value': value}))['value']


@pytest.mark.parametrize(
    ('value', 'expected'),
    [
        (np.int64(-3), -3),
        (np.uint8(255), 255),
        (np.float16(2), 2.0),
        (np.float32(1.1), float(np.float32(1.1))),
        (np.longdouble(1.5), 1.5),
        (np.bool_(True), True),
        (np.str_('a'), 'a'),
        (np.bytes_(b'a'), 'a'),
        (np.complex64(1 + 2j), [1.0, 2.0]),
        (np.datetime64('2020-01-02T03:04:05.000006'), '2020-01-02T03:04:05.000006'),
        (np.datetime64('2020-01-02T03:04:05.000000007'), '2020-01-02T03:04:05.000000007'),
        (np.datetime64('NaT', 'us'), None),
        (np.timedelta64(1500, 'ms'), 1.5),
        (np.timedelta64('NaT', 'us'), None),
        (np.void(b'ab'), 'ab'),
        (datetime.datetime(2020, 1, 2, 3, 4, 5, 6), '2020-01-02T03:04:05.000006'),
        (datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc), '2020-01-02T00:00:00+00:00'),
        (datetime.date(2020, 1, 2), '2020-01-02'),
        (datetime.time(1, 2, 3), '01:02:03'),
        (datetime.timedelta(days=1, milliseconds=1), 86400.001),
        ('é'.encode(), 'é'),
        (b'\xff\x00', {'hex': 'ff00'}),
        (bytearray(b'ab'), 'ab'),
        ({7}, [7]),
        (frozenset('a'), ['a']),
        (1 + 2j, [1.0, 2.0]),
        ((1, (2,)), [1, [2]]),
        (PurePosixPath('/a/b'), '/a/b'),
        (uuid.UUID(int=3), '00000000-0000-0000-0000-000000000003'),
        (2**70, 2**70),
        (None, None),
    ],
)
def test_a_value_is_written_as_the_table_says(value: Any, expected: Any) -> None:
    assert written(value) == expected
    assert type(written(value)) is type(expected)


@pytest.mark.parametrize(
    ('array', 'expected'),
    [
        (np.arange(3), [0, 1, 2]),
        (np.eye(2), [[1.0, 0.0], [0.0, 1.0]]),
        (np.array(3), 3),
        (np.array([True]), [True]),
        (np.array(['a']), ['a']),
        (np.array([b'a']), ['a']),
        (np.array([1 + 2j]), [[1.0, 2.0]]),
        (np.array([1.5], np.longdouble), [1.5]),
        (np.array(['2020-01-01', 'NaT'], 'M8[ns]'), ['2020-01-01T00:00:00.000000000', None]),
        (np.array([(1, 2.0)], dtype=[('a', int), ('b', float)]), [[1, 2.0]]),
        (np.array([None, {'k': np.int8(1)}], object), [None, {'k': 1}]),
        (np.zeros((0, 2)), []),
    ],
)
def test_an_array_is_written_as_a_list_of_its_values(array: np.ndarray[Any, Any], expected: Any) -> None:
    assert written(array) == expected


@given(
    npst.arrays(npst.scalar_dtypes().filter(lambda t: t.kind not in 'mSU'), npst.array_shapes(max_dims=3, max_side=3))
)
def test_an_array_of_any_plain_dtype_can_be_written(array: np.ndarray[Any, Any]) -> None:
    assert len(written(array)) == len(array)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_what_json_knows_comes_back_as_it_was(record: dict[str, Any]) -> None:
    assert json.loads(dumps(record)) == record


def test_nan_and_infinity_come_back() -> None:
    assert math.isnan(written(math.nan))
    assert math.isnan(written(np.float32('nan')))
    assert written([np.float64('inf'), -math.inf]) == [math.inf, -math.inf]
    assert dumps({'a': math.nan}) == '{"a": NaN}'


def test_numpy_numbers_are_keys_like_pythons() -> None:
    keys = {np.int64(7): 1, np.float32(2.5): 2, np.bool_(True): 3, None: 4, 5: 5, 'x': 6}
    assert written(keys) == {'7': 1, '2.5': 2, 'true': 3, 'null': 4, '5': 5, 'x': 6}


@pytest.mark.parametrize(
    'value', [object(), decimal.Decimal(1), Colour.RED, range(3), np.uint8, np.timedelta64(1, 'M')]
)
def test_any_other_type_is_a_type_error(value: Any) -> None:
    with pytest.raises(ExtraDataTypeError) as error:
        dumps({'value': value})
    assert isinstance(error.value, TypeError)


def test_the_error_names_the_type_and_where_it_is() -> None:
    with pytest.raises(ExtraDataTypeError, match=r"at \['a'\]\[1\]\['b'\] is of type decimal\.Decimal"):
        dumps({'a': [0, {'b': decimal.Decimal(1)}]})
    with pytest.raises(ExtraDataTypeError, match=r"a key of extra data at \['a'\] is of type tuple"):
        dumps({'a': {(1, 2): 0}})


def test_a_value_that_contains_itself_is_a_type_error() -> None:
    record: dict[str, Any] = {}
    record['self'] = record
    with pytest.raises(ExtraDataTypeError, match='nested deeper'):
        dumps(record)


def test_an_integer_too_long_for_text_is_a_type_error() -> None:
    with pytest.raises(ExtraDataTypeError, match='cannot be written'):
        dumps({'a': 10**5000})


def test_the_encoder_works_with_every_way_of_json(tmp_path: Any) -> None:
    value = {np.int8(1): {'b': b'x'}, 'now': datetime.date(2020, 1, 1)}
    text = '{"1": {"b": "x"}, "now": "2020-01-01"}'
    assert json.dumps(value, cls=JsonCustomEncoder) == text
    assert json.loads(json.dumps(value, cls=JsonCustomEncoder, indent=2)) == json.loads(text)
    with (tmp_path / 'x.json').open('w') as file:
        json.dump(value, file, cls=JsonCustomEncoder)
    assert (tmp_path / 'x.json').read_text() == text
    assert JsonCustomEncoder().default(np.int8(1)) == 1


# --- what the tools show, for every reader of JSON


@pytest.mark.parametrize(
    ('value', 'expected'),
    [
        (math.nan, None),
        (np.float32('inf'), None),
        ([1.5, -math.inf], [1.5, None]),
        (np.array([math.nan]), [None]),
        (np.int64(-3), -3),
        (np.bool_(True), True),
        (np.datetime64('NaT', 's'), None),
        (complex(math.nan, 2), [None, 2.0]),
        (datetime.datetime(2020, 1, 2, 3), '2020-01-02T03:00:00'),
        (datetime.date(2020, 1, 2), '2020-01-02'),
        (b'\xff', {'hex': 'ff'}),
        ('\udce9', '\\udce9'),
        ({7}, [7]),
        (decimal.Decimal('1.50'), '1.50'),
        (range(3), 'range(0, 3)'),
        ({datetime.date(2020, 1, 2): {(1, 2): [decimal.Decimal(1)]}}, {'2020-01-02': {'(1, 2)': ['1']}}),
        (
            {None: 1, True: 2, 1.5: 3, np.int8(4): 5, b'a': 6, '\udce9': 7},
            {'null': 1, 'true': 2, '1.5': 3, '4': 5, 'a': 6, '\\udce9': 7},
        ),
    ],
)
def test_any_value_can_be_shown(value: Any, expected: Any) -> None:
    assert json.loads(json.dumps(as_json(value), allow_nan=False)) == expected


@given(npst.arrays(npst.scalar_dtypes(), npst.array_shapes(max_dims=2, max_side=3)))
def test_any_array_can_be_shown(array: np.ndarray[Any, Any]) -> None:
    assert len(json.loads(json.dumps(as_json(array), allow_nan=False))) in (len(array), len(str(array)))


@pytest.mark.parametrize('value', ['a', b'ab', 1 + 2j, np.datetime64('2026-11-29')])
def test_an_array_of_no_dimension_is_its_value(value: object) -> None:
    assert dumps({'a': np.array(value)}) == dumps({'a': np.array(value)[()]})
