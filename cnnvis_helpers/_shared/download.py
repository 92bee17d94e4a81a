"""Fetch a file by its web address once, and keep it in the user's cache folder."""

import contextlib
import hashlib
import http.client
import os
import ssl
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

from cnnvis_helpers._shared.files import cache_folder
from cnnvis_helpers._shared.proxies import proxy_fault

MAX_BYTES = 20_000_000
SECONDS_OF_SILENCE = 15
SECONDS_IN_ALL = 60

_USER_AGENT = "cnnvis-helpers (a course on convolutional networks)"
_PATH_SAFE = "/%:@!$&'()*+,;=~-._"
_OFFLINE = "The bundled photos need no network: list_photos() shows them."


def fetch(url, read):
    """Return `read(data)`, data being the bytes behind a web address.

    url : http or https. Redirects are followed, to http and https alone.
    read : function (bytes) -> any value; raises ValueError when the bytes are not what is wanted.
        Only bytes that it accepts are kept, so the cache never holds an error page or half a file.

    A second call with the same address needs no network. Raises ValueError, one sentence, when the
    address is none, nothing can be reached, the server refuses, nothing comes for
    SECONDS_OF_SILENCE, the whole takes more than SECONDS_IN_ALL or has more than MAX_BYTES.
    """
    address, kept = _checked(url), kept_path(url)
    with contextlib.suppress(OSError, ValueError):  # no copy, or one that was damaged since
        return read(kept.read_bytes())
    data = _download(address)
    value = read(data)
    _keep(kept, data)
    return value


def kept_path(url):
    """Return the Path under which `fetch` keeps a web address; there may be no file yet."""
    return cache_folder() / "photos" / hashlib.sha256(_checked(url).encode()).hexdigest()


def _checked(url):
    """Return a web address in ASCII without its fragment, or raise ValueError."""
    try:
        parts = urllib.parse.urlsplit(url.strip())
        host, port = parts.hostname, parts.port
        ascii_host = (host or "").encode("idna").decode()
    except ValueError as error:  # UnicodeError, for a host that cannot be, is one too
        raise ValueError(f"{url!r} is not a web address ({error}).") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError(
            f"{url!r} begins with {parts.scheme}://, but only http:// and https:// are fetched; "
            "give a file of this machine by its plain path."
        )
    if not host:
        raise ValueError(f"{url!r} names no server; copy the whole address of the picture.")
    netloc = f"[{host}]" if ":" in host else ascii_host
    netloc += f":{port}" if port else ""
    path = urllib.parse.quote(parts.path, safe=_PATH_SAFE)
    query = urllib.parse.quote(parts.query, safe=_PATH_SAFE + "?[]")
    return urllib.parse.urlunsplit((parts.scheme, netloc, path, query, ""))


class _OnlyWeb(urllib.request.HTTPRedirectHandler):
    """Follow a redirect only to another http or https address."""

    def redirect_request(self, request, stream, code, message, headers, new_url):
        _checked(new_url)
        return super().redirect_request(request, stream, code, message, headers, new_url)


def _download(address):
    """Return the bytes behind an address; every way of failing is one ValueError."""
    if fault := proxy_fault(address):
        host = urllib.parse.urlsplit(address).netloc
        raise ValueError(f"{host} cannot be reached: {fault}. {_OFFLINE}")
    request = urllib.request.Request(address, headers={"User-Agent": _USER_AGENT})
    try:
        opener = urllib.request.build_opener(_OnlyWeb)
        with opener.open(request, timeout=SECONDS_OF_SILENCE) as response:
            return _read_all(response, address)
    except urllib.error.HTTPError as error:
        error.close()
        raise ValueError(_refusal(address, error)) from None
    except (OSError, http.client.HTTPException) as error:
        raise ValueError(_failure(address, getattr(error, "reason", error))) from None


def _read_all(response, address):
    """Read a response to its end, within the limits of size and time."""
    deadline = time.monotonic() + SECONDS_IN_ALL
    announced = response.headers.get("Content-Length", "")
    announced = int(announced) if announced.isdecimal() else 0
    _refuse_size(announced, address)
    data = bytearray()
    while chunk := response.read1(1 << 16):
        data += chunk
        _refuse_size(len(data), address)
        if time.monotonic() > deadline:
            raise ValueError(
                f"{address} takes more than {SECONDS_IN_ALL} seconds; "
                "download it in a browser and give the file's path."
            )
    if len(data) < announced:
        raise http.client.IncompleteRead(data, announced - len(data))
    return bytes(data)


def _refuse_size(size, address):
    if size > MAX_BYTES:
        raise ValueError(
            f"{address} has more than {MAX_BYTES // 1_000_000} MB; take a smaller version of it."
        )


def _refusal(address, error):
    """The sentence for a server that answers with an error status."""
    if 300 <= error.code < 400:
        return f"{address} leads in a circle or away from the web ({error.code}); check it."
    gone = error.code in (404, 410)
    advice = "check it." if gone else "download it in a browser and give the file's path."
    meaning = http.client.responses.get(error.code, "a status of its own")
    return f"{address} cannot be fetched: the server answers {error.code} ({meaning}); {advice}"


def _failure(address, reason):
    """The sentence for a connection that fails or breaks; `reason` is an exception or a text."""
    host = urllib.parse.urlsplit(address).netloc
    if isinstance(reason, TimeoutError):
        return f"{host} has sent nothing for {SECONDS_OF_SILENCE} seconds; try later. {_OFFLINE}"
    if isinstance(reason, ssl.SSLError):
        return f"{host} has no secure connection to offer ({reason}); check the address. {_OFFLINE}"
    if "Tunnel connection failed" in str(reason):
        return (
            f"The proxy refuses {host} ({reason}); set HTTPS_PROXY to the address it is to have. "
            f"{_OFFLINE}"
        )
    refused = isinstance(reason, ConnectionRefusedError)
    if isinstance(reason, http.client.HTTPException | ConnectionError) and not refused:
        return f"The connection to {host} broke ({reason}); try again. {_OFFLINE}"
    return f"{host} cannot be reached ({reason}); is this machine online? {_OFFLINE}"


def _keep(path, data):
    """Write a cache file in one step; where that cannot be, leave nothing behind and go on."""
    unfinished = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as stream:
            unfinished = stream.name
            stream.write(data)
        os.replace(unfinished, path)
    except OSError:
        if unfinished:
            with contextlib.suppress(OSError):
                os.unlink(unfinished)
