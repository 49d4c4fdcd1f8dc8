"""The page about other programs: its examples run, those with these programs too."""

import pytest

from ..repository.pages import GETTING_STARTED, HOW_TO, run_examples


@pytest.mark.filterwarnings('default')  # the programs' own
def test_the_examples_of_the_page_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_examples(GETTING_STARTED)
    run_examples(next(page for page in HOW_TO if page.stem == 'other-programs'))
