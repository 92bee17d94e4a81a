"""Progress of long work: a text bar, and a Stop button that loses nothing.

Every long method takes `progress`, a function of (done, total) that is called after each part of
the work. Whatever it raises ends the work. KeyboardInterrupt (the Stop button of a notebook) and
StopIteration end it politely: the method returns what it has made so far and warns that it is not
the whole.
"""

import sys
import warnings
from contextlib import contextmanager
from contextvars import ContextVar

_in_a_loop = ContextVar("inside a stoppable loop", default=False)
_told_elsewhere = ContextVar("a stop is told elsewhere", default=False)
_stops = 0
_line_is_open = False


def text_progress(label, width=30):
    """Return a progress function that draws one line of text, in a notebook or a terminal.

    Parameters
    ----------
    label : str, what is being done; printed before the bar
    width : int, length of the bar in characters

    Returns
    -------
    function of (done, total) -> None, both counts of the same unit. In a notebook the line is one
    output that is updated in place, so the saved notebook holds its last state only. Elsewhere the
    line is written to standard error and overwritten.

    >>> bar_line("occlusion", 3, 12, 8)
    'occlusion ██······ 3 of 12'
    """
    write = _notebook_writer() or _terminal_writer()

    def progress(done, total):
        write(bar_line(label, done, total, width), done >= total)

    return progress


def bar_line(label, done, total, width=30):
    """Return the line of text that stands for `done` of `total`: label, bar and both counts."""
    full = width if done >= total else width * done // total
    return f"{label} {'█' * full}{'·' * (width - full)} {done} of {total}"


@contextmanager
def stoppable(kept):
    """End the enclosed loop at the Stop button or a StopIteration, and warn in one sentence.

    kept : str, says what the caller gets although the loop did not reach its end

    Where one such loop runs inside another, the outer one stops.

    >>> with warnings.catch_warnings(record=True) as seen, stoppable("2 squares are kept"):
    ...     squares = [n * n for n in range(2)]
    ...     raise KeyboardInterrupt
    >>> squares, str(seen[0].message)
    ([0, 1], 'stopped early: 2 squares are kept')
    """
    inside_another = _in_a_loop.get()
    token = _in_a_loop.set(True)
    try:
        yield
    except (KeyboardInterrupt, StopIteration):
        count_stop()
        if inside_another:
            raise
        if not _told_elsewhere.get():
            warnings.warn(f"stopped early: {kept}", stacklevel=4)
    finally:
        _in_a_loop.reset(token)


@contextmanager
def stops_told_elsewhere():
    """Let no method inside the block warn that it was stopped: its caller says so on its own.

    >>> with warnings.catch_warnings(record=True) as seen, stops_told_elsewhere():
    ...     with stoppable("nothing is kept"):
    ...         raise KeyboardInterrupt
    >>> seen
    []
    """
    token = _told_elsewhere.set(True)
    try:
        yield
    finally:
        _told_elsewhere.reset(token)


def count_stop():
    """Note that a method was stopped early: what it returns is not the whole."""
    global _stops
    _stops += 1


def stops():
    """Return how many methods were stopped early in this process, so that no part passes as whole.

    >>> stops() >= 0
    True
    """
    return _stops


def end_line():
    """Leave the line of a bar that did not come to its end: what is printed next is to stand below.

    It concerns a terminal alone; in a notebook a bar is an output of its own.
    """
    global _line_is_open
    if _line_is_open:
        sys.stderr.write("\n")
        sys.stderr.flush()
    _line_is_open = False


def _notebook_writer():
    """Return a function that updates one notebook output, or None outside a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if not hasattr(shell, "kernel"):
        return None
    handle = ipython.display.display({"text/plain": ""}, raw=True, display_id=True)
    return lambda line, last: handle.update({"text/plain": line}, raw=True)


def _terminal_writer():
    """Return a function that overwrites one line of standard error."""

    def write(line, last):
        global _line_is_open
        sys.stderr.write("\r" + line + ("\n" if last else ""))
        sys.stderr.flush()
        _line_is_open = not last

    return write
