"""ImageNet weights in Keras's own cache: find them, check them, download them.

Files are where Keras looks for them, in the folder `models` of $KERAS_HOME or ~/.keras, so each
finds what the other has downloaded. If Keras has a checksum and a file does not match it, the file
is downloaded again.
"""

import difflib
import functools
import os
import tempfile
from pathlib import Path

from cnnvis_helpers._shared.data_files import entries
from cnnvis_helpers._shared.download import DownloadError, check_address, download
from cnnvis_helpers._shared.files import checksum_of
from cnnvis_helpers._shared.progress import text_progress
from cnnvis_helpers.networks.applications import APPLICATIONS, find_application
from cnnvis_helpers.networks.bundled import bundled_names
from cnnvis_helpers.photos.photos import fetch_photo


def prefetch(names, progress=None):
    """Download networks and photos, to use them without a network connection later.

    Parameters
    ----------
    names : str or iterable of str, names that `list_networks` shows: their ImageNet weights; or
        web addresses (https://...): photos, as `load_photo` takes them
    progress : function of (done, total), both in megabytes; by default a line of text

    Returns
    -------
    list of pathlib.Path, those already there included; what is bundled has none

    Raises ValueError, before anything is downloaded, for an unknown name or address, later for an
    address without a photo; ConnectionError if a download fails.
    """
    names = [names] if isinstance(names, str) else [str(name) for name in names]
    bundled = {*bundled_names(), *entries("photo")}
    wanted = [name for name in names if name not in bundled]
    for name in wanted:
        if "://" in name:
            check_address(name)
        elif find_application(name) is None:
            raise ValueError(unknown_network(name))
    paths = {}  # in order, each once
    for name in wanted:
        photo = "://" in name
        path = fetch_photo(name)[0] if photo else fetch_weights(find_application(name), progress)
        paths[path] = None
    return list(paths)


def unknown_network(name):
    """Return the sentence for a name that is neither a network nor a file."""
    known, typed = [*bundled_names(), *APPLICATIONS], str(name).lower()
    near = difflib.get_close_matches(typed, known, n=3, cutoff=0.6)
    near.sort(key=lambda one: sorted(one) != sorted(typed))  # letters in the wrong order first
    hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    return f"No network {str(name)!r}; {hint}list_networks() shows all."


def find_cached(file):
    """Return the path of a file in Keras's cache, or None."""
    paths = (folder / file for folder in _cache_folders())
    return next((path for path in paths if path.is_file()), None)


def fetch_weights(application, progress=None):
    """Return the path of an application's ImageNet weights; download them if necessary."""
    path = find_cached(application.file)
    if path and (not application.checksum or is_whole(path, application.checksum)):
        return path
    path = weights_folder() / application.file
    progress = progress or text_progress(f"{application.name}, megabytes")
    try:
        download(application.url, path, application.checksum or None, progress=progress)
    except DownloadError:
        raise
    except OSError as error:
        problem = f"{path.parent} cannot be written to ({error.strerror or error})"
        way_out = "make space or set KERAS_HOME to another folder"
        raise DownloadError(application.url, f"{problem}; {way_out}") from None
    return path


def is_whole(path, checksum):
    """Return whether a file has this MD5 or SHA-256; it is reread only if changed."""
    status = Path(path).stat()
    return _checksum(str(path), checksum, status.st_size, status.st_mtime_ns) == checksum


@functools.lru_cache(maxsize=256)
def _checksum(path, checksum, size, changed):
    """Return the checksum of a file; size and time only invalidate the cache."""
    return checksum_of(path, checksum)


def weights_folder():
    """Return the Path of the folder that weights are downloaded to; it need not exist."""
    return _cache_folders()[-1]


def _cache_folders():
    """Return the folders in which Keras looks for weights; it writes to the last."""
    home = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()
    existing = next(folder for folder in (home, *home.parents) if folder.exists())
    if os.access(existing, os.W_OK):
        return [home / "models"]
    temporary = Path("/tmp" if os.path.isdir("/tmp") else tempfile.gettempdir())
    return [home / "models", temporary / ".keras" / "models"]
