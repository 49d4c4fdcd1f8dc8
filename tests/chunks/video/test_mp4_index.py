"""The index of an MP4 says when reordered frames are shown; where it is wrong, the packets count."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imgstore.chunks.video.backends import new_reader
from imgstore.chunks.video.container_checks import open_container
from imgstore.chunks.video.frame_table import table_from_container_index, table_from_packets
from imgstore.chunks.video.mp4_index import display_delays
from imgstore.chunks.video.mp4_tail import LastPacket
from imgstore.chunks.video.pyav_reader import PyAVChunkReader
from imgstore.chunks.video.tracks import video_stream

from ...helpers.checked import not_none
from ...helpers.frames import index_in
from ...helpers.videos import COUNT, RECIPES, make_video

B_FRAMES = RECIPES['b_frames_mp4']


@pytest.mark.parametrize('options', [{}, {'b-pyramid': 'none'}, {'g': '5'}, {'bf': '7'}, {'x264-params': 'open-gop=1'}])
@pytest.mark.parametrize('name', ['b_frames_mp4', 'variable_rate_mp4'])
def test_it_shows_the_same_as_the_packets(tmp_path: Path, name: str, options: dict[str, str]) -> None:
    path = tmp_path / 'video.mp4'
    recipe = RECIPES[name]
    make_video(path, replace(recipe, options={**recipe.options, 'bf': '2', **options}))
    with open_container(str(path)) as container:
        stream: Any = video_stream(container)
        by_index = not_none(table_from_container_index(stream))
        by_packets = not_none(table_from_packets(container, stream, LastPacket(str(path))))
    assert by_index.reordered
    np.testing.assert_array_equal(by_index.pts, by_packets.pts)
    np.testing.assert_array_equal(by_index.keyframes, by_packets.keyframes)


@pytest.mark.parametrize('change', [1, -1, 512, 1024])
def test_frames_are_exact_where_it_changes_after_opening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: int
) -> None:
    """A table that does not fit a packet is made again from all of them."""
    path = tmp_path / 'video.mp4'
    make_video(path, B_FRAMES)

    def wrong(stream: Any) -> Any:
        found = not_none(display_delays(stream)).copy()
        found[5:9] += change
        return found

    monkeypatch.setattr('imgstore.chunks.video.frame_table.display_delays', wrong)
    scans: list[PyAVChunkReader] = []
    scan = PyAVChunkReader._table_from_packets

    def counted(reader: PyAVChunkReader) -> Any:
        scans.append(reader)
        return scan(reader)

    monkeypatch.setattr(PyAVChunkReader, '_table_from_packets', counted)
    with new_reader('pyav', str(path), color=True) as reader:
        for index in [*range(COUNT - 1, -1, -7), *range(COUNT)]:
            assert index_in(reader.read(index)) == index
    assert scans
