"""What the checks refuse, warn of and let pass, fact by fact."""

import base64
import os
from dataclasses import replace
from datetime import date, timedelta

import msgspec
import pytest

from review.kernel.checks import Finding, Level, probes, rules, settings_rules
from review.kernel.checks.rules import DatabaseFacts, MachineFacts
from review.kernel.settings import Settings

TODAY = date(2026, 11, 27)
SOUND = DatabaseFacts(
    version=180_000,
    role="countersign",
    is_superuser=False,
    bypasses_row_security=False,
    unsafe=(),
    revision="0021",
    is_behind=False,
    is_ahead=False,
    skew=timedelta(seconds=1),
)
MACHINE = MachineFacts(
    data_mode=0o40700, free_bytes=100 * 1024**3, zones="2026b", zones_of=date(2026, 4, 1), today=TODAY
)


def key(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()


SAFE = Settings(
    database_url="postgresql://countersign:0f8fad5bd9cb469fa165@db/countersign",
    redis_url="redis://:7c9e6679742540de944be07fc1f90ae7@cache/0",
    secret_key=key(os.urandom(32)),
    base_url="https://review.example.com",
    secure_cookies=True,
    host="0.0.0.0",  # noqa: S104  what containers listen on
)


def levels(found: list[Finding]) -> dict[str, Level]:
    return {each.check: each.level for each in found if each.level is not Level.OK}


def of(**changed: object) -> dict[str, Level]:
    return levels(settings_rules.of_settings(msgspec.structs.replace(SAFE, **changed)))


def test_what_is_in_order_is_let_pass() -> None:
    assert of() == {}
    assert levels(rules.of_database(SOUND, SAFE)) == {}
    assert levels(rules.of_machine(MACHINE)) == {}


@pytest.mark.parametrize(
    "password",
    [
        "countersign",
        "review",
        "postgres",
        "changeme",
        "ChangeMe123",
        "secret!",
        "password2026",
        "short",
        "aaaaaaaaaaaaaaaa",
    ],
)
def test_a_database_password_that_is_guessed_is_refused_and_not_told(password: str) -> None:
    url = f"postgresql://countersign:{password}@db/review"
    found = settings_rules.of_settings(msgspec.structs.replace(SAFE, database_url=url))
    assert levels(found) == {"database password": Level.REFUSED}
    told = " ".join(each.said + each.remedy for each in found if each.check == "database password")
    assert password not in told.replace("openssl rand", "")


@pytest.mark.parametrize("url", ["postgresql:///review?host=/run/postgresql", "postgresql://countersign@db/review"])
def test_a_database_that_knows_us_in_another_way_needs_no_password(url: str) -> None:
    assert of(database_url=url) == {}


MADE_UP = [
    bytes(32),
    b"\xff" * 32,
    b"0123456789abcdef" * 2,
    b"secret" * 5 + b"se",
    b"a-passphrase-of-thirty-two-bytes",
    bytes(range(32)),
    bytes(range(255, 223, -1)),
    bytes(range(0, 64, 2)),
    os.urandom(8) * 4,
]


@pytest.mark.parametrize("raw", MADE_UP, ids=range(len(MADE_UP)))
def test_a_sealing_key_that_is_made_up_is_refused_wherever_it_stands(raw: bytes) -> None:
    assert of(secret_key=key(raw)) == {"sealing key": Level.REFUSED}
    assert of(secret_key=f"{SAFE.secret_key}, {key(raw)}") == {"sealing key": Level.REFUSED}


def test_a_random_key_is_never_taken_for_a_made_up_one() -> None:
    for _ in range(1_000):
        assert of(secret_key=key(os.urandom(32))) == {}


def test_without_a_key_secrets_would_be_stored_as_they_are() -> None:
    assert of(secret_key="") == {"sealing key": Level.REFUSED}


def test_an_address_that_others_reach_needs_tls_or_a_word() -> None:
    clear = {"base_url": "http://review.example.com", "secure_cookies": False}
    assert of(**clear) == {"encryption": Level.REFUSED}
    assert of(**clear, host="::") == {"encryption": Level.REFUSED}
    assert of(**clear, allow_plain_http=True) == {"encryption": Level.WARNING}
    assert of(secure_cookies=False) == {"encryption": Level.REFUSED}, "cookies would go in the clear"
    assert of(base_url="http://review.example.com") == {"encryption": Level.REFUSED, "cookies": Level.WARNING}
    for host in ("127.0.0.1", "127.8.8.8", "::1", "localhost"):
        assert of(base_url="", secure_cookies=False, host=host) == {}
    assert of(secure_cookies=False, host="127.0.0.1") == {"encryption": Level.WARNING}


@pytest.mark.parametrize("url", ["redis://cache:6379/0", "rediss://10.0.0.3/0", "redis://:redis@cache/0"])
def test_a_redis_that_others_reach_needs_a_password(url: str) -> None:
    assert of(redis_url=url) == {"redis": Level.WARNING}


@pytest.mark.parametrize(
    "url", ["redis://localhost/0", "redis://127.0.0.1:6379/0", "redis://[::1]/0", "unix:///run/r.sock"]
)
def test_a_redis_of_this_machine_needs_none(url: str) -> None:
    assert of(redis_url=url) == {}


def test_mail_that_is_set_halfway_and_webhooks_in_the_clear_are_told() -> None:
    assert of(smtp_url="smtp://mail") == of(smtp_sender="a@example.com") == {"mail": Level.WARNING}
    assert of(smtp_url="smtp://mail", smtp_sender="a@example.com") == {}
    assert of(webhook_allow_http=True) == {"webhooks": Level.WARNING}


def test_the_embedded_default_is_let_pass_as_it_is() -> None:
    embedded = Settings(database_url="postgresql:///x?host=/s", redis_url="unix:///s", secret_key="")
    assert levels(settings_rules.of_settings(embedded, is_embedded=True)) == {}
    assert levels(rules.of_database(replace(SOUND, is_superuser=True), embedded, is_embedded=True)) == {}


@pytest.mark.parametrize(
    ("facts", "check", "level"),
    [
        (replace(SOUND, version=140_012), "database", Level.REFUSED),
        (replace(SOUND, revision=None, is_behind=True), "migrations", Level.REFUSED),
        (replace(SOUND, revision="9999", is_ahead=True), "migrations", Level.WARNING),
        (replace(SOUND, is_superuser=True), "database role", Level.REFUSED),
        (replace(SOUND, bypasses_row_security=True), "database role", Level.REFUSED),
        (replace(SOUND, unsafe=("fsync",)), "durability", Level.REFUSED),
        (replace(SOUND, skew=timedelta(minutes=6)), "clock", Level.WARNING),
        (replace(SOUND, skew=timedelta(minutes=-6)), "clock", Level.WARNING),
    ],
)
def test_a_database_is_judged_by_what_it_says(facts: DatabaseFacts, check: str, level: Level) -> None:
    found = rules.of_database(facts, SAFE)
    assert levels(found) == {check: level}
    assert all(each.remedy for each in found if each.level is not Level.OK)


def test_who_must_may_run_as_a_superuser_or_lose_data_and_is_told_so() -> None:
    facts = replace(SOUND, is_superuser=True, unsafe=("fsync", "full_page_writes"))
    allowed = msgspec.structs.replace(SAFE, allow_superuser=True, allow_data_loss=True)
    assert levels(rules.of_database(facts, allowed)) == {"database role": Level.WARNING, "durability": Level.WARNING}
    half = msgspec.structs.replace(SAFE, allow_superuser=True)
    assert levels(rules.of_database(facts, half))["durability"] is Level.REFUSED


@pytest.mark.parametrize(
    ("facts", "check", "level"),
    [
        (replace(MACHINE, data_mode=0o40755), "data directory", Level.WARNING),
        (replace(MACHINE, free_bytes=1024**3), "disk space", Level.WARNING),
        (replace(MACHINE, free_bytes=1024**2), "disk space", Level.REFUSED),
        (replace(MACHINE, zones="2024a", zones_of=date(2024, 2, 1)), "time zones", Level.WARNING),
        (replace(MACHINE, zones="", zones_of=None), "time zones", Level.WARNING),
    ],
)
def test_a_machine_is_judged_by_what_it_is_like(facts: MachineFacts, check: str, level: Level) -> None:
    assert levels(rules.of_machine(facts)) == {check: level}


@pytest.mark.parametrize(
    ("release", "made"),
    [("2026a", date(2026, 2, 1)), ("2026.1", date(2026, 2, 1)), ("2025j", date(2025, 12, 1)), ("", None), ("x", None)],
)
def test_a_release_of_time_zones_tells_its_age(release: str, made: date | None) -> None:
    assert probes.release_date(release) == made
