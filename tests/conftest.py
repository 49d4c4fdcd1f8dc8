"""Property tests try the same examples in every run, so that one that fails can be repeated, on a slow machine too.

Ctrl-C reaches what the tests start, even where a shell runs them in the background and has it ignored.
"""

import gc
import os
import signal
import threading

import pytest
from hypothesis import settings

MARKERS = {
    'slow': 'takes long: repeats much, waits, starts many processes or writes much; imgstore-test leaves it out',
    'once': 'is slow, and about our own code more than about others; .ci/run repeats it not with the lowest versions',
    'exhaustive': 'is slow, and tries every byte, call or moment; only .ci/full runs it',
    'process': "starts or forks processes itself, or has a fixture do so; the library's own HDF5 worker does not count",
    'window': 'opens a window on a screen of its own',
    'browser': 'drives a Chromium',
}


def pytest_configure(config):  # imgstore-test reads no pyproject.toml
    for name, meaning in MARKERS.items():
        config.addinivalue_line('markers', f'{name}: {meaning}')


def pytest_collection_modifyitems(items):
    for item in items:
        if 'display' in item.fixturenames:
            item.add_marker('window')
        if 'display' in item.fixturenames or item.get_closest_marker('browser'):
            item.add_marker('process')
        if item.get_closest_marker('exhaustive') or item.get_closest_marker('once'):
            item.add_marker('slow')


def pytest_collection_finish(session):
    """Let a collection of garbage, in a forked child too, pass over the thousands of tests themselves."""
    gc.collect()
    gc.freeze()


settings.register_profile('repeatable', derandomize=True, deadline=None)
settings.load_profile('repeatable')

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def small_as_large(monkeypatch):
    """Let small images, which tests prefer, be decoded by threads like large ones."""
    monkeypatch.setattr('imgstore.chunks._SMALL_IMAGE', 0)
    monkeypatch.setattr('imgstore.chunks.video.cursor._LEAST_PIXELS_IN_SLICES', 0)


CALLS = ('fsync', 'replace', 'rename', 'unlink')


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """The calls that sync, rename or remove something below the folder: name, relative path, thread."""
    seen = []

    def relative(path):
        return os.path.relpath(os.fsdecode(path), tmp_path)

    def noted(name):
        call = getattr(os, name)

        def made(*arguments, **keywords):
            result = call(*arguments, **keywords)
            if name == 'fsync':
                path = os.readlink(f'/proc/self/fd/{arguments[0]}')
            else:
                path = arguments[-1] if name != 'unlink' else arguments[0]
            seen.append((name, relative(path), threading.current_thread().name))
            return result

        return made

    for name in CALLS:
        monkeypatch.setattr(os, name, noted(name))
    monkeypatch.setattr('imgstore.writing.completing.sync_file_system', lambda folder: False)  # as where there is none
    return seen
