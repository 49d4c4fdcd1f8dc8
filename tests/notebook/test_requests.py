"""What the player in a notebook gets of a store. tests/programs has the widget itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import imgstore
from imgstore import MultiStore, new_for_filename, new_for_format
from imgstore.errors import MissingDependencyError, StoreModeError
from imgstore.notebook.requests import Requests

from ..helpers.frames import index_in, numbered
from ..helpers.raised import raises

SHAPE = (64, 96)
INDEXES = [*range(10), *range(20, 30)]


def record(folder: Path, indexes: list[int], fmt: str = 'png', **options: Any) -> Path:
    with new_for_format(fmt, folder, imgshape=SHAPE, chunksize=7, **options) as store:
        for index in indexes:
            store.add_image(numbered(index, SHAPE), 100 + index, 50 + index / 25)
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Iterator[imgstore.ImgStore]:
    with new_for_filename(record(tmp_path / 's', INDEXES)) as opened:
        yield opened


@pytest.fixture
def requests(store: imgstore.ImgStore) -> Iterator[Requests]:
    made = Requests(store)
    yield made
    made.close()


def ask(requests: Requests, **asked: Any) -> tuple[dict[str, Any], list[bytes]]:
    answer = requests.answer(asked)
    assert answer is not None
    return answer


def picture(buffers: list[bytes]) -> np.ndarray[Any, Any]:
    image = cv2.imdecode(np.frombuffer(buffers[0], np.uint8), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    return image


def test_a_frame_is_a_jpeg_with_its_number_and_time(requests: Requests) -> None:
    told, buffers = ask(requests, kind='frame', index=12, width=96, request=7)
    assert index_in(picture(buffers)) == 22
    assert told == {
        'kind': 'frame',
        'request': 7,
        'index': 12,
        'number': 122,
        'time': 50.88,
        'text': '50.880 s',
    }


def test_frames_are_as_small_as_they_are_shown(requests: Requests) -> None:
    assert picture(ask(requests, kind='frame', index=0, width=48)[1]).shape == (32, 48)
    assert picture(ask(requests, kind='frame', index=0, width=4000)[1]).shape == SHAPE


@pytest.mark.parametrize(('index', 'number'), [(-5, 100), (1e9, 129), (None, 100), ('3', 100), (float('nan'), 100)])
def test_any_index_is_a_frame_of_the_store(requests: Requests, index: Any, number: int) -> None:
    assert ask(requests, kind='frame', index=index, width=96)[0]['number'] == number


def test_the_position_of_the_users_store_stays(store: imgstore.ImgStore, requests: Requests) -> None:
    store.get_image(102)
    ask(requests, kind='frame', index=15, width=96)
    assert store.get_next_framenumber() == 103


def test_facts_have_the_gaps(requests: Requests) -> None:
    facts = requests.facts()
    assert (facts['frames'], facts['shape'], facts['gaps'], facts['live']) == (20, [64, 96], [10], False)
    assert facts['period'] == pytest.approx(0.04)


@pytest.mark.parametrize(
    ('asked', 'index'),
    [
        ({'kind': 'find', 'text': '122'}, 12),
        ({'kind': 'find', 'text': '#3'}, 3),
        ({'kind': 'find', 'text': '0.2s'}, 5),
        ({'kind': 'gap', 'index': 0, 'direction': 1}, 10),
        ({'kind': 'gap', 'index': 19, 'direction': -1}, 10),
        ({'kind': 'gap', 'index': 12, 'direction': 1}, None),
    ],
)
def test_places_are_found(requests: Requests, asked: dict[str, Any], index: int | None) -> None:
    assert ask(requests, **asked)[0]['index'] == index


def test_the_nearest_place_and_a_wrong_one_are_told(requests: Requests) -> None:
    told = ask(requests, kind='find', text='115')[0]
    assert (told['index'] in (9, 10), 'the nearest' in told['note']) == (True, True)
    assert 'no frame number' in ask(requests, kind='find', text='x')[0]['error']


@pytest.mark.parametrize('asked', [{}, {'kind': 'x'}, {'kind': None}, {'kind': ['frame']}])
def test_other_messages_are_not_answered(requests: Requests, asked: dict[str, Any]) -> None:
    assert requests.answer(asked) is None


def test_a_damaged_frame_is_told_in_its_place(store: imgstore.ImgStore, requests: Requests) -> None:
    (Path(store.filename) / '000000' / '000003.png').write_bytes(b'damaged')
    told, buffers = ask(requests, kind='frame', index=3, width=96)
    assert (told['number'], buffers) == (103, [])
    assert '000003.png' in told['error']
    assert ask(requests, kind='frame', index=4, width=96)[1]


def test_deep_images_are_scaled(tmp_path: Path) -> None:
    with new_for_format('png', tmp_path / 's', imgshape=SHAPE, imgdtype='uint16') as writer:
        for index in range(3):
            writer.add_image(numbered(index, SHAPE).astype(np.uint16) * 8, index, index / 25)
    with new_for_filename(tmp_path / 's') as store:
        requests = Requests(store)
        assert index_in(picture(ask(requests, kind='frame', index=2, width=96)[1])) == 2
        bright = picture(ask(requests, kind='frame', index=2, width=96, stretch=True)[1])
        assert bright.max() > 230
        requests.close()


def test_new_frames_come_with_a_refresh(tmp_path: Path) -> None:
    with new_for_format('png', tmp_path / 's', imgshape=SHAPE, workers=0) as writer:
        writer.add_image(numbered(0, SHAPE), 0, 0.0)
        with new_for_filename(tmp_path / 's') as store:
            requests = Requests(store)
            assert requests.facts()['live']
            writer.add_image(numbered(1, SHAPE), 1, 0.04)
            assert ask(requests, kind='refresh')[0]['facts']['frames'] == 2
            assert index_in(picture(ask(requests, kind='frame', index=1, width=96)[1])) == 1
            requests.close()


def test_several_stores_are_played_as_one(tmp_path: Path) -> None:
    parts = [record(tmp_path / 'a', [0, 1]), record(tmp_path / 'b', [2, 3])]
    with MultiStore(parts) as store:
        requests = Requests(store)  # type: ignore[arg-type]  # annotated for the class of one store
        assert requests.facts()['frames'] == 4
        assert index_in(picture(ask(requests, kind='frame', index=3, width=96)[1])) == 3
        requests.close()
        assert index_in(store[3]) == 3


def test_an_empty_store_has_no_frames(tmp_path: Path) -> None:
    with new_for_filename(record(tmp_path / 's', [])) as store:
        requests = Requests(store)
        assert requests.facts()['frames'] == 0
        assert ask(requests, kind='frame', index=0, width=96)[0]['error']
        requests.close()


def test_without_anywidget_the_error_names_the_extra(store: imgstore.ImgStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'anywidget', None)
    with raises(MissingDependencyError, name='anywidget') as caught:
        store.player()
    assert 'imgstore[notebook]' in str(caught.value)


def test_a_store_that_is_written_has_no_player(tmp_path: Path) -> None:
    with new_for_format('png', tmp_path / 's', imgshape=SHAPE) as writer, raises(StoreModeError):
        writer.player()
