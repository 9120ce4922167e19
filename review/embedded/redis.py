"""Redis as a child process that keeps nothing on disk, reached through a private socket."""

import shutil
import socket
import subprocess
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from review.embedded import binaries, leftovers, sockets
from review.embedded.account import ENVIRONMENT
from review.embedded.deadline import Deadline
from review.embedded.errors import ServerFailed, directory_unusable

# It carries hints and wake-ups only, so it may forget them rather than grow.
SETTINGS = (
    *("--port", "0", "--unixsocketperm", "700", "--daemonize", "no"),
    *("--save", "", "--appendonly", "no", "--maxmemory", "128mb", "--maxmemory-policy", "allkeys-lru"),
)


class EmbeddedRedis:
    """One Redis server with its log in `directory`.

    `socket_directory` must be short and private; without one, each start makes its own below the temporary directory.
    """

    def __init__(self, directory: Path, *, socket_directory: Path | None = None) -> None:
        self.directory = directory.absolute()
        self.log = self.directory / "redis.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._given_sockets = socket_directory
        self._sockets: Path | None = socket_directory

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def address(self) -> Path:
        """The socket that the server listens on."""
        if self._sockets is None:
            message = "Redis has not been started, so it has no address yet."
            raise ServerFailed(message)
        return self._sockets / "redis.sock"

    def url(self, database: int = 0) -> str:
        """Give the URL of one of the sixteen databases, as redis-py and arq read it."""
        return f"unix://{self.address}?db={database}"

    def start(self, within: timedelta = timedelta(seconds=20)) -> None:
        """Start the server and return when it answers.

        Raises:
            EmbeddedError: it did not start; the message says why and what to do.
        """
        program = binaries.redis_server()
        try:
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._sockets = self._sockets or sockets.make_directory()  # after a crash, the address stays
            leftovers.stop_redis(self.address)
            with self.log.open("wb") as log:
                self.process = subprocess.Popen(
                    [program, *SETTINGS, "--unixsocket", self.address],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self.directory,
                    env=ENVIRONMENT,
                    start_new_session=True,  # Ctrl-C reaches us alone; the order of stopping is ours to keep
                )
        except OSError as fault:
            raise directory_unusable(self.directory, fault) from fault
        try:
            self._wait_until_ready(Deadline(within))
        except BaseException:
            self.stop(within=timedelta(0))
            raise

    def stop(self, within: timedelta = timedelta(seconds=5)) -> None:
        """Stop the server, by force past the deadline. Does nothing if it is not running."""
        process = self.process
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=within.total_seconds())
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.process = None
        if self._given_sockets is None and self._sockets is not None:
            shutil.rmtree(self._sockets, ignore_errors=True)
            self._sockets = None

    def stop_now(self) -> None:
        """Have a stop that is under way end at once."""
        process = self.process
        if process is not None:
            process.kill()

    def _wait_until_ready(self, deadline: Deadline) -> None:
        process = self.process
        while process is not None and process.poll() is None:
            if self._answers():
                return
            if deadline.passed:
                break
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.02)
        said = self.log.read_text(errors="replace").splitlines() or ["it said nothing"]
        message = f"Redis did not start: {said[-1].strip()}. The full log is in {self.log}."
        raise ServerFailed(message)

    def _answers(self) -> bool:
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(1)
            connection.connect(str(self.address))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        return False
