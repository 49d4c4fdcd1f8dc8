"""What the kills cost, as a table: frames lost by ours and by the original, format by format."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from killing import Result

BEGIN = '<!-- what faults.py found -->'
OURS_AT_ONCE, OURS_BEHIND, THEIRS = 'ours, `workers=0`', 'ours, in the background', 'the original'
HEADINGS = (
    'format',
    *['kills', 'frames added', 'lost'] * 2,
    'of these added ½ s before or earlier',
    'kills',
    'frames added',
    'lost',
    'of these brought back by `imgstore.repair`',
)
TITLE = ('', OURS_AT_ONCE, '', '', OURS_BEHIND, '', '', '', THEIRS, '', '', '')
LAST = "all, `durability='chunk'`"


def rows(results: list[Result]) -> list[list[str]]:
    """Make a row per format, one for all, and one for the weaker durability."""
    promised = [result for result in results if result['by'] == 'original' or result['durability'] != 'chunk']
    formats = dict.fromkeys(result['fmt'] for result in promised)
    found = [_row(f'`{fmt}`', [result for result in promised if result['fmt'] == fmt]) for fmt in formats]
    chunk = [result for result in results if result['by'] == 'ours' and result['durability'] == 'chunk']
    return [*found, _row('all', promised), *([_row(LAST, chunk)] if chunk else [])]


def _row(name: str, results: list[Result]) -> list[str]:
    ours = [result for result in results if result['by'] == 'ours']
    behind = [result for result in ours if result['workers'] != 0]
    theirs = [result for result in results if result['by'] == 'original']
    late = sum(max(0, result.get('must be there', 0) - (result['added'] - result['lost'])) for result in behind)
    return [
        name,
        *_counts([result for result in ours if result['workers'] == 0]),
        *_counts(behind),
        f'{late}',
        *_counts(theirs),
        f'{_sum(theirs, "brought back"):,}' if theirs else '-',
    ]


def _counts(results: list[Result]) -> list[str]:
    if not results:
        return ['-'] * 3
    added, lost = _sum(results, 'added'), _sum(results, 'lost')
    return [str(len(results)), f'{added:,}', f'{lost:,}' + (f' ({lost / added:.0%})' if lost else '')]


def _sum(results: Iterable[Result], key: str) -> int:
    return sum(result.get(key, 0) for result in results)


def markdown(results: list[Result], about: dict[str, Any]) -> str:
    """Make the table for a page, with a sentence about its method."""
    lines = [TITLE, ('---', *['---:'] * (len(HEADINGS) - 1)), HEADINGS, *rows(results)]
    text = '\n'.join(f'| {" | ".join(line)} |' for line in lines)
    return f'{_sentence(results, about)}\n\n{text}\n'


def _sentence(results: list[Result], about: dict[str, Any]) -> str:
    kills = sum(result['by'] == 'ours' for result in results)
    closing = sum(
        result['by'] == 'ours' and bool(result.get('closing')) and not result.get('closed') for result in results
    )
    wrong = sum(bool(result['wrong']) for result in results)
    false = _sum(results, 'false')
    return (
        f'{about["date"]}, {about["machine"]}: {kills} kills of ours, {closing} of them in the middle of '
        f'`close()`, and {len(results) - kills} of the original, in {about["seconds"]} s. '
        f'Recordings of ours with anything wrong: {wrong}; frames that the original read wrongly: {false}.'
    )


def table(results: list[Result]) -> str:
    """Columns for a terminal, and what is wrong."""
    lines = [list(HEADINGS), *rows(results)]
    widths = [max(len(line[i]) for line in lines[1:]) for i in range(len(HEADINGS))]
    text = [' '.join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines[1:]]
    wrong = [
        f'{result["by"]}, seed {result["seed"]} ({result["fmt"]}): {text}'
        for result in results
        for text in result['wrong']
    ]
    return '\n'.join([' | '.join(HEADINGS), *text, *wrong]) + '\n'
