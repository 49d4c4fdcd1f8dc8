"""A process whose children die while they put parts of a conversion together: ``python dying_conversion.py FOLDER``.

For each rename there is a child that is killed before it. Told is, for each, what can be read of
the store then, and after the conversion was run again; and which parts were written again, and what is left beside it.
"""

import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import distributed  # noqa: F401 -- once, before the children

import imgstore.convert.cluster
import imgstore.convert.parts
from imgstore.convert import convert
from imgstore.convert.part_task import convert_part

if TYPE_CHECKING:  # it is run as a script, from its own folder
    from .dying import die_at, is_alive_after, load, state, write
else:
    from dying import die_at, is_alive_after, load, state, write

FORMAT = 'npy'


def run_here(scheduler: str, tasks: Sequence[Any], tell: Any) -> Iterator[Any]:
    """Run tasks in this process, and note their names."""
    for task in tasks:
        with open(os.path.join(os.path.dirname(task.target), 'log'), 'a') as log:
            log.write(f'{task.part.name} ')
        yield task, convert_part(task)


def act(path: str, count: int = 0) -> None:
    """Convert, and die meanwhile."""
    if count:
        die_at(count, ('rename', 'replace'))
    convert(f'{path}.source', path, FORMAT, chunksize=3, overwrite=True, scheduler='local')


def after(path: str) -> dict[str, Any]:
    found = state(path)
    folder = os.path.dirname(path)
    work = os.path.join(folder, '.s.converting')
    is_unfinished = os.path.exists(os.path.join(work, 'plan.json'))
    kept = [name for name in ('000000', '000001') if is_unfinished and os.path.isdir(os.path.join(work, name))]
    open(os.path.join(folder, 'log'), 'w').close()
    act(path)
    with open(os.path.join(folder, 'log')) as log:
        redone = log.read().split()
    return {'found': found, 'kept': kept, 'redone': redone, 'again': state(path), 'left': sorted(os.listdir(folder))}


def main(folder: str) -> None:
    imgstore.convert.cluster.run_tasks = run_here  # type: ignore[assignment, attr-defined]
    imgstore.convert.parts._LEAST_FRAMES = 1  # so that each chunk is a part
    load(FORMAT, os.path.join(folder, 'loading'))
    ready = os.path.join(folder, 'ready', 's')
    os.mkdir(os.path.dirname(ready))
    write(ready, FORMAT, 'old').close()
    write(f'{ready}.source', FORMAT, 'new', range(5)).close()
    results, count, lived = [], 0, False
    while not lived:
        count += 1
        path = os.path.join(folder, str(count), 's')
        shutil.copytree(os.path.dirname(ready), os.path.dirname(path))
        lived = is_alive_after(lambda path=path, count=count: act(path, count))
        results.append(after(path))
        shutil.rmtree(os.path.dirname(path))
    print(json.dumps(results))


if __name__ == '__main__':
    main(sys.argv[1])
