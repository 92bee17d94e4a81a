"""Find the bundled files and check them.

Everything the course ships besides code is in one folder: `data/` beside the package in a
checkout, `cnnvis_helpers/data/` in an installed wheel. Its `manifest.json` lists every file with
name, kind, licence, source, size in bytes and SHA-256; `tools/build_manifest.py` writes it.
"""

import functools
import json
from pathlib import Path

from cnnvis_helpers._shared.files import checksum_of

_PACKAGE = Path(__file__).resolve().parent.parent


@functools.cache
def data_folder():
    """Return the folder of the bundled files as a Path; ValueError if it was not copied."""
    for folder in (_PACKAGE / "data", _PACKAGE.parent / "data"):
        if (folder / "manifest.json").is_file():
            return folder
    raise ValueError(
        f"The course's data folder is neither in {str(_PACKAGE)!r} nor beside it; "
        "install cnnvis-helpers again or copy the complete repository."
    )


@functools.cache
def manifest():
    """Return the files of manifest.json: a tuple of dicts, shared, so do not change them.

    Each has "name", "kind" ("photo", "mask", "weights", "network", "classes", "licence" or
    "document"), "file" (path inside the data folder, with slashes), "sha256", "licence", "source"
    and "bytes". A photo also has "height", "width", "shows" and "alt"; a mask has "shows".
    """
    listed = json.loads((data_folder() / "manifest.json").read_text(encoding="utf-8"))
    return tuple(listed["files"])


def entries(kind):
    """Return the entries of one kind: a dict from name to entry, sorted by file."""
    return {entry["name"]: entry for entry in manifest() if entry["kind"] == kind}


def data_file(entry):
    """Return the Path of an entry's file, after checking its SHA-256 once per process."""
    return _checked_file(entry["file"], entry["sha256"])


@functools.cache
def _checked_file(file, sha256):
    path = data_folder() / file
    if not path.is_file():
        raise ValueError(f"The bundled file {str(path)!r} is missing; install the course again.")
    if checksum_of(path) != sha256:
        raise ValueError(
            f"The bundled file {str(path)!r} is not the one that manifest.json lists: it was "
            "damaged or changed; install the course again, or run tools/build_manifest.py."
        )
    return path
