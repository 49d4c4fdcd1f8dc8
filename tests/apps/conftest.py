"""What the tests of the commands share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import cv2
import pytest

from ..helpers.fake_camera import FakeCamera


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[FakeCamera]]:
    class Camera(FakeCamera):
        opened: ClassVar[list[int]] = []

    monkeypatch.setattr(cv2, 'VideoCapture', Camera)
    monkeypatch.delenv('DISPLAY', raising=False)
    yield Camera
    assert not Camera.opened, 'the camera was not released'
