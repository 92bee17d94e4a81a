"""Run a notebook dict and keep clean outputs: no stderr, no paths of this machine.

Every notebook runs in a fresh kernel of the Python that runs this file, with its own folder as
working directory, on the CPU, with fixed hashing and deterministic TensorFlow operations.
"""

import copy
import html
import json
import os
import re
import tempfile
import textwrap
from pathlib import Path

import nbformat
from lesson_source import LessonError
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError  # noqa: F401

ROOT = Path(__file__).resolve().parent.parent

ENVIRONMENT = {
    "CNNVIS_KEEP": "off",  # a notebook is built from what it computes
    "CUDA_VISIBLE_DEVICES": "-1",
    "PYTHONHASHSEED": "0",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_DETERMINISTIC_OPS": "1",
}
WIDGET = "application/vnd.jupyter.widget-view+json"
WIDGET_TEXT = "Run this cell to use the explorer."

_QUIET = re.compile(
    r"^\s*$|cuda|tensorrt|oneDNN|cpu_feature_guard|computation_placer|WARNING: All log messages|"
    r"^[EWI]\d{4} |^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d",
    re.IGNORECASE,
)


def check_source(check, name):
    """The code that runs a cell's check inside a function, so that it leaves no names behind.

    name: says which check it is in a traceback, such as "04_cams_cell_12".
    """
    function = "check_" + re.sub(r"\W", "_", name)
    return f"def {function}():\n{textwrap.indent(check, '    ')}\n\n\n{function}()"


def run_notebook(notebook, folder, timeout=300, allow_errors=False):
    """Run all cells, each followed by its check, in a fresh kernel that works in `folder`.

    Returns (notebook with clean outputs, list of stderr lines that are not TensorFlow's usual
    chatter). Raises nbclient's CellExecutionError for a cell or check that fails unless
    allow_errors, and CellTimeoutError for a cell that takes longer than `timeout` seconds.
    """
    node = nbformat.from_dict(_with_checks(notebook))
    client = NotebookClient(
        node,
        timeout=timeout,
        kernel_name="python3",
        allow_errors=allow_errors,
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
        extra_arguments=["--log-level=40"],
    )
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    client.execute(env={**os.environ, **ENVIRONMENT, "PYTHONPATH": os.pathsep.join(paths)})
    done, said = copy.deepcopy(notebook), []
    code = [cell for cell in done["cells"] if cell["cell_type"] == "code"]
    ran = [cell for cell in node.cells if cell.cell_type == "code" and not _is_check(cell)]
    for count, (cell, result) in enumerate(zip(code, ran, strict=True), start=1):
        outputs, spoken = clean_outputs(json.loads(json.dumps(result.outputs)), count)
        cell.update(outputs=outputs, execution_count=count)
        said += spoken
    return done if allow_errors else with_alts(done), said


def _with_checks(notebook):
    """A copy of the notebook in which every check is a cell of its own."""
    lesson, cells = notebook["metadata"].get("cnnvis", {}).get("lesson", ""), []
    for number, cell in enumerate(notebook["cells"], start=1):
        cells.append(copy.deepcopy(cell))
        check = cell["metadata"].get("cnnvis", {}).get("check")
        if check:
            source = check_source(check, f"{lesson}_cell_{number}")
            metadata = {"cnnvis": {"is_check": True}}
            cells.append(dict(cell, id=f"{cell['id']}-check", source=source, metadata=metadata))
    return dict(notebook, cells=cells)


def _is_check(cell):
    return cell["metadata"].get("cnnvis", {}).get("is_check", False)


def with_alts(notebook):
    """The notebook with the lesson's alt texts on the stored figures, one each, in order.

    What a figure says of itself is kept in the output's metadata: it has the numbers drawn.
    Raises LessonError where a cell has another number of figures than of alt texts.
    """
    for number, cell in enumerate(notebook["cells"], start=1):
        alts = cell["metadata"].get("cnnvis", {}).get("alt", [])
        figures = [x for x in cell.get("outputs", []) if _is_figure(x.get("data", {}))]
        if alts and len(alts) != len(figures):
            raise LessonError(
                f"{notebook['metadata']['cnnvis']['lesson']}, cell {number} of the notebook shows "
                f"{len(figures)} figures and has {len(alts)} alt texts; give one a figure."
            )
        for alt, figure in zip(alts, figures, strict=False):
            _put_alt(figure, alt)
    return notebook


def _is_figure(data):
    return "image/png" in data or "<img" in _text(data.get("text/html", ""))


def _put_alt(output, alt):
    """Give one figure its alt text; a bare PNG, as pyplot shows it, becomes an <img> with one."""
    data, attribute = output["data"], f'alt="{html.escape(alt)}"'
    if "image/png" in data:
        png = "".join(_text(data.pop("image/png")).split())
        source = f'style="max-width:100%;height:auto" src="data:image/png;base64,{png}"'
        data["text/html"] = [f"<img {attribute} {source}>"]
    else:
        output["metadata"].setdefault("cnnvis", {"described": _text(data.get("text/plain", ""))})
        page = re.sub(
            r"""(<img\b[^>]*?)\balt=("[^"]*"|'[^']*')""",
            lambda match: match[1] + attribute,
            _text(data["text/html"]),
        )
        data["text/html"] = page.splitlines(keepends=True)
    data["text/plain"] = [alt]


def carry_outputs(notebook, stored):
    """Outputs of the stored notebook, when its code is the same; otherwise none.

    Returns (notebook, True when they were carried over).
    """
    ran = stored and stored["metadata"].get("cnnvis", {}).get("ran")
    if ran != notebook["metadata"]["cnnvis"]["ran"]:
        bare = copy.deepcopy(notebook)
        bare["metadata"]["cnnvis"]["ran"] = None
        return bare, False
    done = copy.deepcopy(notebook)
    old = [cell for cell in stored["cells"] if cell["cell_type"] == "code"]
    new = [cell for cell in done["cells"] if cell["cell_type"] == "code"]
    for cell, before in zip(new, old, strict=True):
        cell.update(outputs=before["outputs"], execution_count=before["execution_count"])
    return with_alts(done), True


def clean_outputs(outputs, count):
    """Outputs as they are stored, and the lines of stderr worth telling the author."""
    kept, said = [], []
    for output in outputs:
        if output["output_type"] == "stream" and output["name"] == "stderr":
            said += [x for x in _text(output["text"]).splitlines() if not _QUIET.search(x)]
            continue
        cleaned = _clean_output(output, count)
        if cleaned is None:
            continue
        if kept and kept[-1]["output_type"] == cleaned["output_type"] == "stream":
            kept[-1]["text"] += cleaned["text"]
        else:
            kept.append(cleaned)
    for output in kept:
        if output["output_type"] == "stream":
            output["text"] = _last_states(output["text"]).splitlines(keepends=True)
    return [output for output in kept if output.get("text") != []], said


def _text(value):
    return "".join(value) if isinstance(value, list) else value


def _clean_output(output, count):
    kind = output["output_type"]
    if kind == "stream":
        return {"output_type": kind, "name": output["name"], "text": _local(_text(output["text"]))}
    if kind == "error":
        return {**output, "traceback": [_local(line) for line in output["traceback"]]}
    data = _clean_bundle(output["data"])
    if not data:
        return None
    cleaned = {"output_type": kind, "data": data, "metadata": {}}
    if kind == "execute_result":
        cleaned["execution_count"] = count
    return cleaned


def _clean_bundle(bundle):
    if WIDGET in bundle:  # the live widget is not there when the file is opened
        return {"text/plain": [WIDGET_TEXT]}
    return {
        kind: _local(_text(value)).splitlines(keepends=True) if kind.startswith("text/") else value
        for kind, value in bundle.items()
    }


def _local(text):
    """Text without the paths of this machine; base64 may spell one by chance and stays."""
    for path, name in ((ROOT, "."), (tempfile.gettempdir(), "tmp"), (Path.home(), "~")):
        text = re.sub(r"(?<![\w+/])" + re.escape(str(path)) + r"(?=[/\\\s'\"]|$)", name, text)
    return text


def _last_states(text):
    """What a terminal shows in the end: a carriage return starts the line again."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").split("\r")[-1] for line in lines)
