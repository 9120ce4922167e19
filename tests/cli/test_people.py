"""`review users`, `keys` and `tokens`: what they refuse, in one sentence."""

import asyncio

import pytest
from click.testing import CliRunner, Result

from review.cli.main import main
from review.kernel.db import Database
from review.kernel.settings import Settings
from tests.make import World

USER = ["users", "create", "--project", "support", "--email", "eve@example.com", "--role", "reviewer"]


@pytest.fixture
def support(settings: Settings) -> str:
    """A project's database."""

    async def prepare() -> None:
        db = await Database.connect(settings)
        await World.build(db, settings)
        await db.close()

    asyncio.run(prepare())
    return settings.database_url


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
