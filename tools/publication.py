"""The set-up cell of every notebook, and where a published copy of the course is.

After a change here, `build_notebooks.py --no-execute` writes the cell, the badge and the links to
Colab into every notebook.
"""

REPOSITORY, TAG = None, None  # "OWNER/NAME" and "v1.0"; None until there is a published copy

_COLAB = "https://colab.research.google.com"
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


def requirement():
    """What pip installs of the published copy; None for an unpublished course."""
    return REPOSITORY and f"https://github.com/{REPOSITORY}/archive/{TAG}.zip"


def setup_note():
    """The sentence above the set-up cell."""
    installs = "installs the course where it is missing, in Colab for example"
    return _NOTE.format(installs if REPOSITORY else "says so if the course is not installed")


def setup_source(source):
    """Source of the set-up cell; `source` is what pip installs, None for an unpublished course.

    `%pip`, in place of a subprocess, installs into the Python of the notebook's kernel.
    """
    return _SETUP.format(f'%pip install --quiet "{source}"' if source else _ASK)


def colab_address(file):
    """Address that opens `file` (a path below notebooks/) in Colab; None for an unpublished one."""
    return REPOSITORY and f"{_COLAB}/github/{REPOSITORY}/blob/{TAG}/notebooks/{file}"


def badge(file):
    """Markdown of the badge that opens a notebook in Colab; "" for an unpublished course."""
    picture = f"![Open this notebook in Colab]({_COLAB}/assets/colab-badge.svg)"
    return f"[{picture}]({colab_address(file)})" if REPOSITORY else ""
