"""Films the explorer of a report: ``python tools/animation.py REPORT.html FILE.gif``. It needs Chromium."""

import io
import math
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import FloatRect, Page, sync_playwright

VIEW = (900, 900)
STEPS, PAUSE = 40, 6  # pictures of the walk over the map, and of a halt
MILLISECONDS = 110
COLORS = 224
WALK = ((0.31, 0.41), (0.69, 0.61))  # what is walked between at the end, in fractions of the map


def film(page: Page) -> Iterator[Image.Image]:
    """Walk in a widening spiral over the map, then from one point to another in a straight line."""
    canvas = page.locator('[data-part="map"]')
    box = canvas.bounding_box()
    assert box is not None
    clip: FloatRect = {"x": 0, "y": box["y"] - 8, "width": VIEW[0], "height": box["height"] + 118}

    def place(across: float, up: float) -> tuple[float, float]:
        assert box is not None
        return box["x"] + across * box["width"], box["y"] + up * box["height"]

    def shot() -> Image.Image:
        return Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB")

    for step in range(STEPS):
        radius, angle = 0.1 + 0.28 * step / STEPS, 4 * math.pi * step / STEPS
        page.mouse.move(*place(0.5 + radius * math.cos(angle), 0.5 + radius * math.sin(angle)))
        yield shot()
    page.locator('[data-do="interpolate"]').click()
    for end in WALK:
        page.mouse.click(*place(*end))
        yield from [shot()] * PAUSE
    way = page.locator('[data-part="way"]')
    for step in range(STEPS // 2 + 1):
        way.fill(str(2 * step / STEPS))
        yield shot()
    yield from [shot()] * PAUSE


def main(report: Path, target: Path) -> None:
    """Write the animation."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium") or shutil.which("google-chrome"))
        page = browser.new_page(viewport={"width": VIEW[0], "height": VIEW[1]})
        page.goto(report.resolve().as_uri())
        page.locator("#explorer[data-ready]").wait_for()
        page.locator("#explorer").evaluate("root => root.scrollIntoView()")
        frames = list(film(page))
        browser.close()
    # One palette for all: colours that change from picture to picture flicker.
    sheet = Image.new("RGB", (frames[0].width, 2 * frames[0].height))
    sheet.paste(frames[0], (0, 0))
    sheet.paste(frames[-1], (0, frames[0].height))
    palette = sheet.quantize(COLORS)
    first, *rest = (frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames)
    first.save(target, save_all=True, append_images=rest, duration=MILLISECONDS, loop=0, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
