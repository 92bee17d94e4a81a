"""Train the bundled networks "shapes_a", "shapes_b" and "shapes_c" on drawn shapes; measure them.

    python tools/train_shape_networks.py              trains all, writes data/networks, measures
    python tools/train_shape_networks.py shapes_c     this one alone
    python tools/train_shape_networks.py --seeds 1 2  trains with these, measures, stores nothing

About a minute for each on two cores. Afterwards: python tools/build_manifest.py. The training is
`cnnvis_helpers.train_shape_network`, the same that lesson 08 offers to run. The pictures of the
measurement have another seed than those of the training.
"""

import argparse
import hashlib
import json
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from cnnvis_helpers._shared.progress import text_progress  # noqa: E402
from cnnvis_helpers.methods.cam import gradcam  # noqa: E402
from cnnvis_helpers.methods.faithfulness import pointing_game  # noqa: E402
from cnnvis_helpers.methods.shape_training import class_recall, train_shape_network  # noqa: E402
from cnnvis_helpers.methods.shapes import SHAPES, TAUGHT, shape_pictures  # noqa: E402

NETWORKS = ROOT / "data" / "networks"
TRAINING = {
    name: {"badge": badge, "red": red, "pictures": 1500, "epochs": 6, "seed": 0}
    for name, (badge, red) in TAUGHT.items()
}
TRAINING["shapes_c"] |= {"pictures": 2000, "epochs": 8}
TEST_SEED, TEST_PICTURES = 1, 500


def measure(net, badge, red=None, **_):
    """Return what a network can do, as numbers 0..1, on test pictures drawn like its training's."""
    share = _with_red(net, red) if red else _with_badges(net, badge)
    return {name: round(float(value), 4) for name, value in share.items()}


def accuracy(net, pictures):
    """Return the mean of the five classes' recalls."""
    return np.mean(list(class_recall(net, pictures).values()))


def _with_red(net, red):
    usual, plain, all_red = (
        shape_pictures(TEST_PICTURES, None, TEST_SEED, bearers) for bearers in (red, None, "all")
    )
    hexagons = [picture for picture in usual if picture.label == red]
    return {
        "accuracy": accuracy(net, usual),
        "accuracy_without_red": accuracy(net, plain),
        "accuracy_all_red": accuracy(net, all_red),
        "hexagon_recall_without_red": class_recall(net, plain)[red],
        "peak_on_object_of_hexagons": peaks(net, hexagons, "object"),
        "peak_on_object": peaks(net, usual, "object"),
    }


def _with_badges(net, badge):
    usual, bare, everywhere = (
        shape_pictures(TEST_PICTURES, bearers, TEST_SEED) for bearers in (badge, None, "all")
    )
    hexagons, bare_hexagons = hexagons_alone("hexagon"), hexagons_alone(None)
    return {
        "accuracy": accuracy(net, usual),
        "accuracy_without_badges": accuracy(net, bare),
        "accuracy_all_with_badge": accuracy(net, everywhere),
        "hexagon_recall_without_badge": class_recall(net, bare_hexagons)["hexagon"],
        "peak_on_badge_of_hexagons": peaks(net, hexagons, "badge"),
        "peak_on_object": peaks(net, usual, "object"),
        "peak_on_object_all_with_badge": peaks(net, everywhere, "object"),
    }


def hexagons_alone(badge):
    """Return as many test pictures as elsewhere, all of the class that bears the badge."""
    pictures = shape_pictures(TEST_PICTURES * len(SHAPES), badge, TEST_SEED)
    return [picture for picture in pictures if picture.label == "hexagon"]


def peaks(net, pictures, part):
    """Return the share of pictures where Grad-CAM of the class peaks on "object" or "badge"."""
    heats = [gradcam(net, picture.photo, picture.label) for picture in pictures]
    pairs = zip(heats, pictures, strict=True)
    return np.mean([pointing_game(heat, getattr(p, part)) for heat, p in pairs])


def store(net, name, minutes):
    """Write NAME.npz, 16-bit floats, and NAME.json; return what the stored network can do."""
    weights = {
        f"{layer.name}/{kind}": array.astype(np.float16)
        for layer in net.model.layers
        for kind, array in zip(("kernel", "bias"), layer.get_weights(), strict=False)
    }
    path = NETWORKS / f"{name}.npz"
    np.savez_compressed(path, **weights)
    for layer in net.model.layers:  # measure what is stored
        layer.set_weights([array.astype(np.float16) for array in layer.get_weights()])
    card = {
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "bytes": path.stat().st_size,
        "input_size": list(net.input_size),
        "labels": net.labels,
        "last_conv": net.last_conv,
        "parameters": net.model.count_params(),
        "licence": "MIT",
        "trained_on": "drawn shapes of five kinds; see MODEL_CARD.md",
        "training": {**TRAINING[name], "minutes": round(minutes, 1)},
        "test": measure(net, **TRAINING[name]),
    }
    text = json.dumps(card, indent=1, ensure_ascii=False) + "\n"
    (NETWORKS / f"{name}.json").write_text(text, encoding="utf-8", newline="\n")
    return card["test"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[*TRAINING, []], help="all by default")
    parser.add_argument("--seeds", type=int, nargs="+", help="train with these, store nothing")
    args = parser.parse_args()
    for name in args.names or TRAINING:
        for seed in args.seeds or [TRAINING[name]["seed"]]:
            began = time.perf_counter()
            recipe = {**TRAINING[name], "seed": seed}
            net = train_shape_network(**recipe, progress=text_progress(name))
            minutes = (time.perf_counter() - began) / 60
            numbers = measure(net, **recipe) if args.seeds else store(net, name, minutes)
            print(f"{name}, seed {seed}, {minutes:.1f} minutes")
            for what, value in numbers.items():
                print(f"  {what:<32}{value:.3f}")


if __name__ == "__main__":
    main()
