"""Cut the power while a store is written, or once it is closed or repaired: python benchmarks/power_cut.py FOLDER.

Each recording has a file system of its own in a loop device. ext4 and xfs are shut down without their logs being
flushed; of btrfs, which has no such command, the device is copied while it is in use. What is on the device then is
mounted, read and repaired. Needs root, loop devices and mkfs. See docs/reliability.md.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import platform
import random
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO, Any

sys.path.insert(1, str(Path(__file__).resolve().parents[1]))  # for this imgstore

from report import check_page, put_into

BEGIN = '<!-- what power_cut.py found -->'
SHUTDOWN, WITHOUT_LOG = 0x8004587D, 2  # FS_IOC_SHUTDOWN and its NOLOGFLUSH
MKFS = {'ext4': ['mkfs.ext4', '-q', '-F'], 'xfs': ['mkfs.xfs', '-q', '-f'], 'btrfs': ['mkfs.btrfs', '-q', '-f']}
FORMATS = ['npy', 'png', 'mjpeg/avi', 'avc1/mp4', 'h264/mkv']
WHEN = {
    'fsync, writing': 'every frame that was added',
    'frame, closed': 'every frame',
    'frame, repaired': 'every frame',
    'frame, writing': 'what was on the disk',
    'chunk, writing': 'what was on the disk',
}
SIZE = '400M'
CODE = str(Path(__file__).resolve().parents[1])

WRITER = """
import sys, numpy as np, imgstore
path, fmt, durability, chunksize, frames = *sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5])
store = imgstore.new_for_format(fmt, path, imgshape=(64, 64), durability=durability, chunksize=chunksize, workers=0,
                                metadata={'subject': 'A7'})
for i in range(frames):
    store.add_image(np.full((64, 64), (i * 5) % 250, np.uint8), 900 + i * 7, i * .04)
    store.add_extra_data(v=i)
    print(i, flush=True)
store.close()
print('closed', flush=True)
"""
READER = """
import json, sys, warnings, imgstore
warnings.simplefilter('ignore')
if sys.argv[2] == 'repair':
    imgstore.repair(sys.argv[1])
there, wrong = 0, []
with imgstore.new_for_filename(sys.argv[1]) as store:
    assert store.user_metadata == {'subject': 'A7'}
    for index in range(len(store)):
        try:
            image, (number, seconds) = store.get_image(None, frame_index=index)
        except imgstore.errors.ImgStoreError:
            continue
        i, there = round((number - 900) / 7), there + 1
        if number != 900 + 7 * i or abs(seconds - i * .04) > 1e-6 or abs(int(image.mean()) - i * 5 % 250) > 4:
            wrong.append([index, number, seconds, float(image.mean())])
    table = store.get_extra_data()
    records = [] if table is None else table['v'].tolist()
if sorted(set(records)) != records:
    wrong.append('records')
print(json.dumps({'frames': there, 'records': len(records), 'wrong': wrong}))
"""


@dataclass(frozen=True)
class Cut:
    """One cut: what is recorded where, and when the power fails."""

    fs: str
    when: str
    fmt: str
    chunksize: int
    seconds: float

    @classmethod
    def of(cls, seed: int, number: int, systems: Sequence[str], when: Sequence[str]) -> Cut:
        """Choose a cut, the same in every run."""
        pick = random.Random(f'{seed} {number}')
        return cls(
            systems[number % len(systems)],
            when[number // len(systems) % len(when)],
            pick.choice(FORMATS),
            pick.choice([7, 50, 400]),
            pick.uniform(0.3, 3),
        )


def run(*command: str) -> None:
    """Run a command that must succeed."""
    subprocess.run(command, check=True, capture_output=True)


class Disk:
    """A file system in a file."""

    def __init__(self, folder: Path, fs: str) -> None:
        self._fs, self._image, self.mounted = fs, folder / f'{fs}.img', folder / fs
        self.mounted.mkdir(parents=True, exist_ok=True)
        self._image.unlink(missing_ok=True)
        run('truncate', '-s', SIZE, str(self._image))
        run(*MKFS[fs], str(self._image))
        self.mount()

    def mount(self) -> None:
        """Mount it."""
        run('mount', '-o', 'loop', str(self._image), str(self.mounted))

    def unmount(self) -> None:
        """Unmount it; a process that was killed may take a while to let go."""
        for _ in range(200):
            if not subprocess.run(['umount', str(self.mounted)], capture_output=True, check=False).returncode:
                return
            time.sleep(0.05)
        raise RuntimeError(f'{self.mounted} cannot be unmounted')

    def cut(self, process: subprocess.Popen[bytes]) -> None:
        """Cut the power, with a process at work, and mount what is there then."""
        copy = self._image.with_suffix('.copy')
        if self._fs == 'btrfs':
            shutil.copyfile(self._image, copy)
        else:
            where = os.open(self.mounted, os.O_RDONLY)
            fcntl.ioctl(where, SHUTDOWN, struct.pack('I', WITHOUT_LOG))
            os.close(where)
        process.kill()
        process.wait()
        self.unmount()
        if self._fs == 'btrfs':
            copy.replace(self._image)
        self.mount()


def python(code: str, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    """Start a process with this imgstore."""
    return subprocess.Popen(
        [sys.executable, '-W', 'ignore', '-c', code, *arguments],
        stdout=subprocess.PIPE,
        env={**os.environ, 'PYTHONPATH': CODE},
        **options,
    )


def read(store: Path, how: str) -> dict[str, Any]:
    """Read a store, after a repair or without."""
    process = python(READER, str(store), how, stderr=subprocess.PIPE)
    told, errors = process.communicate()
    if process.returncode:
        return {'frames': 0, 'records': 0, 'wrong': errors.decode().strip().splitlines()[-1:]}
    found: dict[str, Any] = json.loads(told)
    return found


def told_by(told: IO[bytes], seconds: float, last: bytes = b'') -> bytes:
    """Read a writer's output for some seconds from its first frame.

    With `last`, read up to that word.
    """
    os.set_blocking(told.fileno(), False)
    said, begun = b'', 0.0
    while not said or (time.time() < begun + seconds if not last else last not in said):
        said += told.read() or b''
        begun = begun or (time.time() if said else 0)
        time.sleep(0.002)
    return said + (told.read() or b'')


def try_one(cut: Cut, folder: Path) -> dict[str, Any]:
    """Make one cut, and tell what it cost."""
    disk = Disk(folder, cut.fs)
    try:
        store = disk.mounted / 's'
        durability, moment = cut.when.split(', ')
        frames = round(cut.seconds * 60) if moment == 'closed' else 10**6
        process = python(WRITER, str(store), cut.fmt, durability, str(cut.chunksize), str(frames))
        assert process.stdout
        said = told_by(process.stdout, cut.seconds, b'closed' if moment == 'closed' else b'')
        if moment == 'repaired':
            process.kill()
            process.wait()
            os.sync()
            read(store, 'repair')
        disk.cut(process)
        added = said.replace(b'closed\n', b'').count(b'\n')
        found, repaired = read(store, 'read'), read(store, 'repair')
    finally:
        disk.unmount()
    must = added if WHEN[cut.when].startswith('every') else 0
    least = min(found['frames'], repaired['frames'])
    # the latest frame's record may come after it
    broken = least < must or min(found['records'], repaired['records']) < must - 1
    wrong = [*found['wrong'], *repaired['wrong']]
    return {
        **vars(cut),
        'added': added,
        'there': least,
        'repaired': repaired['frames'],
        'broken': broken,
        'wrong': wrong,
    }


def table(results: Sequence[dict[str, Any]], about: str) -> str:
    """Format the results as Markdown."""
    head = ('durability', 'the power fails', 'promised', 'file system', 'cuts', 'frames added', 'there', 'broken')
    lines = [head, tuple('---' if i < 4 else '---:' for i in range(len(head)))]
    for when in WHEN:
        for fs in MKFS:
            own = [result for result in results if (result['when'], result['fs']) == (when, fs)]
            if own:
                added, there = (sum(result[key] for result in own) for key in ('added', 'there'))
                bad = sum(bool(result['broken'] or result['wrong']) for result in own)
                durability, moment = when.split(', ')
                lines.append(
                    (
                        f'`{durability}`',
                        f'while {moment}' if moment == 'writing' else f'once {moment}',
                        WHEN[when],
                        fs,
                        str(len(own)),
                        f'{added:,}',
                        f'{there:,}',
                        str(bad),
                    )
                )
    return about + '\n\n' + '\n'.join(f'| {" | ".join(line)} |' for line in lines) + '\n'


def main(arguments: Sequence[str] | None = None) -> int:
    """Make all cuts; 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description='Cut the power, and see what is left of recordings.')
    parser.add_argument('folder', type=Path, help=f'for the file systems, each of which is {SIZE}')
    parser.add_argument('--cuts', type=int, default=75, metavar='N', help='how many (default: 75)')
    parser.add_argument('--seed', type=int, default=0, metavar='N', help='other cuts with another one')
    parser.add_argument('--fs', nargs='+', default=list(MKFS), choices=list(MKFS), help='file systems (default: all)')
    parser.add_argument('--when', nargs='+', default=list(WHEN), choices=list(WHEN), help='durability, and the moment')
    parser.add_argument(
        '--markdown',
        type=Path,
        metavar='FILE',
        help='put the table into that page, which is there and has the marks for it',
    )
    options = parser.parse_args(arguments)
    check_page(options.markdown, BEGIN)
    results = []
    for number in range(options.cuts):
        cut = Cut.of(options.seed, number, options.fs, options.when)
        results.append(try_one(cut, options.folder))
        bad = results[-1]['broken'] or results[-1]['wrong']
        sys.stderr.write(f'{"BAD" if bad else "ok "} {number} {results[-1]}\n')
    broken = sum(bool(result['broken'] or result['wrong']) for result in results)
    text = table(
        results,
        f'{date.today().isoformat()}, {platform.system()} {platform.machine()}: {len(results)} cuts, '
        f'{broken} of which broke a promise or gave a wrong frame.',
    )
    sys.stdout.write(text)
    if options.markdown:
        put_into(options.markdown, text, BEGIN)
    return int(bool(broken))


if __name__ == '__main__':
    sys.exit(main())
