"""Keys of arrays, at random."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np


@st.composite
def keys(draw: st.DrawFn, shape: tuple[int, ...]) -> Any:
    """Draw an int, slice, list, array of ints or mask, with or without a crop."""
    count = shape[0]
    indexes = st.lists(st.integers(-count, count - 1), max_size=count + 3) if count else st.just([])
    masks = st.lists(st.booleans(), min_size=count, max_size=count)
    first: Any = draw(
        st.one_of(
            *([st.integers(-count, count - 1), st.integers(-count, count - 1).map(np.int16)] if count else []),
            st.slices(count),
            indexes,
            indexes.map(lambda values: np.array(values, np.int64)),
            masks if count else st.just([]),
            masks.map(lambda values: np.array(values, bool)),
        )
    )
    least = min(shape[1:])  # an ellipsis may move an int to any axis
    inside = st.integers(-least, least - 1)
    crop: list[Any] = [draw(st.slices(size) | inside) for size in shape[1 : draw(st.integers(1, len(shape)))]]
    if draw(st.booleans()):
        crop.insert(draw(st.integers(0, len(crop))), draw(st.sampled_from([None, Ellipsis])))
    is_tuple: bool = bool(crop) or draw(st.booleans())
    return (first, *crop) if is_tuple else first
