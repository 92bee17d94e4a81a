"""Progress of long work: a text bar, and a Stop button that loses nothing.

Every long method takes `progress`, a function of (done, total) that it calls after each part of the
work. Whatever the function raises ends the work. KeyboardInterrupt (the Stop button of a notebook)
and StopIteration end it cleanly: the method returns what it has so far, with a warning.
"""

import sys
import warnings
from contextlib import contextmanager
from contextvars import ContextVar

_in_a_loop = ContextVar("inside a stoppable loop", default=False)
_quiet = ContextVar("stops are reported elsewhere", default=False)
_stops = 0


def text_progress(label, width=30):
    """Return a progress function that draws one line of text: `label`, a bar and both counts.

    In a notebook the line is one output that is updated in place; elsewhere it is written to
    standard error and overwritten.

    Parameters
    ----------
    label : str
    width : length of the bar in characters

    Returns
    -------
    function of (done, total)

    >>> bar_line("occlusion", 3, 12, 8)
    'occlusion ██······ 3 of 12'
    """
    display = notebook_display()
    output = display and display({"text/plain": ""}, raw=True, display_id=True)

    def progress(done, total):
        line = bar_line(label, done, total, width)
        if output:
            output.update({"text/plain": line}, raw=True)
        else:
            print("\r" + line, end="\n" if done >= total else "", file=sys.stderr, flush=True)

    return progress


def notebook_display():
    """Return IPython's `display` if a notebook is listening, else None."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    terminal = type(shell).__name__ == "TerminalInteractiveShell"
    return None if shell is None or terminal else ipython.display.display


def bar_line(label, done, total, width=30):
    """Return the text for `done` of `total`: label, bar and both counts."""
    full = width if done >= total else width * done // total
    return f"{label} {'█' * full}{'·' * (width - full)} {done} of {total}"


@contextmanager
def stoppable(kept):
    """End the enclosed loop at the Stop button or a StopIteration, and warn in one sentence.

    kept : str, what the caller gets although the loop did not finish

    If one such loop runs inside another, the outer one stops as well.

    >>> with warnings.catch_warnings(record=True) as seen, stoppable("2 squares are kept"):
    ...     squares = [n * n for n in range(2)]
    ...     raise KeyboardInterrupt
    >>> squares, str(seen[0].message)
    ([0, 1], 'stopped early: 2 squares are kept')
    """
    global _stops
    inside_another = _in_a_loop.get()
    token = _in_a_loop.set(True)
    try:
        yield
    except (KeyboardInterrupt, StopIteration):
        _stops += 1
        if inside_another:
            raise
        if not _quiet.get():
            warnings.warn(f"stopped early: {kept}", stacklevel=4)
    finally:
        _in_a_loop.reset(token)


@contextmanager
def quiet_stops():
    """Suppress the "stopped early" warning inside the block; the caller reports the stop."""
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)


def stops():
    """Return how many loops were stopped in this process; a partial result must not be kept."""
    return _stops
