"""The data directory of `review up`: who uses it, what lies where, and how other commands find the running stack."""

import fcntl
import os
import shutil
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from review.embedded import leftovers, sockets
from review.embedded.account import account_for
from review.embedded.deadline import Deadline
from review.embedded.errors import DirectoryInUse, ServerFailed, StackNotRunning, directory_unusable
from review.embedded.files import write_private
from review.kernel.sealing import new_sealing_key

DEFAULT = Path(".countersign")
# A web process ends its open requests within 8 s of being told to, and a worker its job.
ORPHANS_LEAVE_WITHIN = timedelta(seconds=15)


class StackState(msgspec.Struct, frozen=True, kw_only=True):
    """What a running stack tells the other commands."""

    process_id: int
    url: str
    database_url: str
    redis_url: str
    sockets: str


class DataDirectory:
    """A data directory held by this process alone, from entering the block to leaving it.

    `sockets` is a fresh private directory with a path short enough for sockets. `children_lock` is a descriptor that
    web and worker inherit: the next start sees by it whether any of them outlived a killed supervisor.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.postgres = self.path / "postgres"
        self.redis = self.path / "redis"
        self.sockets = Path()
        self.children_lock = -1
        self._lock = -1

    @property
    def postgres_sockets(self) -> Path:
        """The directory of PostgreSQL's socket, owned by the account it runs under."""
        return self.sockets / "postgres"

    @property
    def redis_sockets(self) -> Path:
        """The directory of Redis's socket."""
        return self.sockets / "redis"

    def __enter__(self) -> Self:
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._take_lock()
            self._end_leftovers()
            self._make_sockets()
        except OSError as fault:
            self._release()
            raise directory_unusable(self.path, fault) from fault
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _state_file(self.path).unlink(missing_ok=True)
        shutil.rmtree(self.sockets, ignore_errors=True)
        self._release()

    def secret_key(self) -> str:
        """Give the key that secrets in this directory's database are sealed with; made at the first start.

        Raises:
            DiskFull, DirectoryUnusable: it could not be read or written.
        """
        return self._key_in(_secret_file(self.path))

    def audit_key(self) -> str:
        """Give the key that the audit's checkpoints are signed with; made at the first start.

        Raises:
            DiskFull, DirectoryUnusable: it could not be read or written.
        """
        return self._key_in(_audit_key_file(self.path))

    def announce(self, *, url: str, database_url: str, redis_url: str) -> None:
        """Let other commands find the stack.

        Raises:
            DiskFull, DirectoryUnusable: the state could not be written.
        """
        state = StackState(
            process_id=os.getpid(),
            url=url,
            database_url=database_url,
            redis_url=redis_url,
            sockets=str(self.sockets),
        )
        try:
            write_private(_state_file(self.path), msgspec.json.encode(state).decode())
        except OSError as fault:
            raise directory_unusable(self.path, fault) from fault

    def _key_in(self, file: Path) -> str:
        """Read a key of 32 bytes in URL-safe base64, made if there is none."""
        try:
            if not file.exists():
                write_private(file, new_sealing_key())
            return file.read_text().strip()
        except OSError as fault:
            raise directory_unusable(self.path, fault) from fault

    def _take_lock(self) -> None:
        self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        if not _try_lock(self._lock):
            holder = os.pread(self._lock, 32, 0).decode(errors="replace").strip()
            message = (
                f"The data directory {self.path} is in use by another `review up` (process {holder or 'unknown'}). "
                "Stop that one first, or choose another directory with --data-dir."
            )
            raise DirectoryInUse(message)
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)

    def _end_leftovers(self) -> None:
        """Wait for web and worker of a killed run, which end by themselves, and stop its servers."""
        self.children_lock = os.open(self.path / "children.lock", os.O_RDWR | os.O_CREAT, 0o600)
        deadline = Deadline(ORPHANS_LEAVE_WITHIN)
        while not _try_lock(self.children_lock):
            if deadline.passed:
                message = (
                    f"Processes of an earlier run in {self.path} are still running. "
                    "End the `review web` and `review worker` processes there, then start again."
                )
                raise ServerFailed(message)
            time.sleep(0.1)  # a lock can be waited for without a limit, or tried: there is no event with a limit
        leftovers.stop_postgres(self.postgres / "data")
        earlier = _read_state(self.path)
        if earlier is not None:
            leftovers.stop_redis(Path(earlier.sockets) / "redis" / "redis.sock")
            shutil.rmtree(earlier.sockets, ignore_errors=True)
            _state_file(self.path).unlink()

    def _make_sockets(self) -> None:
        self.sockets = sockets.make_directory()
        self.redis_sockets.mkdir(mode=0o700)
        self.postgres_sockets.mkdir(mode=0o700)
        account = account_for(self.postgres / "data")
        if account.switched:
            account.own(self.postgres_sockets)
            self.sockets.chmod(0o711)

    def _release(self) -> None:
        for descriptor in (self.children_lock, self._lock):
            if descriptor >= 0:
                os.close(descriptor)
        self.children_lock = self._lock = -1


def running_stack(path: Path) -> StackState:
    """Find the stack that runs in a data directory.

    Raises:
        StackNotRunning: none does.
    """
    state = _read_state(path)
    if state is None or not _is_locked(path / "lock"):
        message = f"No stack runs in {path}. Start one with: review up --data-dir {path}"
        raise StackNotRunning(message)
    return state


def read_secret_key(path: Path) -> str:
    """Give the key of a data directory, or nothing where it cannot be read."""
    with suppress(OSError):
        return _secret_file(path).read_text().strip()
    return ""


def read_audit_key(path: Path) -> str:
    """Give the key that a data directory's checkpoints are signed with, or nothing where it cannot be read."""
    with suppress(OSError):
        return _audit_key_file(path).read_text().strip()
    return ""


def checkpoints_in(path: Path) -> Path:
    """Give where a data directory keeps the audit's checkpoints, outside its database."""
    return path / "checkpoints"


def _secret_file(path: Path) -> Path:
    return path / "secret.key"


def _audit_key_file(path: Path) -> Path:
    return path / "audit.key"


def _state_file(path: Path) -> Path:
    return path / "stack.json"


def _read_state(path: Path) -> StackState | None:
    with suppress(OSError, msgspec.DecodeError):
        return msgspec.json.decode(_state_file(path).read_bytes(), type=StackState)
    return None


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_locked(path: Path) -> bool:
    """Ask without taking the lock for longer than the question; a `review up` that starts meanwhile may be refused."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        return not _try_lock(descriptor)
    finally:
        os.close(descriptor)
