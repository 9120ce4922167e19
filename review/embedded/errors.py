"""What can go wrong when one machine runs the whole stack."""

import errno
from pathlib import Path

from review.kernel.errors import ReviewError


class EmbeddedError(ReviewError):
    """The embedded stack cannot do what was asked of it."""

    code = "embedded_failed"
    status = 500


class DirectoryUnusable(EmbeddedError):
    """The data directory cannot hold the stack's data."""

    code = "data_directory_unusable"


class DirectoryInUse(EmbeddedError):
    """Another `review up` runs in the data directory."""

    code = "data_directory_in_use"


class DiskFull(EmbeddedError):
    """There is no room left where the data directory lies."""

    code = "disk_full"


class PortBusy(EmbeddedError):
    """Another program listens on the port."""

    code = "port_busy"


class ServerFailed(EmbeddedError):
    """An embedded server did not start, or did not stop."""

    code = "embedded_server_failed"


class StackNotRunning(EmbeddedError):
    """No `review up` runs in the data directory."""

    code = "stack_not_running"


FULL = (errno.ENOSPC, errno.EDQUOT)


def disk_full(directory: Path) -> DiskFull:
    """Say that the disk below `directory` is full."""
    return DiskFull(
        f"The disk that holds {directory} is full. What was stored is safe; make room there and start again."
    )


def directory_unusable(directory: Path, fault: OSError) -> EmbeddedError:
    """Put a failed write below `directory` into one sentence."""
    if fault.errno in FULL:
        return disk_full(directory)
    return DirectoryUnusable(
        f"The data directory {directory} cannot be used: {fault.strerror or fault}. "
        "Choose another with --data-dir, or correct its owner and permissions."
    )
