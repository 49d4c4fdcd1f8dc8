"""Folders named by date and subject."""

from __future__ import annotations

import datetime

import pytest

from imgstore.errors import InvalidArgumentError
from imgstore.recording.rig import folder_for

from ...helpers.raised import raises

NOW = datetime.datetime(2026, 3, 1, 9, 5, 7)


@pytest.mark.parametrize(
    ('template', 'subject', 'name'),
    [
        ('data/{date}_{time}_{subject}', 'mouse 7', 'data/2026-03-01_09-05-07_mouse 7'),
        ('{subject}/{subject}', 'été', 'été/été'),
        ('data', None, 'data'),
        ('{{x}}{date}', None, '{x}2026-03-01'),
    ],
)
def test_fields_are_filled_in(template: str, subject: str | None, name: str) -> None:
    assert folder_for(template, subject, NOW) == name


@pytest.mark.parametrize(
    'subject', ['a/b', '..', '.hidden', '', 'a\\b', 'end ', 'end.', 'a\0', 'a:b', '{date}', 'a\nb']
)
def test_a_subject_that_is_no_safe_name_is_refused(subject: str) -> None:
    with raises(InvalidArgumentError, argument='subject'):
        folder_for('{subject}', subject, NOW)


@pytest.mark.parametrize('template', ['{', '{}', '{date.year}', '{date!r}', '{date:%Y}', '{0}', '{other}', '/', ''])
def test_other_templates_are_refused(template: str) -> None:
    with raises(InvalidArgumentError, argument='folder'):
        folder_for(template, 'a', NOW)
