"""How long a control takes to show its new picture: in the kernel, and in the browser.

    python benchmarks/explorers.py                  both, on the network that load_network() gives
    python benchmarks/explorers.py --kernel         the kernel alone, where there is no browser
    python benchmarks/explorers.py --network squeezenet --moves 40

Kernel: from setting `widget.value` to the new HTML of the picture. Browser: from the event of the
control in the page (JupyterLab, Chromium) to the painted picture, the way to the kernel and back
included. The first move of a control is not counted: it compiles. Medians of all others; the goals
are those of the project (milliseconds, median, on two cores that are otherwise idle).
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "browser")]
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# explorer: (control by name, its label on the screen, the values it goes through, the goal in ms)
MOVED = {
    "layers": ("channel", "Channel", range(1, 24), 150),
    "cam": ("target", "Class", None, 150),
    "attack": ("epsilon", "Largest change (levels)", range(1, 24), 150),
    "saliency": ("target", "Class", None, 300),
}
# In the page: change the control, and resolve when another picture is painted.
MEASURE = """([box, label, value]) => new Promise(done => {
  const control = [...box.querySelectorAll('.jupyter-widgets')].find(
    each => each.querySelector(':scope > label')?.innerText.trim() === label);
  const before = box.querySelector('img').src, begun = performance.now();
  const look = () => {
    const image = box.querySelector('img');
    if (image && image.complete && image.src !== before)
      requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun)));
    else requestAnimationFrame(look);
  };
  const field = control.querySelector('input[list]');
  if (field) {
    field.value = field.list.options[value].value;
    field.dispatchEvent(new Event('change', {bubbles: true}));
  } else {
    control.querySelector('.noUi-handle').dispatchEvent(
      new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true, cancelable: true}));
  }
  look();
})"""


def in_the_kernel(name, network, moves):
    """Milliseconds of each move of an explorer, without a browser."""
    import cnnvis_helpers

    control, _, values, _ = MOVED[name]
    explorer = getattr(cnnvis_helpers, f"explore_{name}")(network, "chelsea")
    widget = explorer.controls[control]
    if values is None:
        values = widget.options[:12]
    took = []
    for number in range(moves + 1):
        value = values[(number + 1) % len(values)]
        begun = time.perf_counter()
        widget.value = value
        explorer.wait()
        took.append(1000 * (time.perf_counter() - begun))
    return took[1:]


def in_the_browser(names, network, moves):
    """{name: milliseconds of each move}, in JupyterLab and the installed Chromium."""
    from lab import Lab, run_all, write_notebook

    cells = [f'explore_{name}(net, "chelsea")' for name in names]
    start = f"from cnnvis_helpers import *\nnet = load_network({network!r})"
    took = {}
    with tempfile.TemporaryDirectory() as folder:
        notebooks, private = Path(folder, "notebooks"), Path(folder, "private")
        notebooks.mkdir()
        private.mkdir()
        write_notebook(notebooks / "explorers.ipynb", [start, *cells])
        with (
            Lab(notebooks, private) as lab,
            lab.browser() as browser,
            lab.opened(browser, "explorers.ipynb") as page,
        ):
            run_all(page)
            for name in names:
                box = page.locator(f".cnnvis-{name}-1-live")
                box.locator("img").wait_for()
                box.scroll_into_view_if_needed()
                _, label, values, _ = MOVED[name]
                count = 12 if values is None else len(values)
                took[name] = [
                    page.evaluate(MEASURE, [box.element_handle(), label, 1 + number % count])
                    for number in range(moves + 1)
                ][1:]
    return took


def table(rows):
    """Lines of a Markdown table."""
    yield "| explorer | control | where | median ms | 90 % ms | moves | goal ms |"
    yield "| --- | --- | --- | ---: | ---: | ---: | ---: |"
    for name, where, took in rows:
        label, goal = MOVED[name][1], MOVED[name][3]
        late = sorted(took)[int(0.9 * (len(took) - 1))]
        middle = statistics.median(took)
        yield (f"| {name} | {label} | {where} | {middle:.0f} | {late:.0f} | {len(took)} | {goal} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kernel", action="store_true", help="without a browser")
    parser.add_argument("--network", default="efficientnet_lite0", help="a name")
    parser.add_argument("--moves", type=int, default=20)
    chosen = parser.parse_args()
    rows = [(name, "kernel", in_the_kernel(name, chosen.network, chosen.moves)) for name in MOVED]
    if not chosen.kernel:
        from lab import missing

        lacking = missing()
        if lacking:
            print(lacking, file=sys.stderr)
        else:
            found = in_the_browser(list(MOVED), chosen.network, chosen.moves)
            rows += [(name, "browser", took) for name, took in found.items()]
    print("\n".join(table(rows)))
    print(
        f"load of the machine while measuring: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )


if __name__ == "__main__":
    main()
