"""Break the package in one place after another: the tests must fail each time.

    python tools/break_package.py            # all breakages, about ten minutes; writes the table
    python tools/break_package.py baseline   # those whose description holds this word

Each breakage is made in a copy of the tree, so the working tree stays as it is.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "tests" / "BREAKAGES.md"


class Breakage(NamedTuple):
    """One mistake: `old` is in `file`, a path in the package, exactly once; `tests` must fail."""

    what: str
    file: str
    old: str
    new: str
    tests: str


B = Breakage
CAM, SALIENCY = "methods/cam.py", "methods/saliency.py"
WINDOWS, ATTACKS = "methods/incremental_occlusion.py", "methods/attacks.py"
SWEEPS, PATTERNS = "methods/sliding_window.py", "methods/patterns.py"
CHECKS = "networks/checks_at_load.py"
TEST_WINDOWS, TEST_CAM = "methods/test_incremental_occlusion.py", "methods/test_cam.py"
TEST_CHECKS = "networks/test_checks_at_load.py"
BREAKAGES = [
    B(
        "ReLU dropped from the maps",
        CAM,
        "np.maximum(values, 0) if relu",
        "values if relu",
        TEST_CAM,
    ),
    B(
        "Grad-CAM sums in place of a mean",
        CAM,
        "gradients.mean(axis=(0, 1))",
        "gradients.sum(axis=(0, 1))",
        TEST_CAM,
    ),
    B(
        "Grad-CAM++ with the mean of A in place of its sum",
        CAM,
        "activations.sum(axis=(0, 1))",
        "activations.mean(axis=(0, 1))",
        TEST_CAM,
    ),
    B(
        "LayerCAM keeps negative gradients",
        CAM,
        "(np.maximum(gradients, 0) * activations)",
        "(gradients * activations)",
        TEST_CAM,
    ),
    B(
        "CAM forgets the number of places",
        CAM,
        " * gradients[..., 0].size",
        "",
        TEST_CAM,
    ),
    B(
        "CAM's mean is not compared with the photo's score",
        CAM,
        "> 0.02 * size",
        "> 1e9 * size",
        TEST_CAM + " -k bends",
    ),
    B(
        "caffe mode keeps RGB",
        "networks/applications.py",
        "pixels[..., ::-1] - _MEAN_BGR",
        "pixels - _MEAN_BGR",
        "networks/test_networks.py -k preprocess",
    ),
    B(
        "torch mode forgets the deviation",
        "networks/applications.py",
        "(pixels - _MEAN_RGB) / _STD_RGB",
        "(pixels - _MEAN_RGB)",
        "networks/test_networks.py -k preprocess",
    ),
    B(
        "probabilities for logits",
        "networks/forward.py",
        "if step is self.head_step or step in bare",
        "if step in bare",
        "networks/test_networks.py -k 'head or softmax or logits'",
    ),
    B(
        "maps resized by the nearest pixel",
        "photos/resizing.py",
        "Image.Resampling.BILINEAR",
        "Image.Resampling.NEAREST",
        "photos/test_resizing.py",
    ),
    B(
        "maps resized one row too short",
        "photos/resizing.py",
        "Image.fromarray(plane).resize(",
        "Image.fromarray(plane[:-1]).resize(",
        "photos/test_resizing.py",
    ),
    B(
        "photos resized without antialiasing",
        "photos/resizing.py",
        "Image.Resampling.BICUBIC",
        "Image.Resampling.NEAREST",
        "photos/test_resizing.py",
    ),
    B(
        "projection to the ball forgotten",
        ATTACKS,
        "x = (x + direction * step_size * sign).clip(low, high)",
        "x = x + direction * step_size * sign",
        "methods/test_attacks.py -k pgd",
    ),
    B(
        "rounding may leave the ball",
        ATTACKS,
        "np.rint(moved).clip(low, high)",
        "np.rint(moved)",
        "methods/test_attacks.py -k 'rounding or ball or fgsm'",
    ),
    B(
        "attack towards the label",
        ATTACKS,
        "(self.label, -1) if",
        "(self.label, 1) if",
        "methods/test_attacks.py -k 'fgsm or pgd'",
    ),
    B(
        "target class off by one",
        "networks/network.py",
        "self.units, index, dtype",
        "self.units, index - 1, dtype",
        "networks/test_networks.py -k score_vector",
    ),
    B(
        "kept results know the name of a network alone",
        "classroom/keep.py",
        "_plain(value.origin), *(_checksum(v) for v in value.model.variables)]",
        "_plain(value.origin)]",
        "classroom/test_keep.py",
    ),
    B(
        "kept results know no settings",
        "classroom/keep.py",
        "method.__qualname__, given])",
        "method.__qualname__])",
        "classroom/test_keep.py",
    ),
    B(
        "baseline in place of the path's end",
        SALIENCY,
        "start + along * (pixels - start)",
        "pixels + along * (pixels - start)",
        "methods/test_saliency.py -k 'integrated or complete'",
    ),
    B(
        "black baseline whatever is asked",
        SALIENCY,
        "return np.broadcast_to(values, shape).astype(np.float32)",
        "return np.zeros(shape, np.float32)",
        "methods/test_saliency.py -k 'integrated or baseline'",
    ),
    B(
        "weights of the path rule not halved",
        SALIENCY,
        "np.float32(weights / 2)",
        "np.float32(weights)",
        "methods/test_saliency.py",
    ),
    B(
        "guided ReLU left out",
        SALIENCY,
        'GuidedRule() if rule == "guided" else None',
        "None",
        "methods/test_saliency.py -k guided",
    ),
    B(
        "gradients of normal and squared SmoothGrad share a cache key",
        "methods/gradients.py",
        "build.__name__, *key)",
        "build.__name__)",
        "methods/test_saliency.py -k smoothgrad",
    ),
    B(
        "last batch dropped",
        SWEEPS,
        "for k in range(parts)]",
        "for k in range(max(1, parts - 1))]",
        "methods/test_occlusion.py",
    ),
    B(
        "batches lose one item",
        SWEEPS,
        "(k + 1) * count // parts)",
        "(k + 1) * count // parts - 1)",
        "methods/test_occlusion.py",
    ),
    B(
        "no window at the border",
        SWEEPS,
        "if rest > gap else starts",
        "if False else starts",
        "methods/test_occlusion.py",
    ),
    B(
        "sign of the drop",
        "methods/occlusion.py",
        "(values[0] - values[1:])",
        "(values[1:] - values[0])",
        "methods/test_occlusion.py",
    ),
    B(
        "patch one pixel too wide",
        "methods/occlusion.py",
        "(value < 3 * right)",
        "(value < 3 * right + 3)",
        "methods/test_occlusion.py",
    ),
    B(
        "windows: padding one cell more",
        WINDOWS,
        "max((cells - 1) * stride + span - length, 0) // 2, cells)",
        "max((cells - 1) * stride + span - length, 0) // 2 + 1, cells)",
        TEST_WINDOWS,
    ),
    B(
        "windows: one cell too few of a valid convolution",
        WINDOWS,
        "(length - span) // stride + 1)",
        "(length - span) // stride)",
        TEST_WINDOWS,
    ),
    B(
        "windows: dilation counted one short",
        WINDOWS,
        "(size - 1) * getattr(",
        "(size - 2) * getattr(",
        TEST_WINDOWS,
    ),
    B(
        "windows: a layer's own padding forgotten",
        WINDOWS,
        "return Slide(1, 1, before, length",
        "return Slide(1, 1, 0, length",
        TEST_WINDOWS,
    ),
    B(
        "windows: the cover cropped one cell off",
        WINDOWS,
        "(at[:, i, None] + tf.range(size[i]) for i in (0, 1))",
        "(at[:, i, None] + tf.range(size[i]) + 1 for i in (0, 1))",
        TEST_WINDOWS,
    ),
    B(
        "windows: positions numbered from 0",
        WINDOWS,
        "yield slice(part.start + 1, part.stop + 1)",
        "yield slice(part.start, part.stop)",
        TEST_WINDOWS,
    ),
    B(
        "jitter not undone",
        PATTERNS,
        "tf.roll(rolled, -shift, axis=(1, 2))",
        "rolled",
        "methods/test_dreams.py -k 'pattern or jitter or filter'",
    ),
    B(
        "a filter's own channel mixed up",
        PATTERNS,
        "tf.linalg.trace(responses)",
        "tf.reduce_sum(responses)",
        "methods/test_dreams.py -k 'pattern or filter'",
    ),
    B(
        "detail of the photo not put back",
        "methods/deep_dream.py",
        "(new_base - _resize(base, size)) if detail",
        "0 * new_base if detail",
        "methods/test_dreams.py -k detail",
    ),
    B(
        "check at load: same answer, off",
        CHECKS,
        "logits = check_answer(net)",
        "logits = _logits(net, sample_pictures(net.input_size)[2:])",
        TEST_CHECKS + " -k 'add_up or another_way or mixes_are_run'",
    ),
    B(
        "check at load: same place, off",
        "networks/places.py",
        "faults.append(_fault(copies, _SHARP if shuffled else sharp))",
        "faults.append(None)",
        TEST_CHECKS + " -k moved_inside",
    ),
    B(
        "check at load: whole score, off",
        "networks/default_layer.py",
        "net.graph.maps(), net.graph.whole_maps()",
        "net.graph.maps(), net.graph.maps()",
        TEST_CHECKS + " -k 'towers or two_depths'",
    ),
    B(
        "check at load: same scale, off",
        CHECKS,
        "if other_scales:",
        "if False:",
        TEST_CHECKS,
    ),
    B(
        "check at load: size, off",
        CHECKS,
        "if not size_known:",
        "if False:",
        TEST_CHECKS + " -k size_can_be_chosen",
    ),
    B(
        "check at load: a single number, off",
        CHECKS,
        'if not outputs_known and net.head == "linear":',
        "if False:",
        TEST_CHECKS + " -k regression",
    ),
    B(
        "check at load: pictures mixed in a batch, off",
        CHECKS,
        "pixels[2:] if one_by_one else pixels",
        "pixels[2:]",
        TEST_CHECKS + " -k mixes_are_run",
    ),
    B(
        "check at load: black and white places, off",
        CHECKS,
        "    pixels[2, height // 2 :, width // 2 :] = 0\n",
        "",
        TEST_CHECKS + " -k another_way",
    ),
    B(
        "check at load: places of single channels, off",
        "networks/places.py",
        "min(one.astray for one in copies) > 0.3",
        "False",
        TEST_CHECKS + " -k 'moved_inside or shuffles'",
    ),
    B(
        "check at load: mixed tokens, off",
        "networks/default_layer.py",
        "bool(placed) and _mixes_tokens(net, placed[-1])",
        "False",
        TEST_CHECKS + " -k tokens",
    ),
    B(
        "check at load: mixed grids, off",
        "networks/default_layer.py",
        " or _mixes_grid(net, first, last):",
        ":",
        TEST_CHECKS + " -k mixed_before",
    ),
]


def run(breakage, tree):
    """Break the copy in one place, run the tests, mend it; return "red" and the failing test."""
    path = tree / "cnnvis_helpers" / breakage.file
    source = path.read_text(encoding="utf-8")
    file, _, chosen = breakage.tests.partition(" -k ")
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider"]
    command += [f"tests/{file}", *(["-k", chosen.strip("'")] if chosen else [])]
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    path.write_text(source.replace(breakage.old, breakage.new), encoding="utf-8")
    try:
        result = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)
    finally:
        path.write_text(source, encoding="utf-8")
    failed = [line for line in result.stdout.splitlines() if line.startswith("FAILED")]
    if result.returncode == 1 and failed:
        return "red", failed[0].split("::")[1].split(" ")[0].split("[")[0]
    return ("GREEN" if result.returncode == 0 else f"pytest ended with {result.returncode}"), ""


def main(words):
    chosen = [one for one in BREAKAGES if all(word in one.what for word in words)]
    lines = [
        "# Breakages",
        "",
        "`python tools/break_package.py` makes one mistake after another in a copy of the package",
        "and runs the tests named here. The last column is the first test that fails.",
        "",
        "| Mistake | File | Tests | Result | First failure |",
        "| --- | --- | --- | --- | --- |",
    ]
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".git", "__pycache__"))
        for one in chosen:
            result, test = run(one, tree)
            count += result == "red"
            row = f"| {one.what} | {one.file} | {one.tests} | {result} | {test} |"
            print(row, flush=True)
            lines.append(row)
            if not words:
                end = ["", f"The tests find {count} of {len(chosen)} mistakes."]
                TABLE.write_text("\n".join(lines + end) + "\n", encoding="utf-8")
    return int(count < len(chosen))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
