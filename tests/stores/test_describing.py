"""How a store is described: in one line, and in a notebook."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from imgstore import ImgStore, new_for_filename, new_for_format
from imgstore.errors import CorruptFileError, DamagedJournalWarning, FrameNotFoundError, FramesDelayedWarning


def make(path: Path, image: Any, count: int = 3, fmt: str = 'npy', **options: Any) -> ImgStore:
    with new_for_format(fmt, path, imgshape=image.shape, imgdtype=image.dtype, **options) as store:
        for index in range(count):
            store.add_image(image, index, 100 + index / 2)
        assert f'{count} frame' in repr(store)
    return new_for_filename(path)


def png_in(text: str) -> Any:
    found = re.search('base64,([^"]+)"', text)
    return None if found is None else cv2.imdecode(np.frombuffer(base64.b64decode(found[1]), np.uint8), -1)


def test_repr_tells_format_frames_shape_and_span(tmp_path: Path) -> None:
    with make(tmp_path / 's', np.zeros((4, 6), np.uint16), fmt='png') as store:
        for told in (repr(store), store._repr_html_()):
            assert all(part in told for part in ('DirectoryImgStore', 'png', '(4, 6) uint16', '3 frames', '1 s'))


@pytest.mark.parametrize(
    'image',
    [
        np.arange(24, dtype=np.uint8).reshape(4, 6),
        np.full((4, 6, 3), 9, np.uint8),
        np.full((4, 6, 1), 9, np.uint8),
        np.full((4, 6, 4), 9, np.uint8),
        np.full((4, 6, 2), 9, np.uint8),
        np.arange(24, dtype=np.uint16).reshape(4, 6),
        np.full((4, 6), np.nan, np.float32),
        np.full((4, 6), np.inf),
        np.zeros((4, 6), np.bool_),
    ],
)
def test_a_notebook_shows_the_first_frame_of_any_image(tmp_path: Path, image: Any) -> None:
    with make(tmp_path / 's', image) as store:
        shown = png_in(store._repr_html_())
        assert shown.shape[:2] == (4, 6)
        if image.dtype == np.uint8 and image.shape[2:] in ((), (3,)):
            assert np.array_equal(shown, image)
        assert store.get_next_framenumber() == 0  # the position did not move


@pytest.mark.parametrize('image', [np.zeros(5), np.zeros((2, 2, 2, 2)), np.zeros((4, 6), np.complex64)])
def test_what_is_no_picture_is_described_without_one(tmp_path: Path, image: Any) -> None:
    with make(tmp_path / 's', image) as store:
        assert png_in(store._repr_html_()) is None


def test_a_large_frame_is_shown_small(tmp_path: Path) -> None:
    with make(tmp_path / 's', np.zeros((700, 1000), np.uint8), 1) as store:
        assert max(png_in(store._repr_html_()).shape) <= 320


def test_an_empty_a_damaged_and_a_closed_store_are_described(tmp_path: Path) -> None:
    with make(tmp_path / 'empty', np.zeros((4, 6), np.uint8), 0) as store:
        assert '0 frames' in store._repr_html_()
    store = make(tmp_path / 'damaged', np.zeros((4, 6), np.uint8))
    (tmp_path / 'damaged' / '000000' / '000000.npy').write_bytes(b'<b>')
    assert 'cannot be read' in store._repr_html_()
    store.close()
    assert 'is closed' in store._repr_html_()
    assert '3 frames' in repr(store)


def test_text_is_escaped(tmp_path: Path) -> None:
    with make(tmp_path / '<script>&\udce9', np.zeros((4, 6), np.uint8)) as store:
        told = store._repr_html_()
        assert '<script>' not in told
        assert '&lt;script&gt;&amp;' in told
        told.encode()


def test_unknown_encoding_leaves_store_readable_as_raw(tmp_path: Path) -> None:
    """An unknown encoding from elsewhere leaves a store readable as raw images."""
    make(tmp_path / 's', np.zeros((4, 6), np.uint8)).close()
    file = tmp_path / 's' / 'metadata.yaml'
    file.write_text(re.sub('encoding: .*', 'encoding: cv_later', file.read_text()))
    with new_for_filename(tmp_path / 's') as store:
        assert '3 frames' in repr(store)
        assert '3 frames' in store._repr_html_()
        with pytest.raises(CorruptFileError) as caught:
            assert store.image_shape
        assert caught.value.path == str(file)
        store.disable_decoding()
        assert store.get_next_image()[0].shape == (4, 6)


def test_writer_and_reader_agree_on_span_of_backward_times(tmp_path: Path) -> None:
    """A writer and a reader report the same span when times go backward."""
    with new_for_format('npy', tmp_path / 's', imgshape=(4, 6)) as store:
        for number, time in enumerate((10, 20, 5)):
            store.add_image(np.zeros((4, 6), np.uint8), number, time)
        assert ', 15 s, ' in repr(store)
        assert store.duration == 15
    with new_for_filename(tmp_path / 's') as store:
        assert ', 15 s, ' in repr(store)
        assert store.duration == 15


def test_one_frame_is_told_as_one(tmp_path: Path) -> None:
    with make(tmp_path / 's', np.zeros((4, 6), np.uint8), 1) as store:
        assert ', 1 frame, ' in repr(store)
        with pytest.raises(FrameNotFoundError, match=r'with 1 frame$'):
            store.get_image(None, frame_index=1)
    assert str(FramesDelayedWarning(1)).startswith('1 frame is ')
    assert '1 frame of' in str(DamagedJournalWarning('x', 0, (0,)))
