"""Work in a thread: the newest values only, with progress, a Stop button and a status line.

Meanwhile the kernel stays free to receive Stop and new values of a control. Works with
ipywidgets 7.7.1 and 8. Nothing here imports TensorFlow.
"""

import contextlib
import contextvars
import html
import threading
import time

import ipywidgets

from cnnvis_helpers._shared.progress import quiet_stops

PATIENCE = 0.4  # seconds before the status line says that silent work is running


class Overtaken(BaseException):
    """Cancels an outdated redraw; a BaseException, so `except Exception` does not swallow it."""


class Task:
    """One redraw: reports progress and is told when to end."""

    def __init__(self, worker):
        self._worker = worker
        self.overtaken = False  # newer values are waiting
        self.given_up = False  # an error is shown in place of its picture
        self.stopped = False  # the Stop button was pressed
        self._ended = False  # the work has noticed it
        self.reached = None  # (done, total) of the last progress

    def progress(self, done, total):
        """Report progress; pass this to a method as its `progress=`.

        Raises StopIteration after Stop, so that the method returns what it has, and `Overtaken`
        when newer values are waiting.
        """
        self.reached = done, total
        self.check()
        self._worker._show_progress(done, total)

    def check(self):
        """Raise as `progress` does, but show nothing."""
        if self.overtaken:
            raise Overtaken
        if self.stopped:
            self._ended = True
            raise StopIteration

    def preview(self, drawn):
        """Show an unfinished picture (`Drawn`)."""
        if not self.given_up:
            self._worker._show(drawn)

    @property
    def cut_short(self):
        """How far stopped work got, "3 of 20", or "" for finished work."""
        done, total = self.reached or (0, 0)
        return f"{done} of {total}" if self._ended and done < total else ""


class Worker:
    """Runs `work(values, task)` in a thread, one call at a time, for the newest values.

    A subclass defines `values()`, `work(values, task)` and `_show_error(text)`. Attributes: `line`,
    the widget with `status`, `bar` and `stop_button`.
    """

    def __init__(self, name):
        self.name = name
        self._lock, self._speaking = threading.Lock(), threading.Lock()
        self._wanted, self._task, self._thread, self._held = None, None, None, 0
        self._idle = threading.Event()
        self._idle.set()
        self._last_progress = 0.0
        self.status = ipywidgets.HTML(layout={"margin": "0 12px 0 0"})
        self.status.add_class("cnnvis-status")
        self.bar = ipywidgets.IntProgress(
            min=0, max=1, layout={"width": "160px", "display": "none"}
        )
        self.stop_button = ipywidgets.Button(
            description="Stop",
            icon="stop",
            disabled=True,
            tooltip="Stop and keep what is done",
            layout={"width": "90px", "display": "none"},
        )
        self.stop_button.add_class("cnnvis-stop")
        self.stop_button.on_click(lambda _: self.stop())
        self.line = ipywidgets.HBox(
            [self.status, self.bar, self.stop_button],
            layout={"align_items": "center", "min_height": "36px"},
        )

    def request(self):
        """Start work on the current values and return at once."""
        if self._held:
            return
        values = self.values()
        with self._lock:
            self._wanted = values
            if self._task:
                self._task.overtaken = True
            if self._thread is None:
                self._idle.clear()
                # The context carries the message to which the picture replies (ipykernel 7).
                run = contextvars.copy_context().run
                self._thread = threading.Thread(target=run, args=(self._work,), daemon=True)
                self._thread.start()

    @contextlib.contextmanager
    def hold(self):
        """Let controls be set inside the block without a redraw for each."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1

    def wait(self, timeout=60):
        """Wait until all work is done; return self. Raises TimeoutError."""
        if not self._idle.wait(timeout):
            raise TimeoutError(f"The explorer {self.name!r} still works after {timeout} s.")
        return self

    def stop(self):
        """Stop the current work and keep what the method has done so far."""
        with self._lock:
            if self._task:
                self._task.stopped = True

    def _work(self):
        while True:
            with self._lock:
                if self._wanted is None:
                    self._thread = self._task = None
                    self._idle.set()
                    return
                values, self._wanted = self._wanted, None
                self._task = task = Task(self)
            self._run(values, task)

    def _run(self, values, task):
        try:
            with self._patience(), quiet_stops():
                self.work(values, task)
        except Overtaken:
            return
        except StopIteration:
            self._say("Stopped; the picture is as it was.")
        except Exception as error:
            self._show_error(sentence(error))
        finally:
            self._show_bar(False)

    def _give_up(self, text):
        """Show an error and cancel the current redraw."""
        with self._lock:
            self._wanted = None
            if self._task:
                self._task.overtaken = self._task.given_up = True
        self._show_error(text)

    @contextlib.contextmanager
    def _patience(self):
        """Show "working ..." if the work takes long and reports nothing itself."""
        over, before = threading.Event(), self.status.value

        def say():
            with self._speaking:
                if not over.is_set() and self.status.value == before:
                    self._say(f"{self.name}: working ...")

        timer = threading.Timer(PATIENCE, contextvars.copy_context().run, [say])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            with self._speaking:
                over.set()

    def _say(self, text):
        self.status.value = f"<span>{html.escape(text)}</span>" if text else ""

    def _show_progress(self, done, total):
        now = time.monotonic()
        if now - self._last_progress < 0.1 and done < total:
            return
        self._last_progress = now
        self.bar.max, self.bar.value = total, done
        self._show_bar(True)
        self._say(f"{self.name}: {done} of {total}")

    def _show_bar(self, shown):
        self.stop_button.disabled = not shown
        self.bar.layout.display = self.stop_button.layout.display = "" if shown else "none"


def sentence(error):
    """Return the message of an error as one line for the reader."""
    text = " ".join(str(error).split()) or "no message"
    if not isinstance(error, ValueError | TypeError | OSError):
        text = f"{type(error).__name__}: {text}"
    return text if len(text) <= 400 else f"{text[:396]} ..."
