"""Makes the pictures of the viewer in docs/images: records two stores, serves them, and looks at them in Chromium.

Needs what the tests need: `pip install -e '.[test]'`, and Debian's chromium and chromium-driver.
"""

import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

REPOSITORY = Path(__file__).parents[1]
sys.path.insert(0, str(REPOSITORY))

from imgstore import new_for_format  # noqa: E402
from tests.helpers.browser import Browser, browser  # noqa: E402
from tests.helpers.serving import served  # noqa: E402

FOLDER = REPOSITORY / 'docs' / 'images'
HEIGHT, WIDTH = 480, 640
FRAMES, RATE = 2400, 30
START = 1717146000.0
DROPS = {'top-camera': (760, 1500), 'side-camera': (310,)}


def arena(seed: int) -> np.ndarray:
    """Draw a round arena, lit from above, with some grain."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    distance = np.hypot(x - WIDTH / 2, y - HEIGHT / 2)
    light = np.where(distance < 215, 168 - distance / 4, 52) + np.random.default_rng(seed).normal(0, 3, distance.shape)
    return np.clip(cv2.GaussianBlur(light, (0, 0), 1.2), 0, 255).astype(np.uint8)


def mouse(image: np.ndarray, time: float, seed: int) -> None:
    """Draw a mouse that runs about."""
    angle = time / 3 + seed + 0.8 * np.sin(time / 2)
    radius = 120 + 55 * np.sin(time / 5)
    body = np.array([WIDTH / 2 + radius * np.cos(angle), HEIGHT / 2 + radius * np.sin(angle)])
    ahead = np.array([-np.sin(angle), np.cos(angle)])
    tail = [body - ahead * (22 + 9 * k) + np.array([-ahead[1], ahead[0]]) * 6 * np.sin(k + 5 * time) for k in range(5)]
    cv2.polylines(image, [np.array(tail, np.int32)], False, 70, 3, cv2.LINE_AA)
    cv2.ellipse(image, (body.astype(int).tolist(), (62, 34), float(np.degrees(angle) + 90)), 46, -1, cv2.LINE_AA)
    cv2.circle(image, (body + ahead * 32).astype(int).tolist(), 13, 52, -1, cv2.LINE_AA)


def record(path: Path, seed: int) -> str:
    """Record a store with dropped frames and a pause, and with what sensors measured."""
    metadata = {
        'subject': 'A7',
        'experiment': 'open field',
        'operator': 'M. Ruiz',
        'exposure': 0.008,
        'camera': {'serial': 22841 + seed, 'gain': 3.5},
    }
    empty, number = arena(seed), 0
    with new_for_format('mjpeg/avi', path, imgshape=(HEIGHT, WIDTH), chunksize=600, metadata=metadata) as store:
        for rank in range(FRAMES):
            number += 48 if rank in DROPS[path.name] else 0
            time = number / RATE + (9 if rank >= 1980 else 0)
            image = empty.copy()
            mouse(image, time, seed)
            store.add_image(image, number, START + time)
            if rank % 3 == 0:
                speed = 14 + 9 * np.sin(time / 2) + 4 * np.sin(time * 1.7)
                store.add_extra_data(
                    speed=round(max(0.0, speed), 3),
                    lever=bool(time % 17 < 4),
                    temperature=round(21.4 + 0.2 * np.sin(time / 30), 3),
                )
            number += 1
    return str(path)


def save(page: Browser, name: str, plots: int) -> None:
    """Save a picture of the page once all is there."""
    page.wait_for(lambda: page.run("return document.querySelectorAll('.plot b').length") == plots)
    thumbnails = "return [...document.querySelectorAll('#thumbnails img')].every(i => i.complete && i.naturalWidth)"
    page.wait_for(lambda: page.run(thumbnails))
    page.wait_for(lambda: page.run("return [...document.querySelectorAll('.plot b')].every(b => b.textContent)"))
    page.wait_for(lambda: page.run("return document.querySelector('#extra-note').hidden"))
    page.run("document.getElementById('status').classList.remove('seen')")
    page.wait_for(lambda: page.run("return getComputedStyle(document.getElementById('status')).opacity === '0'"))
    page.driver.save_screenshot(str(FOLDER / name))


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, browser(Path(folder)) as page:
        stores = [record(Path(folder, name), seed) for seed, name in enumerate(DROPS)]
        with served(stores[0]) as one:
            page.open(one.url)
            page.press('n')
            page.wait_for(lambda: page.text('index') == '760')
            save(page, 'viewer.png', plots=3)
        with served(*stores) as two:
            page.media(prefers_color_scheme='dark')
            page.open(two.url)
            page.jump('number', '830')
            page.wait_for_frame(830)
            save(page, 'viewer-side-by-side.png', plots=6)
            page.media()


if __name__ == '__main__':
    main()
