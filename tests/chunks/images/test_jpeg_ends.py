"""A JPEG ends where its end mark is, whatever comes after it or lies in its head."""

import contextlib

import cv2
import numpy as np
import pytest

from imgstore.errors import FrameReadError
from imgstore.stores import new_for_filename, new_for_format

from ...helpers.frames import index_in, numbered

SHAPE = (64, 96, 3)


def jpeg(index, *options):
    return cv2.imencode('.jpg', numbered(index, SHAPE), list(options))[1].tobytes()


def with_thumbnail(data):
    """A whole JPEG in a segment of the head, as cameras put it there."""
    small = b'Exif\0\0' + jpeg(9, cv2.IMWRITE_JPEG_QUALITY, 30)
    return data[:2] + b'\xff\xe1' + (len(small) + 2).to_bytes(2, 'big') + small + data[2:]


def read(tmp_path, data):
    with new_for_format('jpg', tmp_path / 's', imgshape=SHAPE) as store:
        for index in range(3):
            store.add_image(numbered(index, SHAPE), index, index)
    (tmp_path / 's' / '000000' / '000001.jpg').write_bytes(data)
    with new_for_filename(tmp_path / 's', verify=False) as store:
        image = store.get_image(1)[0]
        assert index_in(store.get_image(2)[0]) == 2
    return index_in(image)


OPTIONS = {
    'baseline': (),
    'progressive': (cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    'restarts': (cv2.IMWRITE_JPEG_RST_INTERVAL, 2),
}


@pytest.mark.parametrize('options', OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize(
    'behind', [b'', b'\0', b'\0' * 4093, b'x' * 5000, b'\xff' * 5000, b'\xff\xda' * 200_000, b'\xff\xd8\xff\xe0' * 3000]
)
def test_what_comes_after_the_end_mark_is_no_damage(tmp_path, options, behind):
    assert read(tmp_path, jpeg(5, *options) + behind) == 5


def test_another_jpeg_after_the_end_mark_is_not_the_image(tmp_path):
    assert read(tmp_path, jpeg(5) + jpeg(6)) == 5


@pytest.mark.parametrize('options', OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize('padding', [0, 1, 7])
def test_padding_before_a_marker_and_a_thumbnail_are_no_damage(tmp_path, options, padding):
    data = with_thumbnail(jpeg(5, *options))
    assert read(tmp_path, data[:2] + b'\xff' * padding + data[2:]) == 5


@pytest.mark.parametrize('options', OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize('lost', [1, 2, 100, 0.3, 0.6])
@pytest.mark.parametrize('head', [bytes, with_thumbnail], ids=['plain', 'with a thumbnail'])
def test_cut_off_jpeg_is_refused_despite_thumbnail_end_mark(tmp_path, options, lost, head):
    """A cut-off image is refused even if its thumbnail has an end mark."""
    data = head(jpeg(5, *options))
    with pytest.raises(FrameReadError, match='cut off'):
        read(tmp_path, data[:-lost] if lost >= 1 else data[: len(data) - int(len(jpeg(5, *options)) * lost)])


def test_damage_in_a_jpeg_ends_in_no_other_error(tmp_path):
    rng = np.random.default_rng(4)
    whole = jpeg(5)
    for _ in range(60):
        data = bytearray(whole)
        for place in rng.integers(2, len(data), 3):
            data[place] = rng.integers(0, 256)
        with contextlib.suppress(FrameReadError):
            read(tmp_path / str(rng.integers(2**40)), bytes(data))
