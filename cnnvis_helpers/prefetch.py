"""Weights on disk: Keras's own cache, and downloads that never leave half a file behind.

Files lie where Keras itself looks for them, in the folder `models` of $KERAS_HOME or ~/.keras, so
what one of the two has fetched the other finds.
"""

import contextlib
import difflib
import hashlib
import http.client
import json
import os
import tempfile
import urllib.request
from pathlib import Path

from cnnvis_helpers.applications import APPLICATIONS, find_application
from cnnvis_helpers.bundled import bundled_names
from cnnvis_helpers.progress import text_progress

CLASS_INDEX = "imagenet_class_index.json"
_CLASS_INDEX_URL = f"https://storage.googleapis.com/download.tensorflow.org/data/{CLASS_INDEX}"
_CLASS_INDEX_MD5 = "c2c37ea517e94d9795004a39431a14cb"
_SECONDS = 20
_CHUNK = 1 << 20


class DownloadError(ConnectionError):
    """A download that failed; `reason` says why, `str` says which and why."""

    def __init__(self, url, reason):
        super().__init__(f"Downloading {url} failed: {reason}.")
        self.reason = reason


def prefetch(names, progress=None):
    """Fetch the ImageNet weights of one or several networks into Keras's cache, for use offline.

    Parameters
    ----------
    names : str or iterable of str, names that `list_networks` shows
    progress : function of (done, total), both in megabytes; by default a line of text

    Returns
    -------
    list of pathlib.Path: the files, also those that were there already. Bundled networks have none.

    Raises ValueError for an unknown name, DownloadError when a download fails. A download that
    fails or is interrupted leaves nothing behind; where Keras knows a checksum, it is compared.
    """
    paths = []
    for name in [names] if isinstance(names, str) else names:
        if name in bundled_names():
            continue
        application = find_application(name)
        if application is None:
            raise ValueError(unknown_network(name))
        paths += [fetch_weights(application, progress), fetch_class_index()]
    return list(dict.fromkeys(paths))


def unknown_network(name):
    """Return the sentence for a name that is neither a network nor a file."""
    known, typed = [*bundled_names(), *APPLICATIONS], str(name).lower()
    near = difflib.get_close_matches(typed, known, n=3, cutoff=0.6)
    near.sort(key=lambda one: sorted(one) != sorted(typed))  # letters in the wrong order first
    hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    return f"No network {str(name)!r}; {hint}list_networks() shows all."


def find_cached(file):
    """Return the path of a file in Keras's cache, or None if it is not there."""
    paths = (folder / file for folder in _cache_folders())
    return next((path for path in paths if path.is_file()), None)


def fetch_weights(application, progress=None):
    """Return the path of an application's ImageNet weights; download them if necessary."""
    path = find_cached(application.file)
    if path is None:
        path = _cache_folders()[-1] / application.file
        progress = progress or text_progress(f"{application.name}, megabytes")
        _download(application.url, path, application.checksum, progress)
    return path


def fetch_class_index():
    """Return the path of the list of ImageNet classes; download it (35 kB) if necessary."""
    path = find_cached(CLASS_INDEX)
    if path is None:
        path = _cache_folders()[-1] / CLASS_INDEX
        _download(_CLASS_INDEX_URL, path, _CLASS_INDEX_MD5)
    return path


def imagenet_labels(path):
    """Return the 1000 ImageNet labels by class index, such as 281 -> "tabby", from the file `path`.

    Two names stand for two classes each (crane 134 and 517, maillot 638 and 639); they stay double.
    """
    index = json.loads(Path(path).read_text(encoding="utf-8"))
    return [index[str(i)][1] for i in range(len(index))]


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
    """Download `url` to `path` by way of a temporary file beside it, or raise DownloadError."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer, open(part, "wb") as out:
            _copy(answer, out, progress)
        if checksum and _checksum(part, checksum) != checksum:
            raise OSError("what arrived does not have the checksum that Keras knows")
        os.replace(part, path)
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise DownloadError(url, getattr(reason, "strerror", None) or reason) from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _copy(answer, out, progress):
    """Copy an answer of the web to a file, telling `progress` (done, total) in megabytes."""
    total, done = int(answer.headers.get("Content-Length") or 0), 0
    while chunk := answer.read(_CHUNK):
        out.write(chunk)
        done += len(chunk)
        if progress and total:
            progress(round(done / 1e6), round(total / 1e6))
    if done < total:
        raise OSError(f"it broke off after {done} of {total} bytes")


def _checksum(path, like):
    """Return the MD5 or SHA-256 of a file, whichever is as long as `like`."""
    kind = "md5" if len(like) == 32 else "sha256"
    with open(path, "rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()
