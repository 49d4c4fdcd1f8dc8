"""The page on rigs: which source takes which key."""

from __future__ import annotations

import re

from imgstore.recording.cameras.genicam_features import TAKES
from imgstore.recording.opening import new_camera

from .pages import DOCS

TABLE = '| source | keys of settings that it takes |'


def test_the_page_says_which_source_takes_which_key() -> None:
    rows = (DOCS / 'rigs.md').read_text(encoding='utf-8').partition(TABLE)[2].partition('\n\n')[0]
    found = re.findall(r'\| (`.*?) \| (.*) \|', rows)
    assert len(found) == 5
    for sources, keys in found:
        for source in re.findall('`(.*?)`', sources):
            takes = new_camera(source.replace('…', 'host')).takes
            assert set(takes) == set(TAKES if keys == 'all' else re.findall('`(.*?)`', keys)), source
