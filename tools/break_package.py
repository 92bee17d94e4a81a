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


# A file of the package | the tests that must fail; then what is wrong, the text and the wrong text.
LIST = r"""
methods/cam.py | methods/test_cam.py
    ReLU dropped from the maps
    - np.maximum(values, 0) if relu
    + values if relu
    Grad-CAM sums in place of a mean
    - gradients.mean(axis=(0, 1))
    + gradients.sum(axis=(0, 1))
    Grad-CAM++ with the mean of A in place of its sum
    - activations.sum(axis=(0, 1))
    + activations.mean(axis=(0, 1))
    LayerCAM keeps negative gradients
    - (np.maximum(gradients, 0) * activations)
    + (gradients * activations)
    CAM forgets the number of places
    -  * gradients[..., 0].size
    +
methods/cam.py | methods/test_cam.py -k bends
    CAM's mean is not compared with the photo's score
    - > 0.02 * size
    + > 1e9 * size
networks/applications.py | networks/test_networks.py -k preprocess
    caffe mode keeps RGB
    - pixels[..., ::-1] - _MEAN_BGR
    + pixels - _MEAN_BGR
    torch mode forgets the deviation
    - (pixels - _MEAN_RGB) / _STD_RGB
    + (pixels - _MEAN_RGB)
networks/forward.py | networks/test_networks.py -k 'head or softmax or logits'
    probabilities for logits
    - if step is self.head_step or step in bare
    + if step in bare
photos/resizing.py | photos/test_resizing.py
    maps resized by the nearest pixel
    - Image.Resampling.BILINEAR
    + Image.Resampling.NEAREST
    maps resized one row too short
    - Image.fromarray(plane).resize(
    + Image.fromarray(plane[:-1]).resize(
    photos resized without antialiasing
    - Image.Resampling.BICUBIC
    + Image.Resampling.NEAREST
methods/attacks.py | methods/test_attacks.py -k pgd
    projection to the ball forgotten
    - x = (x + direction * step_size * sign).clip(low, high)
    + x = x + direction * step_size * sign
methods/attacks.py | methods/test_attacks.py -k 'rounding or ball or fgsm'
    rounding may leave the ball
    - np.rint(moved).clip(low, high)
    + np.rint(moved)
methods/attacks.py | methods/test_attacks.py -k 'fgsm or pgd'
    attack towards the label
    - (self.label, -1) if
    + (self.label, 1) if
networks/network.py | networks/test_networks.py -k score_vector
    target class off by one
    - self.units, index, dtype
    + self.units, index - 1, dtype
classroom/keep.py | classroom/test_keep.py
    kept results know the name of a network alone
    - _plain(value.origin), *(_checksum(v) for v in value.model.variables)]
    + _plain(value.origin)]
    kept results know no settings
    - method.__qualname__, given])
    + method.__qualname__])
methods/saliency.py | methods/test_saliency.py -k 'integrated or complete'
    baseline in place of the path's end
    - start + along * (pixels - start)
    + pixels + along * (pixels - start)
methods/gradients.py | methods/test_saliency.py -k 'integrated or baseline'
    black baseline whatever is asked
    - return np.broadcast_to(values, (*net.input_size, 3)).astype(np.float32)
    + return np.zeros((*net.input_size, 3), np.float32)
methods/saliency.py | methods/test_saliency.py
    weights of the path rule not halved
    - np.float32(weights / 2)
    + np.float32(weights)
methods/saliency.py | methods/test_saliency.py -k guided
    guided ReLU left out
    - GuidedRule() if rule == "guided" else None
    + None
methods/gradients.py | methods/test_saliency.py -k smoothgrad
    gradients of normal and squared SmoothGrad share a cache key
    - build.__name__, *key)
    + build.__name__)
methods/sliding_window.py | methods/test_occlusion.py
    last batch dropped
    - for k in range(parts)]
    + for k in range(max(1, parts - 1))]
    batches lose one item
    - (k + 1) * count // parts)
    + (k + 1) * count // parts - 1)
    no window at the border
    - if rest > gap else starts
    + if False else starts
methods/occlusion.py | methods/test_occlusion.py
    sign of the drop
    - (values[0] - values[1:])
    + (values[1:] - values[0])
    patch one pixel too wide
    - (value < 3 * right)
    + (value < 3 * right + 3)
networks/receptive_field.py | methods/test_incremental_occlusion.py
    windows: padding one cell more
    - max((cells - 1) * stride + span - length, 0) // 2, cells)
    + max((cells - 1) * stride + span - length, 0) // 2 + 1, cells)
    windows: one cell too few of a valid convolution
    - (length - span) // stride + 1)
    + (length - span) // stride)
    windows: dilation counted one short
    - (size - 1) * getattr(
    + (size - 2) * getattr(
    windows: a layer's own padding forgotten
    - return Slide(1, 1, before, length
    + return Slide(1, 1, 0, length
methods/incremental_occlusion.py | methods/test_incremental_occlusion.py
    windows: the cover cropped one cell off
    - (at[:, i, None] + tf.range(size[i]) for i in (0, 1))
    + (at[:, i, None] + tf.range(size[i]) + 1 for i in (0, 1))
    windows: positions numbered from 0
    - yield slice(part.start + 1, part.stop + 1)
    + yield slice(part.start, part.stop)
methods/patterns.py | methods/test_dreams.py -k 'pattern or jitter or filter'
    jitter not undone
    - tf.roll(rolled, -shift, axis=(1, 2))
    + rolled
methods/patterns.py | methods/test_dreams.py -k 'pattern or filter'
    a filter's own channel mixed up
    - tf.linalg.trace(responses)
    + tf.reduce_sum(responses)
methods/deep_dream.py | methods/test_dreams.py -k detail
    detail of the photo not put back
    - (new_base - _resize(base, size)) if detail
    + 0 * new_base if detail
networks/checks_at_load.py | networks/test_checks_at_load.py -k 'add_up or another_way or mixes_are'
    check at load: same answer, off
    - logits = check_answer(net)
    + logits = _logits(net, sample_pictures(net.input_size)[2:])
networks/places.py | networks/test_checks_at_load.py -k moved_inside
    check at load: same place, off
    - faults.append(_fault(copies, _SHARP if shuffled else sharp))
    + faults.append(None)
networks/default_layer.py | networks/test_checks_at_load.py -k 'towers or two_depths'
    check at load: whole score, off
    - net.graph.maps(), net.graph.whole_maps()
    + net.graph.maps(), net.graph.maps()
networks/checks_at_load.py | networks/test_checks_at_load.py
    check at load: same scale, off
    - if other_scales:
    + if False:
networks/checks_at_load.py | networks/test_checks_at_load.py -k size_can_be_chosen
    check at load: size, off
    - if not size_known:
    + if False:
networks/checks_at_load.py | networks/test_checks_at_load.py -k regression
    check at load: a single number, off
    - if not outputs_known and net.head == "linear":
    + if False:
networks/checks_at_load.py | networks/test_checks_at_load.py -k mixes_are_run
    check at load: pictures mixed in a batch, off
    - pixels[2:] if one_by_one else pixels
    + pixels[2:]
networks/checks_at_load.py | networks/test_checks_at_load.py -k another_way
    check at load: black and white places, off
    - pixels[2, height // 2 :, width // 2 :] = 0
    + pass
networks/places.py | networks/test_checks_at_load.py -k 'moved_inside or shuffles'
    check at load: places of single channels, off
    - astray > 0.3
    + False
networks/default_layer.py | networks/test_checks_at_load.py -k tokens
    check at load: mixed tokens, off
    - bool(placed) and _mixes_tokens(net, placed[-1])
    + False
networks/default_layer.py | networks/test_checks_at_load.py -k mixed_before
    check at load: mixed grids, off
    -  or _mixes_grid(net, first, last):
    + :
"""


def _breakages():
    lines = iter(LIST.strip().splitlines())
    for line in lines:
        if not line.startswith(" "):
            file, tests = line.split(" | ")
            continue
        old, new = next(lines)[6:], next(lines)[6:]
        yield Breakage(line.strip(), file, old, new, tests)


BREAKAGES = [*_breakages()]


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
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".*", "__pycache__"))
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
