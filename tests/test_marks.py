"""Marks of frames, as a CSV file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgstore.errors import InvalidArgumentError, StoreIOError
from imgstore.marks import MARKS_FILENAME, Mark, marks_path, read_marks, write_marks

from .helpers.raised import raises

MARKS = [Mark(120, 180, 'grooming'), Mark(400, None, 'the lamp flickers'), Mark(-5, -5), Mark(7, 9, 'a; "b", c\n\td')]
TEXT = 'start,end,label\n120,180,grooming\n400,,the lamp flickers\n'


def file_of(folder: Path, content: str | bytes) -> Path:
    path = folder / MARKS_FILENAME
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_marks_are_read_as_written(tmp_path: Path) -> None:
    write_marks(tmp_path / 'marks.csv', MARKS)
    assert read_marks(tmp_path / 'marks.csv') == MARKS
    assert os.listdir(tmp_path) == ['marks.csv']


def test_the_file_is_a_plain_one(tmp_path: Path) -> None:
    write_marks(tmp_path / 'marks.csv', MARKS[:2])
    assert (tmp_path / 'marks.csv').read_bytes() == TEXT.encode()


def test_no_marks_are_a_file_with_a_header(tmp_path: Path) -> None:
    write_marks(tmp_path / 'marks.csv', [])
    assert (tmp_path / 'marks.csv').read_text() == 'start,end,label\n'
    assert read_marks(tmp_path / 'marks.csv') == []


NUMBERS = st.integers(-(2**63), 2**63 - 1)
LABELS = st.text(st.characters(codec='utf-8', exclude_characters='\0'))


@given(st.lists(st.tuples(NUMBERS, NUMBERS | st.none(), LABELS)))
def test_any_marks_are_read_as_written(tmp_path_factory: pytest.TempPathFactory, values: list[Any]) -> None:
    path = tmp_path_factory.getbasetemp() / 'any.csv'
    marks = [Mark(a if b is None else min(a, b), None if b is None else max(a, b), label) for a, b, label in values]
    path.unlink(missing_ok=True)
    write_marks(path, marks)
    assert read_marks(path) == marks


def test_the_last_frame_of_a_mark_belongs_to_it() -> None:
    assert [mark.last for mark in MARKS] == [180, 400, -5, 9]


def test_the_marks_of_a_store_are_in_its_folder(tmp_path: Path) -> None:
    assert marks_path(tmp_path / 'recording') == str(tmp_path / 'recording' / 'marks.csv')
    assert marks_path('https://example.org/a/recording') == 'https://example.org/a/recording/marks.csv'


@pytest.mark.parametrize(
    'content',
    [
        TEXT.replace('\n', '\r\n'),
        TEXT.replace('\n', '\r'),
        TEXT.replace(',', ';'),
        TEXT.replace(',', '\t'),
        '\ufeff' + TEXT,
        '\n' + TEXT.replace('\n', '\n\n,,\n'),
        'Label, End , START\ngrooming,180,120\nthe lamp flickers,,400\n',
        '"start","end","label"\n"120","180","grooming"\n"400","","the lamp flickers"\n',
        TEXT.encode('utf-16'),
    ],
)
def test_files_of_other_programs_are_read(tmp_path: Path, content: str | bytes) -> None:
    assert read_marks(file_of(tmp_path, content)) == MARKS[:2]


def test_a_file_of_pandas_is_read(tmp_path: Path) -> None:
    table = pd.DataFrame({'start': [120, 400], 'end': [180, None], 'label': ['grooming', 'the lamp flickers']})
    table.to_csv(tmp_path / 'marks.csv', index=False)
    assert '180.0' in (tmp_path / 'marks.csv').read_text()
    assert read_marks(tmp_path / 'marks.csv') == MARKS[:2]


def test_end_and_label_may_be_missing(tmp_path: Path) -> None:
    assert read_marks(file_of(tmp_path, 'start\n3\n5\n')) == [Mark(3), Mark(5)]


@pytest.mark.parametrize(
    ('content', 'line'),
    [
        ('', 1),
        ('frame,label\n3,a\n', 1),
        ('start,end,label,notes\n3,,a,b\n', 1),
        ('start,start\n3,4\n', 1),
        ('start,end,label\n3,,a\n5,4,b\n', 3),
        ('start,end,label\n\n\n,4,b\n', 4),
        ('start,end,label\n1.5,4,b\n', 2),
        ('start,end,label\n12s,,b\n', 2),
        ('start,end,label\n3,,"two\nlines"\n4,,a, b\n', 4),
        ('start,end,label\n9999999999999999999,,b\n', 2),
        ('start,end,label\n3,,"open\n', 2),
        ('start,end,label\n3,,"a"b\n', 2),
        ('start,end,label\n3,,a\0b\n', 2),
    ],
)
def test_a_file_without_marks_is_refused_with_its_line(tmp_path: Path, content: str, line: int) -> None:
    path = file_of(tmp_path, content)
    with raises(InvalidArgumentError, path=str(path)) as caught:
        read_marks(path)
    assert f'line {line}: ' in str(caught.value)


@pytest.mark.parametrize(
    ('values', 'argument'),
    [((1.5,), 'start'), (('a',), 'start'), ((5, 4), 'end'), ((5, None, 3), 'label'), ((5, None, '\udce9'), 'label')],
)
def test_a_wrong_mark_is_refused(values: Any, argument: str) -> None:
    with raises(InvalidArgumentError, argument=argument):
        Mark(*values)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with raises(StoreIOError, path=str(tmp_path / 'marks.csv')):
        read_marks(tmp_path / 'marks.csv')


@pytest.mark.parametrize('content', ['frame,note\n1,mine\n', 'start,end,label\nx,,mine\n'])
def test_a_file_of_something_else_is_not_replaced(tmp_path: Path, content: str) -> None:
    path = file_of(tmp_path, content)
    with raises(InvalidArgumentError, path=str(path)):
        write_marks(path, MARKS)
    assert path.read_text() == content


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with raises(StoreIOError, path=str(tmp_path / 'none' / 'marks.csv')):
        write_marks(tmp_path / 'none' / 'marks.csv', MARKS)
    with raises(InvalidArgumentError, argument='path'):
        write_marks('https://example.org/marks.csv', MARKS)
