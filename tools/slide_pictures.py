"""Look at slides with Chromium: what runs over an edge, and a picture of every slide.

    check(path) -> a list of dicts, one a slide; needs Chromium alone
    faults(slide) -> what is wrong with one of them
    take_pictures(path) -> PNG files and contact sheets; needs the package playwright too

The network is off: Chromium gets a proxy that does not exist. What cannot be had (a browser, the
package playwright, an answer in time) is said in one sentence, as `chromium.Missing`.
"""

import contextlib
import html
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from chromium import FLAGS, OFFLINE, Missing, find_chromium, run_chromium
from slide_figures import READABLE

PROSE, SMALLEST = 20, 15  # pixels of writing on a slide of 1280 x 720, at least


def check(path, timeout=120):
    """Return what Chromium sees on each slide of a deck at 1280 x 720.

    Each dict has "slide" (place), "title", "outside" (what runs over an edge, "" for nothing),
    "smallest" (smallest writing, pixels), "prose" (size of prose), "figure" (size of the smallest
    writing inside a figure, pixels, or None) and "broken" (pictures that did not load).
    """
    arguments = ["--window-size=1280,720", "--virtual-time-budget=60000", "--dump-dom"]
    page = run_chromium([*arguments, f"{Path(path).as_uri()}?check"], timeout)
    page = page.decode("utf-8", "replace")
    found = re.search(r'<script type="application/json" id="checked">(.*?)</script>', page, re.S)
    if not found:
        raise Missing(f"Chromium could not show {path}: its script did not come to an end.")
    return json.loads(html.unescape(found[1]))


def faults(slide):
    """Return what is wrong with a slide that `check` saw, a sentence each; [] for a good one."""
    found = [f"{slide['outside']}over the edge"] if slide["outside"] else []
    if slide["broken"]:
        found.append("a picture did not load")
    if slide["prose"] < PROSE:
        found.append(f"prose of {slide['prose']:.0f} pixels, less than {PROSE}")
    if slide["smallest"] is not None and slide["smallest"] < SMALLEST:
        found.append(f"writing of {slide['smallest']:.0f} pixels, less than {SMALLEST}")
    if slide["figure"] is not None and slide["figure"] < READABLE:
        found.append(f"writing of {slide['figure']:.1f} pixels in a figure, less than {READABLE}")
    return found


def take_pictures(path):
    """Write pictures/NN_name-001.png and so on, and contact sheets of twelve; return them all."""
    try:
        from playwright.sync_api import Error
    except ImportError:
        raise Missing("--pictures needs playwright. Run: pip install playwright") from None
    if find_chromium() is None:
        raise Missing("--pictures needs Chromium or Chrome; CNNVIS_BROWSER names one.")
    folder = path.parent / "pictures"
    folder.mkdir(exist_ok=True)
    for old in folder.glob(f"{path.stem}-*.png"):
        old.unlink()
    try:
        # A thread of its own: where an event loop runs (a notebook, another browser of
        # playwright), playwright refuses to work in that thread.
        with ThreadPoolExecutor(1) as own:
            pictures = own.submit(_photograph, path, folder).result()
    except Error as error:
        raise Missing(f"No pictures of {path.name}: {str(error).splitlines()[0]}") from None
    print(f"{len(pictures)} pictures of {path.name} in {folder}")
    return pictures + contact_sheets(pictures, folder / f"{path.stem}-sheet")


def _photograph(path, folder):
    """Write a picture of each slide of a deck into a folder; return their paths."""
    from playwright.sync_api import sync_playwright

    pictures = []
    with sync_playwright() as playwright, _offline_page(playwright) as page:
        page.goto(path.as_uri())
        page.wait_for_function("window.Reveal && Reveal.isReady()")
        for number in range(page.evaluate("Reveal.getTotalSlides()")):
            page.wait_for_timeout(60)
            pictures.append(folder / f"{path.stem}-{number + 1:03}.png")
            page.screenshot(path=pictures[-1])
            page.evaluate("Reveal.next()")
    return pictures


@contextlib.contextmanager
def _offline_page(playwright):
    """A page of 1280 x 720 in a browser without a network."""
    browser = playwright.chromium.launch(
        executable_path=find_chromium(), args=[*FLAGS[1:], *OFFLINE]
    )
    try:
        yield browser.new_page(viewport={"width": 1280, "height": 720}, offline=True)
    finally:
        browser.close()


def contact_sheets(pictures, stem, columns=3, rows=4, width=640):
    """Paste pictures into sheets of columns x rows."""
    from PIL import Image

    height, sheets = width * 9 // 16, []
    for start in range(0, len(pictures), columns * rows):
        sheet = Image.new("RGB", (columns * width, rows * height), "#888")
        for place, path in enumerate(pictures[start : start + columns * rows]):
            small = Image.open(path).convert("RGB").resize((width - 6, height - 6))
            sheet.paste(small, (place % columns * width, place // columns * height))
        sheets.append(Path(f"{stem}{len(sheets) + 1}.png"))
        sheet.save(sheets[-1])
    return sheets
