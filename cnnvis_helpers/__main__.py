"""The commands of the package: list, prefetch, report, rehearse, kept, grade."""

import argparse
import contextlib
import sys

from cnnvis_helpers import __version__


def main(arguments=None):
    """Run one command line.

    Returns the exit status: 0 if all went well, 1 if the user can do something about it. An
    invalid command line ends in SystemExit with status 2.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 2
    for stream in (sys.stdout, sys.stderr):  # a terminal without a character shows its number
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="backslashreplace")
    try:
        return options.command(options)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
    return 1


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m cnnvis_helpers", description="Helpers of the course: see what a CNN sees."
    )
    parser.set_defaults(command=None)
    parser.add_argument("--version", action="version", version=f"cnnvis-helpers {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    def add(name, function, text):
        command = commands.add_parser(name, help=text)
        command.set_defaults(command=function)
        return command

    add("list", _list, "list the networks and the bundled photos")
    fetch = add("prefetch", _prefetch, "download weights and photos, to use them offline later")
    fetch.add_argument("names", nargs="+", metavar="NAME", help="such as vgg16, or a web address")
    add("report", _report, "say what works on this machine, and what to do about the rest")
    lecture = add("rehearse", _rehearse, "run a lesson, so that it answers at once in class")
    lecture.add_argument("lessons", nargs="+", metavar="LESSON", help="such as 04, or a notebook")
    lecture.add_argument("--minutes", type=_limit, default=20, help="for each lesson (20)")
    results = add("kept", _kept, "list or clear the results that rehearsals kept")
    results.add_argument("what", nargs="?", choices=["list", "clear"], default="list")
    grading = add("grade", _grade, "run notebooks again and say which exercises are right")
    grading.add_argument("notebooks", nargs="+", metavar="NOTEBOOK", help="such as homework.ipynb")
    grading.add_argument("--json", metavar="FILE", help="also write the results as JSON")
    grading.add_argument("--seconds", type=_limit, default=600, help="for each notebook (600)")
    return parser


def _limit(text):
    number = float(text)
    if not 0 < number <= 1_000_000:  # nan also fails
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0, up to 1,000,000")
    return number


def _list(options):
    from cnnvis_helpers import list_networks, list_photos

    print(f"Networks\n{list_networks()}\n\nPhotos\n{list_photos()}")
    return 0


def _prefetch(options):
    from cnnvis_helpers.networks.weights import prefetch

    prefetch(options.names)
    print(f"Ready to be used offline: {', '.join(options.names)}")
    return 0


def _report(options):
    from cnnvis_helpers.classroom.report import report

    def show(found):
        print(f"{found.what:<11} {found.found}", found.todo and f"-> {found.todo}")

    return int(not report(show).works)


def _rehearse(options):
    from cnnvis_helpers.classroom.rehearse import find_lesson, rehearse

    for path in [find_lesson(lesson) for lesson in options.lessons]:
        rehearse(path, options.minutes)
    print("python -m cnnvis_helpers kept clear removes them.")
    return 0


def _kept(options):
    from cnnvis_helpers.classroom import keep

    if options.what == "clear":
        print(f"{keep.clear()} kept results are removed.")
    else:
        paths, size = keep.summary()
        print(f"{len(paths)} results, {size / 1e6:.1f} MB, in {str(keep.folder())!r}")
    return 0


def _grade(options):
    from cnnvis_helpers.classroom.grade import as_text, grade_each, write_json

    print("This runs the code of the notebooks, with your rights, in a separate process.")
    graded = []
    if options.json:
        write_json(options.json, graded)  # fail at once if the file cannot be written
    for each in grade_each(options.notebooks, options.seconds):
        graded.append(each)
        print(as_text(each), flush=True)
        if options.json:
            write_json(options.json, graded)
    return int(any(each["lesson"] is None for each in graded))


if __name__ == "__main__":
    sys.exit(main())
