"""The synthetic recordings are what their descriptions say, and the same in every run."""

from __future__ import annotations

import numpy as np
import pytest

from imgstore.measuring import SCENES, Scene
from imgstore.measuring.scenes import CAMERA_NOISE, LEAST_SIDE, SCREEN_LIKE, STILL_ARENA

HEIGHT, WIDTH = 120, 160
EACH_SCENE = pytest.mark.parametrize('scene', SCENES, ids=lambda scene: scene.name)


@EACH_SCENE
@pytest.mark.parametrize(('is_gray', 'shape'), [(True, ()), (False, (3,))])
def test_frames_have_their_shape_and_come_back_the_same(scene: Scene, is_gray: bool, shape: tuple[int, ...]) -> None:
    frames = scene.render(4, HEIGHT, WIDTH, is_gray)
    assert frames.shape == (4, HEIGHT, WIDTH, *shape)
    assert frames.dtype == np.uint8
    np.testing.assert_array_equal(frames, scene.render(4, HEIGHT, WIDTH, is_gray))


@EACH_SCENE
@pytest.mark.parametrize('is_gray', [True, False])
def test_the_smallest_size_and_a_single_frame_work(scene: Scene, is_gray: bool) -> None:
    assert len(scene.render(1, LEAST_SIDE, LEAST_SIDE, is_gray)) == 1


@EACH_SCENE
def test_each_frame_is_another(scene: Scene) -> None:
    frames = scene.render(6, HEIGHT, WIDTH, True)
    assert all((frames[index] != frames[index - 1]).any() for index in range(6))


@pytest.mark.parametrize(('scene', 'least', 'most'), [(CAMERA_NOISE, 2.2, 2.8), (STILL_ARENA, 0.9, 1.2)])
def test_a_camera_has_its_noise(scene: Scene, least: float, most: float) -> None:
    frames = scene.render(12, HEIGHT, WIDTH, True).astype(float)
    assert least < np.median(np.std(frames, axis=0, ddof=1)) < most


def test_a_screen_has_no_noise_and_few_values() -> None:
    frames = SCREEN_LIKE.render(12, HEIGHT, WIDTH, True)
    is_still = np.ptp(frames, axis=0) == 0
    assert is_still.mean() > 0.7
    _, counts = np.unique(frames, return_counts=True)
    assert np.sort(counts)[-4:].sum() > 0.8 * frames.size


def test_the_arena_stands_still_but_for_the_animals() -> None:
    frames = STILL_ARENA.render(12, 256, 320, True).astype(float)
    change = np.abs(frames - np.median(frames, axis=0)).max(axis=0)
    assert 0.001 < (change > 30).mean() < 0.03
