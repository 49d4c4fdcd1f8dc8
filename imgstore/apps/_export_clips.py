"""An output of imgstore-export for each mark."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import InvalidArgumentError, StoreExistsError
from ..export import Frames, select
from ..marks import Mark, read_marks
from ..stores.base import ImgStore

_LONGEST_LABEL = 40  # letters in a file name


@dataclass(frozen=True)
class Clip:
    """Frames for one output.

    Attributes
    ----------
    frames : Frames
        The frames.
    dest : str
        Path of the output.
    label : str or None
        Label of the mark.
    """

    frames: Frames
    dest: str
    label: str | None = None


def clips_of(store: ImgStore, args: argparse.Namespace) -> list[Clip]:
    """Return a clip for each mark of the file of ``--clip``.

    Raises
    ------
    InvalidArgumentError
        There are no marks, or no frames in one of them.
    StoreExistsError
        An output exists, and may not be replaced.
    """
    marks = read_marks(args.clip)
    if not marks:
        raise InvalidArgumentError(f'{args.clip!r} has no marks; write a line such as 120,180,grooming', path=args.clip)
    clips = [
        Clip(_frames(store, args.clip, place, mark), dest, mark.label)
        for place, (mark, dest) in enumerate(zip(marks, clip_names(args.dest, marks), strict=True), 1)
    ]
    there = [clip.dest for clip in clips if os.path.lexists(clip.dest)]
    if there and not args.overwrite:
        raise StoreExistsError(f'{there[0]!r} already exists', replaceable=True, path=there[0])
    return clips


def _frames(store: ImgStore, path: str, place: int, mark: Mark) -> Frames:
    try:
        return select(store, from_number=mark.start, to_number=mark.last + 1)
    except InvalidArgumentError as error:
        raise InvalidArgumentError(
            f'{path!r}, mark {place}, from {mark.start} to {mark.last}: {error}', path=path, store=store.filename
        ) from error


def clip_names(dest: str, marks: Sequence[Mark]) -> list[str]:
    """Return a path for each mark: ``dest`` with its number and its label."""
    stem, extension = os.path.splitext(dest)
    digits = len(str(len(marks)))
    return [f'{stem}-{place:0{digits}}{_as_name(mark.label)}{extension}' for place, mark in enumerate(marks, 1)]


def _as_name(label: str) -> str:
    """Return a label as a part of a file name, with a hyphen before it."""
    words = re.sub(r'[^\w.]+', '-', label[: 2 * _LONGEST_LABEL])[:_LONGEST_LABEL].strip('-._')
    return f'-{words}' if words else ''
