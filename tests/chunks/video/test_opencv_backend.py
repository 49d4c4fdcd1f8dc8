"""Videos written by OpenCV: what it cannot do is refused, and what it failed to do is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import pytest

import imgstore
from imgstore.chunks.video import opencv
from imgstore.errors import FrameWriteError, InvalidArgumentError

from ...helpers.frames import index_in, numbered
from ...helpers.raised import raises

SHAPE = (64, 96, 3)


def new(folder: Path, shape: tuple[int, ...] = SHAPE, **options: Any) -> imgstore.ImgStore:
    options = {'workers': 0, **options}
    return imgstore.new_for_format('mjpeg/avi', folder, imgshape=shape, backend='opencv', **options)


def indexes_in(folder: Path) -> list[int]:
    with imgstore.new_for_filename(folder) as store:
        return [index_in(store.get_next_image()[0]) for _ in range(len(store))]


@pytest.mark.parametrize('shape', [(6, 96), (64, 6, 3)])
def test_a_video_too_small_for_opencv_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with raises(InvalidArgumentError, argument='imgshape'):
        new(tmp_path / 's', shape)
    assert not (tmp_path / 's').exists()


def test_with_fsync_a_file_of_opencv_is_synced_by_each_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    monkeypatch.setattr(opencv, 'sync', synced.append)
    with new(tmp_path / 's', durability='fsync') as store:
        for number in range(3):
            store.add_image(numbered(number, SHAPE), number, number / 25)
        assert synced == [str(tmp_path / 's' / '.000000.open.avi')] * 3
    assert indexes_in(tmp_path / 's') == [0, 1, 2]


def test_a_frame_that_opencv_does_not_write_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Writer:
        """OpenCV's writer, which fails at the third frame."""

        def __init__(self, *args: Any) -> None:
            self._writer, self._count = usual(*args), 0

        def __getattr__(self, name: str) -> Any:
            return getattr(self._writer, name)

        def write(self, image: Any) -> None:
            self._count += 1
            if self._count == 3:
                raise cv2.error('no')
            self._writer.write(image)

    usual = cv2.VideoWriter
    Writer.fourcc = usual.fourcc  # type: ignore[attr-defined]
    monkeypatch.setattr(cv2, 'VideoWriter', Writer)
    with new(tmp_path / 's') as store:
        for number in range(2):
            store.add_image(numbered(number, SHAPE), number, number / 25)
        with pytest.raises(FrameWriteError, match='#2'):
            store.add_image(numbered(2, SHAPE), 2, 2 / 25)
        store.add_image(numbered(3, SHAPE), 3, 3 / 25)
    with imgstore.new_for_filename(tmp_path / 's') as reader:
        assert reader.get_frame_metadata()['frame_number'] == [0, 1, 3]
    assert indexes_in(tmp_path / 's') == [0, 1, 3]


def test_whether_opencv_converts_interlaced_frames_is_tried() -> None:
    """The sample is read right by this OpenCV, or refused: never a wrong image."""
    assert isinstance(opencv.converts_interlaced(), bool)
    assert opencv.converts_interlaced() == opencv.converts_interlaced.__wrapped__()
