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
    """What a user gives, as "owner/name": it may be the address of the page or of the clone."""
    return re.sub(r"^(https://github\.com/|git@github\.com:)|(\.git)?/?$", "", text.strip())


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
        print(
            f"Commit them, then: git tag {tag} && git push origin {tag}\nThen open "
            f"{publication.colab_address(repository, tag, publication.FIRST_LESSON)}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
