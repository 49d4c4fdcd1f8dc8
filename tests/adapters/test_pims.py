"""Stores in PIMS."""

import numpy as np
import pims
import pytest

import imgstore
from imgstore.adapters import pims as adapter

from ..helpers.frames import index_in, numbered


@pytest.mark.parametrize('shape', [(64, 96), (64, 96, 3)])
@pytest.mark.parametrize('fmt', ['png', 'npy', 'avc1/mp4'])
def test_pims_opens_a_store(tmp_path, fmt, shape):
    with imgstore.new_for_format(fmt, tmp_path / 's', imgshape=shape, chunksize=4) as store:
        for index in range(7):
            store.add_image(numbered(index, shape), 100 + index, index / 25)
    stored = imgstore.new_for_filename(tmp_path / 's')
    frames = pims.open(str(tmp_path / 's' / 'metadata.yaml'))
    assert isinstance(frames, adapter.ImgStoreSequence)
    assert (len(frames), frames.frame_shape, np.dtype(frames.pixel_type).name) == (7, stored.image_shape, 'uint8')
    assert [index_in(frame) for frame in frames[[5, 0, 3]]] == [5, 0, 3]
    assert [(index_in(frame), frame.frame_no) for frame in frames] == [(index, index) for index in range(7)]
    assert frames.frame_rate == 25
    assert frames[2].metadata == {'frame_number': 102, 'frame_time': 0.08}
    expected = stored[6] if len(stored.image_shape) == 2 else stored[6][..., ::-1]
    np.testing.assert_array_equal(frames[-1], expected)
    frames.close()
    with adapter.ImgStoreSequence(tmp_path / 's') as frames:
        assert len(frames) == 7
