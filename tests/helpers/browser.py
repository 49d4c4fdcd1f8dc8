"""A Chromium without a window, with the page of imgstore-view --web in it."""

from __future__ import annotations

import base64
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from .checked import not_none
from .frames import index_in

PATIENCE = 20.0  # seconds
SHAPE = (128, 192)  # of the images that tell their index
_PIXELS = """
const canvas = document.querySelectorAll('.view canvas')[arguments[0]];
return [canvas.width, canvas.height, canvas.toDataURL('image/png').split(',')[1]];
"""


class Browser:
    def __init__(self, driver: webdriver.Chrome, downloads: Path) -> None:
        self.driver = driver
        self.downloads = downloads
        self.size(1360, 900)

    # --- the page

    def open(self, url: str) -> None:
        """Open a page whose first frame is shown, and wait until its timeline and plots have their places."""
        self.load(url)
        self.wait_for(lambda: self.text('number').isdecimal() and '·' in self.text('legend'))
        self.wait_for(lambda: not self.run("return document.querySelector('#plots.waiting')"))

    def load(self, url: str) -> None:
        """Load a page, without the errors of one whose server ended before it."""
        self.driver.get('about:blank')
        self.errors()
        self.driver.get(url)

    def size(self, width: int, height: int, touch: bool = False) -> None:
        metrics = {'width': width, 'height': height, 'deviceScaleFactor': 1, 'mobile': touch}
        self.command('Emulation.setDeviceMetricsOverride', **metrics)
        self.command('Emulation.setTouchEmulationEnabled', enabled=touch, maxTouchPoints=5 if touch else 1)

    def media(self, **features: str) -> None:
        """Pretend that its user has set, for example, prefers_color_scheme='dark'."""
        named = [{'name': name.replace('_', '-'), 'value': value} for name, value in features.items()]
        self.command('Emulation.setEmulatedMedia', features=named)

    def command(self, name: str, **arguments: Any) -> Any:
        return self.driver.execute_cdp_cmd(name, arguments)

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def errors(self) -> list[str]:
        """What the console has told since it was asked last, but for advice on how the tests read pixels."""
        told = [entry['message'] for entry in self.driver.get_log('browser')]
        return [message for message in told if 'willReadFrequently' not in message]

    # --- what is seen

    def text(self, name: str) -> str:
        return str(self.run('return document.getElementById(arguments[0])?.textContent ?? ""', name))

    def value(self, name: str) -> str:
        return str(self.run('return document.getElementById(arguments[0]).value', name))

    def picture(self, pane: int = 0) -> np.ndarray[Any, Any]:
        """What a pane shows, (h, w, 3) BGR."""
        _, _, data = self.run(_PIXELS, pane)
        return not_none(cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR))

    def shown(self, pane: int = 0) -> int:
        """Index of the frame that a pane shows, as its pixels tell."""
        return int(index_in(cv2.resize(self.picture(pane), (SHAPE[1], SHAPE[0]), interpolation=cv2.INTER_AREA)))

    def wait_for(self, seen: Callable[..., Any]) -> None:
        end = time.monotonic() + PATIENCE
        while not seen():
            if time.monotonic() > end:
                told = self.text('number'), self.text('status'), self.errors(), self.driver.current_url
                raise AssertionError(f'it never came: {told}')
            time.sleep(0.02)

    def wait_for_frame(self, number: int, index: int | None = None) -> None:
        self.wait_for(lambda: self.text('number') == str(number))
        if index is not None:
            self.wait_for(lambda: self.shown() == index)

    # --- what is done

    def click(self, name: str) -> None:
        self.driver.find_element(By.ID, name).click()

    def switch(self, name: str) -> None:
        """Click a box, also of a panel that is not open."""
        self.run('document.getElementById(arguments[0]).click()', name)

    def press(self, *keys: str) -> None:
        ActionChains(self.driver).send_keys(*keys).perform()

    def press_with_shift(self, key: str) -> None:
        ActionChains(self.driver).key_down(Keys.SHIFT).send_keys(key).key_up(Keys.SHIFT).perform()

    def choose(self, name: str, value: str) -> None:
        self.run(
            """const field = document.getElementById(arguments[0]); field.value = arguments[1];
                    field.dispatchEvent(new Event('change', {bubbles: true}))""",
            name,
            value,
        )

    def jump(self, axis: str, value: str) -> None:
        self.press('g', f'#{value}' if axis == 'index' else value, Keys.ENTER)

    def box(self, selector: str) -> dict[str, float]:
        found: dict[str, float] = self.run(
            'return document.querySelector(arguments[0]).getBoundingClientRect().toJSON()', selector
        )
        return found

    def click_at(self, selector: str, across: float) -> None:
        """Click so far to the right in something, from 0 to 1."""
        element = self.driver.find_element(By.CSS_SELECTOR, selector)
        offset = round((across - 0.5) * (element.size['width'] - 2))
        ActionChains(self.driver).move_to_element_with_offset(element, offset, 0).click().perform()

    def drag(self, selector: str, start: float, end: float) -> None:
        element = self.driver.find_element(By.CSS_SELECTOR, selector)
        wide = element.size['width'] - 2
        chain = ActionChains(self.driver).move_to_element_with_offset(element, round((start - 0.5) * wide), 0)
        chain.click_and_hold().move_by_offset(round((end - start) * wide), 0).release().perform()

    def touch(self, *path: list[tuple[float, float]]) -> None:
        """Move fingers: each step of the path has a place for each."""
        for rank, places in enumerate(path):
            points = [{'x': x, 'y': y, 'id': finger} for finger, (x, y) in enumerate(places)]
            self.command('Input.dispatchTouchEvent', type='touchMove' if rank else 'touchStart', touchPoints=points)
        self.command('Input.dispatchTouchEvent', type='touchEnd', touchPoints=[])


@contextmanager
def browser(folder: Path, *arguments: str) -> Iterator[Browser]:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which('chromium') or ''
    usual = ['--headless=new', '--disable-dev-shm-usage', '--no-first-run', f'--user-data-dir={folder}/profile']
    if os.name == 'posix' and os.getuid() == 0:
        usual.append('--no-sandbox')  # which Chromium has for users other than root alone
    for argument in (*usual, *arguments):
        options.add_argument(argument)
    options.set_capability('goog:loggingPrefs', {'browser': 'ALL'})
    options.add_experimental_option('prefs', {'download.default_directory': str(folder)})
    driver = webdriver.Chrome(options, Service(shutil.which('chromedriver')))
    try:
        driver.execute_cdp_cmd('Browser.setDownloadBehavior', {'behavior': 'allow', 'downloadPath': str(folder)})
        yield Browser(driver, folder)
    finally:
        driver.quit()


__all__ = ['PATIENCE', 'SHAPE', 'Browser', 'Keys', 'browser']
