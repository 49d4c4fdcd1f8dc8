"""The task that feeds torch's DataLoader by ours or another reader, and checks every frame after the clock."""

from __future__ import annotations

import time
from importlib.util import find_spec
from typing import Any

import frames as scenes
import numpy as np
import numpy.typing as npt
from cases_beside import WORKERS
from measuring import UnavailableError
from model import OURS
from numbered import WrongFrameError, check, cut
from readers import CLASSES, Reader
from videos import Video, from_arguments

CLIP, BATCH, MOST = 8, 4, 40  # frames of a clip, clips of a batch, clips that are read


class Clips:
    """Clips of a video by another reader. Each process opens the video for itself, as ours does.

    Parameters
    ----------
    path : str
        Of a store of one video.
    reader : str
    video : Video
    """

    def __init__(self, path: str, reader: str, video: Video) -> None:
        self._path, self._reader, self._video = path, reader, video
        self._opened: Reader | None = None

    def __len__(self) -> int:
        return self._video.count // CLIP

    def __getitem__(self, index: int) -> npt.NDArray[Any]:
        self._opened = self._opened or CLASSES[self._reader](self._path, self._video, 'batch')
        return np.asarray(self._opened.many(range(index * CLIP, (index + 1) * CLIP)))


def load_beside(path: str, reader: str, video: dict[str, Any]) -> dict[str, Any]:
    """Frames a second with 0, 1 and 2 workers, from starting them to the last batch, shuffled.

    A wrong frame or a failure is a remark, as in `read_beside`.
    """
    if not find_spec('torch'):
        raise UnavailableError('torch is not installed')
    found: dict[str, Any] = {'remarks': {}}
    for workers in WORKERS:
        try:
            found[f'workers {workers}'] = _load(_dataset(path, reader, from_arguments(video)), video, workers)
        except Exception as error:
            if reader == OURS:
                raise
            remark = str(error) if isinstance(error, WrongFrameError) else f'stopped: {error!r}'
            found['remarks'][f'workers {workers}'] = remark
    return found


def _dataset(path: str, reader: str, about: Video) -> Any:
    if reader != OURS:
        return Clips(path, reader, about)
    from imgstore.torch import FrameDataset

    return FrameDataset(path, clip=CLIP, step=CLIP)


def _load(dataset: Any, video: dict[str, Any], workers: int) -> float:
    import torch.utils.data  # not installed where the types are checked

    about = from_arguments(video)
    order = np.random.default_rng(scenes.SEED).permutation(len(dataset))[:MOST].tolist()
    context = 'fork' if workers else None
    loader = torch.utils.data.DataLoader(
        dataset, BATCH, sampler=order, num_workers=workers, multiprocessing_context=context
    )
    start = time.perf_counter()
    cuts = [cut(image) for batch in loader for clip in batch.numpy() for image in clip]
    seconds = time.perf_counter() - start
    check(cuts, [clip * CLIP + frame for clip in order for frame in range(CLIP)], about.size)
    return len(cuts) / seconds
