"""An explorer in a real kernel: Stop and new values are heard while it works.

The messages are those that a browser sends; nothing is drawn on a screen. The same test passes with
ipykernel 6.17 (Colab) and 7, where messages of widgets come in another thread.
"""

import time

import pytest

CODE = """
import time
import numpy as np
from cnnvis_helpers.widgets.controls import slider
from cnnvis_helpers.widgets.explorer import Drawn, Explorer

def draw(values, task):
    done = 0
    try:
        for done in range(1, 201 if values.number > 5 else 2):
            task.progress(done, 200)
            time.sleep(0.05)
    except StopIteration:
        pass
    return Drawn(np.zeros((8, 8, 3), np.uint8), f"Number {values.number}.", f"did {values.number}")

explorer = Explorer("work", {"number": slider("Number", 1, 0, 9)}, draw)
print(explorer.controls["number"].model_id, explorer.stop_button.model_id,
      explorer.picture.model_id, explorer.status.model_id)
"""


class Page:
    """What a browser does for widgets: it sends what is moved, and notes what it is told."""

    def __init__(self, client):
        self.client, self.said, printed = client, [], []

        def note(message):
            printed.append(message["content"].get("text", ""))

        reply = client.execute_interactive(CODE, timeout=120, output_hook=note)
        assert reply["content"]["status"] == "ok", reply["content"]
        self.number, self.stop, self.picture, self.status = "".join(printed).split()

    def send(self, model, data):
        content = {"comm_id": model, "data": data}
        self.client.shell_channel.send(self.client.session.msg("comm_msg", content))

    def move(self, value):
        state = {"value": value}
        self.send(self.number, {"method": "update", "state": state, "buffer_paths": []})

    def click_stop(self):
        self.send(self.stop, {"method": "custom", "content": {"event": "click"}})

    def wait(self, model, words, seconds=60):
        """Wait until a widget shows these words; keep all that the widgets were told."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            message = self.client.get_iopub_msg(timeout=seconds)
            if message["msg_type"] != "comm_msg":
                continue
            value = message["content"]["data"].get("state", {}).get("value")
            self.said.append((message["content"]["comm_id"], value))
            if self.said[-1][0] == model and words in str(value):
                return
        raise AssertionError(f"{words!r} was never shown; at last: {self.said[-3:]}")


@pytest.fixture(scope="module")
def page():
    manager = pytest.importorskip("jupyter_client.manager")
    kernel, client = manager.start_new_kernel(startup_timeout=120)
    try:
        yield Page(client)
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)


def test_a_moved_slider_stop_and_a_newer_value_are_heard(page):
    page.move(2)
    page.wait(page.picture, "Number 2.")
    page.move(9)
    page.wait(page.status, " of 200")
    page.click_stop()
    page.wait(page.status, "Stopped after")
    assert (page.picture, "Number 9.") in [(model, str(v)[10:19]) for model, v in page.said]
    page.move(8)
    page.wait(page.status, " of 200")
    for value in (7, 6, 3):
        page.move(value)
    before = len(page.said)
    page.wait(page.picture, "Number 3.")
    assert not [v for model, v in page.said[before:] if "Number 8." in str(v)]
