"""The user's cache folder, files written completely or not at all, checksums and wrong contents."""

import contextlib
import hashlib
import os
import sys
import tempfile
from pathlib import Path


def cache_folder():
    """Return the Path of the course's cache folder, which need not exist.

    CNNVIS_CACHE if set, else `cnnvis` in the system's folder for caches:
    XDG_CACHE_HOME or ~/.cache, ~/Library/Caches on macOS, LOCALAPPDATA on Windows.
    """
    if os.environ.get("CNNVIS_CACHE"):
        return Path(os.environ["CNNVIS_CACHE"]).expanduser()
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "cnnvis"


@contextlib.contextmanager
def atomic_write(path):
    """Open a binary stream that becomes the file `path` at the end of the block, or leaves no file.

    It writes to a temporary file in the same folder, so other processes see the old file or the new
    one, and if two write the same file, both leave a good one.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        os.close(handle)
        with open(unfinished, "wb") as stream:
            yield stream
        if os.name != "nt":
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(unfinished, 0o666 & ~mask)  # mkstemp lets only the owner read
        os.replace(unfinished, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(unfinished)
        raise


def checksum_of(path, like=""):
    """Return the SHA-256 of a file, or its MD5 if `like` has the length of one."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "md5" if len(like) == 32 else "sha256").hexdigest()


def wrong_content(data):
    """Return what came in place of a file and what to do, from its first 1,024 bytes, or ""."""
    start = data[:1024].lower()
    if not start:
        return "is empty (0 bytes): save or download it again"
    if b"<!doctype html" in start or b"<html" in start:
        return "is a web page instead of the file itself: check the address that it came from"
    if start.startswith(b"version https://git-lfs"):
        return "is a pointer of Git LFS: `git lfs pull` fetches the file itself"
    return ""
