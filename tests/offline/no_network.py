"""Keep a Python process on this machine: only loopback and local sockets are let through."""

import sys

_WITH_ADDRESS = {"socket.connect", "socket.sendto", "socket.sendmsg"}
_WITH_HOST = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}


class NoNetwork(OSError):
    """What a test meets in place of the network: an OSError, as on a machine that has none."""


def _is_local(host):
    """Whether a host (name, number, bytes or None) is this machine."""
    import ipaddress
    import socket

    host = host.decode() if isinstance(host, bytes) else host or ""
    if host.lower() in {"", "localhost", socket.gethostname().lower()}:
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _refuse(event, arguments):
    """Audit hook: raise NoNetwork for a look-up of, or a packet to, another machine."""
    if event in _WITH_HOST:
        host = arguments[0]
    elif event in _WITH_ADDRESS and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    if not _is_local(host):
        raise NoNetwork(f"the tests run without a network, and this asked for {host!r}")


def block():
    """Refuse the network from here to the end of this process."""
    sys.addaudithook(_refuse)
