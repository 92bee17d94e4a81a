"""Seconds that a student waits, at the defaults, on the two bundled ImageNet networks.

    python benchmarks/defaults.py             all rows
    python benchmarks/defaults.py inversion   rows whose name holds this word

Each row runs in a process of its own: the first call, with its compilation, then two more.
Wall seconds, with processor seconds of all cores in brackets. Goals: 6 s a class pattern and 10 s
an inversion on "squeezenet", first call included; 1.5 s to load a network.
"""

import subprocess
import sys
import time
from pathlib import Path

ROWS = {
    f"{name}: {title}": (name, call)
    for name, layers in {
        "squeezenet": ("conv1", "fire3_concat", "fire5_concat", "fire7_concat", "fire9_concat")
        + ("conv10",),
        "efficientnet_lite0": ("stem", "block4_add", "block10_add", "head_relu"),
    }.items()
    for title, call in {
        "load": f"load_network({name!r})",
        "class pattern": "class_pattern(net, 'zebra')",
        "deep dream": "deep_dream(net, load_photo('hubble', max_side=320))",
        **{f"inversion of {one}": f"invert_features(net, photo, {one!r})" for one in layers},
    }.items()
}


def measure(name, call):
    """Return "wall (processor)" of three calls, and the result where it is an `Inversion`."""
    import cnnvis_helpers

    names = {one: getattr(cnnvis_helpers, one) for one in cnnvis_helpers.__all__}
    names["photo"] = names["load_photo"]("chelsea")
    if not call.startswith("load"):
        names["net"] = names["load_network"](name)
    cells = []
    for _ in range(3):
        wall, processor = time.perf_counter(), time.process_time()
        found = eval(call, names)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        cells.append(f"{wall:.1f} ({processor:.1f})")
    if hasattr(found, "correlation"):
        cells.append(f"error {found.error:.3f}, correlation {found.correlation:.2f}")
    return cells


def main():
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    if word in ROWS:
        sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
        print(f"| {word} | {' | '.join(measure(*ROWS[word]))} |")
        return
    for row in ROWS:
        if word in row:
            subprocess.run([sys.executable, __file__, row], check=True)


if __name__ == "__main__":
    main()
