"""explore_dream: exaggerate what a layer sees in a photo and watch it grow."""

import time

import numpy as np
from PIL import Image

from cnnvis_helpers import deep_dream
from cnnvis_helpers.methods.deep_dream import dream_layer, dream_steps
from cnnvis_helpers.photos.photos import load_photo
from cnnvis_helpers.widgets.controls import slider
from cnnvis_helpers.widgets.explorer import Drawn, Explorer
from cnnvis_helpers.widgets.fast_pictures import photo_panel, row
from cnnvis_helpers.widgets.menus import (
    call_text,
    counted,
    layer_menu,
    network,
    quoted,
)

LONGEST = 300  # pixels: dreaming of a larger photo takes too long to watch
EVERY = 0.2  # seconds between two previews


def explore_dream(net=None, photo="chelsea", layer=None, octaves=2, steps=5):
    """Let a photo dream: choose the layer, the octaves, the steps; watch, and stop when you like.

    Parameters
    ----------
    net : Network, its name, or None for the default of `load_network`
    photo : uint8 (H, W, 3), or whatever `load_photo` takes; shrunk to at most 300 pixels a side
    layer : name of a layer to start with; None: the one of `deep_dream`
    octaves : int 1..5, sizes of the photo
    steps : int 1..30, per octave

    Returns
    -------
    Explorer. While it dreams, it shows the picture so far; Stop keeps it.

    Raises ValueError for an unknown layer or photo, octaves or steps outside these limits, and a
    network without maps.
    """
    net = network(net)
    layer = dream_layer(net) if layer is None else layer

    def draw(values, task):
        small = load_photo(values.photo, max_side=LONGEST)
        options = {"octaves": values.octaves, "steps": values.steps, "step": values.step}
        ready = getattr(deep_dream, "ready", None)  # in a rehearsed lesson: nothing to watch
        if ready and ready(net, small, values.layer, **options):
            dream = deep_dream(net, small, values.layer, progress=task.progress, **options)
            drawn = _drawn(values, small, dream)
        else:
            drawn = _watched(net, small, values, task, options)
        call = call_text("dream", deep_dream, quoted(values.layer), **options)
        call = call.replace("photo", f"load_photo(photo, max_side={LONGEST})")
        return drawn._replace(code=f"{call}\nshow_photo(dream)")

    controls = {
        "layer": layer_menu(net, layer),
        "octaves": slider("Octaves", octaves, 1, 5, live=False, called="octaves"),
        "steps": slider("Steps per octave", steps, 1, 30, live=False, called="steps"),
        "step": slider("Levels per step", 1.5, 0.5, 5.0, 0.5, live=False, readout_format=".1f"),
    }
    return Explorer("dream", controls, draw, photo, net=net)


def _watched(net, small, values, task, options):
    """Dream step by step, with previews; return the `Drawn` of the last step."""
    picture, last, so_far = small, time.monotonic(), ""
    try:
        for done, total, picture in dream_steps(net, small, values.layer, **options):
            if time.monotonic() - last > EVERY:
                last = time.monotonic()
                task.preview(_drawn(values, small, picture, f"{done} of {total} steps"))
            task.progress(done, total)
    except StopIteration:
        so_far = f"{done} of {total} steps"
    return _drawn(values, small, picture, so_far)


def _drawn(values, small, picture, so_far=""):
    """Draw the photo and its dream; picture: uint8 (h, w, 3), or float (1, h, w, 3)."""
    dream = (picture[0] if picture.ndim == 4 else picture).round().clip(0, 255).astype("uint8")
    total = f"{counted(values.octaves, 'octave')} of {counted(values.steps, 'step')}"
    begun = Image.fromarray(small).resize(dream.shape[1::-1])  # the first octaves are smaller
    change = abs(dream.astype(float) - np.asarray(begun)).mean()
    panels = [
        photo_panel(small, values.photo_name),
        photo_panel(dream, f"{values.layer} dreams", so_far or total),
    ]
    alt = (
        f"The photo, and beside it the photo after {so_far or total} of deep dream with the layer "
        f"{values.layer}: on average a colour value has changed by {change:.1f} of 255 levels."
    )
    return Drawn(row(panels), alt, f"{values.layer}: {so_far or total}")
