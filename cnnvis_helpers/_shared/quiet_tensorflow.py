"""Start TensorFlow without its greetings.

TensorFlow's native code writes a dozen lines of log to stderr while it is imported ("Could not find
cuda drivers", "oneDNN custom operations are on"); its own variable TF_CPP_MIN_LOG_LEVEL does not
stop those (tensorflow/tensorflow issue 100442). In a notebook they stand in red below the first
cell, on every machine where all is well. Here they are held back; whatever else is written goes on
to stderr.
"""

import contextlib
import os
import re
import sys
import tempfile

# Lines of a log: remarks and warnings (I, W) of either format, and the errors (E) that TensorFlow
# writes where there is no graphics card, or where a part of it is registered twice.
_GREETING = re.compile(
    r"^\s*$|^WARNING: All log messages before absl|^To enable the following instructions"
    r"|^[IW]\d{4} |^\d{4}-\d\d-\d\d [\d:.]+: [IW] "
    r"|^(E\d{4}|\d{4}-\d\d-\d\d [\d:.]+: E) .*(cuInit|Unable to register cu\w+ factory)"
)


@contextlib.contextmanager
def without_greetings():
    """While TensorFlow is imported in this block, hold its greetings back; afterwards do nothing.

    Where TF_CPP_MIN_LOG_LEVEL is not set it becomes "3": the remarks that would come later, when
    devices are looked for, are left out as well. Who sets it sees them.
    """
    if "tensorflow" in sys.modules:
        yield
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        before = os.dup(2)
    except OSError:  # a process without stderr
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(before, 2)
            os.close(before)
            held.seek(0)
            for line in held:
                if not _GREETING.search(line.decode("utf-8", "replace")):
                    os.write(2, line)
