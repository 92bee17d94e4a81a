"""TensorFlow starts without a word in red; whatever else is written to stderr comes through."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
LINES = """\
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1795549302.356155    5194 port.cc:153] oneDNN custom operations are on.
To enable the following instructions: AVX2 FMA, in other operations, rebuild TensorFlow.
2025-09-17 14:44:05.157831: I external/local_xla/xla/tsl/cuda/cudart_stub.cc:32] Could not find
E0000 00:00:1758131045.203198 3722035 cuda_dnn.cc:8579] Unable to register cuDNN factory: twice
E0000 00:00:1795549304.335755    5194 cuda_platform.cc:52] failed call to cuInit: INTERNAL
E0000 00:00:1795549304.335755    5194 gpu.cc:52] the card is broken
2025-09-17 14:44:05.157831: E external/gpu.cc:32] the card is broken too
F0000 00:00:1795549304.335755    5194 cpu.cc:1] this processor is too old
A word of another library
"""


def python(code):
    """(exit status, stderr) of a fresh process, without the variables that this one has set."""
    kept = {k: v for k, v in os.environ.items() if k not in ("TF_CPP_MIN_LOG_LEVEL", "PYTHONPATH")}
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=kept,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return ran.returncode, ran.stderr


QUIET = "from cnnvis_helpers._shared.quiet_tensorflow import without_greetings\n"
REMARK = "os.write(2, b'I0000 00:00 x] a remark\\n')\n"


@pytest.mark.parametrize(
    "before, inside, after, ends, said",
    [
        ("", f"os.write(2, {LINES!r}.encode())", "os.write(2, b'afterwards\\n')", 0, None),
        ("", "import nowhere_to_be_found", "", 1, "No module named 'nowhere_to_be_found'\n"),
        ("os.close(2)", "import json", "", 0, ""),
        (
            "sys.modules['tensorflow'] = os",  # once it is there, nothing is held back nor set
            REMARK,
            "assert 'TF_CPP_MIN_LOG_LEVEL' not in os.environ",
            0,
            "I0000 00:00 x] a remark\n",
        ),
    ],
    ids=["greetings", "an error in between", "no stderr", "loaded before"],
)
def test_greetings_are_held_back_and_all_else_comes_through(before, inside, after, ends, said):
    code = f"import os, sys\n{before}\n{QUIET}with without_greetings():\n    {inside}\n{after}"
    status, shown = python(code)
    if said is None:
        assert shown == "".join(LINES.splitlines(True)[-4:]) + "afterwards\n"
    else:
        assert shown.endswith(said)
    assert status == ends


def test_the_commands_say_nothing_but_their_own():
    _, said = python("from cnnvis_helpers.__main__ import main\nmain(['report'])")
    assert not re.search("oneDNN custom|cudart|absl", said)


def test_the_first_cell_of_a_lesson_has_no_red_lines(monkeypatch):
    """In a real kernel, which shows in a notebook what native code writes."""
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    lesson = nbformat.read(ROOT / "notebooks" / "04_class_activation_maps.ipynb", 4)
    code = [cell for cell in lesson.cells if cell.cell_type == "code"][:2]
    code.append(nbformat.v4.new_code_cell("net.predict(photo)\nimport tensorflow, keras"))
    notebook = nbformat.v4.new_notebook(cells=code)
    NotebookClient(notebook, timeout=120).execute(cwd=str(ROOT / "notebooks"))
    assert not [
        output["text"]
        for cell in notebook.cells
        for output in cell.outputs
        if output.get("name") == "stderr"
    ]
