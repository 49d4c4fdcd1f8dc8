"""A limit of the size of files, which is like a full disk."""

import contextlib
import sys

if sys.platform != 'win32':
    import resource

    @contextlib.contextmanager
    def files_of_at_most(size):
        """A disk that is full once a file has that many bytes."""
        old = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, old)
