"""The browser that slides and browser tests use: a Chromium or Chrome installed here."""

import os
import shutil
import subprocess
import tempfile

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


# What a page would fetch goes to a proxy that is not there; the browser asks it for 127.0.0.1 too.
NOWHERE = "127.0.0.1:9"
OFFLINE = [f"--proxy-server={NOWHERE}", "--proxy-bypass-list=<-loopback>"]


class Missing(Exception):
    """Something that has to be installed first, or that did not do what it is for."""


def run_chromium(arguments, timeout=120):
    """Run the browser without a window and without a network; return what it prints, as bytes.

    Raises Missing, in a sentence, when there is none, when it fails and when it takes too long.
    """
    browser = find_chromium()
    if browser is None:
        raise Missing("No Chromium or Chrome here. Install one, or name it with CNNVIS_BROWSER.")
    with tempfile.TemporaryDirectory() as profile:
        command = [browser, "--headless", *FLAGS, *OFFLINE, "--hide-scrollbars"]
        command += [f"--user-data-dir={profile}", *arguments]
        try:
            return subprocess.run(command, capture_output=True, timeout=timeout, check=True).stdout
        except subprocess.TimeoutExpired:
            raise Missing(f"{browser} took more than {timeout} s for {arguments[-1]}.") from None
        except (subprocess.CalledProcessError, OSError) as error:
            said = (getattr(error, "stderr", None) or b"").decode("utf-8", "replace").split("\n")
            reason = next((line for line in reversed(said) if line.strip()), str(error))[:300]
            raise Missing(f"{browser} could not show {arguments[-1]}: {reason}") from None


def find_chromium():
    """Return the path of the browser, or None. CNNVIS_BROWSER names one, and then no other."""
    named = os.environ.get("CNNVIS_BROWSER")
    return next(filter(None, map(shutil.which, [named] if named else NAMES)), None)
