"""Collects the tests of cameras whose software is said to be there: IMGSTORE_CAMERAS=pylon, for example."""

import os
import warnings

_TESTED = os.environ.get('IMGSTORE_CAMERAS', '').split()
os.environ['PYLON_CAMEMU'] = '2'  # so many cameras, before pylon is loaded

if 'pylon' in _TESTED:
    with warnings.catch_warnings():  # pypylon crashes if its deprecations are errors
        warnings.simplefilter('ignore', DeprecationWarning)
        import pypylon.pylon  # noqa: F401

collect_ignore_glob = [f'test_{name}.py' for name in ('pylon', 'aravis') if name not in _TESTED]
