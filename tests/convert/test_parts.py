"""Parts of a conversion are whole chunks of the new store."""

from __future__ import annotations

from fractions import Fraction
from itertools import chain

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from imgstore.convert.parts import plan_image_parts, plan_video_parts
from imgstore.frame_rate import FrameRate, as_fraction


@given(frames=st.integers(1, 5000), chunksize=st.integers(1, 700))
def test_parts_of_images_are_whole_chunks_in_order(frames: int, chunksize: int) -> None:
    parts = plan_image_parts(frames, chunksize)
    assert list(chain.from_iterable(part.frames for part in parts)) == list(range(frames))
    assert all(part.frames.start == part.first_chunk * chunksize for part in parts)
    assert all(len(part.frames) % chunksize == 0 for part in parts[:-1])
    assert all(len(part.frames) >= min(50, chunksize) for part in parts[:-1])


@given(frames=st.integers(1, 300), chunksize=st.integers(1, 70))
def test_a_part_of_videos_is_one_chunk(frames: int, chunksize: int) -> None:
    parts = plan_video_parts(np.arange(frames) / 20, chunksize, FrameRate())
    assert [part.frames.start for part in parts] == list(range(0, frames, chunksize))
    assert [part.first_chunk for part in parts] == list(range(len(parts)))
    assert parts[-1].frames.stop == frames
    assert {part.fps for part in parts} <= {20.0, 25.0}  # of one frame alone, the rate is not known yet


@given(rate=st.floats(0.001, 5000), error=st.floats(0, 1e-3))
def test_a_rate_that_is_passed_to_a_part_stays_the_same(rate: float, error: float) -> None:
    measured = as_fraction(rate, error)
    assert FrameRate(float(measured)).of([]) == measured
    assert isinstance(measured, Fraction)
