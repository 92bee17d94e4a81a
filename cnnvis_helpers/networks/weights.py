"""Weights on disk: Keras's own cache, and downloads that go on where they broke off.

Files lie where Keras itself looks for them, in the folder `models` of $KERAS_HOME or ~/.keras, so
what one of the two has fetched the other finds. Where Keras knows a checksum, a file that differs
from it is not used but fetched anew.
"""

import contextlib
import difflib
import errno
import functools
import hashlib
import http.client
import os
import platform
import re
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from cnnvis_helpers._shared.data_files import entries
from cnnvis_helpers._shared.progress import end_line, text_progress
from cnnvis_helpers._shared.proxies import proxy_fault
from cnnvis_helpers.networks.applications import APPLICATIONS, find_application
from cnnvis_helpers.networks.bundled import bundled_names

_SECONDS = 20
_CHUNK = 1 << 20
_LEFT_ALONE = 60  # seconds after which a part that nobody writes to may be taken over
_WRONG_SUM = "what arrived does not have the checksum that Keras knows; try again, elsewhere"


class DownloadError(ConnectionError):
    """A download that failed; `reason` says why and what to do, `str` which one as well."""

    def __init__(self, url, reason):
        super().__init__(f"Downloading {url} failed: {reason}.")
        self.reason = reason


def prefetch(names, progress=None):
    """Fetch networks and photos into the caches of this machine, for use without a network later.

    Parameters
    ----------
    names : str or iterable of str, names that `list_networks` shows: their ImageNet weights; or
        web addresses (https://...): photos, as `load_photo` takes them
    progress : function of (done, total), both in megabytes; by default a line of text

    Returns
    -------
    list of pathlib.Path: the files, also those that were there already and are whole. Bundled
    networks and photos have none.

    Raises ValueError, before anything is fetched, for an unknown name or an address that cannot be;
    later for an address that is no photo's; DownloadError when a download fails. What came of a
    large file before it broke off or was stopped is kept in a hidden file beside it: the next call
    goes on from there. Where Keras knows a checksum, it is compared.
    """
    names = [names] if isinstance(names, str) else list(names)
    for name in names:
        check_name(name)
    paths = []
    for name in names:
        if "://" in str(name):
            paths.append(_fetch_photo(str(name)))
        elif not _is_bundled(name):
            paths.append(fetch_weights(find_application(name), progress))
    return list(dict.fromkeys(paths))


def check_name(name):
    """Raise ValueError for what `prefetch` cannot fetch: no network, no photo, no address."""
    if "://" in str(name):
        from cnnvis_helpers._shared.download import kept_path

        kept_path(str(name))
    elif not _is_bundled(name) and find_application(name) is None:
        raise ValueError(unknown_network(name))


def _is_bundled(name):
    return name in bundled_names() or name in entries("photo")


def unknown_network(name):
    """Return the sentence for a name that is neither a network nor a file."""
    known, typed = [*bundled_names(), *APPLICATIONS], str(name).lower()
    near = difflib.get_close_matches(typed, known, n=3, cutoff=0.6)
    near.sort(key=lambda one: sorted(one) != sorted(typed))  # letters in the wrong order first
    hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    return f"No network {str(name)!r}; {hint}list_networks() shows all."


def find_cached(file):
    """Return the path of a file in Keras's cache, or None if it is not there."""
    return next(iter(_copies(file)), None)


def fetch_weights(application, progress=None):
    """Return the path of an application's ImageNet weights; download them if necessary."""
    progress = progress or text_progress(f"{application.name}, megabytes")
    return _fetch(application.file, application.url, application.checksum, progress)


def _fetch(file, url, checksum, progress=None):
    """Return the path of a copy that is whole; where there is none, download one."""
    for path in _copies(file):
        if not checksum or is_whole(path, checksum):
            _throw_away_parts(path)
            return path
    path = cache_folder() / file
    _download(url, path, checksum, progress)
    return path


def _fetch_photo(address):
    """Return the path under which a photo from the web is kept; fetch it if necessary."""
    from cnnvis_helpers._shared.download import kept_path
    from cnnvis_helpers.photos.photos import load_photo

    load_photo(address)
    path = kept_path(address)
    if not path.is_file():
        raise OSError(
            f"{address} was fetched but could not be kept: {path.parent} cannot be written to "
            "or is full; set CNNVIS_CACHE to a folder of your own."
        )
    return path


def is_whole(path, checksum):
    """Tell whether a file has the MD5 or SHA-256 `checksum`; it is read once, until it changes."""
    status = Path(path).stat()
    return _sum_of(str(path), len(checksum), status.st_size, status.st_mtime_ns) == checksum


@functools.lru_cache(maxsize=256)
def _sum_of(path, digits, size, changed):
    """Return the checksum of a file; its size and time are only there to notice a new one."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "md5" if digits == 32 else "sha256").hexdigest()


def cache_folder():
    """Return the folder that downloaded weights go to, as a Path; it need not exist."""
    return _cache_folders()[-1]


def _copies(file):
    """Return the paths at which a file lies in Keras's cache, at most two."""
    return [folder / file for folder in _cache_folders() if (folder / file).is_file()]


def _cache_folders():
    """Return where Keras looks for weights; the last folder is the one that it writes to.

    Like Keras: where its folder cannot be written to, a folder of temporary files serves as well.
    """
    home = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()
    if _writable(home):
        return [home / "models"]
    temporary = Path("/tmp" if os.path.isdir("/tmp") else tempfile.gettempdir())
    return [home / "models", temporary / ".keras" / "models"]


def _writable(folder):
    """Tell whether `folder` can be written to, or, where it does not exist yet, can be made."""
    while not folder.exists():
        folder = folder.parent
    return os.access(folder, os.W_OK)


def _download(url, path, checksum, progress=None):
    """Download `url` to `path` by way of a part beside it, or raise DownloadError.

    A part that an earlier call left is taken over where a checksum will show that it fits.
    """
    part = path.with_name(f".{path.name}.{_machine()}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if checksum:
            _take_over(path, part)
        resumed = part.is_file()
        _append(url, part, progress)
        if resumed and not is_whole(part, checksum):  # what was taken over did not fit
            part.unlink()
            _append(url, part, progress)
        if checksum and not is_whole(part, checksum):
            part.unlink()
            raise OSError(_WRONG_SUM)
        os.replace(part, path)
        _throw_away_parts(path)
    except (OSError, http.client.HTTPException) as error:
        raise DownloadError(url, _reason(error, path.parent)) from None
    finally:
        end_line()
        _lay_aside(part, path, checksum)


def _take_over(path, part):
    """Make the part of an earlier download ours, by its name: two processes never share one."""
    with contextlib.suppress(OSError):
        for left in sorted(_parts_left(path), key=lambda left: left.stat().st_size):
            os.replace(left, part)  # so the longest is the one that stays


def _throw_away_parts(path):
    """Remove what earlier downloads of a file left, now that the file is whole."""
    with contextlib.suppress(OSError):
        for left in _parts_left(path):
            left.unlink()


def _parts_left(path):
    """Return the parts of a file to which no process writes any more."""
    return [part for part in path.parent.glob(f".{path.name}*.part") if not _at_work(part)]


def _at_work(part):
    """Tell whether a process may be writing to a part, whose name tells the machine and process."""
    *_, machine, process, _ = part.name.rsplit(".", 3)
    if not process.isdecimal() or time.time() - part.stat().st_mtime > _LEFT_ALONE:
        return False  # it was laid aside, or nobody has written to it for long
    return machine != _machine() or (int(process) != os.getpid() and _lives(int(process)))


def _lives(process):
    """Tell whether a process of this machine lives; True where that cannot be told."""
    try:
        import psutil
    except ImportError:
        return True
    return psutil.pid_exists(process)


def _machine():
    """Return this machine's name for the name of a part: others may share its folders."""
    return re.sub(r"\W", "", platform.node())


def _lay_aside(part, path, checksum):
    """Keep an unfinished part for the next call, where a checksum can show that it fits."""
    with contextlib.suppress(OSError):
        if checksum and part.is_file() and part.stat().st_size:
            os.replace(part, _waiting(path))
        part.unlink(missing_ok=True)


def _waiting(path):
    return path.with_name(f".{path.name}.part")


def _append(url, part, progress):
    """Download what `part` lacks of `url`; the whole where the server gives nothing less."""
    if fault := proxy_fault(url):
        raise OSError(fault)
    have = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        opener = urllib.request.build_opener()  # each time: the proxy may have been set just now
        answer = opener.open(request, timeout=_SECONDS)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != 416 or not have:  # 416: there is nothing after the part
            raise
        return
    with answer, open(part, "ab" if answer.status == 206 else "wb") as out:
        _copy(answer, out, progress)


def _copy(answer, out, progress):
    """Copy an answer of the web to a file, telling `progress` (done, total) in megabytes."""
    done = out.tell()
    length = int(answer.headers.get("Content-Length") or 0)
    total = done + length if length else 0
    while chunk := answer.read(_CHUNK):
        out.write(chunk)
        done += len(chunk)
        if progress and total:
            progress(round(done / 1e6), round(total / 1e6))
    if done < total:
        raise OSError(f"it broke off after {done} of {total} bytes; the same again goes on there")


def _reason(error, folder):
    """Say why a download failed and what to do about it."""
    elsewhere = "or set KERAS_HOME to a folder elsewhere"
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answers {error.code} ({error.reason}); try again later"
    if getattr(error, "errno", None) in (errno.ENOSPC, getattr(errno, "EDQUOT", None)):
        return f"the disk of {folder} is full; make room and call again, {elsewhere}"
    if getattr(error, "filename", None):  # it is about a file, so about this machine
        return f"{folder} cannot be written to ({error.strerror}); make it so, {elsewhere}"
    reason = getattr(error, "reason", None) or error
    text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    if ";" in text:  # it says already what to do
        return text
    if "Tunnel connection failed" in text or "roxy" in text:
        return f"the proxy refuses ({text}); set HTTPS_PROXY to the address it is to have"
    if isinstance(error, urllib.error.URLError) and urllib.request.getproxies().get("https"):
        return f"{text}; connect this machine, and check HTTPS_PROXY, the address of its proxy"
    return f"{text}; connect this machine and call again"
