"""The import loads only what most scripts need."""

import json
import subprocess
import sys

import pytest

import imgstore

LATE = """
import cv2, json, sys, yaml
before = set(sys.modules)
import imgstore
print(json.dumps(sorted(set(sys.modules) - before)))
"""
OWN = {
    'writing',
    'maintenance',
    'extra_data',
    'export',
    'apps',
    'recording',
    'viewers',
    'convert',
    'align',
    'torch',
    'xarray_backend',
}
OTHERS = {
    'av',
    'concurrent',
    'dask',
    'distributed',
    'email',
    'hashlib',
    'html',
    'logging',
    'pandas',
    'sqlite3',
    'torch',
    'uuid',
    'xarray',
    'zipfile',
    'zoneinfo',
}


@pytest.mark.process
def test_import_loads_nothing_that_only_writers_or_tools_need():
    loaded = json.loads(subprocess.run([sys.executable, '-c', LATE], capture_output=True, check=True).stdout)
    assert 'imgstore.reading.reader' in loaded
    assert not {name.split('.')[1] for name in loaded if name.startswith('imgstore.')} & OWN
    assert not {name.split('.')[0] for name in loaded} & OTHERS


def test_repair_is_there_at_its_first_use():
    from imgstore.maintenance.repair import repair

    assert imgstore.repair is repair
    assert 'repair' in dir(imgstore)
    with pytest.raises(AttributeError, match="'repairs'"):
        imgstore.repairs  # noqa: B018
