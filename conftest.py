"""For all tests: no network, neither here nor in a process that a test starts (kernels too)."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
OFFLINE = str(HERE / "tests" / "offline")

# A lecturer's copy is the student's notebook with its exercises solved. Both are made from one
# source, the build ran both, and every solution is a test of its own; so the copies run on request.
collect_ignore = [] if os.environ.get("CNNVIS_SOLUTIONS") else ["notebooks/solutions"]


def pytest_configure(config):
    sys.path.insert(0, OFFLINE)
    import no_network

    no_network.block()
    inherited = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([OFFLINE, inherited] if inherited else [OFFLINE])
    os.environ["CNNVIS_KEEP"] = "off"  # what a lecturer rehearsed on this machine proves nothing
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
