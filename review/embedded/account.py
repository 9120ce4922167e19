"""The account that PostgreSQL runs under, for it refuses to run as root."""

import os
import platform
import pwd
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from review.embedded.errors import ServerFailed

PREFERRED_ACCOUNTS = ("countersign", "nobody")
ENVIRONMENT: Mapping[str, str] = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


class ProcessOptions(TypedDict, total=False):
    """The arguments of `subprocess.Popen` that change the account."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    """A user and group of this machine; `switched` says that it is not our own."""

    uid: int
    gid: int
    switched: bool

    def process_options(self) -> ProcessOptions:
        """Give what `subprocess.Popen` needs to run under this account."""
        if not self.switched:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Make the account the owner of one file or directory."""
        if self.switched:
            os.chown(path, self.uid, self.gid)


def account_for(data: Path) -> Account:
    """Choose who runs the server over `data`: its owner if it exists, otherwise an unprivileged account.

    Raises:
        ServerFailed: we are root and the machine has no unprivileged account, or the data belongs to somebody else.
    """
    if os.geteuid() != 0:
        return _own_account(data)
    if data.exists():
        owner = data.stat()
        if owner.st_uid != 0:
            return Account(owner.st_uid, owner.st_gid, switched=True)
    for name in PREFERRED_ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid, switched=True)
    message = (
        "PostgreSQL does not run as root, and this machine has no account named "
        f"{' or '.join(PREFERRED_ACCOUNTS)}. Run as an ordinary user, or make one of them."
    )
    raise ServerFailed(message)


def _own_account(data: Path) -> Account:
    uid, gid = os.geteuid(), os.getegid()
    if data.exists() and data.stat().st_uid != uid:
        message = (
            f"The database in {data} belongs to user {data.stat().st_uid}, and this is user {uid}. "
            "Run as that user or as root, or choose another directory with --data-dir."
        )
        raise ServerFailed(message)
    return Account(uid, gid, switched=False)


@dataclass(frozen=True)
class Doorway:
    """A directory as a server process names it, and the descriptors the process must inherit for that."""

    name: str
    pass_fds: tuple[int, ...]


@contextmanager
def doorway(directory: Path, account: Account) -> Generator[Doorway]:
    """Give a name for `directory` that works under `account` even where its parents are closed to it.

    A data directory below root's home cannot be reached by path from an unprivileged account. An inherited
    descriptor reaches it, and leaves the permissions of every parent as they are.
    """
    if not (account.switched and platform.system() == "Linux"):
        yield Doorway(str(directory), ())
        return
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield Doorway(f"/proc/self/fd/{descriptor}", (descriptor,))
    finally:
        os.close(descriptor)
