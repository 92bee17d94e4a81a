"""Where a published copy of the course is, and what a notebook says of it.

`publication.json` holds the repository ("owner/name") and the tag ("v1.0") of the published copy;
both are null until there is one. After a change, `build_notebooks.py --no-execute` writes the
badge, the links to Colab and the set-up cell of every notebook.
"""

import json
import re
from pathlib import Path

FILE = Path(__file__).resolve().with_name("publication.json")
COLAB = "https://colab.research.google.com"

_NOTE = (
    "**Set-up.** The next cell {}. On your own machine, `python3 tools/course.py open`, run in the "
    "folder of the course, installs and opens it."
)
_SETUP = """\
try:
    import cnnvis_helpers
except ImportError:
    {}"""
_ASK = 'raise ImportError("Install the course first: python3 tools/course.py open") from None'


def publication(path=FILE):
    """(repository, tag) of the published copy, or (None, None).

    Raises ValueError when only one is given, or one has characters that an address cannot have.
    """
    stored = json.loads(Path(path).read_text(encoding="utf-8"))
    repository, tag = stored["repository"], stored["tag"]
    if (repository, tag) == (None, None):
        return None, None
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository or "") or not re.fullmatch(
        r"[\w.+-]+", tag or ""
    ):
        raise ValueError(
            f"publication.json has repository {repository!r} and tag {tag!r}; "
            "write 'owner/name' and 'v1.0', or null for both."
        )
    return repository, tag


def requirement(repository, tag):
    """What pip installs of the published copy; None for an unpublished course."""
    return repository and f"https://github.com/{repository}/archive/{tag}.zip"


def setup_note(source):
    """The sentence above the set-up cell; `source` as for `setup_source`."""
    installs = "installs the course where it is missing, in Colab for example"
    return _NOTE.format(installs if source else "says so if the course is not installed")


def setup_source(source):
    """Source of the set-up cell; `source` is what pip installs, None for an unpublished course.

    `%pip`, in place of a subprocess, installs into the Python of the notebook's kernel.
    """
    return _SETUP.format(f'%pip install --quiet "{source}"' if source else _ASK)


def colab_address(repository, tag, file):
    """Address that opens `file` (a path below notebooks/) in Colab."""
    return f"{COLAB}/github/{repository}/blob/{tag}/notebooks/{file}"


def badge(repository, tag, file):
    """Markdown of the badge that opens a notebook in Colab; "" for an unpublished course."""
    if repository is None:
        return ""
    address = colab_address(repository, tag, file)
    return f"[![Open this notebook in Colab]({COLAB}/assets/colab-badge.svg)]({address})"
