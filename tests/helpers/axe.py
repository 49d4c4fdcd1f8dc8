"""The rules of axe, run in the page of a browser."""

from __future__ import annotations

from importlib import resources
from typing import Any

from .browser import Browser

_RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
_CHECK = """const done = arguments[1];
    const told = each => each.nodes.map(node => `${node.html.slice(0, 120)} ${node.failureSummary}`).join(' | ');
    axe.run(document, {runOnly: arguments[0]})
       .then(found => done(found.violations.map(each => `${each.id}: ${told(each)}`)))"""


def violations(page: Browser) -> Any:
    """Return what violates a rule on names, roles, contrast, landmarks or the keyboard."""
    page.run(resources.files('selenium_axe_python').joinpath('axe-core/axe.min.js').read_text(encoding='utf-8'))
    return page.driver.execute_async_script(_CHECK, _RULES)
