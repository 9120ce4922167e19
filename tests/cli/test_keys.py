"""`review keys`, `review tokens`, `review users set-role`: secrets alone on standard output, all else in sentences."""

import re

import pytest

from review.identity.rules import KEY_FORM
from tests.cli.test_people import run

P = ("--project", "support")


def made(url: str, *arguments: str) -> str:
    outcome = run(url, *arguments)
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    assert re.fullmatch(KEY_FORM, outcome.stdout.strip()), "the secret, and nothing else"
    return outcome.stdout.strip()


def test_a_key_is_made_listed_rotated_and_ended(support: str) -> None:
    secret = made(support, "keys", "create", *P, "--name", "billing", "--scope", "items:submit", "--expires", "90d")
    prefix = secret[:15]
    (line,) = [line for line in run(support, "keys", "list", *P).stdout.splitlines() if line.startswith(prefix)]
    assert line.split("\t")[1:4] == ["billing", "active", "service: items:submit, pools:all"]
    assert secret not in line
    rotated = run(support, "keys", "rotate", *P, "--overlap-hours", "2", prefix)
    assert re.fullmatch(KEY_FORM, rotated.stdout.strip())
    assert rotated.stderr.startswith("The old key counts until ")
    again = run(support, "keys", "rotate", *P, prefix)
    assert (again.exit_code, again.stdout) == (1, "")
    assert "is rotated, so it cannot be rotated" in again.stderr
    assert run(support, "keys", "revoke", *P, prefix).exit_code == 0
    states = [line.split("\t")[2] for line in run(support, "keys", "list", *P).stdout.splitlines()]
    assert sorted(states) == ["active", "active", "revoked"]


def test_a_token_is_made_listed_and_ended(support: str) -> None:
    mine = (*P, "--user", "lea@example.com")
    secret = made(support, "tokens", "create", *mine, "--name", "laptop", "--expires", "30d")
    listed = run(support, "tokens", "list", *mine).stdout.splitlines()
    assert [line.split("\t")[1] for line in listed] == ["laptop", "test"]
    assert all(line.endswith("\tlea@example.com") for line in listed)
    assert run(support, "tokens", "revoke", *P, secret[:15].removeprefix("cs_")).stderr == "laptop has ended.\n"


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (("keys", "create", "--name", "x", "--expires", "soon"), 2, "is no duration"),
        (("keys", "create", "--name", "x", "--role", "king"), 1, "is no role of this project"),
        (("keys", "create", "--name", "x", "--scope", "items:fly"), 1, "scopes[0]: is no permission"),
        (("keys", "create", "--name", "x", "--role", "reviewer"), 1, "does not carry pools:all"),
        (("tokens", "create", "--user", "lea@example.com", "--name", "x", "--expires", "366d"), 1, "365 days"),
        (("keys", "revoke", "cs_nowhere"), 1, "has no key that begins with cs_nowhere"),
        (("users", "set-role", "--email", "nobody@example.com", "--role", "lead"), 1, "nothing was changed"),
        (("users", "set-role", "--email", "ana@example.com", "--role", "service"), 1, "is for keys alone"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    support: str, arguments: tuple[str, ...], status: int, told: str
) -> None:
    outcome = run(support, *arguments, *P)
    assert (outcome.exit_code, outcome.stdout) == (status, "")
    assert told in outcome.stderr


def test_somebody_gets_another_role(support: str) -> None:
    outcome = run(support, "users", "set-role", *P, "--email", "Ana@example.com", "--role", "lead")
    assert (outcome.exit_code, outcome.stderr) == (0, "ana@example.com is now lead in support.\n")
