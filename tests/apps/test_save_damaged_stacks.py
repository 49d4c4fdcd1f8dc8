"""imgstore-save of damaged TIFF stacks: pages that are missing are reported, and nothing gets another page's number."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from imgstore.apps.save import main

from ..helpers.films import read
from ..helpers.frames import index_in, numbered

COUNT, SHAPE = 6, (64, 96)


def library_stack(path: Path, first: int = 0, count: int = COUNT) -> bytes:
    """As libtiff writes it: each page's directory comes after its data."""
    assert cv2.imwritemulti(
        str(path), [numbered(first + number, SHAPE) for number in range(count)], [cv2.IMWRITE_TIFF_COMPRESSION, 1]
    )
    return path.read_bytes()


def directories_first(big: bool = False, order: str = '<', description: bytes = b'') -> bytes:
    """All directories, and then the data of all pages, as other programs write it."""
    height, width = SHAPE
    offset, entries = ('Q', 'Q') if big else ('I', 'H')
    mark = {'<': b'II', '>': b'MM'}[order]
    head = mark + (struct.pack(f'{order}HHHQ', 43, 8, 0, 16) if big else struct.pack(f'{order}HI', 42, 8))
    size = struct.calcsize(f'{order}{entries}{offset}') + 10 * (20 if big else 12)
    data = len(head) + COUNT * size + len(description)
    parts = [head]
    for page in range(COUNT):
        tags = [
            (256, 4, width),
            (257, 4, height),
            (258, 4, 8),
            (259, 4, 1),
            (262, 4, 1),
            (270, 2, data),
            (273, 4, data + page * height * width),
            (277, 4, 1),
            (278, 4, height),
            (279, 4, height * width),
        ]
        lengths = {270: max(5, len(description))}
        if description:
            tags[5] = (270, 2, data - len(description))
        parts.append(struct.pack(order + entries, len(tags)))
        parts += [
            struct.pack(f'{order}HH{offset}I{"4x" * big}', tag, kind, lengths.get(tag, 1), value)
            for tag, kind, value in tags
        ]
        parts.append(struct.pack(order + offset, len(head) + (page + 1) * size if page + 1 < COUNT else 0))
    return b''.join([*parts, description, *(numbered(page, SHAPE).tobytes() for page in range(COUNT))])


def saved(source: Path, code: int) -> list[int]:
    store = source.parent / 'store'
    assert main(['--format', 'png', '--source', str(source), str(store)]) == code
    if not store.exists():
        return []
    images, numbers, _ = read(store)
    assert [index_in(image) for image in images] == numbers
    return numbers


@pytest.mark.parametrize('order', ['<', '>'])
@pytest.mark.parametrize('big', [False, True])
def test_a_whole_stack_is_read_whole(big: bool, order: str, tmp_path: Path) -> None:
    (tmp_path / 'a.tif').write_bytes(directories_first(big, order))
    assert saved(tmp_path / 'a.tif', 0) == list(range(COUNT))


@pytest.mark.parametrize('share', [0.2, 0.4, 0.55, 0.7, 0.85, 0.99, 0.998])
def test_a_stack_whose_directories_are_cut_off_is_reported(
    share: float, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = library_stack(tmp_path / 'a.tif')
    (tmp_path / 'a.tif').write_bytes(data[: int(share * len(data))])
    found = saved(tmp_path / 'a.tif', 1)
    assert found == list(range(int(share * COUNT)))
    err = capfd.readouterr().err
    assert 'a.tif' in err
    assert err.count('\n') == 1


@pytest.mark.parametrize('big', [False, True])
@pytest.mark.parametrize('share', [0.5, 0.8, 0.99])
def test_a_stack_whose_data_are_cut_off_loses_those_pages_alone(
    share: float, big: bool, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = directories_first(big)
    pixels = COUNT * SHAPE[0] * SHAPE[1]
    (tmp_path / 'a.tif').write_bytes(data[: len(data) - pixels + int(share * pixels)])
    assert saved(tmp_path / 'a.tif', 1) == list(range(int(share * COUNT)))
    assert f'page {COUNT - 1} cannot be read' in capfd.readouterr().err


@pytest.mark.parametrize('target', [1, 2**31, 8])
def test_a_chain_of_pages_that_leads_astray_is_reported(
    target: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = bytearray(library_stack(tmp_path / 'a.tif'))
    place = struct.unpack_from('<I', data, 4)[0]
    for _ in range(3):
        link = place + 2 + 12 * struct.unpack_from('<H', data, place)[0]
        place = struct.unpack_from('<I', data, link)[0]
    data[link : link + 4] = struct.pack('<I', target if target != 8 else struct.unpack_from('<I', data, 4)[0])
    (tmp_path / 'a.tif').write_bytes(data)
    assert saved(tmp_path / 'a.tif', 1)[:3] == [0, 1, 2]
    assert 'how many pages are missing is not known' in capfd.readouterr().err


def test_images_after_stack_of_unknown_length_get_no_number(tmp_path: Path) -> None:
    """No image after a stack of unknown length gets a frame number."""
    (tmp_path / 'i').mkdir()
    for name, first in (('a', 0), ('b', COUNT), ('c', 2 * COUNT)):
        data = library_stack(tmp_path / 'i' / f'{name}.tif', first)
    (tmp_path / 'i' / 'b.tif').write_bytes((tmp_path / 'i' / 'b.tif').read_bytes()[: len(data) // 2])
    assert saved(tmp_path / 'i', 1) == list(range(COUNT + 3))


def test_where_each_file_is_a_page_a_damaged_one_costs_no_other(tmp_path: Path) -> None:
    (tmp_path / 'i').mkdir()
    for number in range(4):
        data = library_stack(tmp_path / 'i' / f'{number}.tif', number, 1)
    (tmp_path / 'i' / '1.tif').write_bytes((tmp_path / 'i' / '1.tif').read_bytes()[: len(data) // 2])
    assert saved(tmp_path / 'i', 1) == [0, 2, 3]


def test_described_but_missing_pages_use_up_numbers(tmp_path: Path) -> None:
    """Pages that the description counts but the stack lacks leave their frame numbers unused."""
    (tmp_path / 'i').mkdir()
    description = b'ImageJ=1.53t\nimages=6\0'
    data = bytearray(directories_first(description=description))
    end = 8 + 3 * (2 + 10 * 12 + 4)
    data[end - 4 : end] = struct.pack('<I', len(data) + 100)
    (tmp_path / 'i' / 'a.tif').write_bytes(data)
    library_stack(tmp_path / 'i' / 'b.tif', COUNT, 2)
    assert saved(tmp_path / 'i', 1) == [0, 1, 2, 6, 7]


def test_a_page_with_damaged_data_costs_no_other(tmp_path: Path) -> None:
    pages = [numbered(number, SHAPE) for number in range(COUNT)]
    assert cv2.imwritemulti(str(tmp_path / 'a.tif'), pages, [cv2.IMWRITE_TIFF_COMPRESSION, 8])
    data = bytearray((tmp_path / 'a.tif').read_bytes())
    place = struct.unpack_from('<I', data, 4)[0]
    link = place + 2 + 12 * struct.unpack_from('<H', data, place)[0]
    second = struct.unpack_from('<I', data, link)[0]
    data[link + 10 : second - 10] = np.random.default_rng(1).integers(0, 256, second - link - 20, np.uint8).tobytes()
    (tmp_path / 'a.tif').write_bytes(data)
    assert saved(tmp_path / 'a.tif', 1) == [0, 2, 3, 4, 5]
