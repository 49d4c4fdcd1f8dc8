"""The results as rows: a table for the screen, the same in Markdown, and JSON."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import LIMIT, REFERENCE, Results
from model import OURS, Case, Metric

HEADINGS = ('work', 'unit', 'ours', 'reference', 'ratio', 'goal', 'limit', 'of the limit')
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
    def goal(self) -> tuple[str, bool | None]:
        """The goal, and whether it is met; None where that cannot be told."""
        metric = self.metric
        if metric.ratio is not None:
            return f'≥ {_number(metric.ratio)}', None if self.ratio is None else self.ratio >= metric.ratio
        if metric.at_most is not None:
            return f'≤ {metric.at_most:g} {metric.unit}', None if self.ours is None else self.ours <= metric.at_most
        if metric.of_limit is not None:
            met = None if self.of_limit is None else self.of_limit >= metric.of_limit
            return f'≥ {metric.of_limit:.0%} of limit', met
        return '', None

    def cells(self) -> list[str]:
        """Return the row as texts, one for each of HEADINGS."""
        goal, met = self.goal
        mark = '' if met is None else ' ✓' if met else ' ✗'
        ratio = f'{self.ratio:+.2f}' if self.metric.unit == 'dB' and self.ratio is not None else _number(self.ratio)
        limit = self.case.limit
        return [
            self.name,
            self.metric.unit,
            _number(self.ours),
            _number(self.reference),
            ratio,
            goal + mark,
            f'{_number(self.limit)} ({limit.text})' if limit and self.limit is not None else '',
            '' if self.of_limit is None else f'{self.of_limit:.0%}',
        ]


def _number(value: float | None) -> str:
    if value is None or math.isnan(value):
        return '-'
    return f'{value:,.0f}' if abs(value) >= 100 else f'{value:.3g}'


def rows(cases: list[Case], results: Results) -> list[Row]:
    """Make a row for each metric of each case."""
    return [_row(case, metric, results) for case in cases for metric in case.metrics]


def _row(case: Case, metric: Metric, results: Results) -> Row:
    limited = case.limit is not None and case.limit.metric == metric.key
    notes = (
        f'{side}: {results.notes[case.name, side]}'
        for side in (OURS, REFERENCE, LIMIT)
        if (case.name, side) in results.notes
    )
    return Row(
        case,
        metric,
        results.median(case.name, OURS, metric.key),
        results.median(case.name, REFERENCE, metric.key),
        results.median(case.name, LIMIT, metric.key) if limited else None,
        tuple(notes),
    )


# --- for people


def table(rows: list[Row]) -> str:
    """Columns for a terminal."""
    lines = [list(HEADINGS), *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = '\n'.join(
        '  '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
    return '\n'.join([text, *_notes(rows)]) + '\n'


def markdown(rows: list[Row], about: str) -> str:
    """Format the table for a page."""
    lines = [HEADINGS, ('---', '---', *['---:'] * 3, '---', '---', '---:'), *(row.cells() for row in rows)]
    text = '\n'.join(f'| {" | ".join(line)} |' for line in lines)
    return '\n'.join([about, '', text, *(f'\n{note}' for note in _notes(rows))]) + '\n'


def _notes(rows: list[Row]) -> list[str]:
    """Why numbers are missing, each once a case."""
    return list(dict.fromkeys(f'{row.case.name}: {note}' for row in rows for note in row.notes))


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
    goal, met = row.goal
    rounds = {side: results.values.get((row.case.name, side, row.metric.key), []) for side in (OURS, REFERENCE, LIMIT)}
    return {
        'work': row.name,
        'unit': row.metric.unit,
        'ours': row.ours,
        'reference': row.reference,
        'reference_is': row.case.reference,
        'ratio': row.ratio,
        'goal': goal,
        'goal_met': met,
        'limit': row.limit,
        'limit_is': row.case.limit and row.case.limit.text,
        'of_limit': row.of_limit,
        'rounds': rounds,
        'notes': row.notes,
    }
