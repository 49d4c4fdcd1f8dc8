"""Results kept in a file per chunk: the functions of the how-to page about clusters."""

from pathlib import Path

import dask
import numpy as np


def save(path, values):
    """Write a complete file, or none."""
    part = path.with_suffix('.part')
    with part.open('wb') as file:
        np.save(file, values)
    part.replace(path)


def by_chunk(store, folder, compute):
    """Compute an array for each chunk. Read those of an earlier run from their files."""
    folder = Path(folder).absolute()
    folder.mkdir(exist_ok=True)
    frames, paths, missing = store.to_dask(), [], []
    for _, start, stop in store.chunk_ranges():
        paths.append(folder / f'frames-{start}-{stop}.npy')
        if not paths[-1].exists():
            (values,) = dask.optimize(compute(frames[start:stop], start))
            missing.append(dask.delayed(save)(paths[-1], values))
    dask.compute(*missing)
    return np.concatenate([np.load(path) for path in paths])
