"""Parts of the page's server by themselves: sessions and links, and images as pictures."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from imgstore.contrast import IntensityScaler
from imgstore.errors import InvalidArgumentError
from imgstore.viewers.web import access
from imgstore.viewers.web.access import Access
from imgstore.viewers.web.pictures import encode_preview

from ...helpers.checked import not_none


def test_a_link_opens_one_session_and_expires() -> None:
    secrets = Access()
    token = secrets.new_link()
    session = not_none(secrets.open_session(token))
    assert secrets.is_session(session.secret)
    assert secrets.open_session(token) is None
    assert secrets.open_session('guessed') is None
    assert secrets.open_session(secrets.new_link(seconds=-1)) is None
    assert not secrets.is_session('guessed')


def test_the_oldest_links_and_sessions_make_room_for_new_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, '_MOST_LINKS', 3)
    monkeypatch.setattr(access, '_MOST_SESSIONS', 2)
    secrets = Access()
    tokens = [secrets.new_link() for _ in range(5)]
    sessions = [secrets.open_session(token) for token in tokens]
    assert [session is None for session in sessions] == [True, True, False, False, False]
    assert [secrets.is_session(not_none(session).secret) for session in sessions[2:]] == [False, True, True]


@pytest.mark.parametrize(
    ('shape', 'shown'),
    [
        ((8, 16), (8, 16)),
        ((8, 16, 1), (8, 16)),
        ((8, 16, 2), (8, 16)),
        ((8, 16, 3), (8, 16, 3)),
        ((8, 16, 4), (8, 16, 3)),
    ],
)
@pytest.mark.parametrize('dtype', ['uint8', 'uint16', 'float64'])
@pytest.mark.parametrize('width', [None, 4])
def test_an_image_of_any_channels_is_shown(
    shape: tuple[int, ...], shown: tuple[int, ...], dtype: str, width: int | None
) -> None:
    image = np.full(shape, 100, dtype)
    data = encode_preview(image, IntensityScaler(), width, 90, stretch=False)
    picture = not_none(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED))
    size = (2, 4) if width and dtype != 'float64' else (8, 16)
    assert picture.shape == (*size, *shown[2:])


@pytest.mark.parametrize('shape', [(8,), (8, 16, 0), (2, 8, 16, 3)])
def test_an_array_that_is_no_image_is_not_shown(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidArgumentError, match='cannot be shown'):
        encode_preview(np.zeros(shape, np.uint8), IntensityScaler(), None, 90, stretch=False)
