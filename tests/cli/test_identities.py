"""`review users link` and `unlink`, and what a file of providers that cannot be used does to a start."""

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner, Result

from review.cli.main import main

ISSUER = "https://id.example.com"
NORA = ["--issuer", ISSUER, "--subject", "nora-1"]


def run(url: str, *arguments: str, **environ: str) -> Result:
    return CliRunner(env={"REVIEW_DATABASE_URL": url, **environ}).invoke(main, arguments)


def fetch(url: str, statement: str) -> list[Any]:
    async def ask() -> list[Any]:
        connection = await asyncpg.connect(url)
        try:
            return [tuple(row) for row in await connection.fetch(statement)]
        finally:
            await connection.close()

    return asyncio.run(ask())


def test_the_operator_links_and_unlinks(support: str) -> None:
    for _ in range(2):  # linking again is fine
        linked = run(support, "users", "link", "--email", " Ana@Example.com", *NORA)
        assert linked.exit_code == 0, linked.stderr
    statement = "SELECT u.email, i.issuer, i.subject FROM user_identities i JOIN users u ON u.id = i.user_id"
    assert fetch(support, statement) == [("ana@example.com", ISSUER, "nora-1")]
    taken = run(support, "users", "link", "--email", "ben@example.com", *NORA)
    assert (taken.exit_code, "belongs to another account" in taken.stderr) == (1, True)
    assert run(support, "users", "unlink", *NORA).exit_code == 0
    again = run(support, "users", "unlink", *NORA)
    assert (again.exit_code, "nothing was changed" in again.stderr) == (1, True)
    told = fetch(support, "SELECT action, actor_kind FROM audit_entries WHERE action LIKE 'identity.%' ORDER BY id")
    assert told == [("identity.linked", "operator"), ("identity.unlinked", "operator")]


@pytest.mark.parametrize(
    ("email", "issuer", "subject", "word"),
    [
        ("nobody@example.com", ISSUER, "1", "no account with the e-mail"),
        ("ana@example.com", "", "1", "issuer: must have"),
        ("ana@example.com", ISSUER, "x" * 256, "subject: must have 1 to 255 characters"),
    ],
)
def test_what_cannot_be_linked_is_told_why(support: str, email: str, issuer: str, subject: str, word: str) -> None:
    outcome = run(support, "users", "link", "--email", email, "--issuer", issuer, "--subject", subject)
    assert (outcome.exit_code, word in outcome.stderr) == (1, True), outcome.stderr


@pytest.mark.parametrize("command", [("web", "--port", "0"), ("up", "--port", "0")])
def test_a_file_that_cannot_be_used_starts_nothing(support: str, tmp_path: Path, command: tuple[str, ...]) -> None:
    file = tmp_path / "providers.yaml"
    file.write_text("providers:\n  - {name: acme, issuer: http://id.example.com, client_id: c, client_secret: hush}\n")
    environ = {"REVIEW_OIDC_FILE": str(file), "REVIEW_REDIS_URL": "redis://nowhere"}
    where = {"REVIEW_DATA_DIR": str(tmp_path / "data")} if command[0] == "up" else {}
    outcome = run(support, *command, **environ, **where)
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert "line 2 column 18: must be an https address" in outcome.stderr
    assert "hush" not in outcome.stderr
    assert not (tmp_path / "data").exists()
