"""Collects the tests of programs only where the programs are said to be."""

import os

collect_ignore_glob = [] if os.environ.get('IMGSTORE_PROGRAMS') else ['test_*.py']
