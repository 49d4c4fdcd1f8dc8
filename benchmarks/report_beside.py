"""The results beside other readers: a column for each reader, and rows by kind of work."""

from __future__ import annotations

from itertools import groupby
from statistics import median

from cases_beside import MEDIAN_GOALS
from model import PEERS
from report import Row, marked, number, percent
from videos import from_arguments

HEADINGS = ('work', 'video', 'unit', 'ours', *PEERS, 'ratio to the best', 'goal', 'limit', 'of the limit')
NUMBERS = ('ours', *PEERS, 'ratio to the best', 'limit', 'of the limit')
BEGIN = '<!-- what run.py measured beside other readers -->'

Lines = list[list[str]]


def lines(rows: list[Row]) -> Lines:
    """Return texts for HEADINGS: the rows of a kind of work together, and then the median of its ratios."""
    keys = list(dict.fromkeys(row.metric.key for row in rows))
    by_work = sorted(rows, key=lambda row: keys.index(row.metric.key))
    found: Lines = []
    for key, group in groupby(by_work, lambda row: row.metric.key):
        of_work = list(group)
        found += [_cells(row) for row in of_work]
        found += _median(key, of_work)
    return found


def _cells(row: Row) -> list[str]:
    return [
        row.metric.label,
        _video(row),
        row.metric.unit,
        number(row.ours),
        *(number(row.others.get(peer)) for peer in PEERS),
        number(row.ratio),
        row.goal_text,
        number(row.limit) if row.limit is not None else '',
        percent(row.of_limit),
    ]


def _video(row: Row) -> str:
    return str(row.case.arguments['video']['name'])


def _median(key: str, rows: list[Row]) -> Lines:
    """Return the median ratio of all videos, if there are several."""
    ratios = [row.ratio for row in rows if row.ratio is not None]
    shares = [row.of_limit for row in rows if row.of_limit is not None]
    if len(ratios) < 2:
        return []
    goal = MEDIAN_GOALS.get(key)
    text = marked(f'≥ {number(goal)}', median(ratios) >= goal) if goal is not None else ''
    empty = [''] * (2 + len(PEERS))
    share = percent(median(shares)) if shares else ''
    return [[rows[0].metric.label, f'median of {len(ratios)}', *empty, number(median(ratios)), text, '', share]]


def videos(rows: list[Row]) -> Lines:
    """Return the videos, for `videos.HEADINGS`."""
    found = {_video(row): row.case.arguments['video'] for row in rows}
    return [from_arguments(video).described() for video in found.values()]


def notes(rows: list[Row]) -> list[str]:
    """Why numbers are missing: first of whole videos, then of a kind of work."""
    where: dict[str, dict[str, None]] = {}
    for row in rows:
        for note in row.notes:
            where.setdefault(note, {})[_video(row)] = None
    everywhere = {_video(row) for row in rows}
    found = [note if everywhere == set(named) else f'{", ".join(named)}: {note}' for note, named in where.items()]
    return found + [f'{_video(row)}, {row.metric.label}: {remark}' for row in rows for remark in row.remarks]
