"""Adapters without their programs."""

import importlib
import sys

import pytest

from imgstore.errors import MissingDependencyError

from ..helpers.raised import raises

PACKAGES = {'imageio': 'imageio.config', 'nwb': 'pynwb', 'pims': 'pims', 'sleap': 'sleap_io'}


@pytest.mark.parametrize('extra', PACKAGES)
def test_an_adapter_names_the_extra_that_it_needs(monkeypatch, extra):
    name = f'imgstore.adapters.{extra}'
    monkeypatch.setitem(sys.modules, PACKAGES[extra], None)
    monkeypatch.delitem(sys.modules, name, raising=False)
    with raises(MissingDependencyError) as caught:
        importlib.import_module(name)
    assert f'imgstore[{extra}]' in str(caught.value)
