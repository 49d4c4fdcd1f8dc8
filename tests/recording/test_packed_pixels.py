"""Packed pixel formats, compared with unpacking bit by bit."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import imgstore
from imgstore.errors import InvalidArgumentError
from imgstore.recording.packed_pixels import packing_of
from imgstore.recording.pixel_formats import image_of_bytes, pixel_layout

from ..helpers.packed import pack_bit_by_bit, unpack_bit_by_bit
from ..helpers.raised import raises

FORMATS = [
    *(f'{kind}{bits}p' for kind, bits in itertools.product(('Mono', 'BayerRG', 'BayerGB'), (10, 12, 14))),
    *(f'{kind}{bits}Packed' for kind, bits in itertools.product(('Mono', 'BayerBG', 'BayerGR'), (10, 12))),
]


@given(data=st.data(), name=st.sampled_from(FORMATS), groups=st.integers(1, 4), height=st.integers(1, 5))
def test_bytes_of_any_content_are_those_unpacked_bit_by_bit(
    data: st.DataObject, name: str, groups: int, height: int
) -> None:
    packing = packing_of(name)
    assert packing is not None
    row, width = groups * packing.bytes, groups * packing.pixels
    padding = data.draw(st.integers(0, 3))
    content = data.draw(st.binary(min_size=height * (row + padding), max_size=height * (row + padding)))
    rows = [content[at : at + row] for at in range(0, len(content), row + padding)]
    found = image_of_bytes(content, height, width, name)
    assert found.dtype == np.uint16
    assert found.tolist() == [unpack_bit_by_bit(each, width, name) for each in rows]


@given(st.lists(st.integers(0, 2**14 - 1), min_size=4, max_size=4), st.sampled_from(FORMATS))
def test_values_come_back(values: list[int], name: str) -> None:
    wanted = [value % 2 ** pixel_layout(name).bits for value in values]
    assert image_of_bytes(pack_bit_by_bit(wanted, name), 1, 4, name).tolist() == [wanted]


@pytest.mark.parametrize(
    ('name', 'content', 'values'),
    [
        ('Mono12p', [0x23, 0x61, 0x45], [0x123, 0x456]),
        ('Mono12Packed', [0x12, 0x63, 0x45], [0x123, 0x456]),
        ('Mono10Packed', [0x48, 0x13, 0x55], [0x123, 0x155]),
        ('Mono10p', [0x01, 0x08, 0x30, 0x00, 0x01], [0x001, 0x002, 0x003, 0x004]),
    ],
)
def test_the_layouts_are_those_of_genicam(name: str, content: list[int], values: list[int]) -> None:
    assert image_of_bytes(bytes(content), 1, len(values), name).tolist() == [values]


@pytest.mark.parametrize(
    ('name', 'width', 'multiple'), [('Mono12p', 5, '2'), ('Mono10p', 6, '4'), ('Mono12Packed', 3, '2')]
)
def test_rows_that_share_bytes_are_refused(name: str, width: int, multiple: str) -> None:
    with raises(InvalidArgumentError, argument='size') as caught:
        image_of_bytes(bytes(100), 2, width, name)
    assert f'multiple of {multiple}' in str(caught.value)


def test_a_short_packed_buffer_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match='too short'):
        image_of_bytes(bytes(11), 2, 4, 'Mono12p')


@pytest.mark.parametrize('name', ['Mono12p', 'BayerRG10Packed', 'RGB16Packed'])
def test_cameras_of_these_formats_are_recorded(name: str, tmp_path: Path) -> None:
    with imgstore.record({'a': f'test:96x32,fps=200,pixel={name},frames=5'}, tmp_path / 'r', 'png') as recording:
        assert recording.wait(30)
    with imgstore.new_for_filename(tmp_path / 'r' / 'a') as store:
        assert len(store) == 5
        assert store.dtype == 'uint16'
        assert store.user_metadata['camera']['pixel_format'] == name
        assert int(store[1].max()) == 210 << pixel_layout(name).bits - 8
