"""Run the tests with the oldest or the newest dependencies that pyproject.toml allows.

    python tools/check_versions.py oldest [options of pytest, such as tests/test_cam.py -x]
    python tools/check_versions.py newest

oldest: the oldest supported Python, and of every direct requirement the lowest version allowed.
newest: the newest supported Python, and of everything the newest version there is today.
The environments stay in build/environments; `newest` is looked up anew each time.

Without options the tests run that a version can break, which takes minutes. Left out are those
marked slow, the browser's, and the notebooks: tests/colab/proof.py runs every lesson, with versions
of its own. Left out too is tests/test_project.py: it is about this copy's files, and each release
of ruff has a style of its own.
"""

import subprocess
import sys
import tomllib

import environments

PROJECT = environments.ROOT / "pyproject.toml"
CHOSEN = ["tests", "-m", "not slow", "--ignore=tests/browser", "--ignore=tests/test_project.py"]
PYTHONS = {"oldest": environments.SUPPORTED[-1], "newest": environments.SUPPORTED[0]}


def requirements():
    """Every direct requirement of the package and of its tests, as pyproject.toml writes it."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    return project["dependencies"] + project["optional-dependencies"]["test"]


def environment_for(which):
    """The Python of the environment "oldest" or "newest"."""
    python = environments.find_python(PYTHONS[which])
    if which == "oldest":
        lowest = ["--resolution", "lowest-direct"]
        return environments.environment(which, requirements(), python, lowest)
    made = environments.environment(which, requirements(), python)
    environments.install(made, ["--upgrade", *requirements()])
    return made


def main(arguments):
    """Command line; returns the exit status: pytest's own, or 2."""
    if not arguments or arguments[0] not in PYTHONS:
        print(__doc__.strip())
        return 2
    which, *options = arguments
    try:
        python = environment_for(which)
    except environments.NoEnvironment as error:
        print(error, file=sys.stderr)
        return 2
    found = environments.versions(python)
    named = ("tensorflow", "keras", "numpy", "scipy", "matplotlib", "ipython", "ipywidgets")
    print(f"{which}:", ", ".join(f"{name} {found[name]}" for name in named), flush=True)
    command = [str(python), "-m", "pytest", *(options or CHOSEN)]
    variables = environments.clean_variables(PYTHONPATH=str(environments.ROOT))
    return subprocess.run(command, cwd=environments.ROOT, env=variables).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
