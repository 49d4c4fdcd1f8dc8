"""Durations and times of day."""

from __future__ import annotations

import datetime

import pytest

from imgstore.errors import InvalidArgumentError
from imgstore.recording.times import clock_time, seconds_of_text

from ..helpers.raised import raises


@pytest.mark.parametrize(
    ('text', 'seconds'),
    [
        ('90', 90),
        ('0.5', 0.5),
        ('90s', 90),
        ('15m', 900),
        ('15 min', 900),
        ('1.5h', 5400),
        ('1h30m', 5400),
        ('7D', 604800),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert seconds_of_text(text) == seconds


@pytest.mark.parametrize('text', ['', '0', '0s', '-5', '1x', 'h', '1h30', '1:30', 'nan', 'inf', '1 2'])
def test_texts_that_are_no_duration(text: str) -> None:
    with raises(InvalidArgumentError, argument='duration'):
        seconds_of_text(text)


NOON = datetime.datetime(2026, 3, 1, 12, 0).astimezone()


@pytest.mark.parametrize(
    ('text', 'seconds'),
    [('18:00', 6 * 3600), ('12:00:01', 1), ('11:59', 24 * 3600 - 60), ('12:00', 24 * 3600), ('2026-03-01 13:00', 3600)],
)
def test_the_next_such_time_counts(text: str, seconds: float) -> None:
    assert clock_time(text).seconds_from(NOON) == seconds


def test_a_date_may_have_a_zone() -> None:
    now = datetime.datetime(2026, 3, 1, 12, 0, tzinfo=datetime.timezone.utc)
    assert clock_time('2026-03-01T15:00:00+01:00').seconds_from(now) == 2 * 3600


@pytest.mark.parametrize('text', ['soon', '25:00', '18', '18:60', ''])
def test_texts_that_are_no_time(text: str) -> None:
    with raises(InvalidArgumentError, argument='until'):
        clock_time(text)


def test_a_date_that_is_over_is_refused() -> None:
    with raises(InvalidArgumentError, argument='until'):
        clock_time('2026-03-01 11:00').seconds_from(NOON)
