"""The browser that slides, handouts and browser tests use: a Chromium or Chrome installed here."""

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# No sandbox, since tests often run as root; nothing is looked up or fetched in the background.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_chromium():
    """Return the path of the browser, or None. CNNVIS_BROWSER names one, and then no other."""
    named = os.environ.get("CNNVIS_BROWSER")
    return next(filter(None, map(shutil.which, [named] if named else NAMES)), None)
