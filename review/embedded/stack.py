"""The whole stack on one machine: servers, migrations, web and worker, started in order and stopped in reverse."""

import asyncio
import http.client
import os
import signal
import socket
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from review.embedded.directory import DataDirectory, checkpoints_in
from review.embedded.errors import ServerFailed
from review.embedded.listening import address_of, listen
from review.embedded.postgres import EmbeddedPostgres
from review.embedded.redis import EmbeddedRedis
from review.embedded.supervisor import Patience, Program, Say, Server, Service, keep_alive
from review.kernel.settings import Settings

# Together under the 20 s that a stop may take: web and worker side by side, then Redis, then PostgreSQL.
PROGRAMS_END_WITHIN = timedelta(seconds=9)
REDIS_ENDS_WITHIN = timedelta(seconds=2)
POSTGRES_ENDS_WITHIN = timedelta(seconds=6)

# What the stack makes for itself, unless the environment has it.
# What the settings were read from already, so that its children are not given the same thing twice.
GIVEN_AS_FILES = tuple(f"REVIEW_{name}_FILE" for name in ("SECRET_KEY", "AUDIT_KEY", "DATABASE_URL", "REDIS_URL"))

ASK_AGAIN_AFTER = timedelta(milliseconds=200)
SAY_WHY_AFTER = timedelta(seconds=15)


@dataclass(frozen=True)
class Commands:
    """The programs of the stack. Web also gets `--socket-fd N`, and web and worker get `--lifeline-fd N`."""

    migrate: Sequence[str]
    web: Sequence[str]
    worker: Sequence[str]


@dataclass(frozen=True)
class StackOptions:
    """Where and how the stack runs."""

    directory: Path
    host: str
    port: int
    commands: Commands
    patience: Patience = field(default_factory=Patience)


def run_stack(options: StackOptions, *, say: Say, ready: Callable[[str], None]) -> None:
    """Run the stack until SIGINT or SIGTERM; a second one hurries. `ready` gets the address once it answers.

    Raises:
        EmbeddedError: it could not be started, or could not be kept running; everything is stopped by then.
    """
    with (
        DataDirectory(options.directory) as directory,
        closing(listen(options.host, options.port)) as listener,
        _pipe() as lifeline,
    ):
        asyncio.run(_Stack(options, directory, listener, lifeline, say).run(ready))


@contextmanager
def _pipe() -> Generator[int]:
    """Give the end of a pipe that children inherit; the other end closes with this process, however it ends."""
    reading, writing = os.pipe()
    try:
        yield reading
    finally:
        os.close(writing)
        os.close(reading)


class _Stack:
    def __init__(
        self, options: StackOptions, directory: DataDirectory, listener: socket.socket, lifeline: int, say: Say
    ) -> None:
        self._options = options
        self._directory = directory
        self._say = say
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._address = address_of(listener)
        self._postgres = EmbeddedPostgres(directory.postgres, socket_directory=directory.postgres_sockets)
        self._redis = EmbeddedRedis(directory.redis, socket_directory=directory.redis_sockets)
        self._servers = (Server("PostgreSQL server", self._postgres), Server("Redis server", self._redis))
        commands, watch = options.commands, ("--lifeline-fd", str(lifeline))
        inherited = (lifeline, directory.children_lock)
        self._migration = Program("migration", commands.migrate)
        self._web = Program(
            "web process",
            (*commands.web, *watch, "--socket-fd", str(listener.fileno())),
            pass_fds=(*inherited, listener.fileno()),
        )
        self._worker = Program("worker process", (*commands.worker, *watch), pass_fds=inherited)
        self._port = listener.getsockname()[1]

    async def run(self, ready: Callable[[str], None]) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._asked_to_stop)
        serving = asyncio.ensure_future(self._serve(ready))
        asked = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({serving, asked}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            asked.cancel()
            serving.cancel()
            outcome = (await asyncio.gather(serving, return_exceptions=True))[0]
            await self._shut_down()
        if isinstance(outcome, Exception):
            raise outcome

    def _asked_to_stop(self) -> None:
        if self._stop.is_set():
            self._hurry.set()
            self._say("Stopping at once; PostgreSQL will recover at its next start.")
        else:
            self._stop.set()  # before a word is said: there may be nobody left to say it to
            self._say("Stopping. Ctrl-C again hurries.")

    async def _serve(self, ready: Callable[[str], None]) -> None:
        if not self._postgres.data.exists():
            self._say(f"Making an empty database in {self._postgres.data}.")
        for server in reversed(self._servers):
            await server.start()
        environment = self._environment()
        self._directory.announce(
            url=self._address,
            database_url=environment["REVIEW_DATABASE_URL"],
            redis_url=environment["REVIEW_REDIS_URL"],
        )
        for program in (self._migration, self._web, self._worker):
            program.environment = environment
        await self._migrate()
        await self._web.start()
        await self._worker.start()
        services = (*self._servers, self._web, self._worker)
        watching = [asyncio.ensure_future(keep_alive(one, self._options.patience, self._say)) for one in services]
        watching.append(asyncio.ensure_future(self._tell_when_ready(ready)))
        try:
            done, _ = await asyncio.wait(watching, return_when=asyncio.FIRST_EXCEPTION)
            for one in done:
                one.result()
        finally:
            for one in watching:
                one.cancel()
            await asyncio.gather(*watching, return_exceptions=True)

    def _environment(self) -> dict[str, str]:
        chosen, directory = Settings.from_env(), self._directory
        return {
            **dict.fromkeys(GIVEN_AS_FILES, ""),
            "REVIEW_SECRET_KEY": chosen.secret_key or directory.secret_key(),
            "REVIEW_AUDIT_KEY": chosen.audit_key or directory.audit_key(),
            "REVIEW_AUDIT_CHECKPOINTS": str(chosen.audit_checkpoints or checkpoints_in(directory.path)),
            "REVIEW_ERASURES_FILE": str(chosen.erasures_file or directory.path / "erasures.jsonl"),
            "REVIEW_DATABASE_URL": self._postgres.url(),
            "REVIEW_REDIS_URL": self._redis.url(),
            "REVIEW_DATA_DIR": str(self._directory.path),
            "REVIEW_HOST": self._options.host,
            "REVIEW_PORT": str(self._port),
        }

    async def _migrate(self) -> None:
        await self._migration.start()
        how = await self._migration.ended()
        if how != "exit status 0":
            message = f"The database could not be brought up to date ({how}). Nothing was lost; the reason is above."
            raise ServerFailed(message)

    async def _tell_when_ready(self, ready: Callable[[str], None]) -> None:
        """Ask /readyz until it answers 200; the socket listens already, so the first question waits for web."""
        asked = 0
        while (answer := await asyncio.to_thread(_ask_readiness, self._address)) != "200":
            asked += 1
            if asked == SAY_WHY_AFTER // ASK_AGAIN_AFTER:
                self._say(f"Still waiting for {self._address}/readyz, which answers: {answer}")
            await asyncio.sleep(ASK_AGAIN_AFTER.total_seconds())
        ready(self._address)

    async def _shut_down(self) -> None:
        programs = (self._migration, self._web, self._worker)
        await asyncio.gather(*(self._end(one, PROGRAMS_END_WITHIN) for one in programs))
        postgres, redis = self._servers
        await self._end(redis, REDIS_ENDS_WITHIN)
        await self._end(postgres, POSTGRES_ENDS_WITHIN)

    async def _end(self, service: Service, within: timedelta) -> None:
        stopping = asyncio.ensure_future(service.stop(within))
        hurrying = asyncio.ensure_future(self._hurry.wait())
        await asyncio.wait({stopping, hurrying}, return_when=asyncio.FIRST_COMPLETED)
        if hurrying.done():
            service.stop_now()
        hurrying.cancel()
        await stopping


def _ask_readiness(address: str) -> str:
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=5)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        if response.status == http.client.OK:
            return "200"
        return f"{response.status} {response.read(500).decode(errors='replace')}"
    except (OSError, http.client.HTTPException) as fault:
        return f"nothing ({fault})"
    finally:
        connection.close()
