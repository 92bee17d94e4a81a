"""Say everywhere where the course is published: badges, set-up cells, README, environment.

    python tools/publish.py --repo owner/name --tag v1.0    a published copy
    python tools/publish.py --unpublish                     a copy that is on no server
    python tools/publish.py                                 stamp again with what is stored

The repository and the tag are stored in tools/publication.json, the one place for them; this tool
writes it and all that follows from it. No notebook is run: what a student sees stays as it is.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

import build_notebooks
import lesson_source
import notebook_making as making
import notebook_running as running
import publication

ROOT = Path(__file__).resolve().parent.parent


def publish(repository, tag, root=ROOT):
    """Write publication.json, every notebook and the stamped files; return the paths that changed.

    Raises ValueError, before anything is written, when the address cannot be right, a notebook is
    older than its lesson, or a file has lost the marks of its stamped lines.
    """
    stored = json.dumps({"repository": repository, "tag": tag}, indent=2) + "\n"
    publication.checked(repository, tag)
    texts = {root / "tools" / "publication.json": stored}
    for file in publication.STAMPED:
        text = (root / file).read_text(encoding="utf-8")
        texts[root / file] = publication.stamp(file, text, repository, tag)
    texts.update(_notebooks(repository, tag, root / "notebooks"))
    changed = []
    for path, text in texts.items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8", newline="\n")
            changed.append(path)
    return changed


def _notebooks(repository, tag, folder):
    """{path: text} of every notebook, with its outputs, as this publication makes it."""
    lessons, texts = lesson_source.read_lessons(folder / "lessons"), {}
    for lesson in lessons:
        for kind in making.KINDS:
            path = folder / making.notebook_file(lesson, kind)
            made = making.make_notebook(lesson, lessons, kind, (repository, tag))
            done, kept = running.carry_outputs(made, build_notebooks.stored_notebook(path))
            if not kept:
                raise ValueError(
                    f"{path.relative_to(folder)} is older than its lesson; first run "
                    f"`python tools/build_notebooks.py {lesson.number}`."
                )
            texts[path] = making.dump(done)
    return texts


def repository_of(text):
    """What a user gives, as "owner/name": it may be the address of a page or of the clone."""
    github = r"((https?|ssh|git)://)?([^/@]+@)?(www\.|ssh\.)?github\.com(:\d+/|[:/])/*"
    address = re.match(github, text.strip(), re.IGNORECASE)
    if address is None:
        return text.strip()
    path = re.split("[?#]", text.strip()[address.end() :])[0]
    return "/".join(path.split("/")[:2]).removesuffix(".git")


def moves(tag, root=ROOT):
    """Whether a tag is the name of a branch, so that what a student gets would change with it."""
    if tag in ("main", "master", "HEAD"):
        return True
    try:
        ask = ["git", "show-ref", "--verify", "--quiet", f"refs/heads/{tag}"]
        return subprocess.run(ask, cwd=root, stderr=subprocess.DEVNULL).returncode == 0
    except OSError:  # no git here
        return False


def main(arguments=None):
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repo", help="owner/name of the repository on GitHub")
    parser.add_argument("--tag", help="the tag that a student gets, such as v1.0")
    parser.add_argument("--unpublish", action="store_true", help="take all addresses out again")
    options = parser.parse_args(arguments)
    if options.unpublish or (options.repo is None) != (options.tag is None):
        if not options.unpublish or options.repo or options.tag:
            parser.error("give --repo and --tag together, or --unpublish alone")
    try:
        repository, tag = publication.publication()
        if options.unpublish:
            repository = tag = None
        elif options.repo:
            repository, tag = repository_of(options.repo), options.tag
        changed = publish(repository, tag)
    except (ValueError, lesson_source.LessonError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{len(changed)} files changed.")
    if repository:
        print(_next_steps(repository, tag))
    return 0


def _next_steps(repository, tag):
    address = publication.colab_address(repository, tag, publication.FIRST_LESSON)
    if moves(tag):
        return (
            f"Careful: {tag} is a branch. It moves, and with it what a student gets of an old "
            f"notebook; a tag such as v1.0 stays.\nCommit them, then: git push origin {tag}\n"
            f"Then open {address}"
        )
    return f"Commit them, then: git tag {tag} && git push origin {tag}\nThen open {address}"


if __name__ == "__main__":
    sys.exit(main())
