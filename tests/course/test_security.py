"""The promises of SECURITY.md that no other test holds."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ACTIVE = re.compile(r"<(script|iframe|object|embed)\b|\son\w+\s*=|javascript:", re.IGNORECASE)


def test_each_promise_names_a_test_that_exists():
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", text)
    assert len(named) > 7
    for file, test in named:
        assert f"def {test}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), test


def test_stored_outputs_hold_no_script():
    kinds = set()
    for path in (ROOT / "notebooks").rglob("*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for output in cell.get("outputs", []):
                kinds |= set(output.get("data", {}))
                page = "".join(output.get("data", {}).get("text/html", ""))
                assert not ACTIVE.search(page), path.name
    assert kinds <= {"text/plain", "text/html", "image/png"}


def test_nothing_listens_beyond_loopback():
    code = """
import ipaddress, sys
opened = []
sys.addaudithook(lambda event, given: event == "socket.bind" and opened.append(given[1]))
import cnnvis_helpers as helpers
photo = helpers.load_photo("chelsea", max_side=64)
net = helpers.load_network("squeezenet")
helpers.gradcam(net, photo)
helpers.explore_cam(net, photo)
print([host for host, *_ in opened if not ipaddress.ip_address(host).is_loopback])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
