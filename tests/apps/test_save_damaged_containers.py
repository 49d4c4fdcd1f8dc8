"""imgstore-save of videos whose container is damaged: frames keep their numbers and times, what is lost is reported."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from imgstore.apps.save import main
from imgstore.sources.avi import find_damaged_headers
from imgstore.sources.damage import Damage
from imgstore.sources.ebml import find_tears

from ..helpers.checked import not_none
from ..helpers.damaged_films import COUNT, DAMAGED, KINDS, make_film, places, saved

AVIS = ('mjpeg.avi', 'mpeg4_b.avi', 'png.avi')
MATROSKAS = {
    'mjpeg.mkv': '-c:v mjpeg -q:v 3 -cluster_time_limit 200',
    'h264.mkv': '-c:v libx264 -pix_fmt yuv420p -g 10 -cluster_time_limit 200',
}
TIMED = ('mpeg2.ts', 'b.ts')
AHEAD = 2
"""Frames by which one that is decoded at a place may be shown earlier or later."""

Edit = Callable[[bytearray, list[int]], None]


@pytest.fixture(scope='module')
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('films')
    for name in (*AVIS, *TIMED, *MATROSKAS):
        make_film(folder / name, MATROSKAS.get(name) or KINDS[name])
    return folder


def headers(path: Path) -> list[int]:
    """Where the header of each packet in an AVI is."""
    data = path.read_bytes()
    return [place if data[place : place + 2] == b'00' else place - 8 for place, _ in places(path)]


def overwrite(offset: int, new: bytes, number: int = DAMAGED) -> Edit:
    def edit(data: bytearray, found: list[int]) -> None:
        place = found[number] + offset
        data[place : place + len(new)] = new

    return edit


def both(*edits: Edit) -> Edit:
    def edit(data: bytearray, found: list[int]) -> None:
        for each in edits:
            each(data, found)

    return edit


def rename_index(data: bytearray, found: list[int]) -> None:
    place = data.rindex(b'idx1')
    data[place : place + 4] = b'\0\1\2\3'


def damage_index(data: bytearray, found: list[int]) -> None:
    place = data.rindex(b'idx1') + 8 + 16 * DAMAGED
    data[place + 8 : place + 16] = b'\x77\x10\0\0\1\2\0\0'


DAMAGE = {
    'name': overwrite(0, b'\xfa\x13\x99\x01'),
    'letter': overwrite(0, b'0pdc'),
    'another stream': overwrite(0, b'01dc'),
    'too large': overwrite(4, b'\0\xff\0\0'),
    'no size': overwrite(4, bytes(4)),
    'too small': overwrite(4, b'\x10\0\0\0'),
    'zeros': overwrite(-20, bytes(40)),
    'first': overwrite(0, bytes(8), 0),
    'last': overwrite(0, bytes(8), COUNT - 1),
    'two': both(overwrite(0, bytes(4), 5), overwrite(0, b'abcd', 25)),
}


def damaged(film: Path, target: Path, edit: Edit) -> Path:
    data = bytearray(film.read_bytes())
    edit(data, headers(film))
    target.write_bytes(data)
    return target


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize('kind', DAMAGE)
@pytest.mark.parametrize('name', AVIS)
def test_avi_frames_after_damaged_header_keep_numbers(
    films: Path, name: str, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Frames after a damaged header in an AVI file keep their numbers and times."""
    found = saved(damaged(films / name, tmp_path / name, DAMAGE[kind]), 1)
    assert 'cannot be read: damaged' in capsys.readouterr().err
    assert all(abs(time - number / 25) < 0.001 for number, time in found.items())
    lost = set(range(COUNT)) - set(found)
    if name in ('mjpeg.avi', 'png.avi'):
        expected = {'zeros': {DAMAGED - 1, DAMAGED}, 'first': {0}, 'last': {COUNT - 1}, 'two': {5, 25}}
        assert lost == expected.get(kind, {DAMAGED})
    else:
        groups = {number // 10 for number in lost if number % 10 >= AHEAD}
        assert groups == {'first': {0}, 'last': {3}, 'two': {0, 2}}.get(kind, {1})


@pytest.mark.process
@pytest.mark.parametrize('name', AVIS)
def test_a_damaged_index_alone_loses_no_frame_of_an_avi(films: Path, name: str, tmp_path: Path) -> None:
    assert list(saved(damaged(films / name, tmp_path / name, damage_index), 0)) == list(range(COUNT))


@pytest.mark.process
@pytest.mark.parametrize('kind', ['name', 'letter', 'too large', 'too small'])
@pytest.mark.parametrize('name', AVIS)
def test_avi_without_index_ends_at_damage_and_says_so(
    films: Path, name: str, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An AVI without an index ends at the damage, and the saver reports it."""
    found = list(saved(damaged(films / name, tmp_path / name, both(rename_index, DAMAGE[kind])), 1))
    assert found == list(range(len(found)))
    assert DAMAGED - AHEAD <= len(found) <= DAMAGED
    assert 'has no index' in capsys.readouterr().err


@pytest.mark.process
def test_avi_of_several_parts_is_checked_with_all_indexes(films: Path, tmp_path: Path) -> None:
    """An AVI file of several parts is compared with all its indexes."""
    data = (films / 'mjpeg.avi').read_bytes()
    path = opendml(data, tmp_path / 'x.avi')
    assert list(saved(path, 0)) == list(range(COUNT))
    whole = bytearray(path.read_bytes())
    place = whole.index(b'00dc', whole.index(b'AVIX') + 40)
    whole[place : place + 8] = b'\1\2\3\4\5\6\7\0'
    path.with_suffix('.store').rename(tmp_path / 'before')
    path.write_bytes(whole)
    assert find_damaged_headers(str(path)).headers.keys() == {place}
    assert len(saved(path, 1)) == COUNT - 1


def opendml(data: bytes, path: Path) -> Path:
    """Move the second half of an AVI's packets into a part of its own; of each half there is an index of OpenDML."""
    movie = data.index(b'movi') - 8
    end = movie + 8 + struct.unpack_from('<I', data, movie + 4)[0]
    packets, place = [], movie + 12
    while place < end:
        size = 8 + struct.unpack_from('<I', data, place + 4)[0]
        packets.append(data[place : place + size + size % 2])
        place += size + size % 2
    halves = [part(packets[: COUNT // 2]), part(packets[COUNT // 2 :])]
    header = bytearray(data[12:movie])
    index = header.index(b'indx' if b'indx' in header else b'JUNK')
    first = 12 + len(header)
    second = first + len(halves[0][0]) + 12
    parts = [(first + halves[0][1], 24 + 8 + 8 * 20), (second + halves[1][1], 24 + 8 + 8 * 20)]
    entries = b''.join(struct.pack('<QII', *each, COUNT // 2) for each in parts)
    body = struct.pack('<HBBI4s12x', 4, 0, 0, 2, b'00dc') + entries
    size = struct.unpack_from('<I', header, index + 4)[0]
    header[index : index + 8 + size] = b'indx' + struct.pack('<I', size) + body.ljust(size, b'\0')
    offsets = [first, second]
    lists = [fixed(half[0], half[1], offset) for half, offset in zip(halves, offsets, strict=True)]
    path.write_bytes(riff(b'AVI ', bytes(header) + lists[0]) + riff(b'AVIX', lists[1]))
    return path


def riff(form: bytes, content: bytes) -> bytes:
    return b'RIFF' + struct.pack('<I', 4 + len(content)) + form + content


def part(packets: list[bytes]) -> tuple[bytes, int]:
    """A list of packets with its index, and where the index is in there."""
    head = struct.pack('<HBBI4sQI', 2, 0, 1, len(packets), b'00dc', 0, 0)
    entries, place = b'', 12
    for packet in packets:
        entries += struct.pack('<II', place + 8, struct.unpack_from('<I', packet, 4)[0])
        place += len(packet)
    index = b'ix00' + struct.pack('<I', len(head + entries)) + head + entries
    content = b''.join(packets) + index
    return b'LIST' + struct.pack('<I', 4 + len(content)) + b'movi' + content, 12 + len(b''.join(packets))


def fixed(content: bytes, index: int, offset: int) -> bytes:
    """The list with its index counted from where the list is in the file."""
    return content[: index + 20] + struct.pack('<Q', offset) + content[index + 28 :]


@pytest.mark.process
def test_behind_the_packets_of_an_avi_nothing_is_taken_for_one(films: Path, tmp_path: Path) -> None:
    assert list(saved(damaged(films / 'mjpeg.avi', tmp_path / 'x.avi', rename_index), 1)) == list(range(COUNT))


@pytest.mark.process
@pytest.mark.parametrize('between', [b'JUNK', b'gps0', b'LIST'])
def test_chunks_of_other_programs_are_no_damage(films: Path, between: bytes, tmp_path: Path) -> None:
    data = bytearray((films / 'mjpeg.avi').read_bytes())
    place = headers(films / 'mjpeg.avi')[DAMAGED]
    data[place:place] = between + struct.pack('<I', 4) + b'rec '
    size = data.index(b'movi') - 4
    data[size : size + 4] = struct.pack('<I', struct.unpack_from('<I', data, size)[0] + 12)
    data = data[: data.rindex(b'idx1')]
    (tmp_path / 'x.avi').write_bytes(riff(b'AVI ', bytes(data[12:])))
    assert find_damaged_headers(str(tmp_path / 'x.avi')) == Damage()
    assert list(saved(tmp_path / 'x.avi', 0)) == list(range(COUNT))


# --- times in MPEG-TS: ISO/IEC 13818-1


def stamps(data: bytes | bytearray) -> list[int]:
    """Where the times of the video's packets are."""
    found = []
    for place in range(0, len(data), 188):
        start = place + 4 + (1 + data[place + 4] if data[place + 3] & 0x20 else 0)
        if data[place + 1] & 0x40 and data[start : start + 3] == b'\0\0\1' and data[start + 3] & 0xF0 == 0xE0:
            found.append(start + 9)
    return found


@pytest.mark.process
@pytest.mark.parametrize('number', [1, 7, COUNT - 4])
@pytest.mark.parametrize('name', TIMED)
def test_a_damaged_time_of_a_frame_moves_those_of_no_other(
    films: Path, name: str, number: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes((films / name).read_bytes())
    whole = saved(tmp_path / name, 0)
    (tmp_path / name).with_suffix('.store').rename(tmp_path / 'whole')
    data = bytearray((tmp_path / name).read_bytes())
    data[stamps(data)[number]] ^= 0x0C
    (tmp_path / name).write_bytes(data)
    capsys.readouterr()
    found = saved(tmp_path / name, 1)
    assert 'is damaged, and was estimated' in capsys.readouterr().err
    assert found == pytest.approx(whole, abs=0.001)


# --- the structure of Matroska: RFC 9559

CLUSTER, CUES, SIMPLE_BLOCK = b'\x1f\x43\xb6\x75', b'\x1c\x53\xbb\x6b', b'\xa3'


def clusters(data: bytes | bytearray) -> list[int]:
    found = [data.find(CLUSTER)]
    while (place := data.find(CLUSTER, found[-1] + 1)) >= 0:
        found.append(place)
    return found


STRUCTURE: dict[str, Callable[[bytearray, list[int], int], tuple[int, bytes]]] = {
    'name of a cluster': lambda data, starts, block: (starts[1], b'\x11\x22\x33\x44'),
    'head of a cluster': lambda data, starts, block: (starts[1], bytes(12)),
    'size of a cluster': lambda data, starts, block: (starts[1] + 4, b'\x01\0\0\0\x01\0\0\0'),
    'a whole cluster': lambda data, starts, block: (starts[2] - 5, bytes(starts[3] - starts[2] + 10)),
    'name of a block': lambda data, starts, block: (data.rindex(SIMPLE_BLOCK, 0, block), b'\x93'),
    'head of a block': lambda data, starts, block: (block - 6, b'\xfa\x13\x99\x01\x77\x03'),
}


@pytest.mark.process
@pytest.mark.parametrize('kind', STRUCTURE)
@pytest.mark.parametrize('name', MATROSKAS)
def test_matroska_frames_after_damage_keep_numbers(
    films: Path, name: str, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Frames after damage in a Matroska file keep their numbers and times."""
    data = bytearray((films / name).read_bytes())
    place, new = STRUCTURE[kind](data, clusters(data), places(films / name)[DAMAGED][0])
    data[place : place + len(new)] = new
    (tmp_path / name).write_bytes(data)
    found = saved(tmp_path / name, 1)
    assert 'damaged' in capsys.readouterr().err
    assert all(abs(time - number / 25) < 0.002 for number, time in found.items())
    assert {*range(2), *range(30, COUNT)} <= set(found)


@pytest.mark.process
@pytest.mark.parametrize('name', MATROSKAS)
def test_a_lost_end_of_a_matroska_is_counted(
    films: Path, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = bytearray((films / name).read_bytes())
    place = clusters(data)[-1]
    data[place : place + 4] = bytes(4)
    (tmp_path / name).write_bytes(data)
    assert list(saved(tmp_path / name, 1)) == list(range(COUNT - 2))
    assert f'about 2 frames from frame {COUNT - 2} on cannot be read' in capsys.readouterr().err


@pytest.mark.process
def test_unknown_count_of_lost_frames_is_reported(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """If the times do not show how many frames are lost, the saver says so."""
    with av.open(films / 'mjpeg.mkv') as source, av.open(tmp_path / 'x.mkv', 'w') as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                number = not_none(packet.pts) // 40
                packet.pts = packet.dts = 40 * number + 900 * (number // 3)
                packet.stream = stream
                target.mux(packet)
    data = bytearray((tmp_path / 'x.mkv').read_bytes())
    place = clusters(data)[2]
    data[place : place + 4] = bytes(4)
    (tmp_path / 'x.mkv').write_bytes(data)
    assert main(['--source', str(tmp_path / 'x.mkv'), str(tmp_path / 's')]) == 1
    assert 'may be too small' in capsys.readouterr().err


@pytest.mark.process
@pytest.mark.parametrize('name', ['Void', 'of another program'])
def test_other_elements_of_a_matroska_are_no_damage(films: Path, name: str, tmp_path: Path) -> None:
    data = bytearray((films / 'mjpeg.mkv').read_bytes())
    element = (b'\xec' if name == 'Void' else b'\x42\x13') + b'\x85hello'
    assert find_tears(str(films / 'mjpeg.mkv')) == []
    place = data.rindex(CUES)
    (tmp_path / 'x.mkv').write_bytes(data[:place] + element + data[place:])
    assert find_tears(str(tmp_path / 'x.mkv')) == []
