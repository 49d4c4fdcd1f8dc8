"""The frames of a Matroska file, as its cues tell them and as its packets do."""

import numpy as np
import pytest

import imgstore
from imgstore.chunks.video.container_checks import WITHOUT_DECODING, open_container
from imgstore.chunks.video.cues import table_from_cues
from imgstore.chunks.video.frame_table import table_from_packets
from imgstore.chunks.video.mp4_tail import LastPacket


@pytest.mark.parametrize(
    ('fps', 'frames'),
    [
        (25, 100),
        (23.976, 50),
        (60, 1),
        (29.97, 7),
        (30000 / 1001, 300),
        (1 / 60, 40),
        (2000, 50),
        (30000, 50),
        (4321.1, 900),
    ],
)
def test_cues_and_packets_agree(fps, frames, tmp_path):
    with imgstore.new_for_format('h264/mkv', tmp_path / 'store', imgshape=(64, 96), fps=fps) as store:
        for index in range(frames):
            store.add_image(np.zeros((64, 96), np.uint8), index, index / fps)
    path = str(tmp_path / 'store' / '000000.mkv')
    with open_container(path, options=WITHOUT_DECODING) as container:
        packets = table_from_packets(container, container.streams.video[0], LastPacket(path), frames)
    with open_container(path, options=WITHOUT_DECODING) as container:
        cues = table_from_cues(container, container.streams.video[0], frames)
        assert table_from_cues(container, container.streams.video[0], frames + 1) is None
    assert packets is not None
    assert cues is not None
    assert np.array_equal(cues.keyframes, packets.keyframes)
    assert [cues.index_of(int(time)) for time in packets.pts] == list(range(frames))
    assert cues.index_of(None) is None


def test_other_files_have_no_such_cues(tmp_path):
    with imgstore.new_for_format('avc1/mp4', tmp_path / 'store', imgshape=(64, 96)) as store:
        store.add_image(np.zeros((64, 96), np.uint8), 0, 0)
    with open_container(str(tmp_path / 'store' / '000000.mp4')) as container:
        assert table_from_cues(container, container.streams.video[0], 1) is None
