"""The results as rows: a table for the screen, the same in Markdown, and JSON."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import LIMIT, REFERENCE, Results
from model import OURS, Case, Metric

HEADINGS = ('work', 'unit', 'ours', 'reference', 'ratio', 'goal', 'limit', 'of the limit')
NUMBERS = ('ours', 'reference', 'ratio', 'of the limit')
BEGIN, END = '<!-- what run.py measured -->', '<!-- end -->'


@dataclass(frozen=True)
class Row:
    """One metric of one case; medians of all rounds, None where there is none."""

    case: Case
    metric: Metric
    ours: float | None
    reference: float | None
    limit: float | None
    notes: tuple[str, ...]
    others: dict[str, float | None] = field(default_factory=dict)
    """Of the peers; the reference is the best of them."""
    remarks: tuple[str, ...] = ()
    """Why a peer has no value."""

    @property
    def name(self) -> str:
        """The work, and which of its numbers."""
        return f'{self.case.name}: {self.metric.label}' if self.metric.label else self.case.name

    @property
    def ratio(self) -> float | None:
        """How many times as good ours is as the reference; for dB the difference."""
        if self.metric.unit == 'dB' and self.ours is not None and self.reference is not None:
            return self.ours - self.reference
        return self._times_as_good(self.reference)

    @property
    def of_limit(self) -> float | None:
        """How good ours is, as a share of the limit."""
        return self._times_as_good(self.limit)

    def _times_as_good(self, other: float | None) -> float | None:
        if self.ours is None or other is None or min(self.ours, other) <= 0:
            return None
        return self.ours / other if self.metric.more_is_better else other / self.ours

    @property
    def goals(self) -> list[tuple[str, bool | None]]:
        """The goals, and whether each is met; None where that cannot be told."""
        metric, ratio, share, ours = self.metric, self.ratio, self.of_limit, self.ours
        found = []
        if metric.ratio is not None:
            found.append((f'≥ {number(metric.ratio)}', None if ratio is None else ratio >= metric.ratio))
        if metric.at_most is not None:
            found.append((f'≤ {metric.at_most:g} {metric.unit}', None if ours is None else ours <= metric.at_most))
        if metric.of_limit is not None:
            found.append((f'≥ {metric.of_limit:.0%} of limit', None if share is None else share >= metric.of_limit))
        return found

    @property
    def goal_text(self) -> str:
        """The goals with a mark each."""
        return ', '.join(marked(goal, met) for goal, met in self.goals)

    def cells(self) -> list[str]:
        """Return the row as texts, one for each of HEADINGS."""
        ratio = f'{self.ratio:+.2f}' if self.metric.unit == 'dB' and self.ratio is not None else number(self.ratio)
        limit = self.case.limit
        return [
            self.name,
            self.metric.unit,
            number(self.ours),
            number(self.reference),
            ratio,
            self.goal_text,
            f'{number(self.limit)} ({limit.text})' if limit and self.limit is not None else '',
            percent(self.of_limit),
        ]


def marked(goal: str, met: bool | None) -> str:
    """Return a goal with its mark."""
    return goal if met is None else f'{goal} ✓' if met else f'{goal} ✗'


def percent(share: float | None) -> str:
    """Format a share; nothing for None."""
    return '' if share is None else f'{share:.0%}'


def number(value: float | None) -> str:
    """Format a number to three digits; a dash for None."""
    if value is None or math.isnan(value):
        return '-'
    return f'{value:,.0f}' if abs(value) >= 100 else f'{value:.3g}'


def rows(cases: list[Case], results: Results) -> list[Row]:
    """Make a row for each metric of each case."""
    return [_row(case, metric, results) for case in cases for metric in case.metrics]


def _row(case: Case, metric: Metric, results: Results) -> Row:
    def measured(side: str) -> float | None:
        return results.median(case.name, side, metric.key)

    limited = case.limit is not None and case.limit.bounds(metric)
    others = {peer: measured(peer) for peer in case.peers}
    notes = ((side, results.notes.get((case.name, side))) for side in (OURS, REFERENCE, *case.peers, LIMIT))
    remarks = ((peer, results.remarks.get((case.name, peer, metric.key))) for peer in case.peers)
    return Row(
        case,
        metric,
        measured(OURS),
        _best(metric, others.values()) if case.peers else measured(REFERENCE),
        measured(LIMIT) if limited else None,
        tuple(f'{side}: {note}' for side, note in notes if note),
        others,
        tuple(f'{peer} {remark}' for peer, remark in remarks if remark),
    )


def _best(metric: Metric, values: Iterable[float | None]) -> float | None:
    found = [value for value in values if value is not None]
    return (max if metric.more_is_better else min)(found, default=None)


# --- for people

Lines = Sequence[Sequence[str]]


def lines(rows: list[Row]) -> list[list[str]]:
    """Return the rows as texts, for HEADINGS."""
    return [row.cells() for row in rows]


def notes(rows: list[Row]) -> list[str]:
    """Why numbers are missing, each once a case."""
    return list(dict.fromkeys(f'{row.case.name}: {note}' for row in rows for note in row.notes))


def table(headings: Sequence[str], lines: Lines) -> str:
    """Columns for a terminal."""
    every = [headings, *lines]
    widths = [max(map(len, column)) for column in zip(*every, strict=True)]
    return ''.join(
        '  '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + '\n' for line in every
    )


def markdown(headings: Sequence[str], lines: Lines, to_the_right: Sequence[str] = NUMBERS) -> str:
    """Format a table for a page."""
    rule = ['---:' if heading in to_the_right else '---' for heading in headings]
    return ''.join(f'| {" | ".join(line)} |\n' for line in (headings, rule, *lines))


def put_into(page: Path, text: str, begin: str = BEGIN) -> None:
    """Replace what stands between the marks in a page."""
    before, after = _around(page, begin)
    page.write_text(f'{before}{begin}\n{text}{END}{after}', encoding='utf-8')


def check_page(page: Path | None, begin: str = BEGIN) -> None:
    """End the program before its work if the page is none that `put_into` can change; None is fine."""
    if page is None:
        return
    _around(page, begin)
    if not os.access(page, os.W_OK):
        raise SystemExit(f'{page} cannot be written; --markdown puts the table into a page that is there')


def _around(page: Path, begin: str) -> tuple[str, str]:
    """Return a page's text before and after its marks."""
    try:
        before, _, rest = page.read_text(encoding='utf-8').partition(begin)
    except (OSError, UnicodeDecodeError) as error:
        raise SystemExit(
            f'{page} cannot be read: {error}; --markdown puts the table into a page that is '
            f'there and has the lines {begin} and {END}'
        ) from error
    _, found, after = rest.partition(END)
    if not found:
        raise SystemExit(f'{page} has no place for the table, which is between {begin} and {END}')
    return before, after


# --- for programs


def as_json(rows: list[Row], results: Results, about: dict[str, Any]) -> dict[str, Any]:
    """Everything, with the value of each round."""
    return {**about, 'rows': [_row_as_json(row, results) for row in rows]}


def _row_as_json(row: Row, results: Results) -> dict[str, Any]:
    met = [goal_met for _, goal_met in row.goals if goal_met is not None]
    sides = (OURS, REFERENCE, *row.case.peers, LIMIT)
    rounds = {side: results.values.get((row.case.name, side, row.metric.key), []) for side in sides}
    return {
        'work': row.name,
        'unit': row.metric.unit,
        'ours': row.ours,
        'reference': row.reference,
        'reference_is': row.case.reference,
        'ratio': row.ratio,
        'goal': ', '.join(goal for goal, _ in row.goals),
        'goal_met': all(met) if met else None,
        'limit': row.limit,
        'limit_is': row.case.limit and row.case.limit.text,
        'of_limit': row.of_limit,
        'rounds': rounds,
        'notes': [*row.notes, *row.remarks],
    }
