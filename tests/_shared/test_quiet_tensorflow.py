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


def python(code, **variables):
    """What a fresh process writes to stderr, without the variables that this one has set."""
    kept = {k: v for k, v in os.environ.items() if k not in ("TF_CPP_MIN_LOG_LEVEL", "PYTHONPATH")}
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=kept | variables,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return ran.returncode, ran.stderr


def test_greetings_are_held_back_and_all_else_comes_through():
    status, said = python(
        "import os\n"
        "from cnnvis_helpers._shared.quiet_tensorflow import without_greetings\n"
        "with without_greetings():\n"
        f"    os.write(2, {LINES!r}.encode())\n"
        "os.write(2, b'afterwards\\n')"
    )
    assert (status, said) == (0, "".join(LINES.splitlines(True)[-4:]) + "afterwards\n")


def test_an_error_in_between_is_an_error_and_is_seen():
    status, said = python(
        "from cnnvis_helpers._shared.quiet_tensorflow import without_greetings\n"
        "with without_greetings():\n"
        "    import nowhere_to_be_found"
    )
    assert status == 1 and said.endswith("No module named 'nowhere_to_be_found'\n")


def test_a_process_without_stderr_starts_as_well():
    status, _ = python(
        "import os\nos.close(2)\n"
        "from cnnvis_helpers._shared.quiet_tensorflow import without_greetings\n"
        "with without_greetings():\n    import json"
    )
    assert status == 0


def test_once_tensorflow_is_there_nothing_is_held_back_nor_set():
    status, said = python(
        "import os, sys\nsys.modules['tensorflow'] = os\n"
        "from cnnvis_helpers._shared.quiet_tensorflow import without_greetings\n"
        "with without_greetings():\n    os.write(2, b'I0000 00:00 x] a remark\\n')\n"
        "assert 'TF_CPP_MIN_LOG_LEVEL' not in os.environ"
    )
    assert (status, said) == (0, "I0000 00:00 x] a remark\n")


@pytest.mark.parametrize("level", ["", "0"])
def test_the_commands_say_nothing_but_their_own(level):
    code = "import sys\nfrom cnnvis_helpers.__main__ import main\nmain(['report'])"
    _, said = python(code, **({"TF_CPP_MIN_LOG_LEVEL": level} if level else {}))
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
