"""JupyterLab on this machine's own address, and a browser that drives it.

    with Lab(folder) as lab, lab.browser() as browser:
        with lab.opened(browser, "demo.ipynb") as page:
            run_all(page)

The browser is a Chromium or Chrome that is installed already (CNNVIS_BROWSER names another one);
nothing is downloaded. The server's settings live in a folder of its own.
"""

import contextlib
import io
import itertools
import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from chromium import FLAGS, find_chromium  # noqa: E402
from course import DEFAULTS  # noqa: E402

SERVER = DEFAULTS["etc/jupyter/jupyter_server_config.json"]  # as `tools/course.py open` sets it

SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    # Cells out of sight stay in the page, so that a test can find them.
    "notebook-extension/tracker": {"windowingMode": "none"},
    "docmanager-extension/plugin": {"autosave": False},
}
PICTURES = ROOT / "build" / "browser"  # screenshots, to be looked at
START = 120  # seconds a server may take
RUN = 300  # and a notebook
PATIENCE = 90  # and a picture on a busy machine
DEAD = ("dead", "terminating", "restarting", "autorestarting")  # what a kernel is without its cells
_numbers = itertools.count()


def missing():
    """Say in a sentence what a browser test lacks here; None if nothing."""
    for module in ("playwright", "jupyterlab"):
        try:
            __import__(module)
        except ImportError:
            return f"no browser tests: {module} is not installed (pip install -e .[test])"
    if find_chromium() is None:
        return (
            "no browser tests: neither Chromium nor Chrome is installed (on Debian: "
            "apt-get install chromium), and CNNVIS_BROWSER names none"
        )
    return None


def write_notebook(path, cells, outputs=None):
    """Write a notebook of code cells; each is a string. outputs: a list of outputs for each."""
    import nbformat

    outputs = outputs or [[]] * len(cells)
    made = [nbformat.v4.new_code_cell(x, outputs=y) for x, y in zip(cells, outputs, strict=True)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel}
    nbformat.write(nbformat.v4.new_notebook(cells=made, metadata=metadata), path)


class Lab:
    """A JupyterLab that serves one folder on 127.0.0.1 until the block ends."""

    def __init__(self, folder, private):
        """folder: Path with the notebooks; private: an empty Path for settings and the log."""
        self.folder, self.private = Path(folder), Path(private)
        self.token = secrets.token_hex(16)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def __enter__(self):
        for name, settings in SETTINGS.items():
            path = self.private / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(settings), encoding="utf-8")
        (self.private / "config").mkdir()
        settings = self.private / "config" / "jupyter_server_config.json"
        settings.write_text(SERVER, encoding="utf-8")
        self.log = open(self.private / "server.log", "w", encoding="utf-8")  # noqa: SIM115
        options = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": self.port,
            "ServerApp.port_retries": 0,
            "ServerApp.root_dir": self.folder,
            "ServerApp.open_browser": False,
            "ServerApp.allow_root": True,
            "IdentityProvider.token": self.token,
        }
        command = [sys.executable, "-m", "jupyterlab"]
        command += [f"--{name}={value}" for name, value in options.items()]
        self.server = subprocess.Popen(
            command, env=self._environment(), stdout=self.log, stderr=subprocess.STDOUT
        )
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.server.terminate()
        try:
            self.server.wait(20)
        except subprocess.TimeoutExpired:
            self.server.kill()
        self.log.close()

    def _environment(self):
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "JUPYTERLAB_SETTINGS_DIR": str(self.private / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(self.private / "workspaces"),
            "JUPYTER_CONFIG_DIR": str(self.private / "config"),
            "JUPYTER_RUNTIME_DIR": str(self.private / "runtime"),
            "IPYTHONDIR": str(self.private / "ipython"),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }

    def _wait(self):
        address, end = f"http://127.0.0.1:{self.port}/api?token={self.token}", time.time() + START
        while time.time() < end and self.server.poll() is None:
            with contextlib.suppress(urllib.error.URLError, OSError):
                urllib.request.urlopen(address, timeout=5).close()
                return
            time.sleep(0.3)
        said = (self.private / "server.log").read_text(encoding="utf-8")[-1500:]
        raise RuntimeError(f"JupyterLab did not start within {START} s: {said}")

    @contextlib.contextmanager
    def browser(self):
        """Start the browser, without a window; yields playwright's Browser."""
        from playwright.sync_api import sync_playwright

        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
            try:
                yield browser
            finally:
                browser.close()

    @contextlib.contextmanager
    def opened(self, browser, notebook):
        """Open a notebook, alone; yields playwright's Page once its kernel is there.

        Page and kernels, which hold a gigabyte each, end with the block.
        """
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(1000 * PATIENCE)
        place = f"lab/workspaces/{next(_numbers)}/tree/{notebook}?token={self.token}"
        try:
            page.goto(f"http://127.0.0.1:{self.port}/{place}")
            page.wait_for_selector(".jp-NotebookPanel .jp-CodeCell", timeout=1000 * START)
            page.wait_for_selector("#jupyterlab-splash", state="detached", timeout=1000 * START)
            self._wait_for_kernel(page, notebook)
            yield page
        finally:
            page.close()
            for kernel in self._ask("kernels"):
                self._ask(f"kernels/{kernel['id']}", "DELETE")

    def _wait_for_kernel(self, page, notebook):
        """Wait until the page is connected to its idle kernel.

        The page's own mark says "idle" before there is one. Who runs cells then makes JupyterLab
        start a second kernel, and what the first one shows or answers is lost.
        """
        end, kernel = time.time() + START, None
        while time.time() < end:
            kernel = next((s["kernel"] for s in self._ask("sessions") if s["path"] == notebook), {})
            if kernel.get("execution_state") == "idle" and kernel.get("connections"):
                page.wait_for_selector(
                    '.jp-Notebook-ExecutionIndicator[data-status="idle"]', timeout=1000 * START
                )
                return
            page.wait_for_timeout(200)
        raise RuntimeError(f"{notebook} had no idle kernel within {START} s, but {kernel}.")

    def _ask(self, what, method="GET"):
        """Ask the server for its "sessions", "kernels" or one of them; returns the JSON or None."""
        address = f"http://127.0.0.1:{self.port}/api/{what}?token={self.token}"
        request = urllib.request.Request(address, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")


def run_all(page):
    """Run all cells from the menu, as a student does, and wait until the kernel has answered."""
    prompts = page.locator(".jp-NotebookPanel .jp-CodeCell .jp-InputPrompt")
    last = prompts.last
    errors = page.locator('.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.error"]')
    kernel = page.locator(".jp-Notebook-ExecutionIndicator").first
    end, begun = time.time() + RUN, False
    stored = last.inner_text().strip(" []:")  # a number in a notebook that was stored with outputs
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    while time.time() < end:
        prompt = last.inner_text().strip(" []:")  # "" or stored, "*" meanwhile, a number after
        begun = begun or prompt == "*" or prompt != stored
        if begun and prompt.isdigit():
            return
        if errors.count():
            raise RuntimeError(f"A cell failed: {errors.first.inner_text()[-1500:]}")
        state = kernel.get_attribute("data-status") or ""
        if begun and state in DEAD:
            raise RuntimeError(f"The kernel ended before the notebook did: it is {state!r}.")
        page.wait_for_timeout(200)
    keep_picture(page, "did-not-run")
    said = f"kernel {state!r}, cells {' '.join(prompts.all_inner_texts())}"
    raise RuntimeError(f"The notebook did not end within {RUN} s: {said}")


def menu(box, label):
    """Return the drop-down menu with this label."""
    return box.locator(f'.widget-dropdown:has(label:text-is("{label}")) select')


def choose(box, label, option):
    """Choose an option, by its text, of the menu with this label."""
    texts = menu(box, label).locator("option").all_inner_texts()
    number = [text.replace("\xa0", " ") for text in texts].index(option)
    menu(box, label).select_option(index=number)


def search(box, label, text):
    """Type a class into the class menu with this label, and press Enter."""
    field = box.get_by_label(label, exact=True)
    field.fill(text)
    field.press("Enter")


def upload(box, file):
    """Choose a file in the dialog that "Own photo" opens; file: as playwright's `set_files`."""
    with box.page.expect_file_chooser() as chooser:
        box.get_by_role("button", name="Own photo").click()
    chooser.value.set_files(file)


def picture(box):
    """Return the pixels of an explorer's picture as they are seen, float (H, W, 3), 0..255."""
    import numpy as np
    from PIL import Image
    from playwright.sync_api import Error

    for attempts_left in range(9, -1, -1):
        try:
            shown = box.locator("img").first.screenshot()
            break
        except Error as error:  # a preview has taken the place of the picture meanwhile
            if not attempts_left or not re.search("not attached|not visible", str(error)):
                raise
            box.page.wait_for_timeout(200)
    return np.asarray(Image.open(io.BytesIO(shown)).convert("RGB"), np.float64)


def picture_after(box, act, words=""):
    """Do something; wait for another picture whose alt text holds `words`; return its pixels."""
    image = box.locator("img").first
    before = image.get_attribute("src") if image.count() else None
    act()
    box.page.wait_for_function(
        "([box, before, words]) => { const img = box.querySelector('img');"
        " return img && img.complete && img.src !== before && img.alt.includes(words) }",
        arg=[box.element_handle(), before, words],
    )
    return picture(box)


def press(box, label, key, times=1):
    """Press a key on the slider or menu with this label: no mouse is needed."""
    control = box.locator(f'.widget-inline-hbox:has(> label:text-is("{label}"))')
    handle = control.locator(".noUi-handle, select")
    handle.focus()
    for _ in range(times):
        handle.press(key)


def stop_button(box):
    """Find the Stop button, also while it is hidden."""
    return box.locator("button.widget-button", has_text="Stop")


def wait_for_end(box):
    """Wait until no work is under way: the Stop button is disabled."""
    button = stop_button(box).element_handle()
    box.page.wait_for_function("button => button.disabled", arg=button)


def stop(box, act):
    """Begin long work, press Stop as soon as it is there, and return what the status then says."""
    act()
    button = stop_button(box)
    box.page.wait_for_function("button => !button.disabled", arg=button.element_handle())
    button.click()
    wait_for_end(box)
    return box.get_by_role("status").inner_text()


def keep_picture(page, name):
    """Keep a screenshot of a page, or of one part of it, to be looked at."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png")
