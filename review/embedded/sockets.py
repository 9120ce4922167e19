"""Private directories for sockets, whose paths the system keeps short."""

import os
import tempfile
from pathlib import Path

# sun_path holds 108 bytes on Linux and 104 on macOS, with the closing zero.
LONGEST = 103
LONGEST_NAME = len("/countersign-xxxxxxxx/postgres/.s.PGSQL.5432.lock")
SHORT = "/tmp"  # noqa: S108 - mkdtemp makes a directory of ours alone in it


def make_directory() -> Path:
    """Make a fresh directory that only we may enter, below the temporary directory unless its path is too long."""
    parent = tempfile.gettempdir()
    if len(os.fsencode(parent)) + LONGEST_NAME > LONGEST:
        parent = SHORT
    return Path(tempfile.mkdtemp(prefix="countersign-", dir=parent))
