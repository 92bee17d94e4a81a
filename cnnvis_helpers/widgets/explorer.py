"""What every explorer shares: labelled controls, one picture with alt text, a status line, Stop.

An explorer is a dict of core ipywidgets and one function, `draw(values, task) -> Drawn`:

    def draw(values, task):
        heat = occlusion(net, values.photo, patch=values.patch, progress=task.progress)
        return Drawn(pixels, alt="A heat map ...", note="225 passes")

    Explorer("occlusion", {"patch": slider("Patch", 16, 4, 32)}, draw, photo="chelsea")

- The first picture is drawn before the explorer is shown. The cell's stored output holds it as a
  static figure with alt text, for readers without a kernel; a live explorer hides that figure.
- Work is done in a thread, so the kernel stays free to hear Stop and the next value of a control.
  What takes longer than a moment says so in the status line, with a bar where the method counts.
- Only the newest values count: a redraw that has been overtaken ends at its next `task.progress`,
  and values that came in between are never drawn.
- An error becomes one sentence in place of the picture, and the controls go on working. So does a
  photo that was chosen but is larger than the server lets through, of which no kernel ever hears.

Works with ipywidgets 7.7.1 and 8. Nothing here imports TensorFlow.
"""

import base64
import contextlib
import contextvars
import html
import io
import threading
import time
import types
from typing import NamedTuple

import ipywidgets
import numpy as np
from PIL import Image

from cnnvis_helpers._shared.progress import quiet_stops
from cnnvis_helpers.photos.photos import list_photos, load_photo
from cnnvis_helpers.widgets.controls import choice

__all__ = ["Drawn", "Explorer", "Task"]

LARGEST_PHOTO = 1024  # pixels; a larger photo is shrunk, so that every explorer stays quick
UPLOADED, GIVEN = "own photo", "this photo"
OWN_PHOTO = "Own photo"
LIVE = "Run this cell to use the explorer."
SMALLEST = 0.6  # of its own width, to which a picture shrinks in a narrow window
PATIENCE = 0.4  # seconds until work that says nothing of its own is called work
SLOW = 8.0  # seconds until a chosen photo that has not reached the kernel is called slow
ARRIVAL = 45.0  # and until it is given up: 8 MB at 5 Mbit/s take 12
WAITING = "no file yet"
DOUBTED = (
    "The photo is still on its way; if it is larger than this server lets through (10 MB as a "
    "rule), it will not come. You may choose a smaller one."
)
LOST = (
    "The photo has not arrived; it is probably larger than this server lets through (10 MB as a "
    "rule): save it smaller, or put it beside the notebook and give its path in place of an upload."
)
_WIDGET = "application/vnd.jupyter.widget-view+json"
_numbers = {}


class Drawn(NamedTuple):
    """A picture as an explorer shows it: uint8 (H, W, 3), its alt text, and the status line."""

    pixels: np.ndarray
    alt: str
    note: str = ""


class Overtaken(BaseException):
    """Ends a redraw whose values are no longer the newest; not an Exception, so nobody keeps it."""


class Task:
    """One redraw under way: it says how far it is, and hears when to end."""

    def __init__(self, explorer):
        self._explorer = explorer
        self.overtaken = False  # newer values are waiting
        self.stopped = False  # the Stop button was pressed
        self._ended = False  # and the work heard of it before it was done
        self.reached = None  # (done, total) of the last progress

    def progress(self, done, total):
        """Tell how much is done; hand it to a method as its `progress=`.

        Raises StopIteration after Stop, so that the method returns what it has; raises `Overtaken`
        when there are newer values.
        """
        self.reached = done, total
        self.check()
        self._explorer._show_progress(done, total)

    @property
    def cut_short(self):
        """How far stopped work came, "3 of 20", or "" for work that came to its end."""
        done, total = self.reached or (0, 0)
        return f"{done} of {total}" if self._ended and done < total else ""

    def preview(self, drawn):
        """Show a picture (`Drawn`) that is not finished yet."""
        self._explorer._show(drawn)

    def check(self):
        """Raise what `progress` raises, and show nothing."""
        if self.overtaken:
            raise Overtaken
        if self.stopped:
            self._ended = True
            raise StopIteration


class Explorer:
    """Controls, a picture that follows them, a status line and a Stop button.

    Parameters
    ----------
    name : str, in a word what is explored ("occlusion"); shown while it works
    controls : dict of name -> core ipywidget with a value and a description, in the order of the
        screen; a name that begins with "_" is shown but not drawn anew for
    draw : function (values, task) -> Drawn, called in a thread, one call at a time. values has the
        value of every control by its name; values.photo is the photo itself, values.photo_name its
        name, values.photo_number another number for every photo; task is a `Task`
    photo : uint8 (H, W, 3), a bundled photo's name, or None for an explorer without a photo
    adjust : dict of name -> function(explorer), called when this control ("photo" too) changes,
        before the redraw, and once in the beginning; it may set other controls
    wide : controls each in a row of its own, if True

    Attributes
    ----------
    controls : the dict, with "photo" and "upload" added where there is a photo
    unrehearsed : names of controls that a rehearsal leaves where they are, of the class
    box : the ipywidget to be shown; `display(explorer)` shows it with its static figure
    drawn : the last `Drawn`; None after an error, which `error` holds as a sentence
    """

    unrehearsed = ()

    def __init__(self, name, controls, draw, photo=None, adjust=None, wide=False):
        self.name, self.draw = name, draw
        self.controls = dict(controls)
        self.drawn, self.error = None, None
        self._adjust = dict(adjust or {})
        self._lock = threading.Lock()
        self._wanted, self._task, self._thread, self._held = None, None, None, 0
        self._speaking = threading.Lock()
        self._idle = threading.Event()
        self._idle.set()
        self._last_progress = 0.0
        self._number = _numbers[name] = _numbers.get(name, 0) + 1
        self.photo, self._photo_number = None, 0
        if photo is not None:
            self._add_photo(photo)
        self.box = self._build(wide)
        for control, widget in self.controls.items():
            if not control.startswith("_") and control != "upload":
                widget.observe(lambda _, control=control: self._changed(control), "value")
        with self.hold():
            for adjust in self._adjust.values():
                adjust(self)
        self.draw_now()

    # What is on the screen

    def _build(self, wide):
        self.picture = ipywidgets.HTML(layout={"margin": "4px 0", "overflow": "auto"})
        self.status = ipywidgets.HTML(layout={"margin": "0 12px 0 0"})
        self.status.add_class("cnnvis-status")
        self.bar = ipywidgets.IntProgress(
            min=0, max=1, layout={"width": "160px", "display": "none"}
        )
        self.stop_button = ipywidgets.Button(
            description="Stop",
            icon="stop",
            disabled=True,
            tooltip="End this work and keep what is done",
            layout={"width": "90px", "display": "none"},
        )
        self.stop_button.add_class("cnnvis-stop")
        self.stop_button.on_click(lambda _: self.stop())
        name = self._static_class
        page = ipywidgets.HTML(_page_rules(name), layout={"display": "none"})
        flow = "column" if wide else "row wrap"
        controls = ipywidgets.Box(
            list(self.controls.values()), layout={"flex_flow": flow, "overflow": "visible"}
        )
        line = ipywidgets.HBox(
            [self.status, self.bar, self.stop_button],
            layout={"align_items": "center", "min_height": "36px"},
        )
        box = ipywidgets.VBox([controls, self.picture, line, page])
        box.add_class(f"{name}-live")
        return box

    @property
    def _static_class(self):
        return f"cnnvis-{self.name.replace(' ', '-')}-{self._number}"

    def _ipython_display_(self, **_):
        from IPython.display import display

        view = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}
        display(self.static_bundle(), raw=True)
        # The text is for readers of a saved copy, in place of a page of widgets' names.
        display({_WIDGET: view, "text/plain": LIVE}, raw=True)

    def __repr__(self):
        return f"<Explorer {self.name!r}: {', '.join(self.controls)}>"

    def static_bundle(self):
        """Return the present picture as a notebook output: HTML with alt text, and plain text."""
        text, name = self.drawn.alt if self.drawn else self.error, self._static_class
        inner = self._static_picture()
        return {
            "text/html": f'<div class="{name}" style="overflow:auto">{inner}</div>'
            + _without_kernel(name),
            "text/plain": text,
        }

    def _static_picture(self):
        """Return the HTML that stands for the picture where no kernel is."""
        return _image_html(self.drawn) if self.drawn else f"<p>{html.escape(self.error)}</p>"

    # What happens when a control changes

    def _changed(self, control):
        try:
            with self.hold():
                if control in self._adjust:
                    self._adjust[control](self)
        except Exception as error:
            self._give_up(sentence(error))
            return
        self.request()

    def _give_up(self, text):
        """Show an error in place of the picture; what is drawn meanwhile is no longer wanted."""
        with self._lock:
            self._wanted = None
            if self._task:
                self._task.overtaken = True
        self._show_error(text)

    @contextlib.contextmanager
    def hold(self):
        """Let controls be set inside the block without a redraw for each of them."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1

    def values(self):
        """Return the values of all controls by name, the photo and its name, as they are now."""
        values = {name: getattr(widget, "value", None) for name, widget in self.controls.items()}
        values.pop("upload", None)
        values["photo_name"], values["photo"] = values.get("photo"), self.photo
        return types.SimpleNamespace(**values, photo_number=self._photo_number)

    def request(self):
        """Have the picture drawn with the present values, and return at once."""
        if self._held:
            return
        with self._lock:
            self._wanted = self.values()
            if self._task:
                self._task.overtaken = True
            if self._thread is None:
                self._idle.clear()
                # The context carries the message that the picture answers (ipykernel 7).
                run = contextvars.copy_context().run
                self._thread = threading.Thread(target=run, args=(self._work,), daemon=True)
                self._thread.start()

    def wait(self, timeout=60):
        """Wait until nothing is left to be drawn; return self. Raises TimeoutError."""
        if not self._idle.wait(timeout):
            raise TimeoutError(f"The explorer {self.name!r} still draws after {timeout} s.")
        return self

    def stop(self):
        """End the work under way; the picture keeps what the method had done so far."""
        with self._lock:
            if self._task:
                self._task.stopped = True

    def draw_now(self):
        """Draw with the present values and return when it is done; return self."""
        self.wait()
        self._draw_once(self.values(), Task(self))
        return self

    def _work(self):
        while True:
            with self._lock:
                if self._wanted is None:
                    self._thread = self._task = None
                    self._idle.set()
                    return
                values, self._wanted = self._wanted, None
                self._task = task = Task(self)
            self._draw_once(values, task)

    def _draw_once(self, values, task):
        try:
            with self._patience(), quiet_stops():
                drawn = self.draw(values, task)
            note = drawn.note
            if task.cut_short:
                note = f"Stopped after {task.cut_short}. {note}"
            self._show(drawn._replace(note=note))
        except Overtaken:
            return
        except StopIteration:
            self._say("Stopped; the picture is as it was.")
        except Exception as error:
            self._show_error(sentence(error))
        finally:
            self._hide_progress()

    @contextlib.contextmanager
    def _patience(self):
        """Say that there is work under way if it takes long and has said nothing of its own."""
        over, before = threading.Event(), self.status.value

        def say():
            with self._speaking:
                if not over.is_set() and self.status.value == before:
                    self._say(f"{self.name}: working ...")

        timer = _later(PATIENCE, say)
        try:
            yield
        finally:
            timer.cancel()
            with self._speaking:
                over.set()

    # What the worker shows

    def _show(self, drawn):
        self.drawn, self.error = drawn, None
        self.picture.value = _image_html(drawn)
        self._say(drawn.note)

    def _show_error(self, text):
        self.drawn, self.error = None, text
        self.picture.value = (
            '<p role="alert" style="padding:12px 16px;margin:0;max-width:60em;line-height:1.4;'
            'border-left:4px solid #D55E00;background:#FFF4EC;color:#111111">'
            f"{html.escape(text)}</p>"
        )
        self._say("")

    def _say(self, text):
        self.status.value = f"<span>{html.escape(text)}</span>" if text else ""

    def _show_progress(self, done, total):
        now = time.monotonic()
        if now - self._last_progress < 0.1 and done < total:
            return
        self._last_progress = now
        self.bar.max, self.bar.value = total, done
        if self.bar.layout.display == "none":
            self.bar.layout.display = self.stop_button.layout.display = ""
            self.stop_button.disabled = False
        self._say(f"{self.name}: {done} of {total}")

    def _hide_progress(self):
        if self.bar.layout.display != "none":
            self.stop_button.disabled = True
            self.bar.layout.display = self.stop_button.layout.display = "none"

    # The photo

    def _add_photo(self, photo):
        names = [row.name for row in list_photos()]
        bundled = isinstance(photo, str) and photo in names
        options = names if bundled else [GIVEN, *names]
        self._arriving, self._attempt, self._sender = threading.Lock(), 0, None
        self._upload_label = OWN_PHOTO
        self._photos = {} if bundled else {GIVEN: _small_photo(photo)}
        self.controls["photo"] = choice("Photo", options, photo if bundled else GIVEN)
        self.controls["upload"] = self._upload_button()
        after = self._adjust.pop("photo", None)
        self._adjust = {"photo": lambda _: self._pick_photo(after), **self._adjust}

    def _pick_photo(self, after):
        name = self.controls["photo"].value
        self.photo = self._photos[name] if name in self._photos else _small_photo(name)
        self._photo_number += 1
        if after:
            after(self)

    def _upload_button(self):
        """Return the button for an own photo, which is heard of before the file itself comes.

        A server closes the connection on a message that is too long (tornado's
        `websocket_max_message_size`, 10 MB), and nobody is told. The page clears `error` when a
        file is chosen; a link inside the page reports that in a short message of its own.
        """
        upload = ipywidgets.FileUpload(
            accept="image/*",
            multiple=False,
            description=self._upload_label,
            error=WAITING,
            layout={"width": "auto"},
        )
        upload.observe(lambda _: self._uploaded(upload), "value")
        self.chosen = ipywidgets.Text(value=WAITING)  # never shown: it carries the report
        self.chosen.observe(lambda change: change["new"] or self._await_photo(), "value")
        ipywidgets.jsdlink((upload, "error"), (self.chosen, "value"))
        return upload

    def _await_photo(self):
        with self._arriving:
            self._attempt += 1
            number, self._sender = self._attempt, self.controls["upload"]
        self._say("Waiting for the photo ...")
        _later(SLOW, lambda: self._doubt_photo(number))
        _later(ARRIVAL, lambda: self._lose_photo(number))

    def _doubt_photo(self, number):
        """Say that a photo takes long, and put a fresh button in place of the one that sent it.

        The page's part of the old one waits for the answer to what it sent, and sends nothing more.
        Where the way was only slow, the photo is still taken when it comes.
        """
        with self._arriving:
            if number == self._attempt:
                old, self.controls["upload"] = self.controls["upload"], self._upload_button()
                _replace(self.box, old, self.controls["upload"])
                self._say(DOUBTED)

    def _lose_photo(self, number):
        with self._arriving:
            if number == self._attempt:
                self._attempt += 1
                self._show_error(LOST)

    def _uploaded(self, upload):
        if not upload.value:
            return
        with self._arriving:
            self._attempt += upload is self._sender  # no alarm for this one
        value = upload.value
        _empty(upload)
        self.chosen.value = upload.error = WAITING  # for the next one
        self._say("Reading the photo ...")
        try:
            self._photos[UPLOADED] = _small_photo(value)
        except Exception as error:
            self._give_up(sentence(error))
            return
        self.upload_name = _upload_name(value)
        self._upload_label = f"{OWN_PHOTO}: {_short_name(self.upload_name)}"
        self.controls["upload"].description = self._upload_label
        menu = self.controls["photo"]
        with self.hold():
            if UPLOADED not in menu.options:
                menu.options = [*menu.options, UPLOADED]
            menu.value = UPLOADED
        self._changed("photo")


def _empty(upload):
    """Take the file from an upload button, so that the same file may be chosen again."""
    if isinstance(upload.value, dict):  # ipywidgets 7
        upload.metadata, upload.data = [], []
        upload.set_trait("value", {})
    else:
        upload.value = ()


def _upload_name(value):
    """Return the name of the uploaded file, in ipywidgets 7 (a dict) and 8 (a tuple)."""
    return next(reversed(value)) if isinstance(value, dict) else value[-1]["name"]


def _short_name(name, longest=28):
    """Return a file's name, its middle left out if it is long."""
    half = (longest - 1) // 2
    return name if len(name) <= longest else f"{name[:half]}…{name[-half:]}"


def _replace(box, old, new):
    """Put a widget in the place of another one, wherever it is in a box."""
    if old in box.children:
        box.children = [new if each is old else each for each in box.children]
    for child in box.children:
        if isinstance(child, ipywidgets.Box):
            _replace(child, old, new)


# Pictures and errors as HTML


# In the page of a live explorer. It keeps the keys pressed inside from JupyterLab, to which an
# arrow on a menu means "next cell", and a letter may delete a cell. It takes the count of files
# from the upload button, which is emptied each time and would always say 0. It names what
# ipywidgets leaves without a name to a screen reader: handles of sliders, the bar, the status line,
# which must stay one element to be read out. And it gives the focus back when Stop disappears.
_SCRIPT = " ".join("""
const begin = box => {
  let last = null, stopping = false;
  const all = (what, act) => box.querySelectorAll(what).forEach(act);
  const set = (e, key, value) => { if (e.getAttribute(key) !== value) e.setAttribute(key, value) };
  const name = () => {
    all('.noUi-handle, .ui-slider-handle', e => {
      const row = e.closest('.widget-inline-hbox'), label = row && row.querySelector('label');
      if (label) set(e, 'aria-label', label.textContent) });
    all('.widget-upload', e => {
      const text = e.lastChild, count = / [(][0-9]+[)]$/;
      if (text && count.test(text.data)) text.data = text.data.replace(count, '') });
    all('.cnnvis-status', e => set(e, 'role', 'status'));
    all('.progress', e => {
      set(e, 'role', 'progressbar'); set(e, 'aria-label', 'Progress');
      const bar = e.querySelector('.progress-bar');
      if (bar) set(e, 'aria-valuenow', String(parseInt(bar.style.width) || 0)) });
    const stop = box.querySelector('.cnnvis-stop'), now = document.activeElement;
    if (stopping && stop && stop.disabled) {
      stopping = false;
      if (last && last.isConnected && (now === stop || now.contains(box))) last.focus() }
  };
  box.addEventListener('focusin', event => {
    event.target.setAttribute('data-lm-suppress-shortcuts', 'true');
    stopping = !!event.target.closest('.cnnvis-stop');
    if (!stopping) last = event.target });
  new MutationObserver(name).observe(box, {subtree: true, childList: true, characterData: true,
    attributes: true, attributeFilter: ['style', 'disabled']});
  name();
};
const find = left => {
  const box = this.closest('.NAME-live');
  if (box) begin(box); else if (left) setTimeout(find, 50, left - 1) };
find(100)
""".split())


def _page_rules(name):
    """Return the style of a live explorer's page, which is in force as long as it is shown.

    It hides the static figure of its own cell. One page of JupyterLab shows many notebooks, so the
    figure must be in the same output area. In other pages (in Colab each cell's output is one of
    its own) the name alone must do. And it runs `_SCRIPT`.
    """
    here = f".jp-OutputArea:has(.{name}-live) .jp-OutputArea-child:has(.{name})"
    elsewhere = f"body:not(:has(.jp-OutputArea)) .{name}"
    script = _SCRIPT.replace("NAME", name)
    return f'<style onload="{script}">{here}, {elsewhere} {{display: none}}</style>'


def _without_kernel(name):
    """Return the style that says what to do where a saved page finds no kernel for the explorer.

    JupyterLab then writes "Error displaying widget: model not found" below the static figure, into
    an element that holds nothing else. A notebook that is not trusted keeps no style.
    """
    dead = (
        f".jp-OutputArea-child:has(.{name}) + .jp-OutputArea-child .jupyter-widgets:not(:has(*))"
    )
    words = f"content: '{LIVE}'; font-size: var(--jp-content-font-size1, 14px)"
    return f"<style>{dead} {{font-size: 0}} {dead}::after {{{words}}}</style>"


def _image_html(drawn):
    """Return the HTML that shows a `Drawn`: the picture is inside it, as a data address.

    In a narrow window it shrinks, but not below what can be read; then it is moved sideways.
    """
    width, data = drawn.pixels.shape[1], _jpeg(drawn.pixels)
    source = base64.b64encode(data).decode("ascii")
    return (
        f'<img alt="{html.escape(" ".join(drawn.alt.split()), quote=True)}" width="{width}" '
        f'height="{drawn.pixels.shape[0]}" decoding="sync" '
        f'style="max-width:max(100%,{round(SMALLEST * width)}px);height:auto;background:white" '
        f'src="data:image/jpeg;base64,{source}">'
    )


def _jpeg(pixels):
    """Encode uint8 (H, W, 3) as JPEG, colours at full resolution: text on it stays sharp."""
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, "JPEG", quality=90, subsampling=0)
    return stream.getvalue()


def _later(seconds, function):
    """Call a function after some seconds, in the context of the present message; return the timer.

    The context carries the message that the picture answers (ipykernel 7).
    """
    timer = threading.Timer(seconds, contextvars.copy_context().run, [function])
    timer.daemon = True
    timer.start()
    return timer


def sentence(error):
    """Return what an error says as one sentence for the reader."""
    text = " ".join(str(error).split()) or "no message"
    if not isinstance(error, ValueError | TypeError | OSError):
        text = f"{type(error).__name__}: {text}"
    return text if len(text) <= 400 else f"{text[:396]} ..."


def _small_photo(source):
    return load_photo(source, max_side=LARGEST_PHOTO)
