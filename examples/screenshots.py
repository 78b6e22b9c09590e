"""The explorer's pictures in docs/images, made from a served run: `make screenshots`.

python examples/screenshots.py RUN [FOLDER]
"""

from __future__ import annotations

import base64
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
# A customer of the demo shop with taste for the rare, whom hits would be shown otherwise.
USER = "user-02913"


@dataclass(frozen=True)
class Picture:
    """A view at a size in CSS pixels, drawn ``scale`` times as fine."""

    name: str
    query: str
    width: int = 1280
    height: int = 1000
    scale: float = 1.25
    dark: bool = False


PICTURES = (
    Picture("compare", f"?user={USER}&debias=0.25", height=1120),
    Picture("compare-dark", f"?user={USER}&debias=0.25", height=1120, dark=True),
    Picture("compare-narrow", f"?user={USER}&debias=0.25", width=400, height=1500, scale=1),
    Picture("catalog", "?view=catalog&rank=1200"),
    Picture("item", "?view=item&item=item-02121"),
    Picture("quality", "?view=quality", height=1100),
)


@contextmanager
def served(run: Path) -> Iterator[str]:
    """Serve a run at a free port of this machine, and yield its URL."""
    command = [sys.executable, "-m", "longtail.cli", "serve", str(run), "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if " at http" not in line:
                raise SystemExit(f"{run} can't be served; `longtail serve {run}` says why")
            yield line.split(" at ")[1].split()[0]
        finally:
            process.terminate()


@contextmanager
def chromium() -> Iterator[webdriver.Chrome]:
    """Start Debian's Chromium without a window."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        raise SystemExit("chromium and chromium-driver are needed; `make browser` installs them")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    # Only our own page is shown, so the sandbox, which root can't have, isn't needed.
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.add_argument("--hide-scrollbars")
    found = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield found
    finally:
        found.quit()


def take(driver: webdriver.Chrome, url: str, picture: Picture) -> bytes:
    """Return the PNG of a view, once everything on it is there."""
    size = {"width": picture.width, "height": picture.height, "mobile": False}
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {**size, "deviceScaleFactor": picture.scale}
    )
    scheme = {"name": "prefers-color-scheme", "value": "dark" if picture.dark else "light"}
    motion = {"name": "prefers-reduced-motion", "value": "reduce"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme, motion]})
    driver.get(f"{url}/{picture.query}")
    WebDriverWait(driver, 30).until(
        lambda page: (
            page.find_elements(By.CSS_SELECTOR, "h1")
            and not page.find_elements(By.CSS_SELECTOR, ".skeleton, [aria-busy='true']")
            and page.execute_script(
                "return [...document.querySelectorAll('canvas')].every(c => c.chart)"
            )
        )
    )
    driver.execute_async_script("document.fonts.ready.then(() => setTimeout(arguments[0], 400))")
    return base64.b64decode(driver.execute_cdp_cmd("Page.captureScreenshot", {})["data"])


def main() -> None:
    """Take all pictures of a run."""
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    run, folder = Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) == 3 else IMAGES
    folder.mkdir(parents=True, exist_ok=True)
    with served(run) as url, chromium() as driver:
        for picture in PICTURES:
            path = folder / f"explorer-{picture.name}.png"
            path.write_bytes(take(driver, url, picture))
            sys.stdout.write(f"{path} {path.stat().st_size // 1000} kB\n")


if __name__ == "__main__":
    main()
