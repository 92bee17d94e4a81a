"""The commands of the package: what there is, what to fetch, to rehearse and to grade."""

import argparse
import sys

from cnnvis_helpers import __version__

_HIGHEST = 1_000_000  # seconds, minutes or megabytes


def main(arguments=None):
    """Run one command line.

    Returns the exit status: 0 when all went well, 1 when the user can do something about it; a
    command line that makes no sense ends in SystemExit with status 2.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 2
    try:
        return options.command(options)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
    except KeyboardInterrupt:
        print("\nStopped; nothing half-done is left behind.", file=sys.stderr)
    return 1


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m cnnvis_helpers", description="Helpers of the course: see what a CNN sees."
    )
    parser.set_defaults(command=None)
    parser.add_argument("--version", action="version", version=f"cnnvis-helpers {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    fetch = commands.add_parser("prefetch", help="fetch weights and photos, for use offline later")
    fetch.add_argument(
        "names", nargs="+", metavar="NAME", help="such as vgg16 (see list), or a photo's address"
    )
    fetch.set_defaults(command=_prefetch)
    doctor = commands.add_parser(
        "doctor", help="say what works here, and what to do about the rest"
    )
    doctor.set_defaults(command=_doctor)
    listing = commands.add_parser("list", help="list the networks and the bundled photos")
    listing.set_defaults(command=_list)
    lecture = commands.add_parser("rehearse", help="run a lesson, so that it answers at once live")
    lecture.add_argument("lessons", nargs="+", metavar="LESSON", help="such as 04, or a notebook")
    lecture.add_argument("--minutes", type=_limit, default=20, help="for each lesson (20)")
    lecture.set_defaults(command=_rehearse)
    results = commands.add_parser("kept", help="list what was kept for lectures, or clear it")
    results.add_argument("what", nargs="?", choices=["list", "clear"], default="list")
    results.set_defaults(command=_kept)
    grading = commands.add_parser("grade", help="run notebooks anew: which exercises hold")
    grading.add_argument("notebooks", nargs="+", metavar="NOTEBOOK", help="such as homework.ipynb")
    grading.add_argument("--json", metavar="FILE", help="write the result as JSON too (- shows it)")
    grading.add_argument("--seconds", type=_limit, default=600, help="for each notebook (600)")
    grading.add_argument("--memory", type=_limit, default=4000, help="megabytes for each (4000)")
    grading.set_defaults(command=_grade)
    return parser


def _limit(text):
    """A number above 0 from the command line; what is beyond _HIGHEST is no limit to speak of."""
    try:
        number = float(text)
    except ValueError:
        number = 0
    if 0 < number <= _HIGHEST:  # false for nan too
        return number
    raise argparse.ArgumentTypeError(f"{text!r} is no number above 0 and up to {_HIGHEST:,}")


def _prefetch(options):
    from cnnvis_helpers.networks.weights import check_name, prefetch

    names, failed = list(dict.fromkeys(options.names)), []
    for work in (check_name, prefetch):  # a mistyped name is told before the first byte
        for name in [name for name in names if name not in failed]:
            try:
                paths = work(name)
            except KeyboardInterrupt:
                print("Stopped; the same command goes on where this one stopped.", file=sys.stderr)
                return 1
            except (OSError, ValueError) as error:
                print(error, file=sys.stderr)
                failed.append(name)
                continue
            if work is prefetch:
                print(f"{name}: ready to be used offline ({paths[0] if paths else 'bundled'})")
    if len(names) > 1:
        not_ready = f"; not ready: {', '.join(failed)}" if failed else ""
        print(f"{len(names) - len(failed)} of {len(names)} are ready{not_ready}.")
    return int(bool(failed))


def _doctor(options):
    from cnnvis_helpers.classroom.report import report

    return 0 if report(tell=lambda finding: print(finding, flush=True)).works else 1


def _list(options):
    from cnnvis_helpers import list_networks, list_photos

    print(f"Networks\n{list_networks()}\n\nPhotos\n{list_photos()}")
    return 0


def _rehearse(options):
    from cnnvis_helpers._shared.commands import course_command
    from cnnvis_helpers.classroom.keep import folder
    from cnnvis_helpers.classroom.notebooks import code_cells
    from cnnvis_helpers.classroom.rehearse import find_lesson, rehearse

    paths = [find_lesson(lesson) for lesson in options.lessons]
    for path in paths:
        code_cells(path)  # all are there and can be read, or none runs
    for path in paths:
        rehearse(path, options.minutes)
    print(f"Kept in {str(folder())!r}; this removes it: {course_command('kept clear')}")
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
    from cnnvis_helpers.classroom.grade import ERROR, as_json, as_text, check_target, grade_each

    target = None if options.json == "-" else options.json
    if target is not None:
        check_target(target)
    if options.json != "-":
        print("This runs the code in the notebooks, with your rights, in a separate process.")
    graded, written = [], True
    try:
        for each in grade_each(options.notebooks, options.seconds, options.memory):
            graded.append(each)
            written = target is None or _write(target, graded)
            if each["status"] == ERROR:
                _print(as_text(each), sys.stderr)
            elif options.json != "-":
                _print(as_text(each), sys.stdout)
    except KeyboardInterrupt:
        done = f"{len(graded)} of {len(options.notebooks)} notebooks are graded"
        where = f"; {target!r} holds them" if target and graded and written else ""
        print(f"\nStopped: {done}{where}.", file=sys.stderr)
        return 1
    finally:
        if options.json == "-":
            _print(as_json(graded), sys.stdout, end="")
    return int(not written or any(each["status"] == ERROR for each in graded))


def _write(target, graded):
    """Write JSON and return True; where that fails say so: the next notebook tries it again."""
    from cnnvis_helpers.classroom.grade import write_json

    try:
        write_json(target, graded)
    except OSError as error:
        print(f"{target!r} could not be written: {error.strerror or error}.", file=sys.stderr)
        return False
    return True


def _print(text, stream, end="\n"):
    """Print what a student wrote, or \\u and a number where the terminal lacks a character."""
    known = text.encode(stream.encoding or "utf-8", "backslashreplace")
    print(known.decode(stream.encoding or "utf-8"), end=end, file=stream, flush=True)


if __name__ == "__main__":
    sys.exit(main())
