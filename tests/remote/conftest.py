"""Where the extra ``test-s3`` is not installed, the tests of buckets are left out."""

from importlib.util import find_spec

import pytest

collect_ignore = [] if find_spec('moto') and find_spec('s3fs') else ['test_s3.py']


@pytest.fixture(autouse=True)
def servers_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy is asked for them."""
    monkeypatch.setenv('no_proxy', 'localhost,127.0.0.1,::1')
