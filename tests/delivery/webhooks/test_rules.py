"""The schedule, the breaker, throttling and signatures, by themselves."""

import base64
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from review.delivery.egress.rules import Answer
from review.delivery.webhooks import rules, signing
from review.delivery.webhooks.rules import Health
from review.delivery.webhooks.signing import Kind

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def answer(status: int | None = 500, error: str | None = None, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, headers=named, excerpt="", seconds=0.1, error=error)


def test_the_schedule_is_the_specifications() -> None:
    assert len(rules.DELAYS) == 10
    assert sum(rules.DELAYS, timedelta(0)) == timedelta(hours=75, minutes=35, seconds=5)


@given(st.integers(0, 2**32))
def test_every_wait_is_within_a_tenth_of_its_delay(seed: int) -> None:
    for tries in range(1, 10):
        at = rules.next_attempt(tries, NOW, Random(seed))
        assert at is not None
        assert rules.DELAYS[tries] * 0.9 <= at - NOW <= rules.DELAYS[tries] * 1.1
    assert rules.next_attempt(10, NOW, Random(seed)) is None
    assert rules.next_attempt(11, NOW, Random(seed)) is None


def test_five_failures_in_a_row_open_the_breaker_and_each_failed_probe_doubles_the_rest() -> None:
    health, now, rests = Health(), NOW, list[timedelta]()
    for _ in range(4):
        health = rules.after(health, answer(), now)
        assert rules.room_of(health, 10, 0, now) == 10
    while len(rests) < 8:
        health = rules.after(health, answer(), now)
        assert health.resting_until is not None
        assert health.because is not None
        rests.append(health.resting_until - now)
        assert rules.room_of(health, 10, 0, now) == 0
        assert rules.after(health, answer(), now) == health, "what comes in meanwhile was sent before"
        now = health.resting_until
        assert (rules.room_of(health, 10, 0, now), rules.room_of(health, 10, 1, now)) == (1, 0)
    assert [rest / SECOND for rest in rests] == [30, 60, 120, 240, 480, 900, 900, 900]
    assert rules.after(health, answer(204), now) == Health()


def test_a_success_between_failures_starts_the_count_again() -> None:
    health = Health()
    for status in (500, 500, 500, 500, 200, 500, 500, 500, 500):
        health = rules.after(health, answer(status), NOW)
    assert (health.failures, health.resting_until) == (4, None)


@pytest.mark.parametrize(
    ("value", "rest"),
    [
        ("120", 2 * MINUTE),
        ("0", None),
        ("86400", timedelta(hours=1)),
        ("99999999999999999999", timedelta(hours=1)),
        ("Sat, 21 Nov 2026 12:05:00 GMT", 5 * MINUTE),
        ("Sat, 21 Nov 2026 11:00:00 GMT", None),
        ("soon", 30 * SECOND),
        ("-5", 30 * SECOND),
        ("", 30 * SECOND),
        ("Sat, 99 Nov 99999 99:99:99", 30 * SECOND),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_receiver_that_asks_for_a_rest_gets_it_up_to_an_hour(status: int, value: str, rest: timedelta | None) -> None:
    health = rules.after(Health(), answer(status, retry_after=value), NOW)
    assert health.resting_until == (NOW + rest if rest is not None else None)
    assert rules.after(Health(), answer(500, retry_after="120"), NOW).resting_until is None


def test_a_short_rest_asked_for_does_not_shorten_the_breakers() -> None:
    health = Health(failures=9)
    rested = rules.after(health, answer(429, retry_after="1"), NOW)
    assert rested.resting_until == NOW + 15 * MINUTE


def test_an_hmac_signature_verifies_with_the_library() -> None:
    made = signing.new_secret(Kind.HMAC)
    assert made.secret.startswith("whsec_")
    assert len(base64.b64decode(made.secret.removeprefix("whsec_"))) == 32
    at = int(datetime.now(UTC).timestamp())
    head = signing.headers("e1", at, '{"a":"ü"}', [signing.signer(made.secret)])
    assert Webhook(made.secret).verify('{"a":"ü"}', head) == {"a": "ü"}
    assert head["webhook-timestamp"] == str(at)


def test_the_signature_is_that_of_the_specifications_example() -> None:
    """The test vector of the reference libraries."""
    sign = signing.signer("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_an_ed25519_signature_verifies_with_the_public_key_alone() -> None:
    made = signing.new_secret(Kind.ED25519)
    assert made.public_key is not None
    assert (made.secret[:5], made.public_key[:5]) == ("whsk_", "whpk_")
    head = signing.headers("e1", 7, "{}", [signing.signer(made.secret)])
    version, _, signature = head["webhook-signature"].partition(",")
    assert version == "v1a"
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(made.public_key.removeprefix("whpk_")))
    public.verify(base64.b64decode(signature), b"e1.7.{}")


def test_several_secrets_sign_side_by_side() -> None:
    made = [signing.new_secret(kind) for kind in (Kind.HMAC, Kind.ED25519, Kind.HMAC)]
    head = signing.headers("e1", 7, "{}", [signing.signer(each.secret) for each in made])
    assert [each.partition(",")[0] for each in head["webhook-signature"].split(" ")] == ["v1", "v1a", "v1"]
