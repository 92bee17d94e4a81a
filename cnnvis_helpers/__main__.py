"""The commands of the package: what there is, and what to fetch before going offline."""

import argparse
import sys

from cnnvis_helpers import __version__


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
    fetch = commands.add_parser("prefetch", help="fetch ImageNet weights, for use offline later")
    fetch.add_argument("names", nargs="+", metavar="NAME", help="such as vgg16; see list")
    fetch.set_defaults(command=_prefetch)
    listing = commands.add_parser("list", help="list the networks and the bundled photos")
    listing.set_defaults(command=_list)
    return parser


def _prefetch(options):
    from cnnvis_helpers.prefetch import prefetch

    for name in options.names:
        paths = prefetch(name)
        print(f"{name}: ready to be used offline ({paths[0] if paths else 'bundled'})")
    return 0


def _list(options):
    from cnnvis_helpers import list_networks, list_photos

    print(f"Networks\n{list_networks()}\n\nPhotos\n{list_photos()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
