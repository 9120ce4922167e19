"""A file that appears under its name whole or not at all, whatever stops the program in between."""

import contextlib
import os
import secrets
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def whole_file(path: Path) -> Generator[BinaryIO]:
    """Give a file to write; at the end of the block it takes its name, replacing what had it before.

    If the block raises, nothing is left behind and what had the name keeps it. Where the system can, the file has
    no name at all until then, so that not even a crash leaves a part of it.

    Raises:
        OSError: the directory cannot be written, or the disk is full.
    """
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    temporary = f".{path.name}.{secrets.token_hex(4)}.partial"
    try:
        descriptor, nameless = _open(path.parent, temporary, folder)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
            if nameless:
                # Through a directory's descriptor, because only then are links followed to the open file.
                os.link(f"/proc/self/fd/{descriptor}", temporary, dst_dir_fd=folder)
        os.replace(temporary, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)
        raise
    finally:
        os.close(folder)


def _open(parent: Path, temporary: str, folder: int) -> tuple[int, bool]:
    """Open a nameless file in the directory, or a named one where the file system has no such thing."""
    if hasattr(os, "O_TMPFILE"):
        with contextlib.suppress(OSError):
            return os.open(parent, os.O_TMPFILE | os.O_WRONLY, 0o666), True
    return os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=folder), False
