"""explore_attack: change a photo by a few pixel levels until the network is wrong."""

from cnnvis_helpers import fgsm, one_pixel, pgd
from cnnvis_helpers.methods.attacks import fgsm_step
from cnnvis_helpers.pictures.drawing import short_share
from cnnvis_helpers.widgets.controls import choice, slider, steps_slider
from cnnvis_helpers.widgets.explorer import Drawn, Explorer
from cnnvis_helpers.widgets.fast_pictures import THIRD, bars_panel, photo_panel, row
from cnnvis_helpers.widgets.menus import (
    Memory,
    call_text,
    class_menu,
    class_text,
    counted,
    network,
    rank_classes,
    taken,
)

METHODS = {"FGSM, one step": fgsm, "PGD, many steps": pgd, "one pixel, a search": one_pixel}
ANY = [("any other class", None)]


def explore_attack(net=None, photo="chelsea", target=None, method="FGSM, one step", epsilon=4):
    """Attack a photo: choose the method, the largest change and the class to reach.

    Parameters
    ----------
    net, photo : as in `explore_cam`
    target : class index or label to reach; None: any other class
    method : "FGSM, one step", "PGD, many steps" or "one pixel, a search"
    epsilon : int 0..32, the largest change of a colour value, in pixel levels

    Returns
    -------
    Explorer. Before, after, their difference magnified around grey, and the probabilities after.
    One pixel may change by any amount, so epsilon has no effect there.

    Raises ValueError for an unknown class, photo or method, and an epsilon outside 0..32.
    """
    net, steps = network(net), Memory()

    def draw(values, task):
        chosen = METHODS[values.method]
        options = taken(chosen, epsilon=values.epsilon, steps=values.steps)
        if chosen is fgsm:  # its gradient is the same for every epsilon
            key = values.photo_number, values.target
            step = steps(key, lambda: fgsm_step(net, values.photo, values.target))
            attack = step(values.epsilon)
        else:
            progress = task.progress
            attack = chosen(net, values.photo, values.target, progress=progress, **options)
        goal = [class_text(net, values.target)] if values.target is not None else []
        shown = "show_grid([attack.original, attack.photo, attack.magnified(10)], columns=3)"
        return _drawn(attack, f"{call_text('attack', chosen, *goal, **options)}\n{shown}")

    def grey_out(explorer):
        chosen = METHODS[explorer.controls["method"].value]
        explorer.controls["epsilon"].disabled = chosen is one_pixel
        explorer.controls["steps"].disabled = chosen is not pgd

    controls = {
        "method": choice("Method", METHODS, method, called="method"),
        "epsilon": slider("Largest change (levels)", epsilon, 0, 32, called="epsilon"),
        "steps": steps_slider("Steps", [1, 2, 5, 10, 20, 50], 10),
        "target": class_menu("Arrive at", net, ANY),
    }
    adjust = {"photo": rank_classes(net, target, ANY), "method": grey_out}
    return Explorer("attack", controls, draw, photo, adjust, net)


def _drawn(attack, code):
    """Draw before, after, the difference, and the predictions for the changed photo."""
    was, now = attack.before[0], attack.after[0]
    factor = 127 // max(1, attack.linf)
    changed = counted(len(attack.pixels), "pixel")
    result = "fooled" if attack.success else "not fooled"
    most = f"{counted(attack.linf, 'level')} at most"
    label = {one.index: one.label for one in attack.after}.get(attack.pushed)
    pushed = f"orange: {label}, {'lowered' if attack.target is None else 'raised'}" if label else ""
    panels = [
        photo_panel(attack.original, f"Before: {_text(was)}", side=THIRD),
        photo_panel(attack.photo, f"After: {_text(now)}", result, side=THIRD),
        photo_panel(attack.magnified(factor), "Difference", f"x {factor}; {most}", side=THIRD),
        bars_panel(attack.after, "Predictions after", pushed, THIRD, 220, {attack.pushed}),
    ]
    alt = (
        f"The photo before, classified as {was.label}; after, classified as {now.label}; their "
        f"difference, {factor} times magnified, {changed} changed by {most}; "
        f"bars with the {len(attack.after)} most probable classes after the attack."
    )
    note = (
        f"{result.capitalize()}: {_text(was)} became {_text(now)}; {changed} changed by "
        f"{most}; {attack.queries} queries"
    )
    return Drawn(row(panels), alt, note, code)


def _text(prediction):
    return f"{prediction.label} {short_share(prediction.probability)}"
