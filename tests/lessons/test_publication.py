"""Where the course is published: one address, the same in every file; and the set-up cell."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from lesson_tools import DEMO_LESSON, LESSONS, ROOT, making, publication, publish

UNPUBLISHED, PUBLISHED = (None, None), ("owner/name", "v1.0")
REQUIREMENT = "https://github.com/owner/name/archive/v1.0.zip"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("**/[0-9]*.ipynb"))


def demo(kind=making.STUDENT, published=UNPUBLISHED):
    return making.make_notebook(DEMO_LESSON, [DEMO_LESSON], kind, published)


def setup_cells(path):
    """The code cells tagged "setup" of a stored notebook."""
    cells = making.load(path.read_text(encoding="utf-8"))["cells"]
    of_setup = [cell for cell in cells if "setup" in cell["metadata"].get("tags", [])]
    return [cell["source"] for cell in of_setup if cell["cell_type"] == "code"]


# ---- the stamps, here and in a copy that is published


def assert_stamps_agree(root, repository, tag):
    """Every file of the course at `root` says what publication.json there says."""
    stored = root / "tools" / "publication.json"
    assert publication.publication(stored) == (repository, tag)
    for file in publication.STAMPED:
        text = (root / file).read_text(encoding="utf-8")
        assert publication.stamp(file, text, repository, tag) == text, f"{file}: tools/publish.py"
    notebooks = sorted((root / "notebooks").glob("**/[0-9]*.ipynb"))
    assert len(notebooks) == 2 * len(LESSONS)
    for path in notebooks:
        assert setup_cells(path) == [publication.setup_source(repository, tag)], path.name
        first = making.load(path.read_text(encoding="utf-8"))["cells"][0]["source"]
        name = path.relative_to(root / "notebooks").as_posix()
        assert first.startswith(publication.badge(repository, tag, name)), name
        assert repository or "colab" not in first.casefold(), name


def test_the_stamps_of_this_copy_agree():
    assert_stamps_agree(ROOT, *publication.publication())


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The parts of the course that are stamped, in a folder of their own."""
    root = tmp_path_factory.mktemp("published")
    for folder in ("notebooks", "tools"):
        left_out = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
        shutil.copytree(ROOT / folder, root / folder, ignore=left_out)
    for file in publication.STAMPED:
        shutil.copy(ROOT / file, root / file)
    publish.publish(*UNPUBLISHED, root)
    return root


def contents(root):
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_publishing_changes_every_stamp_and_nothing_else_and_can_be_undone(copy):
    before = contents(copy)
    changed = publish.publish(*PUBLISHED, copy)
    assert_stamps_agree(copy, *PUBLISHED)
    assert {path for path in before if before[path] != path.read_bytes()} == set(changed)
    expected = {"publication.json", *publication.STAMPED, *(path.name for path in NOTEBOOKS)}
    assert {path.name for path in changed} == expected
    for file, words in {
        "README.md": (
            publication.BINDER,
            "owner/name/blob/v1.0",
            "\n    git clone --branch v1.0 https://github.com/owner/name.git\n    cd name\n",
            f"or unpack\n[this ZIP file]({REQUIREMENT})",
        ),
        "environment.yml": (
            f"cnnvis-helpers[lab] @ {REQUIREMENT}",
            "without the notebooks",
        ),
        "CITATION.cff": ('repository-code: "https://github.com/owner/name"',),
    }.items():
        assert all(word in (copy / file).read_text(encoding="utf-8") for word in words), file
    assert publish.publish(*PUBLISHED, copy) == []
    publish.publish("owner/name", "v1.1", copy)
    assert not [path for path, data in contents(copy).items() if b"v1.0" in data and path in before
                and b"v1.0" not in before[path]]  # fmt: skip
    publish.publish(*UNPUBLISHED, copy)
    assert contents(copy) == before


def test_publishing_keeps_every_output(copy):
    def outputs(path):
        return [cell.get("outputs") for cell in making.load(path.read_text("utf-8"))["cells"]]

    path = copy / "notebooks" / "00_start_here.ipynb"
    before = outputs(path)
    publish.publish(*PUBLISHED, copy)
    assert outputs(path) == before and sum(map(bool, before)) > 5
    publish.publish(*UNPUBLISHED, copy)


def test_nothing_is_written_where_something_is_wrong(copy):
    before = contents(copy)
    readme = copy / "README.md"
    for repository, tag, words in [
        ("name", "v1", "repository is 'name', not 'owner/name': write it as in its address"),
        ("owner/name", "v 1", "tag is 'v 1', not a tag such as 'v1.0': take English letters"),
    ]:
        with pytest.raises(ValueError, match=words):
            publish.publish(repository, tag, copy)
    readme.write_text(readme.read_text("utf-8").replace("<!-- end of publication -->", ""), "utf-8")
    with pytest.raises(ValueError, match="README.md has lost its lines"):
        publish.publish(*PUBLISHED, copy)
    readme.write_bytes(before[readme])
    assert contents(copy) == before


@pytest.mark.parametrize(
    "arguments, status, words",
    [
        (["--repo", "owner/name"], 2, "--repo and --tag together"),
        (["--unpublish", "--tag", "v1"], 2, "--unpublish alone"),
        (["--repo", "a/b/c", "--tag", "v1"], 1, "repository is 'a/b/c', not 'owner/name'"),
    ],
)
def test_a_wrong_command_line_is_one_sentence(arguments, status, words, capsys):
    try:
        assert publish.main(arguments) == status
    except SystemExit as left:
        assert left.code == status
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    "given",
    [
        "owner/name", "https://github.com/owner/name", "https://github.com/owner/name.git",
        "git@github.com:owner/name.git", "https://github.com/owner/name/ ",
        "http://github.com/owner/name", "github.com/owner/name", "www.github.com/owner/name/",
        "ssh://git@github.com/owner/name.git", "ssh://git@ssh.github.com:443/owner/name.git",
        "git://github.com/owner/name.git", "HTTPS://GitHub.com/owner/name#readme",
        "https://github.com/owner/name/tree/main", "https://github.com/owner/name/blob/v1/README.md",
        "https://me@github.com/owner/name.git", "https://github.com/owner/name?tab=readme",
    ],
)  # fmt: skip
def test_a_repository_may_be_given_by_its_address(given):
    assert publish.repository_of(given) == "owner/name"


@pytest.mark.parametrize(
    "given", ["gitlab.com/owner/name", "https://gitlab.com/owner/name", "owner", "github.com/owner"]
)
def test_what_is_no_repository_on_github_is_refused(given, capsys):
    assert publish.main(["--repo", given, "--tag", "v1.0"]) == 1
    assert "write it as in its address on GitHub" in capsys.readouterr().err


@pytest.mark.parametrize("repository", [
    "owner/name", "O-w-n-er1/na_me.py", "owner/.github", "firm_x/1", "a/b-",
])  # fmt: skip
@pytest.mark.parametrize("tag", ["v1.0", "1", "2026-08", "v1.0-rc.1", "v1.0+colab", "lock"])
def test_an_address_that_can_be_is_taken(repository, tag):
    assert publication.checked(repository, tag) == (repository, tag)


@pytest.mark.parametrize("repository", [
    "../..", "owner/..", "owner/.", "./name", "-owner/name", "owner-/name", "o--w/name",
    "owner/-name", "owner/name.git", "öwner/name", "owner/näme", "owner/name/", "a/b/c", "",
    "owner/", "owner/na me", "owner/name\n",
])  # fmt: skip
def test_a_repository_that_cannot_be_is_refused(repository):
    with pytest.raises(ValueError, match="write it as in its address on GitHub"):
        publication.checked(repository, "v1.0")


@pytest.mark.parametrize("tag", [
    "..", ".", ".v1", "v1..2", "v1.", "v1.lock", "-v1", "--force", "vé1", "v1/2", "v~1", "v1^", "",
    "v1:2", "v@{1}", "v1\n", "٣",
])  # fmt: skip
def test_a_tag_that_cannot_be_is_refused(tag):
    with pytest.raises(ValueError, match="not a tag such as 'v1.0': take English letters"):
        publication.checked("owner/name", tag)


def test_a_branch_is_taken_but_told(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(publish, "publish", lambda *_: [])
    for tag, told in (("main", True), ("v1.0", False)):
        assert publish.main(["--repo", "owner/name", "--tag", tag]) == 0
        said = capsys.readouterr().out
        assert (f"Careful: {tag} is a branch. It moves" in said) == told
        assert ("git tag" in said) != told and f"git push origin {tag}" in said
    if shutil.which("git"):
        subprocess.run(["git", "init", "-q", "-b", "course", tmp_path], check=True)
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        commit = ["git", *who, "commit", "-q", "--allow-empty", "-m", "x"]
        subprocess.run(commit, cwd=tmp_path, check=True)
        assert publish.moves("course", tmp_path) and not publish.moves("v1.0", tmp_path)


@pytest.mark.parametrize(
    "stored",
    [
        {"repository": "name", "tag": "v1"},
        {"repository": "owner/name", "tag": None},
        {"repository": None, "tag": "v1"},
        {"repository": "owner/name", "tag": "v 1"},
    ],
)
def test_half_an_address_is_refused(stored, tmp_path):
    path = tmp_path / "publication.json"
    path.write_text(json.dumps(stored))
    with pytest.raises(ValueError, match="publication.json"):
        publication.publication(path)


# ---- one notebook


def test_no_address_is_made_up():
    text = making.dump(demo())
    assert "colab" not in text.casefold() and "github" not in text.casefold()


def test_publishing_needs_no_new_run():
    assert demo(published=PUBLISHED)["metadata"] == demo()["metadata"]


def test_a_published_course_has_a_badge_and_a_requirement():
    made = demo(published=PUBLISHED)
    address = (
        "https://colab.research.google.com/github/owner/name/blob/v1.0/notebooks/98_demo.ipynb"
    )
    assert address in made["cells"][0]["source"]
    code = [cell["source"] for cell in made["cells"] if cell["cell_type"] == "code"]
    assert f'"{REQUIREMENT}"' in code[0]
    solutions = demo(making.SOLUTIONS, PUBLISHED)["cells"][0]["source"]
    assert "notebooks/solutions/98_demo.ipynb" in solutions


@pytest.mark.parametrize("published", [UNPUBLISHED, PUBLISHED])
def test_the_set_up_cell_is_short(published):
    lines = publication.setup_source(*published).splitlines()
    assert len(lines) <= 10 and max(map(len, lines)) <= 100


# ---- the set-up cell, run

READY = "The course is ready.\n"
PACKAGES = ("cnnvis_helpers", "tensorflow", "tf_keras_vis")


def add_packages(folder, names=PACKAGES):
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text("")


@pytest.fixture
def pip(tmp_path):
    """Function that makes a pip which says `said`, and may bring packages, and notes its call."""

    def make(said="", packages=(), fails=False):
        folder = tmp_path / "site"
        (folder / "pip").mkdir(parents=True)
        (folder / "pip" / "__init__.py").write_text("")
        (folder / "pip" / "__main__.py").write_text(
            "import sys, pathlib\n"
            f"here = pathlib.Path({str(folder)!r})\n"
            "(here / 'called').write_text(' '.join(sys.argv[1:]))\n"
            f"for name in {tuple(packages)!r}:\n"
            "    (here / name).mkdir(); (here / name / '__init__.py').touch()\n"
            f"sys.stderr.write({said!r})\n"
            f"sys.exit({int(fails)})\n"
        )
        return folder

    return make


def run_setup(folder, published=UNPUBLISHED, site=None, python="-S", **environment):
    """What the set-up cell prints in `folder`, in a Python without the course (-S: bare)."""
    left_out = ("CNNVIS_SOURCE", "PYTHONPATH")
    bare = {key: value for key, value in os.environ.items() if key not in left_out}
    if site:
        bare["PYTHONPATH"] = str(site)
    ran = subprocess.run(
        [sys.executable, python, "-c", publication.setup_source(*published)],
        cwd=folder,
        env=bare | environment,
        text=True,
        capture_output=True,
        timeout=100,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.count("\n") == 1
    return ran.stdout


def test_it_installs_what_is_missing_once(tmp_path, pip):
    site = pip(packages=PACKAGES)
    assert run_setup(tmp_path, PUBLISHED, site) == READY
    assert (site / "called").read_text() == f"install {REQUIREMENT}"
    (site / "called").unlink()
    assert run_setup(tmp_path, PUBLISHED, site) == READY
    assert not (site / "called").exists()


@pytest.mark.parametrize("missing", PACKAGES)
def test_it_installs_when_one_part_is_missing(tmp_path, pip, missing):
    site = pip(packages=[missing])
    add_packages(site, [name for name in PACKAGES if name != missing])
    assert run_setup(tmp_path, PUBLISHED, site) == READY
    assert (site / "called").exists()


def test_another_source_replaces_the_published_one(tmp_path, pip):
    site = pip(packages=PACKAGES)
    source = "cnnvis-helpers @ git+file:///somewhere/with space"
    assert run_setup(tmp_path, PUBLISHED, site, CNNVIS_SOURCE=source) == READY
    assert (site / "called").read_text() == f"install {source}"


def test_it_finds_the_copy_around_the_notebook(tmp_path, pip):
    site = pip()
    add_packages(tmp_path)
    for folder in (tmp_path / "notebooks", tmp_path / "notebooks" / "solutions"):
        folder.mkdir()
        assert run_setup(folder, PUBLISHED, site) == READY
    assert not (site / "called").exists()


@pytest.mark.parametrize("missing", ["tensorflow", "tf_keras_vis"])
def test_a_copy_in_a_python_that_lacks_something_says_how_it_is_opened(tmp_path, pip, missing):
    site = pip()
    add_packages(tmp_path, [name for name in PACKAGES if name != missing])
    (tmp_path / "notebooks").mkdir()
    assert "python3 tools/course.py open" in run_setup(tmp_path / "notebooks", site=site)
    assert not (site / "called").exists()


def test_an_unpublished_copy_says_what_to_do(tmp_path, pip):
    site = pip()
    said = "Not published: use python3 tools/course.py open or a wheel, as said above\n"
    assert run_setup(tmp_path, site=site) == said
    assert run_setup(tmp_path, site=site, CNNVIS_SOURCE="") == said
    assert not (site / "called").exists()
    for way in ("`python3 tools/course.py open`", "`%env CNNVIS_SOURCE=/content/NAME.whl`"):
        assert way in publication.SETUP_NOTE
    above = demo()["cells"]
    (place,) = (i for i, cell in enumerate(above) if cell["source"] == publication.SETUP_NOTE)
    assert above[place + 1]["source"] == publication.setup_source(*UNPUBLISHED)
    assert "`%env CNNVIS_SOURCE=/content/NAME.whl`" in (ROOT / "README.md").read_text("utf-8")


# What pip and git really say (pip 23 to 26, git 2.39), and the beginning of the answer.
ADDRESS, NETWORK = f"Check disk and {REQUIREMENT!r}: ", f"Check network, proxy, {REQUIREMENT!r}\n"
OWN_PYTHON = "Use a venv: Python 3.11-3.13, no Intel Mac\n"
WHEEL = "Upload the wheel anew, without (1)\n"
SAID = {
    "no such page": (
        "Collecting https://...\nERROR: HTTP error 404 while getting https://...",
        ADDRESS + "HTTP error 404 while getting https://...",
    ),
    "no such tag": (
        "Collecting git+x\n"
        "  error: pathspec 'v9' did not match any file(s) known to git\n"
        "error: subprocess-exited-with-error\n",
        ADDRESS + "pathspec 'v9' did not match any file(s) known to git",
    ),
    "no such folder": (
        "Collecting git+x\n"
        "fatal: '/nowhere' does not appear to be a git repository",
        ADDRESS + "'/nowhere' does not appear",
    ),
    "no such repository": (
        "Collecting git+x\n"
        "fatal: repository 'https://github.com/a/b/' not found",
        ADDRESS + "repository 'https://github.com/a/b/' not found",
    ),
    "asks for a name": (
        "fatal: could not read Username for 'https://github.com': terminal prompts disabled\n"
        "ERROR: Failed to build 'git+https://x' when git clone --filter=blob:none --quiet\n"
        "Please make sure the repository exists.",
        ADDRESS,
    ),
    "no key": (
        "git@github.com: Permission denied (publickey).\n"
        "fatal: Could not read from remote repository.\n",
        ADDRESS,
    ),
    "git is refused": ("fatal: access 'x': The requested URL returned error: 403", ADDRESS),
    "no such wheel": (
        "WARNING: Requirement '/a-1-py3-none-any.whl' looks like a filename\n"
        "ERROR: Could not install packages due to an OSError: [Errno 2] No such file or directory: "
        "'/a-1-py3-none-any.whl'",
        ADDRESS + "Could not install packages due to an OSError: [Errno 2] No such file or dir",
    ),
    "a wheel that was downloaded twice": (
        "ERROR: a-1-py3-none-any (1).whl is not a valid wheel filename.",
        WHEEL,
    ),
    "the same in pip 25": (
        "ERROR: a-1-py3-none-any (1).whl is not a supported wheel on this platform.",
        WHEEL,
    ),
    "half a wheel": ("ERROR: Wheel 'cnnvis-helpers' located at /a.whl is invalid.", WHEEL),
    "no name of a wheel": ("ERROR: Invalid wheel filename (wrong number of parts): 'a'", WHEEL),
    "no such version": (
        "ERROR: Could not find a version that satisfies the requirement cnnvis-helpers==9\n"
        "ERROR: No matching distribution found for cnnvis-helpers==9",
        ADDRESS + "No matching distribution found for cnnvis-helpers==9",
    ),
    "offline": ("╰─> Failed to resolve IP address for 'github.com' ([Errno -2] Name", NETWORK),
    "git offline": ("fatal: unable to access 'https://x/': Could not resolve host: x", NETWORK),
    "offline half way": (
        "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError'\n"
        "ERROR: No matching distribution found for tensorflow>=2.18",
        NETWORK,
    ),
    "proxy": ("error: proxy-connection-failed\n\n× Failed to connect to proxy", NETWORK),
    "proxy refuses": ("(Caused by ProxyError('Tunnel connection failed: 403 Forb", NETWORK),
    "may not write": (
        "WARNING: The directory '/home/me/.cache/pip' or its parent directory is not owned or is\n"
        "not writable by the current user. The cache has been disabled.\n"
        "ERROR: Could not install packages due to an OSError: [Errno 13] Permission denied: "
        "'/usr/lib/python3.12/site-packages/tensorflow'\n"
        "Consider using the `--user` option or check the permissions.\n",
        OWN_PYTHON,
    ),
    "the system's Python": (
        "error: externally-managed-environment\n\n× This environment is externally managed\n"
        "╰─> To install Python packages system-wide, try apt install\n    python3-xyz\n"
        "note: If you believe this is a mistake, please contact your Python installation.\n",
        OWN_PYTHON,
    ),
    "another Python": (
        "ERROR: Package 'cnnvis-helpers' requires a different Python: 3.14.0 not in '<3.14,>=3.11'",
        OWN_PYTHON,
    ),
    "Intel Mac": (
        "ERROR: Ignored the following versions that require a different python version: 0.0.1\n"
        "ERROR: Could not find a version that satisfies the requirement tensorflow>=2.18\n"
        "ERROR: No matching distribution found for tensorflow>=2.18\n",
        OWN_PYTHON,
    ),
    "disk full": (
        "WARNING: Running pip as the 'root' user can result in broken permissions\n"
        "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device: "
        "'/tmp/pip-unpack-x402k3/tensorflow-2.21.whl'\n",
        ADDRESS + "Could not install packages due to an OSError: [Errno 28] No space left",
    ),
    "in the way": (
        "WARNING: Target directory is there already\n"
        "ERROR: Could not install packages due to an OSError: [Errno 17] File exists: '/x402/y'\n"
        "note: This error originates from a subprocess, and is likely not a problem with pip.\n",
        ADDRESS + "Could not install packages due to an OSError: [Errno 17] File exists",
    ),
    "a wheel could not be built": (
        "  Created wheel for cnnvis-helpers: filename=cnnvis_helpers-1-py3-none-any.whl size=9\n"
        "Successfully built cnnvis-helpers\nObtaining dependency information for tensorflow\n"
        "Collecting kiwisolver\nRequirement already satisfied: astunparse\n"
        "Successfully uninstalled numpy-2.0.1\n"
        "ERROR: Could not build wheels for x",
        ADDRESS + "Could not build wheels for x",
    ),
    "no error is named": ("Killed", ADDRESS + " Killed"),
}  # fmt: skip


@pytest.mark.parametrize("said, answer", SAID.values(), ids=SAID)
def test_a_failure_is_one_sentence_with_a_next_step(tmp_path, pip, said, answer):
    told = run_setup(tmp_path, PUBLISHED, pip(said, fails=True))
    assert told.startswith(answer)


@pytest.mark.parametrize("also", ["", "WARNING: Running pip as the 'root' user\n"])
@pytest.mark.parametrize("given", [{}, {"CNNVIS_SOURCE": "/content/a.whl"}])
def test_where_pip_is_content_the_kernel_is_to_be_restarted(tmp_path, pip, also, given):
    published = UNPUBLISHED if given else PUBLISHED
    said = "Collecting x\nSuccessfully built x\nSuccessfully installed cnnvis-helpers-1 x-2\n"
    told = run_setup(tmp_path, published, pip(said + also), **given)
    assert told == "Restart the kernel\n"


def test_without_pip_it_says_how_to_get_it(tmp_path):
    """No pip at all: a folder on the path hides the real one."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(
        "import sys; sys.path[:] = [p for p in sys.path if 'site-packages' not in p]"
    )
    said = run_setup(tmp_path, PUBLISHED, tmp_path / "site")
    assert said == "Run %run -m ensurepip\n"


def test_the_real_pip_is_understood_too(tmp_path):
    name = "cnnvis_helpers-1-py3-none-any"
    for wheel in (f"{name}.whl", f"{name} (1).whl"):
        (tmp_path / wheel).write_bytes(b"PK: half an upload")
        assert run_setup(tmp_path, CNNVIS_SOURCE=str(tmp_path / wheel)) == WHEEL
    nowhere = str(tmp_path / "none" / f"{name}.whl")
    assert run_setup(tmp_path, CNNVIS_SOURCE=nowhere).startswith(f"Check disk and {nowhere!r}: ")
    git = "git+" + (tmp_path / "none").as_uri()
    if shutil.which("git"):
        assert run_setup(tmp_path, CNNVIS_SOURCE=git).startswith(f"Check disk and {git!r}: ")


def test_every_notebook_has_the_same_set_up_cell():
    cells = {path: setup_cells(path) for path in NOTEBOOKS}
    assert len(NOTEBOOKS) == 2 * len(LESSONS)
    assert len({json.dumps(cell) for cell in cells.values()}) == 1
    assert all(len(cell) == 1 for cell in cells.values())
    assert re.match("import ", cells[NOTEBOOKS[0]][0])
