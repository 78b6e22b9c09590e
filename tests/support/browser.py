"""A headless Chromium for tests, and the page in it as a person uses it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

LONGEST_WAIT_S = 120


@contextmanager
def chromium() -> Iterator[webdriver.Chrome]:
    """Start Debian's Chromium; skip the test where it isn't installed."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("needs chromium and chromium-driver: `make browser` installs them")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for argument in ("--headless=new", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(argument)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # Chromium refuses to run as root otherwise
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = Service(driver)
    try:
        found = webdriver.Chrome(options=options, service=service)
        try:
            yield found
        finally:
            found.quit()
    finally:
        # A driver whose browser never came up, or that took no leave.
        service.stop()


@dataclass(frozen=True)
class Page:
    """The explorer at one address of a service."""

    driver: webdriver.Chrome
    url: str

    def open(self, query: str = "", *, width: int = 1280, dark: bool = False) -> None:
        """Go to a view at a width of the window."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        # A list that glides to its places is hard to click on.
        motion = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme, motion]})
        self.driver.get(f"{self.url}/{query}")
        self.wait(lambda: self.all("h1") or self.all("[role=alert]"))

    def all(self, selector: str) -> list[WebElement]:
        """Return the elements there are."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        """Return the first element, once it is there."""
        return self.wait(lambda: self.all(selector))[0]

    def button(self, text: str) -> WebElement:
        """Return the button with this text, once it is there."""
        return self.wait(lambda: [b for b in self.all("button") if text in b.text])[0]

    def texts(self, selector: str) -> list[str]:
        """Return the texts of elements."""
        return [element.text for element in self.all(selector)]

    def wait(self, condition: Callable[[], Any]) -> Any:
        """Return what a condition gives, once it gives something."""
        waiting = WebDriverWait(self.driver, LONGEST_WAIT_S, 0.05, [StaleElementReferenceException])
        return waiting.until(lambda _: condition())

    def press(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()

    def hover(self, element: WebElement) -> None:
        """Point at an element."""
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        ActionChains(self.driver).move_to_element(element).perform()

    def click(self, element: WebElement) -> None:
        """Click on an element wherever it is on the page."""
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    @property
    def focused(self) -> WebElement:
        """The element that has the focus."""
        return self.driver.switch_to.active_element

    @property
    def state(self) -> dict[str, list[str]]:
        """The state that the address holds."""
        return parse_qs(urlsplit(self.driver.current_url).query)

    def settled(self) -> None:
        """Wait until both lists are there and none is being asked for."""
        self.wait(
            lambda: len(self.all(".list ol .card")) > 0 and not self.all(".list[aria-busy='true']")
        )

    def items(self, side: str) -> list[str]:
        """Return the item ids of a list, in its order."""
        cards = self.all(f".list.{side} .card")
        return [str(card.get_attribute("data-item")) for card in cards]

    def set_strength(self, key: str) -> None:
        """Move the slider with a key, and wait for its list."""
        self.one(".strength input").send_keys(key)
        self.wait(lambda: self.texts(".strength output") == self.texts(".list.with h2 .accent"))
        self.settled()

    def complaints(self) -> list[str]:
        """Return what the console holds of errors since the last look."""
        return [
            entry["message"]
            for entry in self.driver.get_log("browser")  # type: ignore[no-untyped-call]
            if entry["level"] == "SEVERE"
        ]


KEYS = Keys
