"""The suite itself is offline: these tests fail where a socket can leave the machine."""

import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

FAR_ADDRESS = "192.0.2.1"  # reserved for documentation: nobody answers there


def test_a_far_address_is_refused_at_once():
    with socket.socket() as plug, pytest.raises(OSError, match="without a network"):
        plug.connect((FAR_ADDRESS, 80))
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plug,
        pytest.raises(OSError, match="without a network"),
    ):
        plug.sendto(b"x", (FAR_ADDRESS, 53))


def test_a_far_name_is_not_looked_up():
    with pytest.raises(OSError, match="without a network"):
        socket.getaddrinfo("example.org", 80)
    with pytest.raises(urllib.error.URLError, match="without a network"):
        urllib.request.urlopen("https://example.org")


def test_a_process_that_a_test_starts_is_offline_too():
    probe = f"import socket; socket.create_connection(({FAR_ADDRESS!r}, 80))"
    ran = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True)
    assert ran.returncode == 1
    assert "without a network" in ran.stderr
