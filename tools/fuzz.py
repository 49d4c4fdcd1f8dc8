"""Damages each kind of file that a store is read from, guided by which lines of imgstore that reaches.

    python tools/fuzz.py                    every kind, 5,000 files each
    python tools/fuzz.py png mkv --runs N   just those

It needs atheris beside imgstore[test] and PyAV. What it finds (another error than an ImgStoreError, a crash, more than
five seconds, of HDF5 twenty, more than 512 MiB) is left in the folder given by --finds, each as the content of the
file; --try shows what such a content does.
"""

import argparse
import collections
import hashlib
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

SECONDS = 5
SECONDS_OF_H5 = 20  # the process that reads it has a second for each time that it is asked
MEBIBYTES = 512
CHANGES_EVERY = 8  # so often the store is renumbered and its index saved, too
LONGEST = 20_000  # bytes of a file


def parse(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('kinds', nargs='*', metavar='KIND')
    parser.add_argument('--runs', type=int, default=5000, help='files of each kind')
    parser.add_argument('--seconds', type=float, default=3600, help='at most, for each kind')
    parser.add_argument('--finds', type=Path, default=Path('finds'))
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--try', dest='content', type=Path, help='a file that was found')
    parser.add_argument('--child', action='store_true', help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main():
    options = parse()
    if options.child:
        return run(options, options.kinds[0])
    from tests.helpers.hostile import KINDS, Victim

    if options.content:
        with tempfile.TemporaryDirectory() as folder:
            return Victim(options.kinds[0], Path(folder)).suffer(options.content.read_bytes(), changing=True)
    for kind in options.kinds or KINDS:
        begin, (done, found) = time.monotonic(), fuzz(options, kind)
        print(f'{kind}: {done} files in {time.monotonic() - begin:.0f} s; finds: {dict(found) or "none"}', flush=True)
    return None


# --- the parent: starts a child again when it died of what it found


def fuzz(options, kind):
    """How many files were tried, and how often what was found."""
    folder = options.finds.absolute() / kind.replace(' ', '-').strip('.')
    folder.mkdir(parents=True, exist_ok=True)
    done, seed, found = 0, options.seed, collections.Counter()
    begin = time.monotonic()
    while done < options.runs and time.monotonic() - begin < options.seconds:
        with tempfile.TemporaryDirectory(dir='/dev/shm' if os.path.isdir('/dev/shm') else None) as work:
            log = Path(work, 'log')
            ended = start_child(
                options, kind, options.runs - done, seed, folder, work, log, options.seconds - time.monotonic() + begin
            )
            count = Path(work, 'count')
            done += int(count.read_text() or 0) if count.exists() else 0
            found.update(Path(work, 'found').read_text().splitlines() if Path(work, 'found').exists() else ())
            if ended:
                found[how_it_died(log)] += 1
                shutil.copy(log, folder / f'log-{seed}')
            if not count.exists():
                raise SystemExit(log.read_text())
        seed += 1
    return done, found


def start_child(options, kind, runs, seed, folder, work, log, seconds):
    command = [
        sys.executable,
        __file__,
        kind,
        '--child',
        '--runs',
        str(runs),
        '--finds',
        str(folder),
        '--seed',
        str(seed),
        '--seconds',
        str(max(1, int(seconds))),
    ]
    environment = {**os.environ, 'TMPDIR': work, 'MALLOC_ARENA_MAX': '2', 'OPENCV_LOG_LEVEL': 'OFF'}
    with log.open('wb') as output:
        return subprocess.run(command, stdout=output, stderr=output, env=environment, check=False).returncode


def how_it_died(log):
    text = log.read_text(errors='replace')
    last = re.findall(r'ERROR: libFuzzer: (.*)|(SIG[A-Z]+)', text)
    return 'died: ' + (''.join(last[-1]) if last else text[-200:])


# --- the child


def run(options, kind):
    import atheris

    with atheris.instrument_imports(include=['imgstore']):
        import importlib
        import pkgutil

        import imgstore

        for module in pkgutil.walk_packages(imgstore.__path__, 'imgstore.'):
            if not module.name.startswith(('imgstore.tests', 'imgstore.apps', 'imgstore.ui')):
                importlib.import_module(module.name)
    from imgstore.extra_data import hdf5_client as hdf5
    from tests.helpers.hostile import Victim

    hdf5._COMPUTING_SECONDS = 0  # beside what is left of the second in which the file is opened
    seconds = SECONDS_OF_H5 if kind == 'extra_data.h5' else SECONDS
    victim = Victim(kind, Path(tempfile.mkdtemp()))
    corpus = Path(tempfile.mkdtemp())
    for seed in victim.seeds:
        (corpus / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
        victim.suffer(seed, changing=True)  # what is made once is made now
    watch = Watch(victim, options.finds, Path(tempfile.gettempdir()), seconds / 2)
    atheris.Setup(
        [
            sys.argv[0],
            str(corpus),
            f'-runs={options.runs}',
            f'-seed={options.seed}',
            f'-timeout={seconds}',
            f'-max_len={LONGEST}',
            '-rss_limit_mb=4096',
            f'-artifact_prefix={options.finds}/',
            '-verbosity=0',
            f'-max_total_time={int(options.seconds)}',
            '-detect_leaks=0',
        ],
        watch,
    )
    atheris.Fuzz()


class Watch:
    """Hands files to the store and notes what should not be."""

    def __init__(self, victim, finds, work, slow):
        self._slow = slow
        self._victim, self._finds, self._seen, self._runs = victim, finds, set(), 0
        self._count, self._found = work.joinpath('count').open('w'), work.joinpath('found').open('w')

    def __call__(self, data):
        """Do it with one."""
        self._runs += 1
        self._count.seek(0)
        self._count.write(str(self._runs))
        self._count.flush()
        before, begin = peak(), time.monotonic()
        try:
            self._victim.suffer(data, changing=self._runs % CHANGES_EVERY == 0)
        except Exception:  # noqa: BLE001 -- that is what is looked for
            self._note(where(), data, traceback.format_exc())
        if time.monotonic() - begin > self._slow:
            self._note(f'slow: {time.monotonic() - begin:.0f} s', data)
        if peak() > before + MEBIBYTES:
            self._note(f'memory: {peak() - before} MiB', data)

    def _note(self, what, data, text=''):
        if what not in self._seen:
            self._seen.add(what)
            self._found.write(what + '\n')
            self._found.flush()
            name = hashlib.sha1(what.encode()).hexdigest()[:12]
            (self._finds / name).write_bytes(data)
            (self._finds / f'{name}.txt').write_text(f'{what}\n{text}')


def peak():
    """MiB of memory that were in use at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def where():
    kind, _, trace = sys.exc_info()
    frames = [f'{Path(f.filename).name}:{f.lineno}' for f in traceback.extract_tb(trace)]
    return f'{kind.__name__} {" ".join(frames[-4:])}'


if __name__ == '__main__':
    main()
