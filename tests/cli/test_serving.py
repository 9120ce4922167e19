"""The commands that run processes, against a real database."""

import asyncio
import socket

import asyncpg
import pytest
from alembic import command
from click.testing import CliRunner

from review.cli.main import main
from review.cli.migrate import alembic_config
from review.embedded.postgres import EmbeddedPostgres
from review.kernel.sealing import new_sealing_key

SOUND = {"REVIEW_REDIS_URL": "redis://127.0.0.1", "REVIEW_SECRET_KEY": new_sealing_key()}


async def test_migrate_builds_the_schema_and_may_run_again(postgres: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(postgres.url("postgres"))
    await connection.execute("CREATE DATABASE migrated_by_command")
    await connection.close()
    environment = {"REVIEW_DATABASE_URL": postgres.url("migrated_by_command")}
    for _ in range(2):
        outcome = await in_thread(["migrate"], environment)
        assert outcome == (0, ""), outcome
    connection = await asyncpg.connect(environment["REVIEW_DATABASE_URL"])
    assert await connection.fetchval("SELECT count(*) FROM items") == 0
    await connection.close()


def test_the_migrations_build_what_the_models_say(database_url: str) -> None:
    command.check(alembic_config(database_url))


async def in_thread(arguments: list[str], environment: dict[str, str]) -> tuple[int, str]:
    """Run a command where it may start an event loop of its own."""
    outcome = await asyncio.to_thread(CliRunner().invoke, main, arguments, env=environment)
    return outcome.exit_code, outcome.output


def test_migrate_without_a_database_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closing:
        port = closing.getsockname()[1]
    url = f"postgresql://u:p@127.0.0.1:{port}/x"
    outcome = CliRunner().invoke(main, ["migrate"], env={"REVIEW_DATABASE_URL": url})
    assert outcome.exit_code == 1
    assert outcome.stdout == ""
    assert outcome.stderr.startswith("Error: The database could not be migrated: ")
    assert "refused" in outcome.stderr or "Connect call failed" in outcome.stderr


@pytest.mark.parametrize("name", ["web", "worker", "migrate"])
def test_without_settings_they_were_asked_wrongly(name: str) -> None:
    empty = {"REVIEW_DATABASE_URL": "", "REVIEW_REDIS_URL": ""}
    outcome = CliRunner().invoke(main, [name], env=empty)
    assert outcome.exit_code == 2
    assert "REVIEW_DATABASE_URL" in outcome.stderr


def test_web_names_a_busy_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        environment = SOUND | {"REVIEW_DATABASE_URL": "postgresql://x"}
        outcome = CliRunner().invoke(main, ["web", "--port", port], env=environment)
    assert outcome.exit_code == 1
    assert f"Port {port} on 127.0.0.1 cannot be used: another program listens there." in outcome.stderr


def test_web_says_in_one_sentence_that_the_database_is_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closing:
        port = closing.getsockname()[1]
    environment = SOUND | {"REVIEW_DATABASE_URL": f"postgresql://u@127.0.0.1:{port}/x"}
    outcome = CliRunner().invoke(main, ["web", "--port", "0"], env=environment)
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert outcome.stderr.startswith("Error: The database cannot be reached: ")
    assert "Listening" not in outcome.stderr


@pytest.mark.parametrize("url", ["zzz", "mysql://u:hunter2@host/x", "postgresql://[", "host:5432/x"])
@pytest.mark.parametrize("arguments", [["migrate"], ["keys", "create", "--project", "p", "--name", "n"]])
def test_what_is_no_database_url_is_named_and_not_shown(arguments: list[str], url: str) -> None:
    outcome = CliRunner().invoke(main, arguments, env={"REVIEW_DATABASE_URL": url})
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert outcome.stderr.startswith("Error: REVIEW_DATABASE_URL cannot be used: ")
    assert "hunter2" not in outcome.stderr
