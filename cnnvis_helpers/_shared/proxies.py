"""The proxy that the environment names (HTTPS_PROXY, HTTP_PROXY), and whether it can be one."""

import re
import urllib.parse
import urllib.request


def proxy_fault(address):
    """Return the sentence for a proxy that cannot be one; "" where it may be one or none is used.

    address : str, what is to be fetched; its scheme says which proxy that goes through
    """
    parts = urllib.parse.urlsplit(address)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if not proxy or urllib.request.proxy_bypass(parts.hostname or "") or _may_be_one(proxy):
        return ""
    return (
        f"{parts.scheme.upper()}_PROXY is {without_password(proxy)!r}, which is not the address of "
        "an HTTP proxy; mend it, such as http://proxy.example:3128"
    )


def without_password(proxy):
    """Return the address of a proxy without the user's name and password.

    >>> without_password("http://me:secret@proxy.example:3128")
    'http://proxy.example:3128'
    """
    return re.sub(r"^(\w+://)?.*@", r"\1", proxy)


def _may_be_one(proxy):
    try:
        parts = urllib.parse.urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        host, _ = parts.hostname, parts.port  # a port that is no number is a ValueError
    except ValueError:
        return False
    return bool(host) and parts.scheme in ("http", "https") and not re.search(r"\s", host)
