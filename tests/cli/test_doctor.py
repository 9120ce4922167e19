"""Promise 12, and what start-up insists on: `review doctor`, and web and worker that refuse what is not safe."""

import asyncio
import os
import re
import secrets
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import msgspec
import pytest
from click.testing import CliRunner

from review.cli.main import main
from review.embedded.postgres import EmbeddedPostgres
from review.embedded.redis import EmbeddedRedis
from review.kernel.checks import probes
from review.kernel.ids import new_id
from review.kernel.sealing import new_sealing_key
from tests.faults.processes import SKEWED, Running, start
from tests.make import World

EVERYWHERE = "0.0.0.0"  # noqa: S104  it is refused
EMPTY = {"REVIEW_DATA_DIR": "", "REVIEW_BASE_URL": "", "REVIEW_HOST": ""}


@pytest.fixture
async def ordinary(postgres: EmbeddedPostgres, database_url: str) -> AsyncIterator[str]:
    """The test's database as an ordinary role of its own reaches it."""
    role, password = f"r{new_id().hex}", secrets.token_hex(16)
    name = urlsplit(database_url).path.strip("/")
    connection = await asyncpg.connect(postgres.url(name))
    await connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{password}'")
    await connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    parts = urlsplit(database_url)
    user, _, host = parts.netloc.rpartition("@")
    assert user
    yield database_url.replace(parts.netloc, f"{role}:{password}@{host}", 1)
    await connection.execute(f"DROP OWNED BY {role}")
    await connection.execute(f"DROP ROLE {role}")
    await connection.close()


def environment(database_url: str, redis: EmbeddedRedis, **more: str) -> dict[str, str]:
    named = {f"REVIEW_{name.upper()}": value for name, value in more.items()}
    addresses = {"REVIEW_DATABASE_URL": database_url, "REVIEW_REDIS_URL": redis.url()}
    return EMPTY | addresses | {"REVIEW_SECRET_KEY": new_sealing_key()} | named


async def doctor(env: dict[str, str], *arguments: str) -> tuple[int, dict[str, str], str]:
    outcome = await asyncio.to_thread(CliRunner().invoke, main, ["doctor", "--json", *arguments], env=env)
    assert outcome.stdout, outcome.output
    found = msgspec.json.decode(outcome.stdout, type=list[dict[str, str]])
    return outcome.exit_code, {each["check"]: each["level"] for each in found}, outcome.stdout


async def test_the_doctor_knows_a_superuser_from_an_ordinary_role(
    ordinary: str, database_url: str, redis_server: EmbeddedRedis
) -> None:
    status, found, _ = await doctor(environment(ordinary, redis_server))
    assert (status, found["database role"], found["migrations"]) == (1, "ok", "ok")
    assert found["durability"] == "refused", "the servers of tests write nothing to the disk"
    status, found, _ = await doctor(environment(ordinary, redis_server, allow_data_loss="true"))
    assert (status, found["durability"]) == (0, "warning")
    status, found, _ = await doctor(environment(database_url, redis_server, allow_data_loss="true"))
    assert (status, found["database role"]) == (1, "refused")
    status, found, _ = await doctor(
        environment(database_url, redis_server, allow_data_loss="true", allow_superuser="true")
    )
    assert (status, found["database role"]) == (0, "warning")


async def test_the_doctor_sees_a_schema_that_is_behind_or_ahead(database_url: str, redis_server: EmbeddedRedis) -> None:
    env = environment(database_url, redis_server, allow_data_loss="true", allow_superuser="true")
    connection = await asyncpg.connect(database_url)
    before = await connection.fetchval("SELECT version_num FROM alembic_version")
    for revision, level, status in (("0001", "refused", 1), ("9999", "warning", 0), (before, "ok", 0)):
        await connection.execute("UPDATE alembic_version SET version_num = $1", revision)
        found = await doctor(env)
        assert (found[0], found[1]["migrations"]) == (status, level), revision
    await connection.execute("DROP TABLE alembic_version")
    assert (await doctor(env))[1]["migrations"] == "refused"
    await connection.close()


async def test_the_doctor_reads_as_a_list_with_what_to_do(database_url: str, redis_server: EmbeddedRedis) -> None:
    env = environment(database_url, redis_server, secret_key="", webhook_allow_http="true")
    outcome = await asyncio.to_thread(CliRunner().invoke, main, ["doctor"], env=env)
    assert outcome.exit_code == 1
    lines = outcome.stdout.splitlines()
    assert any(line.startswith("REFUSED  sealing key") for line in lines)
    assert any(line.startswith("warning  webhooks") for line in lines)
    assert any("→ Make one: python3" in line for line in lines)
    assert re.fullmatch(r"3 refused, \d to mend, \d well\.", lines[-1])


async def test_no_secret_is_ever_told(database_url: str, redis_server: EmbeddedRedis) -> None:
    weak = f"{'A' * 43}="
    env = environment(database_url, redis_server, secret_key=weak)
    _, found, said = await doctor(env)
    password = urlsplit(database_url).password
    assert found["sealing key"] == "refused"
    assert weak not in said
    assert password is None or password not in said


async def test_a_database_that_is_away_is_a_finding(redis_server: EmbeddedRedis) -> None:
    env = environment("postgresql://u:0f8fad5bd9cb469fa165@127.0.0.1:1/x", redis_server)
    status, found, said = await doctor(env)
    assert (status, found["database"]) == (1, "refused")
    assert "0f8fad5bd9cb469fa165" not in said


async def test_the_clock_of_the_database_is_compared(world: World) -> None:
    facts = await probes.of_connection(world.db.hot)
    assert abs(facts.skew) < timedelta(seconds=5)


REFUSALS = [
    ({"REVIEW_SECRET_KEY": ""}, "sealing key"),
    ({"REVIEW_ALLOW_SUPERUSER": ""}, "database role"),
    ({"REVIEW_ALLOW_DATA_LOSS": ""}, "durability"),
]


@pytest.mark.parametrize("name", ["web", "worker"])
@pytest.mark.parametrize(("changed", "check"), REFUSALS, ids=[check for _, check in REFUSALS])
async def test_web_and_worker_refuse_what_is_not_safe(
    database_url: str, redis_server: EmbeddedRedis, name: str, changed: dict[str, str], check: str
) -> None:
    env = environment(database_url, redis_server, allow_superuser="true", allow_data_loss="true") | changed
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "review.cli.main", name, *(["--port", "0"] if name == "web" else [])),
        env=os.environ | env,
        stderr=asyncio.subprocess.PIPE,
    )
    _, raw = await asyncio.wait_for(process.communicate(), 60)
    said = raw.decode()
    assert process.returncode == 1, said
    assert "does not start until the following is mended" in said
    assert f"\n  {check}: " in said


async def test_web_refuses_an_address_that_others_reach_without_tls(
    database_url: str, redis_server: EmbeddedRedis
) -> None:
    env = environment(database_url, redis_server, allow_superuser="true", allow_data_loss="true")
    outcome = await asyncio.to_thread(CliRunner().invoke, main, ["web", "--host", EVERYWHERE, "--port", "0"], env=env)
    assert (outcome.exit_code, "\n  encryption: " in outcome.stderr) == (1, True)
    up = await asyncio.to_thread(CliRunner().invoke, main, ["up"], env=EMPTY | {"REVIEW_HOST": EVERYWHERE})
    assert (up.exit_code, "\n  encryption: " in up.stderr) == (1, True)


async def test_a_clock_that_is_wrong_is_told_and_stops_nothing(world: World) -> None:
    """Promise 12: ten minutes off is an alarm."""
    assert SKEWED.is_dir()
    web: Running = await start(world.settings, "web", "--port", "0", skew_seconds=600)
    try:
        await web.listening()
        assert any("clock is" in line and "ahead of the database's" in line for line in web.said), web.said
    finally:
        await web.kill()


async def test_the_embedded_default_is_in_order(tmp_path: Path) -> None:
    """`review up` asks nothing of anybody: what it makes is well by its own doctor."""
    env = {"REVIEW_DATA_DIR": str(tmp_path / "data"), "REVIEW_DATABASE_URL": "", "REVIEW_REDIS_URL": ""}
    up = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "review.cli.main", "up", "--port", "0"),
        env=os.environ | env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert up.stdout is not None
        assert (await asyncio.wait_for(up.stdout.readline(), 90)).startswith(b"ready: ")
        status, found, said = await doctor(EMPTY | env)
        assert status == 0, said
        assert {found[name] for name in ("database role", "encryption", "data directory", "migrations")} == {"ok"}
    finally:
        up.terminate()
        await up.wait()
