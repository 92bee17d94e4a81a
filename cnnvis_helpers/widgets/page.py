"""The HTML of explorers: pictures, errors, the call as text, and CSS for the static figure.

The cell's stored output holds a static figure with alt text, for readers without a kernel; a live
explorer hides it. `explorer.js` runs in the page of a live explorer.
"""

import base64
import html
import io
from pathlib import Path

import ipywidgets
import numpy as np
from PIL import Image

LIVE = "Run this cell to use the explorer."
SMALLEST = 0.6  # fraction of its full width that a picture keeps in a narrow window
_WIDGET = "application/vnd.jupyter.widget-view+json"
_SCRIPT = Path(__file__).with_name("explorer.js").read_text(encoding="utf-8")


def display_live(name, box, picture, text):
    """Display a static figure (HTML `picture`, plain `text`), and the live widget `box`."""
    from IPython.display import display

    display(static_bundle(name, picture, text), raw=True)
    view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    display({_WIDGET: view, "text/plain": LIVE}, raw=True)


def live_box(name, widgets):
    """Return the live widget: these widgets from top to bottom, and the rules of its page."""
    page = ipywidgets.HTML(page_rules(name), layout={"display": "none"})
    box = ipywidgets.VBox([*widgets, page])
    box.add_class(f"{name}-live")
    return box


def flow(widgets, align=None):
    """Return widgets side by side, in as many rows as they need; align : "center" or None."""
    layout = {"flex_flow": "row wrap", "align_items": align, "overflow": "visible"}
    return ipywidgets.Box(widgets, layout=layout)


def static_bundle(name, picture, text):
    """Return a notebook output: HTML and plain text.

    Its style replaces JupyterLab's "Error displaying widget: model not found", which stands below
    the static figure of a saved notebook. A notebook that is not trusted keeps no style.
    """
    dead = (
        f".jp-OutputArea-child:has(.{name}) + .jp-OutputArea-child "
        ".jupyter-widgets:not(.widget-box):not(:has(*))"
    )
    words = f"content: '{LIVE}'; font-size: var(--jp-content-font-size1, 14px)"
    style = f"<style>{dead} {{font-size: 0}} {dead}::after {{{words}}}</style>"
    inner = f'<div class="{name}" style="overflow:auto">{picture}</div>'
    return {"text/html": inner + style, "text/plain": text}


def page_rules(name):
    """Return the style of a live explorer's page; its `onload` runs `explorer.js`.

    It hides the static figure of the same cell. One page of JupyterLab shows many notebooks, so the
    figure must be in the same output area. In other pages (in Colab each output is a page) the name
    is enough.
    """
    here = f".jp-OutputArea:has(.{name}-live) .jp-OutputArea-child:has(.{name})"
    elsewhere = f"body:not(:has(.jp-OutputArea)) .{name}"
    script = html.escape(_SCRIPT.replace("NAME", name), quote=True)
    return f'<style onload="{script}">{here}, {elsewhere} {{display: none}}</style>'


def image_html(drawn):
    """Return the HTML of a `Drawn`, its picture as a data URL.

    In a narrow window the picture shrinks while it is legible; then it scrolls.
    """
    height, width = drawn.pixels.shape[:2]
    stream, image = io.BytesIO(), Image.fromarray(np.ascontiguousarray(drawn.pixels))
    image.save(stream, "JPEG", quality=90, subsampling=0)  # colours in full: sharp letters
    source = base64.b64encode(stream.getvalue()).decode("ascii")
    return (
        f'<img alt="{html.escape(" ".join(drawn.alt.split()), quote=True)}" width="{width}" '
        f'height="{height}" decoding="sync" '
        f'style="max-width:max(100%,{round(SMALLEST * width)}px);height:auto;background:white" '
        f'src="data:image/jpeg;base64,{source}">'
    )


def error_html(text, role="alert", edge="#D55E00", ground="#FFF4EC"):
    """Return an error sentence as HTML that a screen reader announces."""
    return (
        f'<p role="{role}" style="padding:10px 16px;margin:0;max-width:60em;line-height:1.4;'
        f'border-left:4px solid {edge};background:{ground};color:#111111">{html.escape(text)}</p>'
    )


def note_html(text):
    """Return a warning as HTML."""
    return error_html(text, "note", "#E69F00", "#FFF8E5")


def code_html(call, code):
    """Return the button that copies `code`, and the line `call` beside it."""
    return (
        '<div style="display:flex;flex-wrap:wrap;align-items:center;gap:4px 12px;padding-top:2px">'
        f'<button type="button" class="jupyter-button cnnvis-copy" style="width:130px" '
        f'title="Copy the lines of Python that compute this" data-code="{html.escape(code)}">'
        'Copy the code</button><code style="white-space:pre-wrap;overflow-wrap:anywhere;'
        f'line-height:1.4">{html.escape(call)}</code></div>'
    )
