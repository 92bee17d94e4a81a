"""Run every method on the classifiers of keras.applications: writes docs/networks.md.

python tools/applications_table.py              all of them, about an hour
python tools/applications_table.py VGG19 ...    only these; prints, writes nothing

Each is built with random weights for pictures of 96 x 96 pixels, so nothing is downloaded.
A map must be finite and have the photo's size; a refusal must be a ValueError. TensorFlow runs
operation by operation, because compiling a thousand layers for each method would take hours.
"""

import gc
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

import cnnvis_helpers as course  # noqa: E402
from cnnvis_helpers.methods.compare import _METHODS as MAPS  # noqa: E402
from cnnvis_helpers.networks.applications import APPLICATIONS, find_application  # noqa: E402

PHOTO = course.load_photo("chelsea")
QUICK = {  # settings that keep a method's code and save its time
    "occlusion": {"patch": 48, "stride": 48},
    "scorecam": {"max_channels": 2},
    "smoothgrad": {"samples": 2},
    "integrated_gradients": {"steps": 2},
    "invert_features": {"steps": 1},
    "class_pattern": {"steps": 1},
    "filter_patterns": {"steps": 1, "channels": [0], "size": 160},
    "deep_dream": {"steps": 1, "octaves": 2},
    "pgd": {"steps": 2},
    "one_pixel": {"settings": {"population": 5, "generations": 1}},
}
OTHERS = "fgsm pgd one_pixel filter_patterns class_pattern deep_dream invert_features".split()
TABLE = ROOT / "docs" / "networks.md"
HEAD = """# Every method on every classifier of keras.applications

Made by `python tools/applications_table.py` with random weights and small pictures. A dot: finite
numbers of the right size. A number: the method does not fit the network and says why in one
sentence, below. What is said there of a picture's size, or of maps without places, comes from the
small pictures: the maps of one cell that they leave.
"""


def build(name):
    """Return a Network with random weights."""
    keras.utils.set_random_seed(0)
    constructor = getattr(keras.applications, find_application(name).constructor)
    model = constructor(weights=None, input_shape=(96, 96, 3))
    for layer in model._flatten_layers():
        if getattr(layer, "groups", 1) == getattr(layer, "filters", 0):
            layer.convolution_op = _depthwise
    return course.load_network(model)


def _depthwise(inputs, kernel):
    """Return a convolution of one channel per group, (h, w, 1, c), as TensorFlow is quick at it.

    Keras compiles it for each shape, which takes an hour for the largest ConvNeXt.
    """
    return tf.nn.depthwise_conv2d(inputs, tf.transpose(kernel, (0, 1, 3, 2)), (1, 1, 1, 1), "SAME")


def outcome(method, net):
    """Return "·", or the sentence of a refusal; raise AssertionError for a wrong result."""
    arguments = {"filter_patterns": [net.last_conv], "class_pattern": [0]}.get(
        method, [PHOTO] if method in OTHERS else [PHOTO, 0]
    )
    if method == "deep_dream":
        arguments = [PHOTO[:240, :320]]
    try:
        result = getattr(course, method)(net, *arguments, **QUICK.get(method, {}))
    except ValueError as refusal:
        return str(refusal).replace(net.name, "...")
    values = np.asarray(getattr(result, "photo", getattr(result, "picture", result)))
    assert np.isfinite(values).all(), (net.name, method)
    assert method not in MAPS or values.shape == PHOTO.shape[:2], (net.name, method)
    return "·"


def main(names):
    tf.config.run_functions_eagerly(True)
    methods = [*MAPS, *OTHERS]
    rows, refusals = {}, []
    quickest_first = sorted(
        APPLICATIONS.values(), key=lambda each: ("ConvNeXt" in each.constructor, each.parameters)
    )
    for name in names or [each.constructor for each in quickest_first]:
        net = build(name)
        rows[name] = []
        for method in methods:
            said = outcome(method, net)
            if said != "·" and said not in refusals:
                refusals.append(said)
            rows[name].append(said if said == "·" else str(refusals.index(said) + 1))
        print(name, *rows[name], flush=True)
        del net
        keras.backend.clear_session()
        gc.collect()
        if not names:
            TABLE.write_text(text_of(methods, rows, refusals), encoding="utf-8")
    print(*refusals, sep="\n")


def text_of(methods, rows, refusals):
    heading = ["network", *(one.replace("_", " ") for one in methods)]
    table = [heading, ["---"] * len(heading), *([name, *cells] for name, cells in rows.items())]
    lines = ["| " + " | ".join(cells) + " |" for cells in table]
    reasons = [f"{number}. {said}" for number, said in enumerate(refusals, 1)]
    missing = [each.constructor for each in APPLICATIONS.values() if each.constructor not in rows]
    ends = ["", f"Not run yet: {', '.join(missing)}."] if missing else []
    return "\n".join([HEAD, *lines, "", *reasons, *ends]) + "\n"


if __name__ == "__main__":
    main(sys.argv[1:])
