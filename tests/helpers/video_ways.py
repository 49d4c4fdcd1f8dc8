"""The ways of a video into a store and out of it, and what each makes of a kind of video.

``python -m tests.helpers.video_ways`` prints that of every kind, or of those whose names have a given part.
"""

import contextlib
import io
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from imgstore.apps import export as export_command
from imgstore.apps import save as save_command
from imgstore.color import ensure_grayscale
from imgstore.errors import FrameReadError, InvalidArgumentError
from imgstore.ondisk.chunk_index import write_chunk_index
from imgstore.stores import new_for_filename, new_for_format

from .checked import not_none
from .frames import numbered
from .unverified import forget_checksums
from .video_kinds import KINDS, RATE, Kind, shown

FORMATS = {'.avi': 'mjpeg/avi', '.mkv': 'h264/mkv', '.mp4': 'avc1/mp4'}
LARGEST_DIFFERENCE = 6  # on average; frames that follow each other differ by 10 at least
LATEST = 0.0021  # seconds: Matroska has times in ms


@dataclass
class Video:
    """A video that was made, and what the ffmpeg program shows of it."""

    kind: Kind
    path: Path
    images: list[np.ndarray]
    times: list[float]

    @classmethod
    def of(cls, name, folder):
        """Make a video of that kind."""
        kind = KINDS[name]
        path = folder / ('video' + kind.extension)
        not_none(kind.make)(path)
        return cls(kind, path, *shown(path, kind))

    @property
    def due(self):
        """When each frame is to come; where the ffmpeg program goes back in time or makes times up, at an even pace."""
        ascend = all(later - earlier >= 0.002 for earlier, later in pairwise(self.times))
        return self.times if ascend else [index / RATE for index in range(len(self.times))]

    def has(self, index, image):
        """Whether an image is the one that is shown there."""
        if index >= len(self.images) or image.shape[:2] != self.images[index].shape[:2]:
            return False
        expected = self.images[index] if image.ndim == 3 else self.images[index].mean(axis=2)
        return np.abs(in_8_bit(image).astype(float) - expected).mean() <= LARGEST_DIFFERENCE

    def has_about(self, index, image):
        """Whether an image is the one that is shown there, in gray: exported, with even sides and less colour."""
        if index >= len(self.images) or np.abs(np.subtract(image.shape, self.images[index].shape)).max() > 1:
            return False
        height, width = np.minimum(image.shape, self.images[index].shape)[:2]
        pair = [one[:height, :width].mean(axis=2) for one in (image, self.images[index])]
        return np.abs(pair[0] - pair[1]).mean() <= LARGEST_DIFFERENCE

    def is_made_of(self, number, image):
        """Whether an image is the frame of that number as it was before it was encoded, in gray."""
        if image.shape[:2] != self.kind.shape[:2]:
            return False
        pair = [ensure_grayscale(one).astype(float) for one in (in_8_bit(image), numbered(number, self.kind.shape))]
        return np.abs(pair[0] - pair[1]).mean() <= LARGEST_DIFFERENCE


def in_8_bit(image):
    """An image of 8 or 16 bits, in 8."""
    return image if image.dtype == np.uint8 else (image // 257).astype(np.uint8)


@dataclass
class Outcome:
    """What a way makes of a video."""

    wrong: set = field(default_factory=set)
    refused: dict = field(default_factory=dict)
    why: str = ''

    def __str__(self):
        if self.wrong:
            return f'WRONG {sorted(self.wrong, key=str)} {self.why}'
        if self.refused:
            return f'exact but for {len(self.refused)} frames: {next(iter(self.refused.values()))}'
        return f'refused: {self.why}' if self.why else 'exact'


# --- insert_chunk and the backends


def inserted(video, folder):
    """Folder of a store that has the video as its chunk; or why not, as InvalidArgumentError."""
    fmt = FORMATS.get(video.kind.extension, 'avc1/mp4')
    with new_for_format(fmt, folder, imgshape=video.kind.shape, chunksize=1000) as store:
        try:
            store.insert_chunk(video.path, range(len(video.images)), video.due, move=False)
        except InvalidArgumentError as error:
            assert (len(store), store.chunks) == (0, []), 'nothing changes'
            return error
    return str(folder)


def once_inserted(video, folder):
    """Folder of a store that has the video as its chunk, as an older version took it."""
    with new_for_format(FORMATS[video.kind.extension], folder, imgshape=video.kind.shape, chunksize=1000) as store:
        store.add_image(numbered(0, video.kind.shape), 0, 0)
    shutil.copy(video.path, folder / ('000000' + video.kind.extension))
    write_chunk_index(str(folder / '000000'), np.arange(len(video.images)), np.array(video.due))
    return str(forget_checksums(folder))


def read(video, store, backend, order=None):
    """Frames of the store by their indexes."""
    outcome = Outcome()
    with new_for_filename(store, backend=backend) as reader:
        for index in order or range(len(reader)):
            try:
                image = reader.get_image(None, frame_index=index)[0]
            except FrameReadError as error:
                outcome.refused[index] = str(error)
            else:
                outcome.wrong |= {index} if not video.has(index, image) else set()
    return outcome


# --- command lines


def run(command, *arguments):
    """Exit code and output of a command line."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            code = command.main(list(map(str, arguments)))
        except SystemExit as end:
            code = end.code
    return code, ' '.join(said.getvalue().split())


def saved(video, folder, fmt='png'):
    """What imgstore-save makes of it: each frame at its number and time, any other told of.

    Of a video that is told to be damaged, FFmpeg does not tell which frames are missing: frames are compared with what
    was encoded.
    """
    code, said = run(save_command, '--format', fmt, '--source', video.path, folder)
    outcome = Outcome(why=f'{said} (exit code {code})' if code else '')
    if not (folder / 'metadata.yaml').exists():
        return outcome
    with new_for_filename(folder) as reader:
        count, times = len(reader), reader.get_frame_metadata()['frame_time']
        first = reader.frame_min
        for _ in range(count):
            image, (number, time) = reader.get_next_image()
            is_right = video.is_made_of(number, image) if code else video.has(number, image)
            late = (number - first) / RATE if code else video.due[number] - video.due[first]
            in_time = (not code and video.due != video.times) or abs(time - times[0] - late) <= LATEST
            outcome.wrong |= set() if is_right and in_time else {number}
    if any(later < earlier for earlier, later in pairwise(times)):
        outcome.wrong.add('the times go back')
    if count < len(video.images) and not code:
        outcome.wrong.add(f'{len(video.images) - count} frames are missing')
    return outcome


def exported(video, store, target):
    """What imgstore-export makes of a store that has it."""
    code, said = run(export_command, '--crf', 1, store, target)
    if code:
        return Outcome(why=said)
    images, times = shown(target, Kind(target.suffix, None, frames=len(video.images) + 1))
    pairs = enumerate(zip(times, video.due, strict=False))
    late = {index for index, (time, due) in pairs if abs(time - due) > LATEST}
    wrong = {index for index, image in enumerate(images) if not video.has_about(index, image)}
    return Outcome(wrong | late | ({'count'} if len(images) != len(video.images) else set()))


# --- all of them


def table(name, folder):
    """-> outcome by way."""
    video = Video.of(name, folder)
    store, found = inserted(video, folder / 'store'), {}
    if isinstance(store, InvalidArgumentError):
        found['insert_chunk'] = Outcome(why=str(store))
    else:
        found |= {f'insert_chunk, {backend}': read(video, store, backend) for backend in ('pyav', 'opencv')}
        found['export'] = exported(video, store, folder / 'out.mkv')
    found['save'] = saved(video, folder / 'saved')
    return found


def main(part=''):
    """Print the outcomes."""
    for name in KINDS:
        if not re.search(part, name):
            continue
        with tempfile.TemporaryDirectory() as folder:
            for way, outcome in table(name, Path(folder)).items():
                print(f'| {name} | {way} | {str(outcome).replace(folder, "…")[:230]} |', flush=True)


if __name__ == '__main__':
    main(*sys.argv[1:])
