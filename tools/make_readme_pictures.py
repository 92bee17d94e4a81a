"""Make the README's pictures with the course's own network, photos and helpers.

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


def draw_where(axes, net, photo):
    """A photo, and where the network found its answer."""
    best = net.predict(photo, top=1)[0]
    show_photo(photo, title="a photo", ax=axes[0])
    title = f"where it found “{best.label}” ({best.probability:.0%})"
    show_overlay(photo, gradcam(net, photo), title=title, ax=axes[1])


def draw_inside(axes, net, photo):
    """What the first filters look for, and what a layer passes on."""
    first = filters(net, "block1_conv1")
    show_filters(first, scale="each", title="filters of layer 1", ax=axes[0])
    maps = feature_maps(net, photo, "block2_conv2")
    show_feature_maps(maps, channels=range(24), columns=6, title="what layer 4 finds", ax=axes[1])


def draw_fooled(axes, net, photo):
    """A photo, a change that nobody sees, and what the network says then."""
    attack = pgd(net, photo, epsilon=2)
    change = (attack.photo.astype(float) - attack.original).mean(axis=-1)
    before, after = attack.before[0], attack.after[0]
    title = f"“{before.label}” ({before.probability:.0%})"
    show_photo(attack.original, title=title, ax=axes[0])
    show_signed(change, title="plus at most 2 levels of 255", vmax=2, ax=axes[1])
    show_photo(attack.photo, title=f"“{after.label}” ({after.probability:.0%})", ax=axes[2])


def draw_own(axes, net, _):
    """What the README's example of use at home shows, on another photo."""
    photo = load_photo("astronaut")[:240, 100:340]
    best = net.predict(photo, top=1)[0]
    show_photo(photo, title=f"“{best.label}” ({best.probability:.0%})", ax=axes[0])
    show_overlay(photo, gradcam(net, photo), title="gradcam(net, photo)", ax=axes[1])


PICTURES = {
    "where.png": draw_where,
    "inside.png": draw_inside,
    "fooled.png": draw_fooled,
    "own.png": draw_own,
}
COLUMNS = {"fooled.png": 3}


def make_pictures(folder):
    """Write every picture into a folder as PNG, 96 dots an inch."""
    net, photo = load_network("course"), load_photo("chelsea")
    for name, draw in PICTURES.items():
        figure = Figure(figsize=(10, 3.5), layout="constrained")
        draw(figure.subplots(1, COLUMNS.get(name, 2)), net, photo)
        figure.savefig(Path(folder) / name, dpi=96)


if __name__ == "__main__":
    make_pictures(*(sys.argv[1:] or [ROOT / "docs"]))
