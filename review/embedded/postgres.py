"""PostgreSQL as a child process over a directory of its own, reached through a private socket."""

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from review.embedded import binaries, leftovers, sockets
from review.embedded.account import ENVIRONMENT, Account, Doorway, account_for, doorway
from review.embedded.deadline import Deadline
from review.embedded.errors import FULL, EmbeddedError, ServerFailed, directory_unusable, disk_full
from review.embedded.files import sync_directory, write_private

ROLE = "countersign"
DATABASE = "countersign"
ORPHANS_REMAIN = "pre-existing shared memory block"
FULL_DISK = os.strerror(FULL[0])

# For a laptop or a small server that runs web and worker beside it; whoever needs more runs PostgreSQL itself.
TUNING: Mapping[str, str] = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "effective_cache_size": "1GB",
    "random_page_cost": "1.1",
    "max_wal_size": "1GB",
    "autovacuum_naptime": "15s",
    "jit": "off",
    "log_checkpoints": "off",
    "log_statement": "none",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# For tests only: a crash of the machine may then destroy the cluster.
VOLATILE: Mapping[str, str] = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedPostgres:
    """One PostgreSQL server over `directory`, which holds the cluster, its password and its log.

    `socket_directory` must be short (a socket's path has 107 characters at most), private and writable for
    `account`; without one, each start makes its own below the temporary directory.
    """

    def __init__(
        self,
        directory: Path,
        *,
        socket_directory: Path | None = None,
        durable: bool = True,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = directory.absolute()
        self.data = self.directory / "data"
        self.log = self.directory / "postgres.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._given_sockets = socket_directory
        self._sockets: Path | None = socket_directory
        self._settings = {**TUNING, **({} if durable else VOLATILE), **(settings or {})}
        self._durable = durable

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def url(self, database: str = DATABASE) -> str:
        """Give the libpq URL of one database; asyncpg, SQLAlchemy and psql read it alike."""
        if self._sockets is None:
            message = "PostgreSQL has not been started, so it has no address yet."
            raise ServerFailed(message)
        password = (self.directory / "password").read_text().strip()
        return f"postgresql://{ROLE}:{password}@/{quote(database)}?host={quote(str(self._sockets), safe='/')}"

    def start(self, within: timedelta = timedelta(seconds=60)) -> None:
        """Start the server and return when it takes connections; makes the cluster first if there is none.

        A server that an earlier, killed owner of the directory left behind is stopped first.

        Raises:
            EmbeddedError: it did not start; the message says why and what to do.
        """
        try:
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            account = account_for(self.data)
            tree = binaries.postgres_tree(account)
            self._ensure_cluster(tree, account)
            leftovers.stop_postgres(self.data)
            deadline = Deadline(within)
            while not self._started(tree, account, deadline):
                time.sleep(0.1)  # processes of a killed server are about to notice; nothing tells when they have
        except OSError as fault:
            raise directory_unusable(self.directory, fault) from fault

    def _started(self, tree: Path, account: Account, deadline: Deadline) -> bool:
        """Start the server; False means that it must be tried again, as a killed one has not quite ended."""
        self._launch(tree, account)
        try:
            self._wait_until_ready(deadline)
        except BaseException as fault:
            self.stop(within=timedelta(0))
            if isinstance(fault, ServerFailed) and ORPHANS_REMAIN in fault.message and not deadline.passed:
                return False
            raise
        return True

    def stop(self, within: timedelta = timedelta(seconds=10)) -> None:
        """Stop the server: transactions are broken off, nothing committed is lost. Does nothing if it is not running.

        Past the deadline the server is stopped at once and recovers at its next start.
        """
        process = self.process
        if process is not None and process.poll() is None:
            for act, patience in ((signal.SIGINT, within), (signal.SIGQUIT, timedelta(seconds=5))):
                with suppress(ProcessLookupError):
                    process.send_signal(act)
                try:
                    process.wait(timeout=patience.total_seconds())
                    break
                except subprocess.TimeoutExpired:
                    continue
            else:
                process.kill()
                process.wait()
        self.process = None
        if self._given_sockets is None and self._sockets is not None:
            shutil.rmtree(self._sockets, ignore_errors=True)
            self._sockets = None

    def stop_now(self) -> None:
        """Have a stop that is under way end at once; the server recovers at its next start."""
        process = self.process
        if process is not None:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGQUIT)

    def _ensure_cluster(self, tree: Path, account: Account) -> None:
        version = self.data / "PG_VERSION"
        if not self.data.exists():
            self._make_cluster(tree, account)
        elif not version.is_file() or not (self.data / "global" / "pg_control").is_file():
            message = (
                f"{self.data} is not a whole database: it was half copied or partly deleted. "
                "Put it back from a backup, or move it away to start with an empty one."
            )
            raise ServerFailed(message)
        elif (found := version.read_text().strip()) != str(binaries.POSTGRES_MAJOR):
            message = (
                f"{self.data} was written by PostgreSQL {found}, and this is PostgreSQL {binaries.POSTGRES_MAJOR}. "
                "Nothing was changed; use the release of Countersign that wrote it, or choose another --data-dir."
            )
            raise ServerFailed(message)

    def _make_cluster(self, tree: Path, account: Account) -> None:
        """Build the cluster aside and move it into place whole, so that an interrupted start leaves nothing behind."""
        building = self.directory / "data.unfinished"
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(mode=0o700)
        account.own(building)
        password = secrets.token_urlsafe(32)
        write_private(self.directory / "password", password)
        try:
            with doorway(building, account) as door:
                self._run(
                    [
                        *(tree / "bin" / "initdb", "--pgdata", door.name, "--username", ROLE, "--auth", "trust"),
                        *("--encoding", "UTF8", "--locale", "C"),
                        *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--no-instructions"),
                        *(() if self._durable else ("--no-sync",)),
                    ],
                    account,
                    door,
                )
                self._run(
                    [tree / "bin" / "postgres", "--single", "-D", door.name, "postgres"],
                    account,
                    door,
                    f"ALTER ROLE {ROLE} PASSWORD '{password}'\nCREATE DATABASE {DATABASE}\n",
                )
            (building / "pg_hba.conf").write_text("local all all scram-sha-256\n")
        except BaseException:
            shutil.rmtree(building, ignore_errors=True)
            raise
        building.rename(self.data)
        sync_directory(self.directory)

    def _run(self, command: list[str | Path], account: Account, door: Doorway, text: str = "") -> None:
        outcome = subprocess.run(
            command,
            check=False,
            input=text.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=ENVIRONMENT,
            pass_fds=door.pass_fds,
            **account.process_options(),
        )
        said = outcome.stdout.decode(errors="replace")
        if outcome.returncode != 0 or "ERROR:" in said or "FATAL:" in said:
            raise self._failure(said, what="The database could not be made")

    def _launch(self, tree: Path, account: Account) -> None:
        self._sockets = self._sockets or sockets.make_directory()  # after a crash, the address stays
        if self._given_sockets is None:
            account.own(self._sockets)
        settings = {"unix_socket_directories": str(self._sockets), **self._settings}
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))
        with doorway(self.data, account) as door, self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(tree / "bin" / "postgres", "-D", door.name),
                    *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=ENVIRONMENT,
                pass_fds=door.pass_fds,
                start_new_session=True,  # Ctrl-C reaches us alone; the order of stopping is ours to keep
                **account.process_options(),
            )

    def _wait_until_ready(self, deadline: Deadline) -> None:
        process = self.process
        while process is not None and process.poll() is None:
            if leftovers.postmaster(self.data) == (process.pid, "ready"):
                return
            if deadline.passed:
                raise self._failure(self._log_tail(), what="PostgreSQL did not become ready in time")
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.02)
        raise self._failure(self._log_tail(), what="PostgreSQL did not start")

    def _log_tail(self) -> str:
        with suppress(OSError):
            return self.log.read_bytes()[-4000:].decode(errors="replace")
        return ""

    def _failure(self, said: str, *, what: str) -> EmbeddedError:
        if FULL_DISK in said:
            return disk_full(self.directory)
        lines = [line for line in said.splitlines() if "FATAL" in line or "error:" in line.lower()]
        reason = (lines or said.splitlines() or ["it said nothing"])[-1].strip()
        return ServerFailed(f"{what}: {reason}. The full log is in {self.log}.")
