"""Import TensorFlow without its start-up messages.

TensorFlow's native code logs a dozen lines to stderr while it is imported ("Could not find cuda
drivers", "oneDNN custom operations are on"); its own variable TF_CPP_MIN_LOG_LEVEL does not
stop those (tensorflow/tensorflow issue 100442). In a notebook they appear in red below the first
cell, although nothing is wrong. They are filtered here; everything else still reaches stderr.
"""

import contextlib
import os
import re
import sys
import tempfile

# Log lines: information and warnings (I, W) in either format, and the errors (E) that TensorFlow
# writes on a machine without a GPU, or when a library is registered twice.
_GREETING = re.compile(
    r"^\s*$|^WARNING: All log messages before absl|^To enable the following instructions"
    r"|^[IW]\d{4} |^\d{4}-\d\d-\d\d [\d:.]+: [IW] "
    r"|^(E\d{4}|\d{4}-\d\d-\d\d [\d:.]+: E) .*(cuInit|Unable to register cu\w+ factory)"
)


@contextlib.contextmanager
def without_greetings():
    """Suppress TensorFlow's messages while it is imported in this block; later do nothing.

    If TF_CPP_MIN_LOG_LEVEL is not set it becomes "3", which also suppresses later messages
    about devices.
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
