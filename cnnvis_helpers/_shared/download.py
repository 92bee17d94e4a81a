"""Download a file from a web address, completely and checked, or not at all.

Uses requests, which TensorFlow requires.
"""

from math import ceil
from urllib.parse import urlsplit

from cnnvis_helpers._shared.files import atomic_write, checksum_of

SECONDS = 20  # without a byte from the server
ATTEMPTS = 3  # a broken download resumes where it stopped
_CHUNK = 1 << 18
_HEADERS = {
    "User-Agent": "cnnvis-helpers (a course on convolutional networks)",
    "Accept-Encoding": "identity",  # so that the length of the response is that of the file
}


class DownloadError(ConnectionError):
    """A failed download. `reason` says why and what to do; the text also names the address."""

    def __init__(self, url, reason):
        super().__init__(f"{url} cannot be downloaded: {reason}.")
        self.reason = reason


def download(url, path, checksum=None, limit=None, progress=None):
    """Download a file from an http or https address; redirects are followed only to these two.

    path : where the file goes; it appears there once it is complete and verified, so two processes
        that download the same file both end up with a good one
    checksum : MD5 or SHA-256 of the file, as hexadecimal digits, or None
    limit : the most bytes to accept, or None
    progress : function of (done, total), both in megabytes. Whatever it raises ends the download
        and leaves no partial file.

    Raises ValueError for an address that is not a web address, DownloadError, one sentence, if
    the download fails, and OSError if the file cannot be written.
    """
    check_address(url)
    import requests

    with atomic_write(path) as stream:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                _receive(url, stream, limit, progress)
                break
            except requests.RequestException as error:
                broken = isinstance(error, requests.exceptions.ChunkedEncodingError)
                if not (broken and checksum and attempt < ATTEMPTS):
                    raise DownloadError(url, _reason(error)) from None
        stream.flush()
        if checksum and checksum_of(stream.name, checksum) != checksum:
            raise DownloadError(url, "its checksum is wrong; try again, or from another network")


def check_address(url):
    """Raise ValueError unless a text is a web address, http or https."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # a port that is not a number is a ValueError
    except ValueError as error:
        raise ValueError(f"{url!r} is not a web address ({error}).") from None
    if parts.scheme.lower() not in ("http", "https"):
        raise ValueError(f"{url!r} begins with {parts.scheme}://; only http:// and https:// work.")
    if not host:
        raise ValueError(f"{url!r} names no server; copy the complete address.")


def _receive(url, stream, limit, progress):
    """Write the rest of a file to `stream`, which may hold its beginning."""
    import requests

    have = stream.tell()
    headers = _HEADERS | ({"Range": f"bytes={have}-"} if have else {})
    local = urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")
    proxies = {"http": "", "https": ""} if local else None  # a proxy cannot reach this computer
    options = {"stream": True, "timeout": SECONDS, "proxies": proxies}
    with requests.get(url, headers=headers, **options) as answer:
        answer.raise_for_status()
        if have and answer.status_code != 206:  # the server sends all of it again
            stream.seek(0)
            stream.truncate()
        done = stream.tell()
        length = int(answer.headers.get("Content-Length") or 0)
        total = done + length if length else 0
        _check_size(url, total, limit)
        for chunk in answer.iter_content(_CHUNK):
            stream.write(chunk)
            done += len(chunk)
            _check_size(url, done, limit)
            if progress:
                megabytes = ceil((total or done + 1) / 1e6)
                progress(megabytes if done == total else int(done / 1e6), megabytes)
    if done < total:
        raise requests.exceptions.ChunkedEncodingError(f"{done} of {total} bytes came")


def _check_size(url, size, limit):
    if limit and size > limit:
        raise DownloadError(url, f"it has more than {limit // 1_000_000} MB; take a smaller file")


def _reason(error):
    """Say why a download failed and what to do about it, without a full stop."""
    from requests import exceptions

    host = urlsplit(error.request.url).hostname if error.request is not None else "the server"
    if isinstance(error, exceptions.HTTPError):
        return f"the server answers {error.response.status_code} ({error.response.reason})"
    if isinstance(error, exceptions.TooManyRedirects):
        return "it redirects too many times"
    if isinstance(error, exceptions.InvalidSchema | exceptions.InvalidURL):
        return "it leads to an address that is not on the web"
    if isinstance(error, exceptions.Timeout):
        return f"{host} has sent nothing for {SECONDS} seconds; try again later"
    if isinstance(error, exceptions.ProxyError):
        return "the proxy refuses or cannot be reached; check its address in HTTPS_PROXY"
    if isinstance(error, exceptions.SSLError):
        return f"{host} has no valid certificate"
    if isinstance(error, exceptions.ChunkedEncodingError):
        return "the connection broke; try again"
    return f"{host} cannot be reached (is this machine online?)"
