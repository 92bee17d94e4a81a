"""Make the README's pictures with the course's own networks, photos and helpers.

python tools/make_readme_pictures.py           writes docs/*.png
python tools/make_readme_pictures.py FOLDER    writes them there instead
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from matplotlib.figure import Figure  # noqa: E402

from cnnvis_helpers import (  # noqa: E402
    class_pattern,
    feature_maps,
    filters,
    gradcam,
    load_network,
    load_photo,
    pgd,
    show_feature_maps,
    show_filters,
    show_overlay,
    show_photo,
    show_signed,
)

PATTERNS = ("bald eagle", "zebra", "tarantula", "flamingo")


def draw_where(axes):
    """A photo, and where the network found its answer."""
    net, photo = load_network(), load_photo("chelsea")
    best = net.predict(photo, top=1)[0]
    show_photo(photo, title="a photo", ax=axes[0])
    title = f"where it found “{best.label}” ({best.probability:.0%})"
    show_overlay(photo, gradcam(net, photo), title=title, ax=axes[1])


def draw_inside(axes):
    """The first filters of a network, and what a layer passes on."""
    net, photo = load_network("squeezenet"), load_photo("chelsea")
    show_filters(filters(net, "conv1"), scale="each", title="64 filters of layer 1", ax=axes[0])
    maps = feature_maps(net, photo, "fire2_concat")
    strongest = sorted(maps.mean(axis=(0, 1)).argsort()[-24:])
    show_feature_maps(maps, 6, strongest, "each", "what fire2 finds", axes[1])


def draw_fooled(axes):
    """A photo, a change that nobody sees, and what the network says then."""
    net, photo = load_network(), load_photo("chelsea")
    attack = pgd(net, photo, target="toaster", epsilon=2, steps=20)  # as in lesson 06
    change = (attack.photo.astype(float) - attack.original).mean(axis=-1)
    before, after = attack.before[0], attack.after[0]
    title = f"“{before.label}” ({before.probability:.0%})"
    show_photo(attack.original, title=title, ax=axes[0])
    show_signed(change, title="plus at most 2 levels of 255", vmax=2, ax=axes[1])
    show_photo(attack.photo, title=f"“{after.label}” ({after.probability:.0%})", ax=axes[2])


def draw_patterns(axes):
    """Pictures that a network likes best, one a class."""
    net = load_network("squeezenet")
    for ax, label in zip(axes, PATTERNS, strict=True):
        show_photo(class_pattern(net, label), title=label, ax=ax)


PICTURES = {
    "where.png": (draw_where, 2),
    "inside.png": (draw_inside, 2),
    "fooled.png": (draw_fooled, 3),
    "patterns.png": (draw_patterns, len(PATTERNS)),
}


def make_pictures(folder, names=tuple(PICTURES)):
    """Write every picture into a folder as PNG, 96 dots an inch."""
    for name in names:
        draw, columns = PICTURES[name]
        figure = Figure(figsize=(10, 3.5 if columns < 4 else 2.9), layout="constrained")
        draw(figure.subplots(1, columns))
        figure.savefig(Path(folder) / name, dpi=96)


if __name__ == "__main__":
    make_pictures(*(sys.argv[1:] or [ROOT / "docs"]))
