"""Where a published copy of the course is, and what the notebooks say about it.

`publication.json` is the one place for the repository ("owner/name") and the tag ("v1.0") of a
published copy; both are null until there is one. From it come the badge of every notebook, the
links between notebooks in Colab, and the set-up cell.
"""

import json
import re
from pathlib import Path

FILE = Path(__file__).resolve().with_name("publication.json")
COLAB = "https://colab.research.google.com"

SETUP_NOTE = (
    "**Set-up.** The next cell makes the course ready: it fetches what is missing, and does "
    "nothing where everything is there."
)

# at most ten lines, the same in every notebook
_SETUP = '''\
import importlib.util, os, subprocess, sys  # noqa: E401, I001
def ready(): return all(map(importlib.util.find_spec, ["cnnvis_helpers", "tensorflow"]))
sys.path += [up for up in ("..", "../..") if os.path.isdir(up + "/cnnvis_helpers")]
source = os.environ.get("CNNVIS_SOURCE") or "{requirement}"
told = "Follow the README of the course, or set CNNVIS_SOURCE to its address."
if source and not ready():
    pip = subprocess.run([sys.executable, "-mpip", "install", "-q", source], capture_output=True)
    told = max(pip.stderr.split(b"\\n"), key=lambda x: b"fatal" in x or b"ERROR" in x).decode()
    importlib.invalidate_caches()
print("The course is ready." if ready() else "The course is not ready. " + told.strip())
'''


def publication(path=FILE):
    """(repository, tag) of the published copy, or (None, None).

    Raises ValueError when only one is given or one cannot be right.
    """
    stored = json.loads(Path(path).read_text(encoding="utf-8"))
    repository, tag = stored.get("repository"), stored.get("tag")
    if repository is None and tag is None:
        return None, None
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository or ""):
        raise ValueError(f"publication.json: repository is {repository!r}, not 'owner/name'.")
    if not re.fullmatch(r"[\w.-]+", tag or ""):
        raise ValueError(f"publication.json: tag is {tag!r}, not a tag such as 'v1.0'.")
    return repository, tag


def requirement(repository, tag):
    """The pip requirement of the published package; "" when there is none."""
    if repository is None:
        return ""
    return f"git+https://github.com/{repository}@{tag}"


def setup_source(repository, tag):
    """Source of the set-up cell."""
    return _SETUP.format(requirement=requirement(repository, tag)).rstrip()


def colab_address(repository, tag, file):
    """Address that opens `file` (a path below notebooks/) in Colab."""
    return f"{COLAB}/github/{repository}/blob/{tag}/notebooks/{file}"


def badge(repository, tag, file):
    """Markdown of the badge that opens a notebook in Colab; "" for an unpublished course."""
    if repository is None:
        return ""
    address = colab_address(repository, tag, file)
    return f"[![Open this notebook in Colab]({COLAB}/assets/colab-badge.svg)]({address})"
