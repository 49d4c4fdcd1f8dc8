"""pytest's dots, one line per module of tests, from any process."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import pytest


class ModuleLines:
    """A pytest plugin to print a module's results after all its tests."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._ended: Counter[str] = Counter()
        self._letters: defaultdict[str, list[str]] = defaultdict(list)
        self._terminal: Any = None

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Take over from the terminal reporter, except with -q or -v."""
        if config.get_verbosity() == 0 and not hasattr(config, 'workerinput'):
            self._terminal = config.pluginmanager.getplugin('terminalreporter')
            self._terminal.showfspath = False

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Count the tests of this process."""
        self._counts.update(_module(item.nodeid) for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: list[str]) -> None:
        """Count the tests, as collected by each worker process."""
        del node
        self._counts = Counter(map(_module, ids))

    @pytest.hookimpl(wrapper=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> Any:
        """Keep the letter of a test for its module's line."""
        category, letter, word = yield
        if self._terminal and letter:
            self._letters[_module(report.nodeid)].append(letter)
            letter = word = ''
        return category, letter, word

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Print the line of a module that is done."""
        name = _module(nodeid)
        self._ended[name] += 1
        if self._terminal and self._ended[name] == self._counts[name]:
            self._terminal.ensure_newline()
            self._terminal.write_line(f'{name} {"".join(self._letters.pop(name, []))}')


def _module(nodeid: str) -> str:
    return nodeid.partition('::')[0].rpartition('/tests/')[2]
