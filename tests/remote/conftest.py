"""Where the extra ``test-s3`` is not installed, the tests of buckets are left out."""

from importlib.util import find_spec

collect_ignore = [] if find_spec('moto') and find_spec('s3fs') else ['test_s3.py']
