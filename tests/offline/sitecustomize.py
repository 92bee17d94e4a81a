"""Python runs this by itself at start-up wherever this folder is on PYTHONPATH: see conftest.py."""

import no_network

no_network.block()
