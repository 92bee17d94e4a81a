"""Where a published copy of the course is, and what the files of the course say about it.

`publication.json` is the one place for the repository ("owner/name") and the tag ("v1.0") of a
published copy; both are null until there is one. From it come the badge of every notebook, the
links between notebooks in Colab, the set-up cell, and the marked lines of README.md,
environment.yml and CITATION.cff. `tools/publish.py` writes them all.
"""

import json
import re
from pathlib import Path

FILE = Path(__file__).resolve().with_name("publication.json")
COLAB = "https://colab.research.google.com"
BINDER = "https://mybinder.org"
FIRST_LESSON = "00_start_here.ipynb"

SETUP_NOTE = (
    "**Set-up.** The next cell makes the course ready: it fetches what is missing, and does "
    "nothing where everything is there. Where it asks for something, do that and run it again.\n\n"
    "You have a copy of the whole course? `python3 tools/course.py open`, run in its folder, sets "
    "it up and opens it; in another Jupyter or editor, then take the Python in `.venv` as kernel. "
    "You have a wheel of it? Upload the wheel, and run this in a new cell above: "
    "`%env CNNVIS_SOURCE=/content/NAME.whl`."
)

# At most ten lines, the same in every notebook. It looks for the course (installed, or in the
# folders around the notebook), has pip install what is missing, and prints one line: "ready", or
# the next step. `steps` has words of pip and git, and what to do about them; the first that fits
# counts. Of an unknown failure the last error is shown. pip replaces nothing that it finds good
# enough, and the package asks for nothing newer than Colab ships: tests/colab/proof.py shows it.
_SETUP = """\
import importlib.util as util, os, re, subprocess as sp, sys; sys.path += "..", "../.."  # noqa
def ready(): return all(map(util.find_spec, ("cnnvis_helpers", "tensorflow", "tf_keras_vis")))
source = os.environ.get("CNNVIS_SOURCE") or "ADDRESS"
said = source and not ready() and sp.getoutput(f'"{sys.executable}" -m pip install "{source}"')
steps = {"^$": "Not published: use python3 tools/course.py open or a wheel, as said above",
    "ully inst": "Restart the kernel", "wheel (fi|on)|is inv": "Upload the wheel anew, without (1)",
    "amed pip": "Run %run -m ensurepip", "onnect|resolve|roxy": f"Check network, proxy, {source!r}",
    "denied:|externally|different Py|d for tensor": "Use a venv: Python 3.11-3.13, no Intel Mac",
    "": f"Check disk and {source!r}: {re.findall('(?:OR|or|al): (.* .*)', f'or:  {said}')[-1]:.99}"}
print("The course is ready." if ready() else next(steps[x] for x in steps if re.search(x, said)))
"""


def publication(path=FILE):
    """(repository, tag) of the published copy, or (None, None).

    Raises ValueError when only one is given or one cannot be right.
    """
    stored = json.loads(Path(path).read_text(encoding="utf-8"))
    try:
        return checked(stored.get("repository"), stored.get("tag"))
    except ValueError as error:
        raise ValueError(f"publication.json: {error}") from None


# What GitHub allows, and of the tags that git allows those that need no quoting in an address.
_OWNER = "[A-Za-z0-9]+([-_][A-Za-z0-9]+)*"
_NAME = r"(?!\.+$)(?!.*\.git$)[A-Za-z0-9_.][A-Za-z0-9_.-]*"
_TAG = r"(?!.*\.\.)(?!.*\.(lock)?$)[A-Za-z0-9_][A-Za-z0-9_.+-]*"


def checked(repository, tag):
    """(repository, tag), or ValueError when only one is given or one cannot be right."""
    if repository is None and tag is None:
        return None, None
    if not re.fullmatch(f"{_OWNER}/{_NAME}", repository or ""):
        raise ValueError(
            f"The repository is {repository!r}, not 'owner/name': write it as in its address on "
            "GitHub, https://github.com/owner/name."
        )
    if not re.fullmatch(_TAG, tag or ""):
        raise ValueError(
            f"The tag is {tag!r}, not a tag such as 'v1.0': take English letters, digits and - _ . "
            "+, a letter or a digit first."
        )
    return repository, tag


def requirement(repository, tag):
    """The pip requirement of the published package, which needs no git; "" when there is none."""
    if repository is None:
        return ""
    return f"https://github.com/{repository}/archive/{tag}.zip"


def setup_source(repository, tag):
    """Source of the set-up cell."""
    return _SETUP.replace("ADDRESS", requirement(repository, tag)).rstrip()


def colab_address(repository, tag, file):
    """Address that opens `file` (a path below notebooks/) in Colab."""
    return f"{COLAB}/github/{repository}/blob/{tag}/notebooks/{file}"


def badge(repository, tag, file):
    """Markdown of the badge that opens a notebook in Colab; "" for an unpublished course."""
    if repository is None:
        return ""
    address = colab_address(repository, tag, file)
    return f"[![Open this notebook in Colab]({COLAB}/assets/colab-badge.svg)]({address})"


def stamp(file, text, repository, tag):
    """Text of a file of STAMPED with the lines between its marks made anew."""
    mark, blocks = STAMPED[file]
    for name, lines_of in blocks.items():
        begin, end = mark.format(name), mark.format(f"end of {name}")
        before, found, rest = text.partition(f"{begin}\n")
        _, also, after = rest.partition(f"{end}\n")
        if not (found and also):
            raise ValueError(f"{file} has lost its lines {begin!r} and {end!r}; put them back.")
        lines = "".join(f"{line}\n" for line in lines_of(repository, tag))
        text = f"{before}{begin}\n{lines}{end}\n{after}"
    return text


def _getting_lines(repository, tag):
    if repository is None:
        return [
            "Unpack the copy of the course that you were given, and open a terminal in its folder,",
            "the one in which this file lies.",
        ]
    return [
        "Get the course in a terminal, as below, or unpack",
        f"[this ZIP file]({requirement(repository, tag)}) and open a terminal in its folder.",
        "",
        f"    git clone --branch {tag} https://github.com/{repository}.git",
        f"    cd {repository.partition('/')[2]}",
    ]


def _readme_lines(repository, tag):
    if repository is None:
        return [
            "This copy of the course is not published on the web. To use a notebook of it in",
            "Colab, make a wheel, `python3 -m pip wheel --no-deps --wheel-dir dist .`, upload it",
            "under its own name, and say so in a cell above the first:",
            "`%env CNNVIS_SOURCE=/content/NAME.whl`. Anything that pip installs will do there,",
            "such as `git+https://SERVER/OWNER/NAME@TAG`, all four filled in.",
        ]
    binder = f"{BINDER}/v2/gh/{repository}/{tag}?labpath=notebooks%2F{FIRST_LESSON}"
    return [
        f"{badge(repository, tag, FIRST_LESSON)}",
        f"[![Open the course on Binder]({BINDER}/badge_logo.svg)]({binder})",
        "",
        f"Published as [{repository}](https://github.com/{repository}), tag {tag}.",
    ]


def _environment_lines(repository, tag):
    if repository is None:
        return []
    return [
        f"# This is {repository}, tag {tag}. For the package alone, without the notebooks, put in",
        "# place of the last line:",
        f"#     - cnnvis-helpers[lab] @ {requirement(repository, tag)}",
    ]


def _citation_lines(repository, tag):
    if repository is None:
        return []
    return [
        f'repository-code: "https://github.com/{repository}"',
        f'url: "https://github.com/{repository}/tree/{tag}"',
    ]


# The files with lines of their own: their marks, and what stands between them, by the marks' name.
STAMPED = {
    "README.md": (
        "<!-- {} -->",
        {"how to get it": _getting_lines, "publication": _readme_lines},
    ),
    "environment.yml": ("# {}", {"publication": _environment_lines}),
    "CITATION.cff": ("# {}", {"publication": _citation_lines}),
}
