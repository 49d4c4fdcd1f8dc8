"""A store computed on a cluster of processes: results are those of a plain loop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from distributed import Client, LocalCluster

from imgstore import new_for_filename, new_for_format

pytestmark = [pytest.mark.slow, pytest.mark.process]

SHAPE, COUNT = (16, 24), 20_000


@pytest.fixture(scope='module')
def client() -> Iterator[Client]:
    """Two processes with one thread each."""
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


def image(index: int) -> Any:
    """A bright square on a slope, at another place in every frame."""
    image = np.arange(24, dtype=np.uint8) + np.arange(16, dtype=np.uint8)[:, None]
    image[index % 12 : index % 12 + 4, index % 20 : index % 20 + 4] += np.uint8(100 + index % 50)
    return image


@pytest.fixture(scope='module')
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp('cluster') / 's'
    with new_for_format('avc1/mp4', path, imgshape=SHAPE, chunksize=3000) as store:
        for index in range(COUNT):
            store.add_image(image(index), 2 * index, index / 100)
    return path


def test_statistics_of_each_frame_join_the_frame_table(client: Client, path: Path) -> None:
    with new_for_filename(path) as store:
        table = store.to_pandas()
        table['mean'] = store.to_dask(1000).mean(axis=(1, 2)).compute()
        assert np.allclose(table['mean'], [frame.image.mean() for frame in store.frames()])
        assert table.loc[table['number'] == 8000, 'mean'].item() == pytest.approx(store[4000].mean())


def test_the_background_is_the_median_of_a_sample(client: Client, path: Path) -> None:
    with new_for_filename(path) as store:
        sample = store.to_dask(1000)[::97].rechunk((-1, 8, 12))
        background = np.asarray(np.median(sample, axis=0))
        assert np.array_equal(background, np.median(store[::97], axis=0))
