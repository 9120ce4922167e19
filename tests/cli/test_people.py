"""`review users`, `keys` and `tokens`: what they refuse, in one sentence."""

import asyncio
import re

import asyncpg
import pytest
from click.testing import CliRunner, Result

from review.cli.main import main

USER = ["users", "create", "--project", "support", "--email", "eve@example.com", "--role", "reviewer"]


def run(url: str, *arguments: str, stdin: bytes | None = None) -> Result:
    return CliRunner(env={"REVIEW_DATABASE_URL": url}).invoke(main, arguments, input=stdin)


@pytest.mark.parametrize("password", [b"p\xe4ssword of old\n", b"\xff" * 100_000])
def test_a_password_that_is_no_text_gets_one_sentence(support: str, password: bytes) -> None:
    outcome = run(support, *USER, "--password-stdin", stdin=password)
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert outcome.stderr == "Error: The password on standard input is not text in UTF-8. Nobody was created.\n"


def test_a_password_without_an_end_is_too_long(support: str) -> None:
    outcome = run(support, *USER, "--password-stdin", stdin=b"x" * 1_000_000)
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert "password: must have 10 to 1024 characters" in outcome.stderr


def test_a_name_that_is_no_text_is_refused_in_the_databases_words_and_no_others(support: str) -> None:
    outcome = run(support, "keys", "create", "--project", "p\udcff", "--name", "crm")
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert "sqlalchemy" not in outcome.stderr
    assert "Nothing was stored." in outcome.stderr


def count(url: str, statement: str) -> int:
    async def ask() -> int:
        connection = await asyncpg.connect(url)
        try:
            return int(await connection.fetchval(statement))
        finally:
            await connection.close()

    return asyncio.run(ask())


def test_an_invitation_goes_to_standard_output_alone(support: str) -> None:
    created = run(support, *USER)
    assert created.exit_code == 0
    assert "review users reset-password --email eve@example.com" in created.stderr
    invited = run(support, "users", "reset-password", "--email", "Eve@example.com")
    assert invited.exit_code == 0
    assert re.fullmatch(r"http://127\.0\.0\.1:8400/choose-password/[\w-]{43}\n", invited.stdout)
    assert invited.stderr == "Hand it to eve@example.com; it works once, within 72 hours.\n"
    unknown = run(support, "users", "reset-password", "--email", "nobody@example.com")
    assert (unknown.exit_code, unknown.stdout) == (1, "")
    assert "Nobody who can sign in has the e-mail 'nobody@example.com'" in unknown.stderr


def test_people_are_listed_disabled_enabled_and_removed(support: str) -> None:
    assert run(support, *USER, "--password-stdin", stdin=b"correct horse battery\n").exit_code == 0
    eve = ("--email", "eve@example.com")
    assert (
        "eve@example.com\treviewer\tactive\tpassword\t–" in run(support, "users", "list", "--project", "support").stdout
    )
    assert run(support, "users", "disable", *eve).stderr == "eve@example.com is disabled. They held nothing.\n"
    assert "\tdisabled\t" in run(support, "users", "list", "--project", "support").stdout
    assert run(support, "users", "enable", *eve).exit_code == 0
    assert run(support, "users", "reset-second-factor", *eve).stderr == "They had no second factor.\n"
    gone = run(support, "users", "remove", "--project", "support", *eve)
    assert gone.stderr == "eve@example.com is no longer in support. They held nothing.\n"
    again = run(support, "users", "remove", "--project", "support", *eve)
    assert (again.exit_code, "'eve@example.com' is in project 'support'" in again.stderr) == (1, True)
    assert (
        count(support, "SELECT count(*) FROM audit_entries WHERE action LIKE 'user.%' AND actor_kind = 'operator'") > 3
    )


def test_a_removed_person_gets_nothing_back_by_returning(support: str) -> None:
    """Neither pools nor tokens of the time before, but for the pools that the configuration names them in."""
    ana = ("--project", "support", "--email", "ana@example.com")
    assert run(support, "users", "remove", *ana).exit_code == 0
    assert run(support, "users", "create", *ana, "--role", "reviewer").exit_code == 0
    direct = "SELECT count(*) FROM pool_members WHERE email = 'ana@example.com' AND source = 'direct'"
    assert count(support, direct) == 0
    usable = "SELECT count(*) FROM api_keys k JOIN users u ON u.id = k.user_id WHERE u.email = 'ana@example.com'"
    assert count(support, f"{usable} AND k.revoked_at IS NULL") == 0
