"""A store computed on a cluster of processes: results are those of a plain loop, and are kept by chunk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from distributed import Client, LocalCluster

from imgstore import new_for_filename, new_for_format

from ..helpers.by_chunk import by_chunk
from ..helpers.spying import spy

pytestmark = [pytest.mark.once, pytest.mark.process]

SHAPE, COUNT, CHUNK = (16, 24), 20_000, 3000


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
    path, images = tmp_path_factory.mktemp('cluster') / 's', [image(index) for index in range(300)]
    with new_for_format('avc1/mp4', path, imgshape=SHAPE, chunksize=CHUNK) as store:
        for index in range(COUNT):
            store.add_image(images[index % 300], 2 * index, index / 100)
    return path


def means(frames: Any, start: int) -> Any:
    return frames.mean(axis=(1, 2))


def every_97th(frames: Any, start: int) -> Any:
    return frames[-start % 97 :: 97]


def interrupted(frames: Any, start: int) -> Any:
    """As if the computer stopped in the fifth chunk."""
    if start >= 4 * CHUNK:
        return frames.map_blocks(lambda block: 1 / 0, dtype=float)
    return means(frames, start)


def test_statistics_of_each_frame_join_the_frame_table(client: Client, path: Path, tmp_path: Path) -> None:
    """A second run computes only the chunks without a result."""
    with new_for_filename(path) as store:
        with pytest.raises(ZeroDivisionError):
            by_chunk(store, tmp_path / 'kept', interrupted)
        before = {file: file.stat().st_mtime_ns for file in (tmp_path / 'kept').glob('*.npy')}
        table = store.to_pandas()
        table['mean'] = by_chunk(store, tmp_path / 'kept', means)
        assert np.allclose(
            table['mean'], np.concatenate([images.mean(axis=(1, 2)) for images, _, _ in store.batches(1000)])
        )
        assert table.loc[table['number'] == 8000, 'mean'].item() == pytest.approx(store[4000].mean())
    after = {file: file.stat().st_mtime_ns for file in (tmp_path / 'kept').iterdir()}
    assert len(before) < len(after) == 7
    assert before.items() <= after.items()


def test_the_background_is_the_median_of_a_sample(client: Client, path: Path, tmp_path: Path) -> None:
    """Of every 97th frame. A second run reads only the chunk without a result."""
    with new_for_filename(path) as store:
        sample = by_chunk(store, tmp_path / 'kept', every_97th)
        plain = [frame.image for frame in store.frames(step=97)]
        assert np.array_equal(sample, plain)
        (tmp_path / 'kept' / 'frames-3000-6000.npy').unlink()
        calls: list[int] = []
        again = by_chunk(store, tmp_path / 'kept', spy(every_97th, lambda frames, start: calls.append(start)))
        assert (calls, np.array_equal(again, sample)) == ([3000], True)
